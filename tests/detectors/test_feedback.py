"""What people found in a home, and what `inactivity` and `not_returned` make of it."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import NamedTuple

import pytest

from detectors.home import HomeWatch
from detectors.kinds.inactivity.rule import CAP
from domain.alerts import Outcome
from domain.clock import DAY, HOUR, MINUTE, SECOND, Instant
from domain.feedback import LESSON, Feedback, Lesson, Means
from domain.findings import Ended, EndReason, Finding, FindingEvent, Level
from domain.modes import TAKES
from domain.readings import Item
from domain.status import Resident
from tests.detectors.homes import DOOR, HOME, KITCHEN, LIVING, T0, ZONE, Script, findings, run

MORNING = T0 + 14 * DAY + 7 * HOUR
FALL = MORNING + 2 * HOUR
NINE = 9
FALSE = [outcome for outcome, lesson in LESSON.items() if lesson is Lesson.FULL]
NO_HABIT = [outcome for outcome, lesson in LESSON.items() if lesson is not Lesson.FULL]
Messages = list[tuple[Instant, list[Item]]]


def up_and_about(script: Script, start: Instant, end: Instant) -> None:
    for at in range(start, end, 6 * MINUTE):
        script.add(KITCHEN if at // MINUTE % 4 else LIVING, at)


@cache
def a_fortnight() -> bytes:
    script = Script()
    script.live(14)
    watch = HomeWatch(HOME, ZONE)
    run(watch, script.items(T0 + 14 * DAY))
    return watch.snapshot()


def lived() -> HomeWatch:
    return HomeWatch.restore(a_fortnight())


class Days(NamedTuple):
    """From the fifteenth day on: each morning from 7:00 to 9:00, then a silence of so many minutes, then up until 22:00."""

    silences: tuple[int, ...]
    until: Instant
    leaves_at: Instant | None = None


def days(silences: Sequence[int], until: Instant, *, leaves_at: Instant | None = None) -> Days:
    return Days(tuple(silences), until, leaves_at)


@cache
def messages_of(lived_days: Days) -> Messages:
    silences, until, leaves_at = lived_days
    script = Script()
    for number, minutes in enumerate(silences):
        start = MORNING + number * DAY
        up_and_about(script, start, start + 2 * HOUR + 1)
        up_and_about(script, start + 2 * HOUR + minutes * MINUTE, start + 15 * HOUR)
    if leaves_at is not None:
        script.add(DOOR, leaves_at)
    script.check_in(T0 + 14 * DAY, until)
    script.readings = [reading for reading in script.readings if reading.observed_at <= until]
    return script.items(until, start=T0 + 14 * DAY)


def outcome(found: Outcome | None, at: Instant, onset: Instant = FALL, number: int = 1, alert: int = 1) -> Feedback:
    return Feedback(
        number, HOME, alert, "inactivity", onset, Level.PAGE, None, found, at, at + TAKES, "hana", at
    )  # fmt: skip


def word(at: Instant, number: int = 1, means: Means = Means.ANSWER, written: Instant | None = None) -> Feedback:
    written = at if written is None else written
    return Feedback(
        number, HOME, 1, "inactivity", FALL, Level.PROMPT, means, None, at, written + TAKES, "resident", written
    )  # fmt: skip


@cache
def told(lived_days: Days, *rows: Feedback, restart_at: Instant | None = None) -> tuple[HomeWatch, list[FindingEvent]]:
    """Each row is read when the first message after it was written comes. To look at only: tests share what comes out."""
    watch, events, waiting = lived(), [], list(rows)
    for message in messages_of(lived_days):
        if restart_at is not None and message[0] >= restart_at:
            watch, restart_at = HomeWatch.restore(watch.snapshot()), None
        watch.heed([row for row in waiting if row.written_at <= message[0]])
        events += run(watch, [message])
    return watch, events


def raised(events: Sequence[FindingEvent], level: Level = Level.PAGE, kind: str = "inactivity") -> list[Finding]:
    return [one for one in findings(events, kind) if one.level is level and one.onset >= MORNING]


LONG = 220
"""Minutes: longer than the page's limit at nine."""
CLOSED = FALL + 5 * HOUR
NEXT = MORNING + DAY - 3 * HOUR
"""After the fit of the night that follows."""


