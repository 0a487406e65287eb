"""The ingest role: receive, admit, commit in groups, acknowledge; and write a mark that says that we are running."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import structlog

from domain.clock import SECOND, Clock, monotonic
from domain.readings import Mark
from domain.wire import Down, down_topic, encode_ack
from ingest.intake import Committed, Intake
from ingest.journal import JournalError
from ingest.subscriber import BrokerAddress, Incoming, Subscriber, Ticket

_GROUP = 1_000
_RETRY_SECONDS = 1.0

log = structlog.get_logger("ingest")


@dataclass(frozen=True, slots=True)
class Pulse:
    """What ingest tells about itself after each mark."""

    connected: bool
    counters: dict[str, int]


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
    ) -> None:
        """``linger_seconds`` is how long a commit waits for company; ``on_stored`` is called after each group of messages."""
        self._intake = intake
        self._clock = clock
        self._address = address
        self._mark_every = int(mark_seconds * SECOND)
        self._on_mark = on_mark
        self._linger = linger_seconds
        self._on_stored = on_stored
        self._stop = asyncio.Event()
        self._mark_wanted = asyncio.Event()

    def stop(self) -> None:
        """End ``run`` after the commit in progress."""
        self._stop.set()

    def mark(self) -> None:
        """Write the next mark at once."""
        self._mark_wanted.set()

    async def run(self) -> None:
        """Serve until ``stop``."""
        subscriber = Subscriber(self._address, asyncio.get_running_loop())
        self._answer(subscriber, await asyncio.to_thread(self._intake.start, self._clock.now()))
        subscriber.start()
        next_mark = monotonic() + self._mark_every
        woken = [asyncio.create_task(self._stop.wait()), asyncio.create_task(self._mark_wanted.wait())]
        try:
            while not self._stop.is_set():
                group = await self._gather(subscriber, woken, (next_mark - monotonic()) / SECOND)
                due = monotonic() >= next_mark or self._mark_wanted.is_set()
                if due:
                    next_mark = monotonic() + self._mark_every
                    if self._mark_wanted.is_set():
                        self._mark_wanted.clear()
                        await woken.pop()
                        woken.append(asyncio.create_task(self._mark_wanted.wait()))
                if group or due:
                    await self._store(subscriber, group, due)
                    self._on_stored()
                if due:
                    await asyncio.to_thread(self._on_mark, Pulse(subscriber.connected, dict(self._intake.counters)))
        finally:
            for task in woken:
                task.cancel()
            await asyncio.to_thread(subscriber.stop)

    async def _gather(
        self, subscriber: Subscriber, woken: Sequence[asyncio.Task[Any]], seconds: float
    ) -> list[tuple[Incoming, int]]:
        """The messages of the next group with the instant of each; empty when none came within ``seconds``."""
        first = asyncio.create_task(subscriber.inbox.get())
        await asyncio.wait({first, *woken}, timeout=max(0.0, seconds), return_when=asyncio.FIRST_COMPLETED)
        if not first.done():
            first.cancel()
            return []
        group = [(first.result(), self._clock.now())]
        await asyncio.sleep(self._linger)
        while len(group) < _GROUP and not subscriber.inbox.empty():
            group.append((subscriber.inbox.get_nowait(), self._clock.now()))
        return group

    async def _store(self, subscriber: Subscriber, group: list[tuple[Incoming, int]], mark: bool) -> None:
        """Commit one group, trying until the disk takes it: nothing is acknowledged before."""

        def work() -> Committed[Ticket]:
            for message, at in group:
                self._intake.take(message.topic, message.payload, at, message.ticket, message.retained)
            group.clear()
            now = self._clock.now()
            return self._intake.commit(now, Mark(now) if mark else None)

        told = False
        while True:
            try:
                committed = await asyncio.to_thread(work)
            except JournalError as error:
                if not told:
                    log.warning("not stored, trying again; gateways keep what is not acknowledged", why=str(error))
                    told = True
                if self._stop.is_set():
                    return
                await asyncio.sleep(_RETRY_SECONDS)
            else:
                self._answer(subscriber, committed)
                return

    def _answer(self, subscriber: Subscriber, committed: Committed[Ticket]) -> None:
        for ack in committed.acks:
            answer = encode_ack(ack.epoch, ack.stored_through, self._clock.now())
            subscriber.publish(down_topic(ack.gateway, Down.ACK), answer)
        for ticket in committed.tokens:
            subscriber.acknowledge(ticket)


def serve(service: IngestService) -> None:
    """Run the service until SIGTERM or SIGINT."""

    async def main() -> None:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, service.stop)
        await service.run()

    asyncio.run(main())
