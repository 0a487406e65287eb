"""How long a journal of 10 million readings and 30,000 gateways keeps ingest from its first acknowledgement.

    python -m benchmarks.restart [--readings 10000000] [--gateways 30000] [--folder DIR] [--rounds 5]

Printed: the median over the rounds of each step, and the look at the whole file that the start leaves to the background.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
from collections.abc import Callable
from pathlib import Path

from domain.clock import HOUR, SECOND, monotonic
from domain.ids import DeviceId, GatewayId, HomeId
from domain.readings import Device, Item, Quantity, Reading
from domain.wire import ClockState, Up, encode_heartbeat, encode_readings, up_topic
from ingest.codec import encode
from ingest.intake import Intake
from ingest.journal import Journal
from ingest.scrub import faults
from registry.directory import MemoryDirectory

T = 1_790_000_000 * SECOND
HALL = Device(DeviceId("hall"), Quantity.MOTION, "hall")
CLOCK = ClockState("boot-1", True)
_TOGETHER = 1_000


def fill(file: Path, gateways: int, each: int) -> None:
    """A journal as ingest leaves it: ``each`` readings of every gateway, one an hour, a thousand in a commit."""
    journal = Journal(file)
    connection = journal._connection  # noqa: SLF001 (ten million readings one by one would take an hour)
    connection.execute("PRAGMA synchronous = OFF")
    connection.execute("BEGIN")
    for n in range(gateways):
        connection.execute("INSERT INTO streams VALUES (?, ?, 'e1', ?, '[]', NULL)", (n + 1, f"g{n}", each))
        connection.execute("INSERT INTO series VALUES (?, ?, 'hall', 'motion')", (n + 1, f"h{n}"))
        connection.execute("INSERT INTO coverage VALUES (?, ?, ?)", (f"g{n}", T, T + each * HOUR))
    for hour in range(each):
        at = T + hour * HOUR
        for first in range(0, gateways, _TOGETHER):
            numbers = range(first, min(gateways, first + _TOGETHER))
            items: list[Item] = [
                Reading(
                    HomeId(f"h{n}"), HALL.id, Quantity.MOTION, 1.0, at + n, at + n, GatewayId(f"g{n}"), "e1", hour + 1
                )
                for n in numbers
            ]
            connection.execute("INSERT INTO log VALUES (NULL, ?, ?)", (at, encode(items, at)))
            connection.executemany(
                "INSERT INTO readings VALUES (?, ?, ?, ?, ?, 1.0, 0, ?)",
                [((at + n) // HOUR, n + 1, at + n, n + 1, hour + 1, at + n) for n in numbers],
            )
        if hour % 10 == 9:
            connection.execute("COMMIT")
            connection.execute("BEGIN")
    connection.execute("COMMIT")
    journal.close()


class Watch:
    """Seconds of each step, by name."""

    def __init__(self) -> None:
        self.seconds: dict[str, list[float]] = {}

    def of(self, name: str, work: Callable[[], object]) -> object:
        """Do the work and note how long it took."""
        began = monotonic()
        done = work()
        self.seconds.setdefault(name, []).append((monotonic() - began) / SECOND)
        return done


def start(file: Path, gateways: int, each: int, directory: MemoryDirectory, watch: Watch) -> None:
    """One start, up to the first acknowledgement and to that of the last of all gateways."""
    began, now = monotonic(), T + (each + 1) * HOUR
    journal = Journal(file)
    watch.seconds.setdefault("open", []).append((monotonic() - began) / SECOND)
    intake: Intake[int] = Intake(journal, directory)
    intake.start(now)
    message = encode_readings("g0", "e1", each + 1, now, CLOCK, [("hall", Quantity.MOTION, 1.0, now)])
    intake.take(up_topic("g0", Up.READINGS), message, now, 0)
    (ack,) = intake.commit(now).acks
    assert ack.stored_through == each + 1  # noqa: S101 (a benchmark of something that does not work says nothing)
    watch.seconds.setdefault("first acknowledgement", []).append((monotonic() - began) / SECOND)
    for n in range(1, gateways):
        beat = encode_heartbeat(f"g{n}", "e1", each, now, CLOCK, now, [(T, now)], {}, [], 1)
        intake.take(up_topic(f"g{n}", Up.HEARTBEAT), beat, now, n)
        if n % _TOGETHER == 0:
            intake.commit(now)
    intake.commit(now)
    watch.seconds.setdefault("every gateway answered", []).append((monotonic() - began) / SECOND)
    journal._connection.execute("DELETE FROM readings WHERE seq > ?", (each,))  # noqa: SLF001 (as it was, for the next round)
    journal._connection.execute("DELETE FROM log WHERE received_at >= ?", (now,))  # noqa: SLF001
    journal._connection.execute("UPDATE streams SET through = ?, sum = NULL", (each,))  # noqa: SLF001
    journal.close()


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--readings", type=int, default=10_000_000)
    parser.add_argument("--gateways", type=int, default=30_000)
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--rounds", type=int, default=5)
    given = parser.parse_args()
    each = max(1, given.readings // given.gateways)
    with tempfile.TemporaryDirectory() as temporary:
        file = (given.folder or Path(temporary)) / "journal.db"
        if not file.exists():
            file.parent.mkdir(parents=True, exist_ok=True)
            fill(file, given.gateways, each)
        directory, watch = MemoryDirectory(), Watch()
        for n in range(given.gateways):
            directory.enrol(GatewayId(f"g{n}"), HomeId(f"h{n}"), "Asia/Tokyo")
            directory.introduce(GatewayId(f"g{n}"), [HALL], T)
        print(f"{each * given.gateways:,} readings of {given.gateways:,} gateways, {file.stat().st_size / 1e6:,.0f} MB")
        for _ in range(given.rounds):
            start(file, given.gateways, each, directory, watch)
        watch.of("the whole file looked at", lambda: list(faults(file)))
    for name, seconds in watch.seconds.items():
        print(f"{statistics.median(seconds):9.3f} s  {name}")


if __name__ == "__main__":
    main()
