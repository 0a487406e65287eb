"""What the writer of the journal does besides writing what comes: retention, and what operators ask of dead letters.

One small step at a time, between two commits and in their thread, so that there is still one writer and no reading waits for
more than a few milliseconds.
"""

from __future__ import annotations

from typing import Any

import structlog

from domain.clock import MILLISECOND, MINUTE, SECOND, Instant, Span, monotonic
from ingest.intake import Intake
from ingest.journal import Journal, JournalDamagedError, JournalError
from ingest.letters import Wish
from ingest.retention import Retention

_PAUSE: Span = 50 * MILLISECOND
"""Between two slices of retention: they may take a small share of the time, no more."""
_LOOK: Span = SECOND // 2
_LATER: Span = MINUTE
_ANYWAY: Span = 30 * SECOND
"""A look for requests, whatever the file says of itself: it was perhaps opened anew meanwhile."""
_TOGETHER = 50
"""Dead letters taken up in one commit."""

log = structlog.get_logger("ingest")


class Chores:
    """The housekeeping of one journal; ``step`` is called by the service, ``due_in`` says when it wants to be."""

    def __init__(self, journal: Journal, intake: Intake[Any], retention: Retention) -> None:
        self._journal, self._intake, self._retention = journal, intake, retention
        self._due = 0
        self._seen = -1
        self._looked = -_ANYWAY

    def due_in(self) -> float:
        """Seconds until the next step; 0 when it is due."""
        return max(0, self._due - monotonic()) / SECOND

    def step(self, now: Instant) -> bool:
        """Do one thing if one is due; True when the intake has something to commit.

        What the disk refuses is tried again later: nothing here is as urgent as a reading.
        """
        if monotonic() < self._due:
            return False
        try:
            asked = self._take_requests(now)
            if not asked:
                self._retention.step(now)
        except JournalDamagedError:
            raise
        except JournalError as error:
            log.warning("housekeeping of the journal waits", why=str(error))
            self._due = monotonic() + _LATER
            return False
        self._due = monotonic() + (_PAUSE if asked or self._retention.working else _LOOK)
        return asked

    def _take_requests(self, now: Instant) -> bool:
        version = self._journal.data_version()
        if version == self._seen and monotonic() - self._looked < _ANYWAY:
            return False
        self._looked = monotonic()
        found = self._journal.requests(_TOGETHER)
        if not found:
            self._seen = version  # until somebody else writes to the file, there can be none
        for wish, letter in found:
            if wish is Wish.RETRY:
                self._intake.retry(letter, now)
            else:
                self._intake.discard(letter, now)
        return bool(found)
