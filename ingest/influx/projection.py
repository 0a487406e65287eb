"""The projection: what the journal holds after the cursor, written at the store; then the cursor.

Nothing waits for it. It reads the journal read-only and at its own pace, holds one commit in memory at a time, and moves its
cursor only over what is settled.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import structlog

from domain.clock import Instant
from domain.readings import Hello
from ingest.influx.ledger import Ledger
from ingest.influx.points import Lines
from ingest.influx.writer import Writer
from ingest.journal import Journal

_STRETCH = 10_000
"""Commits without a point in them after which the cursor is saved all the same."""

log = structlog.get_logger("influx")


@dataclass(frozen=True, slots=True)
class Place:
    """How far the projection has come, and how far the journal has."""

    cursor: int
    newest: int
    waiting_since: Instant | None
    """When the first commit that is being written was received; None when there is none."""

    @property
    def commits_behind(self) -> int:
        """Commits that are not settled yet."""
        return max(0, self.newest - self.cursor)


class Projection:
    """One journal, one store."""

    def __init__(self, journal: Journal, ledger: Ledger, writer: Writer, batch_size: int = 5_000) -> None:
        self._journal, self._ledger, self._writer, self._batch_size = journal, ledger, writer, batch_size
        self._lines = Lines(ledger.room_of)
        self._cursor = ledger.cursor()
        self._waiting_since: Instant | None = None

    def place(self) -> Place:
        """Where it stands."""
        newest = self._journal.last()
        return Place(self._cursor, newest[0] if newest else 0, self._waiting_since)

    def run(self, wait: Callable[[], bool]) -> None:
        """Write what comes until ``wait``, called whenever there is nothing to do, says that it is time to stop."""
        going = True
        while going:
            wrote = self.step()
            going = wrote is not None and (wrote or wait())

    def step(self) -> bool | None:
        """Settle the next points, about a batch of them; False when there were none, None when it was time to stop."""
        waiting: list[str] = []
        reached, some_settled = self._cursor, False
        while not some_settled and reached - self._cursor < _STRETCH:
            # One at a time, and none kept open while the store is slow: a commit may hold a thousand messages.
            arrival = next(iter(self._journal.read(reached, 1)), None)
            if arrival is None:
                break
            self._waiting_since = self._waiting_since or arrival.received_at
            if 0 < reached < arrival.offset - 1:
                log.warning(
                    "commits are missing: they were cut from the journal before they could be copied, or it was begun anew",
                    after=reached, before=arrival.offset,
                )  # fmt: skip
            for item in arrival.items:
                if isinstance(item, Hello):
                    self._ledger.announce(item)
                else:
                    waiting.extend(self._lines.of(item, arrival.offset))
                if len(waiting) >= self._batch_size:
                    if not self._settle(waiting):
                        return None
                    some_settled = True
            reached = arrival.offset
        if reached == self._cursor:
            self._look_for_another_journal()
            return False
        if not self._settle(waiting):
            return None
        self._ledger.save(reached)
        self._cursor, self._waiting_since = reached, None
        return True

    def _settle(self, lines: list[str]) -> bool:
        """Store or refuse ``lines`` and empty the list; False when it was time to stop."""
        refused = self._writer.write(lines)
        if refused is None:
            return False
        if refused:
            self._ledger.refuse(refused)
        lines.clear()
        return True

    def _look_for_another_journal(self) -> None:
        """A journal that ends before the cursor is not the one that the cursor was for: an older backup, or a new one."""
        newest = self._journal.last()
        if newest is not None and newest[0] < self._cursor:
            log.warning("the journal was replaced; writing all of it again, which changes no point that is there")
            self._ledger.forget()
            self._cursor = 0

    def close(self) -> None:
        """Release the journal's file."""
        self._journal.close()
