"""One day and one night of a resident: where they are, and how much they stir there.

A day is a walk from room to room between the fixed points of an agenda. Between them, bouts on one's feet (stays of a few
minutes) take turns with sitting (long stays with a pause of minutes between two movements), which is what makes recorded
hours so uneven.
"""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from dataclasses import dataclass

from simulators.days import Day
from simulators.person import OUT, Person, Stay

Rooms = Sequence[tuple[str, float]]
"""(room, weight) of the rooms to go to."""
Spell = tuple[float, float]

_BOUT: Rooms = (("kitchen", 5.0), ("living", 4.0), ("hall", 1.6), ("bedroom", 2.2), ("washroom", 1.2))
_COOKING: Rooms = (("kitchen", 9.0), ("living", 2.0), ("hall", 0.7))
_DRESSING: Rooms = (("bedroom", 4.0), ("washroom", 4.0), ("kitchen", 2.0), ("hall", 1.0), ("living", 1.0))
_SEATS: Rooms = (("living", 8.0), ("kitchen", 1.0), ("bedroom", 1.0))
_LIVELY = (
    0.4, 0.4, 0.4, 0.4, 0.4, 0.5, 0.65, 0.95, 1.3, 1.45, 1.3, 1.15, 1.2, 1.15, 0.9, 0.85, 0.9, 1.05, 1.15, 0.95, 0.8, 0.75,
    0.8, 0.55,
)  # fmt: skip
"""By hour: bouts on one's feet against the day's mean. From the activity of recorded homes by hour."""


@dataclass(frozen=True, slots=True)
class Lived:
    """A day, up to going to bed."""

    stays: list[Stay]
    bed: float
    outings: list[Spell]
    """When they were out, for somebody who goes with them."""
    guests: list[Spell]
    """When somebody else was there."""
    rings: list[float]
    """When the front door was opened and nobody left."""


