"""Ingest as it is measured against the others: ``python -m benchmarks.ingest.contender PORT FOLDER COUNT``."""

from __future__ import annotations

import argparse
import cProfile
from contextlib import nullcontext
from pathlib import Path

from benchmarks.ingest.child import say, wait_for_word
from domain.clock import Instant, SystemClock
from ingest.intake import Committed, Intake
from ingest.journal import Journal
from ingest.service import IngestService, serve
from ingest.subscriber import BrokerAddress, Ticket
from kehai.logs import configure
from registry.database import open_database
from registry.homes import SqlDirectory


class _ProfiledIntake(Intake[Ticket]):
    """Profiles the thread that admits and commits, from its first call on."""

    profile: cProfile.Profile

    def start(self, now: Instant) -> Committed[Ticket]:
        self.profile.enable()
        return super().start(now)


def ingest(port: int, folder: Path, count: int, profile: Path | None) -> None:
    """The role as an installation runs it, until it has stored and acknowledged ``count`` readings."""
    configure("ingest")
    engine = open_database(f"sqlite:///{folder / 'kehai.db'}")
    journal = Journal(folder / "journal.db")
    directory = SqlDirectory(engine)
    intake: Intake[Ticket] = Intake(journal, directory)
    store_profile, loop_profile = cProfile.Profile(), cProfile.Profile()
    if profile is not None:
        intake = profiled = _ProfiledIntake(journal, directory)
        profiled.profile = store_profile
    told = False

    def check() -> None:
        nonlocal told
        if not told and intake.counters["readings"] >= count:
            told = True
            say("done")
            service.stop()

    service = IngestService(intake, SystemClock(), BrokerAddress("127.0.0.1", port), 5.0, on_stored=check)
    say("ready")
    if wait_for_word():
        with loop_profile if profile is not None else nullcontext():
            serve(service)
    if profile is not None:
        loop_profile.dump_stats(profile / "ingest-loop.prof")
        store_profile.dump_stats(profile / "ingest-store.prof")
    journal.close()
    engine.dispose()


def main() -> None:
    """See the module's own words."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("port", type=int)
    parser.add_argument("folder", type=Path)
    parser.add_argument("count", type=int)
    parser.add_argument("--profile", type=Path)
    asked = parser.parse_args()
    ingest(asked.port, asked.folder, asked.count, asked.profile)


if __name__ == "__main__":
    main()
