"""Dating readings that were taken before the gateway knew the time: by an anchor, or else by a bounded guess.

An *anchor* says what the monotonic clock of one boot is worth: ``instant = monotonic + shift``. Readings wait undated, and
unsent, until their boot has one; then they are dated once, because a reading must say the same in every sending.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum

from domain.clock import Instant, Span


class Dating(IntEnum):
    """What dates a reading."""

    NOT_YET = 0
    NTP = 1
    """The machine's clock while NTP keeps it; also a clock that is simulated."""
    SERVER = 2
    """The server's answer to a greeting: right to the time that the answer took."""
    OWN = 3
    """The machine's own clock: there was neither NTP nor a server that tells the time."""
    GUESS = 4
    """Its boot never learnt the time: put between the boots around it."""

    @property
    def word(self) -> str:
        """As it stands in messages."""
        return "" if self is Dating.NOT_YET else self.name.lower()


@dataclass(frozen=True, slots=True)
class Anchor:
    """``instant = monotonic + shift`` for one boot."""

    shift: Span
    dated: Dating


@dataclass(frozen=True, slots=True)
class Boot:
    """A boot as the spool knows it."""

    id: int
    shift: Span | None
    mono: Span
    """The latest monotonic time at which it is known to have run."""


def anchor_boot(connection: sqlite3.Connection, boot: int, anchor: Anchor) -> None:
    """Inside a transaction: give ``boot`` its anchor, date what it has undated, and place the boots before it."""
    connection.execute("UPDATE boots SET shift = ?, dated = ? WHERE id = ?", (anchor.shift, anchor.dated, boot))
    _date(connection, boot, anchor)
    rows = connection.execute(
        "SELECT id, shift, max(mono, coalesce((SELECT max(mono) FROM readings WHERE boot = boots.id AND dated = 0), 0))"
        " FROM boots WHERE id < ? ORDER BY id", (boot,),
    ).fetchall()  # fmt: skip
    known = connection.execute("SELECT max(through) FROM spells WHERE boot IS NULL").fetchone()[0]
    for place, shift in placed([Boot(*row) for row in rows], known, anchor.shift):
        guess = Anchor(shift, Dating.GUESS)
        connection.execute("UPDATE boots SET shift = ?, dated = ? WHERE id = ?", (shift, guess.dated, place))
        _date(connection, place, guess)


def _date(connection: sqlite3.Connection, boot: int, anchor: Anchor) -> None:
    connection.execute(
        "UPDATE readings SET raw = at, at = mono + ?1, dated = ?2,"
        " sum = sum_of(CAST(device AS BLOB), CAST(quantity AS BLOB), value, mono + ?1) WHERE boot = ?3 AND dated = 0",
        (anchor.shift, anchor.dated, boot),
    )
    connection.execute(
        "UPDATE spells SET start = mono_start + ?1, through = mono_through + ?1, dated = ?2 WHERE boot = ?3 AND dated = 0",
        (anchor.shift, anchor.dated, boot),
    )


def placed(boots: Sequence[Boot], known: Instant | None, end: Instant) -> list[tuple[int, Span]]:
    """(id, shift) for each of ``boots`` (ascending) that has none: as early as can be, and never past ``end``.

    ``known`` is an instant that lies before all of them, if there is one. Early is the safe side: a sign of life that is
    dated too late would hide that there was none since.
    """
    found: list[tuple[int, Span]] = []
    run: list[Boot] = []
    for boot in boots:
        if boot.shift is None:
            run.append(boot)
            continue
        found += _placed_between(run, known, boot.shift)
        run, known = [], boot.shift + boot.mono
    return found + _placed_between(run, known, end)


def _placed_between(run: Sequence[Boot], known: Instant | None, end: Instant) -> list[tuple[int, Span]]:
    needed = sum(boot.mono for boot in run)
    start = end - needed if known is None else min(known, end - needed)
    found = []
    for boot in run:
        found.append((boot.id, start))
        start += boot.mono
    return found
