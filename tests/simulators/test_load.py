"""The load generator against a real broker and ingest's own code."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from domain.clock import SECOND, SystemClock
from domain.errors import KehaiError
from domain.readings import Vouch
from ingest.intake import Intake
from ingest.journal import Journal, read_all
from ingest.service import IngestService
from ingest.subscriber import BrokerAddress, Ticket
from registry.directory import MemoryDirectory
from simulators.broker import BrokerUrl
from simulators.load import Fleet, Load, gateway_id, home_id
from tests.servers import Mosquitto, free_port

pytestmark = pytest.mark.server


async def test_all_that_a_fleet_sends_is_stored_acknowledged_and_vouched_for(tmp_path: Path) -> None:
    directory = MemoryDirectory()
    for number in range(5):
        directory.enrol(gateway_id(number), home_id(number), "Asia/Tokyo")
    journal = Journal(tmp_path / "journal.db")
    intake: Intake[Ticket] = Intake(journal, directory)
    with Mosquitto(tmp_path / "mosquitto") as broker:
        service = IngestService(intake, SystemClock(), BrokerAddress("127.0.0.1", broker.port), mark_seconds=0.1)
        serving = asyncio.create_task(service.run())
        load = Load(gateways=5, rate=200, heartbeat=SECOND // 4)
        async with Fleet(BrokerUrl("127.0.0.1", broker.port), load, SystemClock()) as fleet:
            await fleet.settle(30)
            stop = asyncio.Event()
            running = asyncio.create_task(fleet.run(stop))
            async with asyncio.timeout(30):
                while fleet.tally.stored < 50 or fleet.tally.heartbeats < 5:  # noqa: ASYNC110 (what ingest did)
                    await asyncio.sleep(0.01)
                stop.set()
                await running
                while fleet.tally.stored < fleet.tally.readings:  # noqa: ASYNC110
                    await asyncio.sleep(0.01)
        service.stop()
        await serving
    assert journal.count("readings") == fleet.tally.readings
    assert journal.count("dead_letters") == 0
    vouched = {item.gateway for arrival in read_all(journal) for item in arrival.items if isinstance(item, Vouch)}
    assert len(vouched) == 5
    assert fleet.tally.lost == 0
    journal.close()


async def test_a_broker_that_is_not_there_is_named() -> None:
    port = free_port()
    with pytest.raises(KehaiError, match=f"127.0.0.1:{port}"):
        async with Fleet(BrokerUrl("127.0.0.1", port), Load(2, 1), SystemClock()):
            pass
