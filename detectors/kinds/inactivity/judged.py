"""Silences that were asked or paged about, and what people found out about them.

Each is learnt from at once, as if nobody ever said anything: as one that lasted until its limit. When its outcome is known,
the nightly fit takes that back and teaches the lesson of the outcome in its place; when that is corrected, once more.
"""

from __future__ import annotations

from array import array
from collections.abc import Mapping
from enum import IntEnum
from typing import Any, NamedTuple

from detectors.kinds.inactivity.hazard import QUARTERS, STEP
from detectors.kinds.inactivity.learnt import Learnt, Taught
from detectors.kinds.inactivity.past import Past
from domain.clock import DAY, MINUTE, Instant, Span
from domain.feedback import Feedback, Lesson
from domain.localtime import LocalTime

JUDGED: Span = 28 * DAY
"""An outcome that is written later than this after the silence teaches nothing any more."""
COUNTED: Span = 60 * DAY
"""A page that was false counts for so long in the correction of the budget."""
AFTERMATH: Span = DAY
"""When something was the matter, what came within so long of its beginning is no habit either, until it was closed."""


class As(IntEnum):
    """What a silence has been learnt as."""

    USUAL = 0
    FULL = 1
    NOTHING = 2


class Alarm(NamedTuple):
    """One silence, from sign of life to sign of life, that was asked or paged about: whole numbers only, kept flat."""

    start: Instant
    end: Instant
    raised_at: Instant
    """When it was first asked or paged about."""
    paged: int
    """1 when its length paged."""
    learnt_as: int
    teaches: int
    """0 where nothing was to be learnt from it, whatever it was; then the rest says nothing."""
    day: int
    quarter: int
    limit: Span
    exceeded: int
    before: Span
    fades: int

    @property
    def taught(self) -> Taught:
        """See Learnt.teach."""
        return Taught(
            self.day, self.quarter, self.end - self.start, self.limit, bool(self.exceeded), self.before, self.fades
        )


_WIDTH = len(Alarm._fields)
_NOTHING_TAUGHT = Taught(0, 0, 0, 0, exceeded=False, before=0, fades=0)


class Verdict(NamedTuple):
    """The latest outcome of one alert."""

    alert: int
    onset: Instant
    lesson: Lesson
    at: Instant
    """When it was written."""

    @property
    def until(self) -> Instant:
        """Up to when what happened is no habit, where it is a lesson that something was the matter."""
        return self.at if self.lesson is Lesson.HOSPITAL else min(self.at, self.onset + AFTERMATH)


class Judged:
    """The alarms of one home, and their verdicts."""

    __slots__ = ("_alarms", "_verdicts")

    def __init__(self) -> None:
        self._alarms = array("q")
        self._verdicts: dict[int, Verdict] = {}

    def note(self, start: Instant, end: Instant, raised_at: Instant, taught: Taught | None, *, paged: bool) -> None:
        """A silence that was asked or paged about is over; ``taught`` is what it has taught as if nobody had come."""
        learnt = taught or _NOTHING_TAUGHT
        self._keep([*self._all(), Alarm(
            start, end, raised_at, int(paged), As.USUAL, int(taught is not None), learnt.day, learnt.quarter, learnt.limit,
            int(learnt.exceeded), learnt.before, learnt.fades,
        )])  # fmt: skip

    def told(self, feedback: Feedback, of: str) -> None:
        """An outcome was written, or taken back. That a matter of another cause than ``of`` was none says nothing here."""
        self._verdicts.pop(feedback.alert, None)
        lesson = feedback.lesson
        if lesson is not None and (feedback.cause == of or lesson is not Lesson.FULL):
            self._verdicts[feedback.alert] = Verdict(feedback.alert, feedback.onset, lesson, feedback.at)

    def revise(self, now: Instant, learnt: Learnt, past: Past, local: LocalTime) -> int:
        """Teach what has been found out; returns how many pages of the last two months were false."""
        if not self._alarms and not self._verdicts:
            return 0
        alarms = [_learn_as(self._wanted(alarm), alarm, learnt, past) for alarm in self._all()]
        for verdict in self._verdicts.values():
            if verdict.lesson is not Lesson.FULL:
                _forget(past.take(verdict.onset, verdict.until), alarms, now, learnt, past, local)
        alarms = [alarm for alarm in alarms if alarm.start > now - (COUNTED if _false(alarm) else JUDGED)]
        self._verdicts = {number: one for number, one in self._verdicts.items() if one.onset > now - COUNTED}
        self._keep(alarms)
        return sum(map(_false, alarms))

    def _wanted(self, alarm: Alarm) -> As:
        """What it is to be learnt as: one word that it was no habit outweighs any that it was.

        The verdict on an alert is one on the silence that it began with, and on those that were asked or paged about while it
        stood and have none of their own.
        """
        verdicts = self._verdicts.values()
        meant = [one for one in verdicts if alarm.start <= one.onset <= alarm.end]
        meant = meant or [one for one in verdicts if one.onset < alarm.start and alarm.raised_at <= one.at]
        if not meant:
            return As.USUAL
        return As.FULL if all(one.lesson is Lesson.FULL for one in meant) else As.NOTHING

    def _all(self) -> list[Alarm]:
        rows = self._alarms
        return [Alarm(*rows[place : place + _WIDTH]) for place in range(0, len(rows), _WIDTH)]

    def _keep(self, alarms: list[Alarm]) -> None:
        self._alarms = array("q", [value for alarm in alarms for value in alarm])

    def snapshot(self) -> dict[str, Any]:
        """JSON-ready state."""
        return {
            "alarms": list(self._alarms),
            "verdicts": [[one.alert, one.onset, one.lesson.value, one.at] for one in self._verdicts.values()],
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Become what ``snapshot`` described."""
        self._alarms = array("q", state["alarms"])
        self._verdicts = {row[0]: Verdict(row[0], row[1], Lesson(row[2]), row[3]) for row in state["verdicts"]}


def _false(alarm: Alarm) -> bool:
    return bool(alarm.paged) and alarm.learnt_as == As.FULL


def _learn_as(wanted: As, alarm: Alarm, learnt: Learnt, past: Past) -> Alarm:
    """Take back what the alarm has taught, and teach what it should have."""
    if alarm.learnt_as == wanted:
        return alarm
    taught = alarm.taught
    if alarm.teaches:
        if alarm.learnt_as == As.NOTHING:
            past.put(alarm.start, taught.silence)
        else:
            learnt.take_back(taught, in_full=alarm.learnt_as == As.FULL)
        if wanted is As.NOTHING:
            past.take(alarm.start, alarm.start)
        else:
            taught = learnt.teach(taught, in_full=wanted is As.FULL)
    return alarm._replace(learnt_as=int(wanted), fades=taught.fades)


def _forget(
    silences: list[tuple[Instant, Span]],
    alarms: list[Alarm],
    now: Instant,
    learnt: Learnt,
    past: Past,
    local: LocalTime,
) -> None:
    """Take back what ordinary silences have taught, those of ten minutes or more; alarms have been seen to."""
    alarmed = {alarm.start // MINUTE for alarm in alarms}
    for start, silence in silences:
        if start // MINUTE in alarmed:
            past.put(start, silence)
            continue
        day, quarter = local.day(start), local.wall(start) // STEP % QUARTERS
        fades = learnt.fades - ((local.day(now) - 1) // 7 - day // 7)
        learnt.take_back(Taught(day, quarter, silence, silence, exceeded=False, before=0, fades=fades), in_full=True)
