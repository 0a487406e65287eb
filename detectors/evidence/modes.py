"""What staff said about the home, in event time: away until a date, in hospital, or with a visitor."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from domain.clock import HOUR, Instant, Span
from domain.modes import Mode, ModeEnd, ModeKind

GRACE: Span = 2 * HOUR
"""How long after the return date somebody may still be on the way."""
WAS_EMPTY: Span = 3 * HOUR
"""Life ends an absence that staff announced once nothing has moved for so long: before that somebody may still be packing."""

_SPELLS = 8


class Over(NamedTuple):
    """A mode that the readings or the clock have ended; the watch writes it into the book."""

    mode: int
    at: Instant
    end: ModeEnd


@dataclass(slots=True)
class Spell:
    """One mode, as far as it matters here."""

    mode: int
    kind: ModeKind
    since: Instant
    until: Instant
    said_over_at: Instant | None = None

    @property
    def ends_at(self) -> Instant:
        """When it ends if nothing else does it."""
        return self.until if self.said_over_at is None else min(self.until, self.said_over_at)


class Modes:
    """The modes of one home that have not ended, and what has followed from them.

    ``awaited`` is True from when the resident is said to be away until they are seen or said to be back: so also past the
    return date, when nobody has come.
    """

    def __init__(self) -> None:
        self._coming: list[Spell] = []
        self._away: Spell | None = None
        self._visit: Spell | None = None
        self._empty = False
        """Nothing has moved for ``WAS_EMPTY`` while the resident was away."""
        self._seen_at: Instant = 0
        self._spells: list[tuple[Instant, Instant | None]] = []
        """The latest times in which the resident was said to be away and not seen; the last one may not be over."""
        self.turned_at: Instant = 0
        """When one of them last began or ended."""
        self.awaited: Spell | None = None
        self.over: list[Over] = []
        """What has ended and is not in the book yet."""
        self._finished: list[int] = []
        """Modes that have begun and are over, so that the book's copy does not begin them again."""

    # ---- what is asked -----------------------------------------------------------------------------------------------

    def visitor(self) -> bool:
        """True while staff say that somebody else is in the home."""
        return self._visit is not None

    def away(self) -> bool:
        """True while staff say that nobody is at home, or nobody has come back since."""
        return self.awaited is not None

    @property
    def ever_away(self) -> bool:
        """True when there is an absence to remember."""
        return bool(self._spells)

    def away_at(self, at: Instant) -> bool:
        """Whether that was so at ``at``: for what has happened within the latest absences."""
        return any(start <= at and (end is None or at < end) for start, end in self._spells)

    def settled_at(self, at: Instant) -> Instant | None:
        """When the absence that holds at ``at``, and any that follows within ``GRACE``, has been over for so long."""
        for start, end in self._spells:
            if end is None and start <= at:
                return None
            if end is not None and start <= at < end:
                at = end + GRACE
        return None if self.away_at(at) else at

    # ---- what is told ------------------------------------------------------------------------------------------------

    def told(self, modes: Sequence[Mode], watermark: Instant) -> None:
        """The home's rows in the book: those that hold or will, and those that staff ended lately."""
        known = {s.mode: s for s in (*self._coming, self._away, self._visit, self.awaited) if s is not None}
        for mode in sorted(modes, key=lambda mode: (mode.since, mode.id)):
            spell = known.get(mode.id)
            if spell is not None:
                spell.said_over_at = mode.said_over_at
            elif mode.id not in self._finished and (mode.said_over_at or mode.until) > watermark:
                self._coming.append(Spell(mode.id, mode.kind, mode.since, mode.until, mode.said_over_at))
        rows = {mode.id for mode in modes}
        self._finished = [number for number in self._finished if number in rows]

    def due(self) -> Instant | None:
        """When the next mode begins or ends."""
        times = [spell.since for spell in self._coming]
        times += [spell.ends_at for spell in (self._away, self._visit) if spell is not None]
        if self._away is None and self.awaited is not None and self.awaited.said_over_at is not None:
            times.append(self.awaited.said_over_at)
        return min(times, default=None)

    def fire(self, at: Instant) -> None:
        """Event time has reached ``at``."""
        self.turned_at = at
        for spell in (self._away, self._visit):
            if spell is not None and spell.ends_at <= at:
                self._end(spell, spell.ends_at)
        awaited = self.awaited
        if awaited is not None and awaited.said_over_at is not None and awaited.said_over_at <= at:
            self._seen(awaited.said_over_at)
        for spell in [spell for spell in self._coming if spell.since <= at]:
            self._coming.remove(spell)
            self._begin(spell, at)

    def _begin(self, spell: Spell, at: Instant) -> None:
        if spell.said_over_at is not None and spell.said_over_at <= spell.since:
            self._finished.append(spell.mode)
        elif spell.kind.empties:
            if self.awaited is None:
                self._spells = [*self._spells[1 - _SPELLS :], (at, None)]
            self._away = self.awaited = spell
            self._empty, self._seen_at = False, max(at, self._seen_at)
        else:
            self._visit = spell

    def _end(self, spell: Spell, at: Instant) -> None:
        said = spell.said_over_at is not None and spell.said_over_at <= at
        if not said:
            self.over.append(Over(spell.mode, at, ModeEnd.EXPIRED))
        self._finish(spell)
        if said and self.awaited is spell:
            self._seen(at)

    def _seen(self, at: Instant) -> None:
        """Nobody is awaited any more."""
        self.awaited = None
        if self._spells:
            self._spells[-1] = (self._spells[-1][0], at)

    def _finish(self, spell: Spell) -> None:
        self._finished.append(spell.mode)
        if self._away is spell:
            self._away = None
        if self._visit is spell:
            self._visit = None

    def moved(self, at: Instant, *, plain: bool) -> None:
        """A sign of life; ``plain`` when it leaves no doubt that somebody is in."""
        awaited = self.awaited
        if awaited is None:
            return
        self._empty = self._empty or at - self._seen_at >= WAS_EMPTY
        if not plain or (self._away is awaited and not self._empty):
            self._seen_at = at
            return
        if self._away is awaited:
            self.over.append(Over(awaited.mode, at, ModeEnd.CAME_BACK))
            self._finish(awaited)
        self._seen(at)

    # ---- state -------------------------------------------------------------------------------------------------------

    def snapshot(self) -> dict[str, Any]:
        """JSON-ready state."""
        return {
            "coming": [_row(spell) for spell in self._coming],
            "away": _row(self._away), "visit": _row(self._visit), "awaited": _row(self.awaited),
            "empty": self._empty, "seen_at": self._seen_at,
            "turned_at": self.turned_at, "spells": [list(spell) for spell in self._spells], "finished": list(self._finished),
            "over": [[over.mode, over.at, over.end.value] for over in self.over],
        }  # fmt: skip

    def restore(self, state: Mapping[str, Any]) -> None:
        """Become what ``snapshot`` described."""
        self._coming = [spell for row in state["coming"] if (spell := _spell(row)) is not None]
        self._away, self._visit, self.awaited = (_spell(state[name]) for name in ("away", "visit", "awaited"))
        if self._away is not None and self.awaited is not None and self._away.mode == self.awaited.mode:
            self.awaited = self._away
        self._empty, self._seen_at, self._finished = state["empty"], state["seen_at"], list(state["finished"])
        self.turned_at = state["turned_at"]
        self._spells = [(start, end) for start, end in state["spells"]]
        self.over = [Over(mode, at, ModeEnd(end)) for mode, at, end in state["over"]]


def _row(spell: Spell | None) -> list[Any] | None:
    return None if spell is None else [spell.mode, spell.kind.value, spell.since, spell.until, spell.said_over_at]


def _spell(row: Sequence[Any] | None) -> Spell | None:
    return None if row is None else Spell(row[0], ModeKind(row[1]), row[2], row[3], row[4])
