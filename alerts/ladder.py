"""The ladder: what happens next to an alert that is not closed, and when.

``follow`` writes it down in the transaction of whatever changed the alert. ``Ladder.step`` makes it happen when it falls
due, each rung in a transaction of its own that takes the row first and then reads the alert: so a claim and the next call
cannot both win.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import time, timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import Connection, Engine, delete, func, insert, select, update

from alerts import asking, outbox
from alerts.book import SYSTEM
from alerts.changes import count_change
from alerts.duty_tables import ladders
from alerts.inhibition import held_back_by
from alerts.notices import Notice, Purpose
from alerts.people import area_of, meant_by, policy_area, ways_to
from alerts.policy import EVERYBODY, InForce, Rung, in_force, minutes
from alerts.silences import covering
from alerts.sqlalerts import alert_numbered, append, columns_of, compare_and_set, last_word
from domain.alerts import Alert, Outcome, Reason, State, Transition
from domain.clock import DAY, HOUR, MINUTE, Instant, Span
from domain.findings import Level, Subject
from domain.localtime import LocalTime

TOO_OLD: Span = 7 * DAY
"""An alert of which nobody has written a word for so long calls nobody any more; it stands on the board."""
LONG_SILENT: Span = 12 * HOUR
"""Whoever gave no sign of life for so long, and cannot be asked, is not waited for as long as others are."""
_HELD_AGAIN: Span = MINUTE
_AT_ONCE = 200


class Due(StrEnum):
    """What falls due."""

    ASK = "ask"
    """The resident is asked."""
    RUNG = "rung"
    """The people of the next rung are called."""
    ANSWER = "answer"
    """The resident was asked and has until then."""
    LAPSE = "lapse"
    """Who has it in hand has done nothing: everybody is called again."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where an alert stands on its ladder: its row."""

    alert: int
    due_at: Instant
    what: Due
    rung: int
    lap: int
    since: Instant
    page_at: Instant | None
    policy: int | None


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
        return
    if after.state.taken:
        if before is not None and not before.state.taken:
            outbox.cancel(connection, after.id, now, after.owner or by)
        if reason in (Reason.CLAIMED, Reason.ASSIGNED, Reason.STEP):
            policy = in_force(connection, policy_area(connection, after), after.level).policy
            waits = policy.work_minutes if after.state is State.WORKING else policy.claim_minutes
            _put(connection, Place(after.id, now + minutes(waits, pace), Due.LAPSE, 0, 0, now, None, None))
        if reason is Reason.ASSIGNED and after.owner is not None and after.owner != by:
            ways = ways_to(connection, after.owner, ())
            if ways:
                notice = Notice(after.id, Purpose.ALERT, after.owner, ways, now, climb=now)
                outbox.enqueue(connection, [notice], now)
        return
    if before is None or not _goes_on(before, after):
        asks = after.subject is Subject.PERSON and after.level is Level.PROMPT
        _put(connection, Place(after.id, now, Due.ASK if asks else Due.RUNG, 0, 0, now, None, None))


def _goes_on(before: Alert, after: Alert) -> bool:
    """True when the climb that is under way is still the right one."""
    return before.state is State.OPEN and after.level.rank <= before.level.rank


def _put(connection: Connection, place: Place) -> None:
    values: dict[str, Any] = {
        "due_at": place.due_at, "what": place.what.value, "rung": place.rung, "lap": place.lap, "since": place.since,
        "page_at": place.page_at, "policy": place.policy,
    }  # fmt: skip
    done = connection.execute(update(ladders).where(ladders.c.alert == place.alert).values(**values))
    if done.rowcount == 0:
        connection.execute(insert(ladders).values(alert=place.alert, **values))


def place_of(connection: Connection, alert: int) -> Place | None:
    """Where an alert stands on its ladder; None for one that is closed or held."""
    row = connection.execute(select(ladders).where(ladders.c.alert == alert)).first()
    if row is None:
        return None
    return Place(row.alert, row.due_at, Due(row.what), row.rung, row.lap, row.since, row.page_at, row.policy)


