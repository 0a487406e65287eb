"""``fleet``: thousands of connected gateways for some minutes: does memory grow, and how soon can a reading be asked for.

The gateways live in a process of their own: ``python -m benchmarks.ingest.fleet``.
"""

from __future__ import annotations

import asyncio
import random
import statistics
import sys
import tempfile
import threading
from collections.abc import Sequence
from contextlib import closing
from dataclasses import asdict
from pathlib import Path
from typing import Any

from benchmarks.ingest.child import Child, say, wait_for_word
from benchmarks.ingest.installation import Installation, installation
from benchmarks.ingest.machine import cpu_seconds, memory_kib
from benchmarks.ingest.tables import Figure, Result, progress
from domain.clock import MILLISECOND, MINUTE, SECOND, Instant, Span, SystemClock, monotonic
from domain.errors import KehaiError
from domain.ids import HomeId
from ingest.history import JournalHistory
from simulators.broker import BrokerUrl
from simulators.load import Fleet, Load, allow_files, home_id

_PROBES = 10
"""Homes whose newest readings are asked for over and over."""
_LOOK: Span = 50 * MILLISECOND
_SETTLE_SECONDS = 300.0
_ARRIVE_SECONDS = 120
_OVERLAP: Span = 5 * SECOND
_CACHE_FULL = 120_000
"""Readings after which the journal's page cache (16 MB) has taken the memory that it may take."""
_SHARE = 0.05
"""Memory is the median of this share of the samples at either end."""


async def _drive(port: int, gateways: int, rate: float) -> None:
    """The load, until somebody says that it is enough; tells how it goes each second."""
    stop = asyncio.Event()
    async with Fleet(BrokerUrl("127.0.0.1", port), Load(gateways, rate), SystemClock()) as fleet:
        say("connected")
        await fleet.settle(_SETTLE_SECONDS)
        say("greeted")
        running = asyncio.create_task(fleet.run(stop))
        told = asyncio.create_task(asyncio.to_thread(wait_for_word))
        while not told.done() and not running.done():
            await asyncio.wait({told, running}, timeout=1.0, return_when=asyncio.FIRST_COMPLETED)
            say("tally", connected=fleet.greeted, **asdict(fleet.tally))
        stop.set()
        await running
        deadline = monotonic() + _ARRIVE_SECONDS * SECOND
        while fleet.tally.stored < fleet.tally.readings and monotonic() < deadline:  # noqa: ASYNC110 (what others do)
            await asyncio.sleep(0.05)  # what is under way arrives
        say("done", connected=fleet.greeted, **asdict(fleet.tally))
        await told
        await asyncio.to_thread(wait_for_word)


def main() -> None:
    """The gateways: a port, how many, readings a second."""
    asyncio.run(_drive(int(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3])))


class _Probe:
    """Asks for the newest readings of some homes, as a page would, and notes how old each is when first seen."""

    def __init__(self, history: JournalHistory, homes: Sequence[HomeId]) -> None:
        self._history, self._homes, self._clock = history, homes, SystemClock()
        self._since = dict.fromkeys(homes, self._clock.now())
        self._seen: dict[HomeId, set[tuple[Instant, str]]] = {home: set() for home in homes}
        self.taken: list[float] = []

    def look(self) -> None:
        """Each home once."""
        for home in self._homes:
            since = self._since[home]
            found = self._history.readings(home, since, self._clock.now() + SECOND)
            now, seen = self._clock.now(), self._seen[home]
            fresh = {(reading.observed_at, str(reading.device)) for reading in found} - seen
            self.taken += [(now - at) / SECOND for at, _ in fresh]
            self._since[home] = max(since, now - _OVERLAP - MINUTE)
            self._seen[home] = {key for key in seen | fresh if key[0] >= self._since[home]}


def _watch(place: Installation, child: Child, span: Span, probe: _Probe | None) -> tuple[list[int], Span]:
    """Ingest's memory each second for ``span``, and how far behind its rate the generator was at worst; the probe looks
    meanwhile."""
    pause, samples, worst = threading.Event(), list[int](), 0
    last: dict[str, Any] = {}
    began = monotonic()
    end, next_sample, next_word = began + span, began, began + MINUTE
    while (now := monotonic()) < end:
        if now >= next_sample:
            place.check()
            samples.append(memory_kib(place.ingest.pid))
            next_sample += SECOND
        while (said := child.heard()) is not None:
            last, worst = said, max(worst, said["behind"])
        if now >= next_word and last:
            next_word += MINUTE
            progress(f"{(now - began) // MINUTE} min: {last['connected']} connected, {last['readings']:,} sent, "
                     f"{last['stored']:,} acknowledged, ingest {samples[-1] / 1024:.1f} MiB")  # fmt: skip
        if probe is not None:
            probe.look()
        pause.wait(_LOOK / SECOND)
    return samples, worst


