"""The spool: every reading on disk until the server has said that it is stored.

One SQLite file in WAL mode with ``synchronous=FULL``. A sequence number is given in the transaction that stores the reading,
and is never used again: not after a reboot, not after the row was deleted.
"""

from __future__ import annotations

import secrets
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from domain.clock import DAY, Instant
from domain.errors import KehaiError
from domain.ids import DeviceId
from domain.readings import Quantity

_SCHEMA = """
CREATE TABLE IF NOT EXISTS meta (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS readings (
    seq INTEGER PRIMARY KEY AUTOINCREMENT, device TEXT NOT NULL, quantity TEXT NOT NULL, value REAL NOT NULL,
    at INTEGER NOT NULL, worth INTEGER NOT NULL
);
CREATE INDEX IF NOT EXISTS by_worth ON readings (worth, seq);
CREATE TABLE IF NOT EXISTS lost (first INTEGER PRIMARY KEY, last INTEGER NOT NULL, reason TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS spells (id INTEGER PRIMARY KEY AUTOINCREMENT, start INTEGER NOT NULL, through INTEGER NOT NULL);
"""
MAX_READINGS = 2_000_000
"""About 200 MB: a year of a busy home."""
_TOLD_SPELLS = 10
_TOLD_FOR = 14 * DAY
_WORTH = {Quantity.MOTION: 1, Quantity.DOOR: 1, Quantity.BED: 1, Quantity.BUTTON: 2}
"""What is thrown away first when the spool is full: 0 (measurements), then 1 (motion and doors); 2 (alarms) never."""


class SpoolError(KehaiError):
    """The spool cannot be opened or written; one sentence."""


@dataclass(frozen=True, slots=True)
class Observation:
    """One reading on its way into the spool."""

    device: DeviceId
    quantity: Quantity
    value: float
    at: Instant


@dataclass(frozen=True, slots=True)
class Spooled:
    """One reading in the spool."""

    seq: int
    device: DeviceId
    quantity: Quantity
    value: float
    at: Instant


