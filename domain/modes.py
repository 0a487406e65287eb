"""What staff say about a home: that the resident is away, in hospital, or has somebody staying."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from domain.clock import DAY, MINUTE, Instant, Span
from domain.ids import HomeId

TAKES: Span = 2 * MINUTE
"""From when it is said to when it holds: by then every reader of the book knows it, so a replay finds the same."""

LONGEST: Span = 366 * DAY
"""Nobody may say more than this ahead, and what was said without a date holds so long unless something ends it."""


def no_date(since: Instant, until: Instant) -> bool:
    """True for what was said without a date: nobody may say so much ahead."""
    return until - since >= LONGEST


class ModeKind(StrEnum):
    """What is said."""

    AWAY = "away"
    """The resident is elsewhere until a date."""
    HOSPITAL = "hospital"
    VISITOR = "visitor"
    """Somebody else is in the home as well."""

    @property
    def empties(self) -> bool:
        """True when nobody is at home."""
        return self is not ModeKind.VISITOR


class ModeEnd(StrEnum):
    """Why it holds no more."""

    BACK = "back"
    """Staff said so."""
    REPLACED = "replaced"
    """Staff said something else."""
    CAME_BACK = "came_back"
    """Life was seen in a home that had been empty."""
    EXPIRED = "expired"
    """Its time is over."""


SAID = frozenset({ModeEnd.BACK, ModeEnd.REPLACED})
"""What people say; the rest the readings and the clock do."""


@dataclass(frozen=True, slots=True)
class Mode:
    """One row of the book: never changed but to write down, once, how it ended. Instants are the homes' time."""

    id: int
    home: HomeId
    kind: ModeKind
    since: Instant
    """From when it holds; ``TAKES`` after it was written."""
    until: Instant
    why: str
    by: str
    """The login of whoever said it."""
    written_at: Instant
    ended_at: Instant | None = None
    end: ModeEnd | None = None
    ended_by: str | None = None
    alert: int | None = None
    """The alert whose outcome said so."""

    @property
    def without_date(self) -> bool:
        """True when nobody has said when it is over."""
        return no_date(self.since, self.until)

    @property
    def said_over_at(self) -> Instant | None:
        """From when it does not hold because somebody said so."""
        return self.ended_at if self.end in SAID else None
