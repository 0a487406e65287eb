"""The server's two processes: ingest as it is, and the watch with its caller, each of which may die at any step."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import Executor, Future
from contextvars import copy_context
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import Engine

from alerts.auditor import alerts_without_a_step
from alerts.caller import Caller, Stepper
from alerts.desk import Decision
from alerts.ladder import Ladder
from alerts.messages import Messages
from alerts.outbox import Outbox
from alerts.overseer import Overseer
from alerts.sqlbook import RoleMark, SqlBook
from alerts.watch import Watch
from domain.clock import HOUR, MINUTE, SECOND, Instant, Span
from domain.localtime import LocalTime
from domain.readings import Arrival
from domain.stage import drive
from ingest.feed import CAUGHT_UP, JournalFeed, behind
from ingest.intake import Intake
from ingest.journal import Batch, Journal, JournalError
from ingest.service import IngestService, Pulse
from ingest.steadyclock import SteadyClock
from ingest.subscriber import BrokerAddress, Ticket
from registry.homes import SqlDirectory
from simulators.installation.broker import Broker, IngestLine
from simulators.installation.loop import KilledError
from simulators.installation.people import People
from simulators.installation.population import ZONE
from simulators.installation.world import Life, Process, World

MARK_SECONDS = 300.0
SAVE_EVERY: Span = 30 * MINUTE
_IDLE: Span = 15 * MINUTE
"""When the caller looks although nobody wrote anything and nothing is due."""
_POLL: Span = 10 * SECOND
"""How often the watch looks for what others have written: slower than it does, by what a simulated day costs."""


@dataclass(frozen=True, slots=True)
class Parts:
    """What an installation is made of; a control puts something broken in a part's place."""

    intake: type[Intake[Ticket]] = Intake
    outbox: Callable[[Engine], Outbox] = Outbox
    watch: type[Watch] = Watch
    ladder: type[Ladder] = Ladder


class Disk:
    """The disk under the journal: it refuses for a while."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.refuses_until: Instant = 0

    def check(self) -> None:
        """Raise JournalError while it refuses."""
        if self._world.now() < self.refuses_until and not self._world.calm:
            raise JournalError("The journal cannot be written (disk I/O error): make room, or change the disk.")


class FrailJournal(Journal):
    """A journal on such a disk."""

    def __init__(self, path: Path, disk: Disk) -> None:
        self._disk = disk
        super().__init__(path)

    def append(self, batch: Batch, received_at: Instant) -> Arrival:
        """See Journal.append."""
        self._disk.check()
        return super().append(batch, received_at)


class Ingest(Process):
    """The role ingest."""

    gives_up = (JournalError,)

    def __init__(
        self, world: World, broker: Broker, engine: Engine, journal: Path, parts: Parts, stored: Callable[[], None]
    ) -> None:
        super().__init__(world, "ingest")
        self._broker, self._engine, self._path = broker, engine, journal
        self._parts, self._stored = parts, stored
        self.disk = Disk(world)
        self._line: IngestLine | None = None

    async def main(self, life: Life) -> None:
        """See kehai.commands.ingest."""
        journal = FrailJournal(self._path, self.disk)
        try:
            book = SqlBook(self._engine)
            journal.go_on_above(book.furthest())
            intake = self._parts.intake(journal, SqlDirectory(self._engine, refresh=HOUR))

            def subscribe(now: Callable[[], Instant], arrived: Callable[[int], None]) -> IngestLine:
                self._line = IngestLine(self._broker, life, now, arrived)
                return self._line

            def report(pulse: Pulse) -> None:
                connected = "connected" if pulse.connected else "no broker"
                book.mark(RoleMark("ingest", self.world.now(), 0, connected))

            service = IngestService(
                intake, SteadyClock(self.world), BrokerAddress("broker.invalid", 8883), MARK_SECONDS, report,
                on_stored=self._stored, subscribe=subscribe,
            )  # fmt: skip
            await service.run()
        finally:
            journal.close()

    def died(self, life: Life) -> None:
        """See Process.died."""
        del life
        if self._line is not None:
            self._line.cut()


class Hands(Executor):
    """What sends a channel's messages: each a moment after it was handed over, unless its process is dead by then."""

    def __init__(self, world: World, life: Life, done: Callable[[], None]) -> None:
        self._world, self._life, self._done = world, life, done

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """See Executor.submit."""
        future: Future[Any] = Future()
        context = copy_context()
        delay = int(self._life.process.chance.expovariate(1 / 2) * SECOND)
        self._world.later(delay, context.run, self._work, future, fn, args, kwargs)
        return future

    def _work(self, future: Future[Any], fn: Callable[..., Any], args: Any, kwargs: Any) -> None:
        if self._life.dead or not future.set_running_or_notify_cancel():
            return
        try:
            result = fn(*args, **kwargs)
        except KilledError:
            return
        future.set_result(result)
        self._done()

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """See Executor.shutdown."""


