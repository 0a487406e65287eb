"""Silences: about what they cover nobody is called until they expire. The alert stands on the board all the same."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, insert, or_, select, update

from alerts.asking import HELP_CALLED
from alerts.duty_tables import silences
from alerts.people import area_of
from alerts.places import look_again
from domain.alerts import Alert
from domain.clock import DAY, Instant, Span
from domain.ids import HomeId

LONGEST: Span = 30 * DAY


@dataclass(frozen=True, slots=True)
class Silence:
    """What nobody is to be called about, and until when. A row is written once, and once more if it is ended early."""

    id: int
    home: HomeId | None
    area: str | None
    cause: str | None
    since: Instant
    until: Instant
    why: str
    by: str
    written_at: Instant
    ended_at: Instant | None = None
    ended_by: str | None = None

    def holds(self, at: Instant) -> bool:
        """True from its first instant until it expires or is ended."""
        return self.since <= at < (self.until if self.ended_at is None else min(self.until, self.ended_at))

    def covers(self, alert: Alert, area: str) -> bool:
        """True for an alert of this home, area and cause; ``area`` is the alert's own, and nothing covers a call for help."""
        return (
            alert.cause != HELP_CALLED
            and self.home in (None, alert.home)
            and self.area in (None, area)
            and self.cause in (None, alert.cause, alert.kind)
        )


def add(
    connection: Connection,
    home: HomeId | None,
    area: str | None,
    cause: str | None,
    until: Instant,
    why: str,
    by: str,
    now: Instant,
) -> int:
    """Write a silence down, from now on. Raises ValueError, in one sentence, where it is past, too long, or has no reason."""
    if until <= now:
        raise ValueError("That time is past: choose one that is still to come.")
    if until > now + LONGEST:
        raise ValueError("A silence lasts 30 days at most: choose a nearer time, and say it anew then.")
    if not why.strip():
        raise ValueError("Say why nobody is to be called: whoever comes next must know.")
    new = insert(silences).values(
        home=home, area=area or None, cause=cause or None, since=now, until=until, why=why.strip()[:2000], by=by,
        written_at=now,
    )  # fmt: skip
    return int(connection.execute(new.returning(silences.c.id)).scalar_one())


def end(connection: Connection, number: int, by: str, now: Instant) -> bool:
    """End a silence early; False when it was over already."""
    columns = silences.c
    these = (columns.id == number) & columns.ended_at.is_(None) & (columns.until > now)
    ended = connection.execute(update(silences).where(these).values(ended_at=now, ended_by=by)).rowcount == 1
    if ended:
        look_again(connection, now)
    return ended


def covering(connection: Connection, alert: Alert, now: Instant) -> Silence | None:
    """The silence that covers an alert now, the one that lasts longest, or None; nothing covers a call for help."""
    if alert.cause == HELP_CALLED:
        return None
    columns = silences.c
    area = area_of(connection, alert)
    wanted = (
        select(silences)
        .where(
            columns.since <= now, columns.until > now, columns.ended_at.is_(None),
            or_(columns.home.is_(None), columns.home == alert.home),
            or_(columns.area.is_(None), columns.area == area),
            or_(columns.cause.is_(None), columns.cause == alert.cause, columns.cause == alert.kind),
        )
        .order_by(columns.until.desc())
    )  # fmt: skip
    row = connection.execute(wanted.limit(1)).first()
    return None if row is None else _silence(row)


def holding(connection: Connection, now: Instant) -> list[Silence]:
    """Every silence that holds, the one that lasts longest first."""
    columns = silences.c
    wanted = select(silences).where(columns.since <= now, columns.until > now, columns.ended_at.is_(None))
    return [_silence(row) for row in connection.execute(wanted.order_by(columns.until.desc()))]


def all_of(connection: Connection, now: Instant, past: Span = 30 * DAY) -> list[Silence]:
    """Every silence that holds or was over within ``past``, those that hold first."""
    wanted = select(silences).where(silences.c.until > now - past).order_by(silences.c.id.desc())
    found = [_silence(row) for row in connection.execute(wanted)]
    return sorted(found, key=lambda silence: not silence.holds(now))


def _silence(row: Any) -> Silence:
    return Silence(
        row.id, HomeId(row.home) if row.home else None, row.area, row.cause, row.since, row.until, row.why, row.by,
        row.written_at, row.ended_at, row.ended_by,
    )  # fmt: skip
