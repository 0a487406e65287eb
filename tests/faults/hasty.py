"""The control: ingest's own parts in the wrong order. It tells gateways and broker that a message is stored, then stores it.

python -m tests.faults.hasty --config FILE
"""

from __future__ import annotations

import argparse
from pathlib import Path

from domain.clock import SECOND, Instant, monotonic
from domain.readings import Arrival
from ingest.intake import Intake
from ingest.journal import Batch, Journal
from ingest.service import IngestService, serve
from ingest.subscriber import BrokerAddress, Ticket
from kehai.logs import configure
from kehai.settings import load
from registry.database import open_database
from registry.homes import SqlDirectory

_LATE = SECOND


class LateJournal(Journal):
    """Says "written" at once and writes a second later: what a cache without a disk behind it does."""

    _held: list[tuple[int, Batch, Instant]]

    def append(self, batch: Batch, received_at: Instant) -> Arrival:
        """See Journal.append; the promise in it is broken here."""
        self._held = [*getattr(self, "_held", []), (monotonic(), batch, received_at)]
        while self._held and monotonic() - self._held[0][0] > _LATE:
            _, late, at = self._held.pop(0)
            super().append(late, at)
        return Arrival(0, received_at, tuple(batch.items))


def main() -> None:
    """Serve like ``kehai ingest``."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--config", type=Path, required=True)
    settings = load(parser.parse_args().config)
    configure("hasty")
    engine = open_database(settings.database_url)
    intake: Intake[Ticket] = Intake(LateJournal(settings.journal), SqlDirectory(engine))
    address = BrokerAddress(settings.broker.host, settings.broker.port)
    serve(IngestService(intake, settings.make_clock(), address, settings.ingest.mark_seconds))


if __name__ == "__main__":
    main()
