"""Whether more than one person is in the home, from movements that one person cannot have made.

Somebody who walks from one room to another needs some seconds. Between which rooms, the home teaches: two sensors of which one
answers the other within a minute or two, time and again, and hardly ever at once. When such a pair does answer at once, and
again, and again, there are two people. A pair without such a history proves nothing.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from typing import Any

from domain.clock import HOUR, MINUTE, SECOND, Instant, Span
from domain.ids import DeviceId

QUICK: Span = 5 * SECOND
"""Nobody walks so fast between rooms that lie apart."""
TRIP: Span = 2 * MINUTE
"""A movement elsewhere so soon after the last one is a walk from there."""
ENOUGH_TRIPS = 10.0
RARE = 0.05
"""A pair of sensors of whose answers no larger part was quick lies apart."""
ODD = 3
WITHIN: Span = 15 * MINUTE
"""So many quick answers between rooms that lie apart, within so long, are company."""
STAYS: Span = 2 * HOUR
"""How long company is taken to stay after that, unless an outer door moves."""
_FADES = 0.95
_FORGOTTEN = 0.01


class Company:
    """Fed with each movement seen indoors. What a day teaches counts from the next one on, and company teaches nothing."""

    def __init__(self) -> None:
        self._known: dict[str, tuple[float, float]] = {}
        """Pair of sensors -> (quick answers, all answers within ``TRIP``), old ones fading."""
        self._today: dict[str, tuple[int, int]] = {}
        self._last: tuple[DeviceId, Instant] | None = None
        self._odd: deque[Instant] = deque(maxlen=ODD)
        self._until: Instant = 0

    def present(self, at: Instant) -> bool:
        """True while more than one person is taken to be there."""
        return at < self._until

    def moved(self, device: DeviceId, at: Instant) -> None:
        """A motion sensor indoors saw somebody."""
        last, self._last = self._last, (device, at)
        if last is None or last[0] == device or at - last[1] > TRIP:
            return
        quick = at - last[1] <= QUICK
        pair = f"{last[0]}|{device}" if last[0] < device else f"{device}|{last[0]}"
        if quick and self._apart(pair):
            self._odd.append(at)
            if len(self._odd) == ODD and at - self._odd[0] <= WITHIN:
                self._until = at + STAYS
                # What led to it was not one person's walk either.
                self._today = {name: (0, trips - fast) if self._apart(name) else (fast, trips)
                               for name, (fast, trips) in self._today.items()}  # fmt: skip
        if at >= self._until:
            fast, trips = self._today.get(pair, (0, 0))
            self._today[pair] = (fast + quick, trips + 1)

    def _apart(self, pair: str) -> bool:
        fast, trips = self._known.get(pair, (0.0, 0.0))
        return trips >= ENOUGH_TRIPS and fast <= RARE * trips

    def left(self, at: Instant, lingers: Span) -> None:
        """An outer door moved: whoever came may have gone; it counts as company for ``lingers`` yet."""
        self._until = min(self._until, at + lingers)
        self._odd.clear()

    def fade(self) -> None:
        """A day has passed."""
        known = {}
        for pair in sorted({*self._known, *self._today}):
            fast, trips = self._known.get(pair, (0.0, 0.0))
            more = self._today.get(pair, (0, 0))
            trips = round(trips * _FADES + more[1], 3)
            if trips >= _FORGOTTEN:
                known[pair] = (round(fast * _FADES + more[0], 3), trips)
        self._known, self._today = known, {}

    def snapshot(self) -> dict[str, Any]:
        """JSON-ready state."""
        return {
            "known": {pair: list(counts) for pair, counts in sorted(self._known.items())},
            "today": {pair: list(counts) for pair, counts in sorted(self._today.items())},
            "last": None if self._last is None else list(self._last), "odd": list(self._odd), "until": self._until,
        }  # fmt: skip

    def restore(self, state: Mapping[str, Any]) -> None:
        """Become what ``snapshot`` described."""
        self._known = {pair: (fast, trips) for pair, (fast, trips) in state["known"].items()}
        self._today = {pair: (fast, trips) for pair, (fast, trips) in state["today"].items()}
        self._odd, self._until = deque(state["odd"], maxlen=ODD), state["until"]
        last = state["last"]
        self._last = None if last is None else (DeviceId(last[0]), last[1])
