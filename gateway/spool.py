"""The spool: every reading on disk until the server has said that it is stored, and for a while after that.

A sequence number is given in the transaction that stores the reading, and is never used again: not after a reboot, not after
the row was deleted. What waits (no ack has covered it) is counted by ``depth``; what the server has stored is kept for some
days, so that a server that must be restored from a backup can have it again (docs/adr/0007).
"""

from __future__ import annotations

import shutil
import sqlite3
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Any

from domain.chance import hexadecimal
from domain.clock import DAY, MINUTE, SECOND, Instant, Span, monotonic
from domain.ids import DeviceId
from domain.readings import Quantity
from gateway.damage import tell_damage
from gateway.dating import Anchor, Dating, anchor_boot
from gateway.epochs import begin_epoch, count_between, last_number, tell_holes
from gateway.overflow import (
    DISK_FULL,
    SPOOL_FULL,
    count,
    drop_stored,
    drop_waiting,
    worth,
)
from gateway.sent import Sent
from gateway.spells import TOLD, TOLD_FOR, Spells
from gateway.spoolfile import SpoolError, SpoolFile

__all__ = ["MAX_READINGS", "Observation", "Spool", "SpoolError", "Spooled"]
MAX_READINGS = 2_000_000
"""About 250 MB: months of a busy home."""
KEEP_STORED: Span = 2 * DAY
_LEAST = 1_000
"""However full the disk is, the spool may grow to this many readings."""
_LEAST_FREE = 64_000_000
_CHUNK = 2_000
_TOLD_EVENTS = 10
TOLD_LOST = 1_000
"""Ranges of lost numbers that one heartbeat tells."""
_NOTE_ACKED: Span = 10 * MINUTE
_WAITING = (
    "SELECT seq, device, quantity, value, at, dated FROM readings WHERE seq > ? AND seq <= ? ORDER BY seq LIMIT ?"
)


@dataclass(frozen=True, slots=True)
class Observation:
    """One reading on its way into the spool."""

    device: DeviceId
    quantity: Quantity
    value: float
    at: Instant
    """Its date; with ``mono``, only what the wall clock showed."""
    mono: Span | None = None
    """This boot's monotonic clock; None from a clock that is known to be right."""


@dataclass(frozen=True, slots=True)
class Spooled:
    """One reading that waits."""

    seq: int
    device: DeviceId
    quantity: Quantity
    value: float
    at: Instant
    dated: Dating = Dating.NTP


class Greeting(Enum):
    """What an answer of the server means."""

    KNOWN = 1
    """It goes on from there."""
    LEAVING = 2
    """This spool is a copy; what was in it at the start is to be sent once more, and then greeted again: see ``inherited``."""
    NEW_EPOCH = 3
    """This spool is a copy; a new epoch has begun."""


