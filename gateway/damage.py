"""What a card has damaged: found at the start, told as lost, and never sent as if it were true. Inside a transaction.

SQLite notices a page that is no page any more. A value that has become another value is noticed by the sum beside it.
"""

from __future__ import annotations

import sqlite3
import struct
from zlib import crc32

from gateway.overflow import ranges, remember

DAMAGED = "damaged on the disk"


SUM = (
    "CASE WHEN typeof(value) = 'real' AND typeof(at) = 'integer'"
    " THEN sum_of(CAST(device AS BLOB), CAST(quantity AS BLOB), value, at) END"
)
"""``sum_of`` a row, in the spool's SQL: no damage keeps it from an answer."""


def sum_of(device: bytes, quantity: bytes, value: float, at: int) -> int:
    """The sum over what a reading says."""
    return crc32(b"%b %b %d %d" % (device, quantity, crc32(struct.pack(">d", value)), at))


def tell_damage(connection: sqlite3.Connection, acked: int, cut_short: int) -> None:
    """Remove readings that do not add up; skip the numbers that up to ``cut_short`` readings at the end may have had.

    Numbers that were given once must not be given again, and which of them were is not known any more.
    """
    bad = [
        int(row[0])
        for row in connection.execute(
            f"SELECT seq FROM readings WHERE sum IS NOT NULL AND sum IS NOT {SUM} ORDER BY seq"  # noqa: S608 (a constant)
        )
    ]
    if not bad and not cut_short:
        return
    connection.execute("BEGIN IMMEDIATE")
    connection.executemany("DELETE FROM readings WHERE seq = ?", ((seq,) for seq in bad))
    remember(connection, ranges(seq for seq in bad if seq > acked), DAMAGED)
    if cut_short:
        newest = connection.execute(
            "SELECT coalesce(max(seq), 0) FROM sqlite_sequence WHERE name = 'readings'"
        ).fetchone()
        last = max(acked, int(newest[0]))
        remember(connection, [(last + 1, last + cut_short)], DAMAGED)
        if not connection.execute(
            "UPDATE sqlite_sequence SET seq = ? WHERE name = 'readings'", (last + cut_short,)
        ).rowcount:
            connection.execute("INSERT INTO sqlite_sequence VALUES ('readings', ?)", (last + cut_short,))
    connection.execute("COMMIT")
