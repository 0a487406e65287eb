"""A gateway in trouble, end to end: no clock, a copied card, a restored server, nobody who answers, a broker that says no."""

from __future__ import annotations

import asyncio
import json
import shutil
import sqlite3
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, closing
from pathlib import Path

import aiomqtt
import pytest
from structlog.testing import capture_logs

from domain.clock import DAY, SECOND, Instant, SystemClock
from domain.ids import DeviceId, GatewayId, HomeId
from domain.readings import Device, Flag, Quantity, Reading
from gateway.agent import Agent, Timing
from gateway.spool import Spool
from gateway.tasks import end
from gateway.timekeeping import Timekeeper
from gateway.uplink import UplinkAddress
from ingest.intake import Intake
from ingest.journal import Journal, read_all
from ingest.service import IngestService
from ingest.subscriber import BrokerAddress, Ticket
from registry.directory import MemoryDirectory
from tests.servers import Mosquitto, free_port
from tests.waiting import Hand, until

pytestmark = pytest.mark.server
METER = Device(DeviceId("meter"), Quantity.POWER, "kitchen")
CLOCK = SystemClock()


@pytest.fixture
def directory() -> MemoryDirectory:
    made = MemoryDirectory()
    made.enrol(GatewayId("g1"), HomeId("h1"), "Asia/Tokyo")
    return made


@asynccontextmanager
async def ingest(journal: Journal, directory: MemoryDirectory, port: int) -> AsyncIterator[IngestService]:
    intake: Intake[Ticket] = Intake(journal, directory)
    service = IngestService(intake, CLOCK, BrokerAddress("127.0.0.1", port), mark_seconds=0.2)
    task = asyncio.create_task(service.run())
    try:
        yield service
    finally:
        service.stop()
        await asyncio.wait_for(task, 15)


