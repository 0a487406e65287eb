"""Cutting into what a home told, and laying more over it."""

from __future__ import annotations

import random
from bisect import bisect_right
from collections.abc import Callable, Iterable, Sequence
from itertools import pairwise

from domain.clock import MINUTE, SECOND, Instant, Span
from domain.readings import SIGNS_OF_LIFE, DoorState, Quantity
from domain.recording import RecordedReading
from simulators.home import held_off, seen
from simulators.person import Stay
from simulators.simulated import Simulated, day_of

Happens = Callable[[Simulated, Instant, random.Random], Simulated | None]
"""Something happens in a home at or soon after an instant; None where nothing there lends itself to it."""


def is_life(reading: RecordedReading) -> bool:
    """True for what comes from somebody acting in the home."""
    return reading.quantity in SIGNS_OF_LIFE


def without_life(readings: Iterable[RecordedReading], start: Instant, end: Instant) -> list[RecordedReading]:
    """Everything but the signs of life strictly between two instants."""
    return [r for r in readings if not (start < r.at < end and r.quantity in SIGNS_OF_LIFE)]


def overlaid(readings: Iterable[RecordedReading], more: Iterable[RecordedReading]) -> list[RecordedReading]:
    """Both, sorted; a motion sensor in its hold-off does not tell twice."""
    return list(held_off(sorted([*readings, *more])))


def moving(life: Simulated, start: Instant, stays: Sequence[tuple[str, float, float]], rng: random.Random) -> (
    list[RecordedReading]
):  # fmt: skip
    """What the sensors tell of a way through ``stays`` (room, minutes, minutes between movements) from ``start`` on."""
    midnight = life.home.recorded.zone.midnight(day_of(life, start))
    at, told = 0.0, []
    for room, minutes, pause in stays:
        told.append(Stay(at, at + minutes, room, pause))
        at += minutes
    shifted = seen(life.home, day_of(life, start), told, rng)
    return [r._replace(at=r.at - midnight + start) for r in shifted]


def door_moves(life: Simulated, at: Instant, shut_after: Span = 8 * SECOND) -> list[RecordedReading]:
    """The front door is opened and closed."""
    door = life.exits()[0]
    return [
        RecordedReading(at, door, Quantity.DOOR, float(DoorState.OPEN)),
        RecordedReading(at + shut_after, door, Quantity.DOOR, float(DoorState.CLOSED)),
    ]


def indoor_life(life: Simulated, start: Instant, end: Instant, apart: Span = 10 * MINUTE) -> list[RecordedReading]:
    """Signs of life within the home in [start, end), none within ``apart`` of an outer door."""
    exits = set(life.exits())
    doors = [r.at for r in life.readings if r.device in exits and start - apart <= r.at <= end + apart]
    return [
        r for r in life.readings
        if start <= r.at < end and r.quantity in SIGNS_OF_LIFE and r.device not in exits
        and not any(abs(r.at - moved) < apart for moved in doors)
    ]  # fmt: skip


def is_at_home(life: Simulated, at: Instant) -> bool:
    """True when the last that was seen before ``at`` was somebody indoors, and not on the way out."""
    exits = set(life.exits())
    until = bisect_right(life.readings, at, key=lambda r: r.at)
    last: Instant | None = None
    for reading in reversed(life.readings[:until]):
        if last is not None and last - reading.at > 10 * MINUTE:
            return True
        if reading.quantity in SIGNS_OF_LIFE:
            if reading.device in exits:
                return False
            last = last or reading.at
    return False


def silences(life: Simulated, start: Instant, end: Instant) -> list[tuple[Instant, Instant]]:
    """The gaps between signs of life that begin in [start, end)."""
    times = [r.at for r in life.readings if r.quantity in SIGNS_OF_LIFE and r.at >= start]
    return [(a, b) for a, b in pairwise(times) if a < end]


def drawn(rng: random.Random, low: float, high: float, unit: Span) -> Span:
    """Between ``low`` and ``high`` units, in whole seconds."""
    return int(rng.uniform(low, high) * unit / SECOND) * SECOND
