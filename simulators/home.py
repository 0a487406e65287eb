"""Lives in a dwelling -> what its devices tell."""

from __future__ import annotations

import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import time, timedelta
from functools import cache

from domain.clock import DAY, HOUR, MINUTE, SECOND, Instant, Span
from domain.ids import DeviceId, HomeId
from domain.localtime import LocalTime
from domain.readings import Device, DoorState, Quantity, RoomType
from domain.recording import RecordedHome, RecordedReading
from simulators.air import batteries, climate
from simulators.days import Day, day_of
from simulators.dwelling import Dwelling, ways
from simulators.living import live_day, rise, sleep_night, visit
from simulators.person import OUT, Person, Stay

HOLD_OFF = 61 * SECOND
"""A battery motion sensor tells nothing for this long after it has told: recorded ones never do within 60 seconds."""
_HOLD = HOLD_OFF / SECOND
_CHECK_IN = 50 * MINUTE
_ROOMS = {
    "living": "居間", "kitchen": "台所", "bedroom": "寝室", "toilet": "トイレ", "washroom": "洗面所", "hall": "廊下",
    "front-door": "玄関", "back-door": "勝手口", "fridge-door": "台所",
}  # fmt: skip
_TYPES = {
    "living": RoomType.LIVING, "lounge": RoomType.LIVING, "kitchen": RoomType.KITCHEN, "fridge-door": RoomType.KITCHEN,
    "bedroom": RoomType.BEDROOM, "toilet": RoomType.TOILET, "washroom": RoomType.WASHROOM, "bathroom": RoomType.BATHROOM,
    "hall": RoomType.HALL, "hallway": RoomType.HALL, "front-door": RoomType.ENTRANCE, "back-door": RoomType.ENTRANCE,
}  # fmt: skip
_MODELS = {Quantity.MOTION: "sim-motion", Quantity.DOOR: "sim-contact", Quantity.TEMPERATURE: "sim-climate"}
_OUTSIDE = (OUT, "garden")


@dataclass(frozen=True, slots=True)
class SimulatedHome:
    """One dwelling and who lives in it."""

    recorded: RecordedHome
    person: Person
    seed: str
    dwelling: Dwelling = field(default_factory=Dwelling)
    companion: Person | None = None
    """The other one of a couple."""
    cat: float = 0.0
    """Times a day that a cat is seen."""


def build_home(
    home: str, zone: str, person: Person, seed: str, *, japanese_rooms: bool = False, dwelling: Dwelling | None = None,
    companion: Person | None = None, cat: float = 0.0, thermometers: Sequence[str] = ("living", "bedroom"),
    check_ins: bool = True,
) -> SimulatedHome:  # fmt: skip
    """A home with its devices: motion sensors, contacts at the doors, thermometers; all with a battery."""
    dwelling = dwelling or Dwelling()

    def room(name: str) -> str:
        return _ROOMS[name] if japanese_rooms else "kitchen" if name == "fridge-door" else name.replace("-", " ")

    def device(name: str, place: str, kind: Quantity, check_in: Span) -> Device:
        return Device(
            DeviceId(name), kind, room(place), exit=kind is Quantity.DOOR and name != "fridge-door",
            check_in=check_in if check_ins else None, room_type=_TYPES[place], model=_MODELS[kind],
        )  # fmt: skip

    doors = [
        "front-door",
        *(["back-door"] if dwelling.plan == "house" else []),
        *(["fridge-door"] if dwelling.fridge else []),
    ]
    devices = [device(name, name, Quantity.MOTION, _CHECK_IN) for name in dwelling.motion]
    devices += [device(name, name, Quantity.DOOR, _CHECK_IN) for name in doors]
    devices += [device(f"{name}-climate", name, Quantity.TEMPERATURE, 20 * MINUTE) for name in thermometers]
    channels: dict[str, tuple[DeviceId, Quantity]] = {}
    if check_ins:
        channels = {f"{device.id}-battery": (device.id, Quantity.BATTERY) for device in devices}
    channels |= {f"{name}-humidity": (DeviceId(f"{name}-climate"), Quantity.HUMIDITY) for name in thermometers}
    recorded = RecordedHome(
        HomeId(home), LocalTime(zone), {str(device.id): device for device in devices}, channels=channels
    )
    return SimulatedHome(recorded, person, seed, dwelling, companion, cat)


