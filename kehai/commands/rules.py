"""``kehai rules``: candidates in silence, and decisions by name. Every decision is a row that the watch takes up itself."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

import typer

from alerts.comparison import Pair, by_kind, pages, paired
from alerts.ledger import Ledger
from alerts.rulebook import Rulebook
from alerts.shadowbook import Shadowbook
from detectors.words import span_en
from domain.clock import Instant, Span, from_datetime
from domain.errors import ConfigurationError
from domain.ids import HomeId
from domain.localtime import LocalTime
from domain.rules import INSTALLATION, Action, Change, RuleSet, Stand, Tables
from kehai.commands.admin import registry_of
from kehai.settings import Settings
from registry.homes import Homes

_ASSIGNED = re.compile(r"([a-z_]+)\.([a-z_]+)=(.+)")
_SHOWN = 60


def parameters_of(assigned: Sequence[str]) -> dict[str, dict[str, Any]]:
    """``inactivity.page_budget=0.5`` and the like as tables; raises ConfigurationError for anything else."""
    tables: dict[str, dict[str, Any]] = {}
    for text in assigned:
        match = _ASSIGNED.fullmatch(text.strip())
        if match is None:
            raise ConfigurationError(
                f"--set {text!r} is not DETECTOR.PARAMETER=VALUE: write it as inactivity.page_budget=0.5 or heat.on=false."
            )
        name, key, value = match.groups()
        tables.setdefault(name, {})[key] = _value(text, value)
    return tables


def _value(text: str, value: str) -> float | bool:
    if value in ("true", "false"):
        return value == "true"
    try:
        number = float(value)
    except ValueError as error:
        raise ConfigurationError(f"--set {text!r}: {value!r} is neither a number nor true or false.") from error
    return int(number) if number == int(number) and "." not in value else number


def scope_of(home: str, area: str, *, installation: bool) -> str:
    """The scope that three options name together; raises ConfigurationError unless it is exactly one."""
    named = [s for s in (f"home:{home}" if home else "", f"area:{area}" if area else "") if s]
    named += [INSTALLATION] if installation else []
    if len(named) != 1:
        raise ConfigurationError("Say for whom: --home ID, --area NAME or --installation, one of them.")
    return named[0]


def instant_of(text: str, settings: Settings) -> Instant:
    """An instant as a person writes it, in the installation's zone where it has no offset; empty for now."""
    if not text:
        return settings.make_clock().now()
    try:
        read = datetime.fromisoformat(text)
    except ValueError as error:
        raise ConfigurationError(f"--from {text!r} is no instant: write it as 2026-11-25T09:00.") from error
    if read.tzinfo is None:
        read = read.replace(tzinfo=LocalTime(settings.installation.zone).zone)
    return from_datetime(read)


@contextmanager
def _rulebook(config: Path) -> Iterator[tuple[Settings, Rulebook, Shadowbook, Homes]]:
    with registry_of(config) as (settings, engine):
        yield settings, Rulebook(engine), Shadowbook(engine), Homes(engine)


def shadow(config: Path, scope: str, assigned: Sequence[str], by: str, why: str, start: str) -> None:
    """Write a new version of a scope's rules, to run in silence."""
    wanted = parameters_of(assigned)
    with _rulebook(config) as (settings, rulebook, shadowbook, homes):
        enrolled = homes.all()
        meant = [h for h in enrolled.values() if scope in (INSTALLATION, f"area:{h.area}", f"home:{h.id}")]
        if not meant:
            raise ConfigurationError(
                f"There is no home in {scope}: 'kehai admin home list' shows homes and their areas."
            )
        at = instant_of(start, settings)
        rules = rulebook.propose(scope, wanted, by, why, at, settings.make_clock().now())
        size = len(meant) * shadowbook.live_bytes_a_home() / 1e6
        local = LocalTime(settings.installation.zone)
    typer.echo(
        f"{rules.id}: {rules.label} runs silently beside the live rules from {_when(at, local)} on, in {len(meant)} homes: "
        f"there the detectors work twice, and another {size:.1f} MB of state are kept. "
        f"Compare with 'kehai rules show {rules.id}'.",
        err=True,
    )


def decide(config: Path, rule_set: int, action: str, by: str, why: str, start: str) -> None:
    """Approve, reject or withdraw."""
    with _rulebook(config) as (settings, rulebook, _, _homes):
        at = instant_of(start, settings)
        rulebook.decide(rule_set, Action(action), by, why, at, settings.make_clock().now())
        rules = rulebook.sets()[rule_set]
        local = LocalTime(settings.installation.zone)
    done = {"approve": "decides", "reject": "is rejected", "withdraw": "is withdrawn"}[action]
    typer.echo(f"{rules.label} {done} as of {_when(at, local)}, by {by}.", err=True)


def list_rules(config: Path) -> None:
    """One line per rule set."""
    with _rulebook(config) as (settings, rulebook, shadowbook, _):
        state, sets, _changes = rulebook.standing()
        local = LocalTime(settings.installation.zone)
        for rules in sets.values():
            stand = state.stands.get(rules.id, Stand.PROPOSED)
            told = ""
            if stand is Stand.LIVE:
                approval = state.approvals[rules.id]
                told = f"approved by {approval.by}, since {_when(approval.at, local)}"
            elif stand is Stand.SHADOW:
                told = f"{shadowbook.counted(rules.id)} findings in silence"
            typer.echo(f"{rules.id}\t{rules.label}\t{said(rules.parameters)}\t{stand.value}\t{told}")


