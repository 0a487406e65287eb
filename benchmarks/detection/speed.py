"""How much work the detectors are, on one core, and how much memory a fleet's homes take.

Each round is two processes of their own. The first lets simulated homes live through five weeks, one after the other,
through all detectors, and hands their snapshots on. The second is a fleet restored from those snapshots: its memory, and the
minutes that pass for it. Times are processor time, so that a busy machine does not count.
"""

from __future__ import annotations

import ctypes
import gc
import json
import os
import random
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TypeVar

import msgspec

from alerts.book import MemoryBook, WatchedHome
from alerts.watch import Watch
from benchmarks.ingest.machine import memory_kib
from benchmarks.ingest.tables import Figure, Result, progress
from detectors.home import HomeWatch
from domain.clock import DAY, HOUR, MINUTE, Instant, Span
from domain.ids import GatewayId, HomeId
from domain.readings import Arrival, Reading, Vouch
from domain.recording import BadLines
from simulators.home import build_home, live
from simulators.person import draw_person
from simulators.player import PERIOD, arrivals, gateway_of
from simulators.recording import Recording

_T = TypeVar("_T")

FLEET = 30_000
ZONE = "Asia/Tokyo"
_FIRST_DAY = 20_600
_LIVED = 35
_SETTLED = 28
"""Days after which a home's midnights are measured."""
_UNTIL = 14 * HOUR
"""The last day ends here, so that the fleet's minutes lie in an ordinary afternoon."""


def speed(homes: int, fleet: int, minutes: int, rounds: int, seed: int) -> Result:
    """Measure ``rounds`` times and give every figure beside its target."""
    measured: list[dict[str, float]] = []
    with TemporaryDirectory(prefix="kehai-speed-") as folder:
        for number in range(1, rounds + 1):
            progress(f"speed: round {number} of {rounds}")
            snapshots = str(Path(folder) / "snapshots")
            of_homes = _child("homes", homes, seed + number, snapshots)
            measured.append({**of_homes, **_child("fleet", fleet, minutes, snapshots)})

    def figure(name: str, key: str, unit: str = "", scale: float = 1.0, **target: float | bool) -> Figure:
        values = [one[key] * scale for one in measured]
        return Figure(name, values, unit, **target)  # type: ignore[arg-type]

    whole = FLEET / fleet
    figures = [
        figure("through all detectors", "readings_s", "readings/s", must=25_000, aim=60_000, digits=0),
        figure("the same, a heartbeat every minute", "live_readings_s", "readings/s", digits=0),
        figure("one heartbeat", "heartbeat_us", "us", digits=1),
        figure("daily refit of a home, median", "refit_ms", "ms", must=20, at_least=False),
        figure("daily refit of a home, slowest", "refit_worst_ms", "ms", must=20, at_least=False),
        figure("30,000 homes' live state", "bytes", "GB", FLEET / 1e9, must=1.5, at_least=False),
        figure("the same after those minutes", "bytes_later", "GB", FLEET / 1e9, must=1.5, at_least=False),
        figure("30,000 homes' minute: heartbeats and timers", "minute_s", "s", whole, must=1, at_least=False),
        figure("of it: timers of processing time", "ticks_s", "s", whole),
        figure("snapshot of a home", "snapshot_bytes", "kB", 1e-3),
        figure("to take one", "snapshot_us", "us", digits=0),
        figure("to restore one", "restore_us", "us", digits=0),
    ]
    first = measured[0]
    conditions = (
        f"{homes} simulated homes of {_LIVED} days ({first['readings']:,.0f} readings, a heartbeat every {PERIOD // MINUTE} "
        f"minutes); a fleet of {fleet:,} homes, {minutes} minutes; {rounds} rounds"
    )
    notes = ["Processor time of one core. The fleet's memory and minutes are those of its homes, times 30,000."]
    return Result("speed", conditions, figures, notes)


def _child(*words: object) -> dict[str, float]:
    command = [sys.executable, "-m", "benchmarks.detection.speed", *map(str, words)]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    if done.returncode != 0:
        raise RuntimeError(f"A round of the measurement failed: {done.stderr.strip()}")
    result: dict[str, float] = json.loads(done.stdout)
    return result


@dataclass(frozen=True, slots=True)
class _Left:
    """What the homes leave to the fleet."""

    now: Instant
    gateways: list[str]
    bodies: list[bytes]


# ---- homes that live -------------------------------------------------------------------------------------------------


def _recording(number: int, seed: int, days: int = _LIVED) -> tuple[Recording, Instant]:
    """A home, and the moment at which its last day breaks off."""
    own = f"speed/{seed}/{number}"
    home = build_home(f"speed-{number}", ZONE, draw_person(random.Random(own)), own)  # noqa: S311 (a simulation)
    readings = live(home, _FIRST_DAY, days)
    end = home.recorded.zone.midnight(_FIRST_DAY + days - 1) + _UNTIL
    return Recording(home.recorded, [reading for reading in readings if reading.at <= end], [], BadLines()), end


