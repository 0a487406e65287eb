"""The line: the usual longest silence of a day, by the hour in which it began, from the home's own days.

For each clock hour: the median, over the home's past days, of the day's longest silence that began within an hour of it,
fitted anew every night from the days before. It is one of the two views behind a prompt (see ``rule``), and stands in
the evidence.
"""

from __future__ import annotations

from array import array
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from domain.clock import SECOND, Span

ENOUGH_DAYS = 6
"""An hour of which fewer days are known has no line."""
KEPT_DAYS = 120
UNKNOWN: tuple[Span | None, ...] = (None,) * 24


class Line:
    """The daily longest silences of one home, and the line through them."""

    __slots__ = ("_days", "days", "first_day", "hours")

    def __init__(self) -> None:
        self._days: dict[int, array[int]] = {}
        """Local day -> the longest silence that began in each clock hour, in whole seconds; 0 for none."""
        self.first_day: int | None = None
        self.days = 0
        """Days that the line rests on."""
        self.hours: tuple[Span | None, ...] = UNKNOWN
        """The line by clock hour; None where too little is known."""

    def learn(self, day: int, hour: int, silence: Span) -> None:
        """A silence at home that began in ``hour`` of local ``day`` is over, or counts no further."""
        longest = self._days.get(day)
        if longest is None:
            longest = self._days[day] = array("H", bytes(48))
            if self.first_day is None:
                self.first_day = day
        seconds = silence // SECOND
        longest[hour] = max(longest[hour], seconds)

    def fit(self, today: int) -> None:
        """Fit the line anew from the days before local day ``today``."""
        for day in [d for d in self._days if d < today - KEPT_DAYS]:
            del self._days[day]
        past = np.array([self._days[day] for day in sorted(self._days) if day < today], dtype=np.float64)
        self.days = len(past)
        if not self.days:
            return
        near = np.maximum(np.maximum(past, np.roll(past, 1, axis=1)), np.roll(past, -1, axis=1))
        near.sort(axis=0)
        known = np.count_nonzero(near, axis=0)
        self.hours = tuple(
            _median(near[-count:, hour]) if count >= ENOUGH_DAYS else None for hour, count in enumerate(known)
        )

    def snapshot(self) -> dict[str, Any]:
        """JSON-ready state."""
        return {
            "days": [[day, *longest] for day, longest in sorted(self._days.items())],
            "first_day": self.first_day, "rests_on": self.days, "hours": list(self.hours),
        }  # fmt: skip

    def restore(self, state: Mapping[str, Any]) -> None:
        """Become what ``snapshot`` described."""
        self._days = {row[0]: array("H", row[1:]) for row in state["days"]}
        self.first_day, self.days = state["first_day"], state["rests_on"]
        self.hours = tuple(state["hours"])


def _median(ascending: NDArray[np.float64]) -> Span:
    """The median of sorted seconds, in whole seconds."""
    last = len(ascending) - 1
    return round((float(ascending[last // 2]) + float(ascending[(last + 1) // 2])) / 2) * SECOND
