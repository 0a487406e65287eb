"""Asking the resident: whether all is well, before anybody else is called.

A question is a row with a token of one use; the answer comes with the token, by a link, a call-back or a message. "Well"
closes the alert; "help" opens a page of its own at once (``alerts.answers``); no answer makes it a page (``alerts.ladder``).
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from sqlalchemy import Connection, insert, select

from alerts import outbox
from alerts.duty_tables import asks
from alerts.notices import Notice, Purpose
from domain import chance
from domain.alerts import Alert
from domain.clock import Instant
from domain.ids import HomeId
from registry.addresses import channels_of

HELP_CALLED = "help_called"
"""Kind and cause of the alert that a resident's call for help opens."""


class Answer(StrEnum):
    """What a resident may answer."""

    WELL = "well"
    HELP = "help"


@dataclass(frozen=True, slots=True)
class Question:
    """What a resident was asked."""

    alert: int
    home: HomeId
    token: str
    asked_at: Instant
    answer_by: Instant
    answered_at: Instant | None
    answer: Answer | None
    through: str | None


def owner_of(home: HomeId) -> str:
    """Under what name a resident's addresses stand."""
    return f"home:{home}"


def ask(connection: Connection, alert: Alert, now: Instant, answer_by: Instant) -> bool:
    """Put the question into the outbox; False when this home has no way of being asked."""
    ways = channels_of(connection, owner_of(alert.home))
    if not ways:
        return False
    connection.execute(
        insert(asks).values(alert=alert.id, home=alert.home, token=chance.token(24), asked_at=now, answer_by=answer_by)
    )
    outbox.enqueue(connection, [Notice(alert.id, Purpose.ASK, owner_of(alert.home), ways, now, climb=now)], now)
    return True


def question_about(connection: Connection, alert: int) -> Question | None:
    """The newest question that was asked about an alert."""
    row = connection.execute(select(asks).where(asks.c.alert == alert).order_by(asks.c.id.desc())).first()
    return None if row is None else _question(row)


def question_of(connection: Connection, token: str) -> Question | None:
    """The question that a token belongs to."""
    row = connection.execute(select(asks).where(asks.c.token == token)).first()
    return None if row is None else _question(row)


def _question(row: Any) -> Question:
    return Question(
        row.alert, HomeId(row.home), row.token, row.asked_at, row.answer_by, row.answered_at,
        Answer(row.answer) if row.answer else None, row.through,
    )  # fmt: skip
