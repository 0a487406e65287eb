"""The honest count of a home's pages: how many, how often, what was found, and how sure that is."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache

from domain.alerts import Alert, Outcome
from domain.clock import DAY, Instant, Span
from domain.findings import Level, Subject

MONTH: Span = int(30.44 * DAY)
OPEN = "open"
"""Stands for the outcome of an alert that is not closed yet."""


class Verdict(StrEnum):
    """What an outcome says of the page that it closed."""

    TRUE = "true"
    """The resident needed somebody."""
    FALSE = "false"
    """The resident was well, away, or not alone."""
    EQUIPMENT = "equipment"
    """Not the resident: a sensor or the line. As a page about a person, false too."""
    UNKNOWN = "unknown"
    """Nobody wrote down what was found."""


VERDICT: Mapping[Outcome, Verdict | None] = {
    Outcome.SPOKE_SAFE: Verdict.FALSE,
    Outcome.FAMILY_SAFE: Verdict.FALSE,
    Outcome.VISIT_SAFE: Verdict.FALSE,
    Outcome.AWAY: Verdict.FALSE,
    Outcome.HOSPITAL: Verdict.FALSE,
    Outcome.VISITOR: Verdict.FALSE,
    Outcome.FALSE_ALARM: Verdict.FALSE,
    Outcome.DEVICE_FAULT: Verdict.EQUIPMENT,
    Outcome.COMMUNICATION: Verdict.EQUIPMENT,
    Outcome.SUPPORT: Verdict.TRUE,
    Outcome.EMERGENCY: Verdict.TRUE,
    Outcome.DEATH: Verdict.TRUE,
    Outcome.UNREACHED: Verdict.UNKNOWN,
    Outcome.ANSWERED: Verdict.FALSE,
    Outcome.HELP: Verdict.TRUE,
    Outcome.RESUMED: Verdict.UNKNOWN,
    Outcome.DRILL: None,
}
"""Outcome -> verdict; None for what was no page at all."""


@dataclass(frozen=True, slots=True)
class Ledger:
    """Pages (or prompts) about a person within ``months`` home-months."""

    months: float
    pages: int
    outcomes: dict[str, int]
    """Outcome -> pages; ``open`` for those that are not closed yet."""

    @property
    def rate(self) -> float:
        """Pages per home-month."""
        return self.pages / self.months if self.months else 0.0

    @property
    def verdicts(self) -> dict[Verdict, int]:
        """What became of them; those that are open are not known yet."""
        found = dict.fromkeys(Verdict, 0)
        for outcome, number in self.outcomes.items():
            verdict = Verdict.UNKNOWN if outcome == OPEN else VERDICT[Outcome(outcome)]
            if verdict is not None:
                found[verdict] += number
        return found

    @property
    def false(self) -> int:
        """Those that are known to have been false."""
        return self.verdicts[Verdict.FALSE] + self.verdicts[Verdict.EQUIPMENT]

    def interval(self) -> tuple[float, float]:
        """The 90 % interval of the rate: Garwood's exact limits for a Poisson count."""
        return self._rates(self.pages, self.pages)

    def false_interval(self) -> tuple[float, float]:
        """The 90 % interval of the rate of false pages.

        From the lower limit, if none of those of which nobody knows was false, to the upper one, if all of them were.
        """
        return self._rates(self.false, self.false + self.verdicts[Verdict.UNKNOWN])

    def _rates(self, fewest: int, most: int) -> tuple[float, float]:
        if not self.months:
            return (0.0, math.inf)
        return (_lower(fewest) / self.months, _upper(most) / self.months)


def count(
    alerts: Iterable[Alert], since: Instant, now: Instant, watched: Span | None = None, level: Level = Level.PAGE
) -> Ledger:
    """The pages about a person that were raised in [since, now]; ``watched`` is how much of it was vouched for."""
    return _ledger(_about_a_person(alerts, level, since, now), now - since if watched is None else watched)


def by_rule(
    alerts: Iterable[Alert], level: Level, since: Instant, now: Instant, watched: Span | None = None
) -> dict[str, Ledger]:
    """Kind -> the same for one rule at one level; rules that raised none are left out."""
    of_kind: dict[str, list[Alert]] = {}
    for alert in _about_a_person(alerts, level, since, now):
        of_kind.setdefault(alert.kind, []).append(alert)
    span = now - since if watched is None else watched
    return {kind: _ledger(raised, span) for kind, raised in sorted(of_kind.items())}


def _about_a_person(alerts: Iterable[Alert], level: Level, since: Instant, now: Instant) -> list[Alert]:
    return [
        alert for alert in alerts
        if alert.level is level and alert.subject is Subject.PERSON and since <= alert.raised_at <= now
        and alert.outcome is not Outcome.DRILL
    ]  # fmt: skip


def _ledger(alerts: list[Alert], watched: Span) -> Ledger:
    outcomes = Counter(alert.outcome.value if alert.outcome is not None else OPEN for alert in alerts)
    return Ledger(max(0, watched) / MONTH, len(alerts), dict(sorted(outcomes.items())))


@lru_cache
def _lower(count_: int) -> float:
    return _solve(lambda mean: 1.0 - _below(count_ - 1, mean), 0.05) if count_ else 0.0


@lru_cache
def _upper(count_: int) -> float:
    return _solve(lambda mean: 1.0 - _below(count_, mean), 0.95)


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
