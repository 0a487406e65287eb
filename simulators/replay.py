"""Replay: recordings through admit, journal, detectors and alert desk on the virtual clock."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
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
from ingest.intake import Intake
from ingest.journal import Journal
from registry.directory import MemoryDirectory
from simulators.player import Player, Step, arrivals, gateway_of, steps
from simulators.recording import Recording

Tell = Callable[[Sequence[Decision]], None]
Pace = Callable[[Instant], None]


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

    def full(self, pace: Pace = _at_once, played: Iterable[Step] | None = None) -> None:
        """Run through wire format, admit and a throw-away journal; ``pace`` may wait before each step.

        ``played`` are the steps, where they are others than the recording's own: a scenario's.
        """
        with throw_away_journal() as journal:
            drive(ListFeed(self.through_ingest(journal, pace, played)), self.watch)

    def through_ingest(
        self, journal: Journal, pace: Pace = _at_once, played: Iterable[Step] | None = None
    ) -> Iterator[Arrival]:
        """Every step, through admit into ``journal``; yields what the journal made of it."""
        intake: Intake[None] = Intake(journal, directory_of(self.recording))
        player = Player(self.recording)
        intake.commit(self.recording.start, Mark(self.recording.start))
        for step in steps(self.recording) if played is None else played:
            pace(step.now)
            for topic, payload in player.messages(step):
                intake.take(topic, payload, step.now, None)
            arrival = intake.commit(step.now, Mark(step.now)).arrival
            assert arrival is not None  # noqa: S101 (a mark always makes a row)
            yield arrival

    def log(self) -> str:
        """The alert log, equal to the byte in every run over the same facts."""
        return alert_log(self.book.findings.values(), lambda _home: self.recording.home.zone)


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
