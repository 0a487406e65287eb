"""A gateway of the installation: the product's agent, spool and uplink, in a home whose sensors tell what was lived there."""

from __future__ import annotations

import random
from collections.abc import Sequence
from pathlib import Path

from domain.clock import DAY, HOUR, MINUTE, SECOND, Instant, Span
from domain.ids import GatewayId, HomeId
from domain.readings import Device, Quantity
from gateway.agent import Agent, Timing
from gateway.drivers.driver import Outlet
from gateway.link import UplinkAddress
from gateway.spool import Observation, Spool, SpoolError
from gateway.timekeeping import Timekeeper
from simulators.installation.broker import Broker, connect_by
from simulators.installation.ledger import Ledger
from simulators.installation.population import Tenant
from simulators.installation.world import Life, Process, World

TIMING = Timing(heartbeat=6 * MINUTE, commit=6 * MINUTE, tidy=20 * MINUTE)
"""Slower than in a home, by what a simulated day costs."""
_NOWHERE = UplinkAddress("broker.invalid", 8883)


class Card:
    """A gateway's disk: it refuses for a while."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.refuses_until: Instant = 0

    def check(self) -> None:
        """Raise SpoolError while it refuses."""
        if self._world.now() < self.refuses_until and not self._world.calm:
            raise SpoolError("The spool cannot be written (disk I/O error): make room, or change the card.")


class WitnessedSpool(Spool):
    """A spool of which the ledger knows what it took, on a disk that may refuse."""

    def __init__(self, path: Path, gateway: GatewayId, card: Card, ledger: Ledger, boot: Instant) -> None:
        self._gateway, self._card, self._ledger, self._boot_at = gateway, card, ledger, boot
        super().__init__(path)

    def add(self, observations: Sequence[Observation]) -> int:
        """See Spool.add."""
        self._card.check()
        first = self.last_seq + 1
        last = super().add(observations)
        for seq, seen in enumerate(observations, first):
            self._ledger.accept(self._gateway, self.epoch, seq, seen, self._boot_at + (seen.mono or 0))
        return last

    def run_through(self, start: int, through: int, *, in_monotonic: bool = False) -> None:
        """See Spool.run_through."""
        self._card.check()
        super().run_through(start, through, in_monotonic=in_monotonic)

    def tidy(self, now: Instant) -> None:
        """See Spool.tidy."""
        self._card.check()
        super().tidy(now)


class Sensors:
    """The home's sensors: see Driver. What they would tell while the gateway is off, nobody hears."""

    def __init__(self, world: World, tenant: Tenant) -> None:
        self._world, self._tenant = world, tenant

    @property
    def devices(self) -> tuple[Device, ...]:
        """See Driver.devices."""
        return self._tenant.devices

    async def run(self, outlet: Outlet) -> None:
        """See Driver.run."""
        for reading in self._tenant.told_after(self._world.now()):
            if reading.at > self._world.now():
                await self._world.until(reading.at)
            if reading.quantity is Quantity.LINK:
                outlet.heard(reading.device)
            else:
                outlet.observe(reading.device, reading.quantity, reading.value)

    def produced(self, now: Instant) -> Instant:
        """See Driver.produced."""
        return now


class PiClock:
    """What the machine's own clock shows: after a power cut it goes on from where it stood, until somebody sets it."""

    def __init__(self, world: World, chance: random.Random) -> None:
        self._world, self._chance = world, chance
        self._behind: Span = 0
        self._synced_at: Instant | None = 0
        self.has_ntp = chance.random() < 0.8

    def now(self) -> Instant:
        """See Clock.now."""
        return self._world.now() if self.is_synced() else self._world.now() - self._behind

    def is_synced(self) -> bool:
        """True once NTP has set it."""
        return self._synced_at is not None and self._world.now() >= self._synced_at

    def booted(self, off: Span) -> None:
        """The machine was without power for ``off``."""
        known = self._world.now() if self.has_ntp else None
        self._behind += off + self._chance.choice([0, 0, HOUR, 400 * DAY])
        self._synced_at = None if known is None else known + self._chance.randint(1, 900) * SECOND


class Gateway(Process):
    """One home's gateway."""

    def __init__(self, world: World, broker: Broker, ledger: Ledger, folder: Path, tenant: Tenant) -> None:
        super().__init__(world, str(tenant.gateway))
        self.tenant, self._broker, self._ledger = tenant, broker, ledger
        self._path = folder / f"{tenant.gateway}.db"
        self.card = Card(world)
        self._clock = PiClock(world, self.chance)
        if not self._clock.has_ntp:
            self._clock.booted(0)
        self._boots = 0
        self._boot_at = world.now()
        self._off_since: Instant | None = None
        self.spool: WitnessedSpool | None = None

    @property
    def home(self) -> HomeId:
        """Whose it is."""
        return self.tenant.home

    async def main(self, life: Life) -> None:
        """See Process.main."""
        world = self.world
        if self._off_since is not None:  # another boot of the machine
            self._clock.booted(world.now() - self._off_since)
            self._boots, self._boot_at, self._off_since = self._boots + 1, world.now(), None
        booted_at = self._boot_at
        spool = self.spool = WitnessedSpool(self._path, self.tenant.gateway, self.card, self._ledger, booted_at)
        keeper = Timekeeper(
            self._clock, mono=lambda: world.now() - booted_at, synced=self._clock.is_synced,
            boot=f"{self.name}-{self._boots}", real=True,
        )  # fmt: skip
        agent = Agent(
            self.tenant.gateway, [Sensors(world, self.tenant)], spool, self._clock, _NOWHERE, "kehai", TIMING,
            keeper=keeper, connect=connect_by(self._broker, life),
        )  # fmt: skip
        try:
            await agent.run()
        finally:
            if not life.dead:
                spool.close()

    def died(self, life: Life) -> None:
        """See Process.died."""
        del life
        self._broker.drop(self.tenant.gateway)

    def power_cut(self, span: Span) -> None:
        """The home is without power for ``span``."""
        if self._off_since is None:
            self._off_since = self.world.now()
        self.may_start_at = max(self.may_start_at, self.world.now() + span)
        self.kill()

    def acknowledged(self) -> tuple[str, int] | None:
        """(epoch, number) up to which it has thrown everything away, or may at any time; None while nobody knows."""
        return None if self.spool is None else (self.spool.epoch, self.spool.acked)
