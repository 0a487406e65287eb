"""What a home's delays are, which device would shorten them, and what each one carries."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
import pytest

from detectors.home import HomeWatch
from detectors.kinds.inactivity.detector import WIDER
from detectors.kinds.inactivity.rule import CAP
from detectors.outlook.advice import Change, Estimate, Idea, Window
from detectors.outlook.delays import TOO_LONG, Budget, Limits, Part, Reach, budget_of, first_contact, limits_of
from detectors.outlook.past import Past, Said, past_of
from domain.clock import DAY, HOUR, MINUTE, Span
from domain.ids import DeviceId
from domain.localtime import LocalTime
from domain.readings import Device, Quantity, Reading, Vouch
from tests.detectors.homes import AIR, DOOR, GATEWAY, HOME, KITCHEN, LIVING, T0, ZONE, Script, run

BEDROOM = Device(DeviceId("bedroom"), Quantity.MOTION, "bedroom")
HALL = Device(DeviceId("hall"), Quantity.MOTION, "hall")
BED = Device(DeviceId("bed"), Quantity.BED, "bedroom")
LOCAL = LocalTime(ZONE)
END = T0 + 28 * DAY


def sign(device: Device, at: int) -> Said:
    return (at, device.id, device.kind, 1.0)


def every(step: Span, device: Device, first: Span, last: Span, days: int = 28) -> list[Said]:
    """``device`` speaks every ``step`` from ``first`` to ``last`` of each day."""
    return [sign(device, T0 + day * DAY + at) for day in range(days) for at in range(first, last, step)]


def past(
    signs: Iterable[Said], devices: Sequence[Device], covered: Sequence[tuple[int, int]] = ((T0, END),), end: int = END
) -> Past:
    return past_of(signs, {device.id: device for device in devices}, LOCAL, covered, end)


def level(page: Span, prompt: Span | None = None) -> Limits:
    return Limits((page,) * 96, (prompt or page,) * 96)


def lay_out(signs: Iterable[Said], devices: Sequence[Device], limits: Limits | None = None) -> Budget:
    return budget_of(past(signs, devices), limits or level(2 * HOUR))


def test_right_after_a_movement_all_of_the_limit_is_still_to_come() -> None:
    limits = Limits(tuple(HOUR + quarter * MINUTE for quarter in range(96)), (30 * MINUTE,) * 96)
    cells = lay_out(every(DAY, LIVING, 12 * HOUR, 13 * HOUR), [LIVING], limits).by_hour["living"]
    assert (cells[12].page, cells[12].prompt, cells[12].signs) == (HOUR + 48 * MINUTE, 30 * MINUTE, 28)
    assert cells[12].reach is Reach.NOTICED
    assert cells[13].reach is Reach.NEVER_SEEN


def test_nobody_is_asked_in_the_middle_of_the_night_nor_just_before_a_page() -> None:
    limits = Limits((5 * HOUR,) * 96, (4 * HOUR,) * 40 + (5 * HOUR - MINUTE,) * 20 + (4 * HOUR,) * 36)
    signs = [s for hour in (8, 12, 21) for s in every(DAY, LIVING, hour * HOUR, (hour + 1) * HOUR)]
    cells = lay_out(signs, [LIVING], limits).by_hour["living"]
    asked = {hour: cells[hour].prompt for hour in (8, 12, 21)}
    assert asked == {8: 4 * HOUR, 12: 5 * HOUR, 21: 5 * HOUR}, (
        "at 12 the page is as good as due, at 1 in the night people sleep"
    )
    assert limits.first[4 * 8] == 4 * HOUR
    assert limits.first[4 * 21] == 5 * HOUR
    assert limits.asks_first


def test_the_first_contact_is_the_one_that_the_detector_plans() -> None:
    """The rule is the detector's own; this holds the two together."""
    script = Script()
    script.live(8)
    watch, before = HomeWatch(HOME, ZONE), T0 + 8 * DAY
    run(watch, script.items(before, period=HOUR))
    for hour in range(24):
        at = T0 + 8 * DAY + hour * HOUR + 7 * MINUTE
        watch.take([Reading(HOME, LIVING.id, LIVING.kind, 1.0, at, at, GATEWAY, "e", 10**6 + hour)])
        watch.take([Vouch(HOME, GATEWAY, at, ((before, at),), (), at, at)])
        before = at
        limits, state = limits_of(watch.inactivity), watch.inactivity.snapshot()
        planned = min(span - at for span in (state["asks_at"], state["deadline"]) if span is not None)
        quarter = LOCAL.wall(at) // (15 * MINUTE) % 96
        page, prompt = (np.array([spans[quarter]]) for spans in (limits.page, limits.prompt))
        assert planned == first_contact(np.array([LOCAL.wall(at)]), page, prompt)[0], hour


