"""``kehai rules try``: other rules over a home's own past, beside the live ones. Nothing is changed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import typer

from alerts.comparison import outcomes, pages, paired
from alerts.ledger import Ledger
from alerts.rulebook import Rulebook
from alerts.sqlbook import SqlBook
from detectors.catalogue import Parameters, check
from detectors.home import HomeWatch
from detectors.words import span_en
from domain.clock import DAY, Instant
from domain.errors import ConfigurationError
from domain.findings import Finding
from domain.ids import HomeId
from domain.rules import RuleSet, merged
from ingest.history import JournalHistory
from kehai.commands.admin import registry_of
from kehai.commands.rules import differences, parameters_of, said, table
from simulators.past import past_of
from simulators.recording import Recording
from simulators.replay import Replay


@dataclass(frozen=True, slots=True)
class _Side:
    """One set of rules over the past."""

    findings: list[Finding]
    limits: list[int]


def try_rules(config: Path, home: str, assigned: Sequence[str], days: int) -> None:
    """Print what would have been raised when, how often that is, and the limits by hour, beside the live rules."""
    wanted = parameters_of(assigned)
    with registry_of(config) as (settings, engine):
        book, rulebook = SqlBook(engine), Rulebook(engine)
        state = book.state(home)
        if state is None:
            raise ConfigurationError(
                f"Nothing has been heard of a home {home!r}: 'kehai admin home list' shows those that are enrolled."
            )
        watch = HomeWatch.restore(state)
        now = settings.make_clock().now()
        standing, _, _ = rulebook.standing()
        defaults = {"inactivity": {"page_budget": settings.watch.page_budget}}
        chain = standing.chain(HomeId(home), rulebook.area(HomeId(home)))
        live, label = merged(defaults, chain)
        tried, _ = merged(live, [RuleSet(0, f"home:{home}", 0, wanted, "", now)])
        alerts = book.alerts_of(home, 10_000)
    try:
        check(tried)
    except ValueError as error:
        raise ConfigurationError(str(error)) from error
    recording = _past(settings.journal, watch, now)
    start = max(recording.start, now - days * DAY)
    local = watch.context.local
    sides = [_run(recording, watch, parameters, start) for parameters in (live, tried)]
    known = outcomes(alerts)
    counted = [pages(side.findings, recording.end - start, known) for side in sides]
    judged, before = (recording.end - start) / DAY, (start - recording.start) / DAY
    names = (label or "live (defaults)", "tried")
    typer.echo(f"{home}: {said(wanted)} over {judged:.0f} days of its own past, after {before:.0f} days to learn from")
    if before < 28:
        typer.echo("  Both learn as they go: with fewer than 28 days before, both call later than they would today.")
    for line in table(sides[0].findings, sides[1].findings, *names, *counted):
        typer.echo(f"  {line}")
    for name, ledger in zip(names, counted, strict=True):
        typer.echo(f"  of the pages {name}: {_outcomes(ledger)}")
    typer.echo("\nIf life stopped after a movement in this hour, staff would be called after (now -> tried):")
    for first in range(0, 24, 6):
        shown = [
            f"{hour:02}h {span_en(sides[0].limits[hour])} -> {span_en(sides[1].limits[hour])}"
            for hour in range(first, first + 6)
        ]
        typer.echo("  " + "   ".join(shown))
    for line in differences(paired(sides[0].findings, sides[1].findings), local, "live", "tried"):
        typer.echo(line)
    typer.echo("\nNothing has been changed.")


def _past(journal: Path, watch: HomeWatch, now: Instant) -> Recording:
    history = JournalHistory(journal)
    try:
        context, status = watch.context, watch.status(now)
        gateways = [gateway for gateway, _ in status.gateways]
        devices = {str(name): device for name, device in context.devices.items()}
        return past_of(history, context.home, context.local, devices, gateways, 0, now)
    finally:
        history.close()


def _run(recording: Recording, watch: HomeWatch, parameters: Parameters, start: Instant) -> _Side:
    """Both sides begin without anything learnt; the limits are those of what the home has learnt by now."""
    replay = Replay(recording, parameters)
    replay.short()
    today = HomeWatch.restore(watch.snapshot(), parameters)
    findings = [row.finding for row in replay.book.findings.values() if row.finding.raised_at >= start]
    return _Side(findings, [today.inactivity.limit_at(hour) for hour in range(24)])


def _outcomes(ledger: Ledger) -> str:
    return ", ".join(f"{count} {outcome}" for outcome, count in ledger.outcomes.items()) or "none"
