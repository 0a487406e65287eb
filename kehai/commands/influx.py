"""The role that projects the journal into InfluxDB, wired together. It is a process of its own; nothing waits for it."""

from __future__ import annotations

import random
import threading
from pathlib import Path

import structlog

from alerts.sqlbook import RoleMark, SqlBook
from domain.clock import DAY, HOUR, SECOND, Clock, Instant, Span, SystemClock, monotonic
from domain.errors import ConfigurationError, KehaiError
from ingest.feed import behind
from ingest.influx.answers import Answer, Verdict
from ingest.influx.ledger import Ledger
from ingest.influx.metrics import Figures
from ingest.influx.points import probe
from ingest.influx.projection import Place, Projection
from ingest.influx.store import Address, HttpStore
from ingest.influx.writer import Writer
from ingest.metrics import serve_metrics
from kehai.logs import configure
from kehai.opening import database, wait_for_journal
from kehai.running import running
from kehai.settings import InfluxSection, Settings, load
from kehai.supervisor import stop_on_signals

_LOOK_SECONDS = 1.0
"""Between two looks at a journal that held nothing new: so many seconds of readings travel together."""
_REPORT_EVERY: Span = SECOND

log = structlog.get_logger("influx")


def address(section: InfluxSection) -> Address:
    """Where the store of these settings is."""
    second = section.api == "v2"
    return Address(
        section.url, section.api, section.org, section.bucket if second else section.database, section.username,
        section.token_file if second else section.password_file, section.ca_file, section.timeout_seconds,
    )  # fmt: skip


def knock(section: InfluxSection) -> str | None:
    """Write one point that stands for nothing; what is wrong and how to mend it, or None when it was stored."""
    clock = SystemClock()
    store = HttpStore(address(section), clock)
    try:
        answer = store.write(probe(clock.now()).encode())
    finally:
        store.close()
    if answer.verdict is Verdict.STORED:
        return None
    return f"{sentence(answer, section)}{f' (it said: {answer.words})' if answer.words else ''}"


def influx(config: Path, *, from_start: bool = False) -> None:
    """Project the journal until SIGTERM or Ctrl-C.

    ``from_start`` writes all of it again, which changes no point that is there.
    """
    settings = load(config)
    section = settings.influxdb
    if section is None:
        raise ConfigurationError(f"{config} has no section [influxdb]: add it (deploy/kehai.toml shows its keys).")
    configure("influx")
    with running(settings.installation.data, "influx"):
        _project(settings, section, from_start)


def _project(settings: Settings, section: InfluxSection, from_start: bool) -> None:
    engine = database(settings)
    stop = threading.Event()
    stop_on_signals(stop)
    journal = wait_for_journal(settings.journal, stop)
    if journal is None:
        return
    real = SystemClock()
    ledger, store = Ledger(engine, real), HttpStore(address(section), real)
    if from_start:
        ledger.forget()
    reporting = _Reporting(SqlBook(engine), settings.make_clock(), settings.speed, section, stop)
    writer = Writer(store, reporting.wait, real, reporting, random.SystemRandom())
    projection = Projection(journal, ledger, writer, section.batch_size)
    reporting.follow(projection)
    opened, kept = _inode(settings.journal), int(settings.retention.dead_letter_days * DAY)
    pruned: Instant = 0

    def idle() -> bool:
        nonlocal pruned
        if real.now() - pruned > HOUR:
            pruned = real.now()
            ledger.prune(pruned - kept)
        if _inode(settings.journal) != opened:
            raise KehaiError(
                f"The journal {settings.journal} was replaced: start this role again, to read the new one."
            )
        return reporting.wait(_LOOK_SECONDS)

    try:
        projection.run(idle)
    finally:
        projection.close()
        store.close()
        engine.dispose()


def _inode(file: Path) -> int | None:
    try:
        return file.stat().st_ino
    except FileNotFoundError:
        return None


