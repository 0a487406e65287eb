"""The rule book: rule sets, and what was decided about them. Rows only; the watch takes them up when it steps.

A command is a row that waits (``offset`` is empty) until the watch has passed its instant; then the watch writes the place
in the journal from which it counts, and from that moment on the place is what is true, in every run over the same journal.
"""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

from sqlalchemy import Connection, Engine, func, insert, select, update

from alerts import tables
from detectors.catalogue import check
from domain.clock import Instant
from domain.errors import KehaiError
from domain.ids import HomeId
from domain.rules import Action, Change, InForce, RuleSet, Tables, in_force
from registry.tables import homes

MOST_SHADOWS = 4
"""So many candidates may run beside the live rules at a time: each costs what the live ones cost in the same homes."""


class RulesError(KehaiError):
    """A decision that cannot be made; ``str`` is a sentence for the person who tried."""


class Rulebook:
    """Rule sets in the SQL database. Each public method is one transaction of its own."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    # ---- what people do ----------------------------------------------------------------------------------------------

    def propose(self, scope: str, parameters: Tables, by: str, why: str, at: Instant, now: Instant) -> RuleSet:
        """Write a new version of a scope's rules, to run silently beside the live one from ``at`` on.

        Raises RulesError for a detector or parameter that does not exist, and when too many candidates run already.
        """
        by = _name(by)
        try:
            check(parameters)
        except ValueError as error:
            raise RulesError(str(error)) from error
        if not parameters:
            raise RulesError("A rule set without a parameter changes nothing: name one, as inactivity.page_budget=0.5.")
        with self._engine.begin() as connection:
            sets, changes = _sets(connection), _changes(connection)
            shadows = in_force([replace(c, offset=c.offset or 0) for c in changes], sets).shadows
            if len(shadows) >= MOST_SHADOWS:
                raise RulesError(
                    f"{len(shadows)} candidates run already, and each costs what the live rules cost: approve, reject or "
                    "withdraw one first."
                )
            columns = tables.rule_sets.c
            latest = connection.execute(select(func.max(columns.version)).where(columns.scope == scope)).scalar() or 0
            body = json.dumps(parameters, sort_keys=True, ensure_ascii=False)
            row = {"scope": scope, "version": latest + 1, "parameters": body, "made_by": by, "made_at": now, "why": why}
            made = connection.execute(insert(tables.rule_sets).values(**row).returning(columns.id)).scalar_one()
            _append(connection, int(made), Action.SHADOW, by, why, at, now)
            return _sets(connection)[int(made)]

    def decide(self, rule_set: int, action: Action, by: str, why: str, at: Instant, now: Instant) -> Change:
        """Approve, reject or withdraw a rule set, as of the instant ``at``; raises RulesError where that makes no sense."""
        by = _name(by)
        with self._engine.begin() as connection:
            sets, changes = _sets(connection), _changes(connection)
            rules = sets.get(rule_set)
            if rules is None:
                raise RulesError(f"There is no rule set {rule_set}: 'kehai rules list' shows those that are.")
            state = in_force(changes, sets)
            live = state.live.get(rules.scope) == rules
            waits = any(c.rule_set == rule_set and c.offset is None for c in changes)
            if action is Action.APPROVE and live and not waits:
                raise RulesError(f"{rules.label} is live already.")
            if action is Action.REJECT and live:
                raise RulesError(f"{rules.label} is live: withdraw it, or approve another version in its place.")
            if action in (Action.REJECT, Action.WITHDRAW) and not (live or waits or rule_set in state.shadows):
                raise RulesError(f"{rules.label} does not run, so there is nothing to end.")
            number = _append(connection, rule_set, action, by, why, at, now)
            return Change(number, rule_set, action, by, why, at, now)

    # ---- what the watch does -----------------------------------------------------------------------------------------

    def waiting(self, now: Instant) -> list[Change]:
        """The decisions that nobody has taken up and whose instant has come, in the order in which they are to count."""
        columns = tables.rule_changes.c
        wanted = select(tables.rule_changes).where(columns.offset.is_(None), columns.at <= now)
        with self._engine.connect() as connection:
            return [_change(row) for row in connection.execute(wanted.order_by(columns.at, columns.id))]

    def take_up(self, change: Change, offset: int, void: bool) -> Change:
        """Write where in the journal a decision begins to count; the first word counts."""
        columns = tables.rule_changes.c
        with self._engine.begin() as connection:
            connection.execute(
                update(tables.rule_changes)
                .where(columns.id == change.id, columns.offset.is_(None))
                .values(offset=offset, void=void)
            )
        return replace(change, offset=offset, void=void)

    def fail(self, rule_set: int, why: str, at: Instant, offset: int) -> Change:
        """The system's word that a candidate raised an error and was ended; said once, also when its end is read again."""
        with self._engine.begin() as connection:
            told = [c for c in _changes(connection) if c.rule_set == rule_set][-1:]
            if told and told[0].action is Action.FAILED:
                return told[0]
            number = _append(connection, rule_set, Action.FAILED, "kehai", why[:500], at, at, offset)
        return Change(number, rule_set, Action.FAILED, "kehai", why[:500], at, at, offset)

    # ---- what anybody may ask ----------------------------------------------------------------------------------------

    def sets(self) -> dict[int, RuleSet]:
        """Every rule set by id."""
        with self._engine.connect() as connection:
            return _sets(connection)

    def changes(self) -> list[Change]:
        """Every decision, in the order in which they were made."""
        with self._engine.connect() as connection:
            return _changes(connection)

    def standing(self) -> tuple[InForce, dict[int, RuleSet], list[Change]]:
        """What runs now, with what it was made from."""
        with self._engine.connect() as connection:
            sets, changes = _sets(connection), _changes(connection)
        return in_force(changes, sets), sets, changes

    def planned(self, now: Instant) -> InForce:
        """What runs once the watch has taken up all that is decided for ``now`` or before: what a page shows."""
        with self._engine.connect() as connection:
            sets, changes = _sets(connection), _changes(connection)
        furthest = max((c.offset for c in changes if c.offset is not None), default=0)
        due = [replace(c, offset=furthest) if c.offset is None and c.at <= now else c for c in changes]
        return in_force(due, sets)

    def areas(self) -> dict[HomeId, str]:
        """Each enrolled home's area, where it has one."""
        with self._engine.connect() as connection:
            rows = connection.execute(select(homes.c.id, homes.c.area).where(homes.c.area != ""))
            return {HomeId(row.id): row.area for row in rows}

    def area(self, home: HomeId) -> str:
        """One home's area; empty for none."""
        with self._engine.connect() as connection:
            return connection.execute(select(homes.c.area).where(homes.c.id == home)).scalar() or ""