class Seldom:
    """A stepper that is asked less often than it would be, by what a simulated day costs; see alerts.caller.Stepper."""

    def __init__(self, stepper: Stepper, every: Span) -> None:
        self._stepper, self._every = stepper, every
        self._stepped: Instant = 0

    def next_due(self) -> Instant | None:
        """See Stepper.next_due."""
        return self._stepped + self._every

    def step(self, now: Instant) -> int:
        """See Stepper.step."""
        if now - self._stepped < self._every:
            return 0
        self._stepped = now
        return self._stepper.step(now)


class WatchRole(Process):
    """The role watch: detectors, desk, ladder, overseer, outbox."""

    def __init__(self, world: World, engine: Engine, journal: Path, people: People, parts: Parts) -> None:
        super().__init__(world, "watch")
        self._engine, self._path, self._people, self._parts = engine, journal, people, parts
        self._local = LocalTime(ZONE)
        self._news, self._woken = asyncio.Event(), asyncio.Event()
        self._expected: set[asyncio.Event] = set()
        self.stage: Watch | None = None
        self.looks = 0

    def something_stored(self) -> None:
        """The journal has grown; the watch sees it when it looks next."""
        self._soon(self._news)

    def somebody_acted(self) -> None:
        """The book was written to; the caller sees it when it looks next."""
        self._soon(self._woken)

    def _soon(self, event: asyncio.Event) -> None:
        if event not in self._expected:
            self._expected.add(event)
            self.world.later(self.chance.randint(0, _POLL), self._happens, event)

    def _happens(self, event: asyncio.Event) -> None:
        self._expected.discard(event)
        event.set()

    async def main(self, life: Life) -> None:
        """See kehai.commands.roles."""
        world = self.world
        journal = Journal(self._path, read_only=True)
        try:
            while not journal.is_made():
                await world.sleep(SECOND)
            book = SqlBook(self._engine)
            ladder = self._parts.ladder(self._engine, self._local)
            outbox = self._parts.outbox(self._engine)
            caller = Caller(
                self._engine, world, [ladder, Seldom(Overseer(self._engine, world, self._local, ("ingest",)), HOUR)],
                self._people.channels, Messages(self._engine, self._local),
                hands=lambda _name, _workers: Hands(world, life, self.somebody_acted), outbox=outbox,
            )  # fmt: skip
            stage = self._parts.watch(
                book, save_every=SAVE_EVERY, ask_every=HOUR, default_zone=ZONE, on_decisions=self._decided,
                catching_up=lambda now: behind(world, now) > CAUGHT_UP + int(MARK_SECONDS * SECOND),
            )  # fmt: skip
            self.stage = stage
            feed = JournalFeed(journal, stage.offset)
            calling = asyncio.create_task(self._call(caller, ladder, outbox))
            try:
                while not calling.done():
                    self._news.clear()
                    drive(feed, stage)
                    waits = asyncio.create_task(self._news.wait())
                    await asyncio.wait({waits, calling}, return_when=asyncio.FIRST_COMPLETED)
                    waits.cancel()
                calling.result()
            finally:
                calling.cancel()
                if not life.dead:
                    stage.save(stage.now)
                    caller.stop(timeout=0)
        finally:
            journal.close()

    def _decided(self, made: Sequence[Decision]) -> None:
        if made:
            self.somebody_acted()

    async def _call(self, caller: Caller, ladder: Ladder, outbox: Outbox) -> None:
        world = self.world
        while True:
            self._woken.clear()
            caller.look()
            self.looks += 1
            for part in sorted(caller.failing):
                world.broken(f"{part} fails in the caller")
            self.audit()
            due = [at for at in (ladder.next_due(), outbox.next_due()) if at is not None]
            pause = max(_POLL, min([_IDLE, *(at - world.now() for at in due)]))
            try:
                async with asyncio.timeout(pause / SECOND):
                    await self._woken.wait()
            except TimeoutError:
                continue

    def audit(self) -> None:
        """The product's own auditor finds nothing, right after the caller has looked."""
        with self._engine.connect() as connection:
            for fault in alerts_without_a_step(connection, self.world.now()):
                self.world.broken(f"alert {fault.alert}: {fault.what.value}")

    def lag(self) -> Span:
        """How far its last step lies behind the present."""
        return HOUR if self.stage is None else self.world.now() - self.stage.now
