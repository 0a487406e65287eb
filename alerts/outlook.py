"""The outlook of one home: its delay budget, what would better it, what is blind, and how its pages have fared."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from alerts.book import FindingRow
from alerts.ledger import Ledger, by_rule, count
from alerts.sqlbook import SqlBook
from detectors.home import HomeWatch
from detectors.outlook.advice import Advice, Estimate, Loss
from detectors.outlook.delays import Budget, budget_of, limits_of
from detectors.outlook.past import LOOKED_BACK, Past, past_of
from detectors.outlook.sight import Sight, sights
from domain.clock import DAY, Instant, Span
from domain.findings import Level
from domain.ids import GatewayId, HomeId
from domain.localtime import LocalTime
from domain.watermark import Coverage
from ingest.history import History

LEDGER_DAYS = 180
"""How far back pages are counted."""
_MANY = 10_000


@dataclass(frozen=True, slots=True)
class Outlook:
    """What staff may expect of one home."""

    home: HomeId
    local: LocalTime
    as_of: Instant
    """The watermark that the saved state had reached."""
    learnt_days: int
    """Days of the home's own life that its limits rest on."""
    own_share: float
    """How much of them rests on the home's own silences, 0 to 1; the rest on homes in general."""
    signs: int
    """Signs of life in the last four weeks; 0 where the journal holds none of them."""
    budget: Budget
    estimable: bool
    """Whether enough is known to tell what a device would change."""
    advice: tuple[Advice, ...]
    losses: tuple[Loss, ...]
    sights: tuple[Sight, ...]
    page_budget: float
    """False pages that staff accept in a home-month."""
    pages: Ledger
    pages_by_rule: Mapping[str, Ledger]
    prompts_by_rule: Mapping[str, Ledger]
    unknowns: tuple[FindingRow, ...]
    """When a detector could not say, in the last four weeks, the newest first."""

    @property
    def dearest(self) -> Loss | None:
        """The device whose loss would cost most; None where no loss would cost anything to speak of."""
        return self.losses[0] if self.losses and self.losses[0].change.factor > 1.02 else None


def look_ahead(
    book: SqlBook, history: History, home: str, parameters: Mapping[str, Mapping[str, Any]], now: Instant
) -> Outlook | None:
    """The outlook of a home from its saved state, its journal and the book; None where nothing was ever heard of it.

    The home tells what rules it runs on; ``parameters`` are the installation's, for what those do not name.
    """
    state = book.state(home)
    if not state:
        return None
    watch = HomeWatch.restore(state)
    parameters = {**parameters, **watch.parameters}
    covered = _coverage(watch, history, now)
    past = _past(watch, history, covered, now)
    limits = limits_of(watch.inactivity)
    estimate = Estimate(past, limits.by_hour(limits.page))
    since, watched = now - LEDGER_DAYS * DAY, _watched(watch, covered, now)
    alerts = book.alerts_of(home, _MANY)
    rows = book.findings_of(home, now - LOOKED_BACK)
    return Outlook(
        home=HomeId(home), local=watch.context.local, as_of=watch.context.watermark or now,
        learnt_days=watch.inactivity.learnt_days, own_share=watch.inactivity.own_share,
        signs=past.signs, budget=budget_of(past, limits),
        estimable=estimate.known, advice=tuple(estimate.advice()), losses=tuple(estimate.losses()),
        sights=tuple(sights(watch, book.standing(home))),
        page_budget=float(parameters.get("inactivity", {}).get("page_budget", 1.0)),
        pages=count(alerts, since, now, watched),
        pages_by_rule=by_rule(alerts, Level.PAGE, since, now, watched),
        prompts_by_rule=by_rule(alerts, Level.PROMPT, since, now, watched),
        unknowns=tuple(row for row in reversed(rows) if row.finding.unknown is not None),
    )  # fmt: skip


def _coverage(watch: HomeWatch, history: History, now: Instant) -> Coverage:
    """When some gateway of the home vouched, within LEDGER_DAYS."""
    start = now - LEDGER_DAYS * DAY
    return Coverage(
        spell for gateway in watch.context.vouched for spell in history.coverage(GatewayId(gateway), start, now)
    )


def _past(watch: HomeWatch, history: History, covered: Coverage, now: Instant) -> Past:
    context = watch.context
    end = min(now, context.watermark or now)
    readings = history.readings(context.home, end - LOOKED_BACK, end)
    spells: Sequence[tuple[Instant, Instant]] = list(covered)
    said = ((reading.observed_at, reading.device, reading.quantity, reading.value) for reading in readings)
    return past_of(said, context.devices, context.local, spells, end)


def _watched(watch: HomeWatch, covered: Coverage, now: Instant) -> Span:
    """How long the home has been watched within LEDGER_DAYS; without a journal, as many days as were learnt from."""
    return covered.covered(now - LEDGER_DAYS * DAY, now) or min(watch.inactivity.learnt_days, LEDGER_DAYS) * DAY
