"""The ingest role: receive, admit, commit in groups, acknowledge; and write a mark that says that we are running.

Two threads share the work. The event loop receives and answers; the journal's own thread admits and commits. While one group
is on its way to the disk the next one gathers, so a commit is as large as the load asks for.
"""

from __future__ import annotations

import asyncio
import gc
import math
import signal
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

import structlog

from domain.clock import SECOND, Clock, Instant, monotonic, to_iso
from domain.readings import Mark
from domain.wire import Down, down_topic, encode_ack
from ingest.chores import Chores
from ingest.intake import Ack, Committed, Intake
from ingest.journal import JournalDamagedError, JournalError
from ingest.metrics import Figures
from ingest.mqtt.connection import Patience
from ingest.steadyclock import SteadyClock
from ingest.subscriber import WINDOW, BrokerAddress, Incoming, Line, Subscriber, Ticket

_GROUP = WINDOW // 2
_ENOUGH = WINDOW // 4
"""A commit that has so much company waits for no more."""
_RETRY_SECONDS = 1.0
_Result = TypeVar("_Result")

log = structlog.get_logger("ingest")


@dataclass(frozen=True, slots=True)
class Pulse:
    """What ingest tells about itself after each mark."""

    connected: bool
    counters: dict[str, int]
    dropped: int | None = None
    """Messages that the broker says it has thrown away; None where it does not say."""


