"""Who lives in a simulated installation: tenants whose habits the watch knows already, and what befalls them day by day."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import cache

from alerts.book import MemoryBook, WatchedHome
from alerts.watch import Watch
from domain.clock import DAY, Instant
from domain.ids import GatewayId, HomeId
from domain.localtime import LocalTime
from domain.readings import Device
from domain.recording import RecordedReading
from domain.stage import ListFeed, drive
from simulators.home import SimulatedHome, live
from simulators.incidents import INCIDENTS
from simulators.installation.world import World
from simulators.player import arrivals, with_check_ins
from simulators.profiles import DEFAULT, draw_home, profile
from simulators.simulate import first_day_of
from simulators.simulated import Incident, IncidentKind, Simulated

ZONE = "Asia/Tokyo"
FIRST_DAY = first_day_of(2026, 4, 20)
WARM = 10
"""Days that the watch has known a tenant for."""
_MANY = 8
"""Tenants of whom an installation of a few homes has some."""
_BEFALLS = (
    IncidentKind.COLLAPSE, IncidentKind.COLLAPSE_MOVING, IncidentKind.NOT_RISING, IncidentKind.BATHROOM_LONG,
    IncidentKind.NIGHT_WANDERING, IncidentKind.DOOR_LEFT_OPEN, IncidentKind.DOOR_AT_NIGHT, IncidentKind.SENSOR_DEAD,
    IncidentKind.SENSOR_CHATTERING, IncidentKind.VISITOR, IncidentKind.NAP,
)  # fmt: skip


def begins() -> Instant:
    """The midnight with which every simulation of an installation begins."""
    return LocalTime(ZONE).midnight(FIRST_DAY)


@dataclass(slots=True)
class Tenant:
    """One home, its gateway, and a life that is lived as the days come."""

    world: World
    number: int
    lived: SimulatedHome
    chance: float = 0.4
    """That something befalls them on a day."""
    days: int = 1
    incidents: list[Incident] = field(default_factory=list)
    _today: int = -1
    _readings: list[RecordedReading] = field(default_factory=list)

    @property
    def home(self) -> HomeId:
        """The home."""
        return self.lived.recorded.home

    @property
    def gateway(self) -> GatewayId:
        """Its gateway."""
        return GatewayId(f"gw-{self.home}")

    @property
    def devices(self) -> tuple[Device, ...]:
        """What hangs there."""
        return tuple(self.lived.recorded.devices.values())

    def told_after(self, now: Instant) -> Iterator[RecordedReading]:
        """What the sensors tell after ``now``; asked for by whoever hears them from then on."""
        day = self.lived.recorded.zone.day(now)
        while day < FIRST_DAY + self.days:
            yield from (reading for reading in self._of(day) if reading.at >= now)
            day += 1

    def _of(self, day: int) -> list[RecordedReading]:
        if day != self._today:
            local = self.lived.recorded.zone
            life = Simulated(self.lived, live(self.lived, day, 1))
            draw = self.world.generator(f"{self.home}/{day}")
            if draw.random() < self.chance:
                sort = INCIDENTS[draw.choice(_BEFALLS)]
                happened = sort.happens(life, local.midnight(day) + int(draw.uniform(0, 0.9) * DAY), draw)
                life = life if happened is None else happened
            self.incidents = [*self.incidents[-10:], *life.incidents]
            self._readings, self._today = with_check_ins(life.recording()), day
        return self._readings


def tenants(world: World, homes: int, days: int) -> list[Tenant]:
    """As many of them as there are homes."""
    known = range(1, max(_MANY, homes) + 1)
    chosen = sorted(world.generator("tenants").sample(known, homes))
    return [Tenant(world, number, home_of(number), days=days) for number in chosen]


@cache
def known(number: int) -> WatchedHome:
    """What a watch has learnt about a tenant in the days before."""
    home = home_of(number)
    life = Simulated(home, live(home, FIRST_DAY - WARM, WARM))
    book = MemoryBook()
    watch = Watch(book, save_every=10_000 * DAY, default_zone=ZONE)
    drive(ListFeed(arrivals(life.recording())), watch)
    watch.save(watch.now)
    (saved,) = book.watched()
    return replace(saved, cursor=0)


@cache
def home_of(number: int) -> SimulatedHome:
    """A tenant's home and habits."""
    return draw_home(profile(DEFAULT), f"sim-{number:04d}", ZONE, f"installation/{number}")
