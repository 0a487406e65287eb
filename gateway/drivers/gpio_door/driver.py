"""A reed switch on a GPIO pin: a reading for each opening and each closing."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from gpiozero import Button
from pydantic import BaseModel, ConfigDict, Field, field_validator

from domain.clock import Instant
from domain.ids import DeviceId
from domain.readings import Device, DoorState, Quantity, RoomType
from gateway.drivers.driver import Driver, Outlet, Sight, read_settings, valid_id

_BOUNCE_SECONDS = 0.05


class GpioDoorSettings(BaseModel):
    """One ``[[driver]]`` table."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    device: str
    pin: int = Field(ge=0, le=53)
    room: str | None = None
    room_type: RoomType | None = None
    exit: bool = False

    _device_is_valid = field_validator("device")(valid_id)


class GpioDoor:
    """One door. The contact closes, and pulls the pin to ground, when the door is closed."""

    def __init__(self, settings: GpioDoorSettings) -> None:
        self._settings = settings
        self._device = Device(
            DeviceId(settings.device),
            Quantity.DOOR,
            settings.room,
            settings.exit,
            mains=True,
            room_type=settings.room_type,
        )
        self._sight = Sight()

    @property
    def devices(self) -> tuple[Device, ...]:
        """See Driver.devices."""
        return (self._device,)

    def produced(self, now: Instant) -> Instant:
        """See Driver.produced."""
        return self._sight.produced(now)

    async def run(self, outlet: Outlet) -> None:
        """See Driver.run."""
        loop = asyncio.get_running_loop()
        changes: asyncio.Queue[DoorState] = asyncio.Queue()

        def tell(state: DoorState) -> None:
            loop.call_soon_threadsafe(changes.put_nowait, state)

        contact = Button(self._settings.pin, pull_up=True, bounce_time=_BOUNCE_SECONDS)
        try:
            contact.when_pressed = lambda: tell(DoorState.CLOSED)
            contact.when_released = lambda: tell(DoorState.OPEN)
            with self._sight.working(outlet.clock):
                while True:
                    outlet.observe(self._device.id, Quantity.DOOR, float(await changes.get()))
        finally:
            contact.close()


def build(table: Mapping[str, object]) -> Driver:
    """A driver for one ``[[driver]]`` table; raises DriverSettingsError."""
    return GpioDoor(read_settings(GpioDoorSettings, table, "gpio_door"))
