"""Waiting in an event loop for what happens on the other side of a socket or in another thread."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from domain.clock import Instant
from domain.readings import Device
from gateway.drivers.driver import Outlet


async def until(true: Callable[[], bool], seconds: float = 40, what: str = "such thing") -> None:
    """Return once ``true()``; an AssertionError that names ``what`` when it did not come within ``seconds``."""
    try:
        async with asyncio.timeout(seconds):
            while not true():  # noqa: ASYNC110 (nothing on this side tells of it)
                await asyncio.sleep(0.005)
    except TimeoutError:
        raise AssertionError(f"within {seconds:.0f} s there was no {what}") from None


class Hand:
    """A driver that is moved by the test: it senses nothing by itself."""

    def __init__(self, *devices: Device) -> None:
        self.devices = devices

    async def run(self, outlet: Outlet) -> None:
        """See Driver.run."""
        await asyncio.Event().wait()

    def produced(self, now: Instant) -> Instant:
        """See Driver.produced."""
        return now
