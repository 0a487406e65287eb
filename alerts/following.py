"""The one way in which an alert becomes something else: its row, one more of its history, and what happens next to it.

All three stand in the transaction of whoever changes it: the watch, the ladder, people, the resident.
"""

from __future__ import annotations

from dataclasses import replace

from sqlalchemy import Connection, delete, func, select

from alerts import outbox
from alerts.book import SYSTEM
from alerts.changes import count_change
from alerts.duty_tables import ladders, notifications
from alerts.notices import Notice, Purpose
from alerts.people import policy_area, ways_to
from alerts.places import Due, Place, look_again, place_of, put
from alerts.policy import in_force, minutes
from alerts.sqlalerts import append, columns_of, compare_and_set
from domain.alerts import Alert, Outcome, Reason, Result, State, Step, Transition
from domain.clock import Instant, Span
from domain.findings import Level, Subject
from domain.ids import INSTALLATION

_ASKED_BEFORE = frozenset({Reason.RELEASED, Reason.LAPSED})
"""After these nobody asks the resident again: somebody had the matter in hand."""


def change(
    connection: Connection,
    before: Alert,
    after: Alert,
    reason: Reason,
    now: Instant,
    *,
    at: Instant | None = None,
    by: str = SYSTEM,
    pace: float = 1.0,
    note: str = "",
    outcome: Outcome | None = None,
    step: tuple[Step, Result] | None = None,
    assignee: str | None = None,
) -> Alert:
    """Make ``after`` of ``before``, as its next version; ``at`` is the instant that it is dated by, ``now`` without one.

    Raises StaleError when the alert is no longer ``before``: somebody else was first.
    """
    after = replace(after, version=before.version + 1)
    compare_and_set(connection, before, columns_of(after))
    append(
        connection,
        Transition(
            before.id, after.version, before.state, after.state, reason, by, now if at is None else at, now,
            after.level, note, outcome, step[0] if step else None, step[1] if step else None, assignee,
        ),
    )  # fmt: skip
    follow(connection, before, after, reason, now, pace, by=by)
    count_change(connection)
    return after


def follow(
    connection: Connection,
    before: Alert | None,
    after: Alert,
    reason: Reason,
    now: Instant,
    pace: float = 1.0,
    by: str = SYSTEM,
) -> None:
    """Bring the ladder to what a transition has made of an alert. ``by`` is who made it: nobody tells them that they did."""
    if not after.state.standing:
        connection.execute(delete(ladders).where(ladders.c.alert == after.id))
        if before is not None and before.state.standing:
            outbox.cancel(connection, after.id, now, by)
            if after.subject is not Subject.PERSON:
                look_again(connection, now)
        return
    known = place_of(connection, after.id)
    if after.state.taken:
        _taken(connection, before, after, reason, known, now, pace, by)
    elif known is None or before is None or not _goes_on(before, after, reason, known):
        asks = after.subject is Subject.PERSON and after.level is not Level.PAGE and after.home != INSTALLATION
        asks = asks and reason not in _ASKED_BEFORE
        put(connection, _first(connection, after, Due.ASK if asks else Due.RUNG, now))


def _taken(
    connection: Connection,
    before: Alert | None,
    after: Alert,
    reason: Reason,
    known: Place | None,
    now: Instant,
    pace: float,
    by: str,
) -> None:
    if before is not None and (not before.state.taken or before.owner != after.owner):
        outbox.cancel(connection, after.id, now, after.owner or by)
    if (
        reason in (Reason.CLAIMED, Reason.ASSIGNED, Reason.STEP)
        or known is None
        or known.what not in (Due.LAPSE, Due.OLD)
    ):
        put(connection, Place(after.id, now + patience(connection, after, pace), Due.LAPSE, since=now))
    if reason is Reason.ASSIGNED and after.owner is not None and after.owner != by:
        ways = ways_to(connection, after.owner)
        if ways:
            notice = Notice(
                after.id, Purpose.ALERT, after.owner, ways, now, climb=_climb_number(connection, after, now)
            )
            outbox.enqueue(connection, [notice], now)


def patience(connection: Connection, alert: Alert, pace: float) -> Span:
    """How long somebody may have an alert without a word of what they do."""
    policy = in_force(connection, policy_area(connection, alert), alert.level).policy
    return minutes(policy.work_minutes if alert.state is State.WORKING else policy.claim_minutes, pace)


def _goes_on(before: Alert, after: Alert, reason: Reason, known: Place) -> bool:
    """True when the climb that is under way is still the right one."""
    if known.what is Due.OLD:
        return reason is Reason.COMMENT
    return before.state is State.OPEN and after.level.rank <= before.level.rank and known.what is not Due.LAPSE


def _first(connection: Connection, alert: Alert, what: Due, now: Instant) -> Place:
    return Place(alert.id, now, what, since=_climb_number(connection, alert, now))


def _climb_number(connection: Connection, alert: Alert, now: Instant) -> Instant:
    """``now``, or a little later where an earlier climb has that number: the clock stood still, or went back."""
    latest = select(func.max(notifications.c.climb)).where(notifications.c.alert == alert.id)
    return max(now, (connection.execute(latest).scalar() or 0) + 1)
