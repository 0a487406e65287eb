"""One simulated home, lived through: what its sensors told, and the truth about it."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from enum import StrEnum

from domain.clock import Instant, Span
from domain.ids import DeviceId
from domain.readings import Quantity
from domain.recording import BadLines, ClockFault, DeviceSilence, RecordedReading
from simulators.home import SimulatedHome
from simulators.recording import Recording


class IncidentKind(StrEnum):
    """What can happen in a simulated home: to the resident, to the equipment, or nothing that anybody should be called for."""

    COLLAPSE = "collapse"
    """The resident lies still until somebody comes."""
    COLLAPSE_MOVING = "collapse_moving"
    """The resident lies on the floor and stirs now and then, before one sensor."""
    NOT_RISING = "not_rising"
    """The resident does not get up; it starts when they would have."""
    BATHROOM_LONG = "bathroom_long"
    """The resident went into the bathroom or toilet and does not come out for hours."""
    NIGHT_WANDERING = "night_wandering"
    """From room to room in the middle of the night."""
    DOOR_LEFT_OPEN = "door_left_open"
    """The resident came home and did not close the front door."""
    DOOR_AT_NIGHT = "door_at_night"
    """Out in the middle of the night, and not back for hours."""
    NOT_RETURNED = "not_returned"
    """Out by day, and not back for more than a day."""
    HEAT = "heat"
    """A hot day without a cooler."""
    COLD = "cold"
    """A cold day without a heater."""
    DECLINE = "decline"
    """The days grow slower and smaller, over weeks."""

    SENSOR_DEAD = "sensor_dead"
    """A device says nothing any more."""
    SENSOR_CHATTERING = "sensor_chattering"
    """A motion sensor tells of motion day and night, whoever is there."""
    SENSOR_STUCK = "sensor_stuck"
    """A motion sensor sees nothing any more, and still checks in."""
    SENSOR_MOVED = "sensor_moved"
    """A motion sensor hangs in another room than the one that is written down."""
    BATTERY_LOW = "battery_low"
    """A battery runs low."""
    GATEWAY_DOWN = "gateway_down"
    """The gateway is without power or line."""
    CLOCK_WRONG = "clock_wrong"
    """The gateway's clock is off."""
    POWER_CUT = "power_cut"
    """The home is without power: gateway, heater and cooler are off."""
    FLEET_OUTAGE = "fleet_outage"
    """Many gateways are cut off at once."""

    HOLIDAY = "holiday"
    """Away for days after an exit, as planned."""
    VISITOR = "visitor"
    """A second person for some hours; they leave by the door."""
    NAP = "nap"
    """A long sleep by day."""
    PET = "pet"
    """A cat has moved in."""
    CLOCK_CHANGE = "clock_change"
    """The night in which the clocks change; nothing happens."""
    NEW_YEAR = "new_year"
    """年末年始: late mornings, family in the home for two nights, long evenings."""


@dataclass(frozen=True, slots=True)
class Incident:
    """One thing that happened: what ``incidents.csv`` tells."""

    start: Instant
    end: Instant
    kind: IncidentKind
    room: str | None
    device: DeviceId | None = None


@dataclass(frozen=True, slots=True)
class Simulated:
    """One simulated home, lived through."""

    home: SimulatedHome
    readings: list[RecordedReading]
    """In the order of their times."""
    incidents: list[Incident] = field(default_factory=list)
    outages: list[tuple[Instant, Instant]] = field(default_factory=list)
    silences: list[DeviceSilence] = field(default_factory=list)
    clock: list[ClockFault] = field(default_factory=list)

    @property
    def end(self) -> Instant:
        """The last reading."""
        return self.readings[-1].at

    def recording(self) -> Recording:
        """As it would be read from disk."""
        return Recording(self.home.recorded, self.readings, self.outages, BadLines(), self.silences, self.clock)

    def then(self, readings: list[RecordedReading], incident: Incident) -> Simulated:
        """With other readings, sorted here, and one more incident."""
        readings.sort()
        return replace(
            self, readings=readings, incidents=sorted([*self.incidents, incident], key=lambda one: one.start)
        )

    def room(self, device: DeviceId) -> str | None:
        """Where a device hangs, as it is written down."""
        found = next((one for one in self.home.recorded.devices.values() if one.id == device), None)
        return None if found is None else found.room

    def motion_sensors(self) -> list[DeviceId]:
        """The home's motion sensors, by name."""
        devices = self.home.recorded.devices.values()
        return sorted(device.id for device in devices if device.kind is Quantity.MOTION)

    def exits(self) -> list[DeviceId]:
        """The doors that lead out, by name."""
        return sorted(device.id for device in self.home.recorded.devices.values() if device.exit)


def day_of(life: Simulated, when: Instant) -> int:
    """The wall clock's day in the home."""
    return life.home.recorded.zone.day(when)


def clock_at(life: Simulated, day: int, hours: float) -> Instant:
    """The instant ``hours`` after the midnight of a day; on a day with a change of the clocks, not what the wall says."""
    span: Span = int(hours * 3600) * 1_000_000
    return life.home.recorded.zone.midnight(day) + span
