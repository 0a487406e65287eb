"""The strip: 24 hours of a home by room, as shapes for an SVG and as numbers for a table."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from domain.clock import DAY, HOUR, MINUTE, Instant
from domain.ids import DeviceId
from domain.localtime import LocalTime
from domain.readings import DoorState, Quantity
from domain.status import DeviceStatus
from domain.watermark import Coverage
from ingest.history import PastReading

_Scale = Callable[[Instant], float]
WIDTH = 960
LEFT = 96
LANE = 26
TOP = 22
TEMPERATURE_HEIGHT = 70
_MERGED = 90 * 1_000_000
"""Movements closer together than this are drawn as one bar."""


@dataclass(slots=True)
class Lane:
    """One room's line."""

    name: str
    y: int
    bars: list[tuple[float, float]] = field(default_factory=list)
    """(x, width) of movement."""
    doors: list[tuple[float, bool]] = field(default_factory=list)
    """(x, opened) of a door's movements."""
    by_hour: list[int] = field(default_factory=lambda: [0] * 24)
    """Movements in each hour since the strip's start."""
    is_exit: bool = False


@dataclass(slots=True)
class Curve:
    """One room's temperature."""

    name: str
    points: str
    low: float
    high: float
    last: float


@dataclass(frozen=True, slots=True)
class Strip:
    """Everything that is drawn."""

    start: Instant
    end: Instant
    lanes: list[Lane]
    curves: list[Curve]
    holes: list[tuple[float, float]]
    """(x, width) of the times of which nobody vouched."""
    ticks: list[tuple[float, str]]
    """(x, label) of the full hours."""
    hours: list[str]
    """The label of each of the table's columns."""
    marks: list[tuple[float, str]]
    """(x, name) of vertical lines: the present, the last sign of life, a deadline."""
    temperatures: tuple[float, float]
    """Bottom and top of the temperature scale."""

    @property
    def height(self) -> int:
        """Of the drawing."""
        return self.lanes_bottom + (TEMPERATURE_HEIGHT + 26 if self.curves else 0) + 8

    @property
    def lanes_bottom(self) -> int:
        """Where the rooms end."""
        return TOP + LANE * max(1, len(self.lanes))


def draw_strip(
    start: Instant,
    local: LocalTime,
    devices: Sequence[DeviceStatus],
    readings: Iterable[PastReading],
    covered: Sequence[tuple[Instant, Instant]],
    now: Instant,
    marks: Sequence[tuple[Instant, str]] = (),
    end: Instant | None = None,
) -> Strip:
    """Draw [start, end) (by default 24 hours); ``covered`` is when all gateways of the home vouched."""
    end = start + DAY if end is None else end
    scale = (WIDTH - LEFT - 8) / (end - start)

    def x(at: Instant) -> float:
        return round(LEFT + (min(max(at, start), end) - start) * scale, 1)

    shown = [d for d in devices if d.kind in (Quantity.MOTION, Quantity.DOOR, Quantity.BED, Quantity.BUTTON)]
    lanes = _lanes(shown)
    lane_of = {d.id: lanes[(d.room or d.id, d.exit)] for d in shown}
    warmth: dict[DeviceId, list[PastReading]] = {}
    moves: dict[DeviceId, list[Instant]] = {}
    for reading in readings:
        lane = lane_of.get(reading.device)
        if reading.quantity is Quantity.TEMPERATURE:
            warmth.setdefault(reading.device, []).append(reading)
        elif lane is None:
            continue
        elif reading.quantity is Quantity.DOOR:
            lane.doors.append((x(reading.observed_at), reading.value != DoorState.CLOSED))
            lane.by_hour[min(23, (reading.observed_at - start) * 24 // (end - start))] += 1
        elif reading.quantity in (Quantity.MOTION, Quantity.BED, Quantity.BUTTON) and reading.value:
            moves.setdefault(reading.device, []).append(reading.observed_at)
            lane.by_hour[min(23, (reading.observed_at - start) * 24 // (end - start))] += 1
    for device, times in moves.items():
        lane_of[device].bars += _bars(times, x)
    names = {d.id: d.room or d.id for d in devices}
    curves, scale_of = _curves(warmth, names, x, TOP + LANE * max(1, len(lanes)) + 18)
    step = (end - start) // 24
    ticks = [(x(at), local.hhmm(at)[:2]) for at in range(-(-start // HOUR) * HOUR, end + 1, 3 * HOUR)]
    unseen = Coverage(covered).holes(start, min(end, now))
    holes = [(x(a), round(x(b) - x(a), 1)) for a, b in unseen if b - a > 5 * MINUTE]
    return Strip(
        start, end, list(lanes.values()), curves, holes, ticks,
        [local.hhmm(start + n * step) for n in range(24)],
        [(x(at), name) for at, name in marks if start <= at <= end], scale_of,
    )  # fmt: skip


def _lanes(devices: Iterable[DeviceStatus]) -> dict[tuple[str, bool], Lane]:
    """One lane for each room, exits last."""
    keys = sorted({(d.room or d.id, d.exit) for d in devices}, key=lambda key: (key[1], key[0]))
    return {key: Lane(key[0], TOP + LANE * n, is_exit=key[1]) for n, key in enumerate(keys)}


def _bars(times: Sequence[Instant], x: _Scale) -> list[tuple[float, float]]:
    """Movements as bars: those close together are one."""
    bars: list[list[Instant]] = []
    for at in times:
        if bars and at - bars[-1][1] <= _MERGED:
            bars[-1][1] = at
        else:
            bars.append([at, at])
    return [(x(a), round(max(1.5, x(b) - x(a)), 1)) for a, b in bars]


def _curves(
    warmth: Mapping[DeviceId, list[PastReading]], names: Mapping[DeviceId, str], x: _Scale, top: int
) -> tuple[list[Curve], tuple[float, float]]:
    values = [reading.value for readings in warmth.values() for reading in readings]
    if not values:
        return [], (0.0, 0.0)
    low, high = min(15.0, *values), max(30.0, *values)

    def y(value: float) -> float:
        return round(top + TEMPERATURE_HEIGHT * (high - value) / (high - low), 1)

    curves = []
    for device, readings in sorted(warmth.items()):
        points = " ".join(f"{x(r.observed_at)},{y(r.value)}" for r in readings)
        own = [r.value for r in readings]
        curves.append(Curve(names.get(device, str(device)), points, min(own), max(own), own[-1]))
    return curves, (low, high)
