"""What happens to the air in the home: heat, cold, a power cut."""

from __future__ import annotations

import math
import random
from dataclasses import replace

from detectors.kinds.heat.wbgt import wbgt_indoors
from domain.clock import HOUR, Instant, Span
from domain.ids import DeviceId
from domain.readings import Quantity
from domain.recording import RecordedReading
from simulators.air import outdoors
from simulators.incidents.editing import drawn
from simulators.simulated import Incident, IncidentKind, Simulated, clock_at, day_of

_FOLLOWS: Span = 7 * HOUR
"""How fast a room follows the weather when nothing heats or cools: assumed for a small flat."""
_RECOVERS: Span = HOUR
_DANGEROUS = 28.0
"""From this estimate of the WBGT on, heat stroke threatens."""
_FREEZING = 12.0


def uncooled(life: Simulated, when: Instant, rng: random.Random) -> Simulated | None:
    """The cooler stays off from the morning until late, on one of the hottest days; it starts when heat stroke threatens."""
    start = clock_at(life, day_of(life, when + 12 * HOUR), 0) + drawn(rng, 9, 11, HOUR)
    end = start + drawn(rng, 10, 14, HOUR)
    readings = left_to(life, start, end, rng.uniform(35.5, 38.5), rng.uniform(58, 66))
    humid: dict[DeviceId, float] = {}
    for r in readings:
        if r.quantity is Quantity.HUMIDITY:
            humid[r.device] = r.value
        elif r.quantity is not Quantity.TEMPERATURE or not start < r.at < end:
            continue
        elif wbgt_indoors(r.value, humid.get(r.device, 60.0)) >= _DANGEROUS:
            return life.then(readings, Incident(r.at, end, IncidentKind.HEAT, life.room(r.device), r.device))
    return None


def unheated(life: Simulated, when: Instant, rng: random.Random) -> Simulated | None:
    """The heater stays off for a day and a half of the coldest; it starts when the first room is below 12 °C."""
    start = clock_at(life, day_of(life, when + 12 * HOUR), 0) + drawn(rng, 6, 20, HOUR)
    end = start + drawn(rng, 30, 40, HOUR)
    readings = left_to(life, start, end, rng.uniform(3.0, 8.0), rng.uniform(40, 60))
    for r in readings:
        if r.quantity is Quantity.TEMPERATURE and start < r.at < end and r.value < _FREEZING:
            return life.then(readings, Incident(r.at, end, IncidentKind.COLD, life.room(r.device), r.device))
    return None


def power_cut(life: Simulated, when: Instant, rng: random.Random) -> Simulated:
    """No power for one to eight hours: the gateway is off, and the rooms go where the weather takes them."""
    end = min(life.end, when + drawn(rng, 1, 8, HOUR))
    weather = outdoors(life.home.recorded.zone, when)
    readings = left_to(life, when, end, weather, 55.0)
    kept = [reading for reading in readings if not when < reading.at < end]
    changed = life.then(kept, Incident(when, end, IncidentKind.POWER_CUT, None))
    return replace(changed, outages=sorted([*life.outages, (when, end)]))


def left_to(life: Simulated, start: Instant, end: Instant, degrees: float, percent: float) -> list[RecordedReading]:
    """The readings, with rooms that drift to ``degrees`` and ``percent`` from ``start`` to ``end``, and come back after it."""
    towards = {Quantity.TEMPERATURE: degrees, Quantity.HUMIDITY: percent}

    def changed(reading: RecordedReading) -> RecordedReading:
        if reading.at <= start or reading.quantity not in towards:
            return reading
        part = 1 - math.exp(-(min(reading.at, end) - start) / _FOLLOWS)
        if reading.at > end:
            part *= math.exp(-(reading.at - end) / _RECOVERS)
        return reading._replace(value=round(reading.value + part * (towards[reading.quantity] - reading.value), 1))

    return [changed(reading) for reading in life.readings]
