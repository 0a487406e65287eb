"""The journal's tables, and how an older journal becomes today's: one script a version, in order, each in its own transaction.

``PRAGMA user_version`` says which scripts a file has seen. A script that has landed is never
changed: a change is a new one.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from contextlib import closing

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

_KEEPING = """
CREATE TABLE summaries (
    hour INTEGER NOT NULL, series INTEGER NOT NULL, count INTEGER NOT NULL, events INTEGER NOT NULL, total REAL NOT NULL,
    low REAL NOT NULL, high REAL NOT NULL, first_at INTEGER NOT NULL, last_at INTEGER NOT NULL,
    PRIMARY KEY (hour, series)
) WITHOUT ROWID;
CREATE TABLE kept (name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;
ALTER TABLE dead_letters ADD COLUMN gateway TEXT NOT NULL DEFAULT '';
ALTER TABLE dead_letters ADD COLUMN seq INTEGER;
ALTER TABLE dead_letters ADD COLUMN size INTEGER;
ALTER TABLE dead_letters ADD COLUMN state TEXT NOT NULL DEFAULT 'kept';
ALTER TABLE dead_letters ADD COLUMN tries INTEGER NOT NULL DEFAULT 0;
ALTER TABLE dead_letters ADD COLUMN tried_at INTEGER;
ALTER TABLE dead_letters ADD COLUMN outcome TEXT NOT NULL DEFAULT '';
UPDATE dead_letters SET size = length(payload) WHERE length(payload) < 8192;
UPDATE dead_letters SET gateway = substr(topic, 12, instr(substr(topic, 12), '/') - 1)
    WHERE topic LIKE 'kehai/1/gw/%/up/%';
CREATE TABLE refused (
    stream INTEGER NOT NULL, seq INTEGER NOT NULL, letter INTEGER NOT NULL, PRIMARY KEY (stream, seq)
) WITHOUT ROWID;
CREATE INDEX refused_by_letter ON refused (letter);
CREATE TABLE letter_requests (letter INTEGER PRIMARY KEY, wanted TEXT NOT NULL, asked_at INTEGER NOT NULL);
CREATE TABLE gateways (
    gateway TEXT PRIMARY KEY, home TEXT NOT NULL, heard_at INTEGER NOT NULL, body TEXT NOT NULL
) WITHOUT ROWID;
"""
"""Hourly summaries and how far raw rows are cut; dead letters that can be taken up again; the state of each gateway.

``refused`` names the keys that count as dealt with although nothing is stored under them. A payload of 8,192 bytes was
cut by the version before, so its true size is not known.
"""

_COUNTING = "CREATE INDEX dead_letters_by_state ON dead_letters (state);"
"""Letters may be many and large: how many are kept is asked at each look at the metrics."""

_SUMS = """
ALTER TABLE streams ADD COLUMN sum INTEGER;
"""
"""A sum over each stream's row; NULL until the row is next written."""

SCRIPTS: tuple[str, ...] = (_FIRST, _KEEPING, _COUNTING, _SUMS)
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


def makes_sense(connection: sqlite3.Connection) -> bool:
    """True when the tables are those that the scripts make: their names stand in the file too, and can be damaged."""
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as fresh:
        bring_up_to_date(fresh)
        return _columns(fresh) <= _columns(connection)


def _columns(connection: sqlite3.Connection) -> set[tuple[object, ...]]:
    return set(
        connection.execute(
            "SELECT m.name, c.cid, c.name, c.type, c.pk FROM sqlite_master m JOIN pragma_table_info(m.name) c"
            " WHERE m.type = 'table'"
        )
    )
