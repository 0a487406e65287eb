"""One simulated installation from its first second to its last check.

python -m simulators.installation --seed 7 --homes 5 --days 1
"""

from __future__ import annotations

import asyncio
import hashlib
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory, mkdtemp

import structlog
from sqlalchemy import Engine, event

from alerts.sqlbook import SqlBook
from domain.chance import drawn_from
from domain.clock import DAY, MINUTE, Span, measured_by
from registry.database import migrate, open_database
from registry.homes import Home, Homes
from simulators.installation.broker import Broker
from simulators.installation.gateways import Gateway
from simulators.installation.ledger import Ledger
from simulators.installation.loop import LIFE, GoneError, KilledError
from simulators.installation.people import People
from simulators.installation.population import ZONE, Tenant, begins, known, tenants
from simulators.installation.rules import Inspector
from simulators.installation.server import Ingest, Parts, WatchRole
from simulators.installation.weather import Sky, Weather, drawn
from simulators.installation.world import World

LOOKS_EVERY: Span = 30 * MINUTE
CALM: Span = 90 * MINUTE
"""After the last trouble: everything that was begun has to come to its end."""
AREA = "北"

log = structlog.get_logger("simulation")


@dataclass(slots=True)
class Outcome:
    """What one simulation came to."""

    seed: int
    homes: int
    days: float
    fingerprint: str = ""
    """Of the journal, the alerts and all that was sent: the same seed gives the same."""
    wrong: list[str] = field(default_factory=list)
    counts: dict[str, int] = field(default_factory=dict)

    @property
    def command(self) -> str:
        """What repeats it."""
        return f"python -m simulators.installation --seed {self.seed} --homes {self.homes} --days {self.days:g}"


class Installation:
    """Everything, in one folder that only this process uses."""

    def __init__(self, folder: Path, seed: int, homes: int, days: float, parts: Parts, weather: Weather | None) -> None:
        self.world = World(begins(), str(seed))
        self.days = days
        self.weather = weather or drawn(self.world.generator("weather"))
        self.engine = _database(folder)
        self.tenants = tenants(self.world, homes, int(days) + 2)
        self.broker = Broker(self.world, self.weather.manners)
        self.ledger = Ledger(self.world)
        self.journal = folder / "journal.db"
        self.people = People(self.world, self.engine, self.weather.moods, self.weather.diligence)
        self.watch = WatchRole(self.world, self.engine, self.journal, self.people, parts)
        self.ingest = Ingest(
            self.world, self.broker, self.engine, self.journal, parts, self.watch.something_stored
        )  # fmt: skip
        self.people.acted = self.watch.somebody_acted
        self.gateways = [Gateway(self.world, self.broker, self.ledger, folder, tenant) for tenant in self.tenants]
        self.sky = Sky(
            self.world, self.weather, self.broker, self.gateways, self.ingest, self.watch, self.people
        )  # fmt: skip
        self.inspector = Inspector(self.world, self.engine, self.journal, self.ledger, self.gateways, self.people)
        self._connections = 0
        event.listen(self.engine, "checkout", self._checked_out)
        event.listen(self.engine, "checkin", self._checked_in)
        event.listen(self.engine, "commit", self._committing)

    def enrol(self) -> None:
        """Homes, people, and what the watch has learnt in the weeks before."""
        _enrol(self.engine, self.tenants)
        self.people.enrol([tenant.home for tenant in self.tenants], self.world.now())

    async def run(self) -> None:
        """Live through the days, then the calm."""
        world = self.world
        self.ingest.start()
        self.watch.start()
        for gateway in self.gateways:
            gateway.start()
        self.sky.begin()
        end = world.start + int(self.days * DAY)
        while world.now() < end:
            await world.sleep(min(LOOKS_EVERY, end - world.now()))
            self.inspector.look()
        self.sky.clear()
        await world.sleep(CALM)
        for process in (*self.gateways, self.ingest, self.watch):
            if not process.runs:
                world.broken(f"{process.name} does not run in calm times")
        self.inspector.look()
        self.inspector.finish(self.watch.lag())

    # ---- the database, where the watch may die and people act between any two of its steps ----------------------------

    def _checked_out(self, *_: object) -> None:
        self._connections += 1
        life = LIFE.get()
        if life is None:
            return
        if self._connections == 1 and not self.world.calm and self.weather.meddling:
            drawn_now = self.world.chance.random()
            if drawn_now < self.weather.meddling:
                self._connections -= 1  # this one has not begun anything yet
                try:
                    self.world.context.copy().run(self.people.somebody_acts)
                finally:
                    self._connections += 1

    def _checked_in(self, *_: object) -> None:
        self._connections -= 1

    def _committing(self, _connection: object) -> None:
        life = LIFE.get()
        if life is not None:
            life.step("a commit to the database")


