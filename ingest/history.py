"""What the pages ask the journal: a home's day, its coverage, the dead letters. Read only.

The journal belongs to ingest; this opens the same file read-only and never waits for the writer.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from domain.clock import HOUR, Instant
from domain.ids import DeviceId, GatewayId, HomeId
from domain.readings import Quantity


@dataclass(frozen=True, slots=True)
class PastReading:
    """One stored reading, as a page needs it."""

    device: DeviceId
    quantity: Quantity
    value: float
    observed_at: Instant
    flags: int = 0


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """One refused message."""

    id: int
    received_at: Instant
    topic: str
    reason: str
    detail: str
    payload: bytes


class History(Protocol):
    """Questions about the past."""

    def readings(self, home: HomeId, start: Instant, end: Instant) -> list[PastReading]:
        """The readings of a home with start <= observed_at < end, by observed_at; empty when there is no journal yet."""
        ...

    def coverage(self, gateway: GatewayId, start: Instant, end: Instant) -> list[tuple[Instant, Instant]]:
        """When the gateway vouched within [start, end], clipped to it, ascending."""
        ...

    def dead_letters(self, limit: int = 100) -> list[DeadLetter]:
        """The newest refused messages, newest first."""
        ...

    def dead_letter_count(self) -> int:
        """How many there are in all."""
        ...


class JournalHistory:
    """History of a journal file; a journal that is not there yet has no past."""

    def __init__(self, journal: Path) -> None:
        self._journal = journal

    @contextmanager
    def _open(self) -> Iterator[sqlite3.Connection | None]:
        if not self._journal.exists():
            yield None
            return
        try:
            connection = sqlite3.connect(f"file:{self._journal}?mode=ro", uri=True, timeout=5)
        except sqlite3.OperationalError:
            yield None
            return
        try:
            yield connection
        finally:
            connection.close()

    def _rows(self, question: str, values: tuple[object, ...]) -> list[tuple[Any, ...]]:
        with self._open() as connection:
            if connection is None:
                return []
            try:
                return connection.execute(question, values).fetchall()
            except sqlite3.OperationalError as error:
                if "no such table" in str(error):  # ingest has made the file a moment ago
                    return []
                raise

    def readings(self, home: HomeId, start: Instant, end: Instant) -> list[PastReading]:
        """See History.readings."""
        rows = self._rows(
            "WITH RECURSIVE hours(hour) AS (SELECT ?1 UNION ALL SELECT hour + 1 FROM hours WHERE hour < ?2)"
            " SELECT s.device, s.quantity, r.value, r.observed_at, r.flags FROM hours"
            " CROSS JOIN series s CROSS JOIN readings r ON r.hour = hours.hour AND r.series = s.id"
            " WHERE s.home = ?3 AND r.observed_at >= ?4 AND r.observed_at < ?5 ORDER BY r.observed_at, r.stream, r.seq",
            (start // HOUR, max(start, end - 1) // HOUR, home, start, end),
        )
        return [PastReading(DeviceId(d), Quantity(q), v, at, flags) for d, q, v, at, flags in rows]

    def coverage(self, gateway: GatewayId, start: Instant, end: Instant) -> list[tuple[Instant, Instant]]:
        """See History.coverage."""
        rows = self._rows(
            "SELECT start, through FROM coverage WHERE gateway = ? AND start < ? AND through > ? ORDER BY start",
            (gateway, end, start),
        )
        return [(max(start, a), min(end, b)) for a, b in rows]

    def dead_letters(self, limit: int = 100) -> list[DeadLetter]:
        """See History.dead_letters."""
        rows = self._rows(
            "SELECT id, received_at, topic, reason, detail, payload FROM dead_letters ORDER BY id DESC LIMIT ?",
            (limit,),
        )
        return [DeadLetter(*row) for row in rows]

    def dead_letter_count(self) -> int:
        """See History.dead_letter_count."""
        rows = self._rows("SELECT count(*) FROM dead_letters", ())
        return int(rows[0][0]) if rows else 0
