"""What the gateway knows about time, and how it waits.

A Raspberry Pi has no clock battery: it may boot in 1970, and NTP corrects its wall clock by years while it runs. So within a
process everything is measured by a steady clock that never steps; what the monotonic clock of this boot is worth is learnt
from NTP, or from the server's answer (see gateway.dating and docs/adr/0006).
"""

from __future__ import annotations

import asyncio
import ctypes
import ctypes.util
import sys
import uuid
from collections import deque
from collections.abc import Callable
from pathlib import Path

from domain.clock import HOUR, MILLISECOND, SECOND, Clock, Instant, ScaledClock, Span, SystemClock, monotonic
from domain.wire import ClockState
from gateway.dating import Anchor, Dating

_TIME_ERROR = 5
_BOOT = Path("/proc/sys/kernel/random/boot_id")
_DRIFT: Span = 50 * MILLISECOND
"""NTP's own small corrections are followed in steps of this size."""
_SERVER_DRIFT: Span = SECOND // 2
_WINDOW: Span = HOUR


def boot_id() -> str:
    """Names this boot of the machine."""
    try:
        return _BOOT.read_text().strip()
    except OSError:
        return str(uuid.uuid4())


def is_synced() -> bool:
    """True when the kernel says that NTP has set the clock; where it cannot say, True."""
    if sys.platform != "linux":
        return True
    timex = (ctypes.c_long * 64)()
    status: int = ctypes.CDLL(ctypes.util.find_library("c")).adjtimex(ctypes.byref(timex))
    return status != _TIME_ERROR


class SteadyClock:
    """The wall clock as it stood when this process began, carried on by the monotonic clock: it never steps."""

    def __init__(self, wall: Clock, mono: Callable[[], Span]) -> None:
        self._mono = mono
        self._base = wall.now() - mono()

    def now(self) -> Instant:
        """The present instant, right or wrong by a constant."""
        return self._base + self._mono()

    def to_mono(self, at: Instant) -> Span:
        """The monotonic time at which this clock shows ``at``."""
        return at - self._base


class Timekeeper:
    """The gateway's clocks: one to stamp by, one to tell the world.

    A clock that is not the machine's (a replay, a demonstration) is right by definition, and all of this stands aside.
    """

    def __init__(
        self,
        wall: Clock,
        *,
        mono: Callable[[], Span] = monotonic,
        synced: Callable[[], bool] = is_synced,
        boot: str | None = None,
        real: bool | None = None,
    ) -> None:
        """``real`` is False for a clock that is simulated; by default, whatever is not the machine's."""
        self._wall, self._mono, self._synced = wall, mono, synced
        self.real = isinstance(wall, SystemClock) if real is None else real
        self.boot = boot or boot_id()
        self._steady = SteadyClock(wall, mono)
        self.clock: Clock = self._steady if self.real else wall
        """What drivers stamp by, and what spans are measured by."""
        self._answers: deque[tuple[Span, Span]] = deque(maxlen=100)

    def to_mono(self, at: Instant) -> Span | None:
        """The monotonic time of an instant of ``clock``; None where it is right by definition."""
        return self._steady.to_mono(at) if self.real else None

    def label(self, at: Instant) -> Instant:
        """What the wall clock shows at an instant of ``clock``: nothing is computed from it."""
        return at if not self.real else self._wall.now() - (self._steady.now() - at)

    def by_ntp(self, known: Anchor | None) -> Anchor | None:
        """An anchor that is better than ``known``, if NTP keeps the machine's clock; else None."""
        if not self.real or not self._synced():
            return None
        shift = self._wall.now() - self._mono()
        if known is not None and known.dated is Dating.NTP and abs(known.shift - shift) < _DRIFT:
            return None
        return Anchor(shift, Dating.NTP)

    def by_server(self, at: Instant | None, known: Anchor | None) -> Anchor | None:
        """An anchor that is better than ``known`` after the server said that it is ``at``; None when there is none.

        The server spoke before its word came here, so of several answers the one that puts the clock furthest on is nearest
        to the truth. A server that does not tell the time leaves the machine's own clock.
        """
        if not self.real or (known is not None and known.dated is Dating.NTP):
            return None
        now = self._mono()
        if at is None:
            return Anchor(self._wall.now() - now, Dating.OWN) if known is None else None
        self._answers.append((now, at - now))
        while self._answers[0][0] < now - _WINDOW:
            self._answers.popleft()
        shift = max(offset for _, offset in self._answers)
        if known is not None and known.dated is Dating.SERVER and abs(known.shift - shift) < _SERVER_DRIFT:
            return None
        return Anchor(shift, Dating.SERVER)

    def instant(self, at: Instant, anchor: Anchor | None) -> Instant:
        """The instant that ``clock`` means by ``at``; while there is no anchor, what the wall clock would call it."""
        if not self.real:
            return at
        return self.label(at) if anchor is None else self._steady.to_mono(at) + anchor.shift

    def state(self, anchor: Anchor | None, dated: Dating | None = None) -> ClockState:
        """See ClockState; ``dated`` is what dates the message where that is not the present anchor."""
        if not self.real:
            return ClockState(self.boot, True, round(self._mono() / SECOND, 3))
        how = dated if dated is not None else Dating.NOT_YET if anchor is None else anchor.dated
        return ClockState(self.boot, how is Dating.NTP, round(self._mono() / SECOND, 3), how.word)


async def sleep(clock: Clock, span: Span) -> None:
    """Wait until ``span`` has passed on ``clock`` (which may run faster than the world)."""
    speed = clock.speed if isinstance(clock, ScaledClock) else 1.0
    await asyncio.sleep(max(0.0, span / SECOND / speed))
