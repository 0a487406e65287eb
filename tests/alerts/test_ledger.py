"""How often a home pages, and how sure that is."""

from __future__ import annotations

from dataclasses import replace

import pytest

from alerts.book import draft
from alerts.ledger import MONTH, VERDICT, Ledger, Verdict, by_rule, count
from domain.alerts import Alert, Outcome, State
from domain.clock import DAY, Instant
from domain.findings import Finding, Level, Subject
from domain.ids import HomeId

NOW = 1_790_000_000_000_000


def alert(number: int, at: Instant, level: Level = Level.PAGE, subject: Subject = Subject.PERSON) -> Alert:
    finding = Finding(HomeId("h"), "inactivity", "inactivity/1", "inactivity", subject, level, at - 1, at)
    return draft(number, finding, State.OPEN, at, late=False)


def test_only_pages_about_a_person_within_the_time_count() -> None:
    rows = [
        alert(1, NOW - DAY), alert(2, NOW - 2 * DAY), alert(3, NOW - 90 * DAY), alert(4, NOW - DAY, Level.PROMPT),
        alert(5, NOW - DAY, subject=Subject.DEVICE),
    ]  # fmt: skip
    found = count(rows, NOW - 2 * MONTH, NOW)
    assert (found.pages, found.months, found.rate, found.outcomes) == (2, 2.0, 1.0, {"open": 2})


@pytest.mark.parametrize(("pages", "low", "high"), [(0, 0.0, 2.996), (1, 0.0513, 4.744), (5, 1.970, 10.513)])
def test_the_interval_is_garwood_s(pages: int, low: float, high: float) -> None:
    """The exact 90 % limits of a Poisson count, as tabulated."""
    assert Ledger(1.0, pages, {}).interval() == pytest.approx((low, high), abs=0.001)
    halved = Ledger(2.0, pages, {}).interval()
    assert halved == pytest.approx((low / 2, high / 2), abs=0.001)


def test_nothing_is_known_of_no_time() -> None:
    assert Ledger(0.0, 0, {}).interval() == (0.0, float("inf"))


def closed(number: int, outcome: Outcome, level: Level = Level.PAGE, kind: str = "inactivity") -> Alert:
    return replace(alert(number, NOW - DAY, level), outcome=outcome, state=State.CLOSED, kind=kind)


def test_every_outcome_says_whether_its_page_was_true() -> None:
    assert set(VERDICT) == set(Outcome)


def test_what_was_found_makes_a_page_true_or_false_and_what_nobody_wrote_down_neither() -> None:
    rows = [
        closed(1, Outcome.EMERGENCY), closed(2, Outcome.SPOKE_SAFE), closed(3, Outcome.DEVICE_FAULT),
        closed(4, Outcome.RESUMED), alert(5, NOW - DAY), closed(6, Outcome.DRILL),
    ]  # fmt: skip
    found = count(rows, NOW - MONTH, NOW)
    assert found.pages == 5, "a drill is no page"
    assert (found.verdicts[Verdict.TRUE], found.false, found.verdicts[Verdict.UNKNOWN]) == (1, 2, 2)


def test_the_interval_of_false_pages_reaches_from_none_to_all_of_those_that_nobody_knows() -> None:
    rows = [closed(1, Outcome.SPOKE_SAFE), closed(2, Outcome.RESUMED)]
    low, high = count(rows, NOW - MONTH, NOW).false_interval()
    assert low == pytest.approx(Ledger(1.0, 1, {}).interval()[0], abs=0.001)
    assert high == pytest.approx(Ledger(1.0, 2, {}).interval()[1], abs=0.001)


def test_each_rule_is_counted_by_itself_within_the_time_that_was_watched() -> None:
    rows = [
        closed(1, Outcome.SPOKE_SAFE), closed(2, Outcome.SPOKE_SAFE, kind="heat"),
        closed(3, Outcome.AWAY, Level.PROMPT, "not_returned"),
    ]  # fmt: skip
    pages = by_rule(rows, Level.PAGE, NOW - 2 * MONTH, NOW, watched=MONTH)
    assert {kind: ledger.pages for kind, ledger in pages.items()} == {"heat": 1, "inactivity": 1}
    assert pages["heat"].rate == 1.0
    assert list(by_rule(rows, Level.PROMPT, NOW - 2 * MONTH, NOW)) == ["not_returned"]
