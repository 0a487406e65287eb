"""Generated homes: what happened in them, and the many ways in which the very same facts can reach a server.

A world is a few numbers from which everything follows, so that Hypothesis can make it smaller; what happens minute by minute
comes from a seed. ``plainly`` tells it in order; ``otherwise`` tells the same facts in the parts that another seed says.
"""

from __future__ import annotations

import random
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from hypothesis import strategies as st

from alerts.book import MemoryBook
from alerts.log import alert_log
from detectors.home import HomeWatch
from domain.clock import DAY, HOUR, MINUTE, SECOND, Instant, Span
from domain.findings import Finding, FindingEvent
from domain.ids import DeviceId, GatewayId
from domain.localtime import LocalTime
from domain.readings import SIGNS_OF_LIFE, Device, Hello, Item, Quantity, Reading, Vouch
from tests.detectors.homes import HOME, T0, ZONE

Spell = tuple[Instant, Instant]
Message = tuple[Instant, list[Item]]
STEP: Span = 8 * MINUTE
LATEST: Span = 110 * SECOND
"""How late a message may be on its way: within the bound of ``detectors.context.LATENESS``."""


def device(
    name: str, kind: Quantity, room: str, check_in: Span | None = 50 * MINUTE, *, leads_out: bool = False
) -> Device:
    return Device(DeviceId(name), kind, room, leads_out, check_in)


LIVING, KITCHEN = device("living", Quantity.MOTION, "living"), device("kitchen", Quantity.MOTION, "kitchen")
BEDROOM, BATH = device("bedroom", Quantity.MOTION, "bedroom", None), device("bath", Quantity.MOTION, "bath")
FRONT = device("front", Quantity.DOOR, "entrance", leads_out=True)
FRIDGE = device("fridge", Quantity.DOOR, "kitchen", None)
AIR = device("air", Quantity.TEMPERATURE, "living", 20 * MINUTE)
BUTTON, BED = device("button", Quantity.BUTTON, "living", None), device("bed", Quantity.BED, "bedroom", None)
GATEWAYS = (GatewayId("g1"), GatewayId("g2"))
OF_THE_FIRST = (LIVING, KITCHEN, BATH, FRONT, AIR, BUTTON)
OF_THE_SECOND = (BEDROOM, FRIDGE, BED)


@dataclass(frozen=True)
class World:
    """One home's days."""

    seed: int
    days: int
    gateways: int
    outages: tuple[Spell, ...] = ()
    """When its gateways were off."""
    dies: tuple[tuple[str, Instant], ...] = ()
    """Devices that fall silent for good, and when."""
    falls: tuple[Instant, ...] = ()
    """From here on nothing moves for fourteen hours."""
    out: tuple[Spell, ...] = ()
    """Somebody went out by the front door, and came back."""
    heat: float = 22.0
    """The warmest of each afternoon."""
    stuck: str = ""
    """A motion sensor that fires all day."""

    @property
    def end(self) -> Instant:
        return T0 + self.days * DAY

    @property
    def local(self) -> LocalTime:
        return LocalTime(ZONE)


