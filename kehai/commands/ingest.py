"""The role ingest: one process, and the only one that a reading waits for.

It has a module of its own because it is started again after each failure, and what it does not import it does not wait for.
"""

from __future__ import annotations

import os
import signal
from pathlib import Path

import structlog
from sqlalchemy import Engine

from alerts.sqlbook import RoleMark, SqlBook
from domain.clock import SystemClock
from domain.errors import ConfigurationError
from ingest.chores import Chores
from ingest.influx.cursor import passed as projected
from ingest.intake import Intake
from ingest.journal import Journal
from ingest.metrics import Figures, serve_metrics
from ingest.retention import Keep, Retention
from ingest.scrub import Scrub
from ingest.service import IngestService, Pulse, serve
from ingest.steadyclock import SteadyClock
from ingest.subscriber import BrokerAddress, Ticket
from kehai.logs import configure
from kehai.opening import database
from kehai.running import running
from kehai.settings import Settings, load
from registry.homes import SqlDirectory

log = structlog.get_logger("roles")


def ingest(config: Path) -> None:
    """Receive, store and acknowledge until SIGTERM or Ctrl-C."""
    settings = load(config)
    configure("ingest")
    with running(settings.installation.data, "ingest"):
        _ingest(settings)


def _ingest(settings: Settings) -> None:
    engine = database(settings)
    journal = Journal(settings.journal)
    if journal.damage:
        log.error(journal.damage)
    intake: Intake[Ticket] = Intake(journal, SqlDirectory(engine))
    book, real = SqlBook(engine), SystemClock()
    passed = _passed(settings, engine)
    journal.go_on_above(max(book.furthest(), projected(engine) or 0))

    def report(pulse: Pulse) -> None:
        nonlocal passed
        counts = ", ".join(f"{count} {name}" for name, count in sorted(pulse.counters.items()))
        connected = "connected" if pulse.connected else "no broker"
        if pulse.dropped:
            connected += f"; the broker dropped {pulse.dropped}"
        book.mark(RoleMark("ingest", real.now(), 0, f"{connected}; {counts or 'nothing yet'}"[:200]))
        passed = _passed(settings, engine)

    kept = settings.retention
    keep = Keep.of(kept.raw_days, kept.log_days, kept.dead_letter_days, kept.summaries_years)
    chores = Chores(journal, intake, Retention(journal, keep, lambda: passed))
    section, figures = settings.ingest, Figures()
    clock = SteadyClock(real) if settings.clock is None else settings.make_clock()
    service = IngestService(
        intake, clock, _broker(settings), section.mark_seconds, report, figures=figures, chores=chores
    )
    page = serve_metrics(figures.registry, section.metrics_host, section.metrics_port) if section.metrics_port else None
    scrub = Scrub(settings.journal, lambda: os.kill(os.getpid(), signal.SIGTERM))
    scrub.start()
    try:
        serve(service)
        scrub.judge()
    finally:
        scrub.stop()
        if page is not None:
            page.close()
        journal.close()
        engine.dispose()


def _passed(settings: Settings, engine: Engine) -> int:
    """The journal's offset that every role of this installation has read: the log up to there may be cut."""
    watched = SqlBook(engine).cursor()
    return watched if settings.influxdb is None else min(watched, projected(engine) or 0)


def _broker(settings: Settings) -> BrokerAddress:
    section, password = settings.broker, None
    if section.password_file is not None:
        try:
            password = section.password_file.read_text(encoding="utf-8").strip()
        except OSError as error:
            raise ConfigurationError(
                f"{section.password_file} cannot be read ({error.strerror}): make it, readable by this user."
            ) from error
    return BrokerAddress(
        section.host, section.port, section.username, password, section.ca_file, section.protocol,
        cert_file=section.cert_file, key_file=section.key_file,
    )  # fmt: skip
