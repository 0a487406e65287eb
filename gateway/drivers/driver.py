"""What a driver is, and what drivers share: every folder beside this file provides one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Protocol, TypeVar

from pydantic import BaseModel, ValidationError

from domain.clock import Clock, Instant, Span
from domain.ids import BadIdError, DeviceId, check_id
from domain.readings import Device, Quantity

Settings = TypeVar("Settings", bound=BaseModel)


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


class Sight:
    """Keeps a driver honest: while it does not work, it can vouch for nothing that came after it stopped."""

    def __init__(self) -> None:
        self._working = False
        self._until: Instant | None = None

    @contextmanager
    def working(self, clock: Clock) -> Iterator[None]:
        """Around the time in which everything that happens is seen."""
        self._working = True
        try:
            yield
        finally:
            self._working, self._until = False, clock.now()

    def produced(self, now: Instant) -> Instant:
        """See Driver.produced."""
        if self._working:
            return now
        if self._until is None:
            self._until = now
        return min(now, self._until)


def read_settings(model: type[Settings], table: Mapping[str, object], driver: str) -> Settings:
    """A ``[[driver]]`` table as ``model``; raises DriverSettingsError that names the key."""
    try:
        return model.model_validate(dict(table))
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(str(part) for part in first["loc"]) or "the table"
        words = {"extra_forbidden": "there is no such key: remove it", "missing": "this key is needed: add it"}
        said = words.get(first["type"], first["msg"].removeprefix("Value error, ").rstrip("."))
        raise DriverSettingsError(f"{key}: {said}; see gateway/drivers/{driver}/README.md.") from error


def valid_id(text: str) -> str:
    """For a settings model's validator: ``text`` if it may name a device."""
    try:
        return check_id(text, "device")
    except BadIdError as error:
        raise ValueError(str(error)) from error


class DriverSettingsError(ValueError):
    """A ``[[driver]]`` table that cannot be used; ``str`` names the key and the mend."""
