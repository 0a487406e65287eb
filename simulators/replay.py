"""Replay: recordings through admit, journal, detectors and alert desk on the virtual clock."""

from __future__ import annotations

import heapq
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
from domain.ids import HomeId
from domain.localtime import LocalTime
from domain.readings import Arrival, Mark
from domain.stage import ListFeed, drive
from domain.wire import MAX_RECORDS, ClockState, Up, encode_heartbeat, encode_hello, encode_readings, up_topic
from ingest.intake import Intake
from ingest.journal import Journal
from registry.directory import MemoryDirectory
from simulators.player import EPOCH, Step, arrivals, gateway_of, steps
from simulators.recording import Recording

Tell = Callable[[Sequence[Decision]], None]
_CLOCK = ClockState("replay", True)


def _silent(_made: Sequence[Decision]) -> None:
    return


class Replay:
    """One run over one or more recorded homes."""

    def __init__(
        self,
        recordings: Sequence[Recording],
        parameters: Mapping[str, Mapping[str, Any]] | None = None,
        tell: Tell = _silent,
    ) -> None:
        self.recordings = recordings
        self.book = MemoryBook()
        self.watch = Watch(self.book, parameters, save_every=10_000 * DAY, on_decisions=tell)

    def short(self) -> None:
        """Run without wire and journal: what backtests do."""
        for recording in self.recordings:
            drive(ListFeed(arrivals(recording)), self.watch)

    def full(self, pace: Callable[[Instant], None] = lambda _now: None) -> None:
        """Run through wire format, admit and a throw-away journal; ``pace`` may wait before each step."""
        with throw_away_journal() as journal:
            drive(ListFeed(self._through_ingest(journal, pace)), self.watch)

    def _through_ingest(self, journal: Journal, pace: Callable[[Instant], None]) -> Iterator[Arrival]:
        intake: Intake[None] = Intake(journal, directory_of(self.recordings))
        players = [_Player(recording) for recording in self.recordings]
        merged = heapq.merge(*(player.steps() for player in players), key=lambda pair: pair[1].now)
        begun = False
        for player, step in merged:
            pace(step.now)
            if not begun:
                begun = True
                intake.commit(step.now, Mark(step.now))
            for topic, payload in player.messages(step):
                intake.take(topic, payload, step.now, None)
            arrival = intake.commit(step.now, Mark(step.now)).arrival
            assert arrival is not None  # noqa: S101 (a mark always makes a row)
            yield arrival

    def log(self) -> str:
        """The alert log, equal to the byte in every run over the same facts."""
        return alert_log(self.book.findings.values(), self.zone)

    def zone(self, home: HomeId) -> LocalTime:
        """The local time of a replayed home."""
        return next(recording.home.zone for recording in self.recordings if recording.home.home == home)


class _Player:
    """A recorded home's gateway, as far as its messages go."""

    def __init__(self, recording: Recording) -> None:
        self._recording = recording
        self._gateway = gateway_of(recording)
        self._seq = 0
        self._spells: list[tuple[Instant, Instant]] = []
        self._greeted = False

    def steps(self) -> Iterator[tuple[_Player, Step]]:
        for step in steps(self._recording):
            yield self, step

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


def directory_of(recordings: Sequence[Recording]) -> MemoryDirectory:
    """A directory in which the gateway of each recording is enrolled."""
    directory = MemoryDirectory()
    for recording in recordings:
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
