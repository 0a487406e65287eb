"""A gateway's own code, a real broker, ingest's own code: nothing lost, nothing doubled."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiomqtt
import pytest

from domain.clock import MINUTE, SECOND, SystemClock
from domain.ids import DeviceId, GatewayId, HomeId
from domain.readings import Device, Quantity, Vouch
from gateway.agent import Agent, Timing
from gateway.spool import Observation, Spool
from gateway.tasks import end
from gateway.uplink import UplinkAddress
from ingest.intake import Intake
from ingest.journal import Journal, read_all
from ingest.service import IngestService
from ingest.subscriber import BrokerAddress, Ticket
from registry.directory import MemoryDirectory
from tests.servers import Mosquitto
from tests.waiting import Hand, until

pytestmark = pytest.mark.server
HALL = Device(DeviceId("hall"), Quantity.MOTION, "hall")
CLOCK = SystemClock()


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Mosquitto]:
    with Mosquitto(tmp_path / "mosquitto") as running:
        yield running


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    made = Journal(tmp_path / "journal.db")
    yield made
    made.close()


@pytest.fixture
def spool(tmp_path: Path) -> Iterator[Spool]:
    made = Spool(tmp_path / "spool.db")
    yield made
    made.close()


@asynccontextmanager
async def ingest(journal: Journal, port: int, protocol: str = "auto") -> AsyncIterator[IngestService]:
    directory = MemoryDirectory()
    directory.enrol(GatewayId("g1"), HomeId("h1"), "Asia/Tokyo")
    intake: Intake[Ticket] = Intake(journal, directory)
    service = IngestService(intake, CLOCK, BrokerAddress("127.0.0.1", port, protocol=protocol), mark_seconds=0.2)
    task = asyncio.create_task(service.run())
    try:
        yield service
    finally:
        service.stop()
        await asyncio.wait_for(task, 15)


@asynccontextmanager
async def gateway(spool: Spool, port: int, protocol: str = "auto") -> AsyncIterator[Agent]:
    address = UplinkAddress("127.0.0.1", port, protocol=protocol)
    timing = Timing(heartbeat=SECOND // 5, commit=SECOND // 20)
    agent = Agent(GatewayId("g1"), [Hand(HALL)], spool, CLOCK, address, timing=timing)
    task = asyncio.create_task(agent.run())
    try:
        yield agent
    finally:
        await end([task])


def stored(journal: Journal) -> list[int]:
    return [seq for _, _, seq in journal.stored_keys()]


@pytest.mark.parametrize("protocol", ["5", "3.1.1"])
async def test_what_a_sensor_sees_is_stored_acknowledged_and_vouched_for(
    broker: Mosquitto, journal: Journal, spool: Spool, protocol: str
) -> None:
    async with ingest(journal, broker.port, protocol), gateway(spool, broker.port, protocol) as agent:
        for _ in range(30):
            agent.observe(HALL.id, Quantity.MOTION, 1.0)
        await until(lambda: spool.last_seq == 30 and spool.depth == 0)
        vouched = CLOCK.now()
        await until(
            lambda: any(
                isinstance(item, Vouch) and item.through > vouched for a in read_all(journal) for item in a.items
            )
        )
    assert stored(journal) == list(range(1, 31))
    assert journal.count("dead_letters") == 0
    assert journal.count("coverage") == 1


async def test_while_ingest_is_away_the_spool_keeps_and_nothing_is_lost(
    broker: Mosquitto, journal: Journal, spool: Spool
) -> None:
    async with gateway(spool, broker.port) as agent:
        await asyncio.wait_for(agent.uplink.connected.wait(), 20)
        for _ in range(200):
            agent.observe(HALL.id, Quantity.MOTION, 1.0)
        await until(lambda: spool.last_seq == 200)
        assert spool.depth == 200, "a PUBACK of the broker deletes nothing"
        async with ingest(journal, broker.port):
            await until(lambda: spool.depth == 0)
    assert stored(journal) == list(range(1, 201))


async def test_a_broker_that_is_killed_in_the_middle_costs_no_reading(
    broker: Mosquitto, journal: Journal, spool: Spool
) -> None:
    async with ingest(journal, broker.port), gateway(spool, broker.port) as agent:
        await asyncio.wait_for(agent.uplink.connected.wait(), 20)
        for n in range(300):
            agent.observe(HALL.id, Quantity.MOTION, 1.0)
            if n == 150:
                broker.kill()
                await asyncio.sleep(0)
        await until(lambda: spool.last_seq == 300)
        broker.start()
        await until(lambda: spool.depth == 0, 60)
    assert stored(journal) == list(range(1, 301))


async def test_a_gateway_that_is_killed_sends_what_it_had_kept(
    broker: Mosquitto, journal: Journal, spool: Spool, tmp_path: Path
) -> None:
    async with gateway(spool, broker.port) as agent:
        for _ in range(40):
            agent.observe(HALL.id, Quantity.MOTION, 1.0)
        await until(lambda: spool.last_seq == 40)
    spool.close()
    again = Spool(tmp_path / "spool.db")
    async with ingest(journal, broker.port), gateway(again, broker.port) as agent:
        agent.observe(HALL.id, Quantity.MOTION, 1.0)
        await until(lambda: again.last_seq == 41 and again.depth == 0)
    again.close()
    assert stored(journal) == list(range(1, 42))


async def test_poison_on_the_topic_is_kept_as_a_dead_letter_and_stops_nobody(
    broker: Mosquitto, journal: Journal, spool: Spool
) -> None:
    async with ingest(journal, broker.port), gateway(spool, broker.port) as agent:
        agent.observe(HALL.id, Quantity.MOTION, 1.0)
        await until(lambda: spool.last_seq == 1 and spool.depth == 0)  # so ingest listens
        async with aiomqtt.Client("127.0.0.1", broker.port) as rogue:
            for n in range(60):
                await rogue.publish("kehai/1/gw/g1/up/readings", f"poison {n}", qos=1)
        agent.observe(HALL.id, Quantity.MOTION, 1.0)
        await until(lambda: spool.last_seq == 2 and spool.depth == 0)
        await until(lambda: journal.count("dead_letters") == 60)
    assert stored(journal) == [1, 2]


async def test_an_acknowledgement_before_the_commit_would_lose_readings_and_is_noticed(tmp_path: Path) -> None:
    """The control: a harness that cannot fail proves nothing."""
    spool, journal = Spool(tmp_path / "spool.db"), Journal(tmp_path / "journal.db")
    spool.add([Observation(HALL.id, Quantity.MOTION, 1.0, MINUTE)])
    spool.acknowledge(spool.epoch, 1)  # what a server that acknowledges first would make it do, and then it dies
    assert stored(journal) == []
    assert spool.depth == 0
    spool.close()
    journal.close()
