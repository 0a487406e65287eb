"""The book in the SQL database."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Engine, func, insert, select, update

from alerts import feedback, tables
from alerts.actions import act
from alerts.book import (
    SYSTEM,
    FindingRow,
    Page,
    WatchedHome,
    changed,
    draft,
    first_transition,
    reopened,
)
from alerts.changes import count_change
from alerts.duty_tables import sightings
from alerts.following import change, follow
from alerts.modes import end_by_itself, for_the_watch
from alerts.records import decode_finding, decode_status, encode_finding
from alerts.sqlalerts import alert_of, append, columns_of, find, transition_of
from domain.alerts import Alert, Outcome, Reason, Result, State, Step, Transition
from domain.clock import Instant, Span
from domain.feedback import Feedback
from domain.findings import Ended, Finding
from domain.ids import HomeId
from domain.modes import Mode, ModeEnd
from domain.status import HomeStatus
from registry.database import insert_into, upsert


@dataclass(frozen=True, slots=True)
class RoleMark:
    """One role's last sign of life."""

    name: str
    stepped_at: Instant
    """Real time."""
    lag: Span
    detail: str = ""


class SqlBook:
    """A book for an installation. Each public method is one transaction of its own."""

    def __init__(self, engine: Engine, pace: float = 1.0) -> None:
        """``pace``: how many times faster than the world's the installation's clock runs; people's spans grow by it."""
        self._engine, self._pace = engine, pace

    @contextmanager
    def transaction(self) -> Iterator[Page]:
        """See Book.transaction."""
        with self._engine.begin() as connection:
            page = SqlPage(connection, self._pace)
            yield page
            page.finish()

    # ---- the watch's own state ---------------------------------------------------------------------------------------

    def watched(self) -> Iterator[WatchedHome]:
        """See Book.watched."""
        with self._engine.connect().execution_options(stream_results=True, max_row_buffer=500) as connection:
            for row in connection.execute(select(tables.watched)):
                yield WatchedHome(HomeId(row.home), row.cursor, row.state, row.status)

    def cursor(self) -> int:
        """See Book.cursor."""
        with self._engine.connect() as connection:
            return connection.execute(select(tables.cursors.c.offset)).scalar() or 0

    def fleet(self) -> bytes:
        """See Book.fleet."""
        with self._engine.connect() as connection:
            return connection.execute(select(tables.fleet.c.state)).scalar() or b""

    def modes(self, now: Instant) -> list[Mode]:
        """See Book.modes."""
        with self._engine.connect() as connection:
            return for_the_watch(connection, now)

    def feedback(self, after: int, now: Instant) -> list[Feedback]:
        """See Book.feedback."""
        with self._engine.connect() as connection:
            return feedback.for_the_watch(connection, after, now)

    def feedback_of(self, home: HomeId, since: Instant) -> list[Feedback]:
        """What people found in a home, written since then; the newest first."""
        with self._engine.connect() as connection:
            return feedback.of_home(connection, home, since)

    def furthest(self) -> int:
        """The furthest offset of the journal that anything in the book has seen."""
        with self._engine.connect() as connection:
            home = connection.execute(select(func.max(tables.watched.c.cursor))).scalar() or 0
        return max(self.cursor(), home)

    def mark(self, mark: RoleMark) -> None:
        """Write down that a role is alive."""
        values = {"stepped_at": mark.stepped_at, "lag": mark.lag, "detail": mark.detail}
        with self._engine.begin() as connection:
            upsert(connection, tables.roles, {"name": mark.name}, values)

    def marks(self) -> dict[str, RoleMark]:
        """Each role's last sign of life."""
        with self._engine.connect() as connection:
            return {
                row.name: RoleMark(row.name, row.stepped_at, row.lag, row.detail)
                for row in connection.execute(select(tables.roles))
            }

    # ---- what the pages ask ------------------------------------------------------------------------------------------

    def change_count(self) -> int:
        """A number that grows with every change that a page could show."""
        with self._engine.connect() as connection:
            return connection.execute(select(tables.changes.c.count)).scalar() or 0

    def statuses(self) -> dict[HomeId, HomeStatus]:
        """Every watched home as it was last seen."""
        with self._engine.connect() as connection:
            return {
                HomeId(row.home): decode_status(row.status)
                for row in connection.execute(select(tables.watched.c.home, tables.watched.c.status))
            }

    def state(self, home: str) -> bytes | None:
        """What the watch saved of one home; see WatchedHome."""
        with self._engine.connect() as connection:
            return connection.execute(select(tables.watched.c.state).where(tables.watched.c.home == home)).scalar()

    def status(self, home: str) -> HomeStatus | None:
        """One home as it was last seen."""
        with self._engine.connect() as connection:
            wanted = select(tables.watched.c.status).where(tables.watched.c.home == home)
            body = connection.execute(wanted).scalar()
        return None if body is None else decode_status(body)

    def open_alerts(self) -> list[Alert]:
        """Every alert that is open, claimed or being worked on, in no order."""
        return self._alerts(tables.alerts.c.state.in_([state.value for state in State if state.standing]))

    def alerts_of(self, home: str, limit: int = 50) -> list[Alert]:
        """The newest alerts of a home, held ones left out."""
        return self._alerts(
            (tables.alerts.c.home == home) & (tables.alerts.c.state != State.HELD.value), limit=limit, newest=True
        )

    def alert(self, number: int) -> Alert | None:
        """One alert, or None."""
        found = self._alerts(tables.alerts.c.id == number)
        return found[0] if found else None

    def recent(self, limit: int = 20) -> list[Alert]:
        """The alerts that were closed last."""
        return self._alerts(tables.alerts.c.state == State.CLOSED.value, limit=limit, newest=True)

    def _alerts(self, condition: Any, limit: int | None = None, newest: bool = False) -> list[Alert]:
        wanted = select(tables.alerts).where(condition)
        if newest:
            wanted = wanted.order_by(tables.alerts.c.opened_at.desc(), tables.alerts.c.id.desc())
        with self._engine.connect() as connection:
            return [alert_of(row._mapping) for row in connection.execute(wanted.limit(limit))]  # noqa: SLF001 (SQLAlchemy's public name)

    def history(self, number: int) -> list[Transition]:
        """An alert's transitions, the first first."""
        wanted = select(tables.transitions).where(tables.transitions.c.alert == number)
        with self._engine.connect() as connection:
            rows = connection.execute(wanted.order_by(tables.transitions.c.version)).all()
        return [transition_of(row._mapping) for row in rows]  # noqa: SLF001 (SQLAlchemy's public name)

    def findings_of(self, home: str, since: Instant) -> list[FindingRow]:
        """The findings of a home that were raised at or after ``since``, unknowns too, oldest first."""
        wanted = (
            select(tables.findings)
            .where(tables.findings.c.home == home, tables.findings.c.raised_at >= since)
            .order_by(tables.findings.c.raised_at)
        )
        with self._engine.connect() as connection:
            rows = connection.execute(wanted).all()
        return [FindingRow(decode_finding(r.body), r.noticed_at, r.ended_at, r.end_reason) for r in rows]

    def standing(self, home: str) -> list[Finding]:
        """The findings of a home that are not over, the oldest first."""
        columns = tables.findings.c
        wanted = select(columns.body).where(columns.home == home, columns.ended_at.is_(None))
        with self._engine.connect() as connection:
            return [decode_finding(body) for body in connection.execute(wanted.order_by(columns.raised_at)).scalars()]

    def all_findings(self) -> list[FindingRow]:
        """Every finding, by the order in which their deadlines passed."""
        wanted = select(tables.findings).order_by(tables.findings.c.raised_at, tables.findings.c.id)
        with self._engine.connect() as connection:
            rows = connection.execute(wanted).all()
        return [FindingRow(decode_finding(r.body), r.noticed_at, r.ended_at, r.end_reason) for r in rows]

    # ---- what people do ----------------------------------------------------------------------------------------------

    def act(
        self,
        number: int,
        version: int,
        action: str,
        by: str,
        now: Instant,
        *,
        note: str = "",
        outcome: Outcome | None = None,
        step: tuple[Step, Result] | None = None,
        assignee: str | None = None,
    ) -> Alert:
        """Do one of ``alerts.actions.ACTIONS`` to an alert; see ``alerts.actions.act``."""
        with self._engine.begin() as connection:
            return act(
                connection, number, version, action, by, now, note=note, outcome=outcome, step=step, assignee=assignee,
                pace=self._pace,
            )  # fmt: skip

    def see(self, number: int, login: str, now: Instant) -> None:
        """Write down that somebody has looked at an alert; the first time counts, and only that one is written."""
        if login in self.sightings(number):
            return
        values = {"alert": number, "login": login, "at": now}
        with self._engine.begin() as connection:
            connection.execute(insert_into(connection, sightings).values(**values).on_conflict_do_nothing())

    def sightings(self, number: int) -> dict[str, Instant]:
        """Who has looked at an alert, and when first; the earliest first."""
        columns = sightings.c
        wanted = select(columns.login, columns.at).where(columns.alert == number).order_by(columns.at, columns.login)
        with self._engine.connect() as connection:
            return {row.login: row.at for row in connection.execute(wanted)}


