"""The personal line: how long a silence may last that began at this hour, learnt from the home's own days.

For each clock hour: the 90 % quantile, over the home's past days, of the day's longest silence that began within an hour of
it. The line is fitted anew every local midnight from the days before; ten minutes are added, because the tail of short
silences is longer, in proportion, than that of long ones; and the sum is multiplied by a scale that follows from the page
budget.

The scale starts from a pooled curve (measured on recorded homes: false pages per home-month at each scale) and moves towards
the home's own figure as months go by: the scale that its own silences would have exceeded as often as the budget allows.
"""

from __future__ import annotations

import math
from bisect import bisect_left, insort
from collections.abc import Mapping
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from domain.clock import HOUR, MINUTE, SECOND, Span

QUANTILE = 0.9
SHORTEST: Span = MINUTE
LONGEST: Span = 14 * HOUR
"""A longer silence at home is no habit: it is not learnt from."""
FLOOR: Span = 30 * MINUTE
CAP: Span = 12 * HOUR
ADDED: Span = 10 * MINUTE
"""Added to every hour's line before the scale."""
UNLEARNT: Span = 4 * HOUR
"""The line of an hour of which too little is known."""
ENOUGH_DAYS = 6
KEPT_DAYS = 400
_MONTH_DAYS = 30.44
_RATIO_KEPT = 0.75
_CURVE = ((0.5, 4.7), (1.0, 2.35), (2.0, 1.68), (4.0, 1.35), (8.0, 1.14))
"""(false pages per home-month, scale): the pooled curve, log-linear between its points."""
_OWN_WEIGHT_MONTHS = 3.0


def pooled_scale(budget: float) -> float:
    """The scale at which homes on average page ``budget`` times a month for nothing."""
    points = [(math.log(pages), math.log(scale)) for pages, scale in _CURVE]
    x = math.log(budget)
    for (x0, y0), (x1, y1) in pairwise(points):
        if x <= x1 or (x1, y1) == points[-1]:
            return min(6.0, max(0.8, math.exp(y0 + (y1 - y0) * (x - x0) / (x1 - x0))))
    raise AssertionError("the curve has at least two points")


def _quantile(ascending: NDArray[np.float64]) -> Span:
    """The QUANTILE of sorted values, linear between the two around its rank, in whole seconds."""
    rank = QUANTILE * (len(ascending) - 1)
    below = int(rank)
    low, high = float(ascending[below]), float(ascending[min(below + 1, len(ascending) - 1)])
    return round((low + (high - low) * (rank - below)) / SECOND) * SECOND


class Line:
    """The limits of one home."""

    def __init__(self, budget: float) -> None:
        self._budget = budget
        self._pooled = pooled_scale(budget)
        self._days: dict[int, list[Span]] = {}
        """Local day -> longest silence that began in each clock hour, in microseconds; 0 for none."""
        self._ratios: list[tuple[int, float]] = []
        """(local day, silence over the line then in force), the large ones only."""
        self._first_day: int | None = None
        self._line: list[Span] = [UNLEARNT] * 24
        self.scale = self._pooled
        self.days = 0
        """Days that the line rests on."""

    def limit(self, hour: int) -> Span:
        """How long a silence that began in ``hour`` may last before somebody is paged, in whole seconds."""
        return min(CAP, max(FLOOR, round(self.scale * (self._line[hour] + ADDED) / SECOND) * SECOND))

    def base(self, hour: int) -> Span:
        """The line before the scale."""
        return self._line[hour]

    def learn(self, day: int, hour: int, silence: Span, *, counts: bool = True) -> None:
        """A silence at home that began in ``hour`` of local ``day`` is over; one that does not count moves no scale.

        One past its limit was paged, and counts as no longer than the limit: an alarm must not teach that alarms are normal,
        but a new habit moves the line, a little each day.
        """
        if not SHORTEST <= silence < LONGEST:
            return
        if self._first_day is None:
            self._first_day = day
        ratio = silence / max(FLOOR / self.scale, self._line[hour] + ADDED)
        if counts and ratio > _RATIO_KEPT and self.days >= ENOUGH_DAYS:
            insort(self._ratios, (day, round(ratio, 4)))
        longest = self._days.setdefault(day, [0] * 24)
        longest[hour] = max(longest[hour], min(silence, self.limit(hour)))

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
        for hour, known in enumerate(np.count_nonzero(near, axis=0)):
            if known >= ENOUGH_DAYS:
                self._line[hour] = _quantile(near[-known:, hour])
        self._calibrate(today)

    def _calibrate(self, today: int) -> None:
        if self._first_day is None:
            return
        watched = min(120, today - self._first_day - ENOUGH_DAYS) / _MONTH_DAYS
        if watched < 0.5:
            return
        del self._ratios[: bisect_left(self._ratios, (today - 120, 0.0))]
        allowed = self._budget * watched
        largest = sorted((ratio for _, ratio in self._ratios), reverse=True)
        # The scale that would have been exceeded ``allowed`` times: between the two ratios around that rank.
        rank = int(allowed)
        own = largest[rank] if rank < len(largest) else _RATIO_KEPT
        weight = watched / (watched + _OWN_WEIGHT_MONTHS)
        own = min(2.0 * self._pooled, max(0.5 * self._pooled, own))
        self.scale = math.exp((1 - weight) * math.log(self._pooled) + weight * math.log(own))

    def snapshot(self) -> dict[str, Any]:
        """JSON-ready state."""
        return {
            "days": [[day, *longest] for day, longest in sorted(self._days.items())],
            "ratios": [list(pair) for pair in self._ratios],
            "first_day": self._first_day, "line": self._line, "scale": self.scale, "rests_on": self.days,
        }  # fmt: skip

    def restore(self, state: Mapping[str, Any]) -> None:
        """Become what ``snapshot`` described."""
        self._days = {row[0]: list(row[1:]) for row in state["days"]}
        self._ratios = [(day, ratio) for day, ratio in state["ratios"]]
        self._first_day, self._line = state["first_day"], list(state["line"])
        self.scale, self.days = state["scale"], state["rests_on"]
