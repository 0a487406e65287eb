"""The ladder: what happens next to an alert that is not closed, and when.

``alerts.following`` writes it down in the transaction of whatever changed the alert. ``Ladder.step`` makes it happen when it
falls due, each rung in a transaction of its own that takes the alert first and then reads it: so a claim and the next call
cannot both win.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import structlog
from sqlalchemy import Connection, Engine, delete, func, select, update
from sqlalchemy.exc import OperationalError

from alerts import asking, outbox, tables
from alerts.duty_tables import ladders
from alerts.following import change, patience
from alerts.inhibition import held_back_by
from alerts.notices import Notice, Purpose
from alerts.people import area_of, meant_by, policy_area, ways_to
from alerts.places import Due, Place, look_again, place_from, place_of, put
from alerts.policy import InForce, Policy, in_force, minutes, quiet_until
from alerts.silences import Silence, covering
from alerts.sqlalerts import alert_numbered, last_word
from domain.alerts import Alert, Outcome, Reason, State
from domain.clock import DAY, HOUR, MINUTE, SECOND, Instant, Span
from domain.findings import Level, Subject
from domain.ids import INSTALLATION
from domain.localtime import LocalTime

__all__ = ["Call", "Due", "Ladder", "Next", "Place", "place_of"]

TOO_OLD: Span = 7 * DAY
"""What was due so long ago, and was not written of since, calls nobody any more: it stands on the board. So an upgrade, or a
backup that is put in place, wakes nobody about last month."""
LONG_SILENT: Span = 12 * HOUR
"""Whoever gave no sign of life for so long, and cannot be asked, is not waited for as long as others are."""
_HELD_AGAIN: Span = 15 * MINUTE
_AFTER_A_FAULT: Span = 30 * SECOND
_SET_BACK: Span = SECOND
_AT_ONCE = 200

log = structlog.get_logger("ladder")


@dataclass(frozen=True, slots=True)
class Call:
    """Whom a rung calls."""

    rung: int
    whom: tuple[str, ...]
    logins: tuple[str, ...]
    unreachable: tuple[str, ...]
    """Those of them who have no address at all."""


@dataclass(frozen=True, slots=True)
class Next:
    """What the pages say of an alert's next step."""

    at: Instant
    what: Due
    call: Call | None = None
    """Whom the next rung would call, as the rota stands for that moment."""
    silence: Silence | None = None
    behind: Alert | None = None
    """The alert from which this one follows."""


