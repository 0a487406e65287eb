"""``kehai report``: what can be expected of one home's alerts, in plain numbers."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import typer

from alerts.ledger import Ledger, count
from alerts.sqlbook import SqlBook
from detectors.home import HomeWatch
from detectors.kinds.inactivity.detector import Inactivity
from detectors.words import span_en
from domain.clock import DAY, HOUR, Span
from domain.errors import ConfigurationError
from kehai.settings import load
from registry.database import migrate, open_database

_LOOKED_BACK_DAYS = 180
_TOO_LONG: Span = 8 * HOUR
_PARTS = ((6, 10, "morning"), (10, 16, "day"), (16, 22, "evening"), (22, 6, "night"))


def report(config: Path, home: str) -> None:
    """Print the report of one home."""
    settings = load(config)
    engine = open_database(settings.database_url)
    try:
        migrate(engine)
        book = SqlBook(engine)
        state = book.state(home)
        if state is None:
            raise ConfigurationError(
                f"Nothing has been heard of a home {home!r}: 'kehai admin home list' shows those that are enrolled."
            )
        watch = HomeWatch.restore(state, {"inactivity": {"page_budget": settings.watch.page_budget}})
        alerts = book.alerts_of(home, 10_000)
    finally:
        engine.dispose()
    inactivity, now = watch.inactivity, settings.make_clock().now()
    days = min(inactivity.learnt_days, _LOOKED_BACK_DAYS)
    for line in _lines(home, inactivity, count(alerts, now - days * DAY, now), settings.watch.page_budget):
        typer.echo(line)


def _lines(home: str, inactivity: Inactivity, ledger: Ledger, budget: float) -> Iterator[str]:
    yield f"{home}: limits rest on {inactivity.learnt_days} days"
    yield ""
    yield "If life stopped after a movement in this hour, staff would be called after:"
    for first, last, name in _PARTS:
        hours = [hour % 24 for hour in range(first, last if last > first else last + 24)]
        yield f"  {name:8}" + "  ".join(f"{hour:02}h {span_en(inactivity.limit_at(hour))}" for hour in hours)
    long = [f"{hour:02}h" for hour in range(24) if inactivity.limit_at(hour) >= _TOO_LONG]
    if long:
        yield f"  Not to be noticed within {span_en(_TOO_LONG)} with these sensors and this budget: {', '.join(long)}."
    yield ""
    low, high = ledger.interval()
    yield f"Pages about the resident in the last {ledger.months:.1f} months: {ledger.pages}"
    if ledger.months:
        yield f"  {ledger.rate:.2f} a month (90 % interval {low:.2f} to {high:.2f}); the budget is {budget:g}"
    for outcome, number in ledger.outcomes.items():
        yield f"  {number} x {outcome}"
