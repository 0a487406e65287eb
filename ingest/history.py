"""What the pages ask the journal: a home's day, its coverage, the dead letters. Read only.

The journal belongs to ingest; this opens the same file read-only and never waits for the writer.
"""

from __future__ import annotations

import json
import sqlite3
import weakref
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple, Protocol, TypeVar

from domain.clock import HOUR, Instant
from domain.ids import WATCHDOG, DeviceId, GatewayId, HomeId
from domain.readings import Quantity
from ingest import letters
from ingest.gateways import GatewayState, state_of
from ingest.letters import DeadLetter
from ingest.retention import CUT, SUMMARISED

_Row = TypeVar("_Row")
_SPARE = 8
"""Connections that wait for the next question."""


class PastReading(NamedTuple):
    """One stored reading, as a page needs it."""

    device: DeviceId
    quantity: Quantity
    value: float
    observed_at: Instant
    flags: int = 0


@dataclass(frozen=True, slots=True)
class HourSummary:
    """What one quantity of one device was in one hour, counted from UTC's full hours."""

    start: Instant
    """The beginning of the hour."""
    device: DeviceId
    quantity: Quantity
    count: int
    """Readings."""
    events: int
    """Of them those that say that somebody did something: motion seen, door opened or moved, button pressed, into bed."""
    total: float
    low: float
    high: float
    first_at: Instant
    last_at: Instant

    @property
    def mean(self) -> float:
        """The mean over the readings, each weighing the same."""
        return self.total / self.count


class History(Protocol):
    """Questions about the past."""

    def readings(self, home: HomeId, start: Instant, end: Instant) -> list[PastReading]:
        """The readings of a home with start <= observed_at < end, by observed_at; empty when there is no journal yet."""
        ...

    def hourly(self, home: HomeId, start: Instant, end: Instant) -> list[HourSummary]:
        """What each device measured in each hour that begins in [start, end), by hour, device and quantity.

        The same answer whether the readings of an hour are still there one by one or have been cut; hours without any
        are left out.
        """
        ...

    def raw_since(self) -> Instant:
        """Before this instant retention has cut: there ``readings`` gives few or none, and ``hourly`` all that is left."""
        ...

    def coverage(self, gateway: GatewayId, start: Instant, end: Instant) -> list[tuple[Instant, Instant]]:
        """When the gateway vouched within [start, end], clipped to it, ascending."""
        ...

    def all_coverage(self, start: Instant, end: Instant) -> dict[GatewayId, list[tuple[Instant, Instant]]]:
        """The same of every gateway that vouched at all, in one question: thousands of single ones take seconds."""
        ...

    def gateways(self, *wanted: GatewayId) -> list[GatewayState]:
        """What these gateways, or all of them, last told of themselves, by id; a few minutes old where they are many."""
        ...

    def dead_letters(self, limit: int = 100) -> list[DeadLetter]:
        """The newest refused messages, newest first."""
        ...

    def dead_letter_count(self) -> int:
        """How many there are that nothing has been made of yet."""
        ...


_HOURS = "WITH RECURSIVE hours(hour) AS (SELECT ?1 UNION ALL SELECT hour + 1 FROM hours WHERE hour < ?2)"
_ONE_BY_ONE = (
    f"{_HOURS} SELECT r.series, r.value, r.observed_at, r.flags FROM hours"  # noqa: S608 (constants)
    " CROSS JOIN series s CROSS JOIN readings r ON r.hour = hours.hour AND r.series = s.id"
    " WHERE s.home = ?3 AND r.observed_at >= ?4 AND r.observed_at < ?5 ORDER BY r.observed_at, r.stream, r.seq"
)
# A reading that came late may stand beside the summary of its hour until the next slice of retention: both count.
_HOURLY = (
    f"{_HOURS}, parts AS (SELECT s.id, r.hour, {SUMMARISED} FROM hours CROSS JOIN series s"  # noqa: S608 (constants)
    " CROSS JOIN readings r ON r.hour = hours.hour AND r.series = s.id WHERE s.home = ?3 GROUP BY r.hour, s.id"
    " UNION ALL SELECT s.id, m.hour, m.count, m.events, m.total, m.low, m.high, m.first_at, m.last_at FROM hours"
    " CROSS JOIN series s CROSS JOIN summaries m ON m.hour = hours.hour AND m.series = s.id WHERE s.home = ?3)"
    " SELECT p.hour, s.device, s.quantity, sum(count), sum(events), sum(total), min(low), max(high), min(first_at),"
    " max(last_at) FROM parts p CROSS JOIN series s ON s.id = p.id GROUP BY p.hour, p.id"
    " ORDER BY p.hour, s.device, s.quantity"
)


