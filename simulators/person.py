"""A resident's day: where they are, and how much they stir there.

A day is a list of stays, each in one room with a typical pause between two movements. Times are the wall clock's, in minutes
after midnight; a night runs past 1440. The figures are a plausible person past 75 who lives alone (in bed from about 21:40 to
06:20, three meals, a bath in the evening, one or two visits to the toilet at night); they are not fitted to anybody.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, replace

OUT = "out"
"""The room of somebody who has left the home."""


@dataclass(frozen=True, slots=True)
class Person:
    """One resident's habits; minutes after midnight unless said otherwise."""

    wakes: float = 380
    wakes_spread: float = 18
    sleeps: float = 1300
    sleeps_spread: float = 25
    outings_a_week: float = 3.5
    outing_minutes: float = 75
    nap_share: float = 0.4
    """Part of the days with a nap after lunch."""
    bath_share: float = 0.8
    night_visits: float = 1.3
    toilet_every: float = 140
    bustle: float = 1.0
    """How much they stir: 2 moves twice as often as 1."""


@dataclass(frozen=True, slots=True)
class Stay:
    """From ``start`` to ``end`` in one room, with ``pause`` minutes between two movements on average."""

    start: float
    end: float
    room: str
    pause: float


def draw_person(rng: random.Random) -> Person:
    """A resident out of a neighbourhood of different ones."""
    return Person(
        wakes=rng.gauss(380, 40),
        wakes_spread=rng.uniform(8, 30),
        sleeps=rng.gauss(1300, 45),
        sleeps_spread=rng.uniform(10, 40),
        outings_a_week=max(0.0, rng.gauss(3.2, 1.8)),
        outing_minutes=rng.uniform(45, 130),
        nap_share=rng.uniform(0.0, 0.7),
        bath_share=rng.uniform(0.4, 0.95),
        night_visits=rng.uniform(0.5, 2.6),
        toilet_every=rng.uniform(100, 180),
        bustle=rng.uniform(0.7, 1.8),
    )


def declined(person: Person, much: float) -> Person:
    """The same person, ``much`` (0 to 1) of the way into a decline: later up, less out, slower, more often up at night."""
    return replace(
        person,
        wakes=person.wakes + 70 * much,
        wakes_spread=person.wakes_spread * (1 + much),
        sleeps=person.sleeps - 60 * much,
        outings_a_week=person.outings_a_week * (1 - 0.9 * much),
        nap_share=person.nap_share + (0.95 - person.nap_share) * much,
        bath_share=person.bath_share * (1 - 0.6 * much),
        night_visits=person.night_visits + 2.0 * much,
        bustle=person.bustle * (1 - 0.5 * much),
    )


class _Day:
    """A day in the making."""

    def __init__(self, person: Person, rng: random.Random, start: float) -> None:
        self.person, self.rng, self.now = person, rng, start
        self.stays: list[Stay] = []
        self.toilet_at = start + rng.uniform(60, 150)

    def stay(self, room: str, minutes: float, pause: float) -> None:
        """Spend ``minutes`` in a room."""
        end = self.now + max(0.5, minutes)
        self.stays.append(Stay(self.now, end, room, pause / (self.person.bustle if room != OUT else 1.0)))
        self.now = end

    def until(self, end: float, rooms: Sequence[tuple[str, float, float, float]]) -> None:
        """Fill the time to ``end`` with stays drawn from ``rooms``: (room, weight, minutes, pause); the toilet when needed."""
        rng = self.rng
        weights = [weight for _, weight, _, _ in rooms]
        while self.now < end - 1:
            if self.now >= self.toilet_at:
                self.stay("toilet", rng.uniform(3, 8), 1.2)
                self.toilet_at = self.now + rng.gauss(self.person.toilet_every, 25)
                continue
            room, _, minutes, pause = rng.choices(rooms, weights)[0]
            self.stay(room, min(rng.gammavariate(2.0, minutes / 2), end - self.now), pause)