@cache
def limits_after(*silences: int, found: tuple[Outcome | None, ...] = ()) -> tuple[int, ...]:
    """The limits of the morning after; the outcome of each day's alert is written five hours after it began."""
    rows = [
        outcome(what, CLOSED + n * DAY, FALL + n * DAY, n + 1, n + 1)
        for n, what in enumerate(found)
        if what is not None
    ]
    watch, _ = told(days(silences, NEXT + (len(silences) - 1) * DAY), *rows)
    return watch.inactivity.limits()


AT_NINE = 4 * NINE


# ---- outcomes ----------------------------------------------------------------------------------------------------------


def test_the_silence_of_these_tests_pages() -> None:
    _, events = told(days([LONG], NEXT))
    [page] = raised(events)
    assert page.onset == FALL
    assert page.raised_at < FALL + LONG * MINUTE


@pytest.mark.parametrize("found", FALSE)
def test_a_false_page_makes_the_limit_longer_than_one_of_which_nobody_knows(found: Outcome) -> None:
    nobody_knows, false = limits_after(LONG), limits_after(LONG, found=(found,))
    assert false[AT_NINE] > nobody_knows[AT_NINE]
    afternoon = slice(4 * 14, 4 * 22)
    assert sum(false[afternoon]) > sum(nobody_knows[afternoon]), "fewer pages are wanted of this home at any hour"
    assert all(after >= before for after, before in zip(false[afternoon], nobody_knows[afternoon], strict=True))


def test_the_more_pages_were_false_the_longer_the_limits_and_never_longer_than_their_cap() -> None:
    silences = (LONG, 400, 700)
    homes = [
        told(
            days(silences, NEXT + 2 * DAY),
            *(
                outcome(Outcome.VISIT_SAFE, FALL + day * DAY + 12 * HOUR, FALL + day * DAY, day + 1, day + 1)
                for day in range(n)
            ),
        )
        for n in range(4)
    ]
    assert [len(raised(events)) for _, events in homes] == [3, 3, 3, 3]
    factors = [watch.inactivity._learnt.factor for watch, _ in homes]
    assert factors == sorted(set(factors), reverse=True), "each does more"
    evenings = [sum(watch.inactivity.limits()[4 * 19 : 4 * 22]) for watch, _ in homes]
    assert evenings == sorted(set(evenings))
    assert all(max(watch.inactivity.limits()) <= CAP for watch, _ in homes)


@pytest.mark.parametrize("found", NO_HABIT)
def test_a_silence_that_was_no_habit_is_not_learnt_neither_its_length_nor_that_it_came(found: Outcome) -> None:
    """The next morning somebody is called no later than on this one."""
    nobody_knows, nothing = limits_after(LONG), limits_after(LONG, found=(found,))
    assert nothing[AT_NINE] < nobody_knows[AT_NINE]
    _, events = told(days([LONG], NEXT))
    [page] = raised(events)
    assert nothing[AT_NINE] <= page.raised_at - page.onset
    watch, _ = told(days([LONG], NEXT), outcome(found, CLOSED))
    quiet, _ = told(days([10], NEXT))
    assert watch.inactivity._learnt.factor == quiet.inactivity._learnt.factor
    assert FALL // MINUTE not in watch.inactivity._past.snapshot()["starts"]


def test_what_is_found_changes_the_limits_at_night_and_not_before() -> None:
    evening = MORNING + 15 * HOUR
    plain, _ = told(days([LONG], evening))
    watch, _ = told(days([LONG], evening), outcome(Outcome.SPOKE_SAFE, CLOSED))
    assert watch.inactivity.limits() == plain.inactivity.limits()


@pytest.mark.parametrize(("first", "then"), [(Outcome.SPOKE_SAFE, Outcome.EMERGENCY), (Outcome.DEATH, Outcome.AWAY)])
@pytest.mark.parametrize("nights", [0, 1, 9])
def test_a_correction_leaves_nothing_of_the_first_word(first: Outcome, then: Outcome, nights: int) -> None:
    """Also after the counts have faded: a week later what was taught has shrunk, and so much is taken back."""
    silences = [LONG, *[10] * (nights + 1)]
    end = NEXT + (nights + 1) * DAY
    corrected = CLOSED + HOUR + nights * DAY
    rows = [outcome(first, CLOSED), outcome(None, corrected, number=2), outcome(then, corrected + HOUR, number=3)]
    twice, _ = told(days(silences, end), *rows)
    once, _ = told(days(silences, end), outcome(then, corrected + HOUR, number=3))
    assert twice.inactivity.limits() == once.inactivity.limits()
    assert twice.inactivity._learnt.factor == once.inactivity._learnt.factor


