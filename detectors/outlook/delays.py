"""The delay budget: if life stopped, after how long would the resident be asked, and staff be called?

Two answers are given. *After a movement*: life stops right after a sign of life in this room in this hour, so all of the
limit is still to come. *At any moment*: it stops at some moment of the last weeks at which somebody was at home; then part of
the silence has passed already, and the rest is what is waited for.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from detectors.kinds.inactivity.detector import HEADWAY, WIDER, Inactivity
from detectors.kinds.inactivity.rule import CAP, NIGHT_ENDS, PROMPT_CAP
from detectors.outlook.past import Past, rooms_of
from domain.clock import DAY, HOUR, MINUTE, Span

QUARTER: Span = 15 * MINUTE
QUARTERS = DAY // QUARTER
TOO_LONG: Span = 8 * HOUR
"""From here on a collapse counts as not noticed in time."""
RARE = 3
"""Fewer signs of life than this in four weeks: nothing is ever seen there at that time."""


class Part(StrEnum):
    """A part of the day."""

    MORNING = "morning"
    DAY = "day"
    EVENING = "evening"
    NIGHT = "night"

    @property
    def hours(self) -> tuple[int, ...]:
        """Its clock hours, in order."""
        first, last = _PARTS[self]
        return tuple(hour % 24 for hour in range(first, last if last > first else last + 24))


_PARTS = {Part.MORNING: (6, 10), Part.DAY: (10, 16), Part.EVENING: (16, 22), Part.NIGHT: (22, 6)}


class Reach(StrEnum):
    """Whether a collapse in a room, at a time, would be noticed."""

    NOTICED = "noticed"
    TOO_LATE = "too_late"
    """Only after eight hours or more: not detectable with these sensors."""
    TAKEN_FOR_OUT = "taken_for_out"
    """Most signs of life here stand beside an outer door's: the home is then taken to be empty."""
    NEVER_SEEN = "never_seen"
    """Nothing is ever seen here at this time, so nothing ends the silence that began elsewhere."""


@dataclass(frozen=True, slots=True)
class Limits:
    """How long a silence at home may last, by the quarter of the day in which it began."""

    page: tuple[Span, ...]
    prompt: tuple[Span, ...]
    """How long until the resident is asked; the page's where nobody is asked first."""

    @property
    def first(self) -> tuple[Span, ...]:
        """How long until somebody is asked or called: nobody is asked in the middle of the night, nor just before a page."""
        middles = np.arange(QUARTERS, dtype=np.int64) * QUARTER + QUARTER // 2
        page, prompt = (np.array(limits, dtype=np.int64) for limits in (self.page, self.prompt))
        return tuple(int(span) for span in first_contact(middles, page, prompt))

    @property
    def asks_first(self) -> bool:
        """True where the resident is asked before staff are called, at some hour."""
        return self.first != self.page

    def by_hour(self, limits: Sequence[Span]) -> list[Span]:
        """The mean of each clock hour's quarters, in whole minutes."""
        return [round(sum(limits[4 * hour : 4 * hour + 4]) / 4 / MINUTE) * MINUTE for hour in range(24)]


