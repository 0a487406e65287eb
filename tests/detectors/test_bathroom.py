"""Long stays in the bathroom."""

from __future__ import annotations

import pytest

from detectors.home import HomeWatch
from detectors.kinds.bathroom_long.detector import NIGHT_LEAST, UNLEARNT
from detectors.rooms import is_bath
from domain.clock import DAY, HOUR, MINUTE, Instant
from domain.findings import Ended, EndReason, FindingEvent, Level, Subject
from domain.ids import DeviceId
from domain.readings import Device, Quantity, RoomType
from tests.detectors.homes import BATH, DEVICES, HOME, LIVING, T0, ZONE, Script, findings, hello, run

BATHED = T0 + 30 * DAY + 19 * HOUR


def a_month_of_baths(minutes: int) -> Script:
    """One bath of ``minutes`` each evening, seen to begin in the bath and to end in the living room."""
    script = Script()
    for day in range(30):
        at = T0 + day * DAY + 19 * HOUR
        script.add(BATH, at)
        script.add(LIVING, at + minutes * MINUTE)
    return script


def room_named(name: str | None, room_type: RoomType | None = None) -> Device:
    return Device(DeviceId("d"), Quantity.MOTION, name, room_type=room_type)


def watch(script: Script, until: Instant, holes: list[tuple[Instant, Instant]] | None = None) -> list[FindingEvent]:
    return run(HomeWatch(HOME, ZONE), script.items(until, holes=holes or []))


@pytest.mark.parametrize("room", ["bath", "Bathroom 2", "toilet", "浴室", "お風呂", "トイレ", "洗面所"])
def test_rooms_in_which_people_fall_unseen_are_known_by_their_names(room: str) -> None:
    assert is_bath(room_named(room))
    assert not is_bath(room_named("living"))
    assert not is_bath(room_named(None))


@pytest.mark.parametrize("room", ["Badezimmer", "salle de bain", "욕실", "卫生间", "Ванная"])
def test_names_in_other_languages_are_known_too_and_a_type_goes_before_any_name(room: str) -> None:
    assert is_bath(room_named(room))
    assert is_bath(room_named("ふろ", RoomType.BATHROOM))
    assert not is_bath(room_named("bath house", RoomType.OTHER))


def at_night(script: Script, nights: int, *, seen_after: int) -> None:
    """Visits to the bathroom at two o'clock, after which somebody is seen ``seen_after`` minutes later."""
    for night in range(nights):
        script.add(BATH, T0 + night * DAY + 2 * HOUR)
        script.add(LIVING, T0 + night * DAY + 2 * HOUR + seen_after * MINUTE)


def test_a_stay_at_night_is_compared_with_those_at_night_and_has_a_wider_limit() -> None:
    script = a_month_of_baths(70)
    at_night(script, 30, seen_after=8)
    script.add(BATH, T0 + 30 * DAY + 2 * HOUR)
    (found,) = findings(watch(script, T0 + 30 * DAY + 12 * HOUR), "bathroom_long")
    assert found.raised_at - found.onset == NIGHT_LEAST


def test_where_somebody_goes_to_bed_unseen_a_stay_at_night_means_nothing_and_one_by_day_does() -> None:
    script = a_month_of_baths(70)
    at_night(script, 30, seen_after=290)
    script.add(BATH, T0 + 30 * DAY + 2 * HOUR)
    script.add(LIVING, T0 + 30 * DAY + 9 * HOUR)
    script.add(BATH, BATHED)
    (found,) = findings(watch(script, BATHED + 6 * HOUR), "bathroom_long")
    assert (found.onset, found.raised_at) == (BATHED, BATHED + 105 * MINUTE)


def test_in_a_home_that_is_new_a_stay_at_night_means_nothing_yet() -> None:
    script = Script()
    script.add(BATH, T0 + 2 * HOUR)
    script.add(LIVING, T0 + 8 * HOUR)
    assert findings(watch(script, T0 + DAY), "bathroom_long") == []


def test_a_stay_far_beyond_this_home_s_own_prompts_and_ends_when_somebody_is_seen_elsewhere() -> None:
    script = a_month_of_baths(70)
    script.add(BATH, BATHED)
    script.add(BATH, BATHED + 20 * MINUTE)  # still in there
    script.add(LIVING, BATHED + 2 * HOUR)
    events = watch(script, BATHED + 3 * HOUR)
    (found,) = findings(events, "bathroom_long")
    assert (found.level, found.subject, found.room) == (Level.PROMPT, Subject.PERSON, "bath")
    assert (found.onset, found.raised_at) == (BATHED, BATHED + 105 * MINUTE), "half as much again as seventy minutes"
    (ended,) = [e for e in events if isinstance(e, Ended) and e.cause == "bathroom_long"]
    assert (ended.reason, ended.ended_at) == (EndReason.ACTIVITY, BATHED + 2 * HOUR)


def test_a_usual_bath_says_nothing() -> None:
    assert findings(watch(a_month_of_baths(70), T0 + 31 * DAY), "bathroom_long") == []


def test_before_its_stays_are_known_the_limit_is_two_hours() -> None:
    script = Script()
    script.add(BATH, T0 + 19 * HOUR)
    (found,) = findings(watch(script, T0 + DAY), "bathroom_long")
    assert found.raised_at - found.onset == UNLEARNT


def test_where_people_leave_the_room_unseen_a_long_stay_means_nothing() -> None:
    script = a_month_of_baths(150)
    script.add(BATH, BATHED)
    events = watch(script, BATHED + 10 * HOUR)
    assert [f.onset for f in findings(events, "bathroom_long") if f.onset == BATHED] == []


def test_what_the_gateway_did_not_see_is_added_to_the_limit() -> None:
    script = a_month_of_baths(70)
    script.add(BATH, BATHED)
    hole = (BATHED + 10 * MINUTE, BATHED + 40 * MINUTE)
    (found,) = findings(watch(script, BATHED + 3 * HOUR, [hole]), "bathroom_long")
    assert found.raised_at >= BATHED + 130 * MINUTE


def test_a_room_whose_sensor_was_taken_away_holds_nobody() -> None:
    script = Script()
    script.add(BATH, T0 + 10 * HOUR)
    messages = script.items(T0 + 14 * HOUR)
    messages.append((T0 + 14 * HOUR, [hello([device for device in DEVICES if device is not BATH], T0 + 14 * HOUR)]))
    events = run(HomeWatch(HOME, ZONE), messages)
    assert len(findings(events, "bathroom_long")) == 1
    ended = [e.reason for e in events if isinstance(e, Ended) and e.cause == "bathroom_long"]
    assert ended == [EndReason.CONFIGURATION]
