"""What the watchdog sends: a gateway of its own with one sensor that measures a random number."""

from __future__ import annotations

import secrets
from collections.abc import Callable

from domain.clock import Instant, Span
from domain.readings import Device, Quantity
from gateway.drivers.driver import Outlet
from registry.homes import PROBE

MOST = 1_000_000_000


class Probe:
    """A gateway's driver, see ``gateway.drivers.driver``; ``sent`` hears each number a moment before it goes on its way."""

    def __init__(self, every: Span, sent: Callable[[int], None]) -> None:
        """``every`` counts on the gateway's clock."""
        self._every, self._sent = every, sent

    @property
    def devices(self) -> tuple[Device, ...]:
        """See Driver.devices."""
        return tuple(PROBE.devices.values())

    async def run(self, outlet: Outlet) -> None:
        """See Driver.run."""
        (device,) = self.devices
        while True:
            number = secrets.randbelow(MOST)
            self._sent(number)
            outlet.observe(device.id, Quantity.OTHER, float(number))
            await outlet.sleep(self._every)

    def produced(self, now: Instant) -> Instant:
        """See Driver.produced."""
        return now
