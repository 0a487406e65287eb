"""The rules of one home as its page shows them: what is live and who approved it, and what runs beside it in silence."""

from __future__ import annotations

from dataclasses import dataclass

from alerts.comparison import by_kind, pages, paired
from alerts.ledger import Ledger
from dashboard.office import Office
from domain.clock import Instant
from domain.findings import Finding
from domain.rules import Change, RuleSet, merged
from registry.homes import Home


@dataclass(frozen=True, slots=True)
class LiveRules:
    """What decides in a home."""

    budget: float
    """Pages about the resident that are accepted in a month."""
    sets: tuple[tuple[RuleSet, Change], ...]
    """The rule sets in force, the widest first, each with its approval; none where the installation's defaults decide."""
    off: tuple[str, ...]
    """Detectors whose findings are withheld."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """What runs in silence."""

    rules: RuleSet
    budget: float
    off: tuple[str, ...]
    since: Instant | None
    """None until the home's next message."""
    live: Ledger
    silent: Ledger
    kinds: tuple[tuple[str, str, int, int], ...]
    """(kind, level, how often live, how often in silence)."""
    differing: int
    """Matters that one of both found and the other did not, or at another time."""


def live_rules(office: Office, home: Home) -> LiveRules:
    """The rules that are in force in a home."""
    state = office.rules.planned(office.clock.now())
    chain = state.chain(home.id, home.area)
    tables, _ = merged(office.parameters, chain)
    return LiveRules(_budget(tables), tuple((rules, state.approvals[rules.id]) for rules in chain), _off(tables))


def candidates(office: Office, home: Home) -> list[Candidate]:
    """The candidates that run beside them, each compared over its own time."""
    now = office.clock.now()
    state, found = office.rules.planned(now), []
    for rules in state.shadows.values():
        chain = state.chain(home.id, home.area, rules)
        if rules not in chain:
            continue
        tables, _ = merged(office.parameters, chain)
        since = office.shadows.since(rules.id).get(home.id)
        live: list[Finding] = []
        silent: list[Finding] = []
        if since is not None:
            live = [row.finding for row in office.shadows.live_findings(since, {home.id: since})]
            silent = [row.finding for row in office.shadows.findings(rules.id, home.id)]
        span = now - since if since is not None else 0
        counts = (by_kind(live), by_kind(silent))
        kinds = tuple((*key, counts[0].get(key, 0), counts[1].get(key, 0)) for key in sorted({*counts[0], *counts[1]}))
        differing = sum(pair.earlier != 0 for pair in paired(live, silent))
        found.append(
            Candidate(
                rules, _budget(tables), _off(tables), since, pages(live, span), pages(silent, span), kinds, differing
            )
        )
    return found


def _budget(tables: dict[str, dict[str, object]]) -> float:
    value = tables.get("inactivity", {}).get("page_budget", 1.0)
    return float(value) if isinstance(value, int | float) else 1.0


def _off(tables: dict[str, dict[str, object]]) -> tuple[str, ...]:
    return tuple(name for name, table in sorted(tables.items()) if table.get("on") is False)