class Spool:
    """One gateway's spool. Any thread may call it; writing waits for the disk, reading does not."""

    def __init__(
        self,
        path: Path,
        *,
        max_readings: int = MAX_READINGS,
        keep_stored: Span = KEEP_STORED,
        least_free: int = _LEAST_FREE,
        durable: bool = True,
    ) -> None:
        """``least_free`` bytes stay free on the disk, or a twentieth of a small one: then old readings make room for new."""
        self._max, self._keep = max_readings, keep_stored
        self.epoch = ""
        self._last = self._acked = self._acked_on_disk = self._rows = self._depth = 0
        self._noted, self._noted_at = 0, monotonic() - _NOTE_ACKED
        self._uncounted: Counter[str] = Counter()
        self._inherited, self._put_at = 0, monotonic()
        self._boot: str | None = None
        self._boot_id: int | None = None
        self._anchor: Anchor | None = None
        self._spells = Spells()
        self._file = SpoolFile(path, self._load, durable=durable)
        self._least_free = min(least_free, shutil.disk_usage(path.parent).total // 20)

    def close(self) -> None:
        """Write what was put off, and release the file."""
        try:
            if self._spells.unwritten or self._acked != self._acked_on_disk:
                with self._file.transaction() as connection:
                    self._write_put_off(connection)
        except SpoolError:  # it is told by the server's next answer, and by the next run
            pass
        finally:
            self._file.close()

    def _load(self, connection: sqlite3.Connection, cut_short: int) -> None:
        """Learn what the disk holds. A commit that failed may have reached it: its readings are still the caller's."""
        connection.execute("INSERT OR IGNORE INTO meta VALUES ('epoch', ?)", (hexadecimal(8),))
        meta = dict(connection.execute("SELECT name, value FROM meta").fetchall())
        same = meta["epoch"] == self.epoch
        if same and last_number(connection) > self._last:
            connection.execute("BEGIN IMMEDIATE")
            connection.execute("DELETE FROM readings WHERE seq > ?", (self._last,))
            connection.execute("UPDATE sqlite_sequence SET seq = ? WHERE name = 'readings'", (self._last,))
            connection.execute("COMMIT")
        first, self.epoch = not self.epoch, meta["epoch"]
        self._acked_on_disk = int(meta["acked"])
        self._acked = max(self._acked, self._acked_on_disk) if same else self._acked_on_disk
        if first:
            tell_damage(connection, self._acked, cut_short)
        self._last = last_number(connection)
        self._inherited = self._inherited if same else self._last
        self._recount(connection)
        self._boot_id, known = _boot_of(
            connection.execute("SELECT id, shift, dated FROM boots WHERE name = ?", (self._boot,)).fetchall()
        )
        self._anchor = self._anchor or known
        self._spells.forget_row()

    def _recount(self, connection: sqlite3.Connection) -> None:
        self._rows = int(connection.execute("SELECT count(*) FROM readings").fetchone()[0])
        self._depth = count_between(connection, self._acked, self._last)

    # ---- what stands in it -------------------------------------------------------------------------------------------

    @property
    def moved_aside(self) -> Path | None:
        """Where a broken file was moved to; the spool then began a new epoch."""
        return self._file.moved_aside

    @property
    def last_seq(self) -> int:
        """The last number given in this epoch; 0 when none was."""
        return self._last

    @property
    def acked(self) -> int:
        """No number up to this one waits."""
        return self._acked

    @property
    def inherited(self) -> int:
        """The last number that an earlier process gave."""
        return self._inherited

    @property
    def depth(self) -> int:
        """How many readings wait to be stored by the server."""
        return self._depth

    @property
    def kept(self) -> int:
        """How many readings are here although the server has stored them."""
        return self._rows - self._depth

    @property
    def capacity(self) -> int:
        """How many readings it may hold."""
        return self._max

    @property
    def free_bytes(self) -> int | None:
        """Room on its disk; None when it cannot be told."""
        try:
            return shutil.disk_usage(self._file.path.parent).free
        except OSError:
            return None

    def waiting(self, after: int, until: int, limit: int) -> list[Spooled]:
        """Readings with ``after`` < number <= ``until`` that wait and have a date, ascending, at most ``limit``."""
        rows = self._file.read(_WAITING, (max(after, self._acked), min(until, self._last), limit))
        found = []
        for seq, device, quantity, value, at, dated in rows:
            if dated == Dating.NOT_YET:
                break
            found.append(Spooled(seq, DeviceId(device), Quantity(quantity), value, at, Dating(dated)))
        return found

    def after(self, seq: int, limit: int) -> list[Spooled]:
        """The next waiting readings above ``seq`` without a gap in their numbers, at most ``limit``."""
        run: list[Spooled] = []
        for reading in self.waiting(seq, self._last, limit):
            if run and reading.seq != run[-1].seq + 1:
                break
            run.append(reading)
        return run

    def lost(self) -> list[tuple[int, int, str]]:
        """The first ranges (first, last, reason) that were thrown away and that the server may still wait for."""
        return [
            (int(first), int(last), str(reason))
            for first, last, reason in self._file.read(
                "SELECT first, last, reason FROM lost WHERE last > ? ORDER BY first LIMIT ?", (self._acked, TOLD_LOST)
            )
        ]

    def losses(self) -> dict[str, int]:
        """How many readings were lost for each reason since this spool was made."""
        counted = {str(reason): int(number) for reason, number in self._file.read("SELECT reason, count FROM losses")}
        return dict(Counter(counted) + self._uncounted)

    def epochs(self) -> int:
        """How many epochs it has begun."""
        return int(self._file.read("SELECT value FROM meta WHERE name = 'epochs'")[0][0])

    def events(self) -> list[tuple[str, Instant]]:
        """The newest few things that somebody should look at, oldest first."""
        rows = self._file.read("SELECT code, at FROM events ORDER BY id DESC LIMIT ?", (_TOLD_EVENTS,))
        return [(str(code), int(at)) for code, at in reversed(rows)]

    # ---- writing -----------------------------------------------------------------------------------------------------

    def lose(self, losses: Mapping[str, int]) -> None:
        """Readings (reason -> how many) were lost before they had a number: counted with the next that are added."""
        with self._file.lock:
            self._uncounted.update(losses)

    def add(self, observations: Sequence[Observation]) -> int:
        """Store observations in one durable transaction, numbered in their order; returns the last number.

        Raises SpoolError when the disk refuses; then none of them is stored, no number was used, and the same observations may
        be given again.
        """
        if not observations:
            return self._last
        with self._file.lock:
            scarce = self._free_or_none()
            room = self._max if scarce is None else min(self._max, scarce)
            try:
                self._add(observations, room, SPOOL_FULL if room == self._max else DISK_FULL)
            except SpoolError as error:
                if not error.full or self._rows <= _LEAST:
                    raise
                self._add(observations, min(self._max, self._rows), DISK_FULL)
            if scarce is not None:
                self._file.empty_log()
            return self._last

    def _free_or_none(self) -> int | None:
        """How many readings the spool may hold when its disk is short of room; None when it is not."""
        free = self.free_bytes
        return None if free is None or free >= self._least_free else max(self._rows, _LEAST)

    def _add(self, observations: Sequence[Observation], room: int, reason: str) -> None:
        with self._file.transaction() as connection:
            boot = self._this_boot(connection) if any(o.mono is not None for o in observations) else None
            connection.executemany(
                "INSERT INTO readings (device, quantity, value, at, worth, boot, mono, raw, dated, sum)"
                " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, sum_of(CAST(?1 AS BLOB), CAST(?2 AS BLOB), ?3, ?4))",
                [self._row(o, boot) for o in observations],
            )
            for why, number in self._uncounted.items():
                count(connection, why, number)
            stored = waiting = 0
            excess = self._rows + len(observations) - room
            if excess > 0:  # a spool that was made smaller gives way bit by bit
                excess = min(excess, len(observations) + _CHUNK)
                stored = drop_stored(connection, self._acked, excess)
                waiting, newest = drop_waiting(connection, self._acked, excess - stored, reason)
                if newest is not None:
                    self._spells.cut(connection, newest)
            if self._spells.due or (self._acked != self._acked_on_disk and monotonic() - self._put_at >= MINUTE):
                self._write_put_off(connection)
        self._uncounted.clear()
        self._last += len(observations)
        self._rows += len(observations) - stored - waiting
        self._depth += len(observations) - waiting

    def _row(self, o: Observation, boot: int | None) -> tuple[object, ...]:
        start = (o.device, o.quantity.value, o.value)
        if o.mono is None:
            return (*start, o.at, worth(o.quantity), None, None, None, Dating.NTP)
        anchor = self._anchor
        if anchor is None:
            return (*start, o.at, worth(o.quantity), boot, o.mono, None, Dating.NOT_YET)
        raw = None if anchor.dated is Dating.NTP else o.at
        return (*start, o.mono + anchor.shift, worth(o.quantity), boot, o.mono, raw, anchor.dated)

    def acknowledge(self, epoch: str, through: int) -> int:
        """The server has stored all up to ``through``; returns how many wait no more. Nothing is written at once: the next
        write carries it, and until then the server would say it again. An ack of another epoch means nothing."""
        with self._file.lock:
            through = min(through, self._last)
            if epoch != self.epoch or through <= self._acked:
                return 0
            settled = int(
                self._file.read("SELECT count(*) FROM readings WHERE seq > ? AND seq <= ?", (self._acked, through))[0][
                    0
                ]
            )
            self._acked = through
            self._depth -= settled
            return settled

    def settle(self, epoch: str, through: int, sent: Sent) -> bool:
        """As ``acknowledge``, for what this process has sent.

        False when the server speaks of numbers that a copy of this spool must have given: then greet again.
        """
        with self._file.lock:
            unsent = self._first_unsent(sent, self._acked, through)
            self.acknowledge(epoch, through if unsent is None else unsent - 1)
            return epoch != self.epoch or (unsent is None and through <= self._last)

    def greeted(self, epoch: str, through: int, now: Instant, sent: Sent | None = None) -> Greeting:
        """The server's answer to a greeting: no number up to ``through`` is missing there. Raises SpoolError.

        Below what it acknowledged before, it was restored from a backup: what is still here waits again, the rest is told as
        lost. A number that was given here and never sent, and that it has, was given by a copy of this spool as well: then a
        new epoch begins with what is not sent. ``sent`` is as in ``settle``; what an earlier process may have sent is not
        taken on trust but sent again.
        """
        with self._file.lock:
            if epoch != self.epoch:
                return Greeting.KNOWN
            sent = sent or Sent()
            unsent = self._first_unsent(sent, self._acked, through)
            strange = self._first_unsent(sent, max(self._acked, self._inherited), through)
            copied = through > self._last or strange is not None
            settled = min(through, self._last) if unsent is None else unsent - 1
            if copied and (unsent is None or unsent > self._inherited):
                self._begin_epoch(settled, now)
                return Greeting.NEW_EPOCH
            before, self._acked, self._noted = self._acked, settled, min(settled, self._noted)
            try:
                with self._file.transaction() as connection:
                    self._write_put_off(connection)
                    connection.execute("DELETE FROM acks WHERE through > ?", (settled,))
                    hole = tell_holes(connection, settled, before, self._last)
                    if hole is not None:  # what is gone was seen by nobody: its time must not be vouched for
                        self._spells.cut(connection, self._begins_above(connection, hole) or now)
                    self._recount(connection)
            except SpoolError:
                self._acked = before
                raise
            return Greeting.LEAVING if copied else Greeting.KNOWN

    def _first_unsent(self, sent: Sent, after: int, until: int) -> int | None:
        """The first number above ``after`` that waits and was not sent by this process."""
        while (number := self._first_waiting(after, until)) is not None:
            after = sent.run_from(number)
            if after < number:
                break
        return number

    def _first_waiting(self, after: int, until: int) -> int | None:
        found = self._file.read(
            "SELECT min(seq) FROM readings WHERE seq > ? AND seq <= ?", (after, min(until, self._last))
        )
        return None if found[0][0] is None else int(found[0][0])

    @staticmethod
    def _begins_above(connection: sqlite3.Connection, seq: int) -> Instant | None:
        row = connection.execute(
            "SELECT at FROM readings WHERE seq > ? AND dated > 0 ORDER BY seq LIMIT 1", (seq,)
        ).fetchone()
        return None if row is None else int(row[0])

    def _begin_epoch(self, settled: int, now: Instant) -> None:
        """What waits moves into a new epoch under new numbers; the numbers of the old one belong to somebody else."""
        with self._file.transaction() as connection:
            epoch, moved = begin_epoch(connection, settled, "spool_copied", now)
        self.epoch, self._acked, self._acked_on_disk, self._noted = epoch, 0, 0, 0
        self._last = self._rows = self._depth = moved
        self._inherited = 0

    def note(self, code: str, at: Instant) -> None:
        """Remember something that somebody should look at; see ``events``. Raises SpoolError."""
        with self._file.transaction() as connection:
            connection.execute("INSERT INTO events (code, at) VALUES (?, ?)", (code, at))
            connection.execute("DELETE FROM events WHERE id <= (SELECT max(id) FROM events) - 100")

    # ---- time --------------------------------------------------------------------------------------------------------

    @property
    def anchor(self) -> Anchor | None:
        """What the monotonic clock of this boot is worth; None while nobody knows."""
        return self._anchor

    def begin_boot(self, name: str) -> None:
        """What is added with a monotonic time belongs to the boot ``name``; an anchor that it was given before holds."""
        with self._file.lock:
            self._boot = name
            rows = self._file.read("SELECT id, shift, dated FROM boots WHERE name = ?", (name,))
            self._boot_id, self._anchor = _boot_of(rows)

    def set_anchor(self, anchor: Anchor) -> None:
        """Date what this boot has undated, and place what earlier boots left; what has a date keeps it. Raises SpoolError."""
        with self._file.lock:
            known = self._anchor
            if known is None or known.dated != anchor.dated or abs(known.shift - anchor.shift) >= SECOND:
                with self._file.transaction() as connection:
                    boot = self._this_boot(connection)
                    if known is None:
                        self._spells.write(connection, boot, None)
                    anchor_boot(connection, boot, anchor)
            self._anchor = anchor

    def _this_boot(self, connection: sqlite3.Connection) -> int:
        if self._boot_id is None:
            name = self._boot or "unnamed"
            connection.execute("INSERT OR IGNORE INTO boots (name, mono) VALUES (?, 0)", (name,))
            found = connection.execute("SELECT id FROM boots WHERE name = ?", (name,)).fetchone()
            self._boot_id = int(found[0])
            connection.execute("DELETE FROM boots WHERE id <= ? - 100 AND shift IS NOT NULL", (self._boot_id,))
        return self._boot_id

    def run_through(self, start: int, through: int, *, in_monotonic: bool = False) -> None:
        """The gateway has been running since ``start`` (the same in all calls of one run) up to ``through``: two instants, or
        two times of this boot's monotonic clock. Written every few minutes and at the end. Raises SpoolError."""
        with self._file.lock:
            self._spells.note(start, through, in_monotonic)
            if self._spells.due:
                with self._file.transaction() as connection:
                    self._write_put_off(connection)

    def spells(self, now: Instant) -> list[tuple[Instant, Instant]]:
        """When the gateway was running, as far as it is worth telling: the newest few of the last days, newest last."""
        return self._spells.told(self._file.read(TOLD, (now - TOLD_FOR,)), self._anchor)

    # ---- housekeeping ------------------------------------------------------------------------------------------------

    def _write_put_off(self, connection: sqlite3.Connection) -> None:
        self._spells.write(connection, self._this_boot(connection) if self._boot else None, self._anchor)
        if self._acked != self._acked_on_disk:
            connection.execute("UPDATE meta SET value = ? WHERE name = 'acked'", (str(self._acked),))
            connection.execute("DELETE FROM lost WHERE last <= ?", (self._acked,))
            self._acked_on_disk, self._put_at = self._acked, monotonic()

    def tidy(self, now: Instant) -> None:
        """Once a minute or so: forget what the server has had for longer than it is kept. Raises SpoolError."""
        with self._file.lock:
            news = self._acked > self._noted and monotonic() - self._noted_at >= _NOTE_ACKED
            if news or self._spells.due:
                with self._file.transaction() as connection:
                    self._write_put_off(connection)
                    if news:
                        connection.execute("INSERT OR REPLACE INTO acks VALUES (?, ?)", (self._acked, now))
                if news:
                    self._noted, self._noted_at = self._acked, monotonic()
        ripe = self._file.read("SELECT max(through) FROM acks WHERE at <= ?", (now - self._keep,))[0][0]
        while ripe is not None:
            with self._file.transaction() as connection:
                gone = drop_stored(connection, min(int(ripe), self._acked), _CHUNK)
                self._rows -= gone
                if gone == 0:
                    connection.execute("DELETE FROM acks WHERE through <= ?", (ripe,))
                    break


def _boot_of(rows: Sequence[Any]) -> tuple[int | None, Anchor | None]:
    if not rows:
        return None, None
    boot, shift, dated = rows[0]
    return int(boot), None if shift is None else Anchor(int(shift), Dating(dated))
