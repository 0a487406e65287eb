"""When the gateway was running: one row for each run, written only now and then: an idle home must not wear its card out."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from typing import Any

from domain.clock import DAY, MINUTE, Instant, Span, monotonic
from gateway.dating import Anchor, Dating

TOLD_FOR: Span = 14 * DAY
EVERY: Span = 5 * MINUTE
"""After a power cut, a run that no heartbeat could tell the server of ends up to this much too early."""
TOLD = "SELECT id, start, through FROM spells WHERE dated NOT IN (0, 4) AND through >= ? ORDER BY id DESC LIMIT 10"
"""A run that was dated by a guess vouches for nothing."""


class Spells:
    """The present run, and how it is written; the earlier ones are rows."""

    def __init__(self) -> None:
        self._id: int | None = None
        self._start: int | None = None
        self._through = 0
        self._monotonic = False
        self._cut: Instant | None = None
        self._written_at: Span = 0
        self.unwritten = False
        """True when the disk does not know how far the present run has come."""

    @property
    def due(self) -> bool:
        """True when that should be written now."""
        return self.unwritten and (self._id is None or monotonic() - self._written_at >= EVERY)

    def note(self, start: int, through: int, in_monotonic: bool) -> None:
        """The gateway has been running since ``start`` up to ``through``: instants, or times of the monotonic clock."""
        if start != self._start:
            self._id = None
        self._start, self._through, self._monotonic, self.unwritten = start, through, in_monotonic, True

    def forget_row(self) -> None:
        """The row may not have reached the disk: the next writing makes another."""
        self._id = None

    def write(self, connection: sqlite3.Connection, boot: int | None, anchor: Anchor | None) -> None:
        """Inside a transaction: write the present run, if there is one."""
        if self._start is None:
            return
        dated = Dating.NTP if not self._monotonic else Dating.NOT_YET if anchor is None else anchor.dated
        start, through = self._dated(anchor) or (0, 0)
        if self._id is None:
            cursor = connection.execute("INSERT INTO spells (start, through) VALUES (?, ?)", (start, through))
            self._id = int(cursor.lastrowid or 0)
            connection.execute("DELETE FROM spells WHERE id <= ? - 100", (self._id,))
        connection.execute(
            "UPDATE spells SET start = ?, through = ?, boot = ?, mono_start = ?, mono_through = ?, dated = ? WHERE id = ?",
            (start, through, boot if self._monotonic else None, self._start, self._through, dated, self._id),
        )
        if self._monotonic:
            connection.execute("UPDATE boots SET mono = max(mono, ?) WHERE id = ?", (self._through, boot))
        self._written_at, self.unwritten = monotonic(), False

    def cut(self, connection: sqlite3.Connection, at: Instant | None) -> None:
        """Inside a transaction: nothing before ``at`` is vouched for any more, because what was seen then is lost."""
        if at is None:
            return
        self._cut = at if self._cut is None else max(at, self._cut)
        connection.execute("DELETE FROM spells WHERE through <= ? AND id IS NOT ?", (at, self._id))
        connection.execute("UPDATE spells SET start = min(through, max(start, ?))", (at,))

    def told(self, rows: Sequence[Any], anchor: Anchor | None) -> list[tuple[Instant, Instant]]:
        """What a heartbeat tells: the rows that answered TOLD, newest last, the present run as it stands."""
        earlier = [(int(start), int(through)) for row, start, through in reversed(rows) if row != self._id]
        present = self._dated(anchor)
        return earlier if present is None else [*earlier, present]

    def _dated(self, anchor: Anchor | None) -> tuple[Instant, Instant] | None:
        if self._start is None or (self._monotonic and anchor is None):
            return None
        shift = anchor.shift if self._monotonic and anchor is not None else 0
        start, through = self._start + shift, self._through + shift
        return (start if self._cut is None else min(through, max(start, self._cut))), through
