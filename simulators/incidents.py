"""What goes wrong in a simulated home, with the truth beside it."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from domain.clock import HOUR, MINUTE, SECOND, Instant
from domain.ids import DeviceId
from domain.readings import SIGNS_OF_LIFE
from domain.recording import RecordedHome, RecordedReading


class IncidentKind(StrEnum):
    """The kinds that are simulated."""

    COLLAPSE = "collapse"
    """The resident lies still until somebody comes."""
    SENSOR_DEAD = "sensor_dead"
    """A device says nothing any more."""
    GATEWAY_DOWN = "gateway_down"
    """The gateway is without power or line."""


@dataclass(frozen=True, slots=True)
class Incident:
    """One thing that went wrong: what ``incidents.csv`` tells."""

    start: Instant
    end: Instant
    kind: IncidentKind
    room: str | None
    device: DeviceId | None = None


def collapse(
    home: RecordedHome, readings: Sequence[RecordedReading], not_before: Instant, lasts: int
) -> tuple[list[RecordedReading], Incident] | None:
    """Let the resident fall right after the first indoor movement at or after ``not_before``, for ``lasts``.

    Movement near an outer door is passed over, so that nobody falls on the way out. Returns None when nothing moves any more.
    """
    exits = {device.id for device in home.devices.values() if device.exit}
    door_moves = [reading.at for reading in readings if reading.device in exits]
    for reading in readings:
        if reading.at < not_before or reading.quantity not in SIGNS_OF_LIFE or reading.device in exits:
            continue
        if any(abs(reading.at - moved) < 10 * MINUTE for moved in door_moves):
            continue
        end = reading.at + lasts
        room = next((device.room for device in home.devices.values() if device.id == reading.device), None)
        kept = [r for r in readings if not (reading.at < r.at < end and r.quantity in SIGNS_OF_LIFE)]
        return kept, Incident(reading.at, end, IncidentKind.COLLAPSE, room, reading.device)
    return None


def sensor_dead(readings: Sequence[RecordedReading], device: DeviceId, at: Instant) -> list[RecordedReading]:
    """Everything but what ``device`` would have said from ``at`` on."""
    return [reading for reading in readings if reading.device != device or reading.at < at]


def draw(
    home: RecordedHome, readings: list[RecordedReading], start: Instant, end: Instant, rng: random.Random
) -> tuple[list[RecordedReading], list[Incident]]:
    """A month holds about one collapse, and a few homes have a dead sensor or a gateway that fails for some hours."""
    span, found = end - start, []
    month = 30 * 24 * HOUR
    if rng.random() < min(0.95, span / month):
        fallen = collapse(home, readings, start + _part(rng, 0.1, 0.9, span), _part(rng, 3, 14, HOUR))
        if fallen is not None:
            readings, incident = fallen
            found.append(incident)
    if rng.random() < 0.3 * min(1.0, span / month):
        device = rng.choice(sorted(home.devices.values(), key=lambda d: d.id))
        at = start + _part(rng, 0.3, 0.95, span)
        readings = sensor_dead(readings, device.id, at)
        found.append(Incident(at, end, IncidentKind.SENSOR_DEAD, device.room, device.id))
    if rng.random() < 0.5 * min(1.0, span / month):
        at = start + _part(rng, 0.1, 0.9, span)
        until = min(end, at + _part(rng, 1, 9, HOUR))
        readings = [reading for reading in readings if not at < reading.at < until]
        found.append(Incident(at, until, IncidentKind.GATEWAY_DOWN, None))
    return readings, sorted(found, key=lambda incident: incident.start)


def _part(rng: random.Random, low: float, high: float, span: int) -> int:
    """Between ``low`` and ``high`` times ``span``, in whole seconds."""
    return int(rng.uniform(low, high) * span / SECOND) * SECOND
