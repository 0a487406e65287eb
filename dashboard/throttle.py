"""Slows down whoever comes with tokens or signatures that are none.

Only those: what comes with a good one is never refused, whatever else comes from the same address. A telephone company puts
many people behind one, and one of them may be calling for help.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass

from domain.clock import MINUTE, SECOND, Instant, Span

FREE = 20
"""As many wrong ones of one address are answered at once, in each window."""
IN_ALL = 500
WINDOW: Span = 15 * MINUTE
LONGEST: Span = 5 * MINUTE


@dataclass(slots=True)
class _Count:
    count: int
    since: Instant
    last: Instant


class Throttle:
    """In memory: a row for each try would let whoever tries hold up those who write. ``most`` addresses are remembered."""

    def __init__(self, most: int = 10_000) -> None:
        self._most = most
        self._counts: dict[str, _Count] = {}
        self._lock = threading.Lock()

    @property
    def remembered(self) -> int:
        """How many counters are kept."""
        return len(self._counts)

    def count(self, address: str, now: Instant) -> Span:
        """Count one more wrong one; how long the address has to wait before the next is answered, 0: it need not."""
        with self._lock:
            wait = max(self._wait("", IN_ALL, now), self._wait(address, FREE, now))
            if wait == 0:
                for key in ("", address):
                    known = self._counts.setdefault(key, _Count(0, now, now))
                    known.count, known.last = known.count + 1, now
                while len(self._counts) > self._most + 1:
                    del self._counts[next(key for key in self._counts if key)]
            return wait

    def _wait(self, key: str, free: int, now: Instant) -> Span:
        known = self._counts.get(key)
        if known is None or not known.since <= now < max(known.since + WINDOW, known.last + LONGEST):
            self._counts.pop(key, None)
            return 0
        if known.count <= free:
            return 0
        pause = min(LONGEST, SECOND << min(known.count - free - 1, 20))
        return max(0, known.last + pause - now)