def test_at_any_moment_the_part_of_the_silence_that_has_passed_is_not_waited_for_again() -> None:
    budget = lay_out(every(HOUR, LIVING, 0, DAY), [LIVING], level(2 * HOUR))
    moment = budget.moments[Part.DAY]
    assert moment.page == 2 * HOUR - 22 * MINUTE, "0, 15, 30 or 45 minutes have passed; whole minutes"
    assert moment.page_90 == 2 * HOUR
    assert (moment.out, moment.unseen) == (0.0, 0.0)


def test_a_room_by_the_door_is_taken_for_out_and_said_to_be() -> None:
    signs = every(HOUR, LIVING, 7 * HOUR, 21 * HOUR) + every(DAY, DOOR, 11 * HOUR - MINUTE, 12 * HOUR)
    budget = lay_out(signs, [LIVING, DOOR])
    assert budget.by_part["entrance"][Part.DAY].reach is Reach.TAKEN_FOR_OUT
    assert budget.by_part["entrance"][Part.NIGHT].reach is Reach.NEVER_SEEN
    living = budget.by_hour["living"][11]
    assert living.out == 1.0, "the movement at 11 stands a minute after the door's"
    assert budget.moments[Part.DAY].out == pytest.approx(1 / 6, abs=0.01)


def test_soon_after_the_door_the_wider_limit_is_waited_for() -> None:
    signs = every(DAY, DOOR, 11 * HOUR, 12 * HOUR) + every(DAY, LIVING, 11 * HOUR + 5 * MINUTE, 12 * HOUR)
    assert lay_out(signs, [LIVING, DOOR]).by_hour["living"][11].page == min(CAP, WIDER * 2 * HOUR)


def test_a_delay_of_eight_hours_or_more_is_not_detectable_and_its_hours_are_named() -> None:
    limits = Limits(tuple(10 * HOUR if quarter < 20 else HOUR for quarter in range(96)), (HOUR,) * 96)
    budget = lay_out(every(HOUR, LIVING, 0, DAY), [LIVING], limits)
    assert budget.by_hour["living"][3].reach is Reach.TOO_LATE
    assert budget.blank_hours == [0, 1, 2, 3, 4]
    assert budget.best is not None
    assert budget.worst is not None
    assert (budget.best.page, budget.worst.page >= TOO_LONG) == (HOUR, True)


def test_time_that_nobody_vouched_for_is_told_and_not_counted() -> None:
    half = [(T0 + day * DAY, T0 + day * DAY + 13 * HOUR) for day in range(28)]
    seen = past(every(HOUR, LIVING, 0, DAY), [LIVING], half)
    moment = budget_of(seen, level(2 * HOUR)).moments[Part.DAY]
    assert moment.unseen == pytest.approx(0.5, abs=0.01)
    assert not seen.seen[14], "the silence after 14 o'clock"
    assert seen.seen[9]


def test_a_home_of_which_nothing_is_known_has_limits_and_nothing_else() -> None:
    budget = lay_out([], [LIVING])
    assert budget.best is None
    assert {cell.reach for cell in budget.by_hour["living"]} == {Reach.NEVER_SEEN}
    assert budget.moments[Part.NIGHT].page is None
    estimate = Estimate(past([], [LIVING]), [HOUR] * 24)
    assert (estimate.known, estimate.advice(), estimate.losses()) == (False, [], [])


# ---- one device more, one less ---------------------------------------------------------------------------------------


def estimate(signs: Iterable[Said], devices: Sequence[Device], limit: Span = 3 * HOUR) -> Estimate:
    return Estimate(past(signs, devices), [limit] * 24)


NIGHTS = every(20 * MINUTE, BEDROOM, 0, 7 * HOUR) + every(20 * MINUTE, BEDROOM, 22 * HOUR, DAY)
"""Nights in which something is seen three times an hour."""


def awake(device: Device, step: Span = 10 * MINUTE) -> list[Said]:
    return every(step, device, 7 * HOUR, 22 * HOUR)


