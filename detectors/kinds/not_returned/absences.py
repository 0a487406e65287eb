"""How long this home's resident stays out, learnt from the absences of the last three months, by when they left."""

from __future__ import annotations

from array import array
from collections.abc import Mapping
from typing import Any

from domain.clock import DAY, HOUR, SECOND, Instant, Span
from domain.localtime import LocalTime

REMEMBERED: Span = 90 * DAY
WORTH_KEEPING: Span = HOUR
"""A shorter one makes no limit."""
LONGEST_LEARNT: Span = 20 * HOUR
"""A longer one is no habit."""
ENOUGH = 20
"""So many absences that began in a part of the day make its limit."""
FACTOR = 1.5
MARGIN: Span = HOUR
LEAST: Span = 4 * HOUR
PARTS = ("morning", "afternoon", "evening")
_KEPT = 200


def part_of_day(hour: int) -> int:
    """Which of PARTS somebody left in: from 5, from 12, or from 17 o'clock."""
    return 0 if 5 <= hour < 12 else 1 if 12 <= hour < 17 else 2


class Absences:
    """Two numbers for each absence, in seconds: when it began and how long it was."""

    def __init__(self, most: Span) -> None:
        self._most = most
        self._known = array("q")
        self._longest = [0, 0, 0]
        self._number = [0, 0, 0]

    def limit(self, part: int) -> Span:
        """How long an absence that begins in ``part`` of the day may last before somebody asks."""
        if self._number[part] < ENOUGH:
            return self._most
        return min(self._most, max(LEAST, int(FACTOR * self._longest[part]) // SECOND * SECOND + MARGIN))

    def number(self, part: int) -> int:
        """On how many absences that limit rests."""
        return self._number[part]

    def longest(self, part: int | None = None) -> Span:
        """The longest that began in ``part`` of the day, or at any time."""
        return max(self._longest) if part is None else self._longest[part]

    @property
    def total(self) -> int:
        """How many are known."""
        return sum(self._number)

    def learn(self, start: Instant, length: Span, local: LocalTime) -> None:
        """The resident was out from ``start`` for ``length``."""
        if not WORTH_KEEPING <= length < LONGEST_LEARNT:
            return
        self._known.extend((start // SECOND, length // SECOND))
        del self._known[: max(0, len(self._known) - 2 * _KEPT)]
        self.fit(start + length, local)

    def fit(self, now: Instant, local: LocalTime) -> None:
        """Forget what is too old, and draw the limits from the rest."""
        known, oldest = self._known, (now - REMEMBERED) // SECOND
        while known and known[0] < oldest:
            del known[:2]
        self._longest, self._number = [0, 0, 0], [0, 0, 0]
        for start, length in zip(known[::2], known[1::2], strict=True):
            part = part_of_day(local.hour(start * SECOND))
            self._number[part] += 1
            self._longest[part] = max(self._longest[part], length * SECOND)

    def snapshot(self) -> dict[str, Any]:
        """JSON-ready state."""
        return {"known": self._known.tolist(), "longest": self._longest, "number": self._number}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Become what ``snapshot`` described."""
        self._known = array("q", state["known"])
        self._longest, self._number = list(state["longest"]), list(state["number"])
