"""A workbench for drivers: an outlet that the test can read, on a clock that the test moves."""

from __future__ import annotations

import asyncio

from domain.clock import Instant, Span, VirtualClock, from_iso
from domain.ids import DeviceId
from domain.readings import Quantity

NINE = from_iso("2026-03-02T09:00:00+09:00")


class Bench:
    """See Outlet."""

    def __init__(self) -> None:
        self.clock = VirtualClock(NINE)
        self.seen: list[tuple[str, Quantity, float]] = []
        self.alive: list[str] = []
        self._happened = asyncio.Event()
        self._sleepers: list[tuple[Instant, asyncio.Event]] = []

    def observe(self, device: DeviceId, quantity: Quantity, value: float, at: Instant | None = None) -> None:
        assert at is None or at <= self.clock.now()
        self.seen.append((device, quantity, value))
        self._happened.set()

    def heard(self, device: DeviceId, at: Instant | None = None) -> None:
        assert at is None or at <= self.clock.now()
        self.alive.append(device)
        self._happened.set()

    async def sleep(self, span: Span) -> None:
        woken = asyncio.Event()
        self._sleepers.append((self.clock.now() + span, woken))
        self._happened.set()
        await woken.wait()

    async def happens(self) -> None:
        """Return once the driver has done something since the last call: told, heard, or gone to sleep."""
        async with asyncio.timeout(10):
            await self._happened.wait()
        self._happened.clear()
        for _ in range(20):
            await asyncio.sleep(0)

    async def advance(self, span: Span) -> None:
        """Let ``span`` pass, and let whoever wakes up do what they do."""
        self.clock.advance_to(self.clock.now() + span)
        due = [sleeper for sleeper in self._sleepers if sleeper[0] <= self.clock.now()]
        self._sleepers = [sleeper for sleeper in self._sleepers if sleeper not in due]
        for _, woken in due:
            woken.set()
        for _ in range(20):
            await asyncio.sleep(0)
