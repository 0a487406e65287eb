"""A resident's habits, and how they are drawn from a profile.

Times are the wall clock's, in minutes after midnight; a night runs past 1440. Where a figure has a published source, it stands
in docs/simulation.md; everything else there is marked as assumed.
"""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace

OUT = "out"
"""The room of somebody who has left the home."""

Ranges = Mapping[str, tuple[float, float]]
"""Habit -> the least and the most of it among the residents of a profile."""


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
    """Part of the evenings with a bath."""
    night_visits: float = 1.3
    """To the toilet, a night."""
    restless: float = 0.1
    """Times a night that they get up and walk about."""
    toilet_every: float = 140
    bustle: float = 1.0
    """How much of the day they are on their feet: 2 is twice as much as 1."""
    dwell: float = 1.0
    """Minutes in a room, on the way between things to do."""
    in_kitchen: float = 1.0
    """How drawn they are to the kitchen, against the usual."""
    in_living: float = 1.0
    in_bedroom: float = 1.0
    stillness: float = 1.0
    """How still they sit: the minutes between two movements, against the usual."""
    unlike: float = 0.5
    """How much one day differs from another: 0 a clockwork, 1 as recorded lives do, 2 more so."""
    calls: float = 2.0
    """Times a day that the front door is opened and nobody leaves."""
    garden: float = 0.0
    """Times a day that they step out by the back door."""
    visitors_a_week: float = 0.7
    helper_days: int = 0
    """Weekdays on which a helper comes for an hour, from Monday on."""
    centre_days: int = 0
    """Weekdays on which they go to a day centre, from Tuesday on."""


@dataclass(frozen=True, slots=True)
class Stay:
    """From ``start`` to ``end`` in one room, with ``pause`` minutes between two movements on average."""

    start: float
    end: float
    room: str
    pause: float


ORDINARY: Ranges = {
    "wakes": (310, 450), "wakes_spread": (10, 30), "sleeps": (1230, 1390), "sleeps_spread": (12, 40),
    "outings_a_week": (1.0, 7.0),
    "outing_minutes": (45, 130), "nap_share": (0.0, 0.7), "bath_share": (0.4, 0.95), "night_visits": (0.5, 2.6),
    "restless": (0.0, 0.15), "toilet_every": (100, 180), "bustle": (0.7, 1.5), "stillness": (0.5, 1.0), "unlike": (0.05, 0.35),
    "calls": (0.5, 3.0), "visitors_a_week": (0.0, 1.5), "helper_days": (0, 2), "centre_days": (0, 1),
}  # fmt: skip
_WHOLE = {"helper_days", "centre_days"}


def draw_person(rng: random.Random, ranges: Ranges = ORDINARY) -> Person:
    """A resident out of a neighbourhood of different ones; a habit without a range is as in ``Person``."""
    drawn: dict[str, float] = {}
    for field in fields(Person):
        low, high = ranges.get(field.name, (0.0, 0.0))
        part = rng.random()  # for each habit, so that one more range changes no other
        if field.name in _WHOLE:
            drawn[field.name] = int(low + part * (high - low + 1 - 1e-9))
        elif field.name in ranges:
            drawn[field.name] = low + part * (high - low)
    return replace(Person(), **drawn)  # type: ignore[arg-type]  # whole numbers where they are asked for


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
        restless=person.restless + 0.5 * much,
        bustle=person.bustle * (1 - 0.65 * much),
        stillness=person.stillness * (1 + 0.6 * much),
    )
