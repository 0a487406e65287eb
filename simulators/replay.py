"""Replay: recordings through admit, journal, detectors and alert desk on the virtual clock."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from alerts.book import MemoryBook
from alerts.desk import Decision
from alerts.log import alert_log
from alerts.watch import Watch
from domain.clock import DAY, Instant
from domain.readings import Arrival, Mark
from domain.stage import ListFeed, drive
from domain.wire import MAX_RECORDS, ClockState, Up, encode_heartbeat, encode_hello, encode_readings, up_topic
from ingest.intake import Intake
from ingest.journal import Journal
from registry.directory import MemoryDirectory
from simulators.player import EPOCH, Step, arrivals, gateway_of, steps
from simulators.recording import Recording

Tell = Callable[[Sequence[Decision]], None]
Pace = Callable[[Instant], None]
_CLOCK = ClockState("replay", True)


def _at_once(_now: Instant) -> None:
    return


def _silent(_made: Sequence[Decision]) -> None:
    return


class Replay:
    """One run over one recorded home, with a book and a watch of its own."""

    def __init__(
        self,
        recording: Recording,
        parameters: Mapping[str, Mapping[str, Any]] | None = None,
        tell: Tell = _silent,
    ) -> None:
        self.recording = recording
        self.book = MemoryBook()
        self.watch = Watch(self.book, parameters, save_every=10_000 * DAY, on_decisions=tell)

    def short(self) -> None:
        """Run without wire and journal: what backtests do."""
        drive(ListFeed(arrivals(self.recording)), self.watch)

    def full(self, pace: Pace = _at_once) -> None:
        """Run through wire format, admit and a throw-away journal; ``pace`` may wait before each step."""
        with throw_away_journal() as journal:
            drive(ListFeed(self._through_ingest(journal, pace)), self.watch)

    def _through_ingest(self, journal: Journal, pace: Pace) -> Iterator[Arrival]:
        intake: Intake[None] = Intake(journal, directory_of(self.recording))
        player = _Player(self.recording)
        intake.commit(self.recording.start, Mark(self.recording.start))
        for step in steps(self.recording):
            pace(step.now)
            for topic, payload in player.messages(step):
                intake.take(topic, payload, step.now, None)
            arrival = intake.commit(step.now, Mark(step.now)).arrival
            assert arrival is not None  # noqa: S101 (a mark always makes a row)
            yield arrival

    def log(self) -> str:
        """The alert log, equal to the byte in every run over the same facts."""
        return alert_log(self.book.findings.values(), lambda _home: self.recording.home.zone)


class _Player:
    """A recorded home's gateway, as far as its messages go."""

    def __init__(self, recording: Recording) -> None:
        self._recording = recording
        self._gateway = gateway_of(recording)
        self._seq = 0
        self._spells: list[tuple[Instant, Instant]] = []
        self._greeted = False

    def messages(self, step: Step) -> Iterator[tuple[str, bytes]]:
        gateway = self._gateway
        if not self._greeted:
            self._greeted = True
            devices = self._recording.home.devices.values()
            yield up_topic(gateway, Up.HELLO), encode_hello(gateway, EPOCH, step.now, _CLOCK, "replay", devices)
        for first in range(0, len(step.readings), MAX_RECORDS):
            pack = [(r.device, r.quantity, r.value, r.at) for r in step.readings[first : first + MAX_RECORDS]]
            payload = encode_readings(gateway, EPOCH, self._seq + 1, step.now, _CLOCK, pack)
            self._seq += len(pack)
            yield up_topic(gateway, Up.READINGS), payload
        if self._spells and self._spells[-1][0] == step.running_since:
            self._spells[-1] = (step.running_since, step.now)
        else:
            self._spells = [*self._spells[-1:], (step.running_since, step.now)]
        beat = encode_heartbeat(gateway, EPOCH, self._seq, step.now, _CLOCK, step.now, self._spells, {})
        yield up_topic(gateway, Up.HEARTBEAT), beat


def directory_of(recording: Recording) -> MemoryDirectory:
    """A directory in which the gateway of the recording is enrolled."""
    directory = MemoryDirectory()
    directory.enrol(gateway_of(recording), recording.home.home, recording.home.zone.name)
    return directory


@contextmanager
def throw_away_journal() -> Iterator[Journal]:
    """A journal that lives as long as the context: no safety against a power cut is asked of it."""
    with TemporaryDirectory(prefix="kehai-replay-") as folder:
        journal = Journal(Path(folder) / "journal.db", durable=False)
        try:
            yield journal
        finally:
            journal.close()
