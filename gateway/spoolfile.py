"""The spool's file: opened, checked, written in durable transactions, and given up and opened anew when the disk fails.

After a failed write or fsync nobody knows what is on the disk: the connection is closed, and whoever uses the file next
looks at what is really there. One connection writes, another reads, so that a reader never waits for a slow card.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from domain.errors import KehaiError
from domain.writeahead import is_cut_short
from gateway.damage import sum_of
from gateway.schema import bring_up_to_date, makes_sense

_LARGE = 50_000_000
_LEAST_ROW = 32
"""Bytes that a reading takes at the very least."""
_CORRUPT = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB})
_PRIMARY = 0xFF


class SpoolError(KehaiError):
    """The spool cannot be opened or written; one sentence. ``full`` is True when the disk has no room."""

    def __init__(self, words: str, *, full: bool = False) -> None:
        super().__init__(words)
        self.full = full


class SpoolFile:
    """One SQLite file in WAL mode; ``load`` is called with the writing connection and ``cut_short`` after each opening."""

    def __init__(self, path: Path, load: Callable[[sqlite3.Connection, int], None], *, durable: bool) -> None:
        self.path, self._load, self._durable = path, load, durable
        self.moved_aside: Path | None = None
        """Where a broken file was moved to; None in good times."""
        self.cut_short = 0
        """How many readings may have been lost at most with the damaged end of its write-ahead log; 0 in good times."""
        self.lock = threading.RLock()
        self._reading = threading.Lock()
        self._writer: sqlite3.Connection | None = None
        self._reader: sqlite3.Connection | None = None
        self._closed = False
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise SpoolError(f"The folder {path.parent} cannot be made ({error.strerror}): mend its rights.") from error
        self._check()
        try:
            self._open()
        except sqlite3.Error as error:
            self._forsake()
            if not _is_nonsense(error):
                raise SpoolError(
                    f"The spool {path} cannot be opened ({error}): see that its folder is writable."
                ) from error
            self._begin_anew()
        except (ValueError, KeyError, TypeError):  # sound pages that say what was never written
            self._begin_anew()

    def _begin_anew(self) -> None:
        self.cut_short = 0
        self._move_aside()
        try:
            self._open()
        except sqlite3.Error as error:
            raise SpoolError(
                f"The spool {self.path} cannot be opened ({error}): see that its folder is writable."
            ) from error

    def close(self) -> None:
        """Release the file for good."""
        with self.lock:
            self._closed = True
            self._forsake()

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """A durable transaction: at its end all of it is on the disk. Raises SpoolError; then none of it counts."""
        with self.lock:
            try:
                connection = self._ready()
                connection.execute("BEGIN IMMEDIATE")
                try:
                    yield connection
                    connection.execute("COMMIT")
                except sqlite3.Error:
                    raise
                except BaseException:
                    connection.execute("ROLLBACK")
                    raise
            except sqlite3.Error as error:
                self._forsake()
                if _code(error) in _CORRUPT:
                    self._check()
                with suppress(sqlite3.Error, ValueError):  # what can be read while nothing can be written is sent on
                    self._open()
                raise SpoolError(
                    f"The spool {self.path} cannot be written ({error}): make room, or change the card.",
                    full=_code(error) == sqlite3.SQLITE_FULL,
                ) from error

    def empty_log(self) -> None:
        """Carry the write-ahead log over into the file while there is room for it: a log that fills a disk could not be."""
        with self.lock, suppress(sqlite3.Error, SpoolError):
            self._ready().execute("PRAGMA wal_checkpoint(TRUNCATE)")

    def read(self, question: str, values: Sequence[object] = ()) -> list[Any]:
        """All rows that answer a question, as they were last committed. Raises SpoolError."""
        with self._reading:
            if self._reader is None:
                raise SpoolError(
                    f"The spool {self.path} is not open while its disk refuses: make room, or change the card."
                )
            try:
                return self._reader.execute(question, values).fetchall()
            except sqlite3.Error as error:
                raise SpoolError(f"The spool {self.path} cannot be read ({error}): change the card.") from error

    def _ready(self) -> sqlite3.Connection:
        if self._closed:
            raise SpoolError(f"The spool {self.path} is closed.")
        if self._writer is None:
            self._open()
        if self._writer is None:
            raise SpoolError(f"The spool {self.path} cannot be opened: change the card.")
        return self._writer

    def _open(self) -> None:
        writer = sqlite3.connect(self.path, isolation_level=None, check_same_thread=False, timeout=15)
        try:
            writer.create_function("sum_of", 4, sum_of, deterministic=True)
            writer.execute("PRAGMA journal_mode = WAL")
            writer.execute(f"PRAGMA synchronous = {'FULL' if self._durable else 'OFF'}")
            bring_up_to_date(writer)
            if not makes_sense(writer):
                raise ValueError("The tables are not those of a spool.")
            self._load(writer, self.cut_short)
            reader = sqlite3.connect(self.path, isolation_level=None, check_same_thread=False, timeout=15)
        except BaseException:
            writer.close()
            raise
        self._writer = writer
        with self._reading:
            self._reader = reader

    def _forsake(self) -> None:
        """Close both connections, whatever they say to that."""
        with self._reading:
            reader, self._reader = self._reader, None
        writer, self._writer = self._writer, None
        for connection in (reader, writer):
            if connection is not None:
                try:
                    connection.close()
                except sqlite3.Error:  # the disk has failed already; what counts is what the next opening finds
                    continue

    def _check(self) -> None:
        """Look at an existing file; a broken one is moved to ``<name>.broken-<n>`` for somebody to look at."""
        path = self.path
        if not path.exists():
            return
        try:
            connection = sqlite3.connect(path, timeout=15)
            try:
                self.cut_short = _cut_short(path, connection)
                kind = "quick_check" if path.stat().st_size > _LARGE else "integrity_check"
                answer = connection.execute(f"PRAGMA {kind}(1)").fetchone()[0]
            finally:
                connection.close()
        except sqlite3.Error as error:
            if _code(error) not in _CORRUPT:
                raise SpoolError(
                    f"The spool {path} cannot be opened ({error}): stop the other gateway, or mend its rights or its card."
                ) from error
            answer = str(error)
        except UnicodeDecodeError as error:  # SQLite's own words about a file that is damaged, and they quote it
            answer = str(error)
        if answer == "ok":
            return
        self.cut_short = 0
        self._move_aside()

    def _move_aside(self) -> None:
        path, number = self.path, 1
        while (aside := path.with_name(f"{path.name}.broken-{number}")).exists():
            number += 1
        for suffix in ("", "-wal", "-shm"):
            file = path.with_name(path.name + suffix)
            if file.exists():
                file.rename(aside.with_name(aside.name + suffix))
        self.moved_aside = aside


def _cut_short(path: Path, connection: sqlite3.Connection) -> int:
    """At most so many readings stood in commits that were damaged at the end of the write-ahead log."""
    wal = path.with_name(f"{path.name}-wal")
    recovered = int(connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()[1])
    if not wal.exists() or not is_cut_short(wal.read_bytes(), recovered):
        return 0
    return wal.stat().st_size // _LEAST_ROW


def _is_nonsense(error: sqlite3.Error) -> bool:
    """True when the file can be read and makes no sense: a table that is not there, text that is no text."""
    return _code(error) in {0, sqlite3.SQLITE_ERROR, *_CORRUPT}


def _code(error: sqlite3.Error) -> int:
    return getattr(error, "sqlite_errorcode", 0) & _PRIMARY
