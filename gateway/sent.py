"""Which numbers of an epoch this process has sent: what the server has of these is ours, whenever it arrived."""

from __future__ import annotations


class Sent:
    """Ranges of numbers. Live readings go ahead of the backlog, so they are not always the first ones."""

    def __init__(self, through: int = 0) -> None:
        """``through``: every number up to this one was sent."""
        self._ranges: list[tuple[int, int]] = [(1, through)] if through > 0 else []

    def add(self, first: int, last: int) -> None:
        """The numbers from ``first`` to ``last`` are on their way."""
        apart = []
        for begin, end in self._ranges:
            if end < first - 1 or last + 1 < begin:
                apart.append((begin, end))
            else:
                first, last = min(first, begin), max(last, end)
        self._ranges = sorted([*apart, (first, last)])

    def run_from(self, number: int) -> int:
        """The last number of those that were sent from ``number`` on without a gap; the one before it when it was not."""
        return next((end for begin, end in self._ranges if begin <= number <= end), number - 1)
