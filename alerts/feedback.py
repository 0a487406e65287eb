"""What people found, in the SQL database: written with the transition that says so, read by the watch.

A row counts ``TAKES`` after it was written, by when every reader of the book knows it; so a replay of the journal beside the
same rows decides the same. Whoever only wants to know what was learnt from a home reads the same rows.
"""

from __future__ import annotations

from itertools import takewhile
from typing import Any

from sqlalchemy import Connection, func, insert, select

from alerts.duty_tables import feedback
from alerts.modes import not_in_hospital, to_hospital
from alerts.tables import transitions
from domain.alerts import Alert, Outcome, Reason, Result, Step
from domain.clock import DAY, Instant, Span
from domain.feedback import LESSON, SPOKEN, Feedback, Lesson, Means
from domain.findings import Level, Subject, level_of
from domain.ids import HomeId
from domain.modes import TAKES

REMEMBERED: Span = 10 * DAY
"""How long the watch is told of a row: one that was down that long still reads it."""
_OVERLAP = 100
"""So many rows are read again each time: where several write at once, a lower number may appear after a higher one."""
_REACHED = {Step.CALL_RESIDENT: Means.CALL, Step.VISIT: Means.VISIT}
"""Steps by which staff reach the resident; whoever else is reached knows of the resident by hearsay."""


def stepped(connection: Connection, alert: Alert, step: Step, result: Result, by: str, now: Instant) -> None:
    """A step was taken about ``alert``: was the resident reached by it?"""
    means = _REACHED.get(step)
    if means is not None and result is Result.REACHED:
        reached(connection, alert, means, by, now, now)


def reached(connection: Connection, alert: Alert, means: Means, by: str, at: Instant, now: Instant) -> None:
    """The resident was reached at ``at``, and could answer."""
    _write(connection, alert, means, None, by, at, now)


def closed(connection: Connection, alert: Alert, outcome: Outcome, by: str, now: Instant) -> None:
    """A person has closed ``alert`` with what was found.

    Who wrote that they spoke with the resident may have done so hours ago: it counts for when they took the alert, or for when
    it was opened, for sooner it cannot have been.
    """
    if alert.subject is not Subject.PERSON:
        return
    _write(connection, alert, None, outcome, by, now, now)
    if outcome in SPOKEN:
        reached(connection, alert, Means.OUTCOME, by, _taken_at(connection, alert), now)
    if LESSON.get(outcome) is Lesson.HOSPITAL:
        to_hospital(connection, alert.home, alert.id, by, now)


def taken_back(connection: Connection, alert: Alert, by: str, now: Instant) -> None:
    """A person has opened ``alert`` again: what was written when it was closed is not so."""
    if alert.outcome in LESSON and alert.subject is Subject.PERSON:
        _write(connection, alert, None, None, by, now, now)
        not_in_hospital(connection, alert.id, by, now)


def for_the_watch(connection: Connection, after: int, now: Instant) -> list[Feedback]:
    """The rows of the last days that follow on number ``after``, and a few from before it."""
    columns = feedback.c
    wanted = select(feedback).where(columns.id > after - _OVERLAP).order_by(columns.id.desc())
    with connection.execution_options(stream_results=True).execute(wanted) as rows:  # years of them are left unread
        found = list(takewhile(lambda row: row.since > now - REMEMBERED, rows))
    return [_feedback(row) for row in reversed(found)]


def of_home(connection: Connection, home: HomeId, since: Instant) -> list[Feedback]:
    """What was found in a home, written since then; the newest first."""
    columns = feedback.c
    wanted = select(feedback).where(columns.home == home, columns.written_at >= since).order_by(columns.id.desc())
    return [_feedback(row) for row in connection.execute(wanted)]


def _taken_at(connection: Connection, alert: Alert) -> Instant:
    t = transitions.c
    claims = (Reason.CLAIMED.value, Reason.ASSIGNED.value)
    wanted = select(func.max(t.logged_at)).where(t.alert == alert.id, t.reason.in_(claims))
    return connection.execute(wanted).scalar() or alert.opened_at


def _write(
    connection: Connection,
    alert: Alert,
    means: Means | None,
    outcome: Outcome | None,
    by: str,
    at: Instant,
    now: Instant,
) -> None:
    connection.execute(
        insert(feedback).values(
            home=alert.home, alert=alert.id, cause=alert.cause, onset=alert.onset, level=level_of(alert.finding).value,
            means=None if means is None else means.value, outcome=None if outcome is None else outcome.value,
            at=at, since=now + TAKES, by=by, written_at=now,
        )
    )  # fmt: skip


def _feedback(row: Any) -> Feedback:
    return Feedback(
        row.id, HomeId(row.home), row.alert, row.cause, row.onset, Level(row.level),
        Means(row.means) if row.means else None, Outcome(row.outcome) if row.outcome else None,
        row.at, row.since, row.by, row.written_at,
    )  # fmt: skip
