"""What staff say about homes, in the SQL database: written by commands and pages, read by the watch."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime, time
from typing import Any

from sqlalchemy import Connection, Engine, insert, or_, select, update

from alerts.changes import count_change
from alerts.tables import modes
from domain.clock import DAY, HOUR, MINUTE, Instant, Span
from domain.ids import HomeId
from domain.localtime import LocalTime
from domain.modes import LONGEST, SAID, TAKES, Mode, ModeEnd, ModeKind

REMEMBERED: Span = 10 * DAY
"""How long the watch is told of a mode that staff have ended: a watch that was down that long still reads it."""

_EVENING = time(18)
"""When somebody is expected who comes back on a day of which nobody said the hour."""


def read_until(text: str, local: LocalTime, now: Instant) -> Instant:
    """What a person means by ``2026-11-30`` (that evening), ``2026-11-30T15:00``, ``3d`` or ``12h``, on the home's wall clock.

    Raises ValueError, in one sentence, for anything else.
    """
    ahead = re.fullmatch(r"(\d{1,4})([hd])", text.strip())
    if ahead is not None:
        return now + int(ahead[1]) * (HOUR if ahead[2] == "h" else DAY)
    try:
        said = datetime.fromisoformat(text.strip())
    except ValueError as error:
        raise ValueError(f"{text!r} is no time: write 2026-11-30, 2026-11-30T15:00, 12h or 3d.") from error
    if said.tzinfo is not None:
        raise ValueError(f"{text!r} names a time zone: leave it out, the home's own is meant.")
    whole_day = re.fullmatch(r"\d{4}-\d{2}-\d{2}", text.strip()) is not None
    return local.at(said.date(), _EVENING if whole_day else said.time())


class Modes:
    """Each public method is one transaction of its own."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def say(self, home: HomeId, kind: ModeKind, until: Instant, by: str, now: Instant, why: str = "") -> Mode:
        """Write a mode down; it holds ``TAKES`` from now, and takes the place of one of its kind (away and hospital are one).

        Raises ValueError, in one sentence, when ``until`` is past or more than a year ahead.
        """
        since = now + TAKES
        if until <= since + MINUTE:
            raise ValueError("That time is past: choose one that is still to come.")
        if until > now + LONGEST:
            raise ValueError("That is more than a year ahead: choose a nearer date, and say it anew then.")
        with self._engine.begin() as connection:
            kinds = [other for other in ModeKind if other.empties == kind.empties]
            _end(connection, home, kinds, since, ModeEnd.REPLACED, by)
            new = insert(modes).values(
                home=home, kind=kind.value, since=since, until=until, why=why[:2000], by=by, written_at=now
            )
            number = int(connection.execute(new.returning(modes.c.id)).scalar_one())
            count_change(connection)
        return Mode(number, home, kind, since, until, why[:2000], by, now)

    def back(self, home: HomeId, by: str, now: Instant) -> int:
        """Whatever was said of this home holds no more, from ``TAKES`` on; returns how many modes that ended."""
        with self._engine.begin() as connection:
            ended = _end(connection, home, list(ModeKind), now + TAKES, ModeEnd.BACK, by)
            count_change(connection)
        return ended

    def of(self, home: HomeId, limit: int = 20) -> list[Mode]:
        """What was said of a home, the newest first."""
        wanted = select(modes).where(modes.c.home == home).order_by(modes.c.id.desc()).limit(limit)
        with self._engine.connect() as connection:
            return [_mode(row) for row in connection.execute(wanted)]

    def holding(self) -> list[Mode]:
        """What holds, or is about to, in every home."""
        wanted = select(modes).where(modes.c.ended_at.is_(None)).order_by(modes.c.home, modes.c.id)
        with self._engine.connect() as connection:
            return [_mode(row) for row in connection.execute(wanted)]


def to_hospital(connection: Connection, home: HomeId, alert: int, by: str, now: Instant) -> None:
    """The outcome of ``alert`` says that the resident is in hospital: without a date, unless staff have said so with one."""
    columns = modes.c
    held = select(columns.id).where(
        columns.home == home, columns.kind == ModeKind.HOSPITAL.value, columns.ended_at.is_(None), columns.until > now
    )
    if connection.execute(held).first() is not None:
        return
    since = now + TAKES
    _end(connection, home, [kind for kind in ModeKind if kind.empties], since, ModeEnd.REPLACED, by)
    connection.execute(
        insert(modes).values(
            home=home, kind=ModeKind.HOSPITAL.value, since=since, until=since + LONGEST, why="", by=by, written_at=now,
            alert=alert,
        )
    )  # fmt: skip


def not_in_hospital(connection: Connection, alert: int, by: str, now: Instant) -> None:
    """The outcome of ``alert`` was taken back: what it said of the home holds no more."""
    these = (modes.c.alert == alert) & modes.c.ended_at.is_(None)
    values = {"ended_at": now + TAKES, "end": ModeEnd.REPLACED.value, "ended_by": by}
    connection.execute(update(modes).where(these).values(**values))


def for_the_watch(connection: Connection, now: Instant) -> list[Mode]:
    """What holds or is about to, and what staff ended lately."""
    columns = modes.c
    said = columns.end.in_([end.value for end in SAID]) & (columns.ended_at > now - REMEMBERED)
    rows = connection.execute(select(modes).where(or_(columns.ended_at.is_(None), said)).order_by(columns.id))
    return [_mode(row) for row in rows]


def end_by_itself(connection: Connection, mode: int, at: Instant, end: ModeEnd, by: str) -> None:
    """The readings or the clock have ended a mode; the first word counts."""
    this = (modes.c.id == mode) & modes.c.ended_at.is_(None)
    connection.execute(update(modes).where(this).values(ended_at=at, end=end.value, ended_by=by))


def _end(connection: Connection, home: HomeId, kinds: Sequence[ModeKind], at: Instant, end: ModeEnd, by: str) -> int:
    these = (modes.c.home == home) & modes.c.ended_at.is_(None) & modes.c.kind.in_([kind.value for kind in kinds])
    return connection.execute(update(modes).where(these).values(ended_at=at, end=end.value, ended_by=by)).rowcount


def _mode(row: Any) -> Mode:
    return Mode(
        row.id, HomeId(row.home), ModeKind(row.kind), row.since, row.until, row.why, row.by, row.written_at,
        row.ended_at, ModeEnd(row.end) if row.end else None, row.ended_by, row.alert,
    )  # fmt: skip
