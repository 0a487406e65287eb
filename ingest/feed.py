"""Feeds over the journal: one that waits for what is to come, one that ends with what is there."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable

from domain.clock import SECOND, Clock, Instant, Span
from domain.readings import Arrival
from domain.stage import Tick, starts_after_hole
from ingest.journal import Journal


class JournalFeed:
    """What the journal holds after ``cursor``, then, with ``follow``, what is still to come.

    Processing time is the journal's: a tick for an instant is given only when a commit received later than it is there
    already. So a live watch and a replay of the journal that it read take the same steps.
    """

    def __init__(self, journal: Journal, cursor: int = 0, follow: Callable[[], bool] | None = None) -> None:
        self._journal = journal
        self._cursor = cursor
        self._ahead: deque[Arrival] = deque()
        self._follow = follow
        """Waits for more and says whether there may be any; None: the feed ends with the journal."""

    def next(self, until: Instant | None) -> Arrival | Tick | None:
        """See Feed.next."""
        while not self._ahead:
            self._ahead.extend(self._journal.read(self._cursor))
            if not self._ahead and (self._follow is None or not self._follow()):
                return None
        head = self._ahead[0]
        if until is not None and until < head.received_at and not starts_after_hole(head):
            return Tick(until)
        self._ahead.popleft()
        self._cursor = head.offset
        return head

    @property
    def cursor(self) -> int:
        """The offset of the last arrival that was handed out."""
        return self._cursor

    @property
    def exhausted(self) -> bool:
        """True when everything that was read from the journal has been handed out."""
        return not self._ahead


class Follower:
    """Waits between two looks at a journal until told to stop; ``idle`` is called at each look that finds nothing."""

    def __init__(self, stop: threading.Event, pause_seconds: float, idle: Callable[[], None] = lambda: None) -> None:
        self._stop, self._pause, self._idle = stop, pause_seconds, idle

    def __call__(self) -> bool:
        """Wait once; False when it is time to stop."""
        self._idle()
        return not self._stop.wait(self._pause)


def behind(clock: Clock, received_at: Instant, speed: float = 1.0) -> Span:
    """How far the arrival received at ``received_at`` lies behind the clock, in real time."""
    return int(max(0, clock.now() - received_at) / speed)


CAUGHT_UP: Span = 30 * SECOND
"""A watch whose last step lies no further back than this, in real time, is live."""