def _p99(values: Sequence[float]) -> float:
    return min(max(values), statistics.quantiles(values, n=100)[-1])


def fleet(gateways: int, rate: float, minutes: float, warm_up: float) -> Result:
    """One run."""
    allow_files(gateways)  # for the broker, which inherits it
    with tempfile.TemporaryDirectory(prefix="kehai-bench-") as made:
        folder = Path(made)
        progress(f"enrolling {gateways} gateways")
        with (
            installation(folder, gateways, introduced=True) as place,
            closing(JournalHistory(place.journal)) as history,
            Child("benchmarks.ingest.fleet", folder / "load.log", place.broker.port, gateways, rate) as child,
        ):
            began = monotonic()
            child.expect("greeted", _SETTLE_SECONDS + 60)
            greeting = (monotonic() - began) / SECOND
            progress(f"connected and answered in {greeting:.0f} s; {warm_up:g} minutes at full load first")
            _watch(place, child, int(warm_up * MINUTE), None)
            homes = random.Random(1).sample([home_id(n) for n in range(gateways)], min(_PROBES, gateways))  # noqa: S311
            probe, cpu, broker_cpu = (
                _Probe(history, homes),
                cpu_seconds(place.ingest.pid),
                cpu_seconds(place.broker.pid),
            )
            before = monotonic()
            samples, behind = _watch(place, child, int(minutes * MINUTE), probe)
            seconds = (monotonic() - before) / SECOND
            cpu, broker_cpu = cpu_seconds(place.ingest.pid) - cpu, cpu_seconds(place.broker.pid) - broker_cpu
            child.tell("enough")
            said = child.expect("done", _ARRIVE_SECONDS + 30)
            place.check_letters()
            stored = place.ask("SELECT count(*) FROM readings")[0][0]
    if stored != said["readings"] or said["stored"] != said["readings"] or said["lost"]:
        raise KehaiError(
            f"{said['readings']} readings were sent, {stored} stored, {said['stored']} acknowledged, "
            f"{said['lost']} connections lost: this machine does not carry so much, or something is wrong."
        )
    share = max(1, round(len(samples) * _SHARE))
    first, final = statistics.median(samples[:share]), statistics.median(samples[-share:])
    taken = probe.taken
    if len(taken) < 2:
        raise KehaiError("Hardly a reading was seen: give --minutes or --rate more.")
    sent = rate * seconds
    return Result(
        "fleet", f"{gateways:,} gateways, {rate:,g} readings/s, heartbeats every 30 s, {minutes:g} min after {warm_up:g} min",
        [
            Figure("memory of ingest, first", [first / 1024], "MiB", digits=1),
            Figure("memory of ingest, last", [final / 1024], "MiB", digits=1),
            Figure("growth", [(final - first) / first * 100], "%", must=5, at_least=False),
            Figure("published -> queryable", taken, "s", digits=3),
            Figure("published -> queryable, 99th percentile", [_p99(taken)], "s", must=1,
                   at_least=False, digits=3),
            Figure("ingest, readings and heartbeats", [cpu / sent * 100_000], "CPU s/100k readings"),
            Figure("ingest, share of one core", [cpu / seconds * 100], "%", digits=0),
            Figure("mosquitto, share of one core", [broker_cpu / seconds * 100], "%", digits=0),
            Figure("connecting and greeting all", [greeting], "s", digits=1),
        ],
        [
            (f"{said['readings']:,} readings sent, stored and acknowledged, {said['heartbeats']:,} heartbeats; "
            f"{len(taken):,} readings of {len(homes)} homes looked for every {_LOOK / MILLISECOND:.0f} ms; "
            f"the generator was {behind / SECOND:.2f} s behind its rate at worst."),
            *([] if rate * warm_up * 60 >= _CACHE_FULL else [
                "The warm-up was too short for the journal's page cache to fill: part of the growth is that."
            ]),
        ],
    )  # fmt: skip


if __name__ == "__main__":
    main()
