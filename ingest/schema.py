"""The journal's tables, and how an older journal becomes today's: one script a version, in order, each in its own transaction.

``PRAGMA user_version`` says which scripts a file has seen. A script that has landed is never
changed: a change is a new one.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence

_FIRST = """
CREATE TABLE IF NOT EXISTS log (offset INTEGER PRIMARY KEY, received_at INTEGER NOT NULL, body BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS series (
    id INTEGER PRIMARY KEY, home TEXT NOT NULL, device TEXT NOT NULL, quantity TEXT NOT NULL,
    UNIQUE (home, device, quantity)
);
CREATE TABLE IF NOT EXISTS streams (
    id INTEGER PRIMARY KEY, gateway TEXT NOT NULL, epoch TEXT NOT NULL, through INTEGER NOT NULL, islands TEXT NOT NULL,
    UNIQUE (gateway, epoch)
);
CREATE TABLE IF NOT EXISTS readings (
    hour INTEGER NOT NULL, series INTEGER NOT NULL, observed_at INTEGER NOT NULL, stream INTEGER NOT NULL,
    seq INTEGER NOT NULL, value REAL NOT NULL, flags INTEGER NOT NULL, received_at INTEGER NOT NULL,
    PRIMARY KEY (hour, series, observed_at, stream, seq)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS clamped (
    stream INTEGER NOT NULL, seq INTEGER NOT NULL, stamp INTEGER NOT NULL, observed_at INTEGER NOT NULL,
    PRIMARY KEY (stream, seq)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS coverage (
    gateway TEXT NOT NULL, start INTEGER NOT NULL, through INTEGER NOT NULL, PRIMARY KEY (gateway, start)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS dead_letters (
    id INTEGER PRIMARY KEY, received_at INTEGER NOT NULL, topic TEXT NOT NULL, reason TEXT NOT NULL,
    detail TEXT NOT NULL, payload BLOB NOT NULL
);
"""

SCRIPTS: tuple[str, ...] = (_FIRST,)
"""Script *n* (from 1) brings a journal from version n - 1 to version n."""


def version_of(connection: sqlite3.Connection) -> int:
    """How many of the scripts this journal has seen; 0 for an empty file."""
    return int(connection.execute("PRAGMA user_version").fetchone()[0])


def bring_up_to_date(connection: sqlite3.Connection, scripts: Sequence[str] = SCRIPTS) -> None:
    """Run the ``scripts`` that this journal has not seen. Raises sqlite3.Error; what failed left nothing."""
    for number, script in enumerate(scripts, start=1):
        if number <= version_of(connection):
            continue
        try:
            connection.executescript(f"BEGIN IMMEDIATE; {script} PRAGMA user_version = {number}; COMMIT;")
        except BaseException:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise
