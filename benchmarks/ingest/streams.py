"""``single`` and ``packs``: one stream of messages, stored by ingest and by what people use today, in turn."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import tempfile
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from benchmarks.ingest.child import Child
from benchmarks.ingest.machine import cpu_seconds, program
from benchmarks.ingest.publisher import Publisher
from benchmarks.ingest.servers import Broker, Store
from benchmarks.ingest.tables import Figure, Result, progress
from benchmarks.ingest.traffic import GATEWAYS, Stream, enrol, pour, prepare_session, stream
from domain.clock import SECOND, monotonic
from domain.errors import KehaiError
from domain.wire import UP_FILTER, Up, up_topic

INGEST, COUNTER, TUTORIAL, BATCHING = "ingest", "mosquitto_sub", "tutorial", "batching"
_SHARES = {INGEST: 1.0, COUNTER: 1.0, BATCHING: 0.4, TUTORIAL: 0.04}
"""How much of the stream each takes, so that a slow one does not take minutes; rates are compared."""
_SCRIPTS = frozenset({TUTORIAL, BATCHING})
_PATIENCE_SECONDS = 600.0


@dataclass(frozen=True, slots=True)
class Run:
    """One contender, once."""

    readings: int
    seconds: float
    cpu: float
    broker_cpu: float

    @property
    def rate(self) -> float:
        """Readings a second."""
        return self.readings / self.seconds

    @property
    def cpu_per_100k(self) -> float:
        """Processor seconds for 100,000 readings."""
        return self.cpu / self.readings * 100_000


@dataclass(frozen=True, slots=True)
class Contest:
    """Who takes part, in what."""

    messages: int
    pack: int
    pairs: int
    contenders: Sequence[str]
    live: bool
    """Whether the stream is published during the run; otherwise it waits in the broker."""
    profile: Path | None = None


class _Course:
    """The stream, ready for each of the contenders."""

    def __init__(self, contest: Contest, folder: Path) -> None:
        self._contest, self._folder = contest, folder
        self._streams: dict[int, Stream] = {}
        registry = folder / "registry"
        registry.mkdir()
        self._whole = self._stream(contest.messages)
        self._registry = enrol(registry, self._whole.gateways, introduced=True)

    def _stream(self, messages: int) -> Stream:
        if messages not in self._streams:
            gateways = min(GATEWAYS, max(1, messages // 20))
            self._streams[messages] = stream(messages, self._contest.pack, gateways)
        return self._streams[messages]

    def run(self, name: str) -> Run:
        """One contender from its connection to the last reading stored; raises KehaiError when not all are."""
        wanted = self._stream(max(1, round(self._contest.messages * _SHARES[name])))
        with tempfile.TemporaryDirectory(dir=self._folder) as made, ExitStack() as stack:
            folder = Path(made)
            shutil.copy(self._registry, folder)
            broker = stack.enter_context(Broker(folder / "broker"))
            topic = up_topic("+", Up.READINGS) if name in _SCRIPTS else UP_FILTER
            prepare_session(broker.port, name, [topic])
            publisher = None
            if self._contest.live:
                publisher = stack.enter_context(Publisher(broker.port, wanted.frames))
            else:
                pour(broker.port, wanted.frames)
            if name == COUNTER:
                return self._count(broker, wanted, publisher)
            store = stack.enter_context(Store(folder / "store")) if name in _SCRIPTS else None
            if store is not None:
                words: list[object] = ["benchmarks.ingest.peers", name, broker.port, store.url, wanted.readings]
            else:
                profile = ["--profile", self._contest.profile] if self._contest.profile else []
                words = ["benchmarks.ingest.contender", broker.port, folder, wanted.readings, *profile]
            module, *arguments = words
            child = stack.enter_context(Child(str(module), folder / f"{name}.log", *arguments))
            child.expect("ready", 60)
            cpu, broker_cpu, began = cpu_seconds(child.pid), cpu_seconds(broker.pid), monotonic()
            child.tell("go")
            if publisher is not None:
                publisher.go()
            child.expect("done", _PATIENCE_SECONDS)
            run = Run(
                wanted.readings, (monotonic() - began) / SECOND, cpu_seconds(child.pid) - cpu,
                cpu_seconds(broker.pid) - broker_cpu,
            )  # fmt: skip
            stored = store.count(wanted.readings) if store else _rows(folder / "journal.db")
        if stored != wanted.readings:
            raise KehaiError(f"{name} stored {stored} of {wanted.readings} readings: its figures mean nothing.")
        return run

    @staticmethod
    def _count(broker: Broker, wanted: Stream, publisher: Publisher | None) -> Run:
        command = [
            program("mosquitto_sub", "mosquitto-clients"), "-p", str(broker.port), "-c", "-i", COUNTER, "-q", "1",
            "-t", UP_FILTER, "-C", str(len(wanted.frames)), "-F", "", "-N", "--nodelay",
        ]  # fmt: skip
        broker_cpu, began = cpu_seconds(broker.pid), monotonic()
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stdin=subprocess.DEVNULL)
        if publisher is not None:
            publisher.go()
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            raise KehaiError(f"mosquitto_sub ended with status {process.returncode}: see that it is of version 2.")
        return Run(
            wanted.readings, (monotonic() - began) / SECOND, usage.ru_utime + usage.ru_stime,
            cpu_seconds(broker.pid) - broker_cpu,
        )  # fmt: skip


def _rows(journal: Path) -> int:
    """Readings in a journal; KehaiError when something was refused."""
    connection = sqlite3.connect(f"file:{journal}?mode=ro", uri=True)
    try:
        refused = connection.execute("SELECT reason, detail FROM dead_letters LIMIT 1").fetchone()
        if refused is not None:
            raise KehaiError(f"Ingest refused a message of the benchmark ({refused}): mend the benchmark.")
        return int(connection.execute("SELECT count(*) FROM readings").fetchone()[0])
    finally:
        connection.close()


def contest(asked: Contest) -> dict[str, list[Run]]:
    """Every contender in turn, round after round."""
    runs: dict[str, list[Run]] = {name: [] for name in asked.contenders}
    with tempfile.TemporaryDirectory(prefix="kehai-bench-") as made:
        progress(f"making {asked.messages:,} messages")
        course = _Course(asked, Path(made))
        for number in range(asked.pairs):
            for name, taken in runs.items():
                run = course.run(name)
                taken.append(run)
                progress(f"{number + 1}/{asked.pairs} {name}: {run.rate:,.0f}/s, {run.cpu_per_100k:.2f} CPU s/100k")
    return runs


def _ratios(runs: dict[str, list[Run]], name: str, of: str = "rate") -> list[float]:
    """Ingest over another, pair by pair."""
    pairs = zip(runs[INGEST], runs[name], strict=True)
    return [getattr(ours, of) / getattr(theirs, of) for ours, theirs in pairs]


def _conditions(asked: Contest) -> str:
    feed = "published meanwhile" if asked.live else "waiting in the broker"
    pack = "one reading a message" if asked.pack == 1 else f"{asked.pack} readings a message"
    return f"{asked.messages:,} messages, {pack}, {feed}; {asked.pairs} runs each, in turn"


def _rates(runs: dict[str, list[Run]]) -> list[Figure]:
    figures = []
    for name, taken in runs.items():
        figures.append(Figure(name, [run.rate for run in taken], "readings/s", digits=0))
        figures.append(Figure(name, [run.cpu_per_100k for run in taken], "CPU s/100k"))
    broker = [run.broker_cpu / run.readings * 100_000 for run in runs[INGEST]]
    return [*figures, Figure("mosquitto under ingest", broker, "CPU s/100k")]


def single(asked: Contest) -> Result:
    """One reading a message."""
    runs = contest(asked)
    result = Result("single", _conditions(asked), _rates(runs))
    if COUNTER in runs:
        result.figures.append(Figure("ingest / mosquitto_sub", _ratios(runs, COUNTER), must=0.5, aim=0.9))
    if TUTORIAL in runs:
        result.figures.append(Figure("ingest / tutorial", _ratios(runs, TUTORIAL), must=10, aim=20))
    if BATCHING in runs:
        cpu = _ratios(runs, BATCHING, "cpu_per_100k")
        result.figures += [
            Figure("ingest / batching", _ratios(runs, BATCHING), must=1.3, aim=2.5),
            Figure("CPU of ingest / batching", cpu, must=0.6, aim=0.25, at_least=False),
        ]
    result.notes.append("Stored rows were counted after each run: as many as readings were sent, no dead letter.")
    return result


def packs(asked: Contest) -> Result:
    """Many readings a message."""
    runs = contest(asked)
    result = Result("packs", _conditions(asked), _rates(runs))
    result.figures[0] = Figure("ingest", [run.rate for run in runs[INGEST]], "readings/s", must=40_000, digits=0)
    return result
