"""The control of the fuzzers: ingest's own parts around a directory that fails on a name that is not ASCII.

python -m tests.faults.fragile --config FILE
"""

from __future__ import annotations

import argparse
from pathlib import Path

from ingest.intake import Intake
from ingest.journal import Journal
from ingest.service import IngestService, serve
from ingest.subscriber import BrokerAddress, Ticket
from kehai.logs import configure
from kehai.settings import load
from registry.database import open_database
from registry.directory import GatewayEntry
from registry.homes import SqlDirectory


class FragileDirectory(SqlDirectory):
    """Fails as a careless parser would."""

    def gateway(self, gateway: str) -> GatewayEntry | None:
        """See Directory.gateway."""
        gateway.encode("ascii")
        return super().gateway(gateway)


def main() -> None:
    """Serve like ``kehai ingest``."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--config", type=Path, required=True)
    settings = load(parser.parse_args().config)
    configure("fragile")
    intake: Intake[Ticket] = Intake(Journal(settings.journal), FragileDirectory(open_database(settings.database_url)))
    address = BrokerAddress(settings.broker.host, settings.broker.port)
    serve(IngestService(intake, settings.make_clock(), address, settings.ingest.mark_seconds))


if __name__ == "__main__":
    main()