class _Walk:
    """A day in the making."""

    def __init__(self, person: Person, day: Day, rng: random.Random, start: float) -> None:
        self.person, self.day, self.rng, self.now = person, day, rng, start
        self.stays: list[Stay] = []
        self.toilet_at = start + rng.uniform(2, 25)
        self.feet = person.bustle * day.spirits
        self.dwell = person.dwell * rng.lognormvariate(0.0, 0.28 * person.unlike)
        self.drawn = {"kitchen": person.in_kitchen, "living": person.in_living, "bedroom": person.in_bedroom}

    def stay(self, room: str, minutes: float, pause: float) -> None:
        """Spend ``minutes`` in a room."""
        end = self.now + max(0.2, minutes)
        self.stays.append(Stay(self.now, end, room, pause))
        self.now = end

    def weighed(self, rooms: Rooms) -> tuple[list[str], list[float]]:
        """The rooms to go to, and how much this resident is drawn to each."""
        return [room for room, _ in rooms], [weight * self.drawn.get(room, 1.0) for room, weight in rooms]

    def bout(self, end: float, rooms: Rooms, pause: float = 1.4) -> None:
        """On one's feet until ``end``."""
        rng = self.rng
        names, weights = self.weighed(rooms)
        while self.now < end:
            if self.now >= self.toilet_at:
                self.toilet()
                continue
            room = rng.choices(names, weights)[0]
            self.stay(room, min(0.15 + rng.expovariate(1 / self.dwell), end - self.now + 0.3), pause)

    def toilet(self) -> None:
        """A visit to the toilet, and the hands."""
        rng = self.rng
        self.stay("toilet", rng.uniform(1.5, 6), 0.7)
        if rng.random() < 0.4:
            self.stay("washroom", rng.uniform(0.5, 2), 0.5)
        self.toilet_at = self.now + max(25.0, rng.gauss(self.person.toilet_every, 35))

    def sit(self, end: float, room: str) -> None:
        """Seated until ``end``, as still as one happens to sit; up for the toilet when needed."""
        pause = self.person.stillness * self.rng.lognormvariate(1.8, 0.9)
        while self.now < end:
            until = min(end, max(self.toilet_at, self.now + 0.5))
            self.stay(room, until - self.now, pause)
            if self.now < end:
                self.toilet()

    def until(self, end: float) -> None:
        """Take turns between bouts and seats."""
        rng = self.rng
        names, weights = self.weighed(_SEATS)
        while self.now < end - 0.5:
            lively = self.feet * _LIVELY[int(self.now // 60) % 24]
            self.bout(min(end, self.now + lively * rng.lognormvariate(1.9, 0.8)), _BOUT)
            if self.now < end - 0.5:
                lasts = rng.lognormvariate(3.0, 1.0) / max(0.4, lively) ** 0.5
                self.sit(min(end, self.now + min(lasts, 240)), rng.choices(names, weights)[0])

    def out(self, lasts: float) -> None:
        """Out of the front door and back."""
        rng = self.rng
        self.bout(self.now + rng.uniform(1, 5), (("hall", 3.0), ("bedroom", 1.0)))
        self.stay(OUT, lasts, 1.0)
        self.bout(self.now + rng.uniform(2, 9), (("hall", 2.0), ("kitchen", 3.0), ("living", 1.0)))

    def meal(self, prepare: float, eat: float) -> None:
        """Cook, eat, wash up."""
        rng = self.rng
        self.bout(self.now + prepare * rng.uniform(0.5, 1.5), _COOKING)
        self.sit(self.now + eat * rng.uniform(0.5, 1.5), "kitchen" if rng.random() < 0.5 else "living")
        self.bout(self.now + rng.uniform(2, 10), _COOKING)


def live_day(
    person: Person, day: Day, rng: random.Random, rose: float, outings: Sequence[Spell] | None = None
) -> Lived:
    """The day from getting up at ``rose`` to going to bed; ``outings`` are those of somebody whom they go with."""
    unlike = person.unlike
    went = _outings(person, day, rng) if outings is None else list(outings)
    agenda: list[tuple[float, int, float]] = [(start, 0, end - start) for start, end in went]
    agenda.append((rng.gauss(740, 12 + 25 * unlike), 1, 18))
    agenda.append((rng.gauss(1075, 12 + 25 * unlike), 1, 28))
    if rng.random() < person.nap_share + (0.3 if day.ill else 0):
        agenda.append((rng.gauss(815, 35), 2, rng.lognormvariate(3.6, 0.45)))
    if rng.random() < 0.3 * unlike:  # long and still in a chair, in the garden, on the telephone: nobody knows
        agenda.append((rng.uniform(540, 1200), 3, rng.uniform(75, 260)))
    walk = _Walk(person, day, rng, rose)
    walk.bout(rose + rng.uniform(6, 22), _DRESSING)
    if rng.random() < 1 - 0.1 * unlike:
        walk.meal(9, 14)
    bed = max(rose + 500, _odd(rng, person.sleeps, person.sleeps_spread, unlike) - (60 if day.ill else 0))
    bath = rng.gauss(bed - 110, 25) if rng.random() < person.bath_share * (0.3 if day.ill else 1) else None
    if bath is not None:
        agenda.append((bath, 4, rng.uniform(12, 28)))
    rings = [rng.uniform(500, 1180) for _ in range(_poisson(rng, person.calls * rng.lognormvariate(-0.15, 0.55)))]
    guests = _guests(person, day, rng)
    agenda += [
        (rng.uniform(rose + 60, 1140), 5, rng.expovariate(0.14))
        for _ in range(_poisson(rng, person.garden * (0.5 if day.wet else 1.2)))
    ]
    for at, what, lasts in sorted(agenda):
        if at > bed - 20 or walk.now > at + 240:
            continue
        walk.until(at)
        _do(walk, what, lasts)
    walk.until(bed)
    walk.bout(walk.now + rng.uniform(4, 15), (("washroom", 3.0), ("kitchen", 1.0), ("hall", 1.0), ("bedroom", 2.0)))
    walk.toilet()
    walk.stay("bedroom", rng.uniform(3, 20), 3.0)
    gone = [(stay.start, stay.end) for stay in walk.stays if stay.room == OUT and stay.end - stay.start > 25]
    return Lived(walk.stays, walk.now, gone, guests, rings)


def _do(walk: _Walk, what: int, lasts: float) -> None:
    """One point of the agenda."""
    rng = walk.rng
    if what == 0:
        walk.out(lasts)
    elif what == 1:
        if rng.random() < 1 - 0.12 * walk.person.unlike:
            walk.meal(lasts, 22)
    elif what == 2:
        walk.stay("bedroom" if rng.random() < 0.6 else "living", lasts, 28)
    elif what == 3:
        walk.stay("living", lasts, 60)
    elif what == 4:
        walk.stay("washroom", rng.uniform(3, 8), 0.8)
        walk.stay("bath", lasts, 4.0)
        walk.stay("washroom", rng.uniform(4, 12), 0.8)
    else:
        walk.stay("garden", min(90.0, lasts), 1.0)


def _outings(person: Person, day: Day, rng: random.Random) -> list[Spell]:
    """When they are out today: errands by weekday and weather, a day centre, now and then a long day or a night away."""
    if day.ill:
        return []
    if not day.festive and 1 <= day.weekday <= person.centre_days:
        leaves = rng.gauss(555, 12)
        return [(leaves, leaves + rng.gauss(425, 15))]
    often = person.outings_a_week / 7 * (0.8 if day.festive else 1.05) * (0.75 if day.wet else 1.1) * day.spirits**1.5
    found: list[Spell] = []
    for _ in range(_poisson(rng, often)):
        leaves = rng.gauss(660, 80) if rng.random() < 0.6 else rng.gauss(900, 90)
        kind = rng.random()
        if kind < 0.06 * person.unlike:
            lasts = rng.uniform(240, 540)
        elif kind < 0.3:
            lasts = rng.uniform(6, 30)
        else:
            lasts = rng.gammavariate(2.5, person.outing_minutes / 2.5)
        if all(leaves > end + 20 or leaves + lasts < start - 20 for start, end in found):
            found.append((leaves, leaves + lasts))
    if person.outings_a_week > 0 and rng.random() < 0.012 * person.unlike:  # with family over night: home the next day
        leaves = rng.uniform(600, 1000)
        found = [spell for spell in found if spell[1] < leaves - 30]
        found.append((leaves, rng.uniform(2030, 2500)))
    return found


def _guests(person: Person, day: Day, rng: random.Random) -> list[Spell]:
    found = []
    if not day.festive and day.weekday < person.helper_days:
        comes = rng.gauss(615, 8)
        found.append((comes, comes + rng.gauss(55, 6)))
    if rng.random() < person.visitors_a_week / 7 * (2.0 if day.festive else 0.85):
        comes = rng.uniform(600, 1000)
        found.append((comes, comes + rng.gammavariate(2.5, 40)))
    return found


def visit(rng: random.Random, start: float, end: float) -> list[Stay]:
    """Where a guest is from ``start`` to ``end``; the door is not in it."""
    stays, now = [Stay(start, start + 0.8, "hall", 0.5)], start + 0.8
    while now < end - 1:
        room = rng.choices(("living", "kitchen", "toilet", "washroom", "hall"), (6, 3, 0.6, 0.4, 0.6))[0]
        until = min(end - 0.8, now + 0.5 + rng.expovariate(1 / (25 if room == "living" else 6)))
        stays.append(Stay(now, until, room, 2.0))
        now = until
    stays.append(Stay(now, end, "hall", 0.5))
    return stays


def rise(person: Person, day: Day, rng: random.Random) -> float:
    """When they get up."""
    return max(200.0, _odd(rng, person.wakes, person.wakes_spread, person.unlike) + (50 if day.ill else 0))


def sleep_night(person: Person, rng: random.Random, start: float, end: float) -> list[Stay]:
    """The stays of a night from ``start`` to ``end``: visits to the toilet, and at times a walk through the home."""
    if end - start < 120:
        return [Stay(start, end, "bedroom", 60)] if end > start else []
    visits = [(rng.uniform(start + 40, end - 20), True) for _ in range(_poisson(rng, person.night_visits))]
    visits += [(rng.uniform(start + 30, end - 30), False) for _ in range(_poisson(rng, person.restless))]
    stays, now, tossing = [], start, rng.lognormvariate(4.0, 0.5)
    for at, toilet in sorted(visits):
        if at < now + 8:
            continue
        stays.append(Stay(now, at, "bedroom", tossing))
        now = at
        if toilet:
            path = [("bedroom", rng.uniform(0.3, 1.5)), ("toilet", rng.uniform(2, 7)), ("bedroom", rng.uniform(0.5, 4))]
        else:
            rooms = rng.choices(
                ("kitchen", "living", "hall", "bedroom", "washroom"), (4, 4, 2, 3, 1), k=rng.randint(3, 14)
            )
            path = [(room, 0.4 + rng.expovariate(0.4)) for room in rooms]
        for room, minutes in path:
            stays.append(Stay(now, now + minutes, room, 0.7))
            now += minutes
    if now < end:
        stays.append(Stay(now, end, "bedroom", tossing))
    return stays


def _odd(rng: random.Random, mean: float, spread: float, unlike: float) -> float:
    """Gaussian, and on one day in eight or so far off."""
    if rng.random() < 0.12 * unlike:
        return mean + rng.choice((-1, 1.3)) * rng.expovariate(1 / 70)
    return rng.gauss(mean, spread)


def _poisson(rng: random.Random, mean: float) -> int:
    """Knuth's way; the means here are small."""
    limit, product, count = math.exp(-mean), rng.random(), 0
    while product > limit:
        product *= rng.random()
        count += 1
    return count
