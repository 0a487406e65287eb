"""Plays a recording by the gateway's clock, as if its sensors stood in the room."""

from __future__ import annotations

import gzip
from collections.abc import Iterator, Mapping
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from domain.clock import MINUTE, Instant
from domain.ids import DeviceId
from domain.readings import Device
from domain.recording import BadLines, RecordedHome, RecordedReading, RecordingError, parse_home, parse_readings
from gateway.drivers.driver import Driver, DriverSettingsError, Outlet, read_settings

_CHECK_IN = 10 * MINUTE


class SimulatedSettings(BaseModel):
    """One ``[[driver]]`` table."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    recording: Path
    since: Instant | None = None
    """Tell from this instant on (microseconds since the epoch), as if nothing had been lost before the start; None: from the
    start on."""


class Simulated:
    """A driver that knows the future and tells it in time."""

    def __init__(self, settings: SimulatedSettings, home: RecordedHome) -> None:
        self._settings = settings
        self._home = home
        self._next: Instant | None = None
        """When the next reading is to be told; None before the start."""

    @property
    def devices(self) -> tuple[Device, ...]:
        """See Driver.devices."""
        return tuple(self._home.devices.values())

    def produced(self, now: Instant) -> Instant:
        """See Driver.produced: everything before the next reading that is still to be told."""
        return now if self._next is None else min(now, self._next - 1)

    async def run(self, outlet: Outlet) -> None:
        """See Driver.run."""
        started = outlet.clock.now() if self._settings.since is None else self._settings.since
        checked_in = started
        self._check_in(outlet, started)
        for reading in self._readings():
            if reading.at < started or not self._lives(reading.device, reading.at):
                continue
            self._next = reading.at
            while (now := outlet.clock.now()) < reading.at:
                if now - checked_in >= _CHECK_IN:
                    checked_in = now
                    self._check_in(outlet, now)
                await outlet.sleep(min(reading.at - now, _CHECK_IN))
            outlet.observe(reading.device, reading.quantity, reading.value, reading.at)
        self._next = None
        while True:
            self._check_in(outlet, outlet.clock.now())
            await outlet.sleep(_CHECK_IN)

    def _readings(self) -> Iterator[RecordedReading]:
        folder = self._settings.recording
        packed = folder / "readings.csv.gz"
        bad = BadLines()
        if packed.exists():
            with gzip.open(packed, "rt", encoding="utf-8", newline="") as lines:
                yield from parse_readings(lines, self._home, bad, packed.name)
        else:
            with (folder / "readings.csv").open(encoding="utf-8", newline="") as lines:
                yield from parse_readings(lines, self._home, bad, "readings.csv")

    def _lives(self, device: DeviceId, at: Instant) -> bool:
        return at < self._home.silent_from.get(device, at + 1)

    def _check_in(self, outlet: Outlet, now: Instant) -> None:
        for device in self.devices:
            if device.check_in is not None and self._lives(device.id, now):
                outlet.heard(device.id, now)


def build(table: Mapping[str, object]) -> Driver:
    """A driver for one ``[[driver]]`` table; raises DriverSettingsError."""
    settings = read_settings(SimulatedSettings, table, "simulated")
    file = settings.recording / "home.json"
    try:
        home = parse_home(file.read_text(encoding="utf-8"), str(file))
    except (OSError, UnicodeDecodeError) as error:
        raise DriverSettingsError(f"recording: {file} cannot be read: point at a folder with a recording.") from error
    except RecordingError as error:
        raise DriverSettingsError(f"recording: {error}") from error
    return Simulated(settings, home)
