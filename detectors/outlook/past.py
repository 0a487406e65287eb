"""A home's last weeks as its detectors saw them: each trusted sign of life, and the silence after it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from detectors.context import HomeContext
from detectors.evidence.life import AFTER_EXIT, BLIND, SOON_AFTER_EXIT, Sign
from domain.clock import DAY, HOUR, MINUTE, Instant, Span
from domain.ids import DeviceId, GatewayId, HomeId
from domain.localtime import LocalTime
from domain.readings import SIGNS_OF_LIFE, Device, Quantity, Reading

LOOKED_BACK: Span = 28 * DAY
SHORTEST: Span = MINUTE
LONGEST: Span = 14 * HOUR
"""A longer silence at home is no habit."""
QUANTILE = 0.9
ENOUGH_DAYS = 6
"""Of an hour of which fewer days are known nothing usual can be said."""
_LONG_AGO: Instant = -(2**60)

Instants = NDArray[np.int64]
Line = NDArray[np.float64]
"""By clock hour, in microseconds; NaN where too little is known."""
Said = tuple[Instant, DeviceId, Quantity, float]
"""When which device said what."""


def rooms_of(devices: Iterable[Device]) -> list[str]:
    """The rooms in which something tells of life, by name; a device without a room is a room of its own."""
    return sorted({device.room or str(device.id) for device in devices if device.kind in SIGNS_OF_LIFE})


def usual(wall: Instants, length: NDArray[np.int64]) -> Line:
    """The longest silence of nine days in ten, by the clock hour within an hour of which it began."""
    kept = (length >= SHORTEST) & (length < LONGEST)
    wall, length = wall[kept], length[kept]
    if not len(wall):
        return np.full(24, np.nan)
    day = wall // DAY
    longest = np.zeros((int(day[-1].item() - day.min().item()) + 2, 24))
    np.maximum.at(longest, (day - day.min(), wall // HOUR % 24), length)
    near = np.maximum(np.maximum(longest, np.roll(longest, 1, axis=1)), np.roll(longest, -1, axis=1))
    line = np.full(24, np.nan)
    for hour in range(24):
        known = near[near[:, hour] > 0, hour]
        if len(known) >= ENOUGH_DAYS:
            line[hour] = np.quantile(known, QUANTILE)
    return line


@dataclass(frozen=True, slots=True)
class Past:
    """Signs of life in [start, end), ascending, each with the silence that follows it; the last one lasts until ``end``."""

    devices: tuple[Device, ...]
    """Those that told of life."""
    start: Instant
    end: Instant
    at: Instants
    wall: Instants
    """The same by the wall clock."""
    of: NDArray[np.int64]
    """Which of ``devices`` spoke."""
    exits: NDArray[np.bool_]
    """Whether it was a movement of an outer door."""
    company: NDArray[np.bool_]
    """Whether more than one person was there: such a silence teaches nothing, and an exit empties no home."""
    alone: NDArray[np.bool_]
    """Whether it was a single pulse after an exit, which may be a stray in an empty home."""
    covered_at: Instants
    covered: Instants
    """How much had been vouched for by each of ``covered_at``: straight in between."""

    @property
    def signs(self) -> int:
        """How many there are."""
        return len(self.at)

    @property
    def length(self) -> NDArray[np.int64]:
        """How long the silence after each sign was."""
        return np.diff(self.at, append=self.end)

    @property
    def after_exit(self) -> NDArray[np.int64]:
        """How long before each sign an outer door had last moved; 0 for such a movement."""
        return self.at - np.maximum.accumulate(np.where(self.exits, self.at, _LONG_AGO))

    @property
    def out(self) -> NDArray[np.bool_]:
        """True where the home is taken to be empty after the sign."""
        empty: NDArray[np.bool_] = (self.after_exit <= AFTER_EXIT) & ~self.company
        return empty

    @property
    def soon_after_exit(self) -> NDArray[np.bool_]:
        """True where the home may still be empty after the sign: a silence counts, with a wider limit."""
        wider: NDArray[np.bool_] = ~self.out & (self.after_exit <= SOON_AFTER_EXIT) & ~self.company
        return wider

    def vouched(self, until: Instants) -> NDArray[np.float64]:
        """How much had been vouched for by each of these instants, from the beginning on."""
        return np.interp(until, self.covered_at, self.covered)

    @property
    def seen(self) -> NDArray[np.bool_]:
        """True where all but a little of the silence after the sign was vouched for."""
        ends = self.at + self.length
        return self.length - (self.vouched(ends) - self.vouched(self.at)) <= BLIND

    @property
    def counted(self) -> NDArray[np.bool_]:
        """The silences at home from which something is learnt: over, seen, and not after an outer door."""
        over = np.ones(self.signs, dtype=np.bool_)
        over[-1:] = False
        return over & self.seen & ~self.out & ~self.company

    def rooms(self) -> list[str]:
        """The room of each of ``devices``."""
        return [device.room or str(device.id) for device in self.devices]

    def without(self, device: DeviceId) -> Past:
        """What would have been known had ``device`` not been there."""
        kept = self.of != [d.id for d in self.devices].index(device)
        return Past(
            self.devices, self.start, self.end, self.at[kept], self.wall[kept], self.of[kept], self.exits[kept],
            self.company[kept], self.alone[kept], self.covered_at, self.covered,
        )  # fmt: skip


def signs_of(said: Iterable[Said], devices: Mapping[DeviceId, Device], local: LocalTime) -> list[Sign]:
    """What a home's readings prove, in event-time order, as its detectors go by it."""
    context = HomeContext(HomeId("outlook"), local, dict(devices))
    evidence, found = context.evidence, []
    for at, device, quantity, value in sorted(said):
        while (due := evidence.due()) is not None and due < at:
            evidence.fire(due, local)
        evidence.observe(Reading(context.home, device, quantity, value, at, at, GatewayId(""), "", 0), context)
        found += [sign for _, sign in evidence.fresh]
    return found


def past_of(
    said: Iterable[Said],
    devices: Mapping[DeviceId, Device],
    local: LocalTime,
    covered: Sequence[tuple[Instant, Instant]],
    end: Instant,
    looked_back: Span = LOOKED_BACK,
) -> Past:
    """The weeks before ``end``; ``covered`` is when the home was vouched for (disjoint, ascending).

    What is no sign of life, and what unknown devices said, is left out.
    """
    start = end - looked_back
    shown = tuple(sorted((d for d in devices.values() if d.kind in SIGNS_OF_LIFE), key=lambda d: d.id))
    place = {device.id: n for n, device in enumerate(shown)}
    signs = signs_of((one for one in said if start <= one[0] < end and one[1] in place), devices, local)
    times, total = [start], [0]
    for a, b in covered:
        if b > start and a < end:
            first, last = max(a, start), min(b, end)
            times += [first, last]
            total += [total[-1], total[-1] + last - first]
    return Past(
        shown, start, end,
        np.array([sign.at for sign in signs], dtype=np.int64),
        np.array([local.wall(sign.at) for sign in signs], dtype=np.int64),
        np.array([place[sign.device] for sign in signs], dtype=np.int64),
        np.array([sign.after_exit == 0 for sign in signs], dtype=np.bool_),
        np.array([sign.company for sign in signs], dtype=np.bool_),
        np.array([sign.alone for sign in signs], dtype=np.bool_),
        np.array(times, dtype=np.int64), np.array(total, dtype=np.int64),
    )  # fmt: skip
