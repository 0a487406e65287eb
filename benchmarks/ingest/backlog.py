"""``backlog``: a month that one gateway kept on its disk, delivered; and how long a live reading takes meanwhile.

The gateway is the real agent with the real spool and uplink, in a process of its own: ``python -m benchmarks.ingest.backlog``.
"""

from __future__ import annotations

import asyncio
import random
import statistics
import sys
import tempfile
import threading
from contextlib import closing
from pathlib import Path

from benchmarks.ingest.child import Child, say, wait_for_word
from benchmarks.ingest.installation import Installation, installation
from benchmarks.ingest.machine import cpu_seconds
from benchmarks.ingest.tables import Figure, Result, progress
from domain.clock import DAY, MINUTE, SECOND, Clock, Instant, SystemClock, monotonic
from domain.errors import KehaiError
from domain.readings import Quantity
from gateway.agent import Agent
from gateway.drivers.driver import Outlet
from gateway.spool import Observation, Spool
from gateway.tasks import end
from gateway.uplink import UplinkAddress
from ingest.history import JournalHistory
from simulators.load import DEVICES, gateway_id, home_id, value_of

_DAYS = 30
_LIVE = DEVICES[0]
_GROUP = 10_000
_LOOK_SECONDS = 0.02
_AFTERWARDS: int = 2 * SECOND
"""How long live readings are still watched once the backlog is stored."""


class _OneASecond:
    """A driver that sees something each second until told that it is enough."""

    devices = DEVICES

    def __init__(self, enough: asyncio.Event) -> None:
        self._enough = enough
        self.seen = 0

    async def run(self, outlet: Outlet) -> None:
        """See Driver.run."""
        while not self._enough.is_set():
            outlet.observe(_LIVE.id, Quantity.MOTION, 1.0)
            self.seen += 1
            await outlet.sleep(SECOND)
        await asyncio.Event().wait()

    def produced(self, now: Instant) -> Instant:
        """See Driver.produced."""
        return now


def _fill(file: Path, count: int, clock: Clock) -> None:
    """A spool with ``count`` readings of the last 30 days, up to ten minutes ago."""
    chance, spool = random.Random(1), Spool(file, durable=False)  # noqa: S311 (the same in every run)
    last = clock.now() - 10 * MINUTE
    step = _DAYS * DAY // count
    for start in range(0, count, _GROUP):
        group = []
        for number in range(start, min(start + _GROUP, count)):
            device = chance.choice(DEVICES)
            group.append(Observation(device.id, device.kind, value_of(device, chance), last - (count - number) * step))
        spool.add(group)
    spool.close()


async def _gateway(file: Path, port: int, clock: Clock) -> None:
    spool, enough = Spool(file), asyncio.Event()
    driver = _OneASecond(enough)
    agent = Agent(gateway_id(0), [driver], spool, clock, UplinkAddress("127.0.0.1", port))
    running = asyncio.create_task(agent.run())
    told = asyncio.create_task(asyncio.to_thread(wait_for_word))
    try:
        await asyncio.wait({running, told}, return_when=asyncio.FIRST_COMPLETED)
        if running.done():
            running.result()
        if told.result():
            enough.set()
            await agent.flush()
            say("enough", seen=driver.seen, last=spool.last_seq)
            await asyncio.to_thread(wait_for_word)
    finally:
        await end([running])
        spool.close()


def main() -> None:
    """The gateway: a file, a count, a port."""
    file, count, port = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
    clock = SystemClock()
    _fill(file, count, clock)
    say("ready")
    if wait_for_word():
        asyncio.run(_gateway(file, port, clock))


class _Watcher:
    """Sees live readings of the home appear in the journal, as a page would."""

    def __init__(self, history: JournalHistory, clock: Clock) -> None:
        self._history, self._clock = history, clock
        self._since = clock.now() - MINUTE
        self._seen: set[Instant] = set()
        self.taken: list[float] = []
        """Seconds from the observation to the moment of seeing it."""

    def look(self) -> None:
        """Once."""
        found = self._history.readings(home_id(0), self._since, self._clock.now() + SECOND)
        now = self._clock.now()
        for reading in found:
            if reading.observed_at not in self._seen:
                self._seen.add(reading.observed_at)
                self.taken.append((now - reading.observed_at) / SECOND)


def _through(place: Installation) -> int:
    rows = place.ask("SELECT max(through) FROM streams")
    return int(rows[0][0] or 0) if rows else 0


def _once(count: int, folder: Path) -> tuple[float, float, list[float]]:
    """(seconds of the drain, ingest's processor seconds, seconds of each live reading meanwhile)."""
    clock, pause = SystemClock(), threading.Event()
    with installation(folder, 1, introduced=True) as place:
        arguments = (folder / "spool.db", count, place.broker.port)
        with (
            closing(JournalHistory(place.journal)) as history,
            Child("benchmarks.ingest.backlog", folder / "gateway.log", *arguments) as child,
        ):
            child.expect("ready", 300)
            watcher = _Watcher(history, clock)
            cpu, began = cpu_seconds(place.ingest.pid), monotonic()
            child.tell("go")
            drained: int | None = None
            while drained is None or monotonic() - drained < _AFTERWARDS:
                place.check()
                child.heard()
                watcher.look()
                if drained is None and _through(place) >= count:
                    drained = monotonic()
                    spent, live = cpu_seconds(place.ingest.pid) - cpu, len(watcher.taken)
                if monotonic() - began > 20 * MINUTE:
                    raise KehaiError(f"Of {count} readings {_through(place)} came in 20 minutes: see {folder}.")
                pause.wait(_LOOK_SECONDS)
            child.tell("enough")
            told = child.expect("enough", 30)
            deadline = monotonic() + 60 * SECOND
            while _through(place) < told["last"] and monotonic() < deadline:
                pause.wait(_LOOK_SECONDS)
            place.check_letters()
            stored = place.ask("SELECT count(*) FROM readings")[0][0]
            if stored != count + told["seen"]:
                raise KehaiError(f"{stored} of {count + told['seen']} readings were stored: that is no good journal.")
    # Those that were seen a moment after the end were observed before it.
    return (drained - began) / SECOND, spent, watcher.taken[: max(live, 1) + 1]


def backlog(count: int, rounds: int) -> Result:
    """The month, several times."""
    drains, costs, live = [], [], []
    for number in range(rounds):
        with tempfile.TemporaryDirectory(prefix="kehai-bench-") as made:
            seconds, cpu, taken = _once(count, Path(made))
        drains.append(seconds)
        costs.append(cpu / count * 100_000)
        live += taken
        progress(
            f"{number + 1}/{rounds} backlog: {seconds:.1f} s, {len(taken)} live readings, the slowest {max(taken):.2f} s"
        )
    p99 = statistics.quantiles(live, n=100)[-1] if len(live) > 1 else live[0]
    return Result(
        "backlog", f"{count:,} readings of {_DAYS} days from one spool, a live reading each second; {rounds} runs",
        [
            Figure("drained", drains, "s", must=120, at_least=False, digits=1),
            Figure("rate", [count / seconds for seconds in drains], "readings/s", digits=0),
            Figure("ingest", costs, "CPU s/100k"),
            Figure("live: observed -> stored", live, "s"),
            Figure("live, 99th percentile", [min(p99, max(live))], "s", must=2, at_least=False),
        ],
        [f"{len(live)} live readings, looked for each {1000 * _LOOK_SECONDS:.0f} ms; its spool is written each second."],
    )  # fmt: skip


if __name__ == "__main__":
    main()