def _live(recording: Recording, period: Span) -> tuple[HomeWatch, float, int, list[float]]:
    """One home through all detectors: (home, seconds, readings, seconds of each step over one of the last midnights)."""
    local = recording.home.zone
    played = list(arrivals(recording, period))
    midnights: list[float] = []
    home = HomeWatch(recording.home.home, local.name)
    watermark = recording.start
    settled = local.day(recording.end) - (_LIVED - _SETTLED)
    began = time.process_time()
    for arrival in played:
        before = time.process_time()
        home.take(arrival.items)
        home.due_now()
        if local.day(arrival.received_at) != local.day(watermark) >= settled:
            midnights.append(time.process_time() - before)
        watermark = arrival.received_at
    seconds = time.process_time() - began
    readings = sum(isinstance(item, Reading) for arrival in played for item in arrival.items)
    return home, seconds, readings, midnights


def _each(things: Sequence[_T], do: Callable[[_T], object]) -> float:
    """Seconds that it takes for one."""
    began = time.process_time()
    for thing in things:
        do(thing)
    return (time.process_time() - began) / len(things)


def measure_homes(homes: int, seed: int, snapshots: Path, days: int = _LIVED) -> dict[str, float]:
    """Let homes live, and leave their snapshots."""
    lived: list[HomeWatch] = []
    gateways: list[str] = []
    midnights: list[float] = []
    seconds, readings, live_seconds, live_readings, beats, now = 0.0, 0, 0.0, 0, 0, 0
    for number in range(homes):
        recording, now = _recording(number, seed, days)
        home, took, count, over_midnight = _live(recording, PERIOD)
        gateway = gateway_of(recording)
        home.take([Vouch(recording.home.home, gateway, now, ((recording.end, now),), (), now, now)])
        lived.append(home)
        gateways.append(gateway)
        seconds, readings, midnights = seconds + took, readings + count, midnights + over_midnight
        if number < max(2, homes // 6):
            _, took, count, _ = _live(recording, MINUTE)
            live_seconds, live_readings = live_seconds + took, live_readings + count
            beats += (recording.end - recording.start) // MINUTE
    bodies = [home.snapshot() for home in lived]
    snapshots.write_bytes(msgspec.msgpack.encode(_Left(now, gateways, bodies)))
    per_reading = seconds / readings
    return {
        "readings": readings,
        "readings_s": readings / seconds,
        "live_readings_s": live_readings / live_seconds,
        "heartbeat_us": (live_seconds - per_reading * live_readings) / beats * 1e6,
        "refit_ms": statistics.median(midnights) * 1e3,
        "refit_worst_ms": max(midnights) * 1e3,
        "snapshot_bytes": statistics.mean(len(body) for body in bodies),
        "snapshot_us": _each(lived, HomeWatch.snapshot) * 1e6,
        "restore_us": _each(bodies, HomeWatch.restore) * 1e6,
    }


# ---- a fleet ---------------------------------------------------------------------------------------------------------


class _Stocked(MemoryBook):
    """A book that an earlier run has left behind, handed out once."""

    def __init__(self, homes: dict[HomeId, WatchedHome]) -> None:
        super().__init__()
        self._stock = homes

    def watched(self) -> Iterator[WatchedHome]:
        """See Book.watched."""
        stock, self._stock = self._stock, {}
        while stock:
            yield stock.popitem()[1]


def _resident() -> int:
    """Bytes that this process holds, without what was freed."""
    gc.collect()
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)
    return memory_kib(os.getpid()) * 1024


def measure_fleet(size: int, minutes: int, snapshots: Path) -> dict[str, float]:
    """Restore a fleet from snapshots, and let minutes pass."""
    left: _Left = msgspec.msgpack.decode(snapshots.read_bytes(), type=_Left)
    gateways = {HomeId(f"h{number}"): GatewayId(left.gateways[number % len(left.gateways)]) for number in range(size)}
    HomeWatch.restore(left.bodies[0])  # what is loaded once for all homes is not counted as theirs
    before = _resident()
    watch = Watch(_Stocked(_renamed(left, list(gateways))), save_every=10_000 * DAY)
    after = _resident()
    now, offset, passed, ticks = left.now, 0, [], []
    for _ in range(minutes):
        last, now = now, now + MINUTE
        beats = []
        for home, gateway in gateways.items():
            offset += 1
            beats.append(Arrival(offset, now, (Vouch(home, gateway, now, ((last, now),), (), now, now),)))
        began = time.process_time()
        for beat in beats:
            watch.step(now, beat)
        beaten = time.process_time()
        watch.step(now, None)
        ticks.append(time.process_time() - beaten)
        passed.append(time.process_time() - began)
    beats.clear()
    return {
        "bytes": (after - before) / size,
        "bytes_later": (_resident() - before) / size,
        "minute_s": statistics.mean(passed),
        "ticks_s": statistics.mean(ticks),
    }


def _renamed(left: _Left, homes: Sequence[HomeId]) -> dict[HomeId, WatchedHome]:
    """The snapshots in turn, each under another home's name."""
    stock = {}
    for number, home in enumerate(homes):
        state = msgspec.msgpack.decode(left.bodies[number % len(left.bodies)])
        state["home"] = home
        stock[home] = WatchedHome(home, 0, msgspec.msgpack.encode(state), b"")
    return stock


def main() -> None:
    """One half of a round; prints what it measured as JSON."""
    part, size, other, file = sys.argv[1:]
    measure = measure_homes if part == "homes" else measure_fleet
    print(json.dumps(measure(int(size), int(other), Path(file))))


if __name__ == "__main__":
    main()
