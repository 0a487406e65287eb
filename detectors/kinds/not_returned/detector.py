"""not_returned: somebody went out, or was said to be away, and has not come back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from detectors.context import HomeContext, Quiet, State
from detectors.evidence.life import BLIND, Sign, sign_of
from detectors.evidence.modes import GRACE
from detectors.kinds.not_returned import text
from detectors.kinds.not_returned.absences import ENOUGH, Absences, part_of_day
from detectors.parameters import numbers
from domain.clock import DAY, HOUR, MINUTE, SECOND, Instant, Span
from domain.feedback import Feedback
from domain.findings import Ended, EndReason, Finding, FindingEvent, Level, Subject
from domain.readings import Reading

NAME = "not_returned"
LONGER = 3
"""An absence so many times as long as the longest of three months is far beyond anything."""


class Matter(NamedTuple):
    """One absence."""

    since: Instant
    room: str | None
    prompt: Span
    """How long after ``since`` somebody is asked about it."""
    page: Span | None
    """How long after ``since`` somebody is woken; None while too little is known."""
    expected: Instant | None
    """The return date that staff wrote down."""


class NotReturned(Quiet):
    """Prompts when the resident has been out for longer than is usual for those who left at this part of the day, and at the
    latest after ``hours``; pages when it is far beyond anything known. Where staff wrote down a return date, that counts.

    Went out: an outer door moved within two minutes before the last sign of life; single pulses since do not make it plain
    that somebody is in. What nobody vouched for is added to the deadline.
    """

    name = NAME

    def __init__(self, hours: float = 24.0, page_hours: float = 48.0) -> None:
        self._most, self._page_least = int(hours * HOUR), int(page_hours * HOUR)
        self._absences = Absences(self._most)
        self._left: Sign | None = None
        """The last sign of life, when it may have been that of somebody leaving."""
        self._matter: Matter | None = None
        self._stage = 0
        """0: nothing said of it; 1: prompted; 2: paged."""
        self._deadline: Instant | None = None
        self._standing: str | None = None

    @property
    def absences(self) -> int:
        """How many absences of the last three months are known."""
        return self._absences.total

    def configured(self, context: HomeContext) -> Sequence[FindingEvent]:
        """See Detector.configured: staff may have written down a return date, or that somebody is back."""
        turned_at = context.evidence.modes.turned_at
        ended = self._follow(context, turned_at, EndReason.WENT_OUT)
        if self._deadline is not None and self._stage == 0:
            self._deadline = max(self._deadline, turned_at + GRACE)
        return ended

    def due(self) -> Instant | None:
        """See Detector.due."""
        return self._deadline

    def observe(self, reading: Reading, context: HomeContext) -> Sequence[FindingEvent]:
        """See Detector.observe."""
        if not context.evidence.fresh:
            return ()
        sign = context.evidence.fresh[-1][1]
        if self._left is not None and not sign.alone:
            self._learn(self._left, sign.at, context)
        return self._follow(context, reading.observed_at, EndReason.ACTIVITY)

    def observe_late(self, reading: Reading, context: HomeContext) -> Sequence[FindingEvent]:
        """See Detector.observe_late."""
        if not context.evidence.fresh:
            return ()
        ended = self._follow(context, reading.observed_at, EndReason.LATE_ACTIVITY)
        if self._deadline is not None and context.watermark is not None:
            # What is late raises nothing: at the earliest, time that is still to come can.
            self._deadline = max(self._deadline, context.watermark + MINUTE)
        return ended

    def told(self, feedback: Feedback, at: Instant, context: HomeContext) -> Sequence[FindingEvent]:  # noqa: ARG002
        """See Detector.told: who was reached is out still, and is asked about anew after as long again, a day at most."""
        matter = self._matter
        if (
            feedback.means is not None
            and matter is not None
            and self._deadline is not None
            and feedback.at > matter.since
        ):
            self._deadline = max(self._deadline, feedback.at + min(matter.prompt, DAY), at + MINUTE)
        return ()

    def _learn(self, left: Sign, at: Instant, context: HomeContext) -> None:
        """Somebody is back, or went out again. What was asked about counts as no longer than its limit."""
        if self._matter is None or self._matter.expected is not None or context.blind(left.at, at) > BLIND:
            return
        self._absences.learn(left.at, min(at - left.at, self._matter.prompt), context.local)

    def _follow(self, context: HomeContext, at: Instant, reason: EndReason) -> list[FindingEvent]:
        evidence = context.evidence
        awaited = evidence.modes.awaited
        if evidence.left == self._left and (None if awaited is None else awaited.until) == self._expected():
            return []
        self._left, self._stage, self._deadline, self._matter = evidence.left, 0, None, self._describe(context)
        if self._matter is not None:
            self._deadline = self._matter.since + self._matter.prompt
        finding, self._standing = self._standing, None
        return [] if finding is None else [Ended(context.home, NAME, finding, at, reason)]

    def _expected(self) -> Instant | None:
        return None if self._matter is None else self._matter.expected

    def _describe(self, context: HomeContext) -> Matter | None:
        left, awaited = context.evidence.left, context.evidence.modes.awaited
        if awaited is not None:
            allowed = awaited.until + GRACE - awaited.since
            return Matter(awaited.since, None, allowed, allowed + DAY, awaited.until)
        if left is None:
            return None
        known = self._absences
        page = max(self._page_least, LONGER * known.longest()) if known.total >= ENOUGH else None
        return Matter(left.at, left.room, known.limit(part_of_day(context.local.hour(left.at))), page, None)

    def fire(self, at: Instant, context: HomeContext) -> Sequence[FindingEvent]:
        """See Detector.fire."""
        matter, deadline = self._matter, self._deadline
        if matter is None or deadline is None or deadline > at:
            return ()
        allowed = matter.prompt if self._stage == 0 else matter.page or matter.prompt
        missing = allowed - (deadline - matter.since - context.blind(matter.since, deadline))
        if missing > BLIND and matter.expected is None:
            self._deadline = deadline + max(missing, MINUTE)
            return ()
        self._stage += 1
        self._deadline = matter.since + matter.page if self._stage == 1 and matter.page is not None else None
        ended: list[FindingEvent] = []
        if self._standing is not None:
            ended.append(Ended(context.home, NAME, self._standing, deadline, EndReason.REPLACED))
        finding = self._say(matter, deadline, context)
        self._standing = finding.id
        return [*ended, finding]

    def _say(self, matter: Matter, at: Instant, context: HomeContext) -> Finding:
        local, known = context.local, self._absences
        part = part_of_day(local.hour(matter.since))
        facts = text.Absence(
            matter.since, at, matter.expected, part, known.number(part), known.longest(part), known.longest(),
            paged=self._stage > 1,
        )  # fmt: skip
        return Finding(
            home=context.home, kind=NAME, detector=f"{NAME}/2", cause=NAME, subject=Subject.PERSON,
            level=Level.PAGE if self._stage > 1 else Level.PROMPT, onset=matter.since, raised_at=at, room=matter.room,
            evidence={
                "away_s": (at - matter.since) // SECOND, "since": local.iso(matter.since),
                "limit_s": (matter.prompt if self._stage == 1 else at - matter.since) // SECOND,
                "comparable": facts.comparable, "longest_s": facts.longest // SECOND,
                "expected": None if matter.expected is None else local.iso(matter.expected),
            },
            text_ja=text.ja(facts, local), text_en=text.en(facts, local),
        )  # fmt: skip

    def snapshot(self) -> State:
        """See Detector.snapshot."""
        return {
            "left": None if self._left is None else list(self._left), "deadline": self._deadline,
            "standing": self._standing, "stage": self._stage, "absences": self._absences.snapshot(),
            "matter": None if self._matter is None else list(self._matter),
        }  # fmt: skip

    def restore(self, state: Mapping[str, Any]) -> None:
        """See Detector.restore."""
        self._left, self._deadline, self._standing = sign_of(state["left"]), state["deadline"], state["standing"]
        if "stage" in state:
            self._stage, matter = state["stage"], state["matter"]
            self._matter = None if matter is None else Matter(*matter)
            self._absences.restore(state["absences"])
        elif self._left is not None:  # as written before absences were learnt
            self._stage = 0 if self._deadline is not None else 1
            self._matter = Matter(self._left.at, self._left.room, self._most, None, None)


def build(settings: Mapping[str, Any]) -> NotReturned:
    """A detector; see the README for its parameters."""
    return NotReturned(**numbers(NAME, settings, hours=(24.0, 4, 168), page_hours=(48.0, 24, 336)))
