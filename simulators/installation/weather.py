"""What goes wrong: each seed draws which kinds of trouble there are, and how often; together they last until the calm."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial

from domain.clock import DAY, HOUR, MINUTE, SECOND, Span
from simulators.installation.broker import Broker, Manners
from simulators.installation.gateways import Card, Gateway
from simulators.installation.people import Moods, People
from simulators.installation.server import Disk, Ingest, WatchRole
from simulators.installation.world import Process, World, spawn


@dataclass(slots=True)
class Weather:
    """How often a day what befalls an installation; 0 is never."""

    gateway_deaths: float = 0.0
    """Of each gateway."""
    power_cuts: float = 0.0
    line_cuts: float = 0.0
    card_troubles: float = 0.0
    ingest_deaths: float = 0.0
    ingest_cuts: float = 0.0
    disk_troubles: float = 0.0
    watch_deaths: float = 0.0
    restarts: float = 0.0
    """In good order, of each process."""
    broker_restarts: float = 0.0
    provider_outages: float = 0.0
    meddling: float = 0.0
    """How often, at any moment at which the watch turns to the database, somebody acts just before it."""
    manners: Manners = field(default_factory=Manners)
    moods: Moods = field(default_factory=Moods)
    diligence: float = 0.7


_RATES = {
    "gateway_deaths": 6.0, "power_cuts": 1.0, "line_cuts": 1.5, "card_troubles": 1.5, "ingest_deaths": 12.0,
    "ingest_cuts": 10.0, "disk_troubles": 2.0, "watch_deaths": 12.0, "restarts": 2.0, "broker_restarts": 3.0,
    "provider_outages": 4.0, "meddling": 0.006,
}  # fmt: skip


def drawn(chance: random.Random) -> Weather:
    """Some kinds of trouble and not others: a kind that is always there hides what only happens without it."""
    weather = Weather(diligence=chance.uniform(0.2, 1.0))
    for name, most in _RATES.items():
        setattr(weather, name, chance.uniform(0.1, 1.0) * most if chance.random() < 0.75 else 0.0)
    for name in ("lost", "unsaid", "doubled", "torn", "held_up", "dropped"):
        setattr(weather.manners, name, chance.uniform(0, 0.05) if chance.random() < 0.6 else 0.0)
    for name in ("refuses", "unsure", "quota"):
        setattr(weather.moods, name, chance.uniform(0, 0.3) if chance.random() < 0.6 else 0.0)
    return weather


@dataclass(slots=True)
class Sky:
    """Makes it happen."""

    world: World
    weather: Weather
    broker: Broker
    gateways: Sequence[Gateway]
    ingest: Ingest
    watch: WatchRole
    people: People
    happened: dict[str, int] = field(default_factory=dict)
    """How often each kind of trouble came."""

    def begin(self) -> None:
        """From now on until the calm."""
        weather = self.weather
        for gateway in self.gateways:
            name = gateway.name
            self._now_and_then("gateway_deaths", weather.gateway_deaths, name, gateway.kill_soon)
            self._now_and_then("power_cuts", weather.power_cuts, name, partial(self._no_power, gateway))
            self._now_and_then("line_cuts", weather.line_cuts, name, partial(self._cut, gateway))
            self._now_and_then("card_troubles", weather.card_troubles, name, partial(self._refuse, gateway.card))
        self._now_and_then("ingest_deaths", weather.ingest_deaths, "", self.ingest.kill_soon)
        self._now_and_then("ingest_cuts", weather.ingest_cuts, "", self.broker.cut_ingest)
        self._now_and_then("disk_troubles", weather.disk_troubles, "", partial(self._refuse, self.ingest.disk))
        self._now_and_then("watch_deaths", weather.watch_deaths, "", self.watch.kill_soon)
        self._now_and_then("broker_restarts", weather.broker_restarts, "", self._restart)
        self._now_and_then("provider_outages", weather.provider_outages, "", self._no_provider)
        for process in (*self.gateways, self.ingest, self.watch):
            self._now_and_then("restarts", weather.restarts, process.name, partial(self._stop, process))

    def _now_and_then(self, kind: str, rate: float, whose: str, what: Callable[[], object]) -> None:
        if rate > 0:
            spawn(self.world, self._keep(kind, self.world.generator(f"{kind}/{whose}"), DAY / rate, what))

    async def _keep(self, kind: str, chance: random.Random, apart: float, what: Callable[[], object]) -> None:
        while True:
            await self.world.sleep(int(chance.expovariate(1 / apart)))
            if self.world.calm:
                return
            self.happened[kind] = self.happened.get(kind, 0) + 1
            what()

    def _some(self, most: Span) -> Span:
        """Mostly short, now and then as long as ``most``."""
        return int(SECOND + self.world.chance.random() ** 3 * most)

    def _no_power(self, gateway: Gateway) -> None:
        gateway.power_cut(self._some(3 * HOUR))

    def _cut(self, gateway: Gateway) -> None:
        self.broker.cut_off(gateway.tenant.gateway)
        self.world.later(self._some(3 * HOUR), self.broker.reconnect, gateway.tenant.gateway)

    def _refuse(self, disk: Card | Disk) -> None:
        disk.refuses_until = self.world.now() + self._some(HOUR)

    def _restart(self) -> None:
        self.broker.stop(forgets=self.world.chance.random() < 0.5)
        self.world.later(self._some(HOUR), self.broker.start)

    def _no_provider(self) -> None:
        self.people.cut_off(self._some(2 * HOUR))

    def _stop(self, process: Process) -> None:
        spawn(self.world, process.stop())

    def clear(self) -> None:
        """The calm: what was cut off is mended, and whoever was ended is started."""
        self.world.calm = True
        self.broker.start()
        for gateway in self.gateways:
            self.broker.reconnect(gateway.tenant.gateway)
        for process in (*self.gateways, self.ingest, self.watch):
            process.may_start_at = 0
            if process.life is not None:
                process.life.ends_in = None
            self.world.later(MINUTE, process.start)
