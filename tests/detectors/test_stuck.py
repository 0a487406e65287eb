"""Sensors that still speak, and no longer tell what happens."""

from __future__ import annotations

import random

import pytest

from detectors.home import HomeWatch
from detectors.kinds.device_stuck.detector import DeviceStuck
from detectors.kinds.inactivity.rule import CAP
from domain.clock import DAY, HOUR, MINUTE, SECOND, Instant
from domain.findings import Ended, EndReason, Finding, FindingEvent, Level, Subject
from domain.ids import DeviceId
from domain.readings import Device, DoorState, Quantity, Reading
from tests.detectors.homes import (
    AIR,
    BATH,
    DEVICES,
    DOOR,
    GATEWAY,
    HOME,
    KITCHEN,
    LIVING,
    T0,
    ZONE,
    Script,
    findings,
    hello,
    run,
)

OTHER_AIR = Device(DeviceId("bedroom-air"), Quantity.TEMPERATURE, "bedroom", check_in=20 * MINUTE)
INNER = Device(DeviceId("cupboard"), Quantity.DOOR, "kitchen", check_in=50 * MINUTE)
BROKEN = T0 + 10 * DAY + 20 * HOUR


def ordinary(days: int) -> Script:
    """Ordinary days, with the bathroom in them and a thermometer that does change."""
    script, rng = Script(), random.Random(5)
    script.live(days)
    for day in range(days):
        for hour in range(8, 22):
            script.add(BATH, T0 + day * DAY + hour * HOUR + rng.randrange(50) * MINUTE)
    script.readings = [r for r in script.readings if r.quantity is not Quantity.TEMPERATURE]
    for step in range(days * 72):
        script.add(AIR, T0 + step * 20 * MINUTE + SECOND, round(20 + rng.random(), 2))
    return script


def stuck(events: list[FindingEvent]) -> list[Finding]:
    return findings(events, "device_stuck")


def over(events: list[FindingEvent]) -> list[Ended]:
    return [e for e in events if isinstance(e, Ended) and e.cause.startswith("device_stuck")]


def watch(
    script: Script, until: Instant, devices: tuple[Device, ...] = DEVICES
) -> tuple[HomeWatch, list[FindingEvent]]:
    home, messages = HomeWatch(HOME, ZONE), script.items(until)
    messages[0] = (T0, [hello(devices)])
    return home, run(home, messages)


def chattering(home: HomeWatch) -> dict[DeviceId, Instant]:
    (detector,) = [d for d in home._detectors if isinstance(d, DeviceStuck)]
    return detector.chattering


def test_a_month_of_ordinary_days_says_nothing() -> None:
    home, events = watch(ordinary(30), T0 + 30 * DAY)
    assert stuck(events) == []
    assert chattering(home) == {}


def test_a_sensor_that_fires_all_night_is_stuck_after_six_hours_and_well_after_two_quiet_ones() -> None:
    script, rng = ordinary(13), random.Random(2)
    at, last = BROKEN, BROKEN + 12 * HOUR
    while at < last:
        script.add(LIVING, at)
        at += rng.randrange(60, 540) * SECOND
    home, events = watch(script, BROKEN + 12 * HOUR)
    (found,) = stuck(events)
    assert (found.subject, found.level, found.device) == (Subject.DEVICE, Level.PROMPT, LIVING.id)
    assert found.evidence["fault"] == "without_end"
    # While it is new every limit would be twice as wide; this one is known for ten days.
    assert 6 * HOUR <= found.raised_at - BROKEN <= 11 * HOUR
    assert chattering(home) == {LIVING.id: found.onset}
    assert "hour after hour" in found.text_en
    assert "反応し続け" in found.text_ja
    home, events = watch(script, T0 + 13 * DAY)
    assert chattering(home) == {}
    assert [(e.reason, e.finding) for e in over(events)] == [(EndReason.ACTIVITY, found.id)]


