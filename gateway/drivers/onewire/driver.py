"""A DS18B20 thermometer: read from the kernel's 1-Wire files, told when it has changed or a while has passed."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, field_validator

from domain.clock import MINUTE, SECOND, Instant
from domain.ids import DeviceId
from domain.readings import Device, Quantity, RoomType
from gateway.drivers.driver import Driver, Outlet, read_settings, valid_id

_BUS = Path("/sys/bus/w1/devices")
_ADDRESS = re.compile(r"28-[0-9a-f]{12}\Z")
_POWER_ON = 85.0
"""What the chip says before its first measurement."""
_LOWEST, _HIGHEST = -55.0, 125.0
_CHANGE = 0.2
_AT_LEAST_EVERY = 10 * MINUTE
_CHECK_IN = 20 * MINUTE


class OneWireSettings(BaseModel):
    """One ``[[driver]]`` table."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    device: str
    address: str
    room: str | None = None
    room_type: RoomType | None = None
    every_seconds: float = Field(default=60, ge=5, le=600)
    bus: Path = _BUS

    _device_is_valid = field_validator("device")(valid_id)

    @field_validator("address")
    @classmethod
    def _address_is_valid(cls, text: str) -> str:
        if not _ADDRESS.match(text):
            raise ValueError(f"{text!r} is no address of a DS18B20: it looks like 28-0316a2795aff")
        return text


class OneWire:
    """One thermometer. A reading that fails is tried again; one that cannot be is thrown away."""

    def __init__(self, settings: OneWireSettings) -> None:
        self._settings = settings
        self._device = Device(
            DeviceId(settings.device),
            Quantity.TEMPERATURE,
            settings.room,
            check_in=_CHECK_IN,
            mains=True,
            room_type=settings.room_type,
        )

    @property
    def devices(self) -> tuple[Device, ...]:
        """See Driver.devices."""
        return (self._device,)

    def produced(self, now: Instant) -> Instant:
        """See Driver.produced: a thermometer that is gone falls silent and hides nothing else."""
        return now

    async def run(self, outlet: Outlet) -> None:
        """See Driver.run."""
        file = self._settings.bus / self._settings.address / "w1_slave"
        told: tuple[float, Instant] | None = None
        while True:
            value = await asyncio.to_thread(_read, file)
            now = outlet.clock.now()
            if value is not None:
                if told is None or abs(value - told[0]) >= _CHANGE or now - told[1] >= _AT_LEAST_EVERY:
                    outlet.observe(self._device.id, Quantity.TEMPERATURE, value)
                    told = (value, now)
                else:
                    outlet.heard(self._device.id)
            await outlet.sleep(int(self._settings.every_seconds * SECOND))


def _read(file: Path) -> float | None:
    """Degrees Celsius, or None when the sensor does not answer, the checksum is wrong or the value cannot be."""
    try:
        text = file.read_text(encoding="ascii", errors="replace")
    except OSError:
        return None
    found = re.search(r"crc=\S+ YES\s.*t=(-?\d+)", text, re.DOTALL)
    if found is None:
        return None
    value = int(found[1]) / 1000
    if value == _POWER_ON or not _LOWEST <= value <= _HIGHEST:
        return None
    return round(value, 2)


def build(table: Mapping[str, object]) -> Driver:
    """A driver for one ``[[driver]]`` table; raises DriverSettingsError."""
    return OneWire(read_settings(OneWireSettings, table, "onewire"))
