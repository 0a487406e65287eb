"""A gateway's spool and a server's journal in one process, without a network between them: what the failing disk works on.

    python -m tests.faults.relay FOLDER [--groups N] [--early spool|ack] [--synchronous NORMAL]

Each step is the product's own: the real spool keeps a group, what it holds is encoded as the uplink does, the real intake
takes and commits it, and only then the spool hears the acknowledgement. A disk that refuses is told in one sentence on
standard error and tried again, as agent and service do. A notebook outside both says what the spool kept, and what it was
told to be stored.

``--early`` is the control: ``spool`` confirms a group before the spool has it, ``ack`` acknowledges before the commit.
``--synchronous`` is the control for a power cut: both files are opened as safe against the process's death only.
Exit status 3: something in memory was not what stands on the disk.
"""

from __future__ import annotations

import argparse
import sqlite3
import sys
import threading
from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path
from typing import TypeVar

from domain.clock import SECOND, Instant
from domain.errors import KehaiError
from domain.ids import DeviceId, GatewayId, HomeId
from domain.readings import Device, Quantity
from domain.wire import ClockState, Up, encode_heartbeat, encode_hello, encode_readings, up_topic
from gateway.spool import Observation
from ingest.intake import Intake
from ingest.journal import Journal, JournalError
from registry.directory import MemoryDirectory
from tests.faults.ledger import Body, Notebook, NotebookReader, NotedSpool

T: Instant = 1_790_000_000 * SECOND
GATEWAY = GatewayId("g1")
METER = Device(DeviceId("meter"), Quantity.POWER)
_CLOCK = ClockState("boot-1", True)
_TRIES = 400
_PAUSE = 0.005
Result = TypeVar("Result")


def spool_file(folder: Path) -> Path:
    """Where the relay's spool stands."""
    return folder / "spool" / "spool.db"


def journal_file(folder: Path) -> Path:
    """Where the relay's journal stands."""
    return folder / "journal" / "journal.db"


class EarlySpool(NotedSpool):
    """The control: it says that it kept what it has yet to write."""

    def add(self, observations: Sequence[Observation]) -> int:
        """See Spool.add."""
        first = self.last_seq + 1
        bodies: list[Body] = [(str(o.device), o.quantity.value, float(o.value), o.at) for o in observations]
        self._notebook.intend(self._gateway, self.epoch, first, bodies)
        self._notebook.confirm(self._gateway, self.epoch, first, first + len(bodies) - 1)
        return super().add(observations)