class Ladder:
    """Makes what is due happen. One per installation; a second one beside it does no harm, only twice the looking."""

    def __init__(self, engine: Engine, local: LocalTime, pace: float = 1.0) -> None:
        self._engine, self._local, self._pace = engine, local, pace
        self._stepped: Instant | None = None

    def next_due(self) -> Instant | None:
        """When something happens next, or None."""
        with self._engine.connect() as connection:
            return connection.execute(select(func.min(ladders.c.due_at))).scalar()

    def step(self, now: Instant) -> int:
        """Make everything happen that is due at ``now``, in the order in which it fell due; returns how much that was."""
        if self._stepped is None or now < self._stepped - _SET_BACK:
            self._draw_in(now)
        self._stepped = now
        done, failed = 0, set[int]()
        while True:
            columns = ladders.c
            wanted = select(columns.alert).where(columns.due_at <= now, columns.alert.not_in(failed))
            with self._engine.connect() as connection:
                due = connection.execute(wanted.order_by(columns.due_at, columns.alert).limit(_AT_ONCE)).scalars().all()
            if not due:
                return done
            for alert in due:
                try:
                    with self._engine.begin() as connection:
                        done += self._fire(connection, alert, now)
                except OperationalError:
                    raise  # the database is busy or away: that befalls all of them, and whoever calls us tries again at once
                except Exception:
                    failed.add(alert)
                    log.exception("an alert's next step failed: it is tried again in half a minute", alert=alert)
                    self._put_off(alert, now)

    def _put_off(self, alert: int, now: Instant) -> None:
        """What fails is tried again soon, and keeps nothing else from happening."""
        mine = (ladders.c.alert == alert) & (ladders.c.due_at <= now)
        with self._engine.begin() as connection:
            connection.execute(update(ladders).where(mine).values(due_at=now + int(_AFTER_A_FAULT * self._pace)))

    def _draw_in(self, now: Instant) -> None:
        """After a start, or when the clock was set back: nothing waits longer than its policy says from now on."""
        with self._engine.begin() as connection:
            look_again(connection, now)
            for row in connection.execute(select(ladders).where(ladders.c.due_at > now)).all():
                try:
                    self._draw_one_in(connection, place_from(row), now)
                except ValueError as error:
                    log.error("an alert cannot be read", alert=row.alert, why=str(error))  # noqa: TRY400 (the whole story)

    def _draw_one_in(self, connection: Connection, place: Place, now: Instant) -> None:
        alert = alert_numbered(connection, place.alert)
        if alert is None or not alert.state.standing:
            return
        policy = in_force(connection, policy_area(connection, alert), alert.level).policy
        last = now + self._longest(connection, alert, place, policy)
        page_at = None if place.page_at is None else min(place.page_at, now + self._minutes(policy.unasked_minutes))
        if place.due_at > last or page_at != place.page_at:
            put(connection, replace(place, due_at=min(place.due_at, last), page_at=page_at))

    def _longest(self, connection: Connection, alert: Alert, place: Place, policy: Policy) -> Span:
        if place.what is Due.LAPSE:
            return patience(connection, alert, self._pace)
        if place.what is Due.ANSWER:
            return self._minutes(policy.answer_minutes)
        if place.what is Due.RUNG and (place.rung, place.lap) == (0, 0):
            return 0  # the first rung never waits
        if place.what is Due.RUNG:
            return self._minutes(policy.climb[min(place.rung, len(policy.climb)) - 1].minutes)
        return DAY

    def _minutes(self, span: float) -> Span:
        return minutes(span, self._pace)

    # ---- one alert -----------------------------------------------------------------------------------------------------

    def _fire(self, connection: Connection, number: int, now: Instant) -> int:
        # Written before it is read: from here on nobody else changes the alert until this transaction is over.
        columns = tables.alerts.c
        connection.execute(update(tables.alerts).where(columns.id == number).values(version=columns.version))
        place, alert = place_of(connection, number), alert_numbered(connection, number)
        if place is None or place.due_at > now:
            return 0
        if alert is None or not alert.state.standing:
            connection.execute(delete(ladders).where(ladders.c.alert == number))
        elif place.what is Due.OLD or now - max(place.due_at, last_word(connection, number)) > TOO_OLD:
            put(connection, replace(place, what=Due.OLD, due_at=now + DAY))
        elif alert.state.taken:
            self._lapse(connection, alert, place, now)
        elif alert.ended_at is not None:
            self._resume(connection, alert, Reason.ACTIVITY, alert.ended_at, now)
        elif place.what is Due.ANSWER or (place.page_at is not None and place.page_at <= now):
            at = place.due_at if place.what is Due.ANSWER else place.page_at or now
            after = replace(alert, level=Level.PAGE)
            change(connection, alert, after, Reason.UNANSWERED, now, at=at, pace=self._pace)
        else:
            self._climb(connection, alert, place, now)
        return 1

    def _lapse(self, connection: Connection, alert: Alert, place: Place, now: Instant) -> None:
        if alert.ended_at is None:
            after = replace(alert, state=State.OPEN, owner=None)
            change(connection, alert, after, Reason.LAPSED, now, at=place.due_at, pace=self._pace)
        else:  # the resident was seen meanwhile, and whoever went has nothing more to say
            self._resume(connection, alert, Reason.LAPSED, place.due_at, now)

    def _resume(self, connection: Connection, alert: Alert, reason: Reason, at: Instant, now: Instant) -> None:
        over = Outcome.RESUMED
        after = replace(alert, state=State.CLOSED, outcome=over)
        change(connection, alert, after, reason, now, at=at, pace=self._pace, outcome=over)

    def _climb(self, connection: Connection, alert: Alert, place: Place, now: Instant) -> None:
        found = in_force(connection, policy_area(connection, alert), alert.level)
        until = self._held_until(connection, alert, place, found.policy, now)
        if until is not None:
            what = Due.ASK if place.what is Due.ASK else Due.HELD
            put(connection, _no_later_than_page(replace(place, what=what, due_at=until)))
        elif place.what is Due.ASK:
            self._ask(connection, alert, place, found.policy, now)
        else:
            self._call(connection, alert, place, found, now)

    def _ask(self, connection: Connection, alert: Alert, place: Place, policy: Policy, now: Instant) -> None:
        answer_by = now + self._minutes(policy.answer_minutes)
        if asking.ask(connection, alert, now, answer_by):
            change(connection, alert, alert, Reason.ASKED, now, at=place.due_at, pace=self._pace)
            put(connection, replace(place, what=Due.ANSWER, due_at=answer_by))
            return
        waits = policy.answer_minutes if alert.raised_at - alert.onset >= LONG_SILENT else policy.unasked_minutes
        put(connection, replace(place, what=Due.RUNG, due_at=now, page_at=now + self._minutes(waits)))

    def _call(self, connection: Connection, alert: Alert, place: Place, found: InForce, now: Instant) -> None:
        climb = found.policy.climb
        number = min(place.rung, len(climb) - 1)  # the policy may have fewer rungs by now
        last = number == len(climb) - 1
        call = self.call(connection, found.policy, number, area_of(connection, alert), now)
        notices = [
            Notice(alert.id, Purpose.ALERT, login, ways_to(connection, login, climb[number].channels), now, place.since,
                   place.lap, number)
            for login in call.logins
        ]  # fmt: skip
        outbox.enqueue(connection, notices, now)
        if call.logins or (last and place.lap == 0):  # once is enough to say that nobody can be reached
            said = " ".join(call.logins) + (f" ({' '.join(call.unreachable)})" if call.unreachable else "")
            change(connection, alert, alert, Reason.ESCALATED, now, at=place.due_at, pace=self._pace, note=said.strip())
        # Who cannot be reached is not waited for.
        waits = self._minutes(climb[number].minutes) if call.logins or last else 0
        after = replace(
            place, what=Due.RUNG, due_at=now + waits, rung=0 if last else number + 1, lap=place.lap + last,
            page_at=self._page_at(alert, place, found.policy, now), policy=found.id,
        )  # fmt: skip
        put(connection, _no_later_than_page(after))

    def _page_at(self, alert: Alert, place: Place, policy: Policy, now: Instant) -> Instant | None:
        """When a prompt about a person becomes a page; one that was given back, or lapsed, has all of the time again."""
        if alert.subject is not Subject.PERSON or alert.level is Level.PAGE or alert.home == INSTALLATION:
            return None
        return now + self._minutes(policy.unasked_minutes) if place.page_at is None else place.page_at

    def _held_until(
        self, connection: Connection, alert: Alert, place: Place, policy: Policy, now: Instant
    ) -> Instant | None:
        """Until when nobody is called though a rung is due; None when nothing holds it back."""
        silence = covering(connection, alert, now)
        if silence is not None:
            return silence.until
        if held_back_by(connection, alert) is not None:
            return now + int(_HELD_AGAIN * self._pace)
        rung = policy.climb[min(place.rung, len(policy.climb) - 1)]
        return quiet_until(policy, now, self._local) if rung.waits_for_day and place.what is not Due.ASK else None

    # ---- what the pages ask --------------------------------------------------------------------------------------------

    def call(self, connection: Connection, policy: Policy, rung: int, area: str, at: Instant) -> Call:
        """Whom rung number ``rung`` of a policy calls about an alert of an area at ``at``."""
        step = policy.climb[min(rung, len(policy.climb) - 1)]
        meant = meant_by(connection, step.whom, area, at, self._local)
        reachable = tuple(login for login in meant if ways_to(connection, login))
        return Call(rung, step.whom, reachable, tuple(login for login in meant if login not in reachable))

    def lap(self, connection: Connection, policy: Policy, area: str, at: Instant) -> list[tuple[Instant, Call]]:
        """Whom an alert of an area would call if it opened at ``at`` and nobody took it, and when: one lap."""
        found = []
        for number, rung in enumerate(policy.climb):
            at = (quiet_until(policy, at, self._local) or at) if rung.waits_for_day else at
            call = self.call(connection, policy, number, area, at)
            found.append((at, call))
            at += self._minutes(rung.minutes) if call.logins else 0
        return found

    def next_for(self, connection: Connection, alert: Alert, now: Instant) -> Next | None:
        """What happens next to an alert; None when it is closed or held, or when that is nowhere written down."""
        place = place_of(connection, alert.id)
        if place is None or alert.state.taken:
            return None if place is None else Next(place.due_at, place.what)
        policy = in_force(connection, policy_area(connection, alert), alert.level).policy
        call = None
        if place.what in (Due.RUNG, Due.HELD):
            call = self.call(connection, policy, place.rung, area_of(connection, alert), max(now, place.due_at))
        silence = covering(connection, alert, now)
        return Next(place.due_at, place.what, call, silence, held_back_by(connection, alert))


def _no_later_than_page(place: Place) -> Place:
    return place if place.page_at is None else replace(place, due_at=min(place.due_at, place.page_at))