def test_what_was_taken_back_and_not_said_again_leaves_the_home_as_if_nobody_had_come() -> None:
    rows = [outcome(Outcome.SPOKE_SAFE, CLOSED), outcome(None, CLOSED + HOUR, number=2)]
    watch, _ = told(days([LONG], NEXT), *rows)
    assert watch.inactivity.limits() == limits_after(LONG)


@pytest.mark.parametrize("found", [Outcome.RESUMED, Outcome.ANSWERED, Outcome.UNREACHED])
def test_where_nobody_knows_what_was_the_matter_it_is_learnt_as_ever(found: Outcome) -> None:
    assert limits_after(LONG, found=(found,)) == limits_after(LONG)


def test_a_silence_of_which_the_outcome_is_known_before_it_ends_is_learnt_by_that() -> None:
    """The ambulance has gone; the home is seen again when somebody comes for her things."""
    early = outcome(Outcome.EMERGENCY, FALL + 3 * HOUR)
    watch, _ = told(days([LONG], NEXT), early)
    assert watch.inactivity.limits()[AT_NINE] == limits_after(LONG, found=(Outcome.EMERGENCY,))[AT_NINE]


def test_that_a_matter_of_another_kind_was_nothing_teaches_nothing_here() -> None:
    late = Feedback(
        1, HOME, 1, "late_rising", FALL, Level.PROMPT, None, Outcome.SPOKE_SAFE, CLOSED, CLOSED + TAKES, "hana", CLOSED
    )
    watch, _ = told(days([LONG], NEXT), late)
    assert watch.inactivity.limits() == limits_after(LONG)


def test_after_an_emergency_of_another_kind_the_silences_of_those_hours_are_no_habit_either() -> None:
    """They were found in the bath by another rule, before the silence was long enough for this one."""
    quiet = 45
    found = Feedback(
        1, HOME, 1, "bathroom_long", FALL, Level.PROMPT, None, Outcome.EMERGENCY, CLOSED, CLOSED + TAKES, "hana", CLOSED
    )
    plain, events = told(days([quiet], NEXT))
    watch, _ = told(days([quiet], NEXT), found)
    assert not raised(events)
    counts = [one.inactivity._learnt._counts.tables()[0].sum() for one in (plain, watch)]
    assert counts[1] < counts[0]
    assert FALL // MINUTE not in watch.inactivity._past.snapshot()["starts"]


# ---- a word with the resident --------------------------------------------------------------------------------------------


def prompt_and_page() -> tuple[Finding, Finding]:
    _, events = told(days([600], FALL + 5 * HOUR))
    [prompt], [page] = raised(events, Level.PROMPT), raised(events)
    return prompt, page


@pytest.mark.parametrize("means", list(Means))
def test_after_a_word_with_the_resident_the_silence_counts_from_there(means: Means) -> None:
    prompt, page = prompt_and_page()
    spoke = prompt.raised_at + 5 * MINUTE
    watch, events = told(days([600], FALL + 9 * HOUR), word(spoke, means=means))
    [ended] = [e for e in events if isinstance(e, Ended) and e.finding == prompt.id]
    assert (ended.reason, ended.ended_at) == (EndReason.REACHED, spoke + TAKES)
    again, later = raised(events, Level.PROMPT)[1], raised(events)[0]
    assert again.onset == later.onset == spoke
    assert later.raised_at > page.raised_at
    assert later.raised_at - spoke <= 4 * HOUR, "and somebody who falls after that is found"
    assert "when somebody reached the resident" in later.text_en
    assert "連絡がとれた" in later.text_ja
    assert watch.status(FALL + 9 * HOUR).last_life == spoke


def test_a_word_makes_no_deadline_come_sooner() -> None:
    """Soon after the door the limit is eight times as wide: a word in between does not make it the usual one."""
    _, plain = told(days([900], FALL + 15 * HOUR, leaves_at=FALL - 5 * MINUTE))
    _, spoken = told(days([900], FALL + 15 * HOUR, leaves_at=FALL - 5 * MINUTE), word(FALL + 10 * MINUTE))
    assert [p.raised_at for p in raised(spoken)] >= [p.raised_at for p in raised(plain)]