def test_long_nights_ask_for_something_in_the_bedroom_and_then_for_a_bed_sensor() -> None:
    up_at_night = every(3 * HOUR, KITCHEN, HOUR, 5 * HOUR)
    none = estimate(awake(LIVING) + up_at_night, [LIVING, KITCHEN]).advice()[0]
    assert none.idea is Idea.BEDROOM
    nights = awake(LIVING) + up_at_night + every(DAY, BEDROOM, 22 * HOUR, 23 * HOUR)
    (bed,) = estimate(nights, [LIVING, KITCHEN, BEDROOM]).advice()
    assert (bed.idea, bed.room) == (Idea.BED, "bedroom")
    before, after = bed.change.night
    assert before == 3 * HOUR
    assert after == pytest.approx(before * (1.5 + 0.5) / (3 + 0.5), abs=10 * MINUTE), "three hours become two halves"
    assert bed.concerned > bed.setting // 2
    assert estimate(nights, [LIVING, KITCHEN, BEDROOM, BED]).advice() == [], "there is one already"


def test_long_afternoons_in_one_room_ask_for_a_second_sensor_there_and_name_the_hours() -> None:
    signs = [s for s in awake(LIVING) if not 13 * HOUR < (s[0] - T0) % DAY < 16 * HOUR]
    signs += NIGHTS
    (advice,) = estimate(signs, [LIVING, BEDROOM, KITCHEN]).advice()
    assert (advice.idea, advice.room) == (Idea.SECOND_SENSOR, "living")
    window = advice.change.window
    assert window is not None
    assert (window.first, window.last) == (12, 15), "silences that begin within an hour of 13 o'clock"
    assert window.after == pytest.approx(window.before * (1.5 + 0.5) / (3 + 0.5), abs=10 * MINUTE)
    assert advice.change.night == (3 * HOUR, 3 * HOUR)


def test_silences_that_begin_and_end_in_the_hall_ask_for_a_door_sensor() -> None:
    signs = [s for s in awake(LIVING) if not 9 * HOUR <= (s[0] - T0) % DAY < 12 * HOUR]
    signs += every(DAY, HALL, 9 * HOUR, 10 * HOUR) + every(DAY, HALL, 12 * HOUR - MINUTE, 12 * HOUR)
    signs += NIGHTS
    door = estimate(signs, [LIVING, HALL, BEDROOM]).advice()[0]
    assert door.idea is Idea.EXIT_DOOR
    assert door.change.window is not None
    assert door.change.window.after < door.change.window.before


def test_a_home_whose_silences_are_short_everywhere_needs_nothing() -> None:
    signs = every(20 * MINUTE, LIVING, 0, DAY) + every(20 * MINUTE, BEDROOM, 5 * MINUTE, DAY)
    found = estimate(signs, [LIVING, BEDROOM])
    assert found.known
    assert found.advice() == []


def test_the_device_that_carries_most_comes_first_and_one_that_adds_nothing_costs_nothing() -> None:
    signs = awake(LIVING) + every(3 * HOUR, KITCHEN, 8 * HOUR, 21 * HOUR) + every(30 * MINUTE, BEDROOM, 0, 7 * HOUR)
    losses = estimate(signs, [LIVING, KITCHEN, BEDROOM, AIR]).losses()
    assert {loss.device for loss in losses} == {"living", "kitchen", "bedroom"}, "a thermometer tells of no life"
    by_device = {loss.device: loss for loss in losses}
    assert by_device[LIVING.id].change.day[1] > by_device[LIVING.id].change.day[0]
    assert by_device[BEDROOM.id].change.night[1] > by_device[BEDROOM.id].change.night[0]
    assert by_device[KITCHEN.id].change.factor == 1.0
    assert losses[-1].device == "kitchen"
    assert sum(loss.share for loss in losses) == pytest.approx(1.0, abs=0.01)


def test_without_its_door_sensor_absences_would_look_like_silences() -> None:
    signs = [s for s in awake(LIVING) if not 9 * HOUR <= (s[0] - T0) % DAY < 13 * HOUR]
    signs += every(DAY, DOOR, 9 * HOUR, 10 * HOUR) + every(DAY, DOOR, 13 * HOUR - MINUTE, 13 * HOUR)
    door = next(loss for loss in estimate(signs, [LIVING, DOOR]).losses() if loss.device == DOOR.id)
    assert door.change.window is not None
    assert door.change.window.after > 1.5 * door.change.window.before


def test_a_window_may_run_over_midnight() -> None:
    signs = awake(LIVING) + every(3 * HOUR, BEDROOM, HOUR, 5 * HOUR) + every(DAY, BEDROOM, 23 * HOUR, DAY)
    window = estimate(signs, [LIVING, BEDROOM]).advice()[0].change.window
    assert window is not None
    assert window.first > 12, window
    assert window.last > 24


def test_the_factor_weighs_day_and_night_by_their_hours() -> None:
    change = Change((2 * HOUR, HOUR), (6 * HOUR, 6 * HOUR), Window(6, 22, 2 * HOUR, HOUR))
    assert change.factor == pytest.approx((16 + 48) / (32 + 48))
