"""Watermark and coverage: both are earned by what gateways vouch for, never by our own clock."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator

from domain.clock import Instant, Span


class Watermark:
    """The event time up to which every source of a home has vouched: the smallest over its sources; never moves back."""

    __slots__ = ("_sources", "_value")

    def __init__(self) -> None:
        self._sources: dict[str, Instant] = {}
        self._value: Instant | None = None

    @property
    def value(self) -> Instant | None:
        """None until each known source has vouched at least once."""
        return self._value

    def expect(self, source: str) -> None:
        """Make the watermark wait for ``source`` too, from where the watermark stands now."""
        if source not in self._sources:
            self._sources[source] = self._value if self._value is not None else -1
            self._settle()

    def forget(self, source: str) -> bool:
        """Stop waiting for ``source``; True when the watermark moved."""
        self._sources.pop(source, None)
        return self._settle()

    def vouch(self, source: str, through: Instant) -> bool:
        """``source`` has vouched for everything up to ``through``; True when the watermark moved."""
        if through <= self._sources.get(source, -1):
            self._sources.setdefault(source, through)
            return False
        self._sources[source] = through
        return self._settle()

    def _settle(self) -> bool:
        lowest = min(self._sources.values(), default=-1)
        if lowest < 0 or (self._value is not None and lowest <= self._value):
            return False
        self._value = lowest
        return True

    def snapshot(self) -> dict[str, object]:
        """JSON-ready state."""
        return {"sources": dict(self._sources), "value": self._value}

    @classmethod
    def restore(cls, state: dict[str, object]) -> Watermark:
        """The watermark that ``snapshot`` described."""
        mark = cls()
        sources, value = state["sources"], state["value"]
        if not isinstance(sources, dict) or not (value is None or isinstance(value, int)):
            raise ValueError("A watermark snapshot needs 'sources' (object) and 'value' (integer or null).")
        mark._sources = {str(name): int(at) for name, at in sources.items()}
        mark._value = value
        return mark


class Coverage:
    """Disjoint intervals of time, ascending: when somebody vouched. Holes between them are blindness.

    ``join`` (a span) closes holes no longer than that: two heartbeats a period apart are one interval.
    """

    __slots__ = ("_ends", "_join", "_starts")

    def __init__(self, intervals: Iterable[tuple[Instant, Instant]] = (), join: Span = 0) -> None:
        self._starts: list[Instant] = []
        self._ends: list[Instant] = []
        self._join = join
        for start, end in intervals:
            self.add(start, end)

    def __iter__(self) -> Iterator[tuple[Instant, Instant]]:
        return iter(zip(self._starts, self._ends, strict=True))

    def __len__(self) -> int:
        return len(self._starts)

    def add(self, start: Instant, end: Instant) -> None:
        """Vouch for [start, end]; in any order, any number of times. Raises ValueError when it ends before it starts."""
        if end < start:
            raise ValueError("An interval ends before it starts.")
        if self._ends and start >= self._starts[-1]:  # the live case: at or after the last interval
            if start <= self._ends[-1] + self._join:
                self._ends[-1] = max(self._ends[-1], end)
            else:
                self._starts.append(start)
                self._ends.append(end)
            return
        low = bisect_left(self._ends, start - self._join)
        high = bisect_right(self._starts, end + self._join)
        if low < high:
            start, end = min(start, self._starts[low]), max(end, self._ends[high - 1])
        self._starts[low:high] = [start]
        self._ends[low:high] = [end]

    def covered(self, start: Instant, end: Instant) -> Span:
        """How much of [start, end] is vouched for."""
        total = 0
        for i in range(bisect_left(self._ends, start), len(self._starts)):
            if self._starts[i] >= end:
                break
            total += max(0, min(end, self._ends[i]) - max(start, self._starts[i]))
        return total

    def holes(self, start: Instant, end: Instant) -> list[tuple[Instant, Instant]]:
        """The parts of [start, end] that nobody vouched for, ascending."""
        found, at = [], start
        for i in range(bisect_left(self._ends, start), len(self._starts)):
            if self._starts[i] >= end:
                break
            if self._starts[i] > at:
                found.append((at, self._starts[i]))
            at = max(at, self._ends[i])
        if at < end:
            found.append((at, end))
        return found

    def forget_before(self, at: Instant) -> None:
        """Drop what ended before ``at``; what reaches across it stays whole."""
        keep = bisect_left(self._ends, at)
        del self._starts[:keep], self._ends[:keep]

    def snapshot(self) -> list[list[int]]:
        """JSON-ready intervals."""
        return [[a, b] for a, b in self]
