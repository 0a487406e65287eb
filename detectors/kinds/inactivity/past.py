"""The silences of the last weeks, one by one: what a page compares the present one with."""

from __future__ import annotations

from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Collection, Mapping
from typing import Any

from domain.clock import DAY, MINUTE, SECOND, Instant, Span
from domain.localtime import LocalTime

COMPARED: Span = 10 * MINUTE
"""A shorter silence is not compared."""
REMEMBERED: Span = 28 * DAY
_TENTH: Span = 10 * SECOND
_MOST = 65_535


class Past:
    """When each silence began, to the minute, and how long it lasted, to ten seconds."""

    __slots__ = ("_lengths", "_starts")

    def __init__(self) -> None:
        self._starts = array("I")
        self._lengths = array("H")

    def add(self, start: Instant, silence: Span) -> None:
        """A silence that began at ``start`` is over; a short one is not kept."""
        if silence >= COMPARED:
            self._starts.append(start // MINUTE)
            self._lengths.append(min(_MOST, silence // _TENTH))

    def take(self, start: Instant, end: Instant) -> list[tuple[Instant, Span]]:
        """Take out the silences that began between the two instants: (start, length) of each."""
        first, after = bisect_left(self._starts, start // MINUTE), bisect_right(self._starts, end // MINUTE)
        found = [
            (begun * MINUTE, length * _TENTH)
            for begun, length in zip(self._starts[first:after], self._lengths[first:after], strict=True)
        ]
        del self._starts[first:after], self._lengths[first:after]
        return found

    def put(self, start: Instant, silence: Span) -> None:
        """Put back a silence that was taken out."""
        if silence >= COMPARED:
            place = bisect_right(self._starts, start // MINUTE)
            self._starts.insert(place, start // MINUTE)
            self._lengths.insert(place, min(_MOST, silence // _TENTH))

    def forget(self, now: Instant) -> None:
        """Drop what began more than REMEMBERED before ``now``."""
        keep = next(
            (i for i, start in enumerate(self._starts) if start * MINUTE >= now - REMEMBERED), len(self._starts)
        )
        del self._starts[:keep], self._lengths[:keep]

    def alike(self, hours: Collection[int], now: Instant, local: LocalTime) -> list[Span]:
        """How long the silences lasted that began in one of the clock ``hours`` within REMEMBERED before ``now``."""
        return [
            length * _TENTH
            for start, length in zip(self._starts, self._lengths, strict=True)
            if start * MINUTE >= now - REMEMBERED and local.hour(start * MINUTE) in hours
        ]

    def snapshot(self) -> dict[str, Any]:
        """JSON-ready state."""
        return {"starts": list(self._starts), "lengths": list(self._lengths)}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Become what ``snapshot`` described."""
        self._starts, self._lengths = array("I", state["starts"]), array("H", state["lengths"])
