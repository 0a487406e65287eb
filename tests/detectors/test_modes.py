"""What staff say about a home: away until a date, back, a visitor."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from detectors.evidence.modes import GRACE, Over
from detectors.home import HomeWatch
from domain.clock import DAY, HOUR, MINUTE, SECOND, Instant
from domain.findings import Ended, EndReason, FindingEvent, Level, Subject
from domain.modes import TAKES, Mode, ModeEnd, ModeKind
from domain.readings import DoorState, Quantity
from domain.status import Resident
from tests.detectors.homes import AIR, DOOR, HOME, KITCHEN, LIVING, T0, ZONE, Script, findings, run

SAID = T0 + 8 * DAY + 10 * HOUR
"""When staff say it: on an ordinary morning after a week."""


def mode(kind: ModeKind = ModeKind.AWAY, days: float = 3, **more: object) -> Mode:
    fields = {"ended_at": None, "end": None, **more}
    return Mode(1, HOME, kind, SAID + TAKES, SAID + int(days * DAY), "", "hana", SAID, **fields)  # type: ignore[arg-type]


def out_at(moment: Instant) -> Script:
    """Ordinary days until ``moment``, at which the door moves."""
    script = Script()
    script.live(9, until=moment)
    script.check_in(moment, T0 + 16 * DAY)
    script.readings = [
        r for r in script.readings if r.observed_at < moment or r.quantity in (Quantity.LINK, Quantity.TEMPERATURE)
    ]
    script.add(LIVING, moment - 30 * SECOND)
    script.add(DOOR, moment, DoorState.MOVED)
    return script


def comes_home(script: Script, at: Instant) -> None:
    script.add(DOOR, at, DoorState.MOVED)
    for offset, device in ((20 * SECOND, LIVING), (3 * MINUTE, KITCHEN), (5 * MINUTE, LIVING), (12 * MINUTE, LIVING)):
        script.add(device, at + offset)


def watched(
    script: Script, end: Instant, *said: tuple[Instant, Sequence[Mode]]
) -> tuple[HomeWatch, list[FindingEvent]]:
    """Everything until ``end``; ``said`` is what the book held from which instant on."""
    watch, events, told = HomeWatch(HOME, ZONE), [], list(said)
    for now, items in script.items(end, period=10 * MINUTE):
        while told and told[0][0] <= now:
            watch.told(told.pop(0)[1])
        events += run(watch, [(now, items)])
    return watch, events


def about_the_person(events: list[FindingEvent]) -> list[str]:
    return [f"{f.kind} {f.level.value}" for f in findings(events) if f.subject is Subject.PERSON and f.raised_at > SAID]


def test_nothing_is_said_about_somebody_who_is_away_until_the_return_date_and_its_grace_have_passed() -> None:
    script = out_at(SAID + HOUR)
    watch, events = watched(script, SAID + 3 * DAY + GRACE - 11 * MINUTE, (SAID, [mode()]))
    assert about_the_person(events) == []
    assert watch.status(SAID).resident is Resident.AWAY
    _, events = watched(script, SAID + 3 * DAY + 4 * HOUR, (SAID, [mode()]))
    (asked,) = [f for f in findings(events, "not_returned") if f.raised_at > SAID]
    assert (asked.level, asked.raised_at) == (Level.PROMPT, SAID + 3 * DAY + GRACE)
    assert asked.evidence["expected"] == "2026-03-13T10:00:00+09:00"
    assert "Was expected back by" in asked.text_en
    assert "帰宅の予定" in asked.text_ja
    assert about_the_person(events) == ["not_returned prompt"], "and no page about a silence at home"


def test_without_a_word_from_staff_somebody_asks_after_a_day() -> None:
    """The control."""
    _, events = watched(out_at(SAID + HOUR), SAID + 2 * DAY)
    assert about_the_person(events) == ["not_returned prompt"]


def test_somebody_who_left_by_a_door_without_a_sensor_is_not_paged_either() -> None:
    script = out_at(SAID + HOUR)
    script.readings = [r for r in script.readings if r.device != DOOR.id]
    _, events = watched(script, SAID + 2 * DAY, (SAID, [mode()]))
    assert about_the_person(events) == []
    _, events = watched(script, SAID + 2 * DAY)
    assert "inactivity page" in about_the_person(events), "the control"


def test_a_mode_that_runs_out_says_so_once_for_the_book() -> None:
    watch, _ = watched(out_at(SAID + HOUR), SAID + 4 * DAY, (SAID, [mode()]))
    assert watch.modes_over == [Over(1, SAID + 3 * DAY, ModeEnd.EXPIRED)]


def test_life_in_an_empty_home_ends_the_absence_early_and_a_stray_does_not() -> None:
    script = out_at(SAID + HOUR)
    stray, back = SAID + DAY, SAID + 2 * DAY
    script.add(KITCHEN, stray)
    comes_home(script, back)
    watch, events = watched(script, back + 5 * HOUR, (SAID, [mode()]))
    assert watch.modes_over == [Over(1, back + 5 * MINUTE, ModeEnd.CAME_BACK)]
    assert any(said.startswith("inactivity") for said in about_the_person(events)), "a silence counts again"
    assert min(f.raised_at for f in findings(events, "inactivity") if f.raised_at > SAID) > back


def test_somebody_who_is_still_packing_does_not_end_it() -> None:
    script = out_at(SAID + 2 * HOUR)
    watch, events = watched(script, SAID + DAY, (SAID, [mode()]))
    assert watch.modes_over == []
    assert about_the_person(events) == []


def test_when_staff_say_back_silence_counts_again() -> None:
    over = SAID + 2 * DAY
    said = mode(ended_at=over, end=ModeEnd.BACK)
    watch, events = watched(out_at(SAID + HOUR), over + 5 * HOUR, (SAID, [mode()]), (over - TAKES, [said]))
    assert watch.modes_over == [], "what people end they write down themselves"
    (asked,) = [f for f in findings(events, "not_returned") if f.raised_at > SAID]
    assert (asked.onset, asked.raised_at) == (SAID + HOUR, over + GRACE), "back, they say, and nothing has moved"


def test_a_prompt_is_answered_by_the_word_that_somebody_is_away() -> None:
    later = SAID + 30 * HOUR
    said = Mode(1, HOME, ModeKind.HOSPITAL, later + TAKES, later + 5 * DAY, "", "hana", later)
    _, events = watched(out_at(SAID + HOUR), later + DAY, (later, [said]))
    (asked,) = [f for f in findings(events, "not_returned") if f.raised_at > SAID]
    (ended,) = [e for e in events if isinstance(e, Ended) and e.finding == asked.id]
    assert ended.reason is EndReason.WENT_OUT


def test_a_finding_about_the_room_that_still_stands_when_they_are_home_is_told_then() -> None:
    script = out_at(SAID + HOUR)
    back = SAID + 2 * DAY
    script.readings = [r for r in script.readings if r.quantity is not Quantity.TEMPERATURE or r.observed_at < SAID]
    for quarter in range(60 * 4):
        at = SAID + DAY + quarter * 15 * MINUTE + MINUTE
        script.add(AIR, at, 36.0)
        script.add(AIR, at, 75.0, Quantity.HUMIDITY)
    comes_home(script, back)
    for minute in range(10, 300, 4):
        script.add(LIVING, back + minute * MINUTE)
    _, events = watched(script, back + 4 * HOUR, (SAID, [mode()]))
    hot = [f for f in findings(events, "heat") if f.raised_at > SAID]
    assert hot
    assert all(f.raised_at >= back + GRACE for f in hot)
    assert max(f.level.rank for f in hot) == Level.PAGE.rank


def test_a_device_that_fails_while_nobody_is_home_is_told_at_once() -> None:
    script = out_at(SAID + HOUR)
    script.readings = [r for r in script.readings if r.device != KITCHEN.id or r.observed_at < SAID + 2 * HOUR]
    _, events = watched(script, SAID + DAY, (SAID, [mode()]))
    assert [f.device for f in findings(events, "device_silent")] == [KITCHEN.id]


def test_while_a_visitor_is_there_nothing_is_learnt_and_the_door_makes_nobody_go_out() -> None:
    script = out_at(SAID + HOUR)
    script.add(LIVING, SAID + HOUR + 90 * SECOND)
    said = mode(ModeKind.VISITOR, days=0.5)
    watch, events = watched(script, SAID + 14 * HOUR, (SAID, [said]))
    last = watch.context.evidence.last
    assert last is not None
    assert (last.company, last.teaches, last.may_be_out) == (True, False, False)
    assert "inactivity prompt" in about_the_person(events), "whoever left, the resident may lie there"
    assert watch.modes_over == [Over(1, SAID + DAY // 2, ModeEnd.EXPIRED)]
    _, events = watched(script, SAID + 14 * HOUR)
    assert about_the_person(events) == [], "the control: alone, it would have been the resident who left"


@pytest.mark.parametrize("hours", [1, 50, 80])
def test_a_restart_in_any_state_of_an_absence_changes_nothing(hours: int) -> None:
    script = out_at(SAID + HOUR)
    comes_home(script, SAID + 78 * HOUR)
    end = SAID + 90 * HOUR
    whole, expected = watched(script, end, (SAID, [mode()]))
    messages = script.items(end, period=10 * MINUTE)
    watch, events = HomeWatch(HOME, ZONE), []
    for now, items in messages:
        if now == SAID:
            watch.told([mode()])
        if now == SAID + hours * HOUR:
            watch = HomeWatch.restore(watch.snapshot())
            watch.told([mode()])
        events += run(watch, [(now, items)])
    assert events == expected
    assert watch.modes_over == whole.modes_over
    assert watch.snapshot() == whole.snapshot()


def test_however_the_messages_come_together_the_same_is_found() -> None:
    script = out_at(SAID + HOUR)
    script.readings = [r for r in script.readings if r.device != DOOR.id and r.quantity is not Quantity.TEMPERATURE]
    for quarter in range(60 * 4):
        at = SAID + DAY + quarter * 15 * MINUTE + 2 * MINUTE
        script.add(AIR, at, 36.0)
        script.add(AIR, at, 75.0, Quantity.HUMIDITY)
    comes_home(script, SAID + 50 * HOUR)
    messages = script.items(T0 + 12 * DAY, period=10 * MINUTE)
    found = []
    for together in (1, 60):
        watch, events = HomeWatch(HOME, ZONE), []
        watch.told([mode()])
        for first in range(0, len(messages), together):
            events += watch.take([item for _, items in messages[first : first + together] for item in items])
        found.append([e for e in events if not e.cause.startswith("gateway")])
    assert found[0] == found[1]
    assert {f.kind for f in findings(found[0]) if f.subject is Subject.PERSON and f.raised_at > SAID} >= {"heat"}


def test_what_was_said_and_taken_back_while_nobody_watched_holds_for_that_time_and_no_longer() -> None:
    over = SAID + 2 * DAY
    said = mode(ended_at=over, end=ModeEnd.BACK)
    _, live = watched(out_at(SAID + HOUR), over + 5 * HOUR, (SAID, [mode()]), (over - TAKES, [said]))
    _, caught_up = watched(out_at(SAID + HOUR), over + 5 * HOUR, (T0, [said]))
    assert caught_up == live
