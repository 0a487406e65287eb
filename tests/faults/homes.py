"""Scripted gateways: the real agent, spool and uplink of several homes in one process, with a notebook beside each spool.

    python -m tests.faults.homes --folder DIR --port PORT --gateway g1 --gateway g2

SIGUSR1: sense no more (what was taken is still delivered). SIGUSR2: sense again. SIGTERM: end.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

from domain.clock import MINUTE, SECOND, Instant, SystemClock
from domain.ids import DeviceId, GatewayId
from domain.readings import Device, Quantity
from domain.wire import Up, encode_readings, up_topic
from gateway.agent import Agent, Timing
from gateway.drivers.driver import Outlet
from gateway.link import Client, Link
from gateway.service import run_until_signal
from gateway.spool import Observation, Spooled
from gateway.timekeeping import Timekeeper
from gateway.uplink import Uplink, UplinkAddress
from kehai.logs import configure
from tests.faults.ledger import Notebook, NotedSpool

DEVICES = (
    Device(DeviceId("hall"), Quantity.MOTION, "hall"),
    Device(DeviceId("front"), Quantity.DOOR, "front door", exit=True),
    Device(DeviceId("air"), Quantity.TEMPERATURE, "living room"),
    Device(DeviceId("help"), Quantity.BUTTON, "bedroom"),
)
SENSING = "the sensors are awake"
_TIMING = Timing(heartbeat=SECOND, commit=SECOND // 20)


class Script:
    """A driver that sees much: bursts of readings at random moments, no two bodies alike for long."""

    devices = DEVICES

    def __init__(self, chance: random.Random, rate: float, awake: asyncio.Event) -> None:
        self._chance, self._rate, self._awake = chance, rate, awake

    def produced(self, now: Instant) -> Instant:
        """See Driver.produced."""
        return now

    async def run(self, outlet: Outlet) -> None:
        """See Driver.run."""
        chance = self._chance
        while True:
            await self._awake.wait()
            burst = chance.randint(1, 5)
            for _ in range(burst):
                kind = chance.random()
                if kind < 0.6:
                    outlet.observe(DEVICES[2].id, Quantity.TEMPERATURE, round(chance.uniform(-5, 35), 2))
                elif kind < 0.99:
                    outlet.observe(DEVICES[0].id, Quantity.MOTION, float(chance.getrandbits(1)))
                    outlet.observe(DEVICES[1].id, Quantity.DOOR, float(chance.randrange(3)))
                else:
                    outlet.observe(DEVICES[3].id, Quantity.BUTTON, 1.0)
            await outlet.sleep(int(chance.expovariate(self._rate / burst / 1.4) * SECOND))


class ForgetfulSpool(NotedSpool):
    """A spool as most are: what is acknowledged is gone at once, so that a server which lied cannot be given it again."""

    def acknowledge(self, epoch: str, through: int) -> int:
        """See Spool.acknowledge."""
        settled = super().acknowledge(epoch, through)
        with self._file.transaction() as connection:
            connection.execute("DELETE FROM readings WHERE seq <= ?", (through,))
        return settled


class CarelessUplink(Uplink):
    """An uplink as many scripts have it: sent is delivered."""

    async def _send_run(self, client: Link, run: Sequence[Spooled]) -> bool:
        readings = [(r.device, r.quantity, r.value, r.at) for r in run]
        clock, epoch = self._voice.clock_state(run[0].dated), self._spool.epoch
        payload = encode_readings(self._gateway, epoch, run[0].seq, self._voice.now(), clock, readings)
        assert isinstance(client, Client)
        await client.publish(up_topic(self._gateway, Up.READINGS), payload, qos=0)
        self._spool.acknowledge(epoch, run[-1].seq)
        return True


def old_readings(count: int) -> list[Observation]:
    """A backlog that a gateway has from before: one reading a second, up to a minute ago."""
    newest = SystemClock().now() - MINUTE
    return [
        Observation(DEVICES[2].id, Quantity.TEMPERATURE, round(20 + n % 97 / 10, 1), newest - (count - n) * SECOND)
        for n in range(count)
    ]


async def live(options: argparse.Namespace) -> None:
    """Run every gateway until a signal."""
    awake, loop = asyncio.Event(), asyncio.get_running_loop()
    awake.set()
    loop.add_signal_handler(signal.SIGUSR1, awake.clear)
    loop.add_signal_handler(signal.SIGUSR2, awake.set)
    agents = []
    for name in options.gateway:
        kind = ForgetfulSpool if options.forgetful or options.careless else NotedSpool
        spool = kind(options.folder / f"{name}.db", name, Notebook(options.folder / f"{name}.notebook"))
        if options.backlog and spool.last_seq == 0:
            spool.add(old_readings(options.backlog))
        script = Script(random.Random(), options.rate, awake)
        address = UplinkAddress(options.host, options.port, name, protocol=options.protocol)
        clock = SystemClock()
        right = Timekeeper(clock, real=False)  # the ledger compares stamps: nothing may date them anew
        agent = Agent(GatewayId(name), [script], spool, clock, address, "script", _TIMING, keeper=right)
        if options.careless:
            agent.uplink = CarelessUplink(name, spool, address, agent)
        agents.append(agent)
    sys.stderr.write(f"{SENSING}\n")
    await run_until_signal(*agents)


def main() -> None:
    """Read the command line and live."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--protocol", default="auto")
    parser.add_argument("--rate", type=float, default=50.0, help="readings a second and gateway, on average")
    parser.add_argument("--backlog", type=int, default=0, help="readings in a new spool at the start")
    parser.add_argument("--forgetful", action="store_true", help="keep nothing that is acknowledged: for the control")
    parser.add_argument("--careless", action="store_true", help="take what was sent for delivered: for the controls")
    parser.add_argument("--gateway", action="append", required=True)
    configure("gateway")
    asyncio.run(live(parser.parse_args()))


if __name__ == "__main__":
    main()