@asynccontextmanager
async def gateway(spool: Spool, port: int, keeper: Timekeeper | None = None) -> AsyncIterator[Agent]:
    timing = Timing(heartbeat=SECOND // 5, commit=SECOND // 20)
    agent = Agent(
        GatewayId("g1"), [Hand(METER)], spool, CLOCK, UplinkAddress("127.0.0.1", port), timing=timing, keeper=keeper
    )
    task = asyncio.create_task(agent.run())
    try:
        yield agent
    finally:
        await end([task])


def see(agent: Agent, *values: float) -> None:
    for value in values:
        agent.observe(METER.id, Quantity.POWER, value)


def readings(journal: Journal) -> list[Reading]:
    return [item for arrival in read_all(journal) for item in arrival.items if isinstance(item, Reading)]


def restore(backup: Path, file: Path) -> None:
    for old in file.parent.glob(f"{file.name}*"):
        old.unlink()
    shutil.copyfile(backup, file)


def conflicts(file: Path) -> set[float]:
    """The values in all messages of which a record conflicted."""
    with closing(sqlite3.connect(file)) as connection:
        rows = connection.execute("SELECT payload FROM dead_letters WHERE reason = 'key_conflict'").fetchall()
    return {record["v"] for (payload,) in rows for record in json.loads(payload)["senml"]}


async def test_of_two_cards_with_one_past_every_reading_is_stored_or_a_dead_letter(
    tmp_path: Path, directory: MemoryDirectory
) -> None:
    journal, first = Journal(tmp_path / "journal.db"), Spool(tmp_path / "a" / "spool.db")
    with Mosquitto(tmp_path / "mosquitto") as broker:
        async with ingest(journal, directory, broker.port):
            async with gateway(first, broker.port) as agent:
                see(agent, *range(10))
                await until(lambda: first.last_seq == 10 and first.depth == 0)
            first.close()
            shutil.copytree(tmp_path / "a", tmp_path / "b")
            spools = [Spool(tmp_path / name / "spool.db") for name in "ab"]
            with capture_logs() as logs:
                async with AsyncExitStack() as stack:
                    agents = [await stack.enter_async_context(gateway(spool, broker.port)) for spool in spools]
                    for step in range(40):
                        for number, agent in enumerate(agents):
                            see(agent, 1_000.0 * (number + 1) + step)
                        await asyncio.sleep(0.02)
                    await until(lambda: all(s.depth == 0 for s in spools), 90)
    saw = {*range(10), *(1_000.0 * (number + 1) + step for number in range(2) for step in range(40))}
    stored = {reading.value for reading in readings(journal)}
    assert saw - stored <= conflicts(tmp_path / "journal.db")
    assert any("one of two is a copy" in entry["event"] for entry in logs)
    for spool in spools:
        spool.close()
    journal.close()


async def test_a_card_that_was_restored_from_an_old_copy_goes_on_in_a_new_epoch(
    tmp_path: Path, directory: MemoryDirectory
) -> None:
    journal, spool, image = Journal(tmp_path / "journal.db"), Spool(tmp_path / "spool.db"), tmp_path / "image.db"
    with Mosquitto(tmp_path / "mosquitto") as broker:
        async with ingest(journal, directory, broker.port):
            old = spool.epoch
            async with gateway(spool, broker.port) as agent:
                see(agent, *range(10))
                await until(lambda: spool.last_seq == 10 and spool.depth == 0)
                with closing(sqlite3.connect(tmp_path / "spool.db")) as source, closing(sqlite3.connect(image)) as copy:
                    source.backup(copy)
                see(agent, *range(10, 20))
                await until(lambda: spool.last_seq == 20 and spool.depth == 0)
            spool.close()
            shutil.copyfile(image, tmp_path / "spool.db")
            spool = Spool(tmp_path / "spool.db")
            async with gateway(spool, broker.port) as agent:
                see(agent, *range(20, 25))
                await until(lambda: spool.epoch != old and spool.last_seq == 5 and spool.depth == 0)
                assert spool.events()[0][0] == "spool_copied"
    assert sorted(reading.value for reading in readings(journal)) == list(range(25))
    assert journal.count("dead_letters") == 0
    spool.close()
    journal.close()


async def test_a_server_that_was_restored_from_a_backup_gets_again_what_it_lost_from_a_gateway_that_stayed_connected(
    tmp_path: Path, directory: MemoryDirectory
) -> None:
    file, backup, spool = tmp_path / "journal.db", tmp_path / "backup.db", Spool(tmp_path / "spool.db")
    with Mosquitto(tmp_path / "mosquitto") as broker:
        journal = Journal(file)
        async with gateway(spool, broker.port) as agent:
            async with ingest(journal, directory, broker.port):
                see(agent, *range(10))
                await until(lambda: spool.last_seq == 10 and spool.depth == 0)
                with closing(sqlite3.connect(backup)) as copy, closing(sqlite3.connect(file)) as source:
                    source.backup(copy)
                see(agent, *range(10, 30))
                await until(lambda: spool.last_seq == 30 and spool.depth == 0)
            journal.close()
            restore(backup, file)
            journal = Journal(file)
            async with ingest(journal, directory, broker.port):
                await until(lambda: len(journal.stored_keys()) == 30)
                await until(lambda: spool.depth == 0)
    assert sorted(reading.value for reading in readings(journal)) == list(range(30))
    assert journal.count("dead_letters") == 0
    spool.close()
    journal.close()


class Since1970:
    """The wall clock of a machine without a battery: it began to count when it booted."""

    def __init__(self) -> None:
        self._booted = CLOCK.now() - DAY

    def now(self) -> Instant:
        return CLOCK.now() - self._booted


async def test_a_gateway_that_believes_in_1970_is_dated_by_the_server_and_flagged(
    tmp_path: Path, directory: MemoryDirectory
) -> None:
    journal, spool = Journal(tmp_path / "journal.db"), Spool(tmp_path / "spool.db")
    keeper = Timekeeper(Since1970(), synced=lambda: False, real=True)
    with Mosquitto(tmp_path / "mosquitto") as broker:
        before = CLOCK.now()
        async with gateway(spool, broker.port, keeper) as agent:
            see(agent, 1, 2)
            await until(lambda: spool.last_seq == 2)
            saw = CLOCK.now()
            async with ingest(journal, directory, broker.port):
                await until(lambda: spool.depth == 0)
                see(agent, 3)
                await until(lambda: spool.last_seq == 3 and spool.depth == 0)
                await until(lambda: bool(journal.covered("g1")))
    first, second, third = readings(journal)
    assert before - SECOND <= first.observed_at <= second.observed_at <= saw
    assert saw - SECOND <= third.observed_at <= CLOCK.now()
    assert {reading.flags for reading in (first, second, third)} == {int(Flag.UNSYNCED)}
    [(start, through)] = journal.covered("g1")
    assert before - SECOND <= start < through <= CLOCK.now()
    assert journal.count("dead_letters") == 0
    spool.close()
    journal.close()


async def test_when_nothing_is_acknowledged_any_more_a_bounded_number_is_under_way_and_the_spool_grows(
    tmp_path: Path, directory: MemoryDirectory
) -> None:
    journal, spool = Journal(tmp_path / "journal.db"), Spool(tmp_path / "spool.db", durable=False)
    with Mosquitto(tmp_path / "mosquitto") as broker:
        async with gateway(spool, broker.port) as agent:
            async with ingest(journal, directory, broker.port):
                see(agent, 0)
                await until(lambda: spool.last_seq == 1 and spool.depth == 0)
            under_way = 0
            async with aiomqtt.Client("127.0.0.1", broker.port) as listener:
                await listener.subscribe("kehai/1/gw/g1/up/readings", qos=1)
                see(agent, *range(1, 9_001))
                await until(lambda: spool.last_seq == 9_001)
                try:
                    async with asyncio.timeout(2):
                        async for message in listener.messages:
                            assert isinstance(message.payload, bytes)
                            under_way += len(json.loads(message.payload)["senml"])
                except TimeoutError:
                    pass
            assert 4_000 <= under_way <= 4_400
            assert spool.depth == 9_000
            async with ingest(journal, directory, broker.port):
                await until(lambda: spool.depth == 0)
    assert sorted(reading.value for reading in readings(journal)) == list(range(9_001))
    spool.close()
    journal.close()


async def test_a_broker_that_refuses_our_readings_is_told_of_in_one_sentence_and_they_are_kept(
    tmp_path: Path, directory: MemoryDirectory
) -> None:
    journal, spool, port = Journal(tmp_path / "journal.db"), Spool(tmp_path / "spool.db"), free_port()
    folder = tmp_path / "mosquitto"
    folder.mkdir()
    (folder / "acl").write_text(
        "topic write kehai/1/gw/+/up/hello\ntopic read kehai/#\ntopic write kehai/1/gw/+/down/ack\n"
    )
    rules = f"listener {port} 127.0.0.1\nallow_anonymous true\nset_tcp_nodelay true\nacl_file {folder}/acl\n"
    with Mosquitto(folder, port=port, settings=rules) as broker, capture_logs() as logs:
        async with ingest(journal, directory, broker.port), gateway(spool, broker.port) as agent:
            see(agent, *range(5))
            await until(lambda: any("access list" in str(entry.get("why")) for entry in logs))
            await asyncio.wait_for(agent.uplink.connected.wait(), 5)
            assert spool.depth == 5
    [said] = [entry for entry in logs if "access list" in str(entry.get("why"))]
    assert "passes our messages on to nobody" in said["event"]
    assert journal.count("readings") == 0
    spool.close()
    journal.close()
