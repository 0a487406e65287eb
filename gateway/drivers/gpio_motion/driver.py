"""A PIR motion sensor on a GPIO pin: a reading when its output rises, and again now and then while it stays high."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from gpiozero import DigitalInputDevice
from pydantic import BaseModel, ConfigDict, Field, field_validator

from domain.clock import SECOND, Instant
from domain.ids import DeviceId
from domain.readings import Device, Quantity, RoomType
from gateway.drivers.driver import Driver, Outlet, Sight, read_settings, valid_id


class GpioMotionSettings(BaseModel):
    """One ``[[driver]]`` table."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    device: str
    pin: int = Field(ge=0, le=53)
    room: str | None = None
    room_type: RoomType | None = None
    repeat_seconds: float = Field(default=60, ge=5, le=3600)

    _device_is_valid = field_validator("device")(valid_id)


class GpioMotion:
    """One motion sensor."""

    def __init__(self, settings: GpioMotionSettings) -> None:
        self._settings = settings
        self._device = Device(
            DeviceId(settings.device), Quantity.MOTION, settings.room, mains=True, room_type=settings.room_type
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
        rose = asyncio.Event()
        sensor = DigitalInputDevice(self._settings.pin, pull_up=False)
        try:
            sensor.when_activated = lambda: loop.call_soon_threadsafe(rose.set)
            with self._sight.working(outlet.clock):
                while True:
                    if not sensor.is_active:
                        await rose.wait()
                    rose.clear()
                    outlet.observe(self._device.id, Quantity.MOTION, 1.0)
                    await outlet.sleep(int(self._settings.repeat_seconds * SECOND))
        finally:
            sensor.close()


def build(table: Mapping[str, object]) -> Driver:
    """A driver for one ``[[driver]]`` table; raises DriverSettingsError."""
    return GpioMotion(read_settings(GpioMotionSettings, table, "gpio_motion"))