def said(tables: Tables) -> str:
    """Parameters as they are written on the command line."""
    return " ".join(
        f"{name}.{key}={str(value).lower() if isinstance(value, bool) else f'{value:g}'}"
        for name, table in sorted(tables.items()) for key, value in sorted(table.items())
    )  # fmt: skip


def show(config: Path, rule_set: int) -> None:
    """One rule set's history, and its silent findings beside the live ones."""
    with _rulebook(config) as (settings, rulebook, shadowbook, _):
        state, sets, changes = rulebook.standing()
        rules = sets.get(rule_set)
        if rules is None:
            raise ConfigurationError(f"There is no rule set {rule_set}: 'kehai rules list' shows those that are.")
        local = LocalTime(settings.installation.zone)
        stand = state.stands.get(rules.id, Stand.PROPOSED)
        typer.echo(f"{rules.label}: {said(rules.parameters)} ({stand.value})")
        for line in _history(rules, [c for c in changes if c.rule_set == rule_set], local):
            typer.echo(line)
        since = shadowbook.since(rule_set)
        if since:
            _compare(rules, shadowbook, since, settings, local)


def _history(rules: RuleSet, changes: Sequence[Change], local: LocalTime) -> Iterator[str]:
    yield f"  {_when(rules.made_at, local)}  written by {rules.made_by}{_because(rules.why)}"
    for change in changes:
        place = "waits" if change.offset is None else f"after offset {change.offset} of the journal"
        if change.void:
            place = "void: a later decision counted before it"
        yield f"  {_when(change.at, local)}  {change.action.value} by {change.by}{_because(change.why)} ({place})"


def _compare(
    rules: RuleSet, shadowbook: Shadowbook, since: dict[HomeId, Instant], settings: Settings, local: LocalTime
) -> None:
    now = settings.make_clock().now()
    span = sum(now - start for start in since.values())
    live = [row.finding for row in shadowbook.live_findings(min(since.values()), since)]
    silent = [row.finding for row in shadowbook.findings(rules.id)]
    typer.echo(f"\nIn silence in {len(since)} homes, together {span / 86_400_000_000:.1f} days:")
    for line in table(live, silent, "live", rules.label, pages(live, span), pages(silent, span)):
        typer.echo(f"  {line}")
    cost = shadowbook.cost(rules.id)
    if cost is not None and cost.beside:
        typer.echo(
            f"  cost: {cost.state_bytes / 1e6:.1f} MB of saved state; {cost.spent / cost.beside:.2f} times the work of the "
            "live rules in the same homes"
        )
    for line in differences(paired(live, silent), local, "live", rules.label):
        typer.echo(line)


def table(live: Any, other: Any, one: str, two: str, one_pages: Ledger, two_pages: Ledger) -> Iterator[str]:
    """What each side found, as lines of three columns."""
    counts = (by_kind(live), by_kind(other))
    yield f"{'':34}{one:>24}{two:>28}"
    for kind, level in sorted(counts[0].keys() | counts[1].keys()):
        yield f"{f'{level} {kind}':34}{counts[0].get((kind, level), 0):>24}{counts[1].get((kind, level), 0):>28}"
    yield f"{'pages about a person, not true':34}{one_pages.pages:>24}{two_pages.pages:>28}"
    yield f"{'  a home and month (90 % interval)':34}{rate(one_pages):>24}{rate(two_pages):>28}"


def rate(ledger: Ledger) -> str:
    """A rate with its interval."""
    low, high = ledger.interval()
    return f"{ledger.rate:.2f} ({low:.2f} to {high:.2f})"


def differences(pairs: Sequence[Pair], local: LocalTime, one: str, two: str) -> Iterator[str]:
    """Where the two sides differ, matter by matter."""
    told = [pair for pair in pairs if pair.earlier != 0]
    if told:
        yield f"\nWhere they differ ({len(told)} of {len(pairs)} matters):"
    for pair in told[:_SHOWN]:
        finding = pair.finding
        what = f"{finding.home}  {finding.level.value} {finding.kind}"
        yield f"  {_when(finding.raised_at, local)}  {what}: {_how(pair, one, two)}"
    if len(told) > _SHOWN:
        yield f"  and {len(told) - _SHOWN} more"


def _how(pair: Pair, one: str, two: str) -> str:
    if pair.live is None:
        return f"only {two}"
    if pair.other is None:
        return f"only {one}"
    if pair.earlier is None:
        return f"{pair.live.level.value} with {one}, {pair.other.level.value} with {two}"
    return f"{two} {_span(pair.earlier)}"


def _span(earlier: Span) -> str:
    return f"{span_en(abs(earlier))} {'earlier' if earlier > 0 else 'later'}"


def _because(why: str) -> str:
    return f": {why}" if why else ""


def _when(at: Instant, local: LocalTime) -> str:
    return local.iso(at)[:16].replace("T", " ")