def _spells(days: int, longest: Span) -> st.SearchStrategy[tuple[Spell, ...]]:
    minutes = days * 24 * 60
    start, length = st.integers(0, minutes - 1), st.integers(1, longest // MINUTE)
    one = st.tuples(start, length).map(lambda s: (T0 + s[0] * MINUTE, T0 + min(minutes, sum(s)) * MINUTE))
    return st.lists(one, max_size=2).map(_apart)


def _apart(spells: Iterable[Spell]) -> tuple[Spell, ...]:
    found: list[Spell] = []
    for start, end in sorted(spells):
        if not found or start > found[-1][1] + HOUR:
            found.append((start, end))
    return tuple(found)


@st.composite
def worlds(draw: st.DrawFn, days: int = 3, gateways: int = 2) -> World:
    """Any home of a few days."""
    at = st.integers(0, days * 24 * 60 - 1).map(lambda minute: T0 + minute * MINUTE)
    names = st.sampled_from(["living", "kitchen", "bath", "front", "air", "bedroom"])
    return World(
        seed=draw(st.integers(0, 999)),
        days=days,
        gateways=draw(st.integers(1, gateways)),
        outages=draw(_spells(days, 9 * HOUR)),
        dies=tuple(draw(st.lists(st.tuples(names, at), max_size=2, unique_by=lambda pair: pair[0]))),
        falls=tuple(draw(st.lists(at, max_size=2))),
        out=draw(_spells(days, 30 * HOUR)),
        heat=draw(st.sampled_from([12.0, 22.0, 34.0, 38.0])),
        stuck=draw(st.sampled_from(["", "kitchen"])),
    )


# ---- what happened -----------------------------------------------------------------------------------------------------


def happened(world: World) -> list[Reading]:
    """Everything that the home's devices said and a gateway that ran heard, in the order of its time."""
    rng = random.Random(world.seed)
    said: list[tuple[Instant, Device, Quantity, float]] = []
    for day in range(world.days):
        said += _day(T0 + day * DAY, world, rng)
    for start, end in world.out:
        for moment in (start, end):
            said += [(moment + offset * SECOND, FRONT, Quantity.DOOR, v) for offset, v in ((0, 1.0), (9, 0.0))]
    every = (*OF_THE_FIRST, *OF_THE_SECOND)
    for sensor in every:
        if sensor.check_in is not None and sensor is not AIR:
            first = T0 + rng.randrange(1, 1_800) * SECOND
            said += [(at, sensor, Quantity.LINK, 200.0) for at in range(first, world.end, sensor.check_in * 9 // 10)]
    dead = dict(world.dies)
    quiet = [*((at, at + 14 * HOUR) for at in world.falls), *world.out]
    kept = []
    for at, sensor, quantity, value in said:
        if at >= world.end or at >= dead.get(sensor.id, world.end) or _within(at, world.outages):
            continue
        if quantity in SIGNS_OF_LIFE and sensor.id != world.stuck and _within(at, quiet):
            continue
        kept.append((at, sensor, quantity, value))
    kept.sort(key=lambda row: (row[0], row[1].id, row[2], row[3]))
    numbers = dict.fromkeys(GATEWAYS, 0)
    readings = []
    for at, sensor, quantity, value in kept:
        gateway = GATEWAYS[1] if world.gateways == 2 and sensor in OF_THE_SECOND else GATEWAYS[0]
        numbers[gateway] += 1
        readings.append(Reading(HOME, sensor.id, quantity, value, at, at, gateway, "e", numbers[gateway]))
    return readings


def _within(at: Instant, spells: Iterable[Spell]) -> bool:
    return any(start < at < end for start, end in spells)


def _day(midnight: Instant, world: World, rng: random.Random) -> list[tuple[Instant, Device, Quantity, float]]:
    said: list[tuple[Instant, Device, Quantity, float]] = [
        (midnight + 6 * HOUR + rng.randrange(3_600) * SECOND, BED, Quantity.BED, 0.0),
        (midnight + 22 * HOUR + rng.randrange(3_600) * SECOND, BED, Quantity.BED, 1.0),
        (midnight + 12 * HOUR, LIVING, Quantity.BATTERY, float(rng.choice((80, 14, 4)))),
    ]
    at = midnight + 6 * HOUR + rng.randrange(3_600) * SECOND
    while at < midnight + 22 * HOUR:
        sensor = rng.choice((LIVING, LIVING, KITCHEN, BEDROOM, BATH, FRIDGE, FRONT, BUTTON))
        if sensor.kind is Quantity.DOOR:
            stays = rng.choice((9, 60, 3_000))
            said += [(at, sensor, Quantity.DOOR, 1.0), (at + stays * SECOND, sensor, Quantity.DOOR, 0.0)]
        else:
            said.append((at, sensor, sensor.kind, 1.0))
        at += rng.randrange(60, 2_400) * SECOND
    for night in range(rng.randrange(3)):
        said.append((midnight + night * HOUR + rng.randrange(3_600) * SECOND, BATH, Quantity.MOTION, 1.0))
    if rng.random() < 0.3:
        said += [
            (midnight + 150 * MINUTE + offset * SECOND, FRONT, Quantity.DOOR, v) for offset, v in ((0, 1.0), (9, 0.0))
        ]
    for quarter in range(96):
        at = midnight + quarter * 15 * MINUTE + 5 * SECOND
        warm = world.heat - abs(quarter - 56) / 8
        said += [(at, AIR, Quantity.TEMPERATURE, round(warm, 1)), (at, AIR, Quantity.HUMIDITY, 70.0)]
    if world.stuck:
        said += [
            (midnight + minute * MINUTE + 30 * SECOND, KITCHEN, Quantity.MOTION, 1.0) for minute in range(0, 1440, 4)
        ]
    return said


# ---- how it was told ---------------------------------------------------------------------------------------------------


def running(world: World) -> list[Spell]:
    """When the gateways ran."""
    spells, start = [], T0
    for down, up in world.outages:
        if down > start:
            spells.append((start, down))
        start = max(start, up)
    return [*spells, (start, world.end)] if start < world.end else spells


def plainly(world: World) -> list[Message]:
    """The facts in order: every eight minutes what was observed since, and the gateway's word for it."""
    readings = happened(world)
    times = [reading.observed_at for reading in readings]
    messages: list[Message] = [(T0, [hello_of(world, gateway, T0) for gateway in GATEWAYS[: world.gateways]])]
    for start, end in running(world):
        before = start
        for now in (*range(start, end, STEP), end):
            new = readings[
                bisect_left(times, before) if before == T0 else bisect_right(times, before) : bisect_right(times, now)
            ]
            beats = [_beat(gateway, before, now, now) for gateway in GATEWAYS[: world.gateways]]
            messages.append((now, [*new, *beats]))
            before = now
    return messages


def hello_of(world: World, gateway: GatewayId, at: Instant) -> Hello:
    """A gateway's greeting."""
    both = world.gateways == 2
    mine = OF_THE_SECOND if gateway == GATEWAYS[1] else (OF_THE_FIRST if both else (*OF_THE_FIRST, *OF_THE_SECOND))
    return Hello(HOME, gateway, ZONE, mine, at)


def _beat(gateway: GatewayId, start: Instant, through: Instant, now: Instant) -> Vouch:
    return Vouch(HOME, gateway, through, ((start, through),), (), now, now)


def otherwise(messages: Sequence[Message], world: World, rng: random.Random) -> list[Message]:
    """The same facts, told otherwise: late, in other parts, in another order, some of it twice."""
    told: list[Message] = [messages[0]]
    for now, items in messages[1:]:
        late = now + rng.randint(0, LATEST // SECOND) * SECOND
        readings = [item for item in items if isinstance(item, Reading)]
        beats = [item for item in items if isinstance(item, Vouch)]
        middle = now - STEP // 2
        if beats and rng.random() < 0.2 and all(beat.spells[0][0] < middle for beat in beats):
            early = [reading for reading in readings if reading.observed_at <= middle]
            arrives = middle + rng.randint(0, LATEST // SECOND) * SECOND
            told.append((arrives, [*early, *(_beat(b.gateway, b.spells[0][0], middle, arrives) for b in beats)]))
            readings = [reading for reading in readings if reading.observed_at > middle]
            beats = [_beat(b.gateway, middle, now, now) for b in beats]
        rng.shuffle(readings)
        rng.shuffle(beats)
        cut = rng.randint(0, len(readings))
        told += [(late, list(part)) for part in (readings[:cut], readings[cut:]) if part]
        if rng.random() < 0.1:
            told.append((late, [hello_of(world, rng.choice(GATEWAYS[: world.gateways]), late)]))
        if rng.random() < 0.3:
            beats.append(rng.choice(beats))
        told.append((late, list(beats)))
    return told


# ---- what was found ----------------------------------------------------------------------------------------------------


def again(watch: HomeWatch) -> HomeWatch:
    """A restart."""
    return HomeWatch.restore(watch.snapshot())


def found(
    messages: Sequence[Message],
    watch: HomeWatch,
    restarts: Iterable[int] = (),
    restart: Callable[[HomeWatch], HomeWatch] = again,
) -> str:
    """The alert log of a run; at the messages numbered in ``restarts`` the home is saved and read again."""
    stops, book = set(restarts), MemoryBook()
    for number, (now, items) in enumerate(messages):
        events: list[FindingEvent] = []
        if number in stops:
            watch = restart(watch)
        while (due := watch.due_now()) is not None and due < now:
            events += watch.tick(due)
        events += watch.take(items)
        for event in events:
            if isinstance(event, Finding):
                book.note(event, 0)
            else:
                book.end(event)
    return alert_log(book.findings.values(), lambda _home: LocalTime(ZONE))
