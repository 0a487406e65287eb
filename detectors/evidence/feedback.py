"""What people found in the home, as rows that count from an instant of event time on; see ``domain.feedback``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from domain.clock import DAY, Instant, Span
from domain.feedback import Feedback

KNOWN: Span = 11 * DAY
"""The number of a row is remembered for so long after it counted: the watch tells of none that is older."""


class Told:
    """The rows of one home that do not count yet, and the latest word with the resident."""

    __slots__ = ("_coming", "_taken", "word")

    def __init__(self) -> None:
        self._coming: list[Feedback] = []
        self._taken: dict[int, Instant] = {}
        """Rows that count: number -> since when."""
        self.word: Instant | None = None
        """When somebody last had word of the resident themselves."""

    def told(self, rows: Sequence[Feedback]) -> bool:
        """Rows of the book, new ones and known ones; True when there was a new one.

        One that should have counted already, because nobody read it in time, counts as soon as event time goes on.
        """
        known = {*self._taken, *(row.id for row in self._coming)}
        fresh = [row for row in rows if row.id not in known]
        self._coming = sorted([*self._coming, *fresh], key=lambda row: (row.since, row.id))
        return bool(fresh)

    def due(self) -> Instant | None:
        """When the next row counts."""
        return self._coming[0].since if self._coming else None

    def passed(self, at: Instant) -> list[Feedback]:
        """The rows that count from ``at`` on, in their order, each once."""
        found = [row for row in self._coming if row.since <= at]
        if not found:
            return []
        del self._coming[: len(found)]
        self._taken = {number: since for number, since in self._taken.items() if since > at - KNOWN}
        for row in found:
            self._taken[row.id] = row.since
            if row.means is not None:
                self.word = row.at if self.word is None else max(row.at, self.word)
        return found

    def snapshot(self) -> dict[str, Any]:
        """JSON-ready state."""
        return {
            "coming": [msgspec.to_builtins(row) for row in self._coming],
            "taken": [list(row) for row in self._taken.items()], "word": self.word,
        }  # fmt: skip

    def restore(self, state: Mapping[str, Any]) -> None:
        """Become what ``snapshot`` described."""
        self._coming = [msgspec.convert(row, Feedback) for row in state["coming"]]
        self._taken = dict(state["taken"])
        self.word = state["word"]
