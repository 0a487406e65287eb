"""The points that the store would not take: listed, and offered to it again after something was mended."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Delete, Engine, Row, Update, delete, func, select, update

from domain.clock import Instant
from ingest.influx import tables
from ingest.influx.answers import Answer, Store, Verdict

_TOGETHER = 500


@dataclass(frozen=True, slots=True)
class RefusedPoint:
    """A point that is kept because the store would not take it."""

    id: int
    refused_at: Instant
    status: int
    """Of HTTP; 0 when the store failed at it without an answer."""
    words: str
    """The store's own."""
    line: str
    """The point, in InfluxDB's line protocol, timestamp in nanoseconds."""


@dataclass(frozen=True, slots=True)
class Retried:
    """What came of offering them again."""

    stored: int
    refused: int
    """Refused again; they are kept with the store's new words."""
    trouble: Answer | None = None
    """Why it ended early: the store neither took nor refused a point, which is kept as it was, like all after it."""


def refused_points(engine: Engine, limit: int = 100) -> list[RefusedPoint]:
    """The refused points, the newest first."""
    wanted = select(tables.refused).order_by(tables.refused.c.id.desc()).limit(limit)
    with engine.connect() as connection:
        return [_point(row) for row in connection.execute(wanted).all()]


def refused_count(engine: Engine) -> int:
    """How many refused points are kept."""
    with engine.connect() as connection:
        return connection.execute(select(func.count()).select_from(tables.refused)).scalar() or 0


def retry(engine: Engine, store: Store, ids: Collection[int] | None = None) -> Retried:
    """Offer the points of these ids (None: all) once more, the oldest first; those that the store takes are forgotten."""
    stored = refused = last = 0
    while True:
        wanted = select(tables.refused).where(tables.refused.c.id > last).order_by(tables.refused.c.id)
        with engine.connect() as connection:
            points = [_point(row) for row in connection.execute(wanted.limit(_TOGETHER)).all()]
        if not points:
            return Retried(stored, refused)
        last = points[-1].id
        for point in points:
            if ids is not None and point.id not in ids:
                continue
            answer = store.write(point.line.encode())
            this = tables.refused.c.id == point.id
            change: Delete | Update
            if answer.verdict is Verdict.STORED:
                change = delete(tables.refused).where(this)
                stored += 1
            elif answer.verdict is Verdict.REFUSED:
                change = update(tables.refused).where(this).values(status=answer.status, words=answer.words)
                refused += 1
            else:
                return Retried(stored, refused, answer)
            with engine.begin() as connection:
                connection.execute(change)


def _point(row: Row[Any]) -> RefusedPoint:
    return RefusedPoint(row.id, row.refused_at, row.status, row.words, row.line)
