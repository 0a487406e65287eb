"""What a resident's answer does to the alert that they were asked about."""

from __future__ import annotations

from dataclasses import replace
from enum import StrEnum

from sqlalchemy import Connection, update

from alerts.asking import Answer
from alerts.changes import count_change
from alerts.duty_tables import asks
from alerts.ladder import follow
from alerts.sqlalerts import alert_numbered, append, columns_of, compare_and_set
from domain.alerts import Outcome, Reason, State, Transition
from domain.clock import Instant
from domain.findings import Level

RESIDENT = "resident"
"""Who makes the transitions that the resident made."""


class Said(StrEnum):
    """What an answer did."""

    CLOSED = "closed"
    PAGED = "paged"
    NOTED = "noted"
    """Somebody has it in hand already: the answer stands in the history."""
    OVER = "over"
    """The matter was over before."""
    UNKNOWN = "unknown"
    """No such question, or it was answered already."""


def answer(connection: Connection, token: str, said: Answer, through: str, now: Instant, pace: float = 1.0) -> Said:
    """Take the resident's answer; the first counts. ``through`` is the way by which it came."""
    mine = (asks.c.token == token) & asks.c.answered_at.is_(None)
    taken = connection.execute(
        update(asks)
        .where(mine)
        .values(answered_at=now, answer=said.value, through=through[:40])
        .returning(asks.c.alert)
    ).scalar()
    if taken is None:
        return Said.UNKNOWN
    alert = alert_numbered(connection, taken)
    if alert is None or not alert.state.standing:
        return Said.OVER
    state, level, outcome, done = alert.state, alert.level, None, Said.NOTED
    if said is Answer.HELP:
        level, done = Level.PAGE, Said.PAGED
    elif not alert.state.taken:
        state, outcome, done = State.CLOSED, Outcome.ANSWERED, Said.CLOSED
    after = replace(
        alert, version=alert.version + 1, state=state, level=level, outcome=outcome, ended_at=alert.ended_at
    )
    compare_and_set(connection, alert, columns_of(after))
    append(
        connection,
        Transition(alert.id, after.version, alert.state, state, Reason.ANSWERED, RESIDENT, now, now, level,
                   said.value, outcome),
    )  # fmt: skip
    follow(connection, alert, after, Reason.ANSWERED, now, pace, by=RESIDENT)
    count_change(connection)
    return done