def test_a_sensor_that_fires_like_a_machine_is_stuck_however_rarely_it_does() -> None:
    script = ordinary(11)
    script.readings = [r for r in script.readings if r.device != KITCHEN.id or r.observed_at < T0 + 10 * DAY]
    for pulse in range(80):
        script.add(KITCHEN, T0 + 10 * DAY + pulse * 15 * MINUTE)
    home, events = watch(script, T0 + 10 * DAY + 20 * HOUR)
    (found,) = stuck(events)
    assert (found.evidence["fault"], found.evidence["every_s"]) == ("like_a_machine", 900.0)
    assert found.raised_at == found.onset + 18 * HOUR
    assert KITCHEN.id in chattering(home)


def test_a_sensor_that_fires_several_times_as_often_as_ever_is_stuck_after_three_hours() -> None:
    script, rng = ordinary(11), random.Random(3)
    for hour in range(5):
        for _ in range(8):  # bursts, with pauses longer than a run's between them
            first = T0 + 10 * DAY + (10 + hour) * HOUR + rng.randrange(4) * 14 * MINUTE
            for second in range(10):
                script.add(BATH, first + second * SECOND)
    _, events = watch(script, T0 + 10 * DAY + 16 * HOUR)
    (found,) = stuck(events)
    assert (found.device, found.evidence["fault"]) == (BATH.id, "too_often")
    assert found.raised_at - found.onset == 3 * HOUR


def test_a_thermometer_that_says_the_same_for_a_day_is_stuck_when_another_one_changes() -> None:
    script = ordinary(12)
    for step in range(12 * 72):
        warm = 21.5 if step > 10 * 72 else round(21 + (step % 17) / 10, 1)
        script.add(OTHER_AIR, T0 + step * 20 * MINUTE + 2 * SECOND, warm)
    _, events = watch(script, T0 + 12 * DAY, (*DEVICES, OTHER_AIR))
    (found,) = stuck(events)
    assert (found.device, found.evidence["fault"], found.evidence["temperature_c"]) == (OTHER_AIR.id, "flat", 21.5)
    assert 24 * HOUR <= found.raised_at - found.onset <= 24 * HOUR + 20 * MINUTE


def test_a_lone_thermometer_has_two_days_and_is_well_with_the_first_change() -> None:
    script = Script()
    script.live(4)
    script.add(AIR, T0 + 3 * DAY, 20.5)
    _, events = watch(script, T0 + 4 * DAY)
    (found,) = stuck(events)
    assert 48 * HOUR <= found.raised_at - found.onset <= 48 * HOUR + 20 * MINUTE
    assert [e.ended_at for e in over(events)] == [T0 + 3 * DAY]


def test_a_door_that_says_open_for_a_day_is_told_of_in_the_digest_and_an_outer_one_prompts() -> None:
    for door, level in ((INNER, Level.DIGEST), (DOOR, Level.PROMPT)):
        script = ordinary(13)
        for day in range(10):
            for hour in (9, 17):
                script.add(door, T0 + day * DAY + hour * HOUR, float(DoorState.OPEN))
                script.add(door, T0 + day * DAY + hour * HOUR + MINUTE, float(DoorState.CLOSED))
        script.add(door, BROKEN, float(DoorState.OPEN))
        script.add(door, BROKEN + 40 * HOUR, float(DoorState.CLOSED))
        _, events = watch(script, T0 + 13 * DAY, (*DEVICES, INNER))
        (found,) = [f for f in stuck(events) if f.device == door.id]
        assert (found.level, found.evidence["fault"], found.onset) == (level, "stays_on", BROKEN)
        assert 24 * HOUR < found.raised_at - found.onset <= 25 * HOUR
        assert [e.ended_at for e in over(events)] == [BROKEN + 40 * HOUR]


def covered(days: int, until: int) -> Script:
    """The sensor of the bathroom sees nothing after ten days, and checks in."""
    script = ordinary(days)
    script.readings = [r for r in script.readings if not (r.device == BATH.id and r.quantity is Quantity.MOTION
                                                          and T0 + 10 * DAY < r.observed_at < T0 + until * DAY)]  # fmt: skip
    return script


