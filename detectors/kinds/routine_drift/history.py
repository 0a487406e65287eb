"""The last weeks of a home as a few numbers for each day, what is usual among them, and how far the present has drifted.

z = (x - median56) / (1.4826 MAD56), among days of the same sort (working or free) where eight of them are known; then a
two-sided CUSUM with k = 0.5: S = max(0, S + z - k) upwards, and its like downwards (Page, "Continuous inspection
schemes", Biometrika 41, 100-115, 1954). The deviation is never taken to be less than a feature's own least, and one day
counts for three of them at most, so that no single day makes a drift.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean, median
from typing import Any

from detectors.days import day_type
from detectors.kinds.routine_drift.day import PARTS
from domain.ids import DeviceId

BASELINE_DAYS = 56
KEPT_DAYS = BASELINE_DAYS + 7
K = 0.5
_WEEK_Z = 1.5
"""The week's mean z that a change must have at least, beside its CUSUM."""
_ONE_DAY_COUNTS = 3.0
_LIKE_DAYS = 8
_STEP_BASE = 10
"""A step is looked for where so many days lie before it."""
_STEP, _NIGHT_STEP = (8.0, 0.4), (5.0, 0.5)
"""A step is at least so many slots and this share of what was usual: in the whole day, and in the night."""
_SAME, _NIGHT_SAME = 5.0, 2.0
"""Slots by which what the other sensors see may differ at any rate: in a day, and in a night."""
_PARTS, _NIGHT = len(PARTS), list(PARTS).index("night")
_CENTI = 100
"""CUSUMs are kept in hundredths, so that they are whole numbers."""


@dataclass(frozen=True, slots=True)
class Kind:
    """How one feature is judged; figures are in its own unit, slots of five minutes unless said otherwise."""

    least_deviation: float
    """The standard deviation is taken to be at least this, and at least ``least_share`` of the median."""
    least_share: float
    matters: float
    """A change of the week's figure by less than this, or than ``matters_share`` of the usual one, is not told."""
    matters_share: float = 0.0
    only_less: bool = False
    """Whether more of it is nothing to tell."""
    by_median: bool = False
    """Whether weeks are told by their median: for times of the day, which one odd night moves far."""


FEATURES: Mapping[str, Kind] = {
    "morning": Kind(4, 0.15, 6, 0.25),
    "afternoon": Kind(4, 0.15, 6, 0.25),
    "evening": Kind(4, 0.15, 6, 0.25),
    "night": Kind(2, 0.15, 4, 0.5),
    "out": Kind(10, 0.0, 12, 0.5, only_less=True),
    "rise": Kind(5, 0.0, 12, by_median=True),
    "bed": Kind(5, 0.0, 12, by_median=True),
}
ROOM = Kind(60, 0.25, 150, 0.5)
"""A room's share of the day's signs of life, in thousandths."""


@dataclass(frozen=True, slots=True)
class Change:
    """One feature of the week against what was usual; means or medians, in the feature's unit."""

    feature: str
    week: float
    usual: float
    z: float
    """The mean z of the week's days."""
    device: DeviceId | None = None


@dataclass(frozen=True, slots=True)
class Step:
    """A sensor that sees far more or less than before from one day on."""

    device: DeviceId
    first: int
    """Index of that day."""
    now: float
    """Slots a day since, and before."""
    usual: float


