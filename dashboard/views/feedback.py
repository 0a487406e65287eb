"""What a home was taught by what people found: as its page says it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from dashboard import words
from dashboard.language import Speech
from domain.clock import DAY, Instant, Span
from domain.feedback import Feedback, Lesson
from domain.findings import Level

SHOWN: Span = 60 * DAY
"""How far back the page looks: as far as a false page counts."""
_MOST = 10
_LIMITS = "inactivity"
"""The one rule whose limits outcomes teach."""


@dataclass(frozen=True, slots=True)
class Learnt:
    """One thing that was found, and what followed."""

    at: Instant
    alert: int
    found: str
    lesson: str
    who: str


def lessons(rows: Iterable[Feedback], names: Mapping[str, str], speech: Speech) -> list[Learnt]:
    """The newest first; of each alert's outcomes only the last one, and of what teaches nothing, nothing."""
    found: list[Learnt] = []
    judged: set[int] = set()
    for row in rows:
        if row.means is None and row.alert in judged:
            continue
        if row.means is None:
            judged.add(row.alert)
        lesson = _lesson(row, speech)
        if lesson:
            found.append(Learnt(row.at, row.alert, _found(row, speech), lesson, names.get(row.by, "")))
    return found[:_MOST]


def _found(row: Feedback, speech: Speech) -> str:
    if row.means is not None:
        return speech.gettext(words.MEANS[row.means])
    return speech.gettext(words.OUTCOME[row.outcome]) if row.outcome is not None else speech.gettext("Taken back")


def _lesson(row: Feedback, speech: Speech) -> str:
    gettext = speech.gettext
    if row.means is not None:
        return gettext("The silence counted anew from %(time)s.") % {"time": speech.moment(row.at)}
    if row.outcome is None:
        return gettext("The silence is learnt as if nobody had come.")
    if row.lesson is not Lesson.FULL:
        return "" if row.lesson is None else gettext(words.LESSON[row.lesson])
    if row.cause != _LIMITS:
        return ""
    if row.level is Level.PAGE:
        return gettext("A habit: the silence is learnt in full, and staff are called later from the next night on.")
    return gettext("A habit: the silence is learnt in full.")
