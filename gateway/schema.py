"""The spool's tables, and how an older spool becomes today's without losing a reading: one script a version, in order.

``PRAGMA user_version`` says which scripts a file has seen; the first release wrote its tables without one, which is why the
first script makes only what is missing. A script that has landed is never changed.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing

_FIRST = """
CREATE TABLE IF NOT EXISTS meta (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS readings (
    seq INTEGER PRIMARY KEY AUTOINCREMENT, device TEXT NOT NULL, quantity TEXT NOT NULL, value REAL NOT NULL,
    at INTEGER NOT NULL, worth INTEGER NOT NULL
);
CREATE INDEX IF NOT EXISTS by_worth ON readings (worth, seq);
CREATE TABLE IF NOT EXISTS lost (first INTEGER PRIMARY KEY, last INTEGER NOT NULL, reason TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS spells (id INTEGER PRIMARY KEY AUTOINCREMENT, start INTEGER NOT NULL, through INTEGER NOT NULL);
"""

# ``dated`` is a gateway.dating.Dating: what a file of the first release holds may have been sent, so its dates stand (1).
# ``mono`` is microseconds of the boot's monotonic clock; ``raw`` the wall clock's word where ``at`` is another.
_SECOND = """
CREATE TABLE boots (
    id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, shift INTEGER, dated INTEGER NOT NULL DEFAULT 0, mono INTEGER NOT NULL
);
ALTER TABLE readings ADD COLUMN boot INTEGER;
ALTER TABLE readings ADD COLUMN mono INTEGER;
ALTER TABLE readings ADD COLUMN raw INTEGER;
ALTER TABLE readings ADD COLUMN dated INTEGER NOT NULL DEFAULT 1;
CREATE INDEX undated ON readings (boot) WHERE dated = 0;
ALTER TABLE spells ADD COLUMN boot INTEGER;
ALTER TABLE spells ADD COLUMN mono_start INTEGER;
ALTER TABLE spells ADD COLUMN mono_through INTEGER;
ALTER TABLE spells ADD COLUMN dated INTEGER NOT NULL DEFAULT 1;
CREATE TABLE acks (through INTEGER PRIMARY KEY, at INTEGER NOT NULL);
CREATE TABLE losses (reason TEXT PRIMARY KEY, count INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE events (id INTEGER PRIMARY KEY, code TEXT NOT NULL, at INTEGER NOT NULL);
INSERT OR IGNORE INTO meta VALUES ('acked', '0');
INSERT OR IGNORE INTO meta VALUES ('epochs', '1');
INSERT INTO losses SELECT reason, sum(last - first + 1) FROM lost GROUP BY reason;
"""

# NULL in a row of an earlier version: then nothing is known of it.
_SUMS = """
ALTER TABLE readings ADD COLUMN sum INTEGER;
"""

SCRIPTS: tuple[str, ...] = (_FIRST, _SECOND, _SUMS)
"""Script *n* (from 1) brings a spool from version n - 1 to version n."""


def bring_up_to_date(connection: sqlite3.Connection) -> None:
    """Run the scripts that this spool has not seen, each in its own transaction. Raises sqlite3.Error."""
    for number, script in enumerate(SCRIPTS, start=1):
        if number <= int(connection.execute("PRAGMA user_version").fetchone()[0]):
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
        return _columns(connection) == _columns(fresh)


def _columns(connection: sqlite3.Connection) -> list[tuple[object, ...]]:
    return connection.execute(
        "SELECT m.name, c.name, c.type, c.pk FROM sqlite_master m JOIN pragma_table_info(m.name) c"
        " WHERE m.type = 'table' AND m.name NOT LIKE 'sqlite%' ORDER BY m.name, c.cid"
    ).fetchall()