def simulate(
    seed: int, homes: int = 5, days: float = 1.0, *, parts: Parts | None = None, weather: Weather | None = None
) -> Outcome:
    """One installation through ``days`` of trouble and the calm after; what was broken stands in the outcome."""
    outcome = Outcome(seed, homes, days)
    with _folder() as folder:
        installation = Installation(folder, seed, homes, days, parts or Parts(), weather)
        world = installation.world
        world.loop.set_exception_handler(_unheard)
        with measured_by(world.loop.ticks), drawn_from(world.generator("product")):
            world.settle_in()
            installation.enrol()
            try:
                world.loop.run_until_complete(installation.run())
            finally:
                _end_all(world)
        outcome.fingerprint = fingerprint(installation.journal, folder / "kehai.db")
        outcome.wrong = world.wrong
        outcome.counts = installation.inspector.counts() | dict(sorted(installation.sky.happened.items()))
        installation.engine.dispose()
    return outcome


def _unheard(_loop: asyncio.AbstractEventLoop, context: dict[str, object]) -> None:
    """What the tasks of the dead throw is nobody's business; the living are listened to by their process."""
    error = context.get("exception")
    if not isinstance(error, GoneError | KilledError | asyncio.CancelledError):
        log.error("nobody listened to a task", error=repr(error), words=context.get("message"))


def _end_all(world: World) -> None:
    """Nobody is there any more: what is left of the tasks is thrown away, and none of it reaches anybody."""
    loop = world.loop
    left = [task for task in asyncio.all_tasks(loop) if not task.done()]
    for task in left:
        task.cancel()
    if left:
        loop.run_until_complete(asyncio.wait(left, timeout=600))
    loop.close()


@contextmanager
def _folder() -> Iterator[Path]:
    """On a disk that forgets: nothing here is to outlive a power cut of the machine that simulates."""
    memory = Path("/dev/shm")  # noqa: S108 (a directory with a random name is made there)
    with TemporaryDirectory(prefix="kehai-installation-", dir=memory if memory.is_dir() else None) as name:
        yield Path(name)


@cache
def _template() -> Path:
    """An empty database of the newest schema, made once."""
    file = Path(mkdtemp(prefix="kehai-installation-")) / "kehai.db"
    engine = open_database(f"sqlite:///{file}")
    migrate(engine)
    engine.dispose()
    return file


def _database(folder: Path) -> Engine:
    shutil.copy(_template(), folder / "kehai.db")
    return open_database(f"sqlite:///{folder / 'kehai.db'}")


def _enrol(engine: Engine, lived: list[Tenant]) -> None:
    at = begins()
    Homes(engine).add_all([(Home(t.home, t.home, ZONE, area=AREA), [t.gateway]) for t in lived], at)
    with SqlBook(engine).transaction() as page:
        for tenant in lived:
            page.save(known(tenant.number))


def fingerprint(journal: Path, book: Path) -> str:
    """Equal for two runs that wrote the same journal, the same alerts with their history, and sent the same messages."""
    total = hashlib.sha256()
    for file, questions in (
        (journal, ("SELECT offset, received_at, body FROM log ORDER BY offset",)),
        (book, ("SELECT * FROM findings ORDER BY id", "SELECT * FROM transitions ORDER BY alert, version",
                "SELECT * FROM alerts ORDER BY id", "SELECT * FROM notifications ORDER BY id",
                "SELECT * FROM attempts ORDER BY notification, number", "SELECT * FROM ladders ORDER BY alert")),
    ):  # fmt: skip
        connection = sqlite3.connect(file)
        try:
            for question in questions:
                for row in connection.execute(question):
                    total.update(repr(row).encode())
        finally:
            connection.close()
    return total.hexdigest()[:16]
