"""Rule sets: which parameters detectors run on, for the installation, an area or one home; who decided it, and since when.

A rule set never changes; another choice is another version. What happens to it is an append-only row, and takes effect from a
place in the journal: so a restart, or a replay of the same journal, runs every home on the same rules at the same moment.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from domain.clock import Instant
from domain.ids import HomeId

Tables = Mapping[str, Mapping[str, Any]]
"""Detector -> its parameters."""
INSTALLATION = "installation"
"""The scope of every home. The others are ``area:NAME`` and ``home:ID``; the narrower one decides."""


def scopes(home: HomeId, area: str) -> tuple[str, ...]:
    """The scopes that a home belongs to, the widest first."""
    return (INSTALLATION, *((f"area:{area}",) if area else ()), f"home:{home}")


class Action(StrEnum):
    """What is done with a rule set."""

    SHADOW = "shadow"
    """Run it silently beside the live rules."""
    APPROVE = "approve"
    """It decides from now on, in place of its scope's earlier one."""
    REJECT = "reject"
    """Its shadow ends: not wanted."""
    WITHDRAW = "withdraw"
    """It does not run any more; where it was live, the wider scope decides again."""
    FAILED = "failed"
    """Its shadow raised an error and was ended by the system."""


class Stand(StrEnum):
    """Where a rule set stands."""

    PROPOSED = "proposed"
    """Its first change has not taken effect yet."""
    SHADOW = "shadow"
    LIVE = "live"
    SUPERSEDED = "superseded"
    REJECTED = "rejected"
    WITHDRAWN = "withdrawn"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class RuleSet:
    """Parameters for one scope, as somebody proposed them."""

    id: int
    scope: str
    version: int
    """1, 2, 3 ... within its scope."""
    parameters: Tables
    made_by: str
    made_at: Instant
    why: str = ""

    @property
    def label(self) -> str:
        """As it stands on findings: ``home:h-1/2``."""
        return f"{self.scope}/{self.version}"


@dataclass(frozen=True, slots=True)
class Change:
    """One append-only row: what somebody decided about a rule set."""

    id: int
    rule_set: int
    action: Action
    by: str
    why: str
    at: Instant
    """The instant from which it is to count, on the homes' clock."""
    logged_at: Instant
    offset: int | None = None
    """It counts for what stands in the journal after this offset; None until the watch has taken it up."""
    void: bool = False
    """True when a later decision about the same rule set had taken effect before it."""


@dataclass(slots=True)
class InForce:
    """Which rule sets run, after all changes up to a place in the journal."""

    live: dict[str, RuleSet] = field(default_factory=dict)
    """Scope -> rule set."""
    shadows: dict[int, RuleSet] = field(default_factory=dict)
    stands: dict[int, Stand] = field(default_factory=dict)
    approvals: dict[int, Change] = field(default_factory=dict)
    """Rule set -> the change by which it last went live."""
    _latest: dict[int, int] = field(default_factory=dict)

    def voids(self, change: Change) -> bool:
        """True when a later decision about the same rule set is in force already."""
        return self._latest.get(change.rule_set, 0) > change.id

    def apply(self, change: Change, rules: RuleSet) -> None:
        """Let a change take effect; a void one does nothing."""
        if change.void:
            return
        self._latest[rules.id] = change.id
        self.shadows.pop(rules.id, None)
        if change.action is Action.SHADOW:
            self.shadows[rules.id] = rules
            self.stands[rules.id] = Stand.SHADOW
        elif change.action is Action.APPROVE:
            before = self.live.get(rules.scope)
            if before is not None:
                self.stands[before.id] = Stand.SUPERSEDED
            self.live[rules.scope] = rules
            self.stands[rules.id], self.approvals[rules.id] = Stand.LIVE, change
        else:
            if self.live.get(rules.scope) == rules:
                del self.live[rules.scope]
            self.stands[rules.id] = {
                Action.REJECT: Stand.REJECTED, Action.WITHDRAW: Stand.WITHDRAWN, Action.FAILED: Stand.FAILED
            }[change.action]  # fmt: skip

    def chain(self, home: HomeId, area: str, candidate: RuleSet | None = None) -> list[RuleSet]:
        """The rule sets of a home, the widest first; a candidate stands in the place of its scope's live one."""
        found = []
        for scope in scopes(home, area):
            rules = candidate if candidate is not None and candidate.scope == scope else self.live.get(scope)
            if rules is not None:
                found.append(rules)
        return found


def merged(default: Tables, chain: Iterable[RuleSet]) -> tuple[dict[str, dict[str, Any]], str]:
    """(parameters, label) of a chain of rule sets over the installation's defaults, the last one deciding."""
    result = {name: dict(table) for name, table in default.items()}
    labels = []
    for rules in chain:
        labels.append(rules.label)
        for name, table in rules.parameters.items():
            result.setdefault(name, {}).update(table)
    return result, " ".join(labels)


def in_force(changes: Iterable[Change], sets: Mapping[int, RuleSet], before: int | None = None) -> InForce:
    """What runs after every change that took effect at an offset below ``before`` (None: after all of them)."""
    state = InForce()
    taken = [c for c in changes if c.offset is not None and (before is None or c.offset < before)]
    for change in sorted(taken, key=lambda c: (c.offset or 0, c.at, c.id)):
        state.apply(change, sets[change.rule_set])
    return state
