"""not_returned: somebody went out and has not come back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from detectors.context import HomeContext, Quiet, State
from detectors.evidence.life import BLIND, Sign, sign_of
from detectors.parameters import numbers
from detectors.words import moment_en, moment_ja, span_en, span_ja
from domain.clock import HOUR, MINUTE, SECOND, Instant
from domain.findings import Ended, EndReason, Finding, FindingEvent, Level, Subject
from domain.readings import Reading

NAME = "not_returned"


class NotReturned(Quiet):
    """Prompts when the resident went out and nothing has moved for ``hours`` since.

    Went out: an outer door moved within two minutes before the last sign of life. What nobody vouched for is added to the
    deadline.
    """

    name = NAME

    def __init__(self, hours: float = 24.0) -> None:
        self._limit = int(hours * HOUR)
        self._left: Sign | None = None
        """The last sign of life, when it may have been that of somebody leaving."""
        self._deadline: Instant | None = None
        self._standing: str | None = None

    def due(self) -> Instant | None:
        """See Detector.due."""
        return self._deadline

    def observe(self, reading: Reading, context: HomeContext) -> Sequence[FindingEvent]:
        """See Detector.observe."""
        return self._follow(context, reading.observed_at, EndReason.ACTIVITY) if context.evidence.fresh else ()

    def observe_late(self, reading: Reading, context: HomeContext) -> Sequence[FindingEvent]:
        """See Detector.observe_late."""
        if not context.evidence.fresh:
            return ()
        ended = self._follow(context, reading.observed_at, EndReason.LATE_ACTIVITY)
        if self._deadline is not None and context.watermark is not None:
            # What is late raises nothing: at the earliest, time that is still to come can.
            self._deadline = max(self._deadline, context.watermark + MINUTE)
        return ended

    def _follow(self, context: HomeContext, at: Instant, reason: EndReason) -> list[FindingEvent]:
        left = context.evidence.left
        if left == self._left:
            return []
        ended: list[FindingEvent] = []
        if self._standing is not None:
            ended.append(Ended(context.home, NAME, self._standing, at, reason))
            self._standing = None
        self._left = left
        self._deadline = None if left is None else left.at + self._limit
        return ended

    def fire(self, at: Instant, context: HomeContext) -> Sequence[FindingEvent]:
        """See Detector.fire."""
        left, deadline = self._left, self._deadline
        if left is None or deadline is None or deadline > at:
            return ()
        unseen = context.blind(left.at, deadline)
        missing = self._limit - (deadline - left.at - unseen)
        if unseen > BLIND and missing > 0:
            self._deadline = deadline + max(missing, MINUTE)
            return ()
        self._deadline = None
        return [self._ask(left, deadline, context)]

    def _ask(self, left: Sign, at: Instant, context: HomeContext) -> Finding:
        local, gone = context.local, at - left.at
        finding = Finding(
            home=context.home, kind=NAME, detector=f"{NAME}/1", cause=NAME, subject=Subject.PERSON, level=Level.PROMPT,
            onset=left.at, raised_at=at, room=left.room,
            evidence={"away_s": gone // SECOND, "since": local.iso(left.at), "limit_s": self._limit // SECOND},
            text_ja=f"{moment_ja(left.at, at, local)}に外出し、{span_ja(gone)}戻っていません。ご家族に確認してください。",
            text_en=f"Went out at {moment_en(left.at, at, local)} and has not been back for {span_en(gone)}: ask the family.",
        )  # fmt: skip
        self._standing = finding.id
        return finding

    def snapshot(self) -> State:
        """See Detector.snapshot."""
        left = None if self._left is None else list(self._left)
        return {"left": left, "deadline": self._deadline, "standing": self._standing}

    def restore(self, state: Mapping[str, Any]) -> None:
        """See Detector.restore."""
        self._left, self._deadline, self._standing = sign_of(state["left"]), state["deadline"], state["standing"]


def build(settings: Mapping[str, Any]) -> NotReturned:
    """A detector; ``hours`` is the longest absence that nobody is asked about."""
    return NotReturned(**numbers(NAME, settings, hours=(24.0, 1, 168)))
