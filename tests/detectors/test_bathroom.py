"""Long stays in the bathroom."""

from __future__ import annotations

import pytest

from detectors.home import HomeWatch
from detectors.kinds.bathroom_long.detector import UNLEARNT, is_bathroom
from domain.clock import DAY, HOUR, MINUTE, Instant
from domain.findings import Ended, EndReason, FindingEvent, Level, Subject
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


def watch(script: Script, until: Instant, holes: list[tuple[Instant, Instant]] | None = None) -> list[FindingEvent]:
    return run(HomeWatch(HOME, ZONE), script.items(until, holes=holes or []))


@pytest.mark.parametrize("room", ["bath", "Bathroom 2", "toilet", "浴室", "お風呂", "トイレ", "洗面所"])
def test_rooms_in_which_people_fall_unseen_are_known_by_their_names(room: str) -> None:
    assert is_bathroom(room)
    assert not is_bathroom("living")
    assert not is_bathroom(None)


def test_a_stay_far_beyond_this_home_s_own_prompts_and_ends_when_somebody_is_seen_elsewhere() -> None:
    script = a_month_of_baths(50)
    script.add(BATH, BATHED)
    script.add(BATH, BATHED + 20 * MINUTE)  # still in there
    script.add(LIVING, BATHED + 2 * HOUR)
    events = watch(script, BATHED + 3 * HOUR)
    (found,) = findings(events, "bathroom_long")
    assert (found.level, found.subject, found.room) == (Level.PROMPT, Subject.PERSON, "bath")
    assert (found.onset, found.raised_at) == (BATHED, BATHED + 75 * MINUTE), "half as much again as fifty minutes"
    (ended,) = [e for e in events if isinstance(e, Ended) and e.cause == "bathroom_long"]
    assert (ended.reason, ended.ended_at) == (EndReason.ACTIVITY, BATHED + 2 * HOUR)


def test_a_usual_bath_says_nothing() -> None:
    assert findings(watch(a_month_of_baths(50), T0 + 31 * DAY), "bathroom_long") == []


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
    script = a_month_of_baths(50)
    script.add(BATH, BATHED)
    hole = (BATHED + 10 * MINUTE, BATHED + 40 * MINUTE)
    (found,) = findings(watch(script, BATHED + 3 * HOUR, [hole]), "bathroom_long")
    assert found.raised_at >= BATHED + 100 * MINUTE


def test_a_room_whose_sensor_was_taken_away_holds_nobody() -> None:
    script = Script()
    script.add(BATH, T0 + HOUR)
    messages = script.items(T0 + 4 * HOUR)
    messages.append((T0 + 4 * HOUR, [hello([device for device in DEVICES if device is not BATH], T0 + 4 * HOUR)]))
    events = run(HomeWatch(HOME, ZONE), messages)
    assert len(findings(events, "bathroom_long")) == 1
    ended = [e.reason for e in events if isinstance(e, Ended) and e.cause == "bathroom_long"]
    assert ended == [EndReason.CONFIGURATION]
