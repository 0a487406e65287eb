"""When the server and the spool do not agree on what there is: a new epoch, or holes that are told. Inside a transaction."""

from __future__ import annotations

import sqlite3
from heapq import merge

from domain.chance import hexadecimal
from domain.clock import Instant
from gateway.overflow import STORED_EARLIER, UNKNOWN, between, ranges, remember

_COLUMNS = "device, quantity, value, at, worth, boot, mono, raw, dated, sum"


def last_number(connection: sqlite3.Connection) -> int:
    """The last number that was given in this epoch."""
    row = connection.execute("SELECT coalesce(max(seq), 0) FROM sqlite_sequence WHERE name = 'readings'").fetchone()
    return int(row[0])


def count_between(connection: sqlite3.Connection, after: int, until: int) -> int:
    """How many readings there are with ``after`` < number <= ``until``."""
    row = connection.execute("SELECT count(*) FROM readings WHERE seq > ? AND seq <= ?", (after, until)).fetchone()
    return int(row[0])


def begin_epoch(connection: sqlite3.Connection, acked: int, why: str, now: Instant) -> tuple[str, int]:
    """Move what waits into a new epoch, numbered from 1; returns its name and its last number."""
    epoch = hexadecimal(8)
    connection.execute("DELETE FROM readings WHERE seq <= ?", (acked,))
    connection.execute("CREATE TEMP TABLE moving AS SELECT row_number() OVER (ORDER BY seq) AS number, * FROM readings")
    connection.execute("DELETE FROM readings")
    connection.execute("UPDATE sqlite_sequence SET seq = 0 WHERE name = 'readings'")
    connection.execute(f"INSERT INTO readings (seq, {_COLUMNS}) SELECT number, {_COLUMNS} FROM moving")  # noqa: S608
    connection.execute("DROP TABLE moving")
    connection.execute("DELETE FROM lost")
    connection.execute("DELETE FROM acks")
    connection.execute("UPDATE meta SET value = ? WHERE name = 'epoch'", (epoch,))
    connection.execute("UPDATE meta SET value = '0' WHERE name = 'acked'")
    connection.execute("UPDATE meta SET value = value + 1 WHERE name = 'epochs'")
    connection.execute("INSERT INTO events (code, at) VALUES (?, ?)", (why, now))
    return epoch, last_number(connection)


def tell_holes(connection: sqlite3.Connection, acked: int, before: int, last: int) -> int | None:
    """See to it that every number above ``acked`` is a reading or is lost with a reason, or else nobody would stop waiting.

    What the server had acknowledged up to ``before`` was thrown away in good faith. Returns the last number of a hole that
    was not known yet, or None.
    """
    gone = connection.execute(
        "SELECT coalesce(sum(last - max(first, ?1 + 1) + 1), 0) FROM lost WHERE last > ?1", (acked,)
    ).fetchone()[0]
    if count_between(connection, acked, last) + int(gone) == last - acked:
        return None
    here = ranges(row[0] for row in connection.execute("SELECT seq FROM readings WHERE seq > ? ORDER BY seq", (acked,)))
    told = connection.execute("SELECT first, last FROM lost WHERE last > ? ORDER BY first", (acked,)).fetchall()
    holes = list(between(merge(here, told), acked + 1, last))
    remember(connection, [(first, min(end, before)) for first, end in holes if first <= before], STORED_EARLIER)
    remember(connection, [(max(first, before + 1), end) for first, end in holes if end > before], UNKNOWN)
    return holes[-1][1] if holes else None
