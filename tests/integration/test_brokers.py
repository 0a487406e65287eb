"""The same code over MQTT 5 and 3.1.1, on mosquitto, on the broker of the demo and on a NATS server.

Whatever a broker promises or forgets, each reading is stored once: the real agent on one side, the real ingest on the other,
a backlog and live readings under way, the broker killed and ingest ended in the middle.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from domain.clock import MINUTE, SECOND, SystemClock
from domain.ids import DeviceId, GatewayId, HomeId
from domain.readings import Device, Quantity
from gateway.agent import Agent, Timing
from gateway.drivers.driver import Outlet
from gateway.spool import Observation
from gateway.tasks import end
from gateway.timekeeping import Timekeeper
from gateway.uplink import UplinkAddress
from ingest.intake import Intake
from ingest.journal import Journal
from ingest.mqtt.connection import Patience
from ingest.service import IngestService
from ingest.subscriber import BrokerAddress, Ticket
from registry.directory import Directory, MemoryDirectory
from tests.faults.ledger import Notebook, NotedSpool, settle
from tests.servers import Amqtt, Mosquitto, Nats, Server
from tests.waiting import until

pytestmark = pytest.mark.server
GATEWAY = GatewayId("gw-1")
HALL = Device(DeviceId("hall"), Quantity.TEMPERATURE, "hall")
CLOCK = SystemClock()
BACKLOG = 3_000
KINDS = {
    "mosquitto, 5": (Mosquitto, "5", "5"),
    "mosquitto, 3.1.1": (Mosquitto, "3.1.1", "3.1.1"),
    "mosquitto, as it comes": (Mosquitto, "auto", "auto"),
    "amqtt": (Amqtt, "auto", "3.1.1"),  # it does not answer a greeting in MQTT 5: finding that out once is enough
    "nats": (Nats, "auto", "auto"),
}
"""Broker, and the versions that ingest and the gateway are told to use."""


class Thermometer:
    """A driver that sees another value every few milliseconds."""

    devices = (HALL,)

    def __init__(self) -> None:
        self.seen = 0
        self.awake = asyncio.Event()
        self.awake.set()

    def produced(self, now: int) -> int:
        """See Driver.produced."""
        return now

    async def run(self, outlet: Outlet) -> None:
        """See Driver.run."""
        while True:
            await self.awake.wait()
            self.seen += 1
            outlet.observe(HALL.id, Quantity.TEMPERATURE, self.seen / 8)
            await outlet.sleep(SECOND // 100)


@asynccontextmanager
async def ingest(file: Path, directory: Directory, port: int, protocol: str) -> AsyncIterator[Journal]:
    journal = Journal(file)
    intake: Intake[Ticket] = Intake(journal, directory)
    address = BrokerAddress("127.0.0.1", port, protocol=protocol)
    service = IngestService(intake, CLOCK, address, mark_seconds=0.2, patience=Patience(connect=3.0))
    task = asyncio.create_task(service.run())
    try:
        yield journal
    finally:
        service.stop()
        await asyncio.wait_for(task, 20)
        journal.close()


@pytest.mark.parametrize("kind", KINDS)
async def test_each_reading_is_stored_once_whatever_the_broker_forgets(tmp_path: Path, kind: str) -> None:
    make, protocol, theirs = KINDS[kind]
    notebook, file = Notebook(tmp_path / "notebook"), tmp_path / "journal.db"
    spool = NotedSpool(tmp_path / "spool.db", GATEWAY, notebook)
    start = CLOCK.now() - 30 * MINUTE
    for n in range(0, BACKLOG, 500):
        spool.add([Observation(HALL.id, Quantity.TEMPERATURE, k / 4, start + k * 1000) for k in range(n, n + 500)])
    thermometer = Thermometer()
    directory = MemoryDirectory()  # as the registry's, it outlives ingest
    directory.enrol(GATEWAY, HomeId("h-1"), "Asia/Tokyo")
    server: Server = make(tmp_path / "broker")
    address = UplinkAddress("127.0.0.1", server.port, protocol=theirs)
    right = Timekeeper(CLOCK, real=False)  # the ledger compares stamps: nothing may date them anew
    agent = Agent(GATEWAY, [thermometer], spool, CLOCK, address, timing=Timing(SECOND // 5, SECOND // 20), keeper=right)
    with server:
        running = asyncio.create_task(agent.run())
        try:
            async with ingest(file, directory, server.port, protocol) as journal:
                await until(lambda: journal.count("readings") > 300, 60, "reading stored")
                server.kill()
                server.start()
                before = journal.count("readings")
                await until(lambda: journal.count("readings") > before + 100, 60, "reading after the broker was killed")
            seen = thermometer.seen
            await until(lambda: thermometer.seen > seen + 50, 60, "reading while ingest is away")
            async with ingest(file, directory, server.port, protocol):
                thermometer.awake.clear()
                last = spool.last_seq
                await until(lambda: spool.last_seq >= last and spool.depth == 0, 60, "end of what waits at the gateway")
        finally:
            await end([running])
            spool.close()
            notebook.close()
    account = settle(tmp_path / "notebook", file)
    assert account.balanced, account
    assert account.sent == account.stored >= BACKLOG + 50
    assert account.dead == 0
