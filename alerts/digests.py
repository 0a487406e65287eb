"""Digests: a few figures each morning, or when one's shift begins, for those who ask for them.

A digest waits: it is made outside the quiet hours of every policy of its receiver's areas, goes through the one channel that
its receiver chose, and takes no place from a call (``alerts.caller``). Once for each receiver and occasion, also over
restarts: the row that remembers the occasion changes in the transaction that puts the digest into the outbox.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import time, timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import ColumnElement, Connection, Engine, and_, delete, func, insert, select, update

from alerts import tables
from alerts.duty_tables import digests
from alerts.handover import unreached
from alerts.notices import Notice, Purpose
from alerts.outbox import enqueue
from alerts.policy import Policy, in_force, quiet_until
from domain.alerts import State
from domain.clock import DAY, HOUR, MINUTE, Instant, Span
from domain.findings import Level, Subject
from domain.localtime import LocalTime
from domain.modes import ModeKind
from registry import rota
from registry.addresses import channels_of
from registry.rota import Cover, Shift
from registry.sight import sight_of
from registry.tables import homes, staff, staff_areas

EVERY: Span = MINUTE // 2
"""How often it is looked who is due."""
LATE: Span = 2 * HOUR
"""A digest that could not be made for so long is not made any more: the next one tells what stands then."""
MORNING = 8 * 60
"""Minute of the day, where a policy has no quiet hours that end."""
MOST = 10
"""Digests made in one look; the others wait for the next one, a moment later, and no call waits for them."""
_COUNTED: Span = DAY


class Occasion(StrEnum):
    """When somebody wants a digest."""

    MORNING = "morning"
    """When the quiet hours end."""
    SHIFT = "shift"
    """When a turn of theirs in a rota begins, or a cover; at the end of the quiet hours where it begins within them."""


@dataclass(frozen=True, slots=True)
class Choice:
    """What somebody asked for."""

    occasion: Occasion
    channel: str


@dataclass(frozen=True, slots=True)
class Figures:
    """What a digest tells, of the homes of its receiver's areas."""

    pages: int
    prompts: int
    """Open, about residents."""
    unowned: int
    """Of those, without an owner."""
    unreached: int
    """Of those, in which something was tried and nobody was reached."""
    equipment: int
    """Open alerts about devices, lines and the system."""
    away: int
    closed: int
    """About residents, within a day."""


def choice_of(connection: Connection, login: str) -> Choice | None:
    """What somebody asked for; None for nothing."""
    row = connection.execute(select(digests).where(digests.c.login == login)).first()
    return None if row is None else Choice(Occasion(row.occasion), row.channel)


def choose(connection: Connection, login: str, choice: Choice | None, now: Instant) -> None:
    """Ask for a digest from the next occasion on, or for none."""
    connection.execute(delete(digests).where(digests.c.login == login))
    if choice is not None:
        row = {"login": login, "occasion": choice.occasion.value, "channel": choice.channel, "told_for": now}
        connection.execute(insert(digests).values(row))


def figures(connection: Connection, login: str, now: Instant) -> Figures:
    """The figures for ``login`` at ``now``."""
    a, t, m = tables.alerts.c, tables.transitions.c, tables.modes.c
    concerns = _concerns(connection, login)
    standing = a.state.in_([state.value for state in State if state.standing])
    person = a.subject == Subject.PERSON.value
    rows = connection.execute(
        select(a.id, a.level, a.state).where(standing, person, concerns(a.home))
    ).all()  # fmt: skip
    tried = unreached(connection)
    shut = select(t.alert).where(
        t.logged_at >= now - _COUNTED, t.to_state == State.CLOSED.value, t.from_state != State.CLOSED.value
    )
    return Figures(
        sum(row.level == Level.PAGE.value for row in rows), sum(row.level != Level.PAGE.value for row in rows),
        sum(row.state == State.OPEN.value for row in rows), sum(row.id in tried for row in rows),
        _count(connection, a.id, standing, ~person, concerns(a.home)),
        _count(connection, m.id, m.ended_at.is_(None), m.since <= now, m.kind != ModeKind.VISITOR.value, concerns(m.home)),
        _count(connection, a.id, a.id.in_(shut), a.state == State.CLOSED.value, person, concerns(a.home)),
    )  # fmt: skip


def is_quiet(connection: Connection, login: str, now: Instant, local: LocalTime) -> bool:
    """True within the quiet hours of any policy of the receiver's areas."""
    return _quiet(_Policies(connection).of(login), now, local)


