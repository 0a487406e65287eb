"""What happens in lives in which nothing is wrong: nobody should be called for any of it."""

from __future__ import annotations

import random
from collections.abc import Iterator

from domain.clock import DAY, HOUR, MINUTE, SECOND, Instant
from domain.readings import Quantity
from domain.recording import RecordedReading
from simulators.incidents.editing import door_moves, drawn, indoor_life, moving, overlaid, without_life
from simulators.incidents.resident import gone
from simulators.simulated import Incident, IncidentKind, Simulated, clock_at, day_of


def goes_on_holiday(life: Simulated, when: Instant, rng: random.Random) -> Simulated | None:
    """Out by the front door by day, and back after two to seven days."""
    return gone(life, when, drawn(rng, 2, 7, DAY), IncidentKind.HOLIDAY, rng)


def is_visited(life: Simulated, when: Instant, rng: random.Random) -> Simulated | None:
    """A second person comes and goes by the front door, and moves about for two to six hours."""
    up = [r for r in indoor_life(life, when, when + 2 * DAY) if 9 <= life.home.recorded.zone.hour(r.at) < 17]
    if not up or not life.exits():
        return None
    start = up[0].at + drawn(rng, 3, 20, MINUTE)
    end = start + drawn(rng, 2, 6, HOUR)
    told = overlaid(life.readings, list(_second_person(life, start, end, rng)))
    return life.then(told, Incident(start, end, IncidentKind.VISITOR, None))


def _second_person(life: Simulated, start: Instant, end: Instant, rng: random.Random) -> Iterator[RecordedReading]:
    yield from door_moves(life, start)
    stays, left = [("hall", 1.0, 0.5)], (end - start) / MINUTE - 2
    while left > 0:
        room, minutes = rng.choice(
            (("living", 40.0), ("living", 25.0), ("kitchen", 12.0), ("toilet", 4.0), ("hall", 1.0))
        )
        stays.append((room, min(left, rng.uniform(0.4, 1.4) * minutes), 2.5))
        left -= stays[-1][1]
    yield from moving(life, start + 10 * SECOND, [*stays, ("hall", 1.0, 0.5)], rng)
    yield from door_moves(life, end)


def naps(life: Simulated, when: Instant, rng: random.Random) -> Simulated | None:
    """Asleep by day for two to three and a half hours, longer than usual."""
    up = [r for r in indoor_life(life, when, when + 2 * DAY) if 12 <= life.home.recorded.zone.hour(r.at) < 15]
    if not up:
        return None
    start, end = up[0].at, up[0].at + drawn(rng, 120, 210, MINUTE)
    rises = moving(life, end, [("bedroom", 2, 0.7), ("toilet", 3, 1.0)], rng)
    readings = overlaid(without_life(life.readings, start, end), rises)
    return life.then(readings, Incident(start, end, IncidentKind.NAP, life.room(up[0].device), up[0].device))


def keeps_a_cat(life: Simulated, when: Instant, rng: random.Random) -> Simulated:
    """From now on some sensors tell of a cat, at any hour, in the home and in the empty home."""
    reach = {sensor: rng.uniform(0.05, 0.5) for sensor in life.motion_sensors()}
    told, at, a_day = [], when, rng.uniform(15, 60)
    while (at := at + int(rng.expovariate(a_day) * DAY)) < life.end:
        for sensor, seen in reach.items():  # a run through several rooms
            if rng.random() < seen:
                told.append(RecordedReading(at + rng.randint(0, 20) * SECOND, sensor, Quantity.MOTION, 1.0))
    told = [r for r in told if r.at <= life.end]
    return life.then(overlaid(life.readings, told), Incident(when, life.end, IncidentKind.PET, None))


def clocks_change(life: Simulated, when: Instant, rng: random.Random) -> Simulated | None:  # noqa: ARG001 (as the others)
    """Nothing but the change of the clocks: the next night in which there is one."""
    zone = life.home.recorded.zone
    for day in range(day_of(life, when), day_of(life, life.end) + 1):
        start, end = zone.midnight(day), zone.midnight(day + 1)
        if end - start != DAY:
            return life.then(list(life.readings), Incident(start, end, IncidentKind.CLOCK_CHANGE, None))
    return None


def new_year(life: Simulated, when: Instant, rng: random.Random) -> Simulated:
    """年末年始: from the last day of the year to the second of January family stays; somebody moves late into the nights.

    Takes the day of ``when`` for the 31st of December; who wants the real one begins the recording accordingly.
    """
    first = clock_at(life, day_of(life, when), 0)
    comes, goes = first + drawn(rng, 10, 17, HOUR), first + 2 * DAY + drawn(rng, 10, 17, HOUR)
    told = [*door_moves(life, comes), *door_moves(life, goes)]
    for night in range(3):
        begins = max(comes, first + night * DAY + drawn(rng, 8, 10, HOUR))
        ends = min(goes, first + night * DAY + drawn(rng, 23, 26, HOUR))
        if ends > begins + HOUR:
            told += list(_second_person(life, begins, ends, rng))
    return life.then(overlaid(life.readings, told), Incident(comes, goes, IncidentKind.NEW_YEAR, None))
