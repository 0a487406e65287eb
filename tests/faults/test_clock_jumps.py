"""The server's clock is set back an hour and ahead a day while readings come in."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import pytest

from alerts.book import MemoryBook
from alerts.watch import Watch
from domain.clock import DAY, HOUR, MINUTE, SECOND, Clock, Instant, Span, SystemClock
from domain.ids import GatewayId, HomeId
from domain.readings import Arrival, Quantity, Reading, Vouch
from domain.stage import drive
from gateway.agent import Agent, Timing
from gateway.tasks import end
from gateway.uplink import UplinkAddress
from ingest.feed import JournalFeed
from ingest.intake import Intake
from ingest.journal import Journal, read_all
from ingest.service import IngestService
from ingest.steadyclock import SteadyClock
from ingest.subscriber import BrokerAddress, Ticket
from registry.directory import MemoryDirectory
from tests.faults.ledger import Notebook, NotedSpool, settle
from tests.faults.relay import METER
from tests.servers import Mosquitto
from tests.waiting import Hand, until

pytestmark = pytest.mark.server
_TIMING = Timing(heartbeat=SECOND // 5, commit=SECOND // 20)
_EACH = 20
"""Readings between two jumps."""


class SetByHand:
    """The server's clock, as wrong as the test makes it."""

    def __init__(self) -> None:
        self.off: Span = 0
        self._right = SystemClock()

    def now(self) -> Instant:
        return self._right.now() + self.off


async def through(jumps: list[Span], folder: Path, steady: Callable[[Clock], Clock]) -> list[Arrival]:
    """Every commit of a journal into which a gateway's readings went while the server's clock was set by each of ``jumps``."""
    clock, journal = SetByHand(), Journal(folder / "journal.db")
    directory = MemoryDirectory()
    directory.enrol(GatewayId("g1"), HomeId("h1"), "Asia/Tokyo")
    intake: Intake[Ticket] = Intake(journal, directory)
    spool = NotedSpool(folder / "spool.db", "g1", Notebook(folder / "notebook"))
    with Mosquitto(folder / "mosquitto") as broker:
        service = IngestService(intake, steady(clock), BrokerAddress("127.0.0.1", broker.port), mark_seconds=0.2)
        address = UplinkAddress("127.0.0.1", broker.port)
        agent = Agent(GatewayId("g1"), [Hand(METER)], spool, SetByHand(), address, timing=_TIMING)
        tasks = [asyncio.create_task(service.run()), asyncio.create_task(agent.run())]
        for number, jump in enumerate([0, *jumps]):
            clock.off += jump
            for n in range(_EACH):
                agent.observe(METER.id, Quantity.POWER, float(number * _EACH + n))
            wanted = (number + 1) * _EACH
            await until(lambda wanted=wanted: spool.last_seq == wanted and spool.depth == 0)  # type: ignore[misc]
            beaten = intake.counters["heartbeats"] + 2
            await until(lambda beaten=beaten: intake.counters["heartbeats"] >= beaten)  # type: ignore[misc]
        await end(tasks[1:])
        service.stop()
        await asyncio.wait_for(tasks[0], 20)
    spool.close()
    arrivals = list(read_all(journal))
    journal.close()
    account = settle(folder / "notebook", folder / "journal.db")
    assert account.balanced, account
    assert account.stored == _EACH * (len(jumps) + 1)
    return arrivals


def times(arrivals: list[Arrival]) -> list[Instant]:
    """Every ``received_at`` in the order of the journal."""
    found = []
    for arrival in arrivals:
        found += [item.received_at for item in arrival.items if isinstance(item, Reading)] + [arrival.received_at]
    return found


def alarms(arrivals: list[Arrival], folder: Path) -> list[str]:
    """What a watch makes of the journal; it has to come to the end."""
    journal, book = Journal(folder / "journal.db", read_only=True), MemoryBook()
    watch = Watch(book)
    drive(JournalFeed(journal), watch)
    journal.close()
    assert watch.offset == arrivals[-1].offset
    return sorted(row.finding.kind for row in book.findings.values())


JUMPS = [-HOUR, DAY + HOUR, -DAY, 2 * MINUTE]


async def test_a_clock_that_jumps_loses_nothing_turns_no_time_back_and_raises_no_alarm(tmp_path: Path) -> None:
    arrivals = await through(JUMPS, tmp_path, SteadyClock)
    assert all(before <= after for before, after in pairwise(times(arrivals)))
    assert any(isinstance(item, Vouch) for item in arrivals[-1].items + arrivals[-2].items)
    assert alarms(arrivals, tmp_path) == []


async def test_a_clock_that_is_believed_blindly_raises_an_alarm_about_a_gateway_that_was_never_silent(
    tmp_path: Path,
) -> None:
    """The control."""
    arrivals = await through([DAY], tmp_path, lambda clock: clock)
    assert alarms(arrivals, tmp_path) != []