class Digests:
    """A stepper of the caller; see ``alerts.caller``."""

    def __init__(
        self, engine: Engine, local: LocalTime, channels: Iterable[str], pace: float = 1.0
    ) -> None:  # fmt: skip
        """``channels``: those that the installation has; through others nothing could ever be sent."""
        self._engine, self._local, self._channels, self._pace = engine, local, frozenset(channels), pace
        self._looked_at: Instant | None = None

    def next_due(self) -> Instant | None:
        """See Stepper.next_due."""
        return None if self._looked_at is None else self._looked_at + int(EVERY * self._pace)

    def step(self, now: Instant) -> int:
        """Put what is due into the outbox; returns how many digests that were."""
        due = self.next_due()
        if due is not None and self._looked_at is not None and self._looked_at <= now < due:
            return 0
        with self._engine.connect() as connection:
            wanted = self._wanted(connection, now)
        if wanted:
            with self._engine.begin() as connection:
                made = sum(self._tell(connection, row, occasion, now) for row, occasion in wanted[:MOST])
            if len(wanted) > MOST:
                return made  # the others at the next look: it comes in a moment
        self._looked_at = now
        return len(wanted)

    def _wanted(self, connection: Connection, now: Instant) -> list[tuple[Any, Instant]]:
        """Who is to be told for which occasion."""
        rows = connection.execute(
            select(digests)
            .join(staff, staff.c.login == digests.c.login)
            .where(staff.c.disabled_at.is_(None), digests.c.channel.in_(self._channels))
            .order_by(digests.c.told_for, digests.c.login)
        ).all()
        shifts, covers, policies = rota.all_shifts(connection), _covers(connection, now), _Policies(connection)
        found = []
        for row in rows:
            hours = policies.of(row.login)
            occasion = self._last(row, hours, shifts, covers, now)
            fresh = occasion is not None and (
                row.told_for < occasion or row.told_for > now
            )  # the clock went back since
            if (
                occasion is not None
                and fresh
                and now - occasion <= int(LATE * self._pace)
                and not _quiet(hours, now, self._local)
            ):
                found.append((row, occasion))
        return found

    def _tell(self, connection: Connection, row: Any, occasion: Instant, now: Instant) -> int:
        mine = and_(digests.c.login == row.login, digests.c.told_for == row.told_for)
        taken = connection.execute(update(digests).where(mine).values(told_for=occasion)).rowcount
        if not taken or row.channel not in channels_of(connection, row.login):
            return 0
        notice = Notice(None, Purpose.DIGEST, row.login, (row.channel,), now, climb=occasion)
        return enqueue(connection, [notice], now)

    def _last(
        self, row: Any, policies: Sequence[Policy], shifts: Sequence[Shift], covers: Sequence[Cover], now: Instant
    ) -> Instant | None:
        """The newest occasion of a receiver that has come; None where there was none lately."""
        if row.occasion == Occasion.MORNING:
            spans = self._mornings(policies, now)
        else:
            spans = self._turns(row.login, shifts, covers, now)
        moved = [(self._after_quiet(policies, begin), end) for begin, end in spans]
        return max((at for at, end in moved if at <= now and at < end), default=None)

    def _mornings(self, policies: Sequence[Policy], now: Instant) -> list[tuple[Instant, Instant]]:
        ends = [policy.quiet_to for policy in policies if policy.quiet_from != policy.quiet_to]
        clock = time(*divmod(max(ends, default=MORNING), 60))
        today = self._local.date(now)
        begins = [self._local.at(today - timedelta(days=back), clock) for back in range(2)]
        return [(begin, begin + DAY) for begin in begins]

    def _turns(
        self, login: str, shifts: Sequence[Shift], covers: Sequence[Cover], now: Instant
    ) -> list[tuple[Instant, Instant]]:
        today = self._local.date(now)
        turns = [
            shift.span(day, self._local)
            for shift in shifts if shift.login == login
            for day in (today - timedelta(days=back) for back in range(2))
            if day.weekday() in shift.weekdays and shift.is_valid(day)
        ]  # fmt: skip
        return turns + [(cover.since, cover.until) for cover in covers if cover.login == login]

    def _after_quiet(self, policies: Sequence[Policy], at: Instant) -> Instant:
        """``at``, or the end of the quiet hours in which it lies."""
        for _ in range(len(policies) + 1):
            ends = [end for policy in policies if (end := quiet_until(policy, at, self._local)) is not None]
            if not ends:
                break
            at = max(ends)
        return at


def _covers(connection: Connection, now: Instant) -> list[Cover]:
    return [cover for cover in rota.coming_covers(connection, now - DAY) if cover.since <= now]


def _areas(connection: Connection, login: str) -> tuple[str, ...]:
    """The receiver's areas; none for all of them."""
    wanted = select(staff_areas.c.area).where(staff_areas.c.login == login).order_by(staff_areas.c.area)
    return tuple(connection.execute(wanted).scalars())


class _Policies:
    """Whose quiet hours hold for whom, each policy read once."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._areas: dict[str, list[str]] = {}
        for row in connection.execute(select(staff_areas)):
            self._areas.setdefault(row.login, []).append(row.area)
        self._known: dict[str, Policy] = {}

    def of(self, login: str) -> list[Policy]:
        """The policies of somebody's areas; the installation's for somebody who is called about all of them."""
        return [self._policy(area) for area in self._areas.get(login, [""])]

    def _policy(self, area: str) -> Policy:
        if area not in self._known:
            self._known[area] = in_force(self._connection, area, Level.PROMPT).policy
        return self._known[area]


def _quiet(policies: Iterable[Policy], at: Instant, local: LocalTime) -> bool:
    return any(quiet_until(policy, at, local) is not None for policy in policies)


def _concerns(connection: Connection, login: str) -> Callable[[ColumnElement[str]], ColumnElement[bool]]:
    """The condition that a home, or the installation, is within somebody's areas and in their sight."""
    areas, sight = _areas(connection, login), sight_of(connection, login)
    conditions: list[ColumnElement[bool]] = [homes.c.area.in_(areas)] if areas else []
    if not sight.everywhere:
        conditions.append(homes.c.area.in_(sight.areas) | homes.c.id.in_(sight.homes))
    theirs = select(homes.c.id).where(*conditions)
    return lambda home: home.in_(theirs) if conditions else home.is_not(None)


def _count(connection: Connection, column: Any, *conditions: ColumnElement[bool]) -> int:
    return int(connection.execute(select(func.count(column)).where(*conditions)).scalar_one())