def test_a_word_that_was_written_down_hours_later_counts_from_when_it_was() -> None:
    """And pages no sooner than a minute after it counts, though the limit from then on is past."""
    _, page = prompt_and_page()
    spoke, written = FALL + 10 * MINUTE, page.raised_at - HOUR // 2
    _, events = told(days([600], FALL + 9 * HOUR), word(spoke, written=written))
    [first, *_] = raised(events)
    assert first.onset == spoke
    assert written + TAKES + MINUTE <= first.raised_at <= page.raised_at + HOUR


def test_a_word_says_nothing_of_where_the_resident_is() -> None:
    """Who went out answers from wherever they are: they stay out, and are asked about a day after that at the soonest."""
    end = FALL + 47 * HOUR
    _, plain = told(days([3000], end, leaves_at=FALL + SECOND))
    [asked] = raised(plain, Level.PROMPT, "not_returned")
    watch, events = told(days([3000], end, leaves_at=FALL + SECOND), word(FALL + 10 * HOUR))
    assert watch.status(end).resident is Resident.AWAY
    assert not raised(events)
    [put_off] = raised(events, Level.PROMPT, "not_returned")
    assert put_off.raised_at == asked.raised_at + 10 * HOUR - SECOND


def test_a_movement_after_the_word_is_what_counts_then() -> None:
    prompt, _ = prompt_and_page()
    spoke = prompt.raised_at + 5 * MINUTE
    moves = int((spoke - FALL) / MINUTE) + 10
    plain, _ = told(days([moves], NEXT))
    watch, events = told(days([moves], NEXT), word(spoke))
    assert not raised(events)
    assert watch.inactivity.limits() == plain.inactivity.limits(), "the silence is learnt as the readings have it"


def test_a_late_reading_from_before_the_word_does_not_undo_it() -> None:
    prompt, page = prompt_and_page()
    spoke = prompt.raised_at + 5 * MINUTE
    seen, _ = told(days([600], page.raised_at - 10 * MINUTE), word(spoke))
    watch, late = HomeWatch.restore(seen.snapshot()), Script()
    late.add(LIVING, FALL + 5 * MINUTE)
    assert not findings(watch.take(late.readings))
    deadline = watch.inactivity.snapshot()["deadline"]
    assert deadline > page.raised_at
    assert watch.inactivity.snapshot()["life"][0] == spoke


# ---- the same in every run ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("hours", [2.05, 3.1, 4.5, 5.02, 5.1, 8, 16, 20])
def test_a_restart_anywhere_gives_the_same(hours: float) -> None:
    prompt, _ = prompt_and_page()
    rows = [word(prompt.raised_at + 5 * MINUTE, 1), outcome(Outcome.FALSE_ALARM, CLOSED, number=2)]
    messages = days([LONG], NEXT)
    once, events = told(messages, *rows)
    again, repeated = told(messages, *rows, restart_at=MORNING + int(hours * HOUR))
    assert repeated == events
    assert again.snapshot() == once.snapshot()


def test_rows_that_are_there_from_the_start_and_rows_that_come_twice_decide_the_same() -> None:
    prompt, _ = prompt_and_page()
    rows = [word(prompt.raised_at + 5 * MINUTE, 1), outcome(Outcome.FALSE_ALARM, CLOSED, number=2)]
    messages = days([LONG], NEXT)
    live, events = told(messages, *rows)
    replay = lived()
    replay.heed([*reversed(rows), *rows])
    assert run(replay, messages_of(messages)) == events
    assert replay.inactivity.snapshot() == live.inactivity.snapshot()


def test_a_row_that_nobody_read_in_time_counts_as_soon_as_the_home_goes_on() -> None:
    messages = messages_of(days([LONG], NEXT))
    watch = lived()
    late = outcome(Outcome.SPOKE_SAFE, CLOSED)
    half = next(place for place, (now, _) in enumerate(messages) if now > CLOSED + HOUR)
    run(watch, messages[:half])
    watch.heed([late])
    run(watch, messages[half:])
    assert watch.inactivity.limits() == limits_after(LONG, found=(Outcome.SPOKE_SAFE,))
