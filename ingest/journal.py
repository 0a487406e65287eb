"""The journal: the durable, append-only log of what ingest accepted, in one SQLite file.

One writer (ingest); readers open the file for themselves. In one transaction per commit: the commit as one packed row, which
is what cursors read; its readings by the hour, which is what history asks; streams, coverage and dead letters.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from domain.clock import HOUR, MILLISECOND, Instant
from domain.errors import KehaiError
from domain.ids import GatewayId
from domain.readings import Arrival, Item, Quantity, Reading, Vouch
from ingest import letters
from ingest.codec import decode, encode
from ingest.letters import DeadLetter, Letter, Settled, Wish
from ingest.schema import SCRIPTS, bring_up_to_date, version_of
from ingest.streams import Stream

_Done = TypeVar("_Done")
_TOGETHER = 500
"""Batches of a throw-away journal that share one transaction."""
_READINGS = "INSERT OR IGNORE INTO readings VALUES (?, ?, ?, ?, ?, ?, ?, ?)"


class JournalError(KehaiError):
    """The journal cannot be opened or written; one sentence."""


@dataclass(slots=True)
class Batch:
    """What one commit writes."""

    items: list[Item] = field(default_factory=list)
    streams: dict[int, Stream] = field(default_factory=dict)
    """Streams whose prefix or islands changed, by id."""
    stream_of: dict[tuple[str, str], int] = field(default_factory=dict)
    """(gateway, epoch) -> stream id, for the readings in ``items``."""
    clamped: list[tuple[int, int, Instant, Instant]] = field(default_factory=list)
    """(stream id, seq, stamp, observed_at)."""
    letters: list[Letter] = field(default_factory=list)
    filled: list[tuple[int, int]] = field(default_factory=list)
    """(stream id, seq) of readings in ``items`` whose number was refused before."""
    settled: list[Settled] = field(default_factory=list)

    def __bool__(self) -> bool:
        return bool(self.items or self.streams or self.letters or self.settled)


class Journal:
    """The writer's side, and the reader's side of the same file.

    ``durable=False`` gives up safety against a power cut for speed: right for a replay's throw-away journal only.
    """

    def __init__(self, path: Path | str, *, durable: bool = True, read_only: bool = False) -> None:
        self._path = str(path)
        self._durable = durable
        self.moved_aside: Path | None = None
        """Where a broken file was moved to at the start; None in good times."""
        if not read_only and durable and self._path != ":memory:":
            Path(self._path).parent.mkdir(parents=True, exist_ok=True)
            self.moved_aside = _move_broken_aside(Path(self._path))
        self._connection = _connect(self._path, durable, read_only)
        self._series: dict[tuple[str, str, str], int] = {}
        if not read_only:
            try:
                bring_up_to_date(self._connection)
            except sqlite3.Error as error:
                raise JournalError(
                    f"The journal {path} cannot be brought to this version ({error}): make room, or mend the disk."
                ) from error
        self._spells: dict[str, tuple[Instant, Instant]] = {}
        self._jump: int | None = None

    def close(self) -> None:
        """Release the file."""
        if self._connection.in_transaction:
            self._connection.execute("COMMIT")
        self._connection.close()

    def go_on_above(self, cursor: int) -> None:
        """Give no offset up to ``cursor`` any more: somebody has read so far, in a later copy of this journal."""
        last = self.last()
        if cursor > (last[0] if last else 0):
            self._jump = cursor + 1

    # ---- writing -----------------------------------------------------------------------------------------------------

    def append(self, batch: Batch, received_at: Instant) -> Arrival:
        """Write a batch durably and return it with its offset; on an error nothing of it is written.

        Raises JournalError when the disk refuses.
        """
        connection = self._connection
        try:
            if not connection.in_transaction:
                connection.execute("BEGIN IMMEDIATE")
            try:
                offset = self._write(batch, received_at)
                if self._durable or offset % _TOGETHER == 0:
                    connection.execute("COMMIT")
            except BaseException:
                self._series.clear()
                self._spells.clear()
                if connection.in_transaction:
                    connection.execute("ROLLBACK")
                raise
        except sqlite3.Error as error:
            raise JournalError(
                f"The journal {self._path} cannot be written ({error}): make room, or mend the disk."
            ) from error
        self._jump = None
        return Arrival(offset, received_at, tuple(batch.items))

    def _write(self, batch: Batch, received_at: Instant) -> int:
        connection = self._connection
        # After a broken file the numbers go on above any that it can have given: cursors into it stay behind.
        first = received_at // MILLISECOND if self.moved_aside and self.last() is None else self._jump
        row = connection.execute("INSERT INTO log VALUES (?, ?, ?)", (first, received_at, encode(batch.items)))
        offset = int(row.lastrowid or 0)
        rows = [
            (r.observed_at // HOUR, self._series_of(r), r.observed_at, batch.stream_of[r.gateway, r.epoch], r.seq, r.value,
             r.flags, r.received_at)
            for r in batch.items
            if type(r) is Reading
        ]  # fmt: skip
        if rows:
            connection.executemany(_READINGS, rows)
        if batch.clamped:
            connection.executemany("INSERT OR IGNORE INTO clamped VALUES (?, ?, ?, ?)", batch.clamped)
        for stream in batch.streams.values():
            connection.execute(
                "UPDATE streams SET through = ?, islands = ? WHERE id = ?",
                (stream.through, json.dumps(stream.islands), stream.id),
            )
        for item in batch.items:
            if isinstance(item, Vouch):
                for start, end in item.spells:
                    self._extend(item.gateway, start, end)
        if batch.letters or batch.filled or batch.settled:
            letters.write(connection, batch.letters)
            letters.settle(connection, batch.filled, batch.settled, received_at)
        return offset

    def tidy(self, work: Callable[[sqlite3.Connection], _Done]) -> _Done:
        """Do some housekeeping in a transaction of its own; on an error nothing of it is done, and JournalError is raised."""
        connection = self._connection
        try:
            connection.execute("BEGIN IMMEDIATE")
            try:
                done = work(connection)
                connection.execute("COMMIT")
            except BaseException:
                if connection.in_transaction:
                    connection.execute("ROLLBACK")
                raise
        except sqlite3.Error as error:
            raise JournalError(
                f"The journal {self._path} cannot be written ({error}): make room, or mend the disk."
            ) from error
        return done

    def _series_of(self, reading: Reading) -> int:
        key = (reading.home, reading.device, reading.quantity)
        known = self._series.get(key)
        if known is None:
            self._connection.execute("INSERT OR IGNORE INTO series (home, device, quantity) VALUES (?, ?, ?)", key)
            row = self._connection.execute(
                "SELECT id FROM series WHERE home = ? AND device = ? AND quantity = ?", key
            ).fetchone()
            known = self._series[key] = int(row[0])
        return known

    def _extend(self, gateway: GatewayId, start: Instant, end: Instant) -> None:
        """Add [start, end] to the coverage of ``gateway``; the live case extends the newest row in place."""
        newest = self._spells.get(gateway)
        if newest is not None and newest[0] <= start <= newest[1]:
            if end > newest[1]:
                self._connection.execute(
                    "UPDATE coverage SET through = ? WHERE gateway = ? AND start = ?", (end, gateway, newest[0])
                )
                self._spells[gateway] = (newest[0], end)
            return
        touching = self._connection.execute(
            "SELECT start, through FROM coverage WHERE gateway = ? AND start <= ? AND through >= ?",
            (gateway, end, start),
        ).fetchall()
        for row in touching:
            self._connection.execute("DELETE FROM coverage WHERE gateway = ? AND start = ?", (gateway, row[0]))
        merged = (min([start, *(r[0] for r in touching)]), max([end, *(r[1] for r in touching)]))
        self._connection.execute("INSERT INTO coverage VALUES (?, ?, ?)", (gateway, *merged))
        if newest is None or merged[1] >= newest[1]:
            self._spells[gateway] = merged

    def stream(self, gateway: str, epoch: str) -> Stream:
        """What is stored of one epoch; a row for it is made when it is new."""
        wanted = "SELECT id, through, islands FROM streams WHERE gateway = ? AND epoch = ?"
        row = self._connection.execute(wanted, (gateway, epoch)).fetchone()
        if row is None:
            self._connection.execute(
                "INSERT INTO streams (gateway, epoch, through, islands) VALUES (?, ?, 0, '[]')", (gateway, epoch)
            )
            row = self._connection.execute(wanted, (gateway, epoch)).fetchone()
        return Stream(row[0], gateway, epoch, row[1], [(int(a), int(b)) for a, b in json.loads(row[2])])

    def holds(
        self, home: str, device: str, quantity: Quantity, value: float, stamp: Instant, stream: int, seq: int
    ) -> bool:
        """True when exactly this reading is stored under (stream, seq), or was until retention cut its hour."""
        moved = self._connection.execute(
            "SELECT stamp, observed_at FROM clamped WHERE stream = ? AND seq = ?", (stream, seq)
        ).fetchone()
        if moved is not None and moved[0] != stamp:
            return False
        observed_at = stamp if moved is None else int(moved[1])
        row = self._connection.execute(
            "SELECT r.value FROM readings r JOIN series s ON s.id = r.series"
            " WHERE r.hour = ? AND s.home = ? AND s.device = ? AND s.quantity = ? AND r.observed_at = ?"
            " AND r.stream = ? AND r.seq = ?",
            (observed_at // HOUR, home, device, quantity, observed_at, stream, seq),
        ).fetchone()
        if row is None:
            return observed_at // HOUR < self.raw_since()
        return bool(row[0] == value)

    def is_refused(self, stream: int, seq: int) -> bool:
        """See ``letters.is_refused``."""
        return letters.is_refused(self._connection, stream, seq)

    def requests(self, most: int) -> list[tuple[Wish, DeadLetter]]:
        """See ``letters.requests``."""
        return letters.requests(self._connection, most)

    def data_version(self) -> int:
        """A number that changes when somebody else has written to the file."""
        return int(self._connection.execute("PRAGMA data_version").fetchone()[0])

    def raw_since(self) -> int:
        """The first hour that has all its readings one by one; before it there are hourly summaries."""
        row = self._connection.execute("SELECT value FROM kept WHERE name = 'raw_cut'").fetchone()
        return 0 if row is None else int(row[0])

    def newest_hour(self) -> int | None:
        """The latest hour in which something was observed; None while there are no readings."""
        row = self._connection.execute("SELECT hour FROM readings ORDER BY hour DESC LIMIT 1").fetchone()
        return None if row is None else int(row[0])

    # ---- reading -----------------------------------------------------------------------------------------------------

    def read(self, cursor: int, limit: int = 500) -> list[Arrival]:
        """Up to ``limit`` commits after offset ``cursor``, in their order."""
        rows = self._connection.execute(
            "SELECT offset, received_at, body FROM log WHERE offset > ? ORDER BY offset LIMIT ?", (cursor, limit)
        ).fetchall()
        return [decode(*row) for row in rows]

    def last(self) -> tuple[int, Instant] | None:
        """Offset and ``received_at`` of the newest commit, or None."""
        row = self._connection.execute("SELECT offset, received_at FROM log ORDER BY offset DESC LIMIT 1").fetchone()
        return None if row is None else (int(row[0]), int(row[1]))

    def is_made(self) -> bool:
        """True once the writer has made its tables."""
        return version_of(self._connection) >= len(SCRIPTS)

    def covered(self, gateway: str, since: Instant = 0) -> list[tuple[Instant, Instant]]:
        """The coverage of a gateway that reaches past ``since``, ascending."""
        return [
            (int(a), int(b))
            for a, b in self._connection.execute(
                "SELECT start, through FROM coverage WHERE gateway = ? AND through > ? ORDER BY start", (gateway, since)
            )
        ]

    def letters(self) -> Iterator[tuple[str, str]]:
        """(reason, detail) of every dead letter, oldest first."""
        yield from self._connection.execute("SELECT reason, detail FROM dead_letters ORDER BY id")

    def count(self, table: str) -> int:
        """How many rows one of the journal's tables has."""
        if table not in {"log", "readings", "coverage", "dead_letters", "streams"}:
            raise ValueError(f"The journal has no table {table!r}.")
        return int(self._connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0])  # noqa: S608 (checked above)

    def stored_keys(self) -> Sequence[tuple[str, str, int]]:
        """(gateway, epoch, seq) of every stored reading: for checks that nothing was lost and nothing doubled."""
        return self._connection.execute(
            "SELECT s.gateway, s.epoch, r.seq FROM readings r JOIN streams s ON s.id = r.stream ORDER BY 1, 2, 3"
        ).fetchall()


