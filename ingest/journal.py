"""The journal: the durable, append-only log of what ingest accepted, in one SQLite file.

One writer (ingest); readers open the file for themselves. In one transaction per commit: the commit as one packed row, which
is what cursors read; its readings by the hour, which is what history asks; streams, coverage and dead letters.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar
from zlib import crc32

import structlog

from domain.clock import HOUR, MILLISECOND, Instant
from domain.errors import KehaiError
from domain.ids import GatewayId
from domain.readings import Arrival, Item, Quantity, Reading, Vouch
from ingest import gateways, letters
from ingest.codec import DamagedCommitError, decode, encode
from ingest.journalfile import Found, condemn, connect, examine, identity, is_damage, is_nonsense, reopen, together
from ingest.letters import DeadLetter, Letter, Settled, Wish
from ingest.schema import SCRIPTS, bring_up_to_date, makes_sense, version_of
from ingest.streams import Stream

log = structlog.get_logger("journal")
_Done = TypeVar("_Done")
_TOGETHER = 500
"""Batches of a throw-away journal that share one transaction."""
_MOVED = "ON CONFLICT (id) DO UPDATE SET through = excluded.through, islands = excluded.islands, sum = excluded.sum"


class JournalError(KehaiError):
    """The journal cannot be opened or written; one sentence."""


class JournalDamagedError(JournalError):
    """The file itself is damaged. The process has to end; the next start moves the file aside."""


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
    gateways: list[gateways.Row] = field(default_factory=list)

    def __bool__(self) -> bool:
        return bool(self.items or self.streams or self.letters or self.settled)


class Journal:
    """The writer's side, and the reader's side of the same file.

    ``durable=False`` gives up safety against a power cut for speed: right for a replay's throw-away journal only.
    """

    def __init__(self, path: Path | str, *, durable: bool = True, read_only: bool = False) -> None:
        self._path = str(path)
        self._durable, self._read_only = durable, read_only
        found = Found()
        try:
            if not read_only and durable and self._path != ":memory:":
                Path(self._path).parent.mkdir(parents=True, exist_ok=True)
                found = examine(Path(self._path))
            self._connection = connect(self._path, durable=durable, read_only=read_only)
        except sqlite3.Error as error:
            raise JournalError(
                f"The journal {path} cannot be opened ({error}): stop the other ingest, or see that its folder is writable."
            ) from error
        self.moved_aside = found.moved_aside
        """Where a broken file was moved to at the start; None in good times."""
        self.cut_short = found.cut_short
        """True when the newest commits were found damaged at the start: they are lost."""
        self._leap = self.cut_short or self.moved_aside is not None
        self._identity = identity(self._path)
        self._series: dict[tuple[str, str, str], int] = {}
        self._homes: set[str] = set()
        """Homes all of whose series are in ``_series``."""
        self._new_series: list[tuple[int, str, str, str]] = []
        self._last_series: int | None = None
        self._spells: dict[str, tuple[Instant, Instant]] = {}
        self._jump: int | None = None
        self._suspect = False
        """A write failed: the connection is closed, and the file is to be settled before it is used again."""
        self._unsure: tuple[int, Instant, bytes] | None = None
        """Offset, ``received_at`` and body of a commit of which nobody knows whether it reached the file."""
        self._unsaved: dict[tuple[str, str], Stream] = {}
        """Streams that have a number and no row yet."""
        self._last_stream: int | None = None
        if not read_only and not self._is_ours():
            self._connection.close()
            condemn(Path(self._path))
            self.moved_aside, self._leap = examine(Path(self._path)).moved_aside, True
            self._connection = connect(self._path, durable=durable, read_only=False)
            self._identity = identity(self._path)
            bring_up_to_date(self._connection)

    def _is_ours(self) -> bool:
        """Bring the tables up to date; False when they are none that this program made: their names are damaged."""
        try:
            bring_up_to_date(self._connection)
            return makes_sense(self._connection)
        except UnicodeDecodeError:
            return False
        except sqlite3.Error as error:
            if self._durable and self._path != ":memory:" and (is_damage(error) or is_nonsense(error)):
                return False
            raise JournalError(
                f"The journal {self._path} cannot be brought to this version ({error}): make room, or mend the disk."
            ) from error

    def close(self) -> None:
        """Release the file."""
        if not self._suspect and self._connection.in_transaction:
            self._connection.execute("COMMIT")
        self._connection.close()

    @property
    def damage(self) -> str:
        """What the start found, in one sentence; empty in good times."""
        if self.moved_aside is not None:
            return f"The journal was damaged and a new one was begun; the old is {self.moved_aside}: restore a backup."
        if self.cut_short:
            return "The newest commits of the journal were damaged on the disk and are lost: look after the disk."
        return ""

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
        body = encode(batch.items, received_at)
        with self._writing() as connection:
            offset = self._found(received_at, body)
            if offset is None:
                if not connection.in_transaction:
                    connection.execute("BEGIN IMMEDIATE")
                offset = self._write(batch, received_at, body)
                self._unsure = (offset, received_at, body)
                if self._durable or offset % _TOGETHER == 0:
                    connection.execute("COMMIT")
        self._jump = self._unsure = None
        self._leap = False
        self._unsaved.clear()
        return Arrival(offset, received_at, tuple(batch.items))

    @contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        """The connection for one transaction. On an error it is rolled back, and never trusted again: see ``reopen``."""
        with self._trusted():
            try:
                yield self._connection
            except BaseException as error:
                self._forget()
                if isinstance(error, sqlite3.Error) and self._durable and self._path != ":memory:":
                    self._suspect = True
                    with suppress(sqlite3.Error):
                        self._connection.close()
                elif self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")
                raise

    def _forget(self) -> None:
        """What is known of the file may not be true after a rollback."""
        self._series.clear()
        self._homes.clear()
        self._new_series.clear()
        self._last_series = None
        self._spells.clear()

    @contextmanager
    def _trusted(self) -> Iterator[sqlite3.Connection]:
        """The connection, opened anew after a failure; what goes wrong becomes a JournalError."""
        try:
            if self._suspect:
                self._connection = reopen(self._path)
                self._suspect = False
            yield self._connection
        except sqlite3.Error as error:
            if is_damage(error):
                raise self._condemned(str(error)) from error
            raise JournalError(
                f"The journal {self._path} cannot be used ({error}): make room, or mend the disk."
            ) from error

    def _condemned(self, why: str) -> JournalDamagedError:
        if self._durable and not self._read_only:
            condemn(Path(self._path))
        return JournalDamagedError(
            f"The journal {self._path} is damaged ({why}): ingest has to be started again, and begins a new one."
        )

    def _found(self, received_at: Instant, body: bytes) -> int | None:
        """The offset of this commit when an attempt that failed has left it in the file after all."""
        if self._unsure is None:
            return None
        offset, unsure, self._unsure = self._unsure[0], self._unsure[1:], None
        row = self._connection.execute("SELECT received_at, body FROM log WHERE offset = ?", (offset,)).fetchone()
        return offset if unsure == (received_at, body) == row else None

    def _write(self, batch: Batch, received_at: Instant, body: bytes) -> int:
        connection = self._connection
        first = self._jump
        if self._leap:  # the numbers go on above any that the damaged file can have given: cursors into it stay behind
            newest = self.last()
            first = max(received_at // MILLISECOND, first or 0, newest[0] + 1 if newest else 0)
        row = connection.execute("INSERT INTO log VALUES (?, ?, ?)", (first, received_at, body))
        offset = int(row.lastrowid or 0)
        rows = self._rows(batch)
        if self._new_series:
            together(connection, "INSERT INTO series VALUES", self._new_series)
            self._new_series = []
        if rows:
            together(connection, "INSERT OR IGNORE INTO readings VALUES", rows)
        if batch.clamped:
            connection.executemany("INSERT OR IGNORE INTO clamped VALUES (?, ?, ?, ?)", batch.clamped)
        streams = {**{s.id: s for s in self._unsaved.values()}, **batch.streams}
        if streams:
            islands = {number: json.dumps(s.islands) if s.islands else "[]" for number, s in streams.items()}
            states = [
                (s.id, s.gateway, s.epoch, s.through, islands[s.id], _sum(s, islands[s.id])) for s in streams.values()
            ]
            together(connection, "INSERT INTO streams VALUES", states, _MOVED)
        for item in batch.items:
            if isinstance(item, Vouch):
                for start, end in item.spells:
                    self._extend(item.gateway, start, end)
        if batch.letters or batch.filled or batch.settled:
            letters.write(connection, batch.letters)
            letters.settle(connection, batch.filled, batch.settled, received_at)
        if batch.gateways:
            gateways.write(connection, batch.gateways)
        return offset

    def tidy(self, work: Callable[[sqlite3.Connection], _Done]) -> _Done:
        """Do some housekeeping in a transaction of its own; on an error nothing of it is done, and JournalError is raised."""
        with self._writing() as connection:
            connection.execute("BEGIN IMMEDIATE")
            done = work(connection)
            connection.execute("COMMIT")
        return done

    def _rows(self, batch: Batch) -> list[tuple[int, int, int, int, int, float, int, int]]:
        """The readings of a batch as rows of their table."""
        series, stream_of, rows = self._series, batch.stream_of, []
        for item in batch.items:
            if type(item) is Reading:
                home, device, quantity, value, observed_at, received_at, gateway, epoch, seq, flags = item
                number = series.get((home, device, quantity)) or self._series_of(home, device, quantity)
                rows.append(
                    (
                        observed_at // HOUR,
                        number,
                        observed_at,
                        stream_of[gateway, epoch],
                        seq,
                        value,
                        flags,
                        received_at,
                    )
                )
        return rows

    def _series_of(self, home: str, device: str, quantity: Quantity) -> int:
        """The number of a series that is not known yet; a new one gets its row with this commit."""
        if self._last_series is None:
            self._last_series = int(self._connection.execute("SELECT coalesce(max(id), 0) FROM series").fetchone()[0])
        if home not in self._homes:
            self._homes.add(home)
            for row in self._connection.execute("SELECT device, quantity, id FROM series WHERE home = ?", (home,)):
                self._series[home, row[0], row[1]] = int(row[2])
        known = self._series.get((home, device, quantity))
        if known is None:
            known = self._last_series = self._last_series + 1
            self._series[home, device, quantity] = known
            self._new_series.append((known, home, device, quantity.value))
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
        """What is stored of one epoch; a new one gets a number now and a row with the next commit. Raises JournalError."""
        if (gateway, epoch) in self._unsaved:
            return self._unsaved[gateway, epoch]
        with self._trusted() as connection:
            row = connection.execute(
                "SELECT id, through, islands, sum FROM streams WHERE gateway = ? AND epoch = ?", (gateway, epoch)
            ).fetchone()
            if self._last_stream is None:
                self._last_stream = int(connection.execute("SELECT coalesce(max(id), 0) FROM streams").fetchone()[0])
        if row is not None:
            return self._known(gateway, epoch, *row)
        self._last_stream += 1
        made = self._unsaved[gateway, epoch] = Stream(self._last_stream, gateway, epoch)
        return made

    def _known(self, gateway: str, epoch: str, number: int, through: int, islands: str, total: int | None) -> Stream:
        try:
            stream = Stream(number, gateway, epoch, through, [(int(a), int(b)) for a, b in json.loads(islands)])
        except (ValueError, TypeError) as error:
            raise self._condemned(f"what it holds of {gateway} cannot be read") from error
        if total is not None and total != _sum(stream, islands):
            raise self._condemned(f"what it holds of {gateway} does not add up")
        return stream

    def holds(
        self, home: str, device: str, quantity: Quantity, value: float, stamp: Instant, stream: int, seq: int
    ) -> bool:
        """True when exactly this reading is stored under (stream, seq), or was until retention cut its hour."""
        with self._trusted() as connection:
            moved = connection.execute(
                "SELECT stamp, observed_at FROM clamped WHERE stream = ? AND seq = ?", (stream, seq)
            ).fetchone()
            if moved is not None and moved[0] != stamp:
                return False
            observed_at = stamp if moved is None else int(moved[1])
            row = connection.execute(
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
        with self._trusted() as connection:
            return letters.is_refused(connection, stream, seq)

    def requests(self, most: int) -> list[tuple[Wish, DeadLetter]]:
        """See ``letters.requests``."""
        with self._trusted() as connection:
            return letters.requests(connection, most)

    def gateway_state(self, gateway: str) -> gateways.GatewayState | None:
        """What was last written of a gateway."""
        row = self._connection.execute("SELECT * FROM gateways WHERE gateway = ?", (gateway,)).fetchone()
        return None if row is None else gateways.state_of(row)

    def data_version(self) -> int:
        """A number that changes when somebody else has written to the file."""
        with self._trusted() as connection:
            return int(connection.execute("PRAGMA data_version").fetchone()[0])

    def raw_since(self) -> int:
        """The first hour that has all its readings one by one; before it there are hourly summaries."""
        with self._trusted() as connection:
            row = connection.execute("SELECT value FROM kept WHERE name = 'raw_cut'").fetchone()
        return 0 if row is None else int(row[0])

    def newest_hour(self) -> int | None:
        """The latest hour in which something was observed; None while there are no readings."""
        with self._trusted() as connection:
            row = connection.execute("SELECT hour FROM readings ORDER BY hour DESC LIMIT 1").fetchone()
        return None if row is None else int(row[0])

    # ---- reading -----------------------------------------------------------------------------------------------------

    def read(self, cursor: int, limit: int = 500) -> list[Arrival]:
        """Up to ``limit`` commits after offset ``cursor``, in their order; also of a journal begun anew meanwhile."""
        wanted = "SELECT offset, received_at, body FROM log WHERE offset > ? ORDER BY offset LIMIT ?"
        rows = self._connection.execute(wanted, (cursor, limit)).fetchall()
        if not rows and self._read_only and self._goes_over():
            rows = self._connection.execute(wanted, (cursor, limit)).fetchall()
        return [_arrival(*row) for row in rows]

    def _goes_over(self) -> bool:
        """A reader's way to the journal that stands there now; True once the writer has made its tables."""
        now = identity(self._path)
        if now is None or now == self._identity:
            return False
        connection = connect(self._path, durable=self._durable, read_only=True)
        if version_of(connection) < len(SCRIPTS):
            connection.close()
            return False
        self._connection.close()
        self._connection, self._identity = connection, now
        return True

    def last(self) -> tuple[int, Instant] | None:
        """Offset and ``received_at`` of the newest commit, or None."""
        with self._trusted() as connection:
            row = connection.execute("SELECT offset, received_at FROM log ORDER BY offset DESC LIMIT 1").fetchone()
        return None if row is None else (int(row[0]), int(row[1]))

    def first(self) -> int | None:
        """Offset of the oldest commit that the log still holds."""
        row = self._connection.execute("SELECT offset FROM log ORDER BY offset LIMIT 1").fetchone()
        return None if row is None else int(row[0])

    def last_time(self) -> Instant | None:
        """When the newest commit was received that is what was written; None when there is none."""
        with self._trusted() as connection:
            rows = connection.execute(
                "SELECT offset, received_at, body FROM log ORDER BY offset DESC LIMIT 20"
            ).fetchall()
        return next((a.received_at for a in (_arrival(*row) for row in rows) if a.received_at), None)

    def is_made(self) -> bool:
        """True once the writer has made its tables."""
        return version_of(self._connection) >= len(SCRIPTS)

    def covered(self, gateway: str, since: Instant = 0) -> list[tuple[Instant, Instant]]:
        """The coverage of a gateway that reaches past ``since``, ascending."""
        wanted = "SELECT start, through FROM coverage WHERE gateway = ? AND through > ? ORDER BY start"
        with self._trusted() as connection:
            return [(int(a), int(b)) for a, b in connection.execute(wanted, (gateway, since))]

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


def _sum(stream: Stream, islands: str) -> int:
    """A number that counts too far would have a gateway delete what nobody has."""
    return crc32(f"{stream.gateway} {stream.epoch} {stream.through} {islands}".encode())


def _arrival(offset: int, received_at: Instant, packed: bytes) -> Arrival:
    """One commit. A damaged one is empty: nobody vouches for its time any more, so no silence is seen in it."""
    try:
        return decode(offset, received_at, packed)
    except DamagedCommitError:
        log.error("a commit of the journal is damaged and counts as not received", offset=offset)  # noqa: TRY400 (no bug)
        return Arrival(offset, 0, ())


def read_all(journal: Journal) -> Iterable[Arrival]:
    """Every commit of the journal from the first on."""
    cursor = 0
    while batch := journal.read(cursor):
        yield from batch
        cursor = batch[-1].offset