def test_a_sensor_that_sees_nothing_while_others_see_somebody_live_is_stuck_until_it_does() -> None:
    script = covered(16, 14)
    _, events = watch(script, T0 + 16 * DAY)
    (found,) = stuck(events)
    assert (found.device, found.level, found.evidence["fault"]) == (BATH.id, Level.PROMPT, "sees_nothing")
    assert DAY < found.raised_at - found.onset < 4 * DAY
    (ended,) = over(events)
    assert T0 + 14 * DAY < ended.ended_at < T0 + 15 * DAY


def test_what_came_late_shows_that_a_sensor_does_see_something() -> None:
    home, events = watch(covered(14, 14), T0 + 14 * DAY)
    (found,) = stuck(events)
    before = found.raised_at - HOUR
    late = Reading(HOME, BATH.id, Quantity.MOTION, 1.0, before, T0 + 14 * DAY, GATEWAY, "e", 999_999)
    assert [(e.finding, e.reason) for e in over(home.take([late]))] == [(found.id, EndReason.LATE_ACTIVITY)]


def test_a_home_that_nobody_lives_in_makes_no_sensor_stuck() -> None:
    script = ordinary(10)
    script.check_in(T0 + 10 * DAY, T0 + 24 * DAY, [d for d in DEVICES if d is not AIR])
    for stray in range(14):
        script.add(LIVING, T0 + 10 * DAY + stray * 23 * HOUR)
    _, events = watch(script, T0 + 24 * DAY)
    assert stuck(events) == []


def test_a_device_that_says_nothing_at_all_is_silent_and_not_stuck() -> None:
    script = covered(16, 16)
    script.readings = [r for r in script.readings if r.device != BATH.id or r.observed_at < T0 + 10 * DAY]
    _, events = watch(script, T0 + 16 * DAY)
    assert stuck(events) == []
    assert [f.device for f in findings(events, "device_silent")] == [BATH.id]


def test_a_sensor_that_fires_without_end_hides_no_collapse_for_ever() -> None:
    script, rng, fall = ordinary(12), random.Random(4), T0 + 10 * DAY + 9 * HOUR
    script.readings = [r for r in script.readings if r.quantity is not Quantity.MOTION or r.observed_at < fall]
    at = fall - HOUR
    while at < T0 + 11 * DAY + 12 * HOUR:
        script.add(LIVING, at)
        at += rng.randrange(60, 540) * SECOND
    home, events = watch(script, T0 + 11 * DAY + 12 * HOUR)
    (found,) = [f for f in stuck(events) if f.evidence["fault"] == "without_end"]
    assert home.context.evidence.last is not None
    assert home.context.evidence.last.at <= found.raised_at, "nothing of it is believed any more"
    (page,) = [f for f in findings(events, "inactivity") if f.level is Level.PAGE]
    assert found.raised_at < page.raised_at <= found.raised_at + CAP


def test_a_sensor_that_fires_without_end_pages_about_nobody_who_lives_on() -> None:
    script, rng = ordinary(13), random.Random(4)
    at = BROKEN
    while at < BROKEN + 30 * HOUR:
        script.add(KITCHEN, at)
        at += rng.randrange(60, 540) * SECOND
    home, events = watch(script, T0 + 13 * DAY)
    assert len(stuck(events)) == 1
    assert [f for f in findings(events) if f.subject is Subject.PERSON and f.level is Level.PAGE] == []
    assert HomeWatch.restore(home.snapshot()).snapshot() == home.snapshot()


def test_hours_that_nobody_vouched_for_count_for_nothing() -> None:
    script, home = covered(13, 13), HomeWatch(HOME, ZONE)
    events = run(home, script.items(T0 + 13 * DAY, holes=[(T0 + 10 * DAY, T0 + 13 * DAY - HOUR)]))
    assert stuck(events) == []


@pytest.mark.parametrize("setting", [{"chatter_hours": 0}, {"flat_hours": "long"}, {"speed": 1}])
def test_a_wrong_parameter_is_refused_in_one_sentence(setting: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="device_stuck"):
        HomeWatch(HOME, ZONE, {"device_stuck": setting})