def _name(by: str) -> str:
    by = by.strip()
    if not by or len(by) > 64:
        raise RulesError("Say who decides, in at most 64 characters: the name stays beside the decision.")
    return by


def _append(
    connection: Connection,
    rule_set: int,
    action: Action,
    by: str,
    why: str,
    at: Instant,
    now: Instant,
    offset: int | None = None,
) -> int:
    row: dict[str, Any] = {
        "rule_set": rule_set,
        "action": action.value,
        "by": by,
        "why": why,
        "at": at,
        "logged_at": now,
    }
    wanted = insert(tables.rule_changes).values(**row, offset=offset).returning(tables.rule_changes.c.id)
    return int(connection.execute(wanted).scalar_one())


def _sets(connection: Connection) -> dict[int, RuleSet]:
    return {
        row.id: RuleSet(row.id, row.scope, row.version, json.loads(row.parameters), row.made_by, row.made_at, row.why)
        for row in connection.execute(select(tables.rule_sets))
    }


def _changes(connection: Connection) -> list[Change]:
    return [_change(r) for r in connection.execute(select(tables.rule_changes).order_by(tables.rule_changes.c.id))]


def _change(row: Any) -> Change:
    return Change(
        row.id, row.rule_set, Action(row.action), row.by, row.why, row.at, row.logged_at, row.offset, bool(row.void)
    )
