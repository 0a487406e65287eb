"""The device that would shorten the delays most, and what the loss of one would cost, from the home's own last weeks.

A limit follows the silences that are usual at its hour. So the usual silences are worked out anew as if a device had been
there (the silences that it would have ended are halved, or taken out where they were absences), or had not been (its signs of
life are taken out, and the silences around them joined); the limit is then taken to move as the usual silence, with ADDED
minutes put to both, does. That is an estimate: it says so wherever it is shown.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from detectors.kinds.inactivity.rule import CAP, FLOOR
from detectors.outlook.past import Line, Past, usual
from detectors.rooms import is_bedroom, is_entrance
from domain.clock import HOUR, MINUTE, Span
from domain.ids import DeviceId
from domain.readings import Quantity

ADDED: Span = 30 * MINUTE
ABSENCE: Span = 45 * MINUTE
"""A shorter silence is not taken for an absence that no outer door told of."""
WORTH_SPLITTING: Span = 30 * MINUTE
WORTH_IT = 0.1
"""A tenth off the mean limit is a reason for another device ..."""
WORTH_HOURS = 2
WORTH_THERE = 0.2
"""... and so is a fifth off the limit of two hours or more."""
NOTABLE = 0.1
"""Hours in which a limit moves by less than this part are not part of the hours named."""
_SETS = 0.9
"""A silence within a tenth of the hour's usual longest one, or beyond it, sets the limit."""
_HOURS = np.arange(24)
_BY_DAY = (_HOURS >= 6) & (_HOURS < 22)


class Idea(StrEnum):
    """A device that could be added."""

    EXIT_DOOR = "exit_door"
    """A sensor at the door that leads out, where there is none."""
    SECOND_EXIT = "second_exit"
    """One at another way out, or another one at the same door."""
    BEDROOM = "bedroom"
    """Something in a bedroom, where there is nothing."""
    BED = "bed"
    """A bed sensor."""
    SECOND_SENSOR = "second_sensor"
    """A second motion sensor, or a power plug on what is used there."""


@dataclass(frozen=True, slots=True)
class Window:
    """The hours in which the limit would move most."""

    first: int
    last: int
    """The clock hour at which they end, 1 to 24 past ``first``."""
    before: Span
    after: Span


@dataclass(frozen=True, slots=True)
class Change:
    """What one device more, or one less, would make of the limits; spans are means over the hours, in whole minutes."""

    day: tuple[Span, Span]
    """From 6 to 22 o'clock: before, after."""
    night: tuple[Span, Span]
    window: Window | None

    @property
    def factor(self) -> float:
        """The mean limit over the whole day afterwards, as a part of that before."""
        before, after = (self.day[n] * 16 + self.night[n] * 8 for n in (0, 1))
        return after / before if before else 1.0


@dataclass(frozen=True, slots=True)
class Advice:
    """One device that could be added."""

    idea: Idea
    room: str | None
    concerned: int
    """How many of the silences that set the limits (of the window's hours) it would have ended."""
    setting: int
    """How many set them."""
    change: Change


@dataclass(frozen=True, slots=True)
class Loss:
    """What is known of one device by leaving it out."""

    device: DeviceId
    room: str | None
    share: float
    """The part of the signs of life that came from it."""
    change: Change


