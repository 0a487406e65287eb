"""The look at the whole journal that a start has no time for: in a thread of its own, with a connection of its own.

First SQLite's own check of every page; then each commit against its sum, and each of its readings against the table that
history is read from. Readers and the writer are not held up; the write-ahead log cannot be emptied while a step reads.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import structlog

from domain.clock import HOUR
from domain.readings import Reading
from ingest.codec import DamagedCommitError, decode
from ingest.journal import JournalDamagedError
from ingest.journalfile import condemn, is_damage

_TOGETHER = 20
"""Commits that are looked at in one go."""
_PAUSE_SECONDS = 0.05
_COMMITS = "SELECT offset, received_at, body FROM log WHERE offset > ? ORDER BY offset LIMIT ?"
_ROW = (
    "SELECT r.value, r.flags FROM readings r JOIN series s ON s.id = r.series JOIN streams g ON g.id = r.stream"
    " WHERE r.hour = ? AND s.home = ? AND s.device = ? AND s.quantity = ? AND r.observed_at = ? AND r.seq = ?"
    " AND g.gateway = ? AND g.epoch = ?"
)

log = structlog.get_logger("journal")


def faults(journal: Path, pause: Callable[[], bool] = lambda: False) -> Iterator[str]:
    """What is wrong with a journal, each in one sentence; ``pause`` is called between two steps, and True ends it.

    Raises sqlite3.Error when the file cannot be read as a database: then it is damaged, or the disk fails.
    """
    with closing(sqlite3.connect(f"file:{journal}?mode=ro", uri=True, isolation_level=None, timeout=15)) as connection:
        answer = str(connection.execute("PRAGMA quick_check(1)").fetchone()[0])
        if answer != "ok":
            yield f"SQLite finds the file damaged: {answer}."
            return
        cursor: int | None = -1
        while cursor is not None:
            connection.execute("BEGIN")  # commit, history and how far the history is cut: all as of one moment
            rows = connection.execute(_COMMITS, (cursor, _TOGETHER)).fetchall()
            found = [fault for row in rows for fault in _faults_of(connection, *row)]
            connection.execute("COMMIT")
            yield from found
            cursor = int(rows[-1][0]) if rows and not pause() else None


def _faults_of(connection: sqlite3.Connection, offset: int, received_at: int, body: bytes) -> Iterator[str]:
    try:
        items = decode(offset, received_at, body).items
    except DamagedCommitError as error:
        yield str(error)
        return
    cut = connection.execute("SELECT value FROM kept WHERE name = 'raw_cut'").fetchone()
    for item in items:
        if not isinstance(item, Reading) or (cut is not None and item.observed_at // HOUR < int(cut[0])):
            continue
        key = (item.observed_at // HOUR, item.home, item.device, item.quantity, item.observed_at, item.seq)
        if connection.execute(_ROW, (*key, item.gateway, item.epoch)).fetchone() != (item.value, item.flags):
            yield f"Reading {item.seq} of {item.gateway} stands in commit {offset} and not, or otherwise, in the history."


class Scrub:
    """One look at a journal, in the background of the process that writes it."""

    def __init__(self, journal: Path, damaged: Callable[[], None]) -> None:
        """``damaged`` is called, from the thread, when the file as a whole cannot be trusted: the process should end."""
        self._journal, self._damaged = journal, damaged
        self._stop = threading.Event()
        self._verdict = ""
        self._thread = threading.Thread(target=self._run, name="scrub", daemon=True)

    def start(self) -> None:
        """Begin; returns at once."""
        self._thread.start()

    def stop(self) -> None:
        """End it and return."""
        self._stop.set()
        self._thread.join(30)

    def judge(self) -> None:
        """Raises JournalDamagedError when the file as a whole was found damaged."""
        if self._verdict:
            raise JournalDamagedError(
                f"The journal {self._journal} is damaged ({self._verdict}): the next start begins a new one."
            )

    def _run(self) -> None:
        try:
            for number, fault in enumerate(faults(self._journal, lambda: self._stop.wait(_PAUSE_SECONDS))):
                log.error("the journal is damaged", what=fault)
                if number == 0 and fault.startswith("SQLite"):
                    self._give_up(fault)
        except UnicodeDecodeError as error:  # SQLite's own words about a file that is damaged, and they quote it
            self._give_up(str(error))
        except sqlite3.Error as error:
            log.warning("the journal could not be looked at", why=str(error))
            if is_damage(error):
                self._give_up(str(error))

    def _give_up(self, why: str) -> None:
        self._verdict = why.removesuffix(".")
        condemn(self._journal)
        self._damaged()
