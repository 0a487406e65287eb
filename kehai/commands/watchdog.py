"""``kehai watchdog``: sees each minute whether a reading still comes from a gateway all the way to a call, and complains.

Threads: a gateway's agent in its own event loop, the listener, one for each address that is complained to, one for the dead
man's switch, one that marks this role in the database. The main thread only looks: none of the others can keep it from it.
"""

from __future__ import annotations

import asyncio
import threading
from contextlib import suppress
from functools import partial
from pathlib import Path

import structlog
from sqlalchemy.exc import SQLAlchemyError

from alerts.channels.catalogue import build
from alerts.channels.channel import Channel
from alerts.sqlbook import RoleMark, SqlBook
from domain.clock import SECOND, SystemClock, monotonic
from domain.errors import ConfigurationError, KehaiError
from domain.ids import WATCHDOG, GatewayId
from gateway.agent import Agent, Timing
from gateway.link import UplinkAddress
from gateway.spool import Spool, SpoolError
from gateway.tasks import end
from kehai import __version__
from kehai.access import Access
from kehai.logs import configure
from kehai.running import running
from kehai.settings import Settings, WatchdogSection, load
from kehai.supervisor import stop_on_signals
from kehai.watchdog.complaints import Complaints, compose
from kehai.watchdog.judge import Judge, Verdict
from kehai.watchdog.listener import Listener
from kehai.watchdog.outside import Outside
from kehai.watchdog.probe import Probe
from kehai.watchdog.state import CONFIRMED, State
from registry.database import open_database

_LOOK_SECONDS = 1.0
_MARK_SECONDS = 5.0
_PAUSE_SECONDS = 5.0
log = structlog.get_logger("watchdog")


def watchdog(config: Path) -> None:
    """Watch the installation of ``config`` until SIGTERM or Ctrl-C."""
    settings = load(config)
    if settings.watchdog is None:
        raise ConfigurationError(f"{config} has no section [watchdog]: add one; docs/operations.md shows how.")
    configure("watchdog")
    with running(settings.installation.data, "watchdog"):
        _watchdog(settings, settings.watchdog)


