"""A dwelling: rooms, the way between them, and the sensors that see somebody stir there."""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import time, timedelta

from domain.clock import DAY, HOUR, MINUTE, SECOND, Instant
from domain.ids import DeviceId, HomeId
from domain.localtime import LocalTime
from domain.readings import Device, DoorState, Quantity
from domain.recording import RecordedHome, RecordedReading
from simulators.air import batteries, climate
from simulators.person import OUT, Person, Stay, live_day, sleep_night

HOLD_OFF = 60 * SECOND
"""A battery motion sensor tells nothing for this long after it has told."""
_CHECK_IN = 50 * MINUTE
_MOTION = ("living", "kitchen", "bedroom", "toilet", "washroom", "hall")
_SEEN_BY = {"bath": "washroom"}
"""A room without a sensor of its own -> the sensor that sees somebody pass."""
_ROOMS = {
    "living": "居間", "kitchen": "台所", "bedroom": "寝室", "toilet": "トイレ", "washroom": "洗面所", "hall": "廊下",
    "front-door": "玄関",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class SimulatedHome:
    """One dwelling and who lives in it."""

    recorded: RecordedHome
    person: Person
    seed: str


def build_home(home: str, zone: str, person: Person, seed: str, *, japanese_rooms: bool = False) -> SimulatedHome:
    """A flat with six motion sensors, a contact at the front door, and a thermometer in living room and bedroom."""

    def room(name: str) -> str:
        return _ROOMS[name] if japanese_rooms else name.replace("-", " ")

    devices = [Device(DeviceId(name), Quantity.MOTION, room(name), check_in=_CHECK_IN) for name in _MOTION]
    devices.append(Device(DeviceId("front-door"), Quantity.DOOR, room("front-door"), exit=True, check_in=_CHECK_IN))
    devices += [
        Device(DeviceId(f"{name}-climate"), Quantity.TEMPERATURE, room(name), check_in=20 * MINUTE)
        for name in ("living", "bedroom")
    ]
    channels = {f"{device.id}-battery": (device.id, Quantity.BATTERY) for device in devices}
    channels |= {f"{name}-humidity": (DeviceId(f"{name}-climate"), Quantity.HUMIDITY) for name in ("living", "bedroom")}
    recorded = RecordedHome(
        HomeId(home), LocalTime(zone), {str(device.id): device for device in devices}, channels=channels
    )
    return SimulatedHome(recorded, person, seed)


def live(home: SimulatedHome, first_day: int, days: int) -> list[RecordedReading]:
    """What the sensors tell in ``days`` local days from day number ``first_day`` on, in the order of their times.

    Each day draws from a generator of its own: a longer run begins with the very readings of a shorter one.
    """
    local = home.recorded.zone
    start, end = local.midnight(first_day), local.midnight(first_day + days)
    rooms = {device.id: 1.0 for device in home.recorded.devices.values() if device.kind is Quantity.TEMPERATURE}
    readings = list(climate(home.seed, local, rooms, start, end))
    readings += batteries(home.seed, [device.id for device in home.recorded.devices.values()], start, end)
    bed: float | None = None
    for number in range(first_day - 1, first_day + days):
        rng = random.Random(f"{home.seed}/{number}")  # noqa: S311 (a simulation)
        rose = rng.gauss(home.person.wakes, home.person.wakes_spread)
        stays = [] if bed is None else sleep_night(home.person, rng, bed, rose)
        lived, to_bed = live_day(home.person, rng, (number + 3) % 7, rose)
        told = seen(home, number, [*stays, *lived], rng)
        readings += (reading for reading in told if start <= reading.at < end)
        bed = to_bed - 1440
    readings.sort(key=lambda reading: (reading.at, reading.device, reading.quantity))
    return readings


def seen(home: SimulatedHome, day: int, stays: Iterable[Stay], rng: random.Random) -> Iterator[RecordedReading]:
    """Stays -> motion and door readings."""
    wall = _Wall(home.recorded.zone, day)
    told: dict[str, Instant] = {}

    def motion(room: str, at: Instant) -> Iterator[RecordedReading]:
        if at - told.get(room, at - DAY) >= HOLD_OFF:
            told[room] = at
            yield RecordedReading(at, DeviceId(room), Quantity.MOTION, 1.0)

    before = ""
    for stay in stays:
        start, end = wall.instant(stay.start), wall.instant(stay.end)
        if before and OUT in (before, stay.room) and before != stay.room:
            yield from _door(start, rng)
        if stay.room != OUT:
            room = _SEEN_BY.get(stay.room, stay.room)
            if before and before != stay.room and room not in ("hall", "kitchen") and rng.random() < 0.5:
                yield from motion("hall", start)
            at = start + rng.randint(2, 12) * SECOND
            while at < end:
                yield from motion(room, at)
                at += int(rng.expovariate(1 / stay.pause) * 60) * SECOND + SECOND
        before = stay.room


def _door(at: Instant, rng: random.Random) -> Iterator[RecordedReading]:
    yield RecordedReading(at, DeviceId("front-door"), Quantity.DOOR, float(DoorState.OPEN))
    shut = at + rng.randint(4, 15) * SECOND
    yield RecordedReading(shut, DeviceId("front-door"), Quantity.DOOR, float(DoorState.CLOSED))


class _Wall:
    """Minutes after a day's midnight by the wall clock -> instants; fast on the days without a change."""

    def __init__(self, local: LocalTime, day: int) -> None:
        self._local, self._day = local, day
        self._start = local.midnight(day)
        self._steady = local.midnight(day + 2) - self._start == 2 * DAY == self._start - local.midnight(day - 2)

    def instant(self, minutes: float) -> Instant:
        """The instant, to the second."""
        seconds = int(minutes * 60)
        if self._steady:
            return self._start + seconds * SECOND
        days, rest = divmod(seconds, 86_400)
        date = self._local.date(self._start + 12 * HOUR) + timedelta(days=days)
        return self._local.at(date, time(rest // 3600, rest // 60 % 60, rest % 60))