class _Reporting:
    """What operators are told of the projection: a sentence when the store's state changes, a mark each second, figures."""

    def __init__(
        self, book: SqlBook, clock: Clock, speed: float, section: InfluxSection, stop: threading.Event
    ) -> None:
        self._book, self._clock, self._speed, self._section, self._stop = book, clock, speed, section, stop
        self._real = SystemClock()
        self._figures = Figures()
        self._projection: Projection | None = None
        self._trouble: Answer | None = None
        self._reported = -_REPORT_EVERY
        if section.metrics_port:
            try:
                serve_metrics(
                    self._figures.registry, section.metrics_host, section.metrics_port, "influxdb.metrics_port"
                )
            except ConfigurationError as error:  # a page of figures is no reason not to run
                log.warning("no metrics", why=str(error))

    def follow(self, projection: Projection) -> None:
        """Report on this projection from now on."""
        self._projection = projection

    # ---- what the writer tells ---------------------------------------------------------------------------------------

    def stored(self, points: int) -> None:
        """See Watcher.stored."""
        self._figures.stored(points)
        self._well()

    def refused(self, status: int) -> None:
        """See Watcher.refused."""
        self._figures.refused(status)
        self._well()

    def _well(self) -> None:
        if self._trouble is not None:
            log.info("the store takes points again", url=self._section.url)
            self._trouble = None
        self._report()

    def waiting(self, answer: Answer, seconds: float) -> None:
        """See Watcher.waiting."""
        self._figures.waiting(answer)
        if self._trouble is None or (answer.verdict, answer.status) != (self._trouble.verdict, self._trouble.status):
            log.warning(
                sentence(answer, self._section), url=self._section.url, said=answer.words, again_in_s=round(seconds)
            )
        self._trouble = answer

    # ---- waiting -----------------------------------------------------------------------------------------------------

    def wait(self, seconds: float) -> bool:
        """Wait, reporting meanwhile; False when it is time to stop."""
        end = monotonic() + int(seconds * SECOND)
        while (left := end - monotonic()) > 0:
            self._report()
            if self._stop.wait(min(left, _REPORT_EVERY) / SECOND):
                return False
        return not self._stop.is_set()

    def _report(self) -> None:
        if self._projection is None or monotonic() - self._reported < _REPORT_EVERY:
            return
        self._reported = monotonic()
        place = self._projection.place()
        lag = self._lag(place)
        self._figures.place(place, lag)
        trouble = "" if self._trouble is None else f"; {sentence(self._trouble, self._section)}"
        detail = f"{place.commits_behind} commits behind; {self._figures.summary()}{trouble}"
        self._book.mark(RoleMark("influx", self._real.now(), lag, detail[:300]))

    def _lag(self, place: Place) -> Span:
        """How old, in real time, the first commit is that is not in the store; 0 when all are."""
        if not place.commits_behind or place.waiting_since is None:
            return 0
        return behind(self._clock, place.waiting_since, self._speed)


def sentence(answer: Answer, section: InfluxSection) -> str:
    """What is wrong with the store, and what to do, in one sentence."""
    if answer.verdict is Verdict.BUSY:
        return "the store asks us to wait; nothing to do"
    if answer.verdict is Verdict.UNKNOWN:
        return (
            f"the store fails with status {answer.status}; see its log"
            if answer.status
            else "the store does not answer; start it, or mend influxdb.url"
        )
    secret = "token_file" if section.api == "v2" else "password_file"
    place = "bucket" if section.api == "v2" else "database"
    return {
        0: f"influxdb.{secret} or influxdb.ca_file cannot be read",
        401: f"the store does not know us; mend influxdb.{secret}",
        403: f"the store does not let us write; give the {secret.removesuffix('_file')} the right to write",
        404: f"the store has no such {place}, or speaks another api; make it, or mend influxdb.{place} or influxdb.api",
    }.get(answer.status, "something else than a store answers there; mend influxdb.url")