def _watchdog(settings: Settings, section: WatchdogSection) -> None:
    stop = threading.Event()
    stop_on_signals(stop)
    complaints = Complaints(_channels(section))
    outside = Outside(section.ping_url_file) if section.ping_url_file else None
    judge = Judge(monotonic(), int(section.patience_seconds * SECOND), int(section.again_minutes * 60 * SECOND))
    confirmed = min(CONFIRMED, int(section.patience_seconds * SECOND) // 2)
    state = State(judge, monotonic, outside.well if outside else lambda: None, confirmed)
    listener = Listener(section.host, section.port, state)
    sender = _Sender(settings, section, state, stop)
    marks = threading.Thread(target=partial(_mark, settings, state, stop), name="watchdog-mark", daemon=True)
    sender.start()
    marks.start()
    log.info("the watchdog sends a reading the whole way", every_s=section.every_seconds, port=listener.port)
    try:
        while not stop.wait(_LOOK_SECONDS):
            said = state.look(sender.connected, sender.waiting)
            if said is None:
                continue
            word, where = said
            bad = word.verdict is not Verdict.WELL
            subject, body = compose(word, where if bad else None, settings.installation.name, section.language)
            log.warning(subject, how_far=where.value if bad else "", silent_s=word.silent // SECOND)
            complaints.say(bad, section.language, subject, body, settings.calling.public_url)
    finally:
        stop.set()
        listener.close()
        complaints.close()
        if outside is not None:
            outside.close()
        sender.join()
        marks.join(_MARK_SECONDS)


def _channels(section: WatchdogSection) -> dict[str, tuple[Channel, list[str]]]:
    """The watchdog's own; raises ConfigurationError that names the key."""
    bare = {name: {k: v for k, v in table.items() if k != "to"} for name, table in section.channels.items()}
    try:
        channels = build(bare)
    except ConfigurationError as error:
        raise ConfigurationError(f"watchdog.{error}") from error
    found: dict[str, tuple[Channel, list[str]]] = {}
    for name, channel in channels.items():
        to = section.channels[name].get("to")
        key = f"watchdog.channels.{name}.to"
        if not isinstance(to, list) or not to or not all(isinstance(address, str) for address in to):
            raise ConfigurationError(f'{key}: say who is to be told, as a list of addresses: to = ["..."].')
        try:
            found[name] = channel, [channel.check_address(address) for address in to]
        except ValueError as error:
            raise ConfigurationError(f"{key}: {error}") from error
    if not found:
        log.warning(
            "the watchdog has no channel to complain through: add [watchdog.channels.NAME], or poll its /healthz"
        )
    return found


class _Sender:
    """The gateway's agent in a thread of its own; whatever ends it, it is begun again."""

    def __init__(self, settings: Settings, section: WatchdogSection, state: State, stop: threading.Event) -> None:
        self._settings, self._section, self._state, self._stop = settings, section, state, stop
        self._thread = threading.Thread(target=self._run, name="watchdog-gateway", daemon=True)
        self._agent: Agent | None = None
        self._spool: Spool | None = None

    @property
    def connected(self) -> bool:
        """True while the broker has let it in."""
        return self._agent is not None and self._agent.uplink.connected.is_set()

    @property
    def waiting(self) -> int:
        """How many readings ingest has not confirmed."""
        return 1 if self._spool is None else self._spool.depth

    def start(self) -> None:
        """Begin to send."""
        self._thread.start()

    def join(self) -> None:
        """Wait for its end, for a while."""
        self._thread.join(_PAUSE_SECONDS)

    def _run(self) -> None:
        told = ""
        while not self._stop.is_set():
            try:
                asyncio.run(self._serve())
            except Exception as error:
                words = f"{type(error).__name__}: {error}"
                if words != told:
                    log.exception("the watchdog's gateway failed; it is begun again")
                    told = words
            self._stop.wait(_PAUSE_SECONDS)

    async def _serve(self) -> None:
        section, speed = self._section, self._settings.speed
        folder = self._settings.installation.data / "watchdog"
        folder.mkdir(mode=0o700, exist_ok=True)
        self._spool = spool = Spool(folder / "spool.db", max_readings=10_000)
        timing = Timing(heartbeat=int(section.every_seconds * SECOND * speed))
        probe = Probe(int(section.every_seconds * SECOND * speed), self._state.sent)
        self._agent = agent = Agent(
            GatewayId(WATCHDOG), [probe], spool, self._settings.make_clock(), _address(self._settings, section),
            f"kehai {__version__} (watchdog)", timing,
        )  # fmt: skip
        running_agent = asyncio.create_task(agent.run())
        stopped = asyncio.create_task(asyncio.to_thread(self._stop.wait))
        try:
            done, _ = await asyncio.wait([running_agent, stopped], return_when=asyncio.FIRST_COMPLETED)
            if running_agent in done:
                running_agent.result()
        finally:
            await end([running_agent])
            with suppress(SpoolError):
                spool.close()
            self._agent = self._spool = None


def _address(settings: Settings, section: WatchdogSection) -> UplinkAddress:
    """By the door that gateways use, as one of them, or by ingest's."""
    broker, gateways = settings.broker, settings.gateways
    password = _password(settings, section)
    user = WATCHDOG if password else None
    if section.door == "ingest":
        return UplinkAddress(broker.host, broker.port, user, password, broker.ca_file, broker.protocol)
    host, port = gateways.host or broker.host, gateways.port or broker.port
    return UplinkAddress(host, port, user, password, gateways.ca_file or broker.ca_file, broker.protocol)


def _password(settings: Settings, section: WatchdogSection) -> str | None:
    """What the broker knows it by; where ``kehai`` writes the broker's list, it is put there."""
    if section.password_file is not None:
        return section.password_file.read_text(encoding="utf-8").strip()
    if settings.gateways.passwords is None:
        return None
    engine = open_database(settings.database_url)
    try:
        return Access(settings, engine).password_of_the_watchdog()
    finally:
        engine.dispose()


def _mark(settings: Settings, state: State, stop: threading.Event) -> None:
    """Say in the database that this role runs, as the others do: its own thread, since a database can hang."""
    real, engine = SystemClock(), open_database(settings.database_url)
    book = SqlBook(engine)
    told = False
    while not stop.wait(_MARK_SECONDS):
        try:
            book.mark(RoleMark("watchdog", real.now(), 0, state.health()[1]))
            told = False
        except (SQLAlchemyError, KehaiError) as error:
            if not told:
                log.warning("the watchdog cannot write that it runs", why=type(error).__name__)
            told = True
    engine.dispose()
