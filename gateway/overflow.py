"""What a spool that is full gives up, in which order, and how that is remembered. All of it inside the caller's transaction.

First what the server has stored already and is kept only for its sake. Then measurements (temperature, humidity, power,
battery, link), the oldest first. Then motion, doors and beds, the oldest first. Buttons never.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator

from domain.clock import Instant
from domain.readings import Quantity

_WORTH = {Quantity.MOTION: 1, Quantity.DOOR: 1, Quantity.BED: 1, Quantity.BUTTON: 2}
PRICELESS = 2
SPOOL_FULL = "spool full"
DISK_FULL = "disk full"
MEMORY_FULL = "disk refused"
"""Never had a number: the disk refused for so long that memory was full."""
STORED_EARLIER = "acknowledged earlier"
"""The server had acknowledged it, lost it, and it is not kept here any more."""
UNKNOWN = "unknown"


def worth(quantity: Quantity) -> int:
    """0: goes first; 1: goes last; 2 (PRICELESS): never."""
    return _WORTH.get(quantity, 0)


def drop_stored(connection: sqlite3.Connection, acked: int, count: int) -> int:
    """Drop up to ``count`` readings that the server has stored, the oldest first; how many went."""
    return connection.execute(
        "DELETE FROM readings WHERE seq IN (SELECT seq FROM readings WHERE seq <= ? ORDER BY seq LIMIT ?)",
        (acked, count),
    ).rowcount


def drop_waiting(connection: sqlite3.Connection, acked: int, count: int, reason: str) -> tuple[int, Instant | None]:
    """Drop up to ``count`` readings that wait; how many went, and the date of the newest sign of life among them."""
    victims: list[int] = []
    newest: Instant | None = None
    for level in range(PRICELESS):
        rows = connection.execute(
            "SELECT seq, CASE WHEN dated THEN at ELSE 0 END FROM readings WHERE worth = ? AND seq > ? ORDER BY seq LIMIT ?",
            (level, acked, count - len(victims)),
        ).fetchall()
        victims += [int(row[0]) for row in rows]
        if level and rows:
            newest = max(int(row[1]) for row in rows)
    connection.executemany("DELETE FROM readings WHERE seq = ?", ((seq,) for seq in victims))
    remember(connection, ranges(sorted(victims)), reason)
    return len(victims), newest


def remember(connection: sqlite3.Connection, gone: Iterable[tuple[int, int]], reason: str) -> None:
    """Write down ranges of numbers that are lost, joined to their neighbours, and count them."""
    total = 0
    for first, last in gone:
        total += last - first + 1
        low, high = first, last
        before = connection.execute(
            "SELECT first, last, reason FROM lost WHERE first < ? ORDER BY first DESC LIMIT 1", (first,)
        ).fetchone()
        if before is not None and before[1:] == (first - 1, reason):
            low = int(before[0])
        after = connection.execute(
            "SELECT last FROM lost WHERE first = ? AND reason = ?", (last + 1, reason)
        ).fetchone()
        if after is not None:
            high = int(after[0])
            connection.execute("DELETE FROM lost WHERE first = ?", (last + 1,))
        connection.execute("INSERT OR REPLACE INTO lost VALUES (?, ?, ?)", (low, high, reason))
    count(connection, reason, total)


def count(connection: sqlite3.Connection, reason: str, number: int) -> None:
    """Add to the losses of one reason."""
    if number:
        connection.execute(
            "INSERT INTO losses VALUES (?1, ?2) ON CONFLICT (reason) DO UPDATE SET count = count + ?2", (reason, number)
        )


def ranges(numbers: Iterable[int]) -> Iterator[tuple[int, int]]:
    """Ascending numbers as (first, last) of each run without a gap."""
    first = last = None
    for number in numbers:
        if last is not None and first is not None and number == last + 1:
            last = number
            continue
        if first is not None and last is not None:
            yield first, last
        first = last = number
    if first is not None and last is not None:
        yield first, last


def between(covered: Iterable[tuple[int, int]], first: int, last: int) -> Iterator[tuple[int, int]]:
    """What of first..last the ascending ranges ``covered`` leave out."""
    for low, high in covered:
        if low > first:
            yield first, low - 1
        first = max(first, high + 1)
    if first <= last:
        yield first, last
