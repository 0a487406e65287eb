"""Opens what the roles of one installation share: the SQL database and the journal."""

from __future__ import annotations

import threading
from pathlib import Path

import structlog
from sqlalchemy import Engine

from ingest.journal import Journal
from kehai.settings import Settings
from registry.database import migrate, open_database

log = structlog.get_logger("roles")


def database(settings: Settings) -> Engine:
    """The installation's SQL database, brought to the newest schema."""
    engine = open_database(settings.database_url)
    migrate(engine)
    return engine


def wait_for_journal(path: Path, stop: threading.Event) -> Journal | None:
    """The journal, once ingest has made it; None when it is time to stop before that."""
    told = False
    while not stop.is_set():
        if path.exists():
            journal = Journal(path, read_only=True)
            if journal.is_made():
                return journal
            journal.close()
        elif not told:
            log.info("waiting for ingest to make the journal", at=str(path))
            told = True
        stop.wait(0.1)
    return None