_CHORES = [
    ("kitchen", 3.0, 14, 1.6),
    ("living", 3.0, 18, 3.0),
    ("washroom", 1.2, 8, 1.4),
    ("bedroom", 1.0, 8, 1.8),
    ("hall", 0.6, 3, 1.0),
]
_REST = [("living", 6.0, 45, 5.5), ("kitchen", 1.2, 8, 1.6), ("bedroom", 0.5, 12, 3.0)]
_EVENING = [("living", 7.0, 50, 6.5), ("kitchen", 1.0, 7, 1.6)]


def live_day(person: Person, rng: random.Random, weekday: int, rose: float) -> tuple[list[Stay], float]:
    """The stays from getting up at ``rose`` to going to bed; returns them and the minute of going to bed.

    ``weekday`` is 0 for Monday; Sundays have fewer errands.
    """
    day = _Day(person, rng, rose)
    day.stay("bedroom", rng.uniform(4, 12), 1.5)
    day.stay("toilet", rng.uniform(3, 8), 1.2)
    day.stay("washroom", rng.uniform(5, 12), 1.5)
    day.stay("kitchen", rng.uniform(25, 45), 1.8)
    errands = person.outings_a_week / 7 * (0.6 if weekday == 6 else 1.07)
    goes_out = rng.random() < errands
    leaves = rng.choice((rng.uniform(565, 660), rng.uniform(800, 900)))
    _part(day, 690, _CHORES, leaves if goes_out else None)
    day.stay("kitchen", rng.uniform(25, 45), 1.8)
    if rng.random() < person.nap_share:
        day.stay("bedroom", rng.uniform(25, 75), 22)
    _part(day, rng.gauss(1065, 20), _REST, leaves if goes_out else None)
    day.stay("kitchen", rng.uniform(35, 60), 1.7)
    bathes = rng.random() < person.bath_share
    day.until(rng.gauss(1170, 20), _EVENING)
    if bathes:
        day.stay("washroom", rng.uniform(4, 8), 1.5)
        day.stay("bath", rng.uniform(15, 30), 4.0)
        day.stay("washroom", rng.uniform(5, 12), 1.6)
    day.until(rng.gauss(person.sleeps, person.sleeps_spread), _EVENING)
    day.stay("washroom", rng.uniform(3, 7), 1.5)
    day.stay("toilet", rng.uniform(2, 5), 1.2)
    day.stay("bedroom", rng.uniform(5, 15), 2.5)
    return day.stays, day.now


def _part(day: _Day, end: float, rooms: Sequence[tuple[str, float, float, float]], leaves: float | None) -> None:
    """A part of the day, with the errand in it if its time falls there."""
    rng = day.rng
    if leaves is not None and day.now < leaves < end:
        day.until(leaves, rooms)
        day.stay("hall", rng.uniform(1, 3), 0.8)
        day.stay(OUT, rng.gammavariate(4.0, day.person.outing_minutes / 4), 1.0)
        day.stay("hall", rng.uniform(1, 2), 0.8)
    day.until(end, rooms)


def sleep_night(person: Person, rng: random.Random, start: float, end: float) -> list[Stay]:
    """The stays of a night from ``start`` to ``end``, with visits to the toilet."""
    visits = sum(rng.random() < person.night_visits / 4 for _ in range(4))
    times = sorted(rng.uniform(start + 40, end - 30) for _ in range(visits)) if end - start > 120 else []
    stays, now = [], start
    for at in times:
        if at < now + 20:
            continue
        stays.append(Stay(now, at, "bedroom", 70))
        back = at + rng.uniform(4, 9)
        stays.append(Stay(at, back - 1.5, "toilet", 1.2))
        stays.append(Stay(back - 1.5, back, "bedroom", 0.9))
        now = back
    if now < end:
        stays.append(Stay(now, end, "bedroom", 70))
    return stays
