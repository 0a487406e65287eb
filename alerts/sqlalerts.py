"""Alerts and transitions as rows, and back; and the one way in which a row of an alert changes."""

from __future__ import annotations

import json
from typing import Any

from sqlalchemy import Connection, func, insert, select, update
from sqlalchemy.exc import IntegrityError

from alerts import tables
from alerts.book import StaleError
from domain.alerts import Alert, Outcome, Reason, Result, State, Step, Transition
from domain.clock import Instant
from domain.findings import Level, Subject
from domain.ids import HomeId


def compare_and_set(connection: Connection, alert: Alert, values: dict[str, object]) -> None:
    """Change an alert's row from the version that ``alert`` is; raises StaleError when it is another by now."""
    columns = tables.alerts.c
    try:
        done = connection.execute(
            update(tables.alerts).where(columns.id == alert.id, columns.version == alert.version).values(**values)
        )
    except IntegrityError as error:
        raise StaleError("Another alert of the same matter is open: look at that one.") from error
    if done.rowcount != 1:
        raise StaleError("Somebody changed this alert a moment ago: look at it again, then decide.")


def find(connection: Connection, condition: Any) -> Alert | None:
    """The first alert that meets ``condition``."""
    row = connection.execute(select(tables.alerts).where(condition)).first()
    return None if row is None else alert_of(row._mapping)  # noqa: SLF001 (SQLAlchemy's public name)


def columns_of(alert: Alert) -> dict[str, object]:
    """An alert as the columns of its row, the number left out."""
    return {
        "home": alert.home, "cause": alert.cause, "kind": alert.kind, "subject": alert.subject.value,
        "state": alert.state.value, "level": alert.level.value, "onset": alert.onset, "raised_at": alert.raised_at,
        "opened_at": alert.opened_at, "late": alert.late, "room": alert.room, "finding": alert.finding,
        "evidence": json.dumps(alert.evidence, ensure_ascii=False), "text_ja": alert.text_ja,
        "text_en": alert.text_en, "owner": alert.owner, "outcome": alert.outcome.value if alert.outcome else None,
        "ended_at": alert.ended_at, "version": alert.version,
    }  # fmt: skip


def alert_of(row: Any) -> Alert:
    """An alert from its row."""
    return Alert(
        id=row["id"], home=HomeId(row["home"]), cause=row["cause"], kind=row["kind"], subject=Subject(row["subject"]),
        state=State(row["state"]), level=Level(row["level"]), onset=row["onset"], raised_at=row["raised_at"],
        opened_at=row["opened_at"], late=bool(row["late"]), room=row["room"], finding=row["finding"],
        evidence=json.loads(row["evidence"]), text_ja=row["text_ja"], text_en=row["text_en"], owner=row["owner"],
        outcome=Outcome(row["outcome"]) if row["outcome"] else None, ended_at=row["ended_at"], version=row["version"],
    )  # fmt: skip


def transition_of(row: Any) -> Transition:
    """A transition from its row."""
    return Transition(
        alert=row["alert"], version=row["version"], from_state=State(row["from_state"]) if row["from_state"] else None,
        to_state=State(row["to_state"]), reason=Reason(row["reason"]), by=row["by"], at=row["at"],
        logged_at=row["logged_at"], level=Level(row["level"]), note=row["note"],
        outcome=Outcome(row["outcome"]) if row["outcome"] else None, step=Step(row["step"]) if row["step"] else None,
        result=Result(row["result"]) if row["result"] else None, assignee=row["assignee"],
    )  # fmt: skip


def append(connection: Connection, row: Transition) -> None:
    """Add a transition to an alert's history."""
    connection.execute(
        insert(tables.transitions).values(
            alert=row.alert, version=row.version, from_state=row.from_state.value if row.from_state else None,
            to_state=row.to_state.value, reason=row.reason.value, by=row.by, at=row.at, logged_at=row.logged_at,
            level=row.level.value, note=row.note, outcome=row.outcome.value if row.outcome else None,
            step=row.step.value if row.step else None, result=row.result.value if row.result else None,
            assignee=row.assignee,
        )
    )  # fmt: skip


def alert_numbered(connection: Connection, number: int) -> Alert | None:
    """One alert, or None."""
    return find(connection, tables.alerts.c.id == number)


def last_word(connection: Connection, number: int) -> Instant:
    """When something was last written into an alert's history by which it came to be what it is; calls do not count."""
    t = tables.transitions.c
    wanted = select(func.max(t.logged_at)).where(t.alert == number, t.reason != Reason.ESCALATED.value)
    return connection.execute(wanted).scalar() or 0


def decided_at(connection: Connection, number: int) -> int:
    """The version at which an alert came to be what it is; that somebody was called since changes nothing of it."""
    t = tables.transitions.c
    return _newest(connection, number, t.reason.not_in([reason.value for reason in _CALLS]))


def owned_since(connection: Connection, number: int) -> int:
    """The version at which it was last decided who has an alert, or that nobody has, or that it is over or began."""
    t = tables.transitions.c
    same_state = t.from_state.is_not(None) & (t.from_state == t.to_state)
    return _newest(connection, number, ~same_state | (t.reason.in_([reason.value for reason in _OWNERS])))


def handed_over(connection: Connection, alert: Alert) -> Instant | None:
    """When an alert was given to who has it, by somebody's word; None when they took it themselves, or have acted since."""
    t = tables.transitions.c
    wanted = select(t.reason, t.logged_at).where(t.alert == alert.id, t.version == owned_since(connection, alert.id))
    row = connection.execute(wanted).first()
    return row.logged_at if row is not None and row.reason == Reason.ASSIGNED.value else None


_CALLS = (Reason.ESCALATED, Reason.ASKED)
_OWNERS = (Reason.CLAIMED, Reason.ASSIGNED)


def _newest(connection: Connection, number: int, condition: Any) -> int:
    t = tables.transitions.c
    wanted = select(func.max(t.version)).where(t.alert == number, condition)
    return connection.execute(wanted).scalar() or 0
