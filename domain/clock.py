"""Instants, and the clocks that tell them: the only place that reads wall time.

An *instant* is an ``int``: microseconds since 1970-01-01T00:00:00Z, leap seconds ignored as POSIX does. Local wall time
exists only in ``domain.localtime``.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Protocol

Instant = int
"""Microseconds since the Unix epoch, UTC."""

Span = int
"""A duration in microseconds."""

MICROSECOND: Span = 1
MILLISECOND: Span = 1_000
SECOND: Span = 1_000_000
MINUTE: Span = 60 * SECOND
HOUR: Span = 60 * MINUTE
DAY: Span = 24 * HOUR
LEAP: Span = MINUTE
"""A clock that gains more than this against the monotonic one was set, or its machine stood still."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def from_datetime(moment: datetime) -> Instant:
    """The instant of an aware datetime; raises ValueError for a naive one, exact to the microsecond."""
    if moment.tzinfo is None:
        raise ValueError(f"{moment.isoformat()} has no UTC offset, so it names no instant: add one.")
    since = moment - _EPOCH
    return (since.days * 86_400 + since.seconds) * SECOND + since.microseconds


def to_datetime(at: Instant) -> datetime:
    """The aware UTC datetime of an instant (years 1 to 9999, else OverflowError)."""
    return _EPOCH + timedelta(microseconds=at)


@lru_cache(maxsize=1024)  # one message says the same instant several times
def from_iso(text: str) -> Instant:
    """The instant of an ISO 8601 text with an offset or ``Z``; raises ValueError otherwise."""
    return from_datetime(datetime.fromisoformat(text))


@lru_cache(maxsize=1024)
def to_iso(at: Instant) -> str:
    """ISO 8601 in UTC, as ``2026-11-23T01:02:03Z``; microseconds only when there are any."""
    return to_datetime(at).isoformat().replace("+00:00", "Z")


class Clock(Protocol):
    """Tells the time, and does nothing else: waiting belongs to a Feed."""

    def now(self) -> Instant:
        """The present instant."""
        ...


class SystemClock:
    """The machine's wall clock."""

    def now(self) -> Instant:
        """The present instant by the machine."""
        return time.time_ns() // 1_000


class VirtualClock:
    """A clock that moves only when it is told to, and never back."""

    def __init__(self, start: Instant = 0) -> None:
        self._now = start

    def now(self) -> Instant:
        """The instant it was last moved to."""
        return self._now

    def advance_to(self, at: Instant) -> None:
        """Move to ``at``; an earlier instant leaves the clock where it is."""
        self._now = max(self._now, at)


@dataclass(frozen=True, slots=True)
class ScaledClock:
    """Wall time run faster: at real instant ``origin`` it showed ``start``, and since then ``speed`` times real time.

    Processes that are given the same three numbers agree on the time without talking to each other.
    """

    origin: Instant
    start: Instant
    speed: float

    def now(self) -> Instant:
        """The scaled present instant."""
        return self.start + int((time.time_ns() // 1_000 - self.origin) * self.speed)

    def real_seconds(self, span: Span) -> float:
        """How many real seconds a scaled span takes."""
        return span / SECOND / self.speed


def monotonic() -> Span:
    """Microseconds on a clock that never steps; only differences mean anything, and only within one process."""
    return time.monotonic_ns() // 1_000


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