@dataclass(frozen=True, slots=True)
class Call:
    """Whom a rung calls."""

    rung: int
    whom: tuple[str, ...]
    logins: tuple[str, ...]
    unreachable: tuple[str, ...]
    """Those of them who have no address at all."""


class Ladder:
    """Makes what is due happen. One per installation; a second one beside it does no harm, only twice the looking."""

    def __init__(self, engine: Engine, local: LocalTime, pace: float = 1.0) -> None:
        self._engine, self._local, self._pace = engine, local, pace

    def next_due(self) -> Instant | None:
        """When something happens next, or None."""
        with self._engine.connect() as connection:
            return connection.execute(select(func.min(ladders.c.due_at))).scalar()

    def step(self, now: Instant) -> int:
        """Make everything happen that is due at ``now``, in the order in which it fell due; returns how much that was."""
        done = 0
        while True:
            wanted = select(ladders.c.alert).where(ladders.c.due_at <= now).order_by(ladders.c.due_at, ladders.c.alert)
            with self._engine.connect() as connection:
                due = connection.execute(wanted.limit(_AT_ONCE)).scalars().all()
            if not due:
                return done
            for alert in due:
                with self._engine.begin() as connection:
                    done += self._fire(connection, alert, now)

    def _fire(self, connection: Connection, number: int, now: Instant) -> int:
        # Written before it is read: from here on nobody else changes the alert until this transaction is over.
        columns = ladders.c
        mine = (columns.alert == number) & (columns.due_at <= now)
        if connection.execute(update(ladders).where(mine).values(rung=columns.rung)).rowcount == 0:
            return 0
        place, alert = place_of(connection, number), alert_numbered(connection, number)
        assert place is not None  # noqa: S101 (its row was written a line above)
        if alert is None or not alert.state.standing:
            connection.execute(delete(ladders).where(columns.alert == number))
            return 0
        count_change(connection)
        if place.what is Due.LAPSE:
            self._lapse(connection, alert, place, now)
        elif alert.ended_at is not None:
            self._change(connection, alert, Reason.ACTIVITY, alert.ended_at, now, state=State.CLOSED,
                         outcome=Outcome.RESUMED)  # fmt: skip
        elif place.what is Due.ANSWER or (place.page_at is not None and place.page_at <= now):
            at = place.due_at if place.what is Due.ANSWER else place.page_at or now
            self._change(connection, alert, Reason.UNANSWERED, at, now, level=Level.PAGE)
        elif place.what is Due.ASK:
            self._ask(connection, alert, place, now)
        else:
            self._climb(connection, alert, place, now)
        return 1

    def _lapse(self, connection: Connection, alert: Alert, place: Place, now: Instant) -> None:
        if alert.ended_at is None:
            self._change(connection, alert, Reason.LAPSED, place.due_at, now, state=State.OPEN, owner=None)
        else:  # the resident was seen meanwhile, and whoever went has nothing more to say
            self._change(connection, alert, Reason.LAPSED, place.due_at, now, state=State.CLOSED,
                         outcome=Outcome.RESUMED)  # fmt: skip

    def _ask(self, connection: Connection, alert: Alert, place: Place, now: Instant) -> None:
        policy = in_force(connection, policy_area(connection, alert), alert.level).policy
        answer_by = now + minutes(policy.answer_minutes, self._pace)
        if asking.ask(connection, alert, now, answer_by):
            self._change(connection, alert, Reason.ASKED, place.due_at, now)
            _put(connection, replace(place, what=Due.ANSWER, due_at=answer_by))
            return
        waits = policy.answer_minutes if alert.raised_at - alert.onset >= LONG_SILENT else policy.unasked_minutes
        _put(connection, replace(place, what=Due.RUNG, due_at=now, page_at=now + minutes(waits, self._pace)))

    def _climb(self, connection: Connection, alert: Alert, place: Place, now: Instant) -> None:
        found = in_force(connection, policy_area(connection, alert), alert.level)
        waits = self._waits(connection, alert, place, found, now)
        if waits is not None:
            _put(connection, _no_later_than_page(replace(place, due_at=waits)))
            return
        call = self.call(connection, alert, found, place.rung, now)
        notices = [
            Notice(alert.id, Purpose.ALERT, login, ways_to(connection, login, _rung(found, place.rung).channels), now,
                   place.since, place.lap, place.rung)
            for login in call.logins
        ]  # fmt: skip
        outbox.enqueue(connection, notices, now)
        # Who cannot be reached is not waited for.
        said = " ".join(call.logins) + (f" ({' '.join(call.unreachable)})" if call.unreachable else "")
        self._change(connection, alert, Reason.ESCALATED, place.due_at, now, note=said.strip())
        _put(connection, self._after(place, found, bool(call.logins), now))

    def _waits(
        self, connection: Connection, alert: Alert, place: Place, found: InForce, now: Instant
    ) -> Instant | None:
        """Until when nobody is called though a rung is due; None when nothing holds it back."""
        if now - last_word(connection, alert.id) > TOO_OLD:
            return now + DAY
        silence = covering(connection, alert, now)
        if silence is not None:
            return silence.until if silence.ended_at is None else min(silence.until, silence.ended_at)
        if held_back_by(connection, alert) is not None:
            return now + int(_HELD_AGAIN * self._pace)
        rung = _rung(found, place.rung)
        ticket = alert.subject is not Subject.PERSON and alert.level is not Level.PAGE
        return self._end_of_quiet(found, now) if rung.waits_for_day or ticket else None

    def _end_of_quiet(self, found: InForce, now: Instant) -> Instant | None:
        begin, end = found.policy.quiet_from, found.policy.quiet_to
        minute = self._local.wall(now) // MINUTE % 1440
        quiet = begin <= minute or minute < end if begin > end else begin <= minute < end
        if not quiet:
            return None
        day = self._local.date(now) + timedelta(days=minute >= end)
        return self._local.at(day, time(*divmod(end, 60)))

    def call(self, connection: Connection, alert: Alert, found: InForce, rung: int, at: Instant) -> Call:
        """Whom rung number ``rung`` of a policy calls about an alert at ``at``."""
        step = _rung(found, rung)
        meant = meant_by(connection, step.whom, area_of(connection, alert), at, self._local)
        reachable = tuple(login for login in meant if ways_to(connection, login, step.channels))
        return Call(rung, step.whom, reachable, tuple(login for login in meant if login not in reachable))

    def _after(self, place: Place, found: InForce, reached: bool, now: Instant) -> Place:
        """The place on the ladder after its rung has called."""
        last = place.rung >= len(found.policy.rungs)
        waits = found.policy.repeat_minutes if last else _rung(found, place.rung).minutes
        due_at = now + (minutes(waits, self._pace) if reached or last else 0)
        return _no_later_than_page(
            replace(
                place, what=Due.RUNG, due_at=due_at, rung=0 if last else place.rung + 1, lap=place.lap + last,
                policy=found.id,
            )
        )  # fmt: skip

    def _change(
        self,
        connection: Connection,
        alert: Alert,
        reason: Reason,
        at: Instant,
        now: Instant,
        *,
        state: State | None = None,
        level: Level | None = None,
        outcome: Outcome | None = None,
        owner: str | None = "",
        note: str = "",
    ) -> Alert:
        after = replace(
            alert, version=alert.version + 1, state=state or alert.state, level=level or alert.level,
            outcome=outcome or alert.outcome, owner=alert.owner if owner == "" else owner,
        )  # fmt: skip
        compare_and_set(connection, alert, columns_of(after))
        append(
            connection,
            Transition(alert.id, after.version, alert.state, after.state, reason, SYSTEM, at, now, after.level,
                       note, outcome),
        )  # fmt: skip
        follow(connection, alert, after, reason, now, self._pace)
        return after


def _rung(found: InForce, number: int) -> Rung:
    """A rung by its number; past the last of them stands everybody."""
    rungs: Sequence[Rung] = found.policy.rungs
    return rungs[number] if number < len(rungs) else Rung((EVERYBODY,), found.policy.repeat_minutes)


def _no_later_than_page(place: Place) -> Place:
    return place if place.page_at is None else replace(place, due_at=min(place.due_at, place.page_at))
