"""The service between a broker and a journal that stands still: nothing acknowledged, nothing lost, memory bounded."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from domain.clock import SECOND, Instant, SystemClock
from domain.readings import Arrival
from ingest.intake import Intake
from ingest.journal import Batch, Journal, JournalError
from ingest.metrics import Figures
from ingest.mqtt.packets import Version, publish
from ingest.service import IngestService, Pulse
from ingest.subscriber import WINDOW, BrokerAddress, Ticket
from tests.ingest.gateways import READINGS, T, directory, motions
from tests.ingest.mqtt.brokers import Guest, broker
from tests.waiting import until

CLOCK = SystemClock()


class Moody(Journal):
    """Refuses, or takes its time, for as long as the test says so."""

    refusing = False
    tried = 0
    gate: threading.Event | None = None

    def append(self, batch: Batch, received_at: Instant) -> Arrival:
        self.tried += 1
        if self.gate is not None:
            self.gate.wait(60)
        if self.refusing:
            raise JournalError("the disk is full: make room.")
        return super().append(batch, received_at)


@asynccontextmanager
async def served(
    journal: Journal, port: int, figures: Figures, on_mark: Callable[[Pulse], None] = lambda _pulse: None
) -> AsyncIterator[IngestService]:
    intake: Intake[Ticket] = Intake(journal, directory())
    address = BrokerAddress("127.0.0.1", port, protocol="5")
    service = IngestService(intake, CLOCK, address, 0.05, on_mark, figures=figures)
    task = asyncio.create_task(service.run())
    try:
        yield service
    finally:
        service.stop()
        await asyncio.wait_for(task, 20)


def inbox(figures: Figures) -> int:
    found = [s.value for family in figures.collect() for s in family.samples if s.name == "kehai_ingest_inbox"]
    return int(found[0]) if found else 0


class Source:
    """A broker that keeps to no window: it sends all that it has, and notes what is acknowledged."""

    def __init__(self, messages: int) -> None:
        self.messages, self.sent = messages, 0
        self.guests: list[Guest] = []

    async def __call__(self, guest: Guest) -> None:
        self.guests.append(guest)
        await guest.welcome()
        sending = asyncio.create_task(self._send(guest))
        try:
            while True:
                first, body = await guest.packet()
                if first & 0xF0 == 0x40:
                    guest.acknowledged.append(int.from_bytes(body[:2]))
                elif first == 0xC0:
                    await guest.send(b"\xd0\x00")
        finally:
            sending.cancel()

    async def _send(self, guest: Guest) -> None:
        for n in range(1, self.messages + 1):
            await guest.send(publish(Version.V5, READINGS, motions(n, T + n * SECOND).ljust(4_000), 1, n))
            self.sent = n


async def test_while_the_journal_stands_still_memory_is_bounded_and_afterwards_all_is_stored(tmp_path: Path) -> None:
    journal, source, figures = Moody(tmp_path / "journal.db"), Source(6_000), Figures()
    journal.gate = gate = threading.Event()
    gate.set()
    async with broker(source) as port, served(journal, port, figures):
        await until(lambda: bool(source.guests))
        gate.clear()
        await until(lambda: inbox(figures) >= WINDOW)
        stands, before = 0, -1
        while stands < 20:
            stands, before = (stands + 1, before) if source.sent == before else (0, source.sent)
            await asyncio.sleep(0.01)
        assert inbox(figures) < WINDOW + 300, "the inbox, and what one look at the socket brings"
        assert source.sent < 6_000
        gate.set()
        await until(lambda: len(source.guests[0].acknowledged) == 6_000)
    assert source.guests[0].acknowledged == list(range(1, 6_001))
    assert [seq for _, _, seq in journal.stored_keys()] == list(range(1, 6_001))
    assert len(source.guests) == 1, "its own slowness is no reason to give a broker up"
    journal.close()


async def test_what_the_disk_refuses_is_not_acknowledged_until_it_takes_it(tmp_path: Path) -> None:
    journal, source, figures = Moody(tmp_path / "journal.db"), Source(20), Figures()
    async with broker(source) as port, served(journal, port, figures):
        await until(lambda: bool(source.guests))
        journal.refusing = True
        tried = journal.tried
        await until(lambda: source.sent == 20 and journal.tried >= tried + 2)
        assert len(source.guests[0].acknowledged) < 20
        journal.refusing = False
        await until(lambda: len(source.guests[0].acknowledged) == 20)
    assert [seq for _, _, seq in journal.stored_keys()] == list(range(1, 21))
    journal.close()


async def test_a_report_that_takes_long_delays_no_reading(tmp_path: Path) -> None:
    journal, source, figures = Journal(tmp_path / "journal.db"), Source(50), Figures()
    asked, let_go = threading.Event(), threading.Event()
    pulses: list[Pulse] = []

    def slow(pulse: Pulse) -> None:
        pulses.append(pulse)
        asked.set()
        let_go.wait(60)

    async with broker(source) as port, served(journal, port, figures, slow):
        await until(asked.is_set)
        await until(lambda: bool(source.guests) and len(source.guests[0].acknowledged) == 50)
        assert len(pulses) == 1
        let_go.set()
    journal.close()
