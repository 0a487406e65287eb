"""The clock that ingest dates by: it never steps back, whatever is done to the machine's.

What is written into a journal is dated once, and processing time must not turn back.
"""

from __future__ import annotations

import threading
from collections.abc import Callable

from domain.clock import MINUTE, Clock, Instant, Span, monotonic

LEAP: Span = MINUTE
"""A clock that gains more than this against the monotonic one was set, or its machine stood still."""


class SteadyClock:
    """Another clock, for one who dates what cannot be dated twice: it never steps back, and knows when it was set ahead.

    When the other clock steps back, this one runs on from where it was at nine tenths of the pace until the other has caught
    up: spans stay nearly right, which an hour without any time would not. Any thread may ask.
    """

    def __init__(self, clock: Clock, ticks: Callable[[], Span] = monotonic) -> None:
        self._clock, self._ticks, self._lock = clock, ticks, threading.Lock()
        self._told = self._base = clock.now()
        self._since = ticks()
        """When ``_base`` was told: the two go together, and spans are counted from there."""
        self._leapt: Instant | None = None

    @property
    def other(self) -> Clock:
        """The clock itself, for whoever is told what it shows just now."""
        return self._clock

    def not_before(self, at: Instant) -> None:
        """Tell no instant before ``at``: somebody has written it down already."""
        with self._lock:
            if at > self._told:
                self._told = self._base = at
                self._since = self._ticks()

    def now(self) -> Instant:
        """The present instant, never before one that was told."""
        with self._lock:
            other, ticks = self._clock.now(), self._ticks()
            passed = ticks - self._since
            if other < self._told:
                self._told = max(self._told, self._base + passed * 9 // 10)
                return self._told
            if other - self._base > passed + LEAP and self._leapt is None:
                self._leapt = self._told
            self._told = self._base = other
            self._since = ticks
            return other

    def leap(self) -> Instant | None:
        """Since when nobody can say what time it was, if the other clock was set ahead since the last call."""
        with self._lock:
            leapt, self._leapt = self._leapt, None
            return leapt
