"""A journal, a ledger and a projection for tests, with waiting that takes no time."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from sqlalchemy import Engine, create_engine
from sqlalchemy.pool import StaticPool

import registry.tables
from domain.clock import MINUTE, SECOND, Clock, Instant, VirtualClock
from domain.ids import DeviceId, GatewayId, HomeId
from domain.readings import Device, Hello, Item, Quantity, Reading, Vouch
from ingest.influx import tables
from ingest.influx.answers import Answer, Store
from ingest.influx.ledger import Ledger
from ingest.influx.projection import Projection
from ingest.influx.store import Address, HttpStore
from ingest.influx.writer import Writer
from ingest.journal import Batch, Journal
from registry.database import metadata

T = 1_790_000_000 * SECOND
HOME, GATEWAY = HomeId("h1"), GatewayId("g1")
HALL = Device(DeviceId("hall"), Quantity.MOTION, "hall")


def reading(seq: int, at: Instant, value: float = 1.0, **more: object) -> Reading:
    """A movement in the hall, unless told otherwise."""
    made: dict[str, object] = {
        "home": HOME, "device": HALL.id, "quantity": Quantity.MOTION, "gateway": GATEWAY, "epoch": "e1", "flags": 0,
    }  # fmt: skip
    return Reading(value=value, observed_at=at, received_at=at, seq=seq, **(made | more))  # type: ignore[arg-type]


def hello(*devices: Device) -> Hello:
    """The gateway names its devices."""
    return Hello(HOME, GATEWAY, "Asia/Tokyo", devices or (HALL,), T)


def vouch(at: Instant, through: Instant) -> Vouch:
    """A heartbeat that has been accepted."""
    return Vouch(HOME, GATEWAY, through, ((through - MINUTE, through),), received_at=at)


class Keeper:
    """Writes a journal by hand."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.journal = Journal(path)

    def commit(self, *items: Item, at: Instant = T) -> int:
        """One commit; its offset."""
        batch = Batch(list(items))
        for item in items:
            if isinstance(item, Reading):
                stream = self.journal.stream(item.gateway, item.epoch)
                stream.add(item.seq, item.seq)
                batch.streams[stream.id] = stream
                batch.stream_of[item.gateway, item.epoch] = stream.id
        return self.journal.append(batch, at).offset


def database() -> Engine:
    """An empty database in memory, with the tables that the projection looks at."""
    engine = create_engine("sqlite://", poolclass=StaticPool, connect_args={"check_same_thread": False})
    looked_at = (registry.tables.homes, registry.tables.gateways, registry.tables.devices)
    metadata.create_all(engine, [*looked_at, tables.projections, tables.rooms, tables.refused])
    return engine


@dataclass
class Notes:
    """What the writer told."""

    written: int = 0
    refusals: list[int] = field(default_factory=list)
    waits: list[tuple[Answer, float]] = field(default_factory=list)

    def stored(self, points: int) -> None:
        self.written += points

    def refused(self, status: int) -> None:
        self.refusals.append(status)

    def waiting(self, answer: Answer, seconds: float) -> None:
        self.waits.append((answer, seconds))


class Patience:
    """Waiting that takes no time; says that it is time to stop after ``most`` waits."""

    def __init__(self, clock: VirtualClock, most: int | None = None) -> None:
        self.clock, self.most, self.waited = clock, most, list[float]()

    def __call__(self, seconds: float) -> bool:
        self.waited.append(seconds)
        self.clock.advance_to(self.clock.now() + round(seconds * SECOND))
        return self.most is None or len(self.waited) < self.most


def http_store(url: str, clock: Clock, timeout: float = 5.0, **more: object) -> HttpStore:
    """A store behind an address."""
    return HttpStore(Address(url, timeout_seconds=timeout, **more), clock)  # type: ignore[arg-type]


def writer(store: Store, wait: Callable[[float], bool], clock: Clock, notes: Notes | None = None) -> Writer:
    """A writer with a chance that is always the same."""
    return Writer(store, wait, clock, notes or Notes(), random.Random(7))


def projection(
    journal: Path,
    engine: Engine,
    store: Store,
    clock: VirtualClock,
    *,
    most: int | None = None,
    batch_size: int = 5_000,
) -> tuple[Projection, Patience]:
    """A projection of a journal, as after a start."""
    wait = Patience(clock, most)
    made = Projection(Journal(journal, read_only=True), Ledger(engine, clock), writer(store, wait, clock), batch_size)
    return made, wait


def keys(lines: Sequence[str]) -> set[tuple[str, str]]:
    """(series, timestamp) of lines."""
    return {(line.rsplit(" ", 2)[0], line.rsplit(" ", 1)[1]) for line in lines}
