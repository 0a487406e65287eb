"""The auditor: looks for what can only be a fault of ours, and for alerts that would reach nobody.

An alert that is not closed has a next step that is due, and a place that fits its state. Every area has somebody who can be
reached. What the auditor finds stands on the system page, in ``kehai doctor`` and in the metrics.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from sqlalchemy import Connection, select

from alerts import tables
from alerts.duty_tables import ladders, policies
from alerts.people import meant_by, ways_to
from alerts.places import Due
from alerts.policy import EVERYBODY, SYSTEM_AREA, BadPolicyError, decode
from domain.alerts import State
from domain.clock import MINUTE, Instant, Span
from domain.localtime import LocalTime
from registry.tables import homes

OVERDUE: Span = 2 * MINUTE
"""Nothing that is due stays undone for so long while somebody calls."""


class Wrong(StrEnum):
    """What the auditor finds."""

    NO_NEXT_STEP = "no_next_step"
    """An alert that is not closed, and nothing is due: nobody will ever be called about it."""
    WRONG_STEP = "wrong_step"
    """What is due does not fit the alert: one that somebody has taken would call, or one that nobody has would lapse."""
    NOBODYS_STEP = "nobodys_step"
    """Something is due about an alert that is closed or held."""
    OVERDUE = "overdue"
    """It should have happened: nothing calls."""
    REACHES_NOBODY = "reaches_nobody"
    """Nobody who would be called about this area has an address that works."""
    BAD_POLICY = "bad_policy"
    """A policy that is in force cannot be read: the next wider one holds in its place."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that is wrong."""

    what: Wrong
    alert: int | None = None
    area: str = ""
    since: Instant | None = None
    """When it was due."""


def audit(connection: Connection, now: Instant, local: LocalTime, pace: float = 1.0) -> list[Fault]:
    """Everything that is wrong now; empty where all is well."""
    return [
        *alerts_without_a_step(connection, now, pace),
        *nobody_to_call(connection, now, local),
        *_policies(connection),
    ]


def alerts_without_a_step(connection: Connection, now: Instant, pace: float = 1.0) -> list[Fault]:
    """What is wrong with the ladders; one query."""
    a, place = tables.alerts.c, ladders.c
    joined = tables.alerts.outerjoin(ladders, place.alert == a.id)
    concerned = (a.state != State.CLOSED.value) | place.alert.is_not(None)
    wanted = select(a.id, a.state, place.what, place.due_at).select_from(joined).where(concerned).order_by(a.id)
    found = []
    for row in connection.execute(wanted):
        state, what = State(row.state), None if row.what is None else Due(row.what)
        if not state.standing:
            wrong = None if what is None else Wrong.NOBODYS_STEP
        elif what is None:
            wrong = Wrong.NO_NEXT_STEP
        elif state.taken is not (what is Due.LAPSE) and what is not Due.OLD:
            wrong = Wrong.WRONG_STEP
        else:
            wrong = Wrong.OVERDUE if now - row.due_at > OVERDUE * pace else None
        if wrong is not None:
            found.append(Fault(wrong, row.id, since=row.due_at))
    return found


def nobody_to_call(connection: Connection, now: Instant, local: LocalTime) -> list[Fault]:
    """The areas with homes, and we ourselves, about which not even everybody reaches anybody."""
    areas = [*connection.execute(select(homes.c.area).distinct().order_by(homes.c.area)).scalars(), SYSTEM_AREA]
    reachable: dict[str, bool] = {}
    found = []
    for area in areas:
        meant = meant_by(connection, [EVERYBODY], area, now, local)
        for login in meant:
            if login not in reachable:
                reachable[login] = bool(ways_to(connection, login))
        if not any(reachable[login] for login in meant):
            found.append(Fault(Wrong.REACHES_NOBODY, area=area))
    return found


def _policies(connection: Connection) -> list[Fault]:
    newest: dict[tuple[str, str], str] = {}
    for row in connection.execute(select(policies).order_by(policies.c.version)):
        newest[row.area, row.level] = row.body
    return [Fault(Wrong.BAD_POLICY, area=area) for (area, _), body in newest.items() if not _readable(body)]


def _readable(body: str) -> bool:
    try:
        return body == "null" or decode(body) is not None
    except BadPolicyError:
        return False