def read_all(journal: Journal) -> Iterable[Arrival]:
    """Every commit of the journal from the first on."""
    cursor = 0
    while batch := journal.read(cursor):
        yield from batch
        cursor = batch[-1].offset


def _connect(path: str, durable: bool, read_only: bool) -> sqlite3.Connection:
    try:
        if read_only:
            connection = sqlite3.connect(
                f"file:{path}?mode=ro", uri=True, isolation_level=None, check_same_thread=False
            )
        else:
            connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
            if durable:
                connection.execute("PRAGMA journal_mode = WAL")
                connection.execute("PRAGMA synchronous = FULL")
            else:
                connection.execute("PRAGMA locking_mode = EXCLUSIVE")
                connection.execute("PRAGMA journal_mode = MEMORY")
                connection.execute("PRAGMA synchronous = OFF")
        connection.execute("PRAGMA busy_timeout = 15000")
        connection.execute("PRAGMA cache_size = -16000")
    except sqlite3.Error as error:
        raise JournalError(
            f"The journal {path} cannot be opened ({error}): see that its folder exists and is writable."
        ) from error
    return connection


def _move_broken_aside(path: Path) -> Path | None:
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
            raise JournalError(
                f"The journal {path} cannot be opened ({answer}): stop the other ingest, or mend its rights."
            ) from error
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
