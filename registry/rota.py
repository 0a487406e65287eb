"""Who is on call: weekly shifts on the installation's wall clock, and covers, by which somebody stands in once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, time, timedelta
from typing import Any

from sqlalchemy import Connection, delete, insert, select, update

from domain.clock import DAY, Instant, Span
from domain.errors import KehaiError
from domain.ids import BadIdError, check_id
from domain.localtime import LocalTime
from registry import tables

DEFAULT = "default"
"""The rota that the policies of the program call."""
LONGEST = 7 * 24 * 60
"""A shift lasts a week at most, in minutes."""
LONGEST_COVER: Span = 366 * DAY
_DAY = 24 * 60


@dataclass(frozen=True, slots=True)
class Shift:
    """Somebody's weekly turn.

    It begins at ``begins`` o'clock as people read clocks, and ends ``minutes`` of them later: a night shift from 22:00 for 480
    minutes ends at 06:00, also in the nights that have 7 or 9 hours between these two.
    """

    rota: str
    login: str
    weekdays: frozenset[int]
    """0 is Monday; the days on which it begins."""
    begins: int
    """Minute of the day."""
    minutes: int
    position: int = 0
    """0 is called first."""
    valid_from: date | None = None
    valid_to: date | None = None
    """Both included; the day on which the shift begins counts."""
    id: int = 0

    def covers(self, at: Instant, local: LocalTime) -> bool:
        """True when the shift runs at ``at``: its first instant belongs to it, its last does not."""
        today = local.date(at)
        for back in range(self.minutes // _DAY + 2):
            day = today - timedelta(days=back)
            if day.weekday() in self.weekdays and self.is_valid(day):
                begin, end = self.span(day, local)
                if begin <= at < end:
                    return True
        return False

    def span(self, day: date, local: LocalTime) -> tuple[Instant, Instant]:
        """Begin and end of the turn that begins on ``day``."""
        last, minute = divmod(self.begins + self.minutes, _DAY)
        return _at(day, self.begins, local), _at(day + timedelta(days=last), minute, local)

    def is_valid(self, day: date) -> bool:
        """True when a turn may begin on ``day``, its weekday aside."""
        return (self.valid_from is None or day >= self.valid_from) and (self.valid_to is None or day <= self.valid_to)


@dataclass(frozen=True, slots=True)
class Cover:
    """Somebody stands in, once; with nobody to stand in for, they are on call in addition, before all others."""

    rota: str
    login: str
    since: Instant
    until: Instant
    by: str
    instead_of: str | None = None
    why: str = ""
    id: int = 0


class BadShiftError(KehaiError):
    """A shift or cover that cannot be; ``str`` says why, in one sentence."""


def on_call(connection: Connection, rota: str, at: Instant, local: LocalTime) -> list[str]:
    """The logins that are on call in ``rota`` at ``at``, who is called first first; nobody twice, and no closed account."""
    shifts = [shift for shift in all_shifts(connection, rota) if shift.covers(at, local)]
    ordered = [shift.login for shift in sorted(shifts, key=lambda shift: (shift.position, shift.id))]
    added: list[str] = []
    for cover in covers_at(connection, rota, at):
        if cover.instead_of is None:
            added.append(cover.login)
        else:
            ordered = [cover.login if login == cover.instead_of else login for login in ordered]
    closed = set(
        connection.execute(select(tables.staff.c.login).where(tables.staff.c.disabled_at.is_not(None))).scalars()
    )
    return [login for login in dict.fromkeys([*added, *ordered]) if login not in closed]


def all_shifts(connection: Connection, rota: str | None = None) -> list[Shift]:
    """Every shift, or those of one rota."""
    columns = tables.shifts.c
    wanted = select(tables.shifts).order_by(columns.rota, columns.position, columns.begins, columns.id)
    if rota is not None:
        wanted = wanted.where(columns.rota == rota)
    return [_shift(row) for row in connection.execute(wanted)]


def add_shift(connection: Connection, shift: Shift) -> int:
    """Write a shift down; raises BadShiftError."""
    if not shift.weekdays or not shift.weekdays <= set(range(7)):
        raise BadShiftError("Choose at least one day of the week on which the shift begins.")
    if not 0 <= shift.begins < _DAY or not 0 < shift.minutes <= LONGEST:
        raise BadShiftError("A shift begins between 00:00 and 23:59 and lasts from a minute to a week.")
    if shift.valid_from and shift.valid_to and shift.valid_to < shift.valid_from:
        raise BadShiftError("The last day of the shift lies before its first: exchange them.")
    _check_name(shift.rota)
    _check_known(connection, shift.login)
    mask = sum(1 << day for day in shift.weekdays)
    new = insert(tables.shifts).values(
        rota=shift.rota, login=shift.login, position=shift.position, weekdays=mask, begins=shift.begins,
        minutes=shift.minutes, valid_from=shift.valid_from.isoformat() if shift.valid_from else None,
        valid_to=shift.valid_to.isoformat() if shift.valid_to else None,
    )  # fmt: skip
    return int(connection.execute(new.returning(tables.shifts.c.id)).scalar_one())


def remove_shift(connection: Connection, number: int) -> bool:
    """Take a shift away; False when it was gone already."""
    return connection.execute(delete(tables.shifts).where(tables.shifts.c.id == number)).rowcount == 1


def add_cover(connection: Connection, cover: Cover) -> int:
    """Write a cover down; raises BadShiftError."""
    if cover.until <= cover.since:
        raise BadShiftError("The end of the cover lies before its beginning: exchange them.")
    if cover.until - cover.since > LONGEST_COVER:
        raise BadShiftError("A cover lasts a year at most: change the shifts instead.")
    if cover.login == cover.instead_of:
        raise BadShiftError("Nobody can stand in for themselves: choose another person.")
    _check_name(cover.rota)
    for login in {cover.login, cover.instead_of} - {None}:
        _check_known(connection, str(login))
    new = insert(tables.covers).values(
        rota=cover.rota, instead_of=cover.instead_of, login=cover.login, since=cover.since, until=cover.until,
        by=cover.by, why=cover.why[:2000],
    )  # fmt: skip
    return int(connection.execute(new.returning(tables.covers.c.id)).scalar_one())


def covers_at(connection: Connection, rota: str, at: Instant) -> Sequence[Cover]:
    """The covers of a rota that hold at ``at``, the newest last."""
    columns = tables.covers.c
    wanted = select(tables.covers).where(columns.rota == rota, columns.since <= at, columns.until > at)
    return [_cover(row) for row in connection.execute(wanted.order_by(columns.id))]


def coming_covers(connection: Connection, after: Instant) -> list[Cover]:
    """Every cover that is not over at ``after``, by its beginning."""
    columns = tables.covers.c
    wanted = select(tables.covers).where(columns.until > after).order_by(columns.since, columns.id)
    return [_cover(row) for row in connection.execute(wanted)]


def end_cover(connection: Connection, number: int, now: Instant) -> bool:
    """A cover that runs ends now, one that is to come is taken away; False when it is over already."""
    columns = tables.covers.c
    coming = delete(tables.covers).where(columns.id == number, columns.since >= now)
    running = update(tables.covers).where(columns.id == number, columns.since < now, columns.until > now)
    return connection.execute(coming).rowcount + connection.execute(running.values(until=now)).rowcount == 1


def names(connection: Connection) -> list[str]:
    """Every rota that has a shift or had a cover; the default one first, always."""
    known = set(connection.execute(select(tables.shifts.c.rota).distinct()).scalars())
    known |= set(connection.execute(select(tables.covers.c.rota).distinct()).scalars())
    return [DEFAULT, *sorted(known - {DEFAULT})]


def next_change(connection: Connection, rota: str, after: Instant, local: LocalTime) -> Instant | None:
    """When other people than at ``after`` are on call for the first time; None where that is not within a week."""
    edges: set[Instant] = set()
    today = local.date(after)
    for shift in all_shifts(connection, rota):
        for ahead in range(-(shift.minutes // _DAY) - 1, 9):
            edges.update(shift.span(today + timedelta(days=ahead), local))
    for cover in coming_covers(connection, after):
        edges.update((cover.since, cover.until) if cover.rota == rota else ())
    before = on_call(connection, rota, after, local)
    for edge in sorted(edge for edge in edges if after < edge <= after + 8 * DAY):
        if on_call(connection, rota, edge, local) != before:
            return edge
    return None


def turns_begun(connection: Connection, rota: str, at: Instant, local: LocalTime, limit: int = 2) -> list[Instant]:
    """When the last turns of a rota began that had begun by ``at``, the newest first, within eight days."""
    today = local.date(at)
    begun = {
        begin
        for shift in all_shifts(connection, rota)
        for back in range(9)
        for day in [today - timedelta(days=back)]
        if day.weekday() in shift.weekdays and shift.is_valid(day) and (begin := shift.span(day, local)[0]) <= at
    }
    return sorted(begun, reverse=True)[:limit]


def _at(day: date, minute: int, local: LocalTime) -> Instant:
    return local.at(day, time(*divmod(minute, 60)))


def _check_name(rota: str) -> None:
    try:
        check_id(rota, "rota")
    except BadIdError as error:
        raise BadShiftError(str(error)) from error
    if len(rota) > 40 or ":" in rota:
        raise BadShiftError("The name of a rota has at most 40 characters and no ':'.")


def _check_known(connection: Connection, login: str) -> None:
    wanted = select(tables.staff.c.login).where(tables.staff.c.login == login, tables.staff.c.disabled_at.is_(None))
    if connection.execute(wanted).first() is None:
        raise BadShiftError(f"There is no open account {login!r}: make it first, or mend the name.")


def _shift(r: Any) -> Shift:
    return Shift(
        r.rota, r.login, frozenset(day for day in range(7) if r.weekdays >> day & 1), r.begins, r.minutes, r.position,
        date.fromisoformat(r.valid_from) if r.valid_from else None,
        date.fromisoformat(r.valid_to) if r.valid_to else None, r.id,
    )  # fmt: skip


def _cover(r: Any) -> Cover:
    return Cover(r.rota, r.login, r.since, r.until, r.by, r.instead_of, r.why, r.id)