def live(home: SimulatedHome, first_day: int, days: int) -> list[RecordedReading]:
    """What the sensors tell in ``days`` local days from day number ``first_day`` on, in the order of their times.

    Each day draws from generators of its own: a longer run begins with the very readings of a shorter one.
    """
    local, devices = home.recorded.zone, home.recorded.devices.values()
    start, end = local.midnight(first_day), local.midnight(first_day + days)
    rooms = {device.id: 1.0 for device in devices if device.kind is Quantity.TEMPERATURE}
    readings = list(climate(home.seed, local, rooms, start, end))
    if home.recorded.channels:
        readings += batteries(home.seed, [device.id for device in devices], start, end)
    told: list[RecordedReading] = []
    bed = other_bed = None
    for number in range(first_day - 1, first_day + days):
        bed, other_bed = _live_a_day(home, number, bed, other_bed, told)
    told.sort()
    readings += (reading for reading in held_off(told) if start <= reading.at < end)
    readings.sort()
    return readings


def _live_a_day(
    home: SimulatedHome, number: int, bed: float | None, other_bed: float | None, told: list[RecordedReading]
) -> tuple[float, float]:
    """Live one day and the night before it; returns when each went to bed, in the next day's minutes."""
    rng = random.Random(f"{home.seed}/{number}")  # noqa: S311 (a simulation)
    day = day_of(home.person, home.seed, home.recorded.zone.name, number)
    rose = rise(home.person, day, rng)
    rose = rose if bed is None else max(rose, bed)
    night = [] if bed is None else sleep_night(home.person, rng, bed, rose)
    lived = live_day(home.person, day, rng, rose)
    told += seen(home, number, [*night, *lived.stays], rng)
    wall = _Wall(home.recorded.zone, number)
    for at in lived.rings:
        told += _front_door(home, wall.instant(at), rng)
    for comes, goes in lived.guests:
        told += _front_door(home, wall.instant(comes), rng)
        told += seen(home, number, visit(rng, comes, goes), rng)
        told += _front_door(home, wall.instant(goes), rng)
    if home.cat:
        told += _cat(home, wall.instant(0), rng)
    if home.companion is not None:
        other_bed = _companion(home, home.companion, day, other_bed, lived.outings, told)
    return lived.bed - 1440, (other_bed or 0.0)


def _companion(
    home: SimulatedHome, person: Person, day: Day, bed: float | None, outings: list[tuple[float, float]],
    told: list[RecordedReading],
) -> float:  # fmt: skip
    """The other one's day and night: mostly they go out together."""
    rng = random.Random(f"{home.seed}/{day.number}/companion")  # noqa: S311 (a simulation)
    rose = rise(person, day, rng)
    rose = rose if bed is None else max(rose, bed)
    night = [] if bed is None else sleep_night(person, rng, bed, rose)
    together = [spell for spell in outings if rng.random() < 0.85]
    lived = live_day(person, day, rng, rose, together)
    told += seen(home, day.number, [*night, *lived.stays], rng)
    return lived.bed - 1440


def seen(home: SimulatedHome, day: int, stays: Iterable[Stay], rng: random.Random) -> list[RecordedReading]:
    """Stays of one person -> motion and door readings; a sensor that holds off for another's sake is the caller's."""
    wall, dwelling, paths = _Wall(home.recorded.zone, day), home.dwelling, ways_of(home.dwelling.plan)
    sensors, sight = dwelling.sensors, dwelling.sight
    told: dict[str, float] = {}
    found: list[RecordedReading] = []
    draw, exponential = rng.random, rng.expovariate
    before = ""
    for stay in stays:
        room, start, end = stay.room, stay.start * 60.0, stay.end * 60.0
        if before and before != room:
            if (before in _OUTSIDE) != (room in _OUTSIDE):
                found += _door(home, room if room in _OUTSIDE else before, wall.second(start), rng)
            for passed in paths.get((before, room), ()):
                sensor = sensors.get(passed)
                if sensor is not None and draw() < dwelling.passing and start - told.get(sensor, -1e9) >= _HOLD:
                    told[sensor] = start
                    found.append(RecordedReading(wall.second(start), DeviceId(sensor), Quantity.MOTION, 1.0))
        before = room
        if room == "kitchen" and draw() < dwelling.fridge:
            found += _burst(home, "fridge-door", wall.second(start + draw() * (end - start)), rng, 0.6, 8.0)
        sensor = sensors.get(room)
        if sensor is None:
            continue
        good = sight.get(sensor, 0.9)
        if room == "bedroom" and stay.pause > 20:
            good *= dwelling.bedside
        rate = good / (stay.pause * 60.0)
        at = start + 2 + 6 * draw() if stay.pause < 20 and draw() < good else start + exponential(rate)
        last = told.get(sensor)
        if last is not None and at < last + _HOLD:
            at = last + _HOLD + exponential(rate)
        device = DeviceId(sensor)
        while at < end:
            found.append(RecordedReading(wall.second(at), device, Quantity.MOTION, 1.0))
            told[sensor] = at
            at += _HOLD + exponential(rate)
    return found