class History:
    """Days, ascending; a day that was not fully seen is not in it."""

    def __init__(self) -> None:
        self.days: array[int] = array("i")
        self._columns: dict[str, array[int]] = {name: array("h") for name in (*FEATURES, "visits")}
        self._devices: dict[DeviceId, array[int]] = {}
        """Slots with life by device: one for each of PARTS, day after day."""
        self._sums: dict[str, list[int]] = {}
        """Feature, or ``room:device`` -> the CUSUM upwards and downwards."""

    def __len__(self) -> int:
        return len(self.days)

    # ---- what is kept ------------------------------------------------------------------------------------------------

    def add(
        self, day: int, zone: str, features: Mapping[str, int], devices: Mapping[DeviceId, Sequence[int]], learn: int
    ) -> None:
        """A day is over; from ``learn`` known days on its distance from the usual goes into the CUSUMs.

        ``devices`` holds each device's slots with life by part of the day.
        """
        for device in devices:
            if device not in self._devices:
                self._devices[device] = array("h", [0] * len(self.days) * _PARTS)
        self.days.append(day)
        for name, column in self._columns.items():
            column.append(features[name])
        for device, slots in self._devices.items():
            slots.extend(devices.get(device, (0,) * _PARTS))
        if len(self.days) > learn:
            for name, kind, values in self._series():
                self._sum(name, self._z(values, len(values) - 1, kind, zone))
        self._forget(next(i for i, known in enumerate(self.days) if known > day - KEPT_DAYS))
        self._devices = {device: slots for device, slots in self._devices.items() if any(slots)}

    def _series(self) -> Iterable[tuple[str, Kind, Sequence[int]]]:
        for name, kind in FEATURES.items():
            yield name, kind, self._columns[name]
        seen = {device: self._slots(device) for device in self._devices}
        totals = [sum(day) for day in zip(*seen.values(), strict=True)]
        for device, slots in seen.items():
            shares = [1000 * one // total if total else 0 for one, total in zip(slots, totals, strict=True)]
            yield f"room:{device}", ROOM, shares

    def _slots(self, device: DeviceId, part: int | None = None) -> Sequence[int]:
        """A device's slots day by day: of one part of the day, or of all of it."""
        slots = self._devices[device]
        if part is not None:
            return slots[part::_PARTS]
        return [sum(slots[i : i + _PARTS]) for i in range(0, len(slots), _PARTS)]

    def _forget(self, days: int) -> None:
        """The first ``days`` days."""
        if not days:
            return
        for kept in (self.days, *self._columns.values()):
            del kept[:days]
        for slots in self._devices.values():
            del slots[: days * _PARTS]

    def _like(self, values: Sequence[int], at: int, zone: str, before: int | None = None) -> list[int]:
        """What is usual for the day at index ``at``: known values of the days like it, before index ``before``."""
        day, end = self.days[at], at if before is None else before
        known = [i for i in range(end) if self.days[i] >= day - BASELINE_DAYS - 7 and values[i] >= 0]
        free = day_type(day, zone).free
        like = [values[i] for i in known if day_type(self.days[i], zone).free is free]
        return like if len(like) >= _LIKE_DAYS else [values[i] for i in known]

    def _z(self, values: Sequence[int], at: int, kind: Kind, zone: str, before: int | None = None) -> float:
        like = self._like(values, at, zone, before)
        if values[at] < 0 or len(like) < _LIKE_DAYS:
            return 0.0
        usual = median(like)
        mad = median(abs(value - usual) for value in like)
        z = (values[at] - usual) / max(1.4826 * mad, kind.least_deviation, kind.least_share * usual)
        return max(-_ONE_DAY_COUNTS, min(_ONE_DAY_COUNTS, z))

    def _sum(self, name: str, z: float) -> None:
        up, down = self._sums.get(name, (0, 0))
        sums = [max(0, up + round((z - K) * _CENTI)), max(0, down + round((-z - K) * _CENTI))]
        if any(sums):
            self._sums[name] = sums
        else:
            self._sums.pop(name, None)

    # ---- what is asked -----------------------------------------------------------------------------------------------

    def since(self, day: int) -> int:
        """The index of the first day from ``day`` on."""
        return next((i for i, known in enumerate(self.days) if known >= day), len(self.days))

    def changes(self, first: int, zone: str, decision: float) -> list[Change]:
        """The features whose CUSUM exceeds ``decision``, and whose days from index ``first`` on lie that way far enough.

        The farthest first. Their CUSUMs begin anew.
        """
        found = []
        for name, kind, values in self._series():
            up, down = self._sums.get(name, (0, 0))
            if max(up, down) <= decision * _CENTI:
                continue
            week = [values[i] for i in range(first, len(self.days)) if values[i] >= 0]
            before = [values[i] for i in range(first) if values[i] >= 0]
            if not week or not before:
                continue
            middle = median if kind.by_median else fmean
            now, usual = middle(week), middle(before)
            change = now - usual
            z = fmean(self._z(values, i, kind, zone, first) for i in range(first, len(self.days)))
            if abs(change) < max(kind.matters, kind.matters_share * usual) or abs(z) < _WEEK_Z:
                continue
            if (change > 0) != (up > down) or (z > 0) != (up > down) or (kind.only_less and change > 0):
                continue
            device = DeviceId(name.partition(":")[2]) if name.startswith("room:") else None
            found.append(Change(name, round(now, 1), round(usual, 1), round(z, 2), device))
            del self._sums[name]
        return sorted(found, key=lambda c: (-abs(c.z), c.feature))

    def visits(self, first: int) -> tuple[list[int], list[int]]:
        """Visits to the toilet, night by night: before index ``first``, and from it on."""
        nights = self._columns["visits"].tolist()
        return [n for n in nights[:first] if n >= 0], [n for n in nights[first:] if n >= 0]

    def step(self, earliest: int, days: int) -> Step | None:
        """One sensor that sees far more or less at one blow, while the others see much the same; the latest such step.

        Its days since lie beyond those of the three weeks before, in the whole day or in the night; an odd day in ten is
        overlooked. Looked for from index ``earliest`` on, where ``days`` days at least have been seen since.
        """
        for part in (None, _NIGHT):
            seen = {device: self._slots(device, part) for device in sorted(self._devices)}
            for first in range(len(self.days) - days, max(earliest, _STEP_BASE) - 1, -1):
                was, now = slice(max(0, first - 21), first), slice(first, None)
                for device, slots in seen.items():
                    if _beyond(slots[was], slots[now], *(_STEP if part is None else _NIGHT_STEP)) and self._others(
                        device, seen, was, now, _SAME if part is None else _NIGHT_SAME
                    ):
                        whole = self._slots(device)
                        return Step(device, first, float(median(whole[now])), float(median(whole[was])))
        return None

    def alone(self, first: int) -> Step | None:
        """One sensor that on the mean sees far more or less from index ``first`` on, while each of the others does not."""
        was, now = slice(0, first), slice(first, None)
        seen = {device: self._slots(device) for device in sorted(self._devices)}
        for device, slots in seen.items():
            usual, since = fmean(slots[was]), fmean(slots[now])
            far = abs(since - usual) >= max(_SAME, 0.4 * usual)
            if far and self._others(device, seen, was, now, _SAME, each=True):
                return Step(device, first, round(since, 1), round(usual, 1))
        return None

    def _others(
        self, device: DeviceId, seen: Mapping[DeviceId, Sequence[int]], was: slice, now: slice, same: float, *,
        each: bool = False,
    ) -> bool:  # fmt: skip
        """True when the other sensors see as much as before, taken together or ``each`` for itself."""
        others = [slots for other, slots in seen.items() if other != device]
        series = others if each else [[sum(day) for day in zip(*others, strict=True)]]
        return bool(others) and all(
            abs(median(slots[now]) - median(slots[was])) <= max(same, 0.25 * median(slots[was])) for slots in series
        )

    def start_at(self, first: int) -> None:
        """Forget the days before index ``first``: the home was seen with other eyes then."""
        self._forget(first)
        self._sums.clear()

    # ---- state -------------------------------------------------------------------------------------------------------

    def snapshot(self) -> dict[str, Any]:
        """JSON-ready state."""
        return {
            "days": self.days.tolist(), "columns": {name: column.tolist() for name, column in self._columns.items()},
            "devices": {str(device): slots.tolist() for device, slots in sorted(self._devices.items())},
            "sums": {name: list(sums) for name, sums in sorted(self._sums.items())},
        }  # fmt: skip

    def restore(self, state: Mapping[str, Any]) -> None:
        """Become what ``snapshot`` described."""
        self.days = array("i", state["days"])
        self._columns = {name: array("h", state["columns"][name]) for name in (*FEATURES, "visits")}
        self._devices = {DeviceId(device): array("h", slots) for device, slots in state["devices"].items()}
        self._sums = {name: list(sums) for name, sums in state["sums"].items()}


def _beyond(before: Sequence[int], since: Sequence[int], least: float, share: float) -> bool:
    """True when ``since`` lies on one side of ``before``, far enough, but for an odd day in ten before and in five since."""
    low, high = sorted(before), sorted(since)
    odd, late = len(low) // 10, len(high) // 5
    usual = median(low)
    if abs(median(high) - usual) < max(least, share * usual):
        return False
    return high[-1 - late] < low[odd] or high[late] > low[-1 - odd]
