"""What one shift tells the next: what is open, whom nobody has reached, what is silent, who is away, what was closed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Connection, func, select

from alerts import tables
from alerts.records import decode_status
from alerts.sqlalerts import alert_of, transition_of
from domain.alerts import Alert, Reason, Result, State, Transition
from domain.clock import Instant
from domain.ids import HomeId
from domain.modes import ModeKind, no_date
from domain.status import HomeStatus, Observability

_WRITTEN = (Reason.COMMENT, Reason.STEP, Reason.CLAIMED, Reason.RELEASED, Reason.ASSIGNED)
"""What people write beside; the system's own notes are for the history."""


@dataclass(frozen=True, slots=True)
class Away:
    """Somebody who is said to be elsewhere."""

    home: HomeId
    kind: ModeKind
    until: Instant | None
    """None where nobody has said when it is over."""


@dataclass(frozen=True, slots=True)
class Silent:
    """A home that is not fully seen."""

    home: HomeId
    how: Observability
    devices: tuple[str, ...]
    """Those that are silent."""


@dataclass(frozen=True, slots=True)
class Handover:
    """The sheet of one change of shift."""

    open: tuple[Alert, ...]
    """Whatever is somebody's to do, what is most urgent first."""
    unreached: frozenset[int]
    """Those of them in which something was tried and nobody was reached since they last stood open."""
    silent: tuple[Silent, ...]
    away: tuple[Away, ...]
    closed: tuple[Alert, ...]
    """What was closed since the shift began, and is."""
    raised: int
    """How many alerts came up since then."""
    notes: Mapping[int, Transition]
    """Open alert -> the last thing that somebody wrote about it."""
    endings: Mapping[int, Transition]
    """Closed alert -> by whom it was closed, when, and what was written."""


def sheet(
    connection: Connection,
    since: Instant,
    now: Instant,
    homes: frozenset[HomeId] | None = None,
    statuses: Iterable[HomeStatus] | None = None,
) -> Handover:
    """The sheet at ``now`` of a shift that began at ``since``; of ``homes`` alone where they are given.

    ``statuses`` is every home as it was last seen; without it, that is read here.
    """
    a, t, m = tables.alerts.c, tables.transitions.c, tables.modes.c

    def concerns(home: str) -> bool:
        return homes is None or home in homes

    standing = a.state.in_([state.value for state in State if state.standing])
    rows = connection.execute(select(tables.alerts).where(standing)).mappings()
    found = [alert for row in rows if concerns((alert := alert_of(row)).home)]
    found.sort(key=lambda alert: (-alert.level.rank, alert.raised_at, alert.id))
    shut = (
        select(t.alert)
        .where(t.logged_at >= since, t.to_state == State.CLOSED.value, t.from_state != State.CLOSED.value)
        .distinct()
    )
    rows = connection.execute(
        select(tables.alerts).where(a.id.in_(shut), a.state == State.CLOSED.value).order_by(a.id)
    ).mappings()
    closed = tuple(alert for row in rows if concerns((alert := alert_of(row)).home))
    came = select(a.home).where(a.opened_at >= since, a.state != State.HELD.value)
    raised = sum(concerns(home) for home in connection.execute(came).scalars())
    away = connection.execute(
        select(m.home, m.kind, m.since, m.until)
        .where(m.ended_at.is_(None), m.since <= now, m.kind != ModeKind.VISITOR.value)
        .order_by(m.until, m.home)
    )
    seen = _statuses(connection) if statuses is None else statuses
    wrote = t.reason.in_([reason.value for reason in _WRITTEN]) & (t.note != "")
    return Handover(
        tuple(found), unreached(connection), _silent(seen, homes),
        tuple(_away(row) for row in away if concerns(row.home)),
        closed, raised, _last(connection, select(a.id).where(standing), wrote),
        _last(connection, shut, t.to_state == State.CLOSED.value),
    )  # fmt: skip


def _away(row: Any) -> Away:
    return Away(HomeId(row.home), ModeKind(row.kind), None if no_date(row.since, row.until) else row.until)


def unreached(connection: Connection) -> frozenset[int]:
    """The open alerts with a step, and none that reached anybody since they were last opened again."""
    a, t = tables.alerts.c, tables.transitions.c
    again = tables.transitions.alias()
    anew = (
        select(func.coalesce(func.max(again.c.version), 0))
        .where(again.c.alert == t.alert, again.c.reason == Reason.REOPENED.value)
        .scalar_subquery()
    )
    wanted = (
        select(t.alert, t.result)
        .join(tables.alerts, a.id == t.alert)
        .where(a.state != State.CLOSED.value, t.result.is_not(None), t.version > anew)
    )
    tried: set[int] = set()
    reached: set[int] = set()
    for number, result in connection.execute(wanted):
        (reached if result in (Result.REACHED.value, Result.ENTERED.value) else tried).add(number)
    return frozenset(tried - reached)


def _last(connection: Connection, alerts: Any, these: ColumnElement[bool]) -> dict[int, Transition]:
    """The last of ``these`` transitions of each of some alerts."""
    t = tables.transitions.c
    rows = connection.execute(select(tables.transitions).where(t.alert.in_(alerts), these).order_by(t.alert, t.version))
    return {row["alert"]: transition_of(row) for row in rows.mappings()}


def _statuses(connection: Connection) -> list[HomeStatus]:
    columns = tables.watched.c
    rows = connection.execute(select(columns.status).where(columns.status != b"").order_by(columns.home))
    return [decode_status(row.status) for row in rows]


def _silent(statuses: Iterable[HomeStatus], homes: frozenset[HomeId] | None) -> tuple[Silent, ...]:
    found: list[Silent] = []
    for status in statuses:
        silent = tuple(device.id for device in status.devices if device.silent)
        if (homes is None or status.home in homes) and (silent or status.observability is Observability.BLIND):
            found.append(Silent(status.home, status.observability, silent))
    return tuple(found)
