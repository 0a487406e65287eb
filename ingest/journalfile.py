"""The journal's file: opened so that a commit survives a power cut, anew when the disk refused; moved aside when broken.

Everything here raises sqlite3.Error.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from domain.writeahead import is_cut_short

_CORRUPT = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB})
_PRIMARY = 0xFF
_CHECKED_AT_ONCE = 100_000_000
"""Bytes. A larger file is not read to its end at each start: nobody would be acknowledged meanwhile. See ``ingest.scrub``."""
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


@dataclass(frozen=True, slots=True)
class Found:
    """What the look at an existing file has found."""

    moved_aside: Path | None = None
    """Where a broken file was moved to."""
    cut_short: bool = False
    """Commits at the end of the write-ahead log are damaged and lost; what stands before them is not."""


def is_damage(error: sqlite3.Error) -> bool:
    """True when SQLite says that the file is not what it wrote; a disk that fails says other things."""
    return getattr(error, "sqlite_errorcode", 0) & _PRIMARY in _CORRUPT or "decode to UTF-8" in str(error)


def is_nonsense(error: sqlite3.Error) -> bool:
    """True when the file can be read and a statement that made it does not fit it."""
    return getattr(error, "sqlite_errorcode", 0) & _PRIMARY == sqlite3.SQLITE_ERROR


def examine(path: Path) -> Found:
    """Check an existing file; a broken one is moved to ``<name>.broken-<n>`` so that ingest can go on."""
    verdict = _verdict(path)
    if not path.exists():
        verdict.unlink(missing_ok=True)
        return Found()
    try:
        connection = sqlite3.connect(path)
        try:
            wal = path.with_name(f"{path.name}-wal")
            recovered = int(connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()[1])
            cut_short = wal.exists() and is_cut_short(wal.read_bytes(), recovered)
            whole = not verdict.exists()
            if whole and path.stat().st_size <= _CHECKED_AT_ONCE:
                whole = connection.execute("PRAGMA quick_check(1)").fetchone()[0] == "ok"
        finally:
            connection.close()
    except sqlite3.DatabaseError as error:
        if not is_damage(error):
            raise
        whole = False
    except UnicodeDecodeError:  # SQLite's own words about a file that is damaged, and they quote it
        whole = False
    if whole:
        return Found(cut_short=cut_short)
    aside = _move_aside(path)
    verdict.unlink(missing_ok=True)
    return Found(aside)


def condemn(path: Path) -> None:
    """The file proved damaged while it was in use: the next start moves it aside."""
    with suppress(OSError):
        _verdict(path).touch()


def identity(path: str) -> tuple[int, int] | None:
    """Names the file that stands there now; None when there is none."""
    try:
        found = Path(path).stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino


def _verdict(path: Path) -> Path:
    return path.with_name(f"{path.name}.damaged")


def _move_aside(path: Path) -> Path:
    number = 1
    while (aside := path.with_name(f"{path.name}.broken-{number}")).exists():
        number += 1
    for suffix in ("-wal", "-shm"):
        side = path.with_name(path.name + suffix)
        if side.exists():
            side.rename(aside.with_name(aside.name + suffix))
    path.rename(aside)
    return aside
