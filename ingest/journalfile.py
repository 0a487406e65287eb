"""The journal's file: opened so that a commit survives a power cut, anew when the disk refused; moved aside when broken.

Everything here raises sqlite3.Error.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from pathlib import Path

_ROWS = 50
_WAL_PAGES = 4_000
"""16 MB of log before its pages are carried over: most pages change many times in it, and are carried over once."""


def connect(path: str, *, durable: bool, read_only: bool) -> sqlite3.Connection:
    """A connection that may be handed from thread to thread; transactions are begun by hand."""
    if read_only:
        connection = sqlite3.connect(f"file:{path}?mode=ro", uri=True, isolation_level=None, check_same_thread=False)
    else:
        connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        if durable:
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = FULL")
            connection.execute(f"PRAGMA wal_autocheckpoint = {_WAL_PAGES}")
        else:
            connection.execute("PRAGMA locking_mode = EXCLUSIVE")
            connection.execute("PRAGMA journal_mode = MEMORY")
            connection.execute("PRAGMA synchronous = OFF")
    connection.execute("PRAGMA busy_timeout = 15000")
    connection.execute("PRAGMA cache_size = -16000")
    return connection


def reopen(path: str) -> sqlite3.Connection:
    """A connection after a write or fsync failed.

    After a failed fsync the kernel may call pages clean that never reached the disk, so nothing that is in the write-ahead log
    may be relied on: all of it is carried over into the main file, which writes and syncs those pages anew.
    """
    connection = connect(path, durable=True, read_only=False)
    try:
        busy = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]
        if busy:
            raise sqlite3.OperationalError("a reader holds the log of a failed write")
    except BaseException:
        connection.close()
        raise
    return connection


def together(connection: sqlite3.Connection, insert: str, rows: Sequence[tuple[object, ...]], suffix: str = "") -> None:
    """Run ``insert`` (up to its VALUES) for all rows, many rows to a statement.

    Python's lock changes hands at each statement. With one row to a statement, the thread that writes and the one that
    receives would spend their time on waiting for each other.
    """
    marks = f"({', '.join('?' * len(rows[0]))})" if rows else ""
    whole = len(rows) - len(rows) % _ROWS
    for start in range(0, whole, _ROWS):
        values = [value for row in rows[start : start + _ROWS] for value in row]
        connection.execute(f"{insert} {', '.join([marks] * _ROWS)} {suffix}", values)
    if whole < len(rows):
        connection.executemany(f"{insert} {marks} {suffix}", rows[whole:])


def move_broken_aside(path: Path) -> Path | None:
    """Check an existing file; move a broken one to ``<name>.broken-<n>`` so that ingest can go on, and say where."""
    if not path.exists():
        return None
    try:
        connection = sqlite3.connect(path)
        try:
            answer = connection.execute("PRAGMA quick_check(1)").fetchone()[0]
        finally:
            connection.close()
    except sqlite3.DatabaseError as error:
        answer = str(error)
        if "locked" in answer or "unable to open" in answer:
            raise
    if answer == "ok":
        return None
    number = 1
    while (aside := path.with_name(f"{path.name}.broken-{number}")).exists():
        number += 1
    for suffix in ("-wal", "-shm"):
        side = path.with_name(path.name + suffix)
        if side.exists():
            side.rename(aside.with_name(aside.name + suffix))
    path.rename(aside)
    return aside
