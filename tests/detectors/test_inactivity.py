"""What is a silence, what is not, when the resident is asked and staff are paged, and what is said about it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import msgspec
import pytest

from detectors.home import HomeWatch
from detectors.kinds.inactivity.detector import HEADWAY, Inactivity
from detectors.kinds.inactivity.rule import CAP, FLOOR, PROMPT_CAP
from domain.clock import DAY, HOUR, MINUTE, SECOND, from_iso
from domain.findings import Ended, EndReason, Finding, FindingEvent, Level, Unknown
from domain.localtime import LocalTime
from domain.readings import Quantity, Vouch
from domain.status import Observability, Resident
from tests.detectors.homes import DEVICES, DOOR, HOME, KITCHEN, LIVING, T0, ZONE, Script, findings, run

MORNING = T0 + 14 * DAY + 7 * HOUR
FALL = MORNING + 2 * HOUR


def a_fortnight_and_a_morning(last_minute: int = 120) -> Script:
    """Fourteen ordinary days, then somebody up and about from 7:00 on."""
    script = Script()
    script.live(14)
    for minute in range(0, last_minute, 6):
        script.add(KITCHEN if minute % 4 else LIVING, MORNING + minute * MINUTE)
    return script


def watch(script: Script, hours: float, **more: object) -> tuple[HomeWatch, list[FindingEvent]]:
    made = HomeWatch(HOME, ZONE)
    end = FALL + int(hours * HOUR)
    script.check_in(MORNING - 7 * HOUR, end)
    return made, run(made, script.items(end, **more))  # type: ignore[arg-type]  # passed on as given


def pages(events: list[FindingEvent]) -> list[Finding]:
    return [f for f in findings(events, "inactivity") if f.level is Level.PAGE]


def prompts(events: list[FindingEvent]) -> list[Finding]:
    return [f for f in findings(events, "inactivity") if f.level is Level.PROMPT]


def of_the_fall(found: list[Finding]) -> Finding:
    """The only one that began on the morning of the fall."""
    (one,) = [f for f in found if f.onset >= MORNING]
    return one


def test_a_fall_in_the_morning_is_a_prompt_and_then_a_page_and_says_why() -> None:
    made, events = watch(a_fortnight_and_a_morning(), 6)
    prompt, page = of_the_fall(prompts(events)), of_the_fall(pages(events))
    assert page.onset == prompt.onset
    assert FLOOR <= prompt.raised_at - prompt.onset <= 90 * MINUTE
    assert prompt.raised_at + HEADWAY <= page.raised_at <= page.onset + 4 * HOUR
    (replaced,) = [e for e in events if isinstance(e, Ended) and e.finding == prompt.id]
    assert (replaced.reason, replaced.ended_at) == (EndReason.REPLACED, page.raised_at)
    assert LocalTime(ZONE).hhmm(page.raised_at) in prompt.text_en, "it says when the page is due"
    assert (page.detector, page.cause) == ("inactivity/2", prompt.cause)
    assert page.evidence["silent_s"] == (page.raised_at - page.onset) // SECOND
    assert page.evidence["learnt_days"] == 14
    assert (page.evidence["devices_alive"], page.evidence["devices"]) == (5, 5)
    survival = page.evidence["survival"]
    assert isinstance(survival, float)
    assert 0 < survival < 0.01
    assert page.room is not None
    for said in (page.text_en, page.text_ja):
        assert page.room in said
        assert "14" in said
    status = made.status(FALL + 6 * HOUR)
    assert status.resident is Resident.OVERDUE
    assert status.observability is Observability.CLEAR


def test_activity_at_the_very_instant_of_the_deadline_is_in_time() -> None:
    script = a_fortnight_and_a_morning()
    _, events = watch(script, 6)
    page = of_the_fall(pages(events))
    again = a_fortnight_and_a_morning()
    again.add(LIVING, page.raised_at)
    _, events = watch(again, (page.raised_at + MINUTE - FALL) / HOUR)
    assert not [p for p in pages(events) if p.onset == page.onset]


def test_movement_ends_the_prompt_or_the_page_that_stands() -> None:
    for moves, found in ((FALL + 80 * MINUTE, prompts), (FALL + 6 * HOUR, pages)):
        script = a_fortnight_and_a_morning()
        script.add(LIVING, moves)
        _, events = watch(script, 6.5)
        raised = next(f for f in found(events) if f.onset >= MORNING)
        (ended,) = [e for e in events if isinstance(e, Ended) and e.finding == raised.id]
        assert (ended.ended_at, ended.reason) == (moves, EndReason.ACTIVITY)


def test_with_a_prompt_budget_of_nothing_nobody_is_asked_and_the_page_comes_as_before() -> None:
    script = a_fortnight_and_a_morning()
    script.check_in(MORNING - 7 * HOUR, FALL + 6 * HOUR)
    messages = script.items(FALL + 6 * HOUR)
    asked = run(HomeWatch(HOME, ZONE), messages)
    silent = run(HomeWatch(HOME, ZONE, {"inactivity": {"prompt_budget": 0}}), messages)
    assert prompts(asked)
    assert not prompts(silent)
    assert [(p.id, p.raised_at) for p in pages(asked)] == [(p.id, p.raised_at) for p in pages(silent)]


def test_somebody_who_went_out_is_away_and_not_paged_but_asked_about_after_a_day() -> None:
    script = a_fortnight_and_a_morning()
    script.add(DOOR, FALL)
    made, events = watch(script, 23)
    assert not [p for p in pages(events) if p.onset >= MORNING]
    assert made.status(FALL + 23 * HOUR).resident is Resident.AWAY
    script = a_fortnight_and_a_morning()
    script.add(DOOR, FALL)
    _, events = watch(script, 25)
    (asked,) = findings(events, "not_returned")
    assert asked.level is Level.PROMPT
    assert asked.raised_at == FALL + 24 * HOUR


def test_somebody_who_comes_in_again_is_home() -> None:
    script = a_fortnight_and_a_morning()
    script.add(DOOR, FALL)
    script.add(DOOR, FALL + HOUR)
    script.add(LIVING, FALL + HOUR + 11 * MINUTE)
    _, events = watch(script, 5)
    assert [p.onset for p in pages(events) if p.onset >= MORNING] == [FALL + HOUR + 11 * MINUTE]


def test_soon_after_the_door_the_limit_is_eight_times_as_wide() -> None:
    """It may be somebody on the way out, seen late; and still a fall right after coming home is found."""
    raised = {}
    for minutes in (5, 11):
        script = a_fortnight_and_a_morning()
        script.add(DOOR, FALL + HOUR)
        script.add(LIVING, FALL + HOUR + minutes * MINUTE)
        _, events = watch(script, 18)
        page = of_the_fall(pages(events))
        raised[minutes] = page.raised_at - page.onset
    assert raised[5] == min(CAP, 8 * raised[11])


def test_what_the_gateway_did_not_see_is_unknown_at_the_deadline_and_is_added_to_it() -> None:
    hole = (FALL + 10 * MINUTE, FALL + 4 * HOUR)
    _, clear = watch(a_fortnight_and_a_morning(), 6)
    _, events = watch(a_fortnight_and_a_morning(), 10, holes=[hole])
    prompt, page = of_the_fall(prompts(clear)), of_the_fall(pages(clear))
    said = [f for f in findings(events, "inactivity") if f.onset == page.onset]
    assert [(f.unknown, f.level) for f in said] == [(Unknown.BLIND, Level.DIGEST), (None, Level.PAGE)]
    assert prompt.raised_at < hole[1], "nobody is asked for a silence that nobody saw"
    assert said[0].raised_at == page.raised_at, "the unknown is dated by the original deadline"
    late = said[1]
    unseen = late.evidence["blind_s"]
    assert isinstance(unseen, int)
    assert late.raised_at - page.raised_at >= unseen * SECOND - 6 * MINUTE
    moment = LocalTime(ZONE).hhmm(late.raised_at)
    assert late.evidence["not_before"] == LocalTime(ZONE).iso(late.raised_at)
    assert f"We could not have noticed before {moment}." in late.text_en
    assert f"{moment}より前に気づくことはできませんでした。" in late.text_ja
    assert page.evidence["not_before"] is None


def test_somebody_who_may_have_gone_to_bed_while_the_gateway_was_off_is_given_the_night() -> None:
    """A silence since the morning, of which nothing was seen until ten at night: it may have begun a minute ago."""
    script = a_fortnight_and_a_morning()
    rises = MORNING + DAY
    script.add(LIVING, rises)
    hole = (FALL + 10 * MINUTE, FALL + 13 * HOUR + 15 * MINUTE)
    _, events = watch(script, 23, holes=[hole])
    after = [f for f in findings(events, "inactivity") if hole[1] <= f.raised_at < rises]
    assert not [f for f in after if f.level in (Level.PROMPT, Level.PAGE)]


def test_a_page_that_a_gateway_delivered_late_says_when_it_could_be_known() -> None:
    script = a_fortnight_and_a_morning()
    end = FALL + 10 * HOUR
    script.check_in(MORNING - 7 * HOUR, end)
    gone, back = FALL + 10 * MINUTE, FALL + 9 * HOUR
    messages = script.items(end)
    meanwhile = [item for now, items in messages if gone < now <= back for item in items]
    meanwhile = [replace(item, received_at=back) if isinstance(item, Vouch) else item for item in meanwhile]
    before, after = ([one for one in messages if wanted(one[0])] for wanted in (gone.__ge__, back.__lt__))
    messages = [*before, (back, meanwhile), *after]
    page = of_the_fall(pages(run(HomeWatch(HOME, ZONE), messages)))
    assert page.raised_at < back - HOUR
    assert page.evidence["not_before"] == LocalTime(ZONE).iso(back)
    assert f"before {LocalTime(ZONE).hhmm(back)}." in page.text_en


def test_a_home_that_stays_cut_off_is_unknown_and_never_paged() -> None:
    hole = (FALL + 10 * MINUTE, FALL + 30 * HOUR)
    made, events = watch(a_fortnight_and_a_morning(), 8, holes=[hole])
    # Nothing arrives any more: processing time alone has to tell.
    for _ in range(10):
        due = made.due_now()
        if due is None or due > FALL + 9 * HOUR:
            break
        events += made.tick(due)
    late = [f for f in findings(events) if f.raised_at >= FALL]
    assert {(f.kind, f.unknown) for f in late} == {("gateway_silent", None), ("inactivity", Unknown.BLIND)}
    status = made.status(FALL + 8 * HOUR)
    assert (status.resident, status.observability) == (Resident.UNKNOWN, Observability.BLIND)


def test_a_dead_sensor_hides_its_rooms_and_is_not_a_silent_resident() -> None:
    script = Script()
    script.live(14)
    # From the second week's end on only the kitchen sees anything: the living room's sensor has died in the night.
    start, end = T0 + 14 * DAY, T0 + 16 * DAY
    script.check_in(start, end, [d for d in DEVICES if d is not LIVING])
    for minute in range(0, 12 * 60, 235):
        script.add(KITCHEN, MORNING + minute * MINUTE)
    made = HomeWatch(HOME, ZONE)
    events = run(made, script.items(MORNING + 12 * HOUR))
    assert [f.device for f in findings(events, "device_silent")] == [LIVING.id]
    today = [f for f in findings(events, "inactivity") if f.onset >= MORNING]
    assert today
    assert all(f.unknown is Unknown.BLIND for f in today)
    assert LIVING.id in today[0].text_en
    assert made.status(MORNING + 12 * HOUR).observability is Observability.PARTIAL


def test_behind_a_dead_sensor_the_resident_is_asked_after_twelve_hours_and_paged_after_sixteen() -> None:
    script = Script()
    script.live(14)
    start, end = T0 + 14 * DAY, T0 + 16 * DAY
    script.check_in(start, end, [d for d in DEVICES if d is not LIVING])
    script.add(KITCHEN, MORNING)
    made = HomeWatch(HOME, ZONE)
    events = run(made, script.items(MORNING + 17 * HOUR))
    assert of_the_fall(prompts(events)).raised_at == MORNING + PROMPT_CAP
    assert of_the_fall(pages(events)).raised_at == MORNING + CAP


def test_a_late_reading_ends_a_page_and_raises_none() -> None:
    made, events = watch(a_fortnight_and_a_morning(), 6)
    page = of_the_fall(pages(events))
    late = Script()
    late.readings = []
    late.add(LIVING, FALL + HOUR)
    ended = made.take(late.readings)
    assert [e.reason for e in ended if isinstance(e, Ended) and e.finding == page.id] == [EndReason.LATE_ACTIVITY]
    assert not findings(ended)


@pytest.mark.parametrize(
    ("zone", "day", "hours"),
    [("Europe/London", "2026-03-29", 23), ("Europe/London", "2026-10-25", 25), ("Asia/Tokyo", "2026-03-29", 24)],
)
def test_a_day_of_23_24_and_25_hours_is_one_day(zone: str, day: str, hours: int) -> None:
    """The line is fitted at each local midnight, also on the days of a change; a habit by the clock stays one."""
    made = HomeWatch(HOME, zone)
    local = LocalTime(zone)
    change = local.day(from_iso(f"{day}T12:00:00+00:00"))
    script = Script()
    for number in range(change - 10, change + 3):
        midnight = local.midnight(number)
        for hour in range(7, 22):
            for minute in (0, 8, 21, 28, 41, 50):
                wall = midnight + hour * HOUR + minute * MINUTE + hour * number % 7 * 10 * SECOND
                shift = local.hour(wall) - hour  # on the day of a change the clock has moved in the night
                script.add(LIVING if minute % 3 else KITCHEN, wall - shift * HOUR)
    start, end = local.midnight(change - 10), local.midnight(change + 3)
    script.check_in(start, end)
    assert (local.midnight(change + 1) - local.midnight(change)) == hours * HOUR
    messages = script.items(end, start)
    hello = messages[0][1][0]
    messages[0] = (start, [type(hello)(HOME, hello.gateway, zone, DEVICES, start)])  # type: ignore[union-attr,call-arg,arg-type]
    events = run(made, messages)
    nights = [local.day(page.onset) for page in pages(events)]
    assert max(nights, default=0) < change - 5, "the night of the change is no longer than its habit allows"
    assert made.status(end).learnt_days >= 12


def test_a_thermometer_is_no_sign_of_life() -> None:
    script = a_fortnight_and_a_morning()
    for minute in range(0, 180, 10):
        script.add(LIVING, FALL + minute * MINUTE + SECOND, 21.0, Quantity.TEMPERATURE)
    _, events = watch(script, 6)
    assert of_the_fall(pages(events)).onset <= FALL


def test_a_home_that_inactivity_1_watched_goes_on_with_its_days_and_its_page() -> None:
    """The snapshot was written by the first version, with a page about a fall at nine on the eighth day."""
    file = Path(__file__).with_name("version_1_silent.json")
    older = msgspec.json.decode(file.read_bytes())
    made = HomeWatch.restore(msgspec.msgpack.encode(older))
    assert made.inactivity.learnt_days == 7
    assert made.inactivity.overdue
    assert made.inactivity.limit_at(9) < Inactivity().limit_at(9), "its days carry over"
    assert HomeWatch.restore(made.snapshot()).snapshot() == made.snapshot()
    moves = T0 + 7 * DAY + 20 * HOUR + 10 * MINUTE
    later = Script()
    later.add(LIVING, moves)
    events = run(made, later.items(moves + HOUR, start=moves - 10 * MINUTE))
    (ended,) = [e for e in events if isinstance(e, Ended) and e.cause == "inactivity"]
    assert (ended.finding, ended.reason) == (older["detectors"]["inactivity"]["standing"][1], EndReason.ACTIVITY)
    assert not made.inactivity.overdue
