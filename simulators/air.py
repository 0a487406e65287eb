"""The weather, the air in the rooms, and batteries: functions of time and of one home's own chance."""

from __future__ import annotations

import math
import random
from collections.abc import Iterator, Mapping
from functools import lru_cache

from domain.clock import DAY, HOUR, MINUTE, Instant
from domain.ids import DeviceId
from domain.localtime import LocalTime
from domain.readings import Quantity
from domain.recording import RecordedReading

TOKYO = (5.4, 6.1, 9.4, 14.3, 18.8, 21.9, 25.7, 26.9, 23.3, 18.0, 12.5, 7.7)
"""Mean temperature of each month in Tokyo, degrees Celsius: normals 1991-2020 of the Japan Meteorological Agency."""
_MONTH = 365.2425 * DAY / 12
TEMPERATURE_EVERY = 20 * MINUTE


def outdoors(local: LocalTime, at: Instant) -> float:
    """The temperature outside: the season's mean, colder before dawn, warmer after noon; the swing of 7 degrees is assumed.

    The southern hemisphere and other climates are not modelled: every zone has Tokyo's year.
    """
    wall = local.wall(at)
    months = wall / _MONTH - 0.5
    month, part = int(months // 1), months % 1
    mean = TOKYO[month % 12] * (1 - part) + TOKYO[(month + 1) % 12] * part
    return mean - 3.5 * math.cos(2 * math.pi * (wall / DAY - 0.08 - 1 / 6))


@lru_cache(maxsize=4096)
def _odd(seed: str, day: int) -> float:
    """How far a day is from its season's mean, in degrees; assumed."""
    return random.Random(f"{seed}/weather/{day}").gauss(0, 1.6)  # noqa: S311 (a simulation)


def climate(
    seed: str, local: LocalTime, rooms: Mapping[DeviceId, float], start: Instant, end: Instant
) -> Iterator[RecordedReading]:
    """Temperature every 20 minutes and humidity every hour in ``rooms``: thermometer -> how closely heating follows.

    A heater keeps 19.5 degrees or more, a cooler 28 or less; between them a room goes with the weather (assumed).
    """
    rng = random.Random(f"{seed}/air")  # noqa: S311 (a simulation)
    warm, cool = rng.uniform(19.2, 22.0), rng.uniform(25.5, 27.8)
    for number, (device, swing) in enumerate(sorted(rooms.items())):
        lag = (start // MINUTE + 7 * number) % 20
        first = start + (20 - lag) % 20 * MINUTE
        offset = rng.uniform(-0.6, 0.6)
        for at in range(first, end, TEMPERATURE_EVERY):
            wall = local.wall(at)
            day, part = divmod(wall, DAY)
            odd = _odd(seed, day) * (1 - part / DAY) + _odd(seed, day + 1) * part / DAY
            outside = outdoors(local, at) + odd
            free = 0.8 * outside + 6.0 + offset
            held = min(cool, max(warm, free))
            degrees = held + 0.12 * (free - held) * swing + 0.3 * math.sin(wall / HOUR * 0.9 + offset * 9)
            yield RecordedReading(at, device, Quantity.TEMPERATURE, round(max(18.4, degrees), 1))
            if at // TEMPERATURE_EVERY % 3 == number % 3:
                percent = (
                    48 + 0.75 * (outside - 12) - 1.5 * (degrees - 23) + 3 * math.sin(wall / HOUR * 0.4 + offset * 5)
                )
                yield RecordedReading(at, device, Quantity.HUMIDITY, float(round(min(85.0, max(25.0, percent)))))


def batteries(seed: str, devices: list[DeviceId], start: Instant, end: Instant) -> Iterator[RecordedReading]:
    """Each device tells its battery once a day; it falls by one percent in a fortnight or slower, and is not yet low."""
    for device in devices:
        rng = random.Random(f"{seed}/battery/{device}")  # noqa: S311 (a simulation)
        since, full, a_day, of_day = (
            start // DAY,
            rng.uniform(62, 100),
            rng.uniform(0.02, 0.07),
            rng.randrange(DAY // MINUTE),
        )
        for at in range(start // DAY * DAY + of_day * MINUTE, end, DAY):
            if at >= start:
                yield RecordedReading(
                    at, device, Quantity.BATTERY, float(round(max(35.0, full - a_day * (at // DAY - since))))
                )
