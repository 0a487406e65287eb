"""How often a home pages, and how sure that is."""

from __future__ import annotations

import pytest

from alerts.book import draft
from alerts.ledger import MONTH, Ledger, count
from domain.alerts import Alert, State
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
