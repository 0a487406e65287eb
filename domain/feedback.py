"""What people found, as detectors are told of it: the outcomes of alerts, and words with the resident."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from domain.alerts import Outcome
from domain.clock import Instant
from domain.findings import Level
from domain.ids import HomeId


class Lesson(StrEnum):
    """What an outcome teaches about the silence that was asked or paged about."""

    FULL = "full"
    """It was nothing: this home has such silences. It is learnt as long as it was, and a page about it counts as false."""
    NOTHING = "nothing"
    """It was no habit: neither its length nor that it came is learnt."""
    HOSPITAL = "hospital"
    """The same, and so for all that came between it and the word that the resident is in hospital."""


LESSON: Mapping[Outcome, Lesson] = {
    Outcome.SPOKE_SAFE: Lesson.FULL,
    Outcome.FAMILY_SAFE: Lesson.FULL,
    Outcome.VISIT_SAFE: Lesson.FULL,
    Outcome.AWAY: Lesson.FULL,
    Outcome.VISITOR: Lesson.FULL,
    Outcome.FALSE_ALARM: Lesson.FULL,
    Outcome.HOSPITAL: Lesson.HOSPITAL,
    Outcome.DEVICE_FAULT: Lesson.NOTHING,
    Outcome.COMMUNICATION: Lesson.NOTHING,
    Outcome.DRILL: Lesson.NOTHING,
    Outcome.SUPPORT: Lesson.NOTHING,
    Outcome.EMERGENCY: Lesson.NOTHING,
    Outcome.DEATH: Lesson.NOTHING,
    Outcome.HELP: Lesson.NOTHING,
}
"""Outcome -> lesson. Of the others nobody knows more than the readings tell: they are learnt from as if nobody had come."""

SPOKEN = frozenset({Outcome.SPOKE_SAFE, Outcome.VISIT_SAFE})
"""Outcomes by which a member of staff says that they have spoken with the resident, who was well."""


class Means(StrEnum):
    """How it became known that the resident was alive and able to answer."""

    ANSWER = "answer"
    """Asked whether all is well, the resident answered that it is."""
    CALL = "call"
    """A member of staff reached the resident by telephone."""
    VISIT = "visit"
    """A member of staff met the resident."""
    OUTCOME = "outcome"
    """Whoever closed the alert wrote that they had spoken with the resident."""


@dataclass(frozen=True, slots=True)
class Feedback:
    """One row of the book, never changed: an outcome (``means`` is none), or a sign of life by word of mouth."""

    id: int
    home: HomeId
    alert: int
    cause: str
    """The alert's, as ``inactivity``."""
    onset: Instant
    """When the alert's matter began: for a silence, the last sign of life."""
    level: Level
    """The detector's: a prompt that nobody answered is a page for staff, and not one because of its length."""
    means: Means | None
    outcome: Outcome | None
    """None with no ``means``: the outcome that was written earlier is taken back."""
    at: Instant
    """When the resident was reached; of an outcome, when it was written."""
    since: Instant
    """From when it counts; ``domain.modes.TAKES`` after it was written. The homes' time, like all of them."""
    by: str
    """The login of whoever wrote it, or ``resident``."""
    written_at: Instant

    @property
    def lesson(self) -> Lesson | None:
        """What it teaches; None where nothing is known beyond the readings."""
        return None if self.outcome is None else LESSON.get(self.outcome)