ways_of = cache(ways)


def held_off(told: Iterable[RecordedReading]) -> Iterable[RecordedReading]:
    """Without the motion that a sensor in its hold-off does not tell: several people move before one sensor."""
    last: dict[DeviceId, Instant] = {}
    for reading in told:
        if reading.quantity is Quantity.MOTION:
            if reading.at - last.get(reading.device, -DAY) < HOLD_OFF - SECOND:
                continue
            last[reading.device] = reading.at
        yield reading


def _door(home: SimulatedHome, beyond: str, at: Instant, rng: random.Random) -> list[RecordedReading]:
    """Somebody goes through the door to ``beyond``."""
    if beyond == OUT:
        return _front_door(home, at, rng)
    return _burst(home, "back-door", at, rng, home.dwelling.again, 6.0) if home.dwelling.plan == "house" else []


def _front_door(home: SimulatedHome, at: Instant, rng: random.Random) -> list[RecordedReading]:
    return _burst(home, "front-door", at, rng, home.dwelling.again, 9.0)


def _burst(
    home: SimulatedHome, door: str, at: Instant, rng: random.Random, again: float, apart: float
) -> list[RecordedReading]:
    """A door opens and shuts, and may do so again within seconds."""
    found: list[RecordedReading] = []
    device = DeviceId(door)
    while True:
        shut = at + rng.randint(3, 15) * SECOND
        if rng.random() >= home.dwelling.door_missed:
            if home.dwelling.moved_only:
                found.append(RecordedReading(at, device, Quantity.DOOR, float(DoorState.MOVED)))
            else:
                found.append(RecordedReading(at, device, Quantity.DOOR, float(DoorState.OPEN)))
                found.append(RecordedReading(shut, device, Quantity.DOOR, float(DoorState.CLOSED)))
        if rng.random() >= again:
            return found
        after = at if home.dwelling.moved_only else shut
        at = after + int(1 + rng.expovariate(1 / apart)) * SECOND


def _cat(home: SimulatedHome, midnight: Instant, rng: random.Random) -> list[RecordedReading]:
    found, at = [], midnight
    sensors = home.dwelling.motion
    while (at := at + int(rng.expovariate(home.cat) * 86_400) * SECOND) < midnight + DAY:
        found += [
            RecordedReading(at + rng.randint(0, 30) * SECOND, DeviceId(sensor), Quantity.MOTION, 1.0)
            for sensor in sensors if rng.random() < 0.35
        ]  # fmt: skip
    return found


class _Wall:
    """Seconds after a day's midnight by the wall clock -> instants; fast on the days without a change."""

    def __init__(self, local: LocalTime, day: int) -> None:
        self._local, self._day = local, day
        self._start = local.midnight(day)
        self._steady = local.midnight(day + 2) - self._start == 2 * DAY == self._start - local.midnight(day - 2)

    def instant(self, minutes: float) -> Instant:
        """The instant of a minute of the day, to the second."""
        return self.second(minutes * 60)

    def second(self, seconds: float) -> Instant:
        """The instant of a second of the day."""
        whole = int(seconds)
        if self._steady:
            return self._start + whole * SECOND
        days, rest = divmod(whole, 86_400)
        date = self._local.date(self._start + 12 * HOUR) + timedelta(days=days)
        return self._local.at(date, time(rest // 3600, rest // 60 % 60, rest % 60))