def _connect(journal: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(f"file:{journal}?mode=ro", uri=True, timeout=5, check_same_thread=False)
    connection.execute("PRAGMA cache_size = -4000")
    return connection


def _close_all(spare: deque[tuple[int, sqlite3.Connection]]) -> None:
    while spare:
        spare.pop()[1].close()


class JournalHistory:
    """History of a journal file; a journal that is not there yet has no past."""

    def __init__(self, journal: Path) -> None:
        self._journal = journal
        self._spare: deque[tuple[int, sqlite3.Connection]] = deque()
        weakref.finalize(self, _close_all, self._spare)

    def close(self) -> None:
        """Release the file."""
        _close_all(self._spare)

    @contextmanager
    def _open(self) -> Iterator[sqlite3.Connection | None]:
        """A connection to the file that bears the journal's name now: a restore may have put another one there."""
        connection = None
        try:
            inode = self._journal.stat().st_ino
            while self._spare and connection is None:
                at, connection = self._spare.pop()
                if at != inode:
                    connection.close()
                    connection = None
            connection = connection or _connect(self._journal)
        except (FileNotFoundError, IndexError, sqlite3.OperationalError):
            yield None
            return
        try:
            yield connection
        except BaseException:
            connection.close()
            raise
        if len(self._spare) < _SPARE:
            self._spare.append((inode, connection))
        else:
            connection.close()

    def _rows(self, question: str, values: tuple[object, ...]) -> list[tuple[Any, ...]]:
        return self._asked(lambda connection: connection.execute(question, values).fetchall())

    def _asked(self, question: Callable[[sqlite3.Connection], list[_Row]]) -> list[_Row]:
        with self._open() as connection:
            if connection is None:
                return []
            try:
                return question(connection)
            except sqlite3.OperationalError as error:
                if "no such table" in str(error) or "no such column" in str(error):  # ingest is making it this moment
                    return []
                raise

    def readings(self, home: HomeId, start: Instant, end: Instant) -> list[PastReading]:
        """See History.readings."""
        values = (start // HOUR, max(start, end - 1) // HOUR, home, start, end)
        rows = self._rows(_ONE_BY_ONE, values)
        series = self._series(home)
        # A named tuple made like this costs half of what it does by its class.
        return [tuple.__new__(PastReading, (*series[of], value, at, flags)) for of, value, at, flags in rows]

    def hourly(self, home: HomeId, start: Instant, end: Instant) -> list[HourSummary]:
        """See History.hourly."""
        if end <= start:
            return []
        rows = self._rows(_HOURLY, (-(-start // HOUR), (end - 1) // HOUR, home))
        return [HourSummary(hour * HOUR, DeviceId(d), Quantity(q), *rest) for hour, d, q, *rest in rows]

    def raw_since(self) -> Instant:
        """See History.raw_since."""
        rows = self._rows("SELECT value FROM kept WHERE name = ?", (CUT,))
        return int(rows[0][0]) * HOUR if rows else 0

    def _series(self, home: HomeId) -> dict[int, tuple[DeviceId, Quantity]]:
        rows = self._rows("SELECT id, device, quantity FROM series WHERE home = ?", (home,))
        return {of: (DeviceId(device), Quantity(quantity)) for of, device, quantity in rows}

    def coverage(self, gateway: GatewayId, start: Instant, end: Instant) -> list[tuple[Instant, Instant]]:
        """See History.coverage."""
        rows = self._rows(
            "SELECT start, through FROM coverage WHERE gateway = ? AND start < ? AND through > ? ORDER BY start",
            (gateway, end, start),
        )
        return [(max(start, a), min(end, b)) for a, b in rows]

    def all_coverage(self, start: Instant, end: Instant) -> dict[GatewayId, list[tuple[Instant, Instant]]]:
        """See History.all_coverage."""
        found: dict[GatewayId, list[tuple[Instant, Instant]]] = {}
        rows = self._rows(
            "SELECT gateway, start, through FROM coverage WHERE start < ? AND through > ? ORDER BY gateway, start",
            (end, start),
        )
        for gateway, a, b in rows:
            found.setdefault(GatewayId(gateway), []).append((max(start, a), min(end, b)))
        return found

    def gateways(self, *wanted: GatewayId) -> list[GatewayState]:
        """See History.gateways."""
        question, values = "SELECT * FROM gateways WHERE gateway != ?", [WATCHDOG]
        if wanted:
            question += " AND gateway IN (SELECT value FROM json_each(?))"
            values.append(json.dumps(wanted))
        rows = self._rows(f"{question} ORDER BY gateway", tuple(values))
        return [state_of(row) for row in rows]

    def dead_letters(self, limit: int = 100) -> list[DeadLetter]:
        """See History.dead_letters."""
        return self._asked(lambda connection: letters.select(connection, letters.Selection(), limit))

    def dead_letter_count(self) -> int:
        """See History.dead_letter_count."""
        rows = self._rows("SELECT count(*) FROM dead_letters WHERE state = 'kept'", ())
        return int(rows[0][0]) if rows else 0