def first_contact(wall: NDArray[np.int64], page: NDArray[np.int64], prompt: NDArray[np.int64]) -> NDArray[np.int64]:
    """What comes first after signs of life at these wall times, as `inactivity` decides it: the question or the page."""
    asked = np.minimum(PROMPT_CAP, prompt)
    too_late = (asked + HEADWAY > page) | ((wall + asked) // HOUR % 24 < NIGHT_ENDS)
    asked = np.where((asked < PROMPT_CAP) & too_late, PROMPT_CAP, asked)
    first: NDArray[np.int64] = np.where(asked + HEADWAY <= page, asked, page)
    return first


def limits_of(inactivity: Inactivity) -> Limits:
    """What ``inactivity`` goes by today."""
    return Limits(inactivity.limits(), inactivity.prompt_limits())


@dataclass(frozen=True, slots=True)
class Cell:
    """One room at one time of the day, right after a movement there."""

    signs: int
    """Signs of life there in the last weeks."""
    out: float
    """The part of them after which the home is taken to be empty."""
    page: Span | None = None
    """The median of what would be waited for until staff are called; None where nothing can be said."""
    prompt: Span | None = None

    @property
    def reach(self) -> Reach:
        """Whether a collapse would be noticed."""
        if self.signs < RARE:
            return Reach.NEVER_SEEN
        if self.page is None:
            return Reach.TAKEN_FOR_OUT
        return Reach.TOO_LATE if self.page >= TOO_LONG else Reach.NOTICED


@dataclass(frozen=True, slots=True)
class Moment:
    """A collapse at any moment of a part of the day at which somebody was at home."""

    page: Span | None
    """Median; None when nobody was ever at home then, or nothing is known yet."""
    page_90: Span | None
    """Not longer in nine cases of ten."""
    prompt: Span | None
    prompt_90: Span | None
    out: float
    """The part of this time in which the home was taken to be empty: a collapse in it is not noticed."""
    unseen: float
    """The part of this time for which nobody vouched."""


@dataclass(frozen=True, slots=True)
class Extreme:
    """The room and hour with the shortest or the longest delay."""

    room: str
    hour: int
    page: Span


@dataclass(frozen=True, slots=True)
class Budget:
    """Everything about one home's delays."""

    limits: Limits
    rooms: tuple[str, ...]
    by_part: dict[str, dict[Part, Cell]]
    """Room -> part of the day."""
    by_hour: dict[str, tuple[Cell, ...]]
    """Room -> 24 clock hours."""
    moments: dict[Part, Moment]
    best: Extreme | None
    worst: Extreme | None

    @property
    def blank_hours(self) -> list[int]:
        """The hours in which a collapse would not be noticed in time, wherever."""
        return [hour for hour, limit in enumerate(self.limits.by_hour(self.limits.page)) if limit >= TOO_LONG]


def budget_of(past: Past, limits: Limits) -> Budget:
    """The delay budget of a home whose last weeks were ``past``."""
    quarter = past.wall // QUARTER % QUARTERS
    page, prompt = (np.array(spans, dtype=np.int64)[quarter] for spans in (limits.page, limits.prompt))
    page = np.where(past.soon_after_exit, np.minimum(CAP, WIDER * page), page)
    prompt = first_contact(past.wall, page, np.where(past.alone, WIDER * prompt, prompt))
    hour = past.wall // HOUR % 24
    names, rooms = np.array(past.rooms()), tuple(rooms_of(past.devices))
    by_part: dict[str, dict[Part, Cell]] = {}
    by_hour: dict[str, tuple[Cell, ...]] = {}
    for room in rooms:
        here = names[past.of] == room if past.signs else np.zeros(0, dtype=np.bool_)
        by_hour[room] = tuple(_cell(here & (hour == h), past.out, page, prompt) for h in range(24))
        by_part[room] = {part: _cell(here & np.isin(hour, part.hours), past.out, page, prompt) for part in Part}
    known = [
        Extreme(room, h, cell.page)
        for room, cells in by_hour.items()
        for h, cell in enumerate(cells)
        if cell.page is not None and cell.signs >= RARE
    ]
    return Budget(
        limits, rooms, by_part, by_hour, _moments(past, page, prompt),
        min(known, key=lambda e: (e.page, e.room, e.hour), default=None),
        max(known, key=lambda e: (e.page, e.room, e.hour), default=None),
    )  # fmt: skip


def _cell(here: NDArray[np.bool_], out: NDArray[np.bool_], page: NDArray[np.int64], prompt: NDArray[np.int64]) -> Cell:
    signs = int(np.count_nonzero(here))
    if not signs:
        return Cell(0, 0.0)
    gone = float(np.count_nonzero(here & out)) / signs
    home = here & ~out
    if gone > 0.5:
        return Cell(signs, round(gone, 3))
    return Cell(signs, round(gone, 3), _minutes(page[home], 0.5), _minutes(prompt[home], 0.5))


def _minutes(spans: NDArray[np.int64], quantile: float) -> Span | None:
    if not len(spans):
        return None
    return round(float(np.quantile(spans, quantile)) / MINUTE) * MINUTE


def _moments(past: Past, page: NDArray[np.int64], prompt: NDArray[np.int64]) -> dict[Part, Moment]:
    """Every quarter of an hour since the first sign of life, by the part of the day in which it lies."""
    if not past.signs:
        return {part: Moment(None, None, None, None, 0.0, 0.0) for part in Part}
    times = np.arange(int(past.at[0]), past.end, QUARTER, dtype=np.int64)
    sign = np.searchsorted(past.at, times, side="right") - 1
    hour = (past.wall[sign] + times - past.at[sign]) // HOUR % 24
    vouched = past.vouched(times + QUARTER) - past.vouched(times) > QUARTER // 2
    out = past.out[sign]
    found = {}
    for part in Part:
        here = np.isin(hour, part.hours)
        total, home = max(1, int(np.count_nonzero(here))), here & vouched & ~out
        called, asked = (np.maximum(0, (past.at + waits)[sign[home]] - times[home]) for waits in (page, prompt))
        found[part] = Moment(
            _minutes(called, 0.5), _minutes(called, 0.9), _minutes(asked, 0.5), _minutes(asked, 0.9),
            out=round(int(np.count_nonzero(here & vouched & out)) / total, 3),
            unseen=round(int(np.count_nonzero(here & ~vouched)) / total, 3),
        )  # fmt: skip
    return found
