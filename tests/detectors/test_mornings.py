"""Getting up late."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest

from detectors.home import HomeWatch
from detectors.kinds.late_rising.mornings import BETWEEN_HOMES, Mornings
from domain.clock import DAY, HOUR, MINUTE, Instant
from domain.findings import Ended, EndReason, Finding, FindingEvent, Level, Subject
from domain.ids import DeviceId
from domain.localtime import LocalTime
from domain.readings import Device, Quantity
from tests.detectors.homes import BATH, DEVICES, DOOR, HOME, KITCHEN, LIVING, T0, ZONE, Script, findings, hello, run

BEDROOM = Device(DeviceId("bedroom"), Quantity.MOTION, "bedroom")
SENSORS = tuple(replace(device, check_in=None) for device in (*DEVICES, BEDROOM))
"""They speak on events only: none of them is ever missed."""
LEARNT = 21
TODAY = T0 + LEARNT * DAY
"""A Monday."""


def nights(script: Script, days: int, start: Instant = T0) -> None:
    """To bed at 22:30; to the toilet at 3:40, by way of no room for the day."""
    for day in range(days):
        at = start + day * DAY
        script.add(BEDROOM, at + 22 * HOUR + 30 * MINUTE)
        script.add(BEDROOM, at + 3 * HOUR + 40 * MINUTE)
        script.add(BATH, at + 3 * HOUR + 42 * MINUTE)
        script.add(BEDROOM, at + 3 * HOUR + 47 * MINUTE)


def get_up(script: Script, at: Instant) -> None:
    """Half an hour between bedroom, bath and kitchen; then the living room now and then."""
    for minute, device in ((0, BEDROOM), (4, BATH), (9, KITCHEN), (14, KITCHEN), (20, KITCHEN), (26, LIVING)):
        script.add(device, at + minute * MINUTE)
    for hour in range(1, 10):
        script.add(LIVING, at + hour * HOUR)


def three_weeks(rises: int = 6 * 60 + 30, last: int = 0) -> Script:
    """A resident who gets up at ``rises`` minutes after midnight, a little later each third day; ``last`` more nights."""
    script = Script()
    nights(script, LEARNT + last)
    for day in range(LEARNT):
        get_up(script, T0 + day * DAY + (rises + 10 * (day % 3)) * MINUTE)
    return script


def watch(script: Script, until: Instant, holes: Sequence[tuple[Instant, Instant]] = ()) -> list[FindingEvent]:
    messages = script.items(until, period=15 * MINUTE, holes=holes)
    messages[0] = (T0, [hello(SENSORS)])
    return run(HomeWatch(HOME, ZONE), messages)


def late(events: Sequence[FindingEvent]) -> list[Finding]:
    return findings(events, "late_rising")


def test_somebody_who_moves_in_bed_and_was_at_the_toilet_at_night_and_is_not_up_is_asked_after() -> None:
    script = three_weeks(last=1)
    for minute in range(0, 5 * 60, 25):
        script.add(BEDROOM, TODAY + 5 * HOUR + minute * MINUTE)
    get_up(script, TODAY + 13 * HOUR)
    events = watch(script, TODAY + 15 * HOUR)
    (found,) = late(events)
    assert (found.level, found.subject) == (Level.PROMPT, Subject.PERSON)
    assert TODAY + 12 * HOUR < found.raised_at < TODAY + 13 * HOUR, "three hours past the limit"
    assert found.evidence["usually_up"] == "07:01", "20 minutes after the first step out of bed enough has been seen"
    signs = found.evidence["morning_signs"]
    assert isinstance(signs, int)
    assert 8 <= signs <= 12, "from bed, every 25 minutes since five"
    assert found.room == "bedroom"
    assert "usually up by 07:01 and at the latest by 07:10" in found.text_en
    assert "平日の朝は、通常07:01ごろ、遅くとも07:10には" in found.text_ja
    (ended,) = [e for e in events if isinstance(e, Ended) and e.cause == "late_rising"]
    assert (ended.finding, ended.reason, ended.ended_at) == (
        found.id,
        EndReason.ACTIVITY,
        TODAY + 13 * HOUR + 20 * MINUTE,
    )


def test_who_has_not_moved_since_the_night_is_asked_after_at_the_limit() -> None:
    (found,) = late(watch(three_weeks(last=1), TODAY + 14 * HOUR))
    assert TODAY + 8 * HOUR < found.raised_at < TODAY + 10 * HOUR, "two hours or so later than usual"


def test_who_stirred_lies_in_and_is_asked_after_once_nothing_has_stirred_for_three_hours() -> None:
    script = three_weeks(last=1)
    script.add(BEDROOM, TODAY + 7 * HOUR + 20 * MINUTE)
    lain = script.readings.copy()
    (found,) = late(watch(script, TODAY + 14 * HOUR))
    assert found.raised_at == TODAY + 10 * HOUR + 20 * MINUTE
    script.readings = lain
    get_up(script, TODAY + 9 * HOUR + 20 * MINUTE)
    assert late(watch(script, TODAY + 14 * HOUR)) == [], "up before that, later than ever"


def test_a_morning_like_the_others_says_nothing() -> None:
    script = three_weeks()
    get_up(script, TODAY + 7 * HOUR + 20 * MINUTE)
    assert late(watch(script, TODAY + 14 * HOUR)) == []


def test_somebody_who_went_out_is_not_asked_after() -> None:
    script = three_weeks(last=1)
    script.add(DOOR, TODAY + 6 * HOUR)
    assert late(watch(script, TODAY + 14 * HOUR)) == []


def test_somebody_who_spent_the_night_elsewhere_is_not_asked_after() -> None:
    script = three_weeks()
    script.readings = [r for r in script.readings if r.observed_at < TODAY - 5 * HOUR]
    script.add(DOOR, TODAY - 5 * HOUR)
    assert late(watch(script, TODAY + 14 * HOUR)) == []


def test_nobody_is_asked_after_who_was_not_seen_in_the_evening_before() -> None:
    script = three_weeks()
    script.readings = [r for r in script.readings if r.observed_at < TODAY - 5 * HOUR]
    assert late(watch(script, TODAY + 14 * HOUR)) == []


def test_what_the_gateway_did_not_see_is_added_to_the_limit() -> None:
    script = three_weeks(last=1)
    (seen,) = late(watch(script, TODAY + 14 * HOUR))
    (found,) = late(watch(script, TODAY + 14 * HOUR, [(TODAY + 5 * HOUR, TODAY + 6 * HOUR)]))
    assert HOUR <= found.raised_at - seen.raised_at <= HOUR + 20 * MINUTE


def test_a_third_such_morning_in_four_weeks_is_a_habit_and_goes_into_the_digest() -> None:
    script = three_weeks(last=4)
    for day in range(4):
        get_up(script, TODAY + day * DAY + 13 * HOUR)
    found = late(watch(script, TODAY + 4 * DAY))
    assert [f.level for f in found] == [Level.PROMPT] * 3 + [Level.DIGEST]


def test_without_a_room_for_the_day_a_change_of_rooms_stands_in_for_it() -> None:
    script = Script()
    for day in range(2):
        script.add(BEDROOM, T0 + day * DAY + 22 * HOUR)
        for minute in range(0, 30, 5):
            script.add(BATH if minute % 10 else BEDROOM, T0 + (day + 1) * DAY + (6 * 60 + minute) * MINUTE)
    messages = script.items(T0 + 2 * DAY + 16 * HOUR, period=15 * MINUTE)
    messages[0] = (T0, [hello([BEDROOM, BATH, DOOR])])
    home = HomeWatch(HOME, ZONE)
    run(home, messages)
    assert len(home._of(type(next(d for d in home._detectors if d.name == "late_rising")))._mornings.snapshot()) == 2


def test_the_first_morning_has_the_prior_s_wide_limit_and_the_home_s_own_narrows_it() -> None:
    mornings, day = Mornings(5.0), LocalTime(ZONE).day(T0)
    first = mornings.expect(day, ZONE)
    assert (first.usual, first.limit, first.mornings) == (435, 435 + 60 + 125 + 2 * int(BETWEEN_HOMES), 0)
    for past in range(28):
        mornings.learn(day + past, 380 + 5 * (past % 4))
    after = mornings.expect(day + 28, ZONE)
    assert 380 <= after.usual <= 395
    assert after.limit - after.usual < 180


def test_free_days_have_a_usual_time_of_their_own_as_far_as_they_are_known() -> None:
    mornings, monday = Mornings(5.0), LocalTime(ZONE).day(T0)
    for day in range(28):
        mornings.learn(monday + day, 480 if day % 7 >= 5 else 380)
    working, free = mornings.expect(monday + 28, ZONE), mornings.expect(monday + 33, ZONE)
    assert (working.free, free.free) == (False, True)
    assert free.usual - working.usual > 40
    showa = mornings.expect(monday + 58, ZONE)
    assert (showa.free, showa.usual) == (True, free.usual), "昭和の日, a Wednesday"


def test_where_mornings_are_as_late_as_the_afternoon_no_limit_is_set() -> None:
    mornings, day = Mornings(5.0), LocalTime(ZONE).day(T0)
    for past in range(28):
        mornings.learn(day + past, 500 if past % 2 else 800)
    assert not mornings.expect(day + 28, ZONE).tells


@pytest.mark.parametrize("days", [60, 120])
def test_only_the_last_eight_weeks_are_remembered(days: int) -> None:
    mornings = Mornings(5.0)
    for day in range(days):
        mornings.learn(day, 400)
    assert len(mornings.snapshot()) == 57
