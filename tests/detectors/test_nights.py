"""Walking about at night."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from detectors.home import HomeWatch
from detectors.kinds.night_wandering.nights import Nights
from domain.clock import DAY, HOUR, MINUTE, Instant
from domain.findings import Ended, EndReason, Finding, FindingEvent, Level, Subject
from tests.detectors.homes import BATH, HOME, KITCHEN, LIVING, T0, ZONE, Script, findings, run

TONIGHT = T0 + 14 * DAY + 2 * HOUR


def a_fortnight() -> Script:
    """To bed at 21:00, to the toilet and back at 3:00."""
    script = Script()
    for day in range(14):
        at = T0 + day * DAY
        script.add(LIVING, at + 21 * HOUR)
        script.add(BATH, at + 3 * HOUR)
        script.add(LIVING, at + 3 * HOUR + 5 * MINUTE)
    return script


def walk(script: Script, at: Instant, changes: int, every: int = 2) -> None:
    for change in range(changes + 1):
        script.add((LIVING, KITCHEN)[change % 2], at + change * every * MINUTE)


def watch(script: Script, until: Instant, holes: Sequence[tuple[Instant, Instant]] = ()) -> list[FindingEvent]:
    return run(HomeWatch(HOME, ZONE), script.items(until, period=15 * MINUTE, holes=holes))


def wandering(events: Sequence[FindingEvent]) -> list[Finding]:
    return findings(events, "night_wandering")


def test_more_changes_of_room_than_any_night_of_this_home_prompt_and_end_after_a_quiet_hour() -> None:
    script = a_fortnight()
    walk(script, TONIGHT, 40)
    events = watch(script, TONIGHT + 8 * HOUR)
    (found,) = wandering(events)
    assert (found.level, found.subject) == (Level.PROMPT, Subject.PERSON)
    limit = found.evidence["room_changes_limit"]
    assert isinstance(limit, int)
    assert 24 <= limit <= 27
    assert (found.onset, found.raised_at) == (TONIGHT + 2 * MINUTE, TONIGHT + (limit + 1) * 2 * MINUTE)
    assert f"{limit + 1} changes of room within 90 minutes (kitchen, living)" in found.text_en
    assert f"部屋の移動が{limit + 1}回(kitchen、living)ありました" in found.text_ja
    (ended,) = [e for e in events if isinstance(e, Ended) and e.cause == "night_wandering"]
    assert (ended.finding, ended.reason) == (found.id, EndReason.ACTIVITY)
    assert ended.ended_at == TONIGHT + 2 * HOUR, "four o'clock"


@pytest.mark.parametrize(
    ("changes", "every", "at"),
    [
        pytest.param(23, 3, TONIGHT, id="not more than the limit"),
        pytest.param(30, 12, TONIGHT - HOUR, id="too slowly to be walking"),
        pytest.param(40, 2, TONIGHT + 4 * HOUR, id="in the morning"),
        pytest.param(40, 2, TONIGHT - 5 * HOUR, id="in the evening"),
    ],
)
def test_other_walks_say_nothing(changes: int, every: int, at: Instant) -> None:
    script = a_fortnight()
    walk(script, at, changes, every)
    assert wandering(watch(script, at + 10 * HOUR)) == []


def test_somebody_who_is_still_up_at_eleven_is_not_wandering_and_somebody_who_is_at_one_is() -> None:
    script = a_fortnight()
    for minute in range(30, 5 * 60, 15):
        script.add(LIVING, T0 + 14 * DAY - 3 * HOUR + minute * MINUTE)
    walk(script, T0 + 14 * DAY - 50 * MINUTE, 45, 1)
    assert wandering(watch(script, T0 + 14 * DAY + HOUR)) == []
    walk(script, TONIGHT - 30 * MINUTE, 40)
    assert len(wandering(watch(script, TONIGHT + 2 * HOUR))) == 1


def test_a_fourth_such_night_in_four_weeks_is_a_habit_and_one_finding_is_enough_for_a_night() -> None:
    script = a_fortnight()
    for night in range(4):
        walk(script, TONIGHT + night * DAY - 20 * MINUTE, 70, 1)
        walk(script, TONIGHT + night * DAY + 70 * MINUTE, 35, 1)
    found = wandering(watch(script, TONIGHT + 4 * DAY))
    assert [f.level for f in found] == [Level.PROMPT] * 3 + [Level.DIGEST]


def test_a_night_in_an_empty_home_and_a_night_that_was_not_seen_teach_nothing() -> None:
    home = HomeWatch(HOME, ZONE)
    script = a_fortnight()
    hole = (T0 + 6 * DAY + HOUR, T0 + 6 * DAY + 4 * HOUR)
    run(home, script.items(T0 + 13 * DAY + 6 * HOUR, period=15 * MINUTE, holes=[hole]))
    (detector,) = [d for d in home._detectors if d.name == "night_wandering"]
    assert len(detector.snapshot()["nights"]) == 12, (
        "fourteen, without the first, which began unseen, and the blind one"
    )


def test_the_limit_is_wide_before_the_nights_are_known_and_follows_a_restless_home() -> None:
    nights = Nights(24)
    assert nights.limit() == 36
    for night in range(56):
        nights.learn(night, 2)
    assert nights.limit() == 24
    for night in range(56, 112):
        nights.learn(night, 10 + night % 5)
    assert 36 < nights.limit() < 44
    assert len(nights.snapshot()) == 56
