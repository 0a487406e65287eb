"""Doors that stand open, doors at night, and batteries."""

from __future__ import annotations

from detectors.home import HomeWatch
from domain.clock import DAY, HOUR, MINUTE, SECOND, Instant
from domain.findings import Ended, EndReason, FindingEvent, Level, Subject
from domain.readings import DoorState, Quantity, Reading, Vouch
from tests.detectors.homes import DEVICES, DOOR, GATEWAY, HOME, KITCHEN, LIVING, T0, ZONE, Script, findings, hello, run

NIGHT = T0 + DAY + 2 * HOUR


def ended(events: list[FindingEvent], cause: str) -> list[tuple[EndReason, Instant]]:
    return [(e.reason, e.ended_at) for e in events if isinstance(e, Ended) and e.cause == cause]


def test_a_door_that_stands_open_for_half_an_hour_prompts_and_ends_when_it_is_closed() -> None:
    script = Script()
    script.add(DOOR, T0 + 16 * HOUR, DoorState.OPEN)
    script.add(DOOR, T0 + 17 * HOUR, DoorState.CLOSED)
    events = run(HomeWatch(HOME, ZONE), script.items(T0 + DAY))
    (found,) = findings(events, "door_left_open")
    assert (found.level, found.subject) == (Level.PROMPT, Subject.PERSON)
    assert (found.onset, found.raised_at) == (T0 + 16 * HOUR, T0 + 16 * HOUR + 30 * MINUTE)
    assert ended(events, "door_left_open:front") == [(EndReason.ACTIVITY, T0 + 17 * HOUR)]


def test_a_door_that_is_closed_in_time_and_one_that_only_moves_say_nothing() -> None:
    script = Script()
    script.add(DOOR, T0 + 16 * HOUR, DoorState.OPEN)
    script.add(DOOR, T0 + 16 * HOUR + 29 * MINUTE, DoorState.CLOSED)
    script.add(DOOR, T0 + 18 * HOUR, DoorState.MOVED)
    assert findings(run(HomeWatch(HOME, ZONE), script.items(T0 + DAY)), "door_left_open") == []


def test_a_closing_that_comes_late_ends_the_finding() -> None:
    script = Script()
    script.add(DOOR, T0 + 16 * HOUR, DoorState.OPEN)
    watch = HomeWatch(HOME, ZONE)
    run(watch, script.items(T0 + 17 * HOUR))
    closed = T0 + 16 * HOUR + 10 * MINUTE
    late = Reading(HOME, DOOR.id, Quantity.DOOR, DoorState.CLOSED, closed, T0 + 18 * HOUR, GATEWAY, "e", 99)
    assert ended(watch.take([late]), "door_left_open:front") == [(EndReason.LATE_ACTIVITY, closed)]


def test_going_out_at_night_and_not_coming_back_prompts_after_ten_minutes() -> None:
    script = Script()
    script.add(LIVING, NIGHT - 5 * MINUTE)
    script.add(DOOR, NIGHT, DoorState.OPEN)
    script.add(LIVING, NIGHT + 8 * SECOND)  # the sensor in the hall sees who leaves
    script.add(DOOR, NIGHT + 10 * SECOND, DoorState.CLOSED)
    script.add(DOOR, NIGHT + 50 * MINUTE, DoorState.OPEN)
    script.add(LIVING, NIGHT + 52 * MINUTE)
    events = run(HomeWatch(HOME, ZONE), script.items(T0 + 2 * DAY))
    (found,) = findings(events, "door_at_night")
    assert (found.level, found.onset, found.raised_at) == (Level.PROMPT, NIGHT, NIGHT + 10 * MINUTE)
    assert ended(events, "door_at_night") == [(EndReason.ACTIVITY, NIGHT + 52 * MINUTE)]


def test_somebody_who_only_looked_out_or_went_out_by_day_is_nobody_s_business() -> None:
    script = Script()
    script.add(DOOR, NIGHT, DoorState.OPEN)
    script.add(LIVING, NIGHT + 3 * MINUTE)
    script.add(DOOR, NIGHT + 12 * HOUR, DoorState.OPEN)
    assert findings(run(HomeWatch(HOME, ZONE), script.items(T0 + 2 * DAY)), "door_at_night") == []


