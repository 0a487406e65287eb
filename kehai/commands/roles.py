"""The roles watch and dashboard. Each is one process; here their rooms are wired together."""

from __future__ import annotations

import gc
import threading
from collections.abc import Callable
from pathlib import Path

import structlog
import uvicorn
from sqlalchemy import Engine

from alerts.caller import Caller
from alerts.channels.catalogue import build
from alerts.digests import Digests
from alerts.forgetting import Forgetting
from alerts.ladder import Ladder
from alerts.messages import Messages
from alerts.overseer import Overseer
from alerts.probes import Probes, WayBack
from alerts.rulebook import Rulebook
from alerts.shadowbook import Shadowbook
from alerts.sqlbook import RoleMark, SqlBook
from alerts.watch import Watch
from dashboard.app import create_app
from dashboard.office import Office
from domain.clock import DAY, MINUTE, SECOND, Clock, Instant, Span, SystemClock, monotonic
from domain.ids import WATCHDOG, HomeId
from domain.localtime import LocalTime
from domain.readings import Arrival, Reading
from domain.stage import drive
from ingest.feed import CAUGHT_UP, Follower, JournalFeed, behind
from ingest.history import JournalHistory
from kehai.logs import configure
from kehai.network import check_free
from kehai.opening import database, wait_for_journal
from kehai.running import running
from kehai.settings import Settings, WatchdogSection, load
from kehai.supervisor import stop_on_signals
from registry.homes import Homes
from registry.staff import Role

_REPORT_EVERY: Span = SECOND
_AREAS_EVERY: Span = MINUTE
_LOOK_SECONDS = 0.25

log = structlog.get_logger("roles")


def watch(config: Path) -> None:
    """Read the journal, run detectors and desk until SIGTERM or Ctrl-C."""
    settings = load(config)
    configure("watch")
    with running(settings.installation.data, "watch"):
        _watch(settings)


def _watch(settings: Settings) -> None:
    engine = database(settings)
    stop = threading.Event()
    stop_on_signals(stop)
    journal = wait_for_journal(settings.journal, stop)
    if journal is None:
        return
    clock, speed = settings.make_clock(), settings.speed
    book = SqlBook(engine, speed)
    local = LocalTime(settings.installation.zone)
    channels = build(settings.channels)
    if settings.watchdog:
        channels[WATCHDOG] = WayBack()
    steppers = (
        Ladder(engine, local, speed),
        _overseer(settings, engine, local),
        Digests(engine, local, settings.channels, speed),
        Forgetting(engine, int(settings.retention.calls_days * DAY), speed),
    )
    messages = Messages(engine, local, settings.calling.public_url, clock)
    caller = Caller(engine, clock, steppers, channels, messages, speed)
    stage = Watch(
        book,
        settings.parameters,
        rules=(Rulebook(engine), Shadowbook(engine)),
        default_zone=settings.installation.zone,
        catching_up=lambda now: behind(clock, now, speed) > CAUGHT_UP,
        area_of=_Areas(Homes(engine)).of,
        on_decisions=lambda _made: caller.wake(),
        on_probe=_probes(settings, engine, clock, caller),
    )
    first = journal.first()
    if stage.offset and first is not None and first > stage.offset + 1:
        log.error(
            "the journal begins after what was read last: the book is older than it, or the journal is a new one; "
            "what lies between counts as not seen",
            read_through=stage.offset, journal_from=first,
        )  # fmt: skip
    reporting = _Reporting(stage, book, clock, speed)
    feed = JournalFeed(
        journal, stage.offset, Follower(stop, _LOOK_SECONDS / max(1.0, min(speed, 5.0)), reporting.report)
    )
    caller.start()
    try:
        drive(feed, reporting, stop.is_set)
        stage.save(stage.now)
    finally:
        caller.stop()
        journal.close()
        engine.dispose()


def _overseer(settings: Settings, engine: Engine, local: LocalTime) -> Overseer:
    roles = tuple(role for role in settings.roles if role != "watch")
    return Overseer(
        engine, SystemClock(), local, roles, settings.installation.data, settings.speed, bool(settings.channels)
    )


def _probes(settings: Settings, engine: Engine, clock: Clock, caller: Caller) -> Callable[[Reading], None]:
    if settings.watchdog is None:
        return lambda _probe: None
    return Probes(engine, clock, settings.speed, _came(settings.watchdog), caller.wake)


def _came(section: WatchdogSection) -> str:
    return f"http://{section.host}:{section.port}/came"


class _Areas:
    """Where homes lie, as the registry knows it; read again for a home that is new, at most once a minute."""

    def __init__(self, homes: Homes) -> None:
        self._homes = homes
        self._read = -_AREAS_EVERY
        self._areas: dict[HomeId, str] = {}

    def of(self, home: HomeId) -> str:
        """The area of ``home``; empty where none is known."""
        if home not in self._areas and monotonic() - self._read >= _AREAS_EVERY:
            self._read = monotonic()
            self._areas = {number: known.area for number, known in self._homes.all().items()}
        return self._areas.get(home, "")


class _Reporting:
    """The watch, and its word that it is alive, at most once a second and also while it reads a long backlog."""

    def __init__(self, stage: Watch, book: SqlBook, clock: Clock, speed: float) -> None:
        self._stage, self._book, self._clock, self._speed = stage, book, clock, speed
        self._real = SystemClock()
        self._reported = -_REPORT_EVERY

    def next_due(self) -> Instant | None:
        """See Stage.next_due."""
        return self._stage.next_due()

    def step(self, now: Instant, arrival: Arrival | None) -> None:
        """See Stage.step."""
        self._stage.step(now, arrival)
        self.report()

    def report(self) -> None:
        """Say that the watch is alive, and how far behind."""
        if monotonic() - self._reported < _REPORT_EVERY:
            return
        self._reported = monotonic()
        lag = behind(self._clock, self._stage.now, self._speed) if self._stage.now else 0
        self._book.mark(RoleMark("watch", self._real.now(), lag, f"{self._stage.homes} homes"))


def dashboard(config: Path) -> None:
    """Serve the pages until SIGTERM or Ctrl-C."""
    settings = load(config)
    section = settings.dashboard
    check_free(section.host, section.port, "the dashboard (dashboard.port)")
    configure("dashboard")
    with running(settings.installation.data, "dashboard"):
        _dashboard(settings)


def _dashboard(settings: Settings) -> None:
    section = settings.dashboard
    engine = database(settings)
    office = Office(
        engine,
        JournalHistory(settings.journal),
        settings.make_clock(),
        settings.installation.name,
        LocalTime(settings.installation.zone),
        https=section.https,
        banner=section.banner,
        roles=settings.roles,
        trusted_hosts=section.trusted_hosts,
        second_factor=frozenset(Role(role) for role in section.second_factor),
        logins=tuple(section.demo_logins.items()),
        parameters=settings.parameters,
        pace=settings.speed,
        channels=build(settings.channels),
    )
    app = create_app(office)
    server = uvicorn.Server(
        uvicorn.Config(
            app, host=section.host, port=section.port, log_config=None, access_log=False, server_header=False,
            proxy_headers=section.https, timeout_graceful_shutdown=2,
        )
    )  # fmt: skip
    # What is loaded by now stays for good; without this each full collection looks at all of it, 35 ms in a page.
    gc.collect()
    gc.freeze()
    try:
        server.run()
    finally:
        engine.dispose()
