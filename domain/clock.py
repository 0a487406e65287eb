"""Instants, and the clocks that tell them: the only place that reads wall time.

An *instant* is an ``int``: microseconds since 1970-01-01T00:00:00Z, leap seconds ignored as POSIX does. Local wall time
exists only in ``domain.localtime``.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
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


def _of_the_machine() -> Span:
    return time.monotonic_ns() // 1_000


_ticks: ContextVar[Callable[[], Span]] = ContextVar("ticks", default=_of_the_machine)


def monotonic() -> Span:
    """Microseconds on a clock that never steps; only differences mean anything, and only within one process."""
    return _ticks.get()()


@contextmanager
def measured_by(ticks: Callable[[], Span]) -> Iterator[None]:
    """Whatever runs in this context has ``ticks`` for its ``monotonic``: a simulation, which measures by its own time."""
    token = _ticks.set(ticks)
    try:
        yield
    finally:
        _ticks.reset(token)
