"""What happens to the resident."""

from __future__ import annotations

import random
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import replace

from domain.clock import DAY, HOUR, MINUTE, SECOND, Instant, Span
from domain.readings import SIGNS_OF_LIFE, DoorState, Quantity, RoomType
from domain.recording import RecordedHome, RecordedReading
from simulators.home import live
from simulators.incidents.editing import (
    door_moves,
    drawn,
    indoor_life,
    is_at_home,
    is_life,
    moving,
    overlaid,
    silences,
    without_life,
)
from simulators.person import declined
from simulators.simulated import Incident, IncidentKind, Simulated, clock_at, day_of

_WET = (RoomType.BATHROOM, RoomType.TOILET, RoomType.WASHROOM)
"""Where somebody may be too long."""


def collapse(
    home: RecordedHome, readings: Sequence[RecordedReading], not_before: Instant, lasts: Span
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


def falls(life: Simulated, when: Instant, rng: random.Random) -> Simulated | None:
    """A collapse, for 12 to 24 hours."""
    fallen = collapse(life.home.recorded, life.readings, when, drawn(rng, 12, 24, HOUR))
    return None if fallen is None else life.then(*fallen)


def falls_and_stirs(life: Simulated, when: Instant, rng: random.Random) -> Simulated | None:
    """A collapse before a motion sensor, which tells of an arm or a leg every half an hour or so."""
    motion = set(life.motion_sensors())
    at = next((r for r in indoor_life(life, when, when + 12 * HOUR) if r.device in motion), None)
    if at is None:
        return None
    end = at.at + drawn(rng, 12, 20, HOUR)
    pause, stirs = rng.uniform(20, 45), []
    moved = at.at + int(rng.expovariate(1 / pause) * MINUTE)
    while moved < end:
        stirs.append(at._replace(at=moved, value=1.0))
        moved += int(rng.expovariate(1 / pause) * MINUTE) + MINUTE
    readings = overlaid(without_life(life.readings, at.at, end), stirs)
    return life.then(readings, Incident(at.at, end, IncidentKind.COLLAPSE_MOVING, life.room(at.device), at.device))


def does_not_rise(life: Simulated, when: Instant, rng: random.Random) -> Simulated | None:
    """Nothing is seen from the longest silence of the night on, until the evening.

    It starts when the resident would have been seen again.
    """
    day = day_of(life, when + 12 * HOUR)
    night = silences(life, clock_at(life, day, -4), clock_at(life, day, 5))
    if not night:
        return None
    asleep, rises = max(night, key=lambda gap: min(gap[1], clock_at(life, day, 9)) - gap[0])
    if not is_at_home(life, asleep):
        return None
    end = max(clock_at(life, day, 16), rises + 6 * HOUR) + drawn(rng, 0, 4, HOUR)
    room = next(life.room(r.device) for r in life.readings if r.at == asleep and is_life(r))
    readings = without_life(life.readings, asleep, end)
    return life.then(readings, Incident(rises, end, IncidentKind.NOT_RISING, room))


def stays_in_the_bathroom(life: Simulated, when: Instant, rng: random.Random) -> Simulated | None:
    """From a visit to the bathroom or toilet by day on, for three to six hours, at most its own sensor tells of something."""
    sensors = {device.id for device in life.home.recorded.devices.values() if device.room_type in _WET}
    wet = [
        r for r in indoor_life(life, when, when + 2 * DAY)
        if r.device in sensors and 7 <= life.home.recorded.zone.hour(r.at) < 22
    ]  # fmt: skip
    if not wet:
        return None
    first = wet[0]
    end, stirs = first.at + drawn(rng, 3, 6, HOUR), []
    if rng.random() < 0.5:
        pause, at = rng.uniform(12, 30), first.at
        while (at := at + int(rng.expovariate(1 / pause) * MINUTE) + MINUTE) < end:
            stirs.append(first._replace(at=at, value=1.0))
    readings = overlaid(without_life(life.readings, first.at, end), stirs)
    return life.then(
        readings, Incident(first.at, end, IncidentKind.BATHROOM_LONG, life.room(first.device), first.device)
    )


def wanders(life: Simulated, when: Instant, rng: random.Random) -> Simulated | None:
    """From room to room for one to two hours between midnight and four."""
    start = clock_at(life, day_of(life, when + 12 * HOUR), 0) + drawn(rng, 0.2, 2.5, HOUR)
    if not is_at_home(life, start):
        return None
    rooms, stays, left, here = (
        ("hall", "living", "kitchen", "bedroom", "hall", "washroom"),
        [],
        rng.uniform(60, 110),
        "",
    )
    while left > 0:
        here = rng.choice([room for room in rooms if room != here])
        stays.append((here, rng.uniform(0.5, 4.0), 0.7))
        left -= stays[-1][1]
    readings = overlaid(life.readings, moving(life, start, stays, rng))
    end = start + int(sum(minutes for _, minutes, _ in stays) * 60) * SECOND
    return life.then(readings, Incident(start, end, IncidentKind.NIGHT_WANDERING, None))


def leaves_the_door_open(life: Simulated, when: Instant, rng: random.Random) -> Simulated | None:
    """The front door is opened while somebody is up, and closed hours later; nobody uses it in between."""
    door = life.exits()[0] if life.exits() else None
    up = [r for r in indoor_life(life, when, when + 2 * DAY) if 7 <= life.home.recorded.zone.hour(r.at) < 21]
    if door is None or not up or not any(r.device == door and r.value == DoorState.OPEN for r in life.readings):
        return None
    start = up[0].at + drawn(rng, 1, 3, MINUTE)
    end = start + drawn(rng, 1.5, 6, HOUR)
    kept = [r for r in life.readings if not (r.device == door and r.quantity is Quantity.DOOR and start <= r.at <= end)]
    before = [r for r in kept if r.device == door and r.at < start and r.quantity is Quantity.DOOR]
    if before and before[-1].value == DoorState.OPEN:
        kept.append(RecordedReading(start - MINUTE, door, Quantity.DOOR, float(DoorState.CLOSED)))
    kept += door_moves(life, start, end - start)
    after = [r for r in sorted(kept) if r.device == door and r.at > end and r.quantity is Quantity.DOOR]
    if after and after[0].value == DoorState.CLOSED:
        kept.remove(after[0])
    return life.then(kept, Incident(start, end, IncidentKind.DOOR_LEFT_OPEN, life.room(door), door))


def goes_out_at_night(life: Simulated, when: Instant, rng: random.Random) -> Simulated | None:
    """Up between one and four, out by the front door, and back after two to seven hours."""
    if not life.exits():
        return None
    rises = clock_at(life, day_of(life, when + 12 * HOUR), 0) + drawn(rng, 1, 3.8, HOUR)
    if not is_at_home(life, rises):
        return None
    up = moving(life, rises, [("bedroom", 2, 0.6), ("washroom", 1, 0.6), ("hall", 1.5, 0.6)], rng)
    leaves = rises + int(4.5 * MINUTE)
    back = leaves + drawn(rng, 2, 7, HOUR)
    kept = [*without_life(life.readings, rises - SECOND, back), *door_moves(life, leaves), *door_moves(life, back)]
    home_again = moving(life, back + 10 * SECOND, [("hall", 1.5, 0.6), ("living", 5, 1.5)], rng)
    readings = overlaid(kept, [*up, *home_again])
    return life.then(readings, Incident(leaves, back, IncidentKind.DOOR_AT_NIGHT, life.room(life.exits()[0])))


def does_not_return(life: Simulated, when: Instant, rng: random.Random) -> Simulated | None:
    """Out by the front door by day, and back after 26 to 60 hours."""
    return gone(life, when, drawn(rng, 26, 60, HOUR), IncidentKind.NOT_RETURNED, rng)


def gone(life: Simulated, when: Instant, lasts: Span, kind: IncidentKind, rng: random.Random) -> Simulated | None:
    """The resident leaves between 9 and 17 by the front door and is away for ``lasts``; comes home between 8 and 22."""
    if not life.exits():
        return None
    hour, zone = life.home.recorded.zone.hour, life.home.recorded.zone
    up = [r for r in indoor_life(life, when, when + 2 * DAY) if 9 <= hour(r.at) < 17]
    if not up:
        return None
    to_the_door = moving(life, up[0].at + MINUTE, [("hall", 1.5, 0.5)], rng)
    leaves = up[0].at + int(2.6 * MINUTE)
    back = leaves + lasts
    if not 8 <= zone.hour(back) < 22:
        back = clock_at(life, day_of(life, back), 0) + drawn(rng, 9, 21, HOUR)
        back += DAY if back < leaves + lasts else 0
    kept = [*without_life(life.readings, up[0].at, back), *door_moves(life, leaves), *door_moves(life, back)]
    home_again = moving(life, back + 10 * SECOND, [("hall", 1.5, 0.6), ("living", 8, 1.5), ("kitchen", 5, 1.2)], rng)
    readings = overlaid(kept, [*to_the_door, *home_again])
    return life.then(readings, Incident(leaves, back, kind, life.room(life.exits()[0])))


def declines(life: Simulated, when: Instant, rng: random.Random) -> Simulated:
    """From one day on everything grows slower and smaller, for six weeks, and then stays as it is."""
    zone = life.home.recorded.zone
    first, last = zone.day(when) + 1, zone.day(life.end)
    start, much = zone.midnight(first), rng.uniform(0.8, 1.0)
    past = [r for r in life.readings if r.at < start or not is_life(r)]
    lived = []
    for number in range(first, last + 1):
        person = declined(life.home.person, much * min(1.0, (number - first + 1) / 42))
        midnight = zone.midnight(number), zone.midnight(number + 1)
        day = live(replace(life.home, person=person), number, 1)
        lived += [r for r in day if midnight[0] <= r.at < midnight[1] and is_life(r)]
    end = life.end
    lived = lived[: bisect_left(lived, end, key=lambda r: r.at)]
    return life.then([*past, *lived], Incident(start, end, IncidentKind.DECLINE, None))