class Estimate:
    """Limits by hour, and what they would be with other silences."""

    def __init__(self, past: Past, limits: list[Span]) -> None:
        self._past = past
        self._limits = np.array(limits, dtype=np.float64)
        kept = past.counted
        self._wall, self._length = past.wall[kept], past.length[kept]
        self._line = usual(self._wall, self._length)

    @property
    def known(self) -> bool:
        """True once something usual is known of most hours of the day."""
        return int(np.count_nonzero(~np.isnan(self._line[_BY_DAY]))) > 8

    def _setting(self, window: Window | None) -> NDArray[np.bool_]:
        """Which silences set the limit of an hour (of ``window``) within an hour of which they began."""
        first, last = (0, 24) if window is None else (window.first, window.last)
        line = np.where((_HOURS - first) % 24 < last - first, self._line, np.nan)
        hour = self._wall // HOUR % 24
        near = np.stack([line[(hour + step) % 24] for step in (-1, 0, 1)])
        found: NDArray[np.bool_] = np.any(self._length >= _SETS * near, axis=0)  # NaN compares as False
        return found

    def change(self, line: Line, *, more: bool) -> Change:
        """What the limits would be with this line; one device ``more`` lengthens none, one less shortens none."""
        ratio = (line + ADDED) / (self._line + ADDED)
        ratio = np.where(np.isnan(ratio), 1.0, np.minimum(ratio, 1.0) if more else np.maximum(ratio, 1.0))
        after = np.clip(self._limits * ratio, FLOOR, CAP)
        return Change(
            (_mean(self._limits[_BY_DAY]), _mean(after[_BY_DAY])),
            (_mean(self._limits[~_BY_DAY]), _mean(after[~_BY_DAY])), _window(self._limits, after),
        )  # fmt: skip

    # ---- one more ----------------------------------------------------------------------------------------------------

    def advice(self) -> list[Advice]:
        """Every device that would shorten the limits by something worth having, the best first."""
        found = [
            Advice(idea, room, int(np.count_nonzero(which & sets)), int(np.count_nonzero(sets)), change)
            for idea, room, which, line in self._ideas()
            for change in [self.change(line, more=True)]
            if _worth_it(change)
            for sets in [self._setting(change.window)]
        ]
        return sorted(found, key=lambda a: (a.change.factor, a.idea, a.room or ""))

    def _ideas(self) -> Iterator[tuple[Idea, str | None, NDArray[np.bool_], Line]]:
        past, kept = self._past, self._past.counted
        rooms = past.rooms()
        here = past.of[kept]
        then = np.append(past.of[1:], past.of[-1:])[kept]
        then_exit = np.append(past.exits[1:], False)[kept]
        hour, long = self._wall // HOUR % 24, self._length >= ABSENCE
        waking = (hour >= 6) & (hour < 21)
        in_hall = np.array([is_entrance(device) for device in past.devices], dtype=np.bool_)
        if any(device.exit for device in past.devices):
            gone = long & waking & then_exit
            yield Idea.SECOND_EXIT, None, gone, self._without(gone)
        elif in_hall.any():
            gone = long & waking & (in_hall[here] | in_hall[then])
            yield Idea.EXIT_DOOR, None, gone, self._without(gone)
        bedrooms = [n for n, device in enumerate(past.devices) if is_bedroom(device)]
        night = (hour >= 21) | (hour < 6)
        in_bed = night | np.isin(here, bedrooms)
        if not bedrooms:
            yield Idea.BEDROOM, None, in_bed, self._split(in_bed)
        elif not any(device.kind is Quantity.BED for device in past.devices):
            yield Idea.BED, rooms[bedrooms[0]], in_bed, self._split(in_bed)
        for room in sorted(set(rooms)):
            places = [n for n, name in enumerate(rooms) if name == room and not past.devices[n].exit]
            if not places or set(places) & set(bedrooms):
                continue
            within = np.isin(here, places) & ~night
            yield Idea.SECOND_SENSOR, room, within, self._split(within)

    def _without(self, gone: NDArray[np.bool_]) -> Line:
        return usual(self._wall[~gone], self._length[~gone])

    def _split(self, which: NDArray[np.bool_]) -> Line:
        """The line if each of these silences had been broken by one movement in its middle."""
        halved = which & (self._length >= WORTH_SPLITTING)
        half = self._length[halved] // 2
        wall = np.concatenate([self._wall, self._wall[halved] + half])
        length = np.concatenate([np.where(halved, self._length // 2, self._length), half])
        order = np.argsort(wall, kind="stable")
        return usual(wall[order], length[order])

    # ---- one less ----------------------------------------------------------------------------------------------------

    def losses(self) -> list[Loss]:
        """What each device's loss would make of the limits, the dearest first."""
        past, found = self._past, []
        for n, device in enumerate(past.devices):
            told = int(np.count_nonzero(past.of == n))
            if not told:
                continue
            left = past.without(device.id)
            kept = left.counted
            change = self.change(usual(left.wall[kept], left.length[kept]), more=False)
            found.append(Loss(device.id, device.room, round(told / past.signs, 3), change))
        return sorted(found, key=lambda loss: (-loss.change.factor, loss.device))


def _worth_it(change: Change) -> bool:
    window = change.window
    there = window is not None and window.last - window.first >= WORTH_HOURS
    return change.factor <= 1 - WORTH_IT or (
        there and window is not None and window.after <= (1 - WORTH_THERE) * window.before
    )


def _mean(limits: NDArray[np.float64]) -> Span:
    return round(float(limits.mean()) / MINUTE) * MINUTE


def _window(before: NDArray[np.float64], after: NDArray[np.float64]) -> Window | None:
    """The run of hours in which the limit moves most in all, none of them by less than NOTABLE."""
    moved = np.abs(after - before)
    notable = moved > NOTABLE * before
    if not notable.any():
        return None
    if notable.all():
        return Window(0, 24, _mean(before), _mean(after))
    best: tuple[float, int, int] = (-1.0, 0, 0)
    for first in range(24):
        if not notable[first] or notable[first - 1]:
            continue
        hours = first
        while notable[hours % 24]:
            hours += 1
        total = float(moved[[hour % 24 for hour in range(first, hours)]].sum())
        best = max(best, (total, -first, hours))
    first, last = -best[1], best[2]
    run = [hour % 24 for hour in range(first, last)]
    return Window(first, last, _mean(before[run]), _mean(after[run]))