def test_whoever_locks_the_door_and_is_seen_in_another_room_has_gone_to_bed() -> None:
    script = Script()
    script.add(KITCHEN, NIGHT - MINUTE)
    script.add(DOOR, NIGHT, DoorState.OPEN)
    script.add(DOOR, NIGHT + 5 * SECOND, DoorState.CLOSED)
    script.add(LIVING, NIGHT + 30 * SECOND)
    assert findings(run(HomeWatch(HOME, ZONE), script.items(T0 + 2 * DAY)), "door_at_night") == []
    script.readings[-1] = script.readings[-1]._replace(device=KITCHEN.id)  # which the way out leads past
    assert len(findings(run(HomeWatch(HOME, ZONE), script.items(T0 + 2 * DAY)), "door_at_night")) == 1


def test_late_in_the_evening_somebody_who_was_up_may_stay_out_for_half_an_hour() -> None:
    evening = T0 + 23 * HOUR + 10 * MINUTE
    for up, wait in ((5 * MINUTE, 30 * MINUTE), (50 * MINUTE, 10 * MINUTE)):
        script = Script()
        script.add(LIVING, evening - up)
        script.add(DOOR, evening, DoorState.MOVED)
        (found,) = findings(run(HomeWatch(HOME, ZONE), script.items(T0 + 2 * DAY)), "door_at_night")
        assert found.raised_at - found.onset == wait


def test_what_happens_every_night_is_a_habit_and_goes_into_the_digest() -> None:
    script = Script()
    for day in range(6):
        out = T0 + day * DAY + 2 * HOUR
        script.add(DOOR, out, DoorState.OPEN)
        script.add(DOOR, out + 20 * SECOND, DoorState.CLOSED)
        script.add(LIVING, out + HOUR)
    events = run(HomeWatch(HOME, ZONE), script.items(T0 + 6 * DAY))
    assert [f.level for f in findings(events, "door_at_night")] == [Level.PROMPT] * 2 + [Level.DIGEST] * 4


def test_while_the_gateway_is_away_nobody_is_said_to_be_out() -> None:
    script = Script()
    script.add(DOOR, NIGHT, DoorState.OPEN)
    hole = (NIGHT + MINUTE, NIGHT + 2 * HOUR)
    events = run(HomeWatch(HOME, ZONE), script.items(NIGHT + 2 * HOUR + 5 * MINUTE, holes=[hole]))
    assert findings(events, "door_at_night") == []


def test_a_battery_is_told_once_rises_in_level_and_ends_with_a_new_one() -> None:
    script = Script()
    for day, percent in enumerate((40.0, 15.0, 14.0, 5.0, 4.0, 100.0, 99.0)):
        script.add(LIVING, T0 + day * DAY + HOUR, percent, Quantity.BATTERY)
    events = run(HomeWatch(HOME, ZONE), script.items(T0 + 7 * DAY))
    told = [(f.level, f.onset, f.subject) for f in findings(events, "battery_low")]
    assert told == [
        (Level.DIGEST, T0 + DAY + HOUR, Subject.DEVICE),
        (Level.PROMPT, T0 + 3 * DAY + HOUR, Subject.DEVICE),
    ]
    assert ended(events, "battery_low:living") == [
        (EndReason.REPLACED, T0 + 3 * DAY + HOUR),
        (EndReason.ACTIVITY, T0 + 5 * DAY + HOUR),
    ]


def test_what_is_taken_away_is_no_matter_any_more() -> None:
    script = Script()
    script.add(LIVING, T0 + HOUR, 3.0, Quantity.BATTERY)
    script.add(DOOR, T0 + HOUR, DoorState.OPEN)
    messages = script.items(T0 + 3 * HOUR)
    rest = [device for device in DEVICES if device not in {LIVING, DOOR}]
    messages.append((T0 + 3 * HOUR, [hello(rest, T0 + 3 * HOUR)]))
    messages.append(
        (T0 + 4 * HOUR, [Vouch(HOME, GATEWAY, T0 + 4 * HOUR, ((T0 + 3 * HOUR, T0 + 4 * HOUR),), (), T0 + 4 * HOUR, T0)])
    )
    events = run(HomeWatch(HOME, ZONE), messages)
    for cause in ("battery_low:living", "door_left_open:front", "door_at_night"):
        assert [reason for reason, _ in ended(events, cause)] == [EndReason.CONFIGURATION]