class IngestService:
    """One process, one journal."""

    def __init__(
        self,
        intake: Intake[Ticket],
        clock: Clock,
        address: BrokerAddress,
        mark_seconds: float,
        on_mark: Callable[[Pulse], None] = lambda _pulse: None,
        *,
        linger_seconds: float = 0.02,
        on_stored: Callable[[], None] = lambda: None,
        figures: Figures | None = None,
        patience: Patience | None = None,
        chores: Chores | None = None,
        subscribe: Callable[[Callable[[], Instant], Callable[[int], None]], Line] | None = None,
    ) -> None:
        """``linger_seconds`` is how long a commit waits for company; ``on_stored`` is called after each group of messages;
        ``on_mark`` runs in a thread of its own and holds nobody up; ``chores`` are done between two commits; ``subscribe``
        makes another line than MQTT's, of the clock that stamps what comes and of whom to tell that something came."""
        self._intake = intake
        self._clock = clock
        self._mark_every = int(mark_seconds * SECOND)
        self._on_mark = on_mark
        self._linger = linger_seconds
        self._on_stored = on_stored
        self._figures = figures or Figures()
        self._subscribe = subscribe or (lambda now, arrived: Subscriber(address, now, arrived, patience))
        self._chores = chores
        self._wake = asyncio.Event()
        self._enough = 1
        self._stopping = self._mark_wanted = False
        self._report: asyncio.Task[None] | None = None
        self._store_thread = ThreadPoolExecutor(1, thread_name_prefix="journal")

    def stop(self) -> None:
        """End ``run`` after the commit in progress."""
        self._stopping = True
        self._wake.set()

    def mark(self) -> None:
        """Write the next mark at once."""
        self._mark_wanted = True
        self._wake.set()

    async def run(self) -> None:
        """Serve until ``stop``."""
        subscriber = self._subscribe(self._clock.now, self._arrived)
        self._figures.watch(self._intake.counters, subscriber)
        try:
            started = await self._in_store(partial(self._intake.start, self._clock.now()))
            if started.arrival is not None and isinstance(self._clock, SteadyClock):
                self._clock.not_before(started.arrival.received_at)
            self._answer(subscriber, started)
            subscriber.start()
            await self._serve(subscriber)
            if self._report is not None:
                await self._report
        finally:
            await subscriber.stop()
            self._store_thread.shutdown()

    async def _serve(self, subscriber: Line) -> None:
        next_mark = monotonic() + self._mark_every
        while not self._stopping:
            until_chores = math.inf if self._chores is None else self._chores.due_in()
            await self._wait(subscriber, 1, min((next_mark - monotonic()) / SECOND, until_chores))
            if subscriber.inbox and not self._mark_wanted:
                await self._wait(subscriber, _ENOUGH, self._linger)
            group = deque(subscriber.take(_GROUP))
            due = self._mark_wanted or monotonic() >= next_mark
            if due:
                self._mark_wanted = False
                next_mark = monotonic() + self._mark_every
            if group or due:
                await self._store(subscriber, group, due)
                self._on_stored()
            if due:
                self._tell(Pulse(subscriber.connected, dict(self._intake.counters), subscriber.dropped))
            await self._keep_house(subscriber)

    async def _keep_house(self, subscriber: Line) -> None:
        """One small step; what it takes in is committed at once."""
        if self._chores is None or self._chores.due_in() > 0:
            return
        if await self._in_store(partial(self._chores.step, self._clock.now())):
            await self._store(subscriber, deque(), mark=False)

    def _arrived(self, waiting: int) -> None:
        if waiting >= self._enough:
            self._wake.set()

    async def _wait(self, subscriber: Line, enough: int, seconds: float) -> None:
        """Return when ``enough`` messages wait, when somebody wants something of us, or after ``seconds``."""
        self._enough = enough
        self._wake.clear()
        if self._stopping or self._mark_wanted or len(subscriber.inbox) >= enough:
            return
        with suppress(TimeoutError):
            async with asyncio.timeout(max(0.0, seconds)):
                await self._wake.wait()

    async def _in_store(self, work: Callable[[], _Result]) -> _Result:
        return await asyncio.get_running_loop().run_in_executor(self._store_thread, work)

    async def _store(self, subscriber: Line, group: deque[Incoming], mark: bool) -> None:
        """Commit one group, trying until the disk takes it: nothing is acknowledged before."""
        intake, figures = self._intake, self._figures

        def work() -> Committed[Ticket]:
            while group:
                message = group[0]
                intake.take(message.topic, message.payload, message.received_at, message.ticket, message.retained)
                group.popleft()
            now, began, leapt = self._clock.now(), monotonic(), self._leap()
            committed = intake.commit(now, Mark(now, leapt) if mark or leapt is not None else None)
            figures.committed(monotonic() - began)
            return committed

        told = False
        while True:
            try:
                committed = await self._in_store(work)
            except JournalDamagedError:
                raise
            except JournalError as error:
                if not told:
                    log.warning("not stored, trying again; gateways keep what is not acknowledged", why=str(error))
                    told = True
                if self._stopping:
                    return
                await asyncio.sleep(_RETRY_SECONDS)
            else:
                if told:
                    log.info("stored again")
                self._answer(subscriber, committed)
                return

    def _leap(self) -> Instant | None:
        """A clock that was set ahead has left a hole, in which no deadline may fall; the next commit has to name it."""
        leapt = self._clock.leap() if isinstance(self._clock, SteadyClock) else None
        if leapt is not None:
            log.warning("the clock was set ahead, or the machine stood still", since=to_iso(leapt))
        return leapt

    def _answer(self, subscriber: Line, committed: Committed[Ticket]) -> None:
        for ack in committed.acks:
            subscriber.publish((ack.gateway, ack.epoch), partial(self._words, ack))
        subscriber.acknowledge(committed.tokens)
        self._figures.answered(committed.tokens, monotonic())

    def _words(self, ack: Ack) -> tuple[str, bytes]:
        """Made when the answer leaves, because a gateway may set its clock by it."""
        clock = self._clock.other if isinstance(self._clock, SteadyClock) else self._clock
        return down_topic(ack.gateway, Down.ACK), encode_ack(ack.epoch, ack.stored_through, clock.now())

    def _tell(self, pulse: Pulse) -> None:
        """Report, unless the report before is still on its way: a slow database delays no reading."""
        if self._report is not None:
            if not self._report.done():
                return
            self._report.result()
        self._report = asyncio.create_task(asyncio.to_thread(self._on_mark, pulse))


def calm_collector() -> None:
    """Let the garbage collector leave alone what a process has loaded, and look less often at what a commit holds.

    By default it looks at everything again and again while a group is taken: an eighth of the time, and it finds nothing.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)


def serve(service: IngestService) -> None:
    """Run the service until SIGTERM or SIGINT."""
    calm_collector()

    async def main() -> None:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, service.stop)
        await service.run()

    asyncio.run(main())
