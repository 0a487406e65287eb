"""What sort of day it is: weekday, holiday, weather, and how the resident is."""

from __future__ import annotations

import datetime as dt
import random
from dataclasses import dataclass
from functools import lru_cache

import jpholiday

from simulators.person import Person

_EPOCH = dt.date(1970, 1, 1)
_KNOT = 9
"""Days from one turn of a resident's spirits to the next."""


@dataclass(frozen=True, slots=True)
class Day:
    """One day of one resident."""

    number: int
    """Days since 1970-01-01."""
    weekday: int
    """0 for Monday."""
    festive: bool
    """A Sunday, a 祝日, or 年末年始: no services, fewer errands, more guests."""
    wet: bool
    """It rains: fewer go out."""
    spirits: float
    """How much they do, against their usual: about 1."""
    ill: bool


def day_of(person: Person, seed: str, zone: str, number: int) -> Day:
    """Day ``number`` in the life of a resident; depends on nothing but the four."""
    date = _EPOCH + dt.timedelta(days=number)
    wet = _chance(f"{zone}/rain/{number}") < 0.3
    # Spirits turn slowly, so that a good week is a good week, and differ from day to day.
    part = number % _KNOT / _KNOT
    slow = (
        _gauss(f"{seed}/spirits/{number // _KNOT}") * (1 - part)
        + _gauss(f"{seed}/spirits/{number // _KNOT + 1}") * part
    )
    quick = _gauss(f"{seed}/mood/{number}")
    spirits = max(0.35, 1 + person.unlike * (0.12 * slow + 0.2 * quick))
    spell = number // 30
    ill = _chance(f"{seed}/illness/{spell}") < 0.12 * person.unlike
    if ill:
        first = int(_chance(f"{seed}/falls ill/{spell}") * 25)
        ill = 0 <= number % 30 - first < 2 + int(_chance(f"{seed}/for/{spell}") * 4)
    return Day(number, (number + 3) % 7, is_festive(date, zone), wet, spirits * (0.5 if ill else 1.0), ill)


@lru_cache(maxsize=4096)
def is_festive(date: dt.date, zone: str) -> bool:
    """True on Sundays and around the New Year, and in Japan on a 祝日."""
    if date.weekday() == 6 or (date.month, date.day) >= (12, 30) or (date.month, date.day) <= (1, 3):
        return True
    return zone == "Asia/Tokyo" and bool(jpholiday.is_holiday(date))


def _chance(name: str) -> float:
    return random.Random(name).random()  # noqa: S311 (a simulation)


@lru_cache(maxsize=65_536)
def _gauss(name: str) -> float:
    return random.Random(name).gauss(0, 1)  # noqa: S311 (a simulation)