class SqlPage:
    """One transaction of the watch."""

    def __init__(self, connection: Connection, pace: float = 1.0) -> None:
        self._connection, self._pace = connection, pace
        self._changed = False

    def finish(self) -> None:
        """Tell the pages that something changed, if something did."""
        if self._changed:
            count_change(self._connection)

    def current(self, home: HomeId, cause: str) -> Alert | None:
        """See Page.current."""
        columns = tables.alerts.c
        return find(
            self._connection, (columns.home == home) & (columns.cause == cause) & (columns.state != State.CLOSED.value)
        )

    def note(self, finding: Finding, noticed_at: Instant) -> bool:
        """See Page.note."""
        known = self._connection.execute(select(tables.findings.c.id).where(tables.findings.c.id == finding.id)).first()
        if known is not None:
            return False
        self._connection.execute(
            insert(tables.findings).values(
                id=finding.id, home=finding.home, cause=finding.cause, raised_at=finding.raised_at,
                noticed_at=noticed_at, body=encode_finding(finding),
            )
        )  # fmt: skip
        self._changed = True
        return True

    def end(self, ended: Ended) -> None:
        """See Page.end."""
        columns = tables.findings.c
        self._connection.execute(
            update(tables.findings)
            .where(columns.id == ended.finding, columns.ended_at.is_(None))
            .values(ended_at=ended.ended_at, end_reason=ended.reason.value)
        )
        self._changed = True

    def standing(self, home: HomeId) -> list[Finding]:
        """See Page.standing."""
        columns = tables.findings.c
        wanted = select(columns.body).where(columns.home == home, columns.ended_at.is_(None))
        bodies = self._connection.execute(wanted.order_by(columns.raised_at, columns.id)).scalars()
        return [decode_finding(body) for body in bodies]

    def open(self, finding: Finding, state: State, reason: Reason, now: Instant, late: bool) -> Alert:
        """See Page.open."""
        new = draft(0, finding, state, now, late)
        result = self._connection.execute(insert(tables.alerts).values(**columns_of(new)).returning(tables.alerts.c.id))
        alert = draft(int(result.scalar_one()), finding, state, now, late)
        self._append(first_transition(alert, reason, now))
        follow(self._connection, None, alert, reason, now, self._pace)
        return alert

    def change(
        self,
        alert: Alert,
        reason: Reason,
        at: Instant,
        now: Instant,
        *,
        state: State | None = None,
        finding: Finding | None = None,
        outcome: Outcome | None = None,
        ended_at: Instant | None = None,
        late: bool | None = None,
    ) -> Alert:
        """See Page.change. Raises StaleError when somebody changed the alert within this very transaction's time."""
        after = changed(alert, state, finding, outcome, ended_at, late)
        return change(self._connection, alert, after, reason, now, at=at, pace=self._pace, outcome=outcome)

    def last_closed(self, home: HomeId, cause: str) -> tuple[Alert, Instant] | None:
        """See Page.last_closed."""
        a, t = tables.alerts.c, tables.transitions.c
        wanted = (
            select(tables.alerts, t.at.label("closed_at"))
            .join(tables.transitions, (t.alert == a.id) & (t.to_state == State.CLOSED.value))
            .where(a.home == home, a.cause == cause, a.state == State.CLOSED.value, t.from_state != State.CLOSED.value)
            .order_by(a.id.desc(), t.version.desc())
        )
        row = self._connection.execute(wanted.limit(1)).first()
        return None if row is None else (alert_of(row._mapping), row.closed_at)  # noqa: SLF001 (SQLAlchemy's public name)

    def reopen(self, alert: Alert, finding: Finding, now: Instant) -> Alert:
        """See Page.reopen."""
        after = reopened(alert, finding)
        return change(self._connection, alert, after, Reason.REOPENED, now, at=after.raised_at, pace=self._pace)

    def held(self) -> list[Alert]:
        """See Page.held."""
        wanted = select(tables.alerts).where(tables.alerts.c.state == State.HELD.value).order_by(tables.alerts.c.id)
        return [alert_of(row._mapping) for row in self._connection.execute(wanted)]  # noqa: SLF001 (SQLAlchemy's public name)

    def end_mode(self, mode: int, at: Instant, end: ModeEnd) -> None:
        """See Page.end_mode."""
        end_by_itself(self._connection, mode, at, end, SYSTEM)
        self._changed = True

    def save(self, home: WatchedHome) -> None:
        """See Page.save."""
        values = {"cursor": home.cursor, "state": home.state, "status": home.status}
        upsert(self._connection, tables.watched, {"home": home.home}, values)
        self._changed = True

    def save_cursor(self, offset: int) -> None:
        """See Page.save_cursor."""
        upsert(self._connection, tables.cursors, {"name": "watch"}, {"offset": offset})

    def save_fleet(self, state: bytes) -> None:
        """See Page.save_fleet."""
        upsert(self._connection, tables.fleet, {"id": 1}, {"state": state})

    def _append(self, row: Transition) -> None:
        append(self._connection, row)
        self._changed = True
