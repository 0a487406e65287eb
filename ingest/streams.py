"""Which sequence numbers of one spool epoch are stored: a contiguous prefix and the islands above it."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from dataclasses import dataclass, field

MAX_ISLANDS = 1_000
"""A gateway that sends live before backlog makes one or two; more than this is no gateway of ours."""


@dataclass(slots=True)
class Stream:
    """The sequence numbers 1, 2, 3 ... of one (gateway, epoch). ``id`` is the journal's own number for it."""

    id: int
    gateway: str
    epoch: str
    through: int = 0
    """No number up to this one is missing."""
    islands: list[tuple[int, int]] = field(default_factory=list)
    """Stored (first, last) above ``through + 1``, disjoint, not adjacent, ascending."""

    def __contains__(self, seq: int) -> bool:
        if seq <= self.through:
            return True
        at = bisect_right(self.islands, (seq, 2**63)) - 1
        return at >= 0 and self.islands[at][1] >= seq

    def is_above(self, first: int) -> bool:
        """True when nothing from ``first`` on is stored: the usual case, and a quick one."""
        return first > (self.islands[-1][1] if self.islands else self.through)

    def would_scatter(self, first: int) -> bool:
        """True when storing from ``first`` on would make one island too many."""
        return len(self.islands) >= MAX_ISLANDS and first > self.through + 1 and (first - 1) not in self

    def add(self, first: int, last: int) -> None:
        """Mark first..last as stored (or as lost for ever: nothing more is to be waited for)."""
        if last <= self.through:
            return
        if not self.islands and first <= self.through + 1:
            self.through = last
            return
        low = bisect_left(self.islands, (first - 1, -1))
        if low and self.islands[low - 1][1] >= first - 1:
            low -= 1
        high = low
        while high < len(self.islands) and self.islands[high][0] <= last + 1:
            first, last = min(first, self.islands[high][0]), max(last, self.islands[high][1])
            high += 1
        self.islands[low:high] = [(first, last)]
        while self.islands and self.islands[0][0] <= self.through + 1:
            self.through = max(self.through, self.islands.pop(0)[1])
