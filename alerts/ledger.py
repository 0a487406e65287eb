"""The honest count of a home's pages: how many, how often, and how sure that number is."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from domain.alerts import Alert
from domain.clock import DAY, Instant, Span
from domain.findings import Level, Subject

MONTH: Span = int(30.44 * DAY)


@dataclass(frozen=True, slots=True)
class Ledger:
    """Pages about a person within ``months`` home-months."""

    months: float
    pages: int
    outcomes: dict[str, int]
    """Outcome -> pages; ``open`` for those that are not closed yet."""

    @property
    def rate(self) -> float:
        """Pages per home-month."""
        return self.pages / self.months if self.months else 0.0

    def interval(self) -> tuple[float, float]:
        """The 90 % interval of the rate: Garwood's exact limits for a Poisson count."""
        if not self.months:
            return (0.0, math.inf)
        low = _solve(lambda mean: 1.0 - _below(self.pages - 1, mean), 0.05) if self.pages else 0.0
        high = _solve(lambda mean: 1.0 - _below(self.pages, mean), 0.95)
        return (low / self.months, high / self.months)


def count(alerts: Iterable[Alert], since: Instant, now: Instant) -> Ledger:
    """The pages about a person that were raised in [since, now]."""
    pages = [
        alert for alert in alerts
        if alert.level is Level.PAGE and alert.subject is Subject.PERSON and since <= alert.raised_at <= now
    ]  # fmt: skip
    outcomes = Counter(alert.outcome.value if alert.outcome is not None else "open" for alert in pages)
    return Ledger(max(0, now - since) / MONTH, len(pages), dict(sorted(outcomes.items())))


def _below(count_: int, mean: float) -> float:
    """P(X <= count) of a Poisson variable."""
    term = total = math.exp(-mean)
    for k in range(1, count_ + 1):
        term *= mean / k
        total += term
    return total


def _solve(rising: Callable[[float], float], wanted: float) -> float:
    low, high = 0.0, 1000.0
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if rising(middle) < wanted else (low, middle)
    return (low + high) / 2
