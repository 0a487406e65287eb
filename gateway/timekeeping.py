"""What the gateway knows about its own clock, and how it waits by it."""

from __future__ import annotations

import asyncio
import ctypes
import ctypes.util
import sys
import uuid
from pathlib import Path

from domain.clock import SECOND, Clock, ScaledClock, Span, monotonic
from domain.wire import ClockState

_TIME_ERROR = 5
_BOOT = Path("/proc/sys/kernel/random/boot_id")


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


class ClockKeeper:
    """Tells the clock's state for each message."""

    def __init__(self) -> None:
        self._boot = boot_id()

    def state(self) -> ClockState:
        """See ClockState."""
        return ClockState(self._boot, is_synced(), round(monotonic() / SECOND, 3))


async def sleep(clock: Clock, span: Span) -> None:
    """Wait until ``span`` has passed on ``clock`` (which may run faster than the world)."""
    speed = clock.speed if isinstance(clock, ScaledClock) else 1.0
    await asyncio.sleep(max(0.0, span / SECOND / speed))
