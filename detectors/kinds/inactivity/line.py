"""The line: the usual longest silence of a day, by the hour in which it began, from the home's own days.

For each clock hour: the median, over the home's past days, of the day's longest silence that began within an hour of it,
fitted anew every night from the days before. It is one of the two views behind a prompt (see ``rule``), and stands in
the evidence.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from domain.clock import SECOND, Span

ENOUGH_DAYS = 6
"""An hour of which fewer days are known has no line."""
KEPT_DAYS = 120
_NOTHING = array("H", bytes(48))
UNKNOWN: tuple[Span | None, ...] = (None,) * 24


class Line:
    """The daily longest silences of one home, and the line through them."""

    __slots__ = ("_days", "_longest", "days", "first_day", "hours")

    def __init__(self) -> None:
        self._days: array[int] = array("i")
        """Local days, ascending ..."""
        self._longest: array[int] = array("H")
        """... and for each of them the longest silence that began in each clock hour, in whole seconds; 0 for none."""
        self.first_day: int | None = None
        self.days = 0
        """Days that the line rests on."""
        self.hours: tuple[Span | None, ...] = UNKNOWN
        """The line by clock hour; None where too little is known."""

    def learn(self, day: int, hour: int, silence: Span) -> None:
        """A silence at home that began in ``hour`` of local ``day`` is over, or counts no further."""
        place = bisect_left(self._days, day)
        if place == len(self._days) or self._days[place] != day:
            self._days.insert(place, day)
            self._longest[24 * place : 24 * place] = _NOTHING
            if self.first_day is None:
                self.first_day = day
        cell = 24 * place + hour
        self._longest[cell] = max(self._longest[cell], silence // SECOND)

    def longest(self, day: int, hour: int) -> Span:
        """The longest silence that is known to have begun in ``hour`` of local ``day``; 0 for none."""
        place = bisect_left(self._days, day)
        known = place < len(self._days) and self._days[place] == day
        return self._longest[24 * place + hour] * SECOND if known else 0

    def forget(self, day: int, hour: int, silence: Span, before: Span) -> None:
        """Such a silence is not to count; the longest was ``before`` until then. A longer one stays."""
        if self.longest(day, hour) // SECOND == silence // SECOND:
            self._longest[24 * bisect_left(self._days, day) + hour] = before // SECOND

    def fit(self, today: int) -> None:
        """Fit the line anew from the days before local day ``today``."""
        gone = bisect_left(self._days, today - KEPT_DAYS)
        del self._days[:gone], self._longest[: 24 * gone]
        known_days = bisect_left(self._days, today)
        past = np.array(self._longest[: 24 * known_days], dtype=np.float64).reshape(known_days, 24)
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
            "days": [[day, *self._longest[24 * place : 24 * place + 24]] for place, day in enumerate(self._days)],
            "first_day": self.first_day, "rests_on": self.days, "hours": list(self.hours),
        }  # fmt: skip

    def restore(self, state: Mapping[str, Any]) -> None:
        """Become what ``snapshot`` described."""
        self._days = array("i", [row[0] for row in state["days"]])
        self._longest = array("H", [seconds for row in state["days"] for seconds in row[1:]])
        self.first_day, self.days = state["first_day"], state["rests_on"]
        self.hours = tuple(state["hours"])


def _median(ascending: NDArray[np.float64]) -> Span:
    """The median of sorted seconds, in whole seconds."""
    last = len(ascending) - 1
    return round((float(ascending[last // 2]) + float(ascending[(last + 1) // 2])) / 2) * SECOND
