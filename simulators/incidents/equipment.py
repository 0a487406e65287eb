"""What happens to sensors and gateways."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import replace

from domain.clock import DAY, HOUR, MINUTE, SECOND, Instant, Span
from domain.ids import DeviceId
from domain.readings import Quantity
from domain.recording import ClockFault, DeviceSilence, RecordedReading
from simulators.incidents.editing import drawn, overlaid
from simulators.simulated import Incident, IncidentKind, Simulated


def sensor_dead(readings: Sequence[RecordedReading], device: DeviceId, at: Instant) -> list[RecordedReading]:
    """Everything but what ``device`` would have said from ``at`` on."""
    return [reading for reading in readings if reading.device != device or reading.at < at]


def dies(life: Simulated, when: Instant, rng: random.Random) -> Simulated:
    """One device says nothing any more, not even that it is there, until it is replaced after one to four days."""
    device = rng.choice(sorted(one.id for one in life.home.recorded.devices.values()))
    end = min(life.end, when + drawn(rng, 24, 96, HOUR))
    kept = [r for r in life.readings if r.device != device or not when < r.at < end]
    incident = Incident(when, end, IncidentKind.SENSOR_DEAD, life.room(device), device)
    return replace(life.then(kept, incident), silences=sorted([*life.silences, DeviceSilence(device, when, end)]))


def chatters(life: Simulated, when: Instant, rng: random.Random) -> Simulated | None:
    """One motion sensor tells of motion every one to four minutes, day and night, for one to three days."""
    sensor = _busy(life, when, rng)
    if sensor is None:
        return None
    end = min(life.end, when + drawn(rng, 24, 72, HOUR))
    at, told, pause = when, [], rng.uniform(60, 240)
    while at < end:
        told.append(RecordedReading(at, sensor, Quantity.MOTION, 1.0))
        at += HOLD + int(rng.expovariate(1 / pause)) * SECOND
    kept = [
        r for r in life.readings if r.device != sensor or r.quantity is not Quantity.MOTION or not when <= r.at < end
    ]
    return life.then([*kept, *told], Incident(when, end, IncidentKind.SENSOR_CHATTERING, life.room(sensor), sensor))


HOLD: Span = 60 * SECOND


def sticks(life: Simulated, when: Instant, rng: random.Random) -> Simulated | None:
    """One motion sensor sees nothing any more and still checks in, for three to seven days."""
    sensor = _busy(life, when, rng)
    if sensor is None:
        return None
    end = min(life.end, when + drawn(rng, 72, 168, HOUR))
    kept = [
        r for r in life.readings if r.device != sensor or r.quantity is not Quantity.MOTION or not when < r.at < end
    ]
    return life.then(kept, Incident(when, end, IncidentKind.SENSOR_STUCK, life.room(sensor), sensor))


def moves(life: Simulated, when: Instant, rng: random.Random) -> Simulated | None:
    """One motion sensor is hung up in another room: it sees there what the sensor of that room sees, and nobody is told."""
    sensors = life.motion_sensors()
    sensor = _busy(life, when, rng)
    others = [one for one in sensors if one != sensor]
    if sensor is None or not others:
        return None
    there = rng.choice(others)
    kept = [r for r in life.readings if r.device != sensor or r.quantity is not Quantity.MOTION or r.at < when]
    seen = [
        r._replace(at=r.at + rng.randint(0, 8) * SECOND, device=sensor)
        for r in life.readings
        if r.device == there and r.quantity is Quantity.MOTION and r.at >= when and rng.random() < 0.9
    ]
    seen = [r for r in seen if r.at <= life.end]
    incident = Incident(when, life.end, IncidentKind.SENSOR_MOVED, life.room(sensor), sensor)
    return life.then(overlaid(kept, seen), incident)


def runs_low(life: Simulated, when: Instant, rng: random.Random) -> Simulated | None:
    """One battery falls to a few percent within days."""
    with_battery = sorted({r.device for r in life.readings if r.quantity is Quantity.BATTERY})
    if not with_battery:
        return None
    device = rng.choice(with_battery)
    left, low = rng.uniform(8, 14), rng.uniform(1, 4)
    lasts = max(1, life.end - when)
    readings = [
        r._replace(value=round(left + (low - left) * (r.at - when) / lasts))
        if r.device == device and r.quantity is Quantity.BATTERY and r.at >= when
        else r
        for r in life.readings
    ]
    return life.then(readings, Incident(when, life.end, IncidentKind.BATTERY_LOW, life.room(device), device))


def cut_off(life: Simulated, when: Instant, rng: random.Random) -> Simulated:
    """The gateway is off for two to twelve hours: what happens meanwhile is never told."""
    return _outage(life, when, when + drawn(rng, 2, 12, HOUR), IncidentKind.GATEWAY_DOWN)


def cut_off_with_the_others(life: Simulated, when: Instant, rng: random.Random) -> Simulated:
    """The gateway is off for three hours, as is that of every other home."""
    return _outage(life, when + drawn(rng, 0, 2, MINUTE), when + 3 * HOUR, IncidentKind.FLEET_OUTAGE)


def _outage(life: Simulated, start: Instant, end: Instant, kind: IncidentKind) -> Simulated:
    end = min(end, life.end)
    kept = [reading for reading in life.readings if not start < reading.at < end]
    return replace(life.then(kept, Incident(start, end, kind, None)), outages=sorted([*life.outages, (start, end)]))


def clock_goes_wrong(life: Simulated, when: Instant, rng: random.Random) -> Simulated:
    """The gateway's clock is off by a quarter of an hour to a day, either way, for six hours to two days."""
    off = rng.choice((-1, 1)) * drawn(rng, 15, 15 * 4 ** rng.uniform(0, 3.3), MINUTE)
    end = min(life.end, when + drawn(rng, 6, 48, HOUR))
    incident = Incident(when, end, IncidentKind.CLOCK_WRONG, None)
    return replace(life.then(list(life.readings), incident), clock=sorted([*life.clock, ClockFault(when, end, off)]))


def _busy(life: Simulated, when: Instant, rng: random.Random) -> DeviceId | None:
    """One of the motion sensors that tell something on an ordinary day."""
    seen: dict[DeviceId, int] = {}
    for r in life.readings:
        if when - 3 * DAY <= r.at < when and r.quantity is Quantity.MOTION:
            seen[r.device] = seen.get(r.device, 0) + 1
    busy = sorted(device for device, times in seen.items() if times >= 15)
    return rng.choice(busy) if busy else None
