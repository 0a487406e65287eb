"""What a resident's answer does to the alert that they were asked about."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from enum import StrEnum
from functools import partial
from typing import TypeVar

from sqlalchemy import Connection, Engine, or_, update
from sqlalchemy.exc import IntegrityError

from alerts.asking import HELP_CALLED, Answer, question_of
from alerts.book import StaleError
from alerts.changes import count_change
from alerts.desk import decide
from alerts.duty_tables import asks
from alerts.feedback import closed, reached
from alerts.following import change
from alerts.sqlalerts import alert_numbered
from alerts.sqlbook import SqlPage
from domain.alerts import Outcome, Reason, State
from domain.clock import Instant
from domain.feedback import Means
from domain.findings import Ended, EndReason, Finding, Level, Subject
from domain.ids import HomeId

RESIDENT = "resident"
"""Who makes the transitions that the resident made."""


_TRIES = 5
_Done = TypeVar("_Done")


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


def take(engine: Engine, token: str, said: Answer, through: str, now: Instant, pace: float = 1.0) -> Said:
    """``answer`` in a transaction of its own; see ``patiently``. One that changes nothing keeps nobody from writing."""
    with engine.connect() as connection:
        question = question_of(connection, token)
    if question is None or question.answer in (Answer.HELP, said):
        return Said.UNKNOWN
    return patiently(engine, partial(answer, token=token, said=said, through=through, now=now, pace=pace))


def patiently(engine: Engine, work: Callable[[Connection], _Done]) -> _Done:
    """Do ``work`` in a transaction, and in another one where somebody changed the same alert meanwhile.

    Raises StaleError when that happened five times in a row; then nothing was done.
    """
    for _ in range(_TRIES - 1):
        try:
            with engine.begin() as connection:
                return work(connection)
        except (StaleError, IntegrityError):
            continue
    try:
        with engine.begin() as connection:
            return work(connection)
    except IntegrityError as error:
        raise StaleError("Somebody changed this alert a moment ago: try once more.") from error


def answer(
    connection: Connection,
    token: str,
    said: Answer,
    through: str,
    now: Instant,
    pace: float = 1.0,
    said_at: Instant | None = None,
) -> Said:
    """Take the resident's answer; ``through`` is the way by which it came, ``said_at`` when it set out, where that is told.

    The first counts, but a call for help always does: after "well", and when the matter is over or in somebody's hand by
    then. It opens an alert of its own.
    """
    unanswered = asks.c.answered_at.is_(None)
    free = or_(unanswered, asks.c.answer == Answer.WELL.value) if said is Answer.HELP else unanswered
    taken = connection.execute(
        update(asks)
        .where(asks.c.token == token, free)
        .values(answered_at=now, answer=said.value, through=through[:40])
        .returning(asks.c.alert, asks.c.home, asks.c.asked_at)
    ).first()
    if taken is None:
        return Said.UNKNOWN
    done = _note(connection, taken.alert, said, now, pace)
    asked_about = alert_numbered(connection, taken.alert)
    if asked_about is not None and said is Answer.WELL:
        at = now if said_at is None else min(now, max(taken.asked_at, said_at))
        reached(connection, asked_about, Means.ANSWER, RESIDENT, at, now)
    elif asked_about is not None and done is Said.CLOSED:
        closed(connection, asked_about, Outcome.HELP, RESIDENT, now)
    if said is Answer.HELP:
        _call(connection, HomeId(taken.home), now, pace)
        done = Said.PAGED
    count_change(connection)
    return done


def _note(connection: Connection, number: int, said: Answer, now: Instant, pace: float) -> Said:
    """Write the answer into the history of what was asked about; that is over, unless somebody has it in hand."""
    alert = alert_numbered(connection, number)
    if alert is None or not alert.state.standing:
        return Said.OVER
    ends = Outcome.HELP if said is Answer.HELP else Outcome.ANSWERED
    state, outcome = (alert.state, None) if alert.state.taken else (State.CLOSED, ends)
    change(connection, alert, replace(alert, state=state, outcome=outcome), Reason.ANSWERED, now, by=RESIDENT, pace=pace,
           note=said.value, outcome=outcome)  # fmt: skip
    return Said.NOTED if alert.state.taken else Said.CLOSED


def call_for_help(connection: Connection, home: HomeId, now: Instant, pace: float = 1.0) -> None:
    """A resident calls for help whom nobody has asked: it is a page at once, all the same."""
    _call(connection, home, now, pace, ("本人から「たすけて」と連絡がありました。", "The resident wrote: help."))
    count_change(connection)


_ASKED = ("本人が「たすけて」と答えました。", "The resident was asked, and answered: I need help.")


def _call(connection: Connection, home: HomeId, now: Instant, pace: float, said: tuple[str, str] = _ASKED) -> None:
    finding = Finding(
        home, HELP_CALLED, f"{HELP_CALLED}/1", HELP_CALLED, Subject.PERSON, Level.PAGE, now, now,
        text_ja=said[0], text_en=said[1],
    )  # fmt: skip
    page = SqlPage(connection, pace)
    decide(page, [finding], now, catching_up=False)
    page.end(Ended(home, HELP_CALLED, finding.id, now, EndReason.REPLACED))  # said once: nothing goes on that could end
