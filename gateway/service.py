"""The program in the home: one agent until SIGTERM."""

from __future__ import annotations

import asyncio
import signal
from pathlib import Path
from typing import Protocol

from domain.clock import SECOND, SystemClock
from domain.ids import GatewayId
from gateway.agent import Agent, Timing
from gateway.config import load_config
from gateway.tasks import end


def run_gateway(config: Path, software: str) -> None:
    """Serve the gateway that ``config`` describes; raises ConfigurationError, and returns on SIGTERM or SIGINT."""
    settings = load_config(config)
    drivers, address = settings.drivers(), settings.address()
    spool = settings.spool()
    timing = Timing(heartbeat=int(settings.gateway.heartbeat_seconds * SECOND))

    async def main() -> None:
        agent = Agent(GatewayId(settings.gateway.id), drivers, spool, SystemClock(), address, software, timing)
        await run_until_signal(agent)

    try:
        asyncio.run(main())
    finally:
        spool.close()


class Runnable(Protocol):
    """What runs until cancelled."""

    async def run(self) -> None:
        """Run."""
        ...


async def run_until_signal(*agents: Runnable) -> None:
    """Run agents side by side until SIGTERM or SIGINT."""
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    stopped = asyncio.create_task(_wait(stop))
    running = [asyncio.create_task(agent.run()) for agent in agents]
    try:
        done, _ = await asyncio.wait([stopped, *running], return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()
    finally:
        await end([stopped, *running])


async def _wait(stop: asyncio.Event) -> None:
    await stop.wait()
