"""The gateways of a demo: each with its own spool and connection, all in one process."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import structlog

from domain.clock import SECOND, Instant, ScaledClock, Span
from domain.errors import ConfigurationError
from domain.ids import GatewayId
from gateway.agent import Agent, Timing
from gateway.drivers.catalogue import CATALOGUE
from gateway.service import run_until_signal
from gateway.spool import Spool
from gateway.timekeeping import sleep
from gateway.uplink import UplinkAddress
from kehai import __version__
from kehai.logs import configure

_HEARTBEAT: Span = 30 * SECOND
_FASTEST_REAL_SECONDS = 0.5

log = structlog.get_logger("gateways")


@dataclass(frozen=True, slots=True)
class Plan:
    """What the demo's parent writes down for this process."""

    clock: ScaledClock
    port: int
    protocol: str
    """Of MQTT, as in a gateway's settings."""
    since: Instant
    gateways: list[dict[str, Any]]
    """Each with id, recording, spool and, for one that is to fall silent, stops_at."""


def write_plan(file: Path, plan: Plan) -> None:
    """Write a plan for ``neighbourhood``."""
    clock = plan.clock
    body = {
        "clock": {"origin": clock.origin, "start": clock.start, "speed": clock.speed},
        "port": plan.port, "protocol": plan.protocol, "since": plan.since, "gateways": plan.gateways,
    }  # fmt: skip
    file.write_text(json.dumps(body), encoding="utf-8")


def _read_plan(file: Path) -> Plan:
    try:
        raw = json.loads(file.read_text(encoding="utf-8"))
        return Plan(ScaledClock(**raw["clock"]), raw["port"], raw["protocol"], raw["since"], raw["gateways"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ConfigurationError(f"{file} is no plan of a neighbourhood ({error}): let kehai demo write it.") from error


def neighbourhood(config: Path) -> None:
    """Run the gateways of a plan until SIGTERM or Ctrl-C."""
    plan = _read_plan(config)
    configure("gateways")
    spools = [Spool(Path(entry["spool"])) for entry in plan.gateways]
    heartbeat = max(_HEARTBEAT, int(plan.clock.speed * _FASTEST_REAL_SECONDS * SECOND))
    timing = Timing(heartbeat=heartbeat, commit=SECOND // 5)

    async def main() -> None:
        agents = [
            Agent(
                GatewayId(entry["id"]),
                [CATALOGUE["simulated"]({"recording": entry["recording"], "since": plan.since})],
                spool,
                plan.clock,
                UplinkAddress("127.0.0.1", plan.port, entry["id"], protocol=plan.protocol),
                f"kehai {__version__} (simulated)",
                timing,
                plan.since,
            )
            for entry, spool in zip(plan.gateways, spools, strict=True)
        ]
        stops = [entry.get("stops_at") for entry in plan.gateways]
        await run_until_signal(*(_Mortal(agent, at) for agent, at in zip(agents, stops, strict=True)))

    try:
        asyncio.run(main())
    finally:
        for spool in spools:
            spool.close()


class _Mortal:
    """An agent that falls silent at a given instant, as one whose plug is pulled."""

    def __init__(self, agent: Agent, stops_at: Instant | None) -> None:
        self._agent, self._stops_at = agent, stops_at

    async def run(self) -> None:
        """Run the agent to its end; then, in silence, until cancelled."""
        if self._stops_at is None:
            await self._agent.run()
            return
        running = asyncio.create_task(self._agent.run())
        try:
            while (left := self._stops_at - self._agent.clock.now()) > 0:
                await sleep(self._agent.clock, left)
        finally:
            running.cancel()
            await asyncio.wait([running])
        log.info("a gateway falls silent, as the demo wants it")
        await asyncio.Event().wait()