class Relay:
    """One life of the process."""

    def __init__(self, folder: Path, outside: Path, early: str, synchronous: str) -> None:
        self._outside, self._early = outside, early
        self._spool_file = spool_file(folder)
        notebook = outside / "notebook"
        sent = NotebookReader(notebook).read()
        self._next = 1 + max((int(value) for _, _, value, _ in (*sent.taken.values(), *sent.open.values())), default=0)
        kind = EarlySpool if early == "spool" else NotedSpool
        self.spool = kind(self._spool_file, GATEWAY, Notebook(notebook))
        self.journal = Journal(journal_file(folder))
        if synchronous:
            writer = self.spool._file._writer
            assert writer is not None
            for connection in (writer, self.journal._connection):
                assert connection is not None
                connection.execute(f"PRAGMA synchronous = {synchronous}")
        directory = MemoryDirectory()
        directory.enrol(GATEWAY, HomeId("h1"), "Asia/Tokyo")
        directory.introduce(GATEWAY, [METER], T)
        self.intake: Intake[int] = Intake(self.journal, directory)
        self._now = T
        self._sent = 0

    def start(self) -> None:
        """The first mark, and the greeting that tells what the server has."""
        self._insist(lambda: self.intake.start(self._now))
        hello = encode_hello(GATEWAY, self.spool.epoch, self._now, _CLOCK, "relay", [METER])
        self._deliver(Up.HELLO, hello)

    def group(self, size: int) -> None:
        """Observe, keep, and send on what is kept."""
        seen = [Observation(METER.id, Quantity.POWER, float(self._next + n), self._now + n) for n in range(size)]
        self._next += size
        self._insist(lambda: self.spool.add(seen))
        self._agree()
        self._insist(lambda: self.spool.run_through(T, self._now))
        self.send()

    def send(self) -> None:
        """Send what the spool holds and no message has carried, then a heartbeat."""
        while run := self._insist(lambda: self.spool.after(self._sent, 250)):
            readings = [(str(r.device), r.quantity, r.value, r.at) for r in run]
            self._deliver(
                Up.READINGS, encode_readings(GATEWAY, self.spool.epoch, run[0].seq, self._now, _CLOCK, readings)
            )
            self._sent = run[-1].seq
        beat = encode_heartbeat(
            GATEWAY, self.spool.epoch, self.spool.last_seq, self._now, _CLOCK, self._now, self.spool.spells(self._now), {},
            self.spool.lost(), self.spool.depth,
        )  # fmt: skip
        self._deliver(Up.HEARTBEAT, beat)

    def _deliver(self, word: Up, payload: bytes) -> None:
        """One message to the intake, one commit, and what the spool hears of it."""
        self._now += SECOND
        self._insist(lambda: self.intake.take(up_topic(GATEWAY, word), payload, self._now, self._now))
        if self._early == "ack" and word is Up.READINGS:
            self._acknowledge(self.spool.epoch, self.spool.last_seq)
        for ack in self._insist(lambda: self.intake.commit(self._now)).acks:
            if word is Up.HELLO:
                self._greeted(ack.epoch, ack.stored_through)
            else:
                self._acknowledge(ack.epoch, ack.stored_through)

    def _greeted(self, epoch: str, through: int) -> None:
        self._insist(lambda: self.spool.greeted(epoch, through, self._now))
        self._sent = through
        self._agree()

    def _acknowledge(self, epoch: str, through: int) -> None:
        self._insist(lambda: self.spool.acknowledge(epoch, through))
        self._agree()

    def _insist(self, act: Callable[[], Result]) -> Result:
        """Try until the disk takes it, as agent and service do; anything but their own error ends the process."""
        told = False
        for _ in range(_TRIES):
            try:
                return act()
            except KehaiError as error:
                if not told:
                    print(error, file=sys.stderr, flush=True)  # noqa: T201 (a program of its own)
                    told = True
            threading.Event().wait(_PAUSE)
        raise JournalError("The disk works again and is still refused: the program does not recover.")

    def _agree(self) -> None:
        """What the spool remembers has to be what its file says."""
        with closing(sqlite3.connect(f"file:{self._spool_file}?mode=ro", uri=True)) as other:
            last = other.execute("SELECT coalesce(max(seq), 0) FROM sqlite_sequence WHERE name = 'readings'").fetchone()
            rows = other.execute("SELECT count(*) FROM readings").fetchone()
        spool = self.spool
        if (last[0], rows[0]) != (spool.last_seq, spool.depth + spool.kept):
            print(  # noqa: T201 (a program of its own)
                f"The spool remembers number {spool.last_seq} and {spool.depth} + {spool.kept} readings;"
                f" its file says {last[0]} and {rows[0]}.",
                file=sys.stderr,
            )
            sys.exit(3)

    def close(self) -> None:
        """Release both files."""
        self.spool.close()
        self.journal.close()


def main() -> int:
    """One life of the process; see above."""
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("--outside", type=Path, help="where the notebook is kept; by default the folder's parent")
    parser.add_argument("--groups", type=int, default=40)
    parser.add_argument("--early", default="", choices=["", "spool", "ack"])
    parser.add_argument("--synchronous", default="", choices=["", "NORMAL", "OFF"])
    given = parser.parse_args()
    outside: Path = given.outside or given.folder.parent
    try:
        relay = Relay(given.folder, outside, given.early, given.synchronous)
        relay.start()
        relay.send()
        for number in range(given.groups):
            relay.group(1 + number % 3)
        relay.close()
    except KehaiError as error:
        print(error, file=sys.stderr)  # noqa: T201 (a program of its own)
        return error.exit_status
    return 0


if __name__ == "__main__":
    sys.exit(main())