class Spool:
    """One gateway's spool; used by one thread at a time."""

    def __init__(self, path: Path, *, max_readings: int = MAX_READINGS, durable: bool = True) -> None:
        self._path = path
        self._max = max_readings
        self.moved_aside: Path | None = None
        """Where a broken file was moved to; the spool then began a new epoch."""
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise SpoolError(f"The folder {path.parent} cannot be made ({error.strerror}): mend its rights.") from error
        if path.exists():
            self.moved_aside = _move_broken_aside(path)
        try:
            self._connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
            self._connection.execute("PRAGMA journal_mode = WAL")
            self._connection.execute(f"PRAGMA synchronous = {'FULL' if durable else 'OFF'}")
            self._connection.executescript(_SCHEMA)
            self._connection.execute("INSERT OR IGNORE INTO meta VALUES ('epoch', ?)", (secrets.token_hex(8),))
            self.epoch: str = self._connection.execute("SELECT value FROM meta WHERE name = 'epoch'").fetchone()[0]
        except sqlite3.Error as error:
            raise SpoolError(
                f"The spool {path} cannot be opened ({error}): see that its folder is writable."
            ) from error
        self._last = int(self._one("SELECT coalesce(max(seq), 0) FROM sqlite_sequence WHERE name = 'readings'"))
        self._depth = int(self._one("SELECT count(*) FROM readings"))
        self._spell: int | None = None

    def close(self) -> None:
        """Release the file."""
        self._connection.close()

    def _one(self, question: str) -> int:
        return int(self._connection.execute(question).fetchone()[0])

    @property
    def last_seq(self) -> int:
        """The last number given in this epoch; 0 when none was."""
        return self._last

    @property
    def depth(self) -> int:
        """How many readings wait to be stored by the server."""
        return self._depth

    def add(self, observations: Sequence[Observation]) -> int:
        """Store observations in one durable transaction, numbered in their order; returns the last number.

        Raises SpoolError when the disk refuses; then none of them is stored and no number was used.
        """
        if not observations:
            return self._last
        connection = self._connection
        try:
            connection.execute("BEGIN IMMEDIATE")
            try:
                connection.executemany(
                    "INSERT INTO readings (device, quantity, value, at, worth) VALUES (?, ?, ?, ?, ?)",
                    [(o.device, o.quantity.value, o.value, o.at, _WORTH.get(o.quantity, 0)) for o in observations],
                )
                excess = self._depth + len(observations) - self._max
                dropped = self._drop(excess) if excess > 0 else 0
                connection.execute("COMMIT")
            except BaseException:
                if connection.in_transaction:
                    connection.execute("ROLLBACK")
                raise
        except sqlite3.Error as error:
            raise SpoolError(
                f"The spool {self._path} cannot be written ({error}): make room, or change the card."
            ) from error
        self._last += len(observations)
        self._depth += len(observations) - dropped
        return self._last

    def _drop(self, count: int) -> int:
        """Throw ``count`` readings away, the least worth and oldest first, and remember which."""
        victims = [
            int(row[0])
            for row in self._connection.execute(
                "SELECT seq FROM readings WHERE worth < 2 ORDER BY worth, seq LIMIT ?", (count,)
            )
        ]
        for seq in sorted(victims):
            self._connection.execute("DELETE FROM readings WHERE seq = ?", (seq,))
            grown = self._connection.execute("UPDATE lost SET last = ?1 WHERE last = ?1 - 1", (seq,)).rowcount
            if not grown:
                self._connection.execute("INSERT INTO lost VALUES (?, ?, 'spool full')", (seq, seq))
        return len(victims)

    def after(self, seq: int, limit: int) -> list[Spooled]:
        """The next run of readings above ``seq`` without a gap in their numbers, at most ``limit``."""
        rows = self._connection.execute(
            "SELECT seq, device, quantity, value, at FROM readings WHERE seq > ? ORDER BY seq LIMIT ?", (seq, limit)
        ).fetchall()
        run: list[Spooled] = []
        for number, device, quantity, value, at in rows:
            if run and number != run[-1].seq + 1:
                break
            run.append(Spooled(number, DeviceId(device), Quantity(quantity), value, at))
        return run

    def acknowledge(self, epoch: str, through: int) -> int:
        """Delete what the server has stored; returns how many. An ack of another epoch deletes nothing."""
        if epoch != self.epoch or through <= 0:
            return 0
        gone = self._connection.execute("DELETE FROM readings WHERE seq <= ?", (min(through, self._last),)).rowcount
        self._connection.execute("DELETE FROM lost WHERE last <= ?", (through,))
        self._depth -= gone
        return gone

    def lost(self) -> list[tuple[int, int, str]]:
        """Ranges (first, last, reason) that were thrown away and that the server may still wait for."""
        return list(self._connection.execute("SELECT first, last, reason FROM lost ORDER BY first LIMIT 200"))

    def run_through(self, start: Instant, through: Instant) -> None:
        """Remember that the gateway has been running since ``start`` (the same in all calls of one run) up to ``through``."""
        if self._spell is None:
            cursor = self._connection.execute("INSERT INTO spells (start, through) VALUES (?, ?)", (start, through))
            self._spell = int(cursor.lastrowid or 0)
            self._connection.execute("DELETE FROM spells WHERE id <= ? - 100", (self._spell,))
        else:
            self._connection.execute("UPDATE spells SET through = ? WHERE id = ?", (through, self._spell))

    def spells(self, now: Instant) -> list[tuple[Instant, Instant]]:
        """When the gateway was running, as far as it is worth telling: the newest few of the last days, newest last."""
        rows = self._connection.execute(
            "SELECT start, through FROM spells WHERE through >= ? ORDER BY id DESC LIMIT ?",
            (now - _TOLD_FOR, _TOLD_SPELLS),
        ).fetchall()
        return [(int(a), int(b)) for a, b in reversed(rows)]


def _move_broken_aside(path: Path) -> Path | None:
    """Check a spool; a broken one is moved to ``<name>.broken-<n>`` for somebody to look at."""
    try:
        connection = sqlite3.connect(path)
        try:
            answer = connection.execute("PRAGMA integrity_check(1)").fetchone()[0]
        finally:
            connection.close()
    except sqlite3.DatabaseError as error:
        answer = str(error)
        if "locked" in answer or "unable to open" in answer:
            raise SpoolError(
                f"The spool {path} cannot be opened ({answer}): stop the other gateway, or mend its rights."
            ) from error
    if answer == "ok":
        return None
    number = 1
    while (aside := path.with_name(f"{path.name}.broken-{number}")).exists():
        number += 1
    for suffix in ("", "-wal", "-shm"):
        file = path.with_name(path.name + suffix)
        if file.exists():
            file.rename(aside.with_name(aside.name + suffix))
    return aside
