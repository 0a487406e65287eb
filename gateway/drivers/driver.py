"""What a driver is: the one thing that every folder beside this file provides."""

from __future__ import annotations

from typing import Protocol

from domain.clock import Clock, Instant, Span
from domain.ids import DeviceId
from domain.readings import Device, Quantity


class Outlet(Protocol):
    """Where a driver puts what it sees; called in the gateway's event loop only."""

    @property
    def clock(self) -> Clock:
        """The gateway's clock: drivers stamp by it and never ask another."""
        ...

    async def sleep(self, span: Span) -> None:
        """Wait until ``span`` has passed on that clock."""
        ...

    def observe(self, device: DeviceId, quantity: Quantity, value: float, at: Instant | None = None) -> None:
        """``device`` measured ``value`` at ``at`` (None: now). Never blocks, never raises."""
        ...

    def heard(self, device: DeviceId, at: Instant | None = None) -> None:
        """``device`` gave a sign of its own health at ``at`` without measuring anything new."""
        ...


class Driver(Protocol):
    """One way of sensing, serving one or more devices."""

    @property
    def devices(self) -> tuple[Device, ...]:
        """The devices that it speaks for; fixed for its lifetime."""
        ...

    async def run(self, outlet: Outlet) -> None:
        """Sense until cancelled. May raise: the agent logs it once and starts it again, with a growing pause."""
        ...

    def produced(self, now: Instant) -> Instant:
        """The instant (<= ``now``) up to which everything that it saw has been given to the outlet."""
        ...


class DriverSettingsError(ValueError):
    """A ``[[driver]]`` table that cannot be used; ``str`` names the key and the mend."""
