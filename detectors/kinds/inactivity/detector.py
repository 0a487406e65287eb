"""inactivity: no sign of life at home for longer than this home's own days ever made likely."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from typing import Any

from detectors.context import HomeContext, Quiet, State
from detectors.evidence.life import BLIND, Sign, sign_of
from detectors.kinds.inactivity import text
from detectors.kinds.inactivity.line import CAP, LONGEST, Line
from detectors.parameters import numbers
from domain.clock import DAY, MINUTE, SECOND, Instant, Span
from domain.findings import Ended, EndReason, Finding, FindingEvent, Level, Subject, Unknown
from domain.ids import HomeId
from domain.localtime import LocalTime
from domain.readings import Device, Reading

NAME = "inactivity"
WIDER = 4
_COMPARED: Span = 10 * MINUTE
_REMEMBERED = 28 * DAY


class Inactivity(Quiet):
    """Pages when a silence at home outlasts its limit; see ``line`` for where the limit comes from.

    A silence counts only where the gateway vouched: what it did not see is added to the deadline, and at the original
    deadline the finding is Unknown. So it is when silent devices hide the rooms where life would be seen at this hour; then
    only the cap pages. Silences after an outer door moved are neither learnt from nor paged: they are `not_returned`'s
    matter. Silences that were not fully seen are not learnt from.
    """

    name = NAME

    def __init__(self, page_budget: float = 1.0) -> None:
        self._line = Line(page_budget)
        self._life: Sign | None = None
        """The last sign of life: the present silence began with it."""
        self._limit: Span = 0
        self._deadline: Instant | None = None
        """When the present silence will have been seen for long enough; None once it has spoken, and for an absence."""
        self._midnight: Instant | None = None
        self._due: Instant | None = None
        self._standing: str | None = None
        """The id of the page that stands."""
        self._unknown: tuple[str, Instant] | None = None
        """(finding id, onset) of the unknown that stands."""
        self._past: deque[tuple[Instant, Span]] = deque()

    # ---- what others may ask -----------------------------------------------------------------------------------------

    @property
    def limit(self) -> Span | None:
        """How long the present silence may last; None while away or before the first sign of life."""
        return None if self._life is None or self._life.may_be_out else self._limit

    def limit_at(self, hour: int) -> Span:
        """How long a silence at home may last that begins in clock hour ``hour``: the delay of a page."""
        return self._line.limit(hour)

    @property
    def learnt_days(self) -> int:
        """Days that the limit rests on."""
        return self._line.days

    @property
    def overdue(self) -> bool:
        """True while a page stands."""
        return self._standing is not None

    @property
    def unsure(self) -> bool:
        """True while the deadline has passed and it cannot be said how the resident is."""
        return self._unknown is not None

    # ---- event time --------------------------------------------------------------------------------------------------

    def due(self) -> Instant | None:
        """See Detector.due."""
        return self._due

    def observe(self, reading: Reading, context: HomeContext) -> Sequence[FindingEvent]:
        """See Detector.observe."""
        ended: list[FindingEvent] = []
        for before, sign in context.evidence.fresh:
            if before is None:
                self._midnight = context.local.midnight(context.local.day(sign.at) + 1)
            else:
                self._learn(before, sign.at, context)
                if self._standing is not None or self._unknown is not None:
                    ended += self._end(context.home, reading.observed_at, EndReason.ACTIVITY)
            self._begin(sign, context.local)
        return ended

    def observe_late(self, reading: Reading, context: HomeContext) -> Sequence[FindingEvent]:  # noqa: ARG002
        """See Detector.observe_late."""
        ended: list[FindingEvent] = []
        for _, sign in context.evidence.fresh:
            ended += self._end(context.home, sign.at, EndReason.LATE_ACTIVITY)
            self._begin(sign, context.local)
            if self._deadline is not None and context.watermark is not None:
                # What is late raises nothing: at the earliest, time that is still to come can.
                self._deadline = max(self._deadline, context.watermark + MINUTE)
                self._settle()
        return ended

    def _begin(self, sign: Sign, local: LocalTime) -> None:
        """Set the deadline of the silence that begins with ``sign``."""
        self._life = sign
        if sign.may_be_out:
            self._deadline = None
        else:
            limit = self._line.limit(local.hour(sign.at))
            self._limit = min(CAP, WIDER * limit) if sign.soon_after_exit else limit
            self._deadline = sign.at + self._limit
        self._settle()

    def _settle(self) -> None:
        deadline, midnight = self._deadline, self._midnight
        if deadline is None:
            self._due = midnight
        else:
            self._due = deadline if midnight is None or deadline < midnight else midnight

    def _learn(self, before: Sign, end: Instant, context: HomeContext) -> None:
        start = before.at
        silence = end - start
        if silence < MINUTE or not before.teaches or context.blind(start, end) > BLIND:
            return
        local = context.local
        if silence >= _COMPARED and context.evidence.hidden(start, end, context):
            return
        if silence < LONGEST:
            self._line.learn(local.day(start), local.hour(start), silence, counts=not before.soon_after_exit)
        if silence >= _COMPARED:
            self._past.append((start, silence))
            while self._past[0][0] < end - _REMEMBERED:
                self._past.popleft()

    def fire(self, at: Instant, context: HomeContext) -> Sequence[FindingEvent]:
        """See Detector.fire."""
        found: list[FindingEvent] = []
        if self._deadline is not None and self._deadline <= at:
            found += self._passed(self._deadline, context)
        if self._midnight is not None and self._midnight <= at:
            day = context.local.day(self._midnight)
            self._line.fit(day)
            self._midnight = context.local.midnight(day + 1)
        self._settle()
        return found

    def _passed(self, deadline: Instant, context: HomeContext) -> list[FindingEvent]:
        """The watermark has passed the deadline, and nothing has moved."""
        assert self._life is not None  # noqa: S101 (a deadline has a beginning)
        since = self._life.at
        unseen = context.blind(since, deadline)
        missing = self._limit - (deadline - since - unseen)
        if unseen > BLIND and missing > 0:
            self._deadline = deadline + max(missing, MINUTE)
            return self._say_unknown(deadline, unseen, context)
        hidden = context.evidence.hidden(since, deadline, context)
        if hidden and self._limit < CAP:
            # What the others do not see for half a day has stopped, whatever the silent ones hide.
            self._limit = CAP
            self._deadline = max(since + CAP, deadline + MINUTE)
            return self._say_unknown(deadline, unseen, context, hidden)
        self._deadline = None
        finding = self._page(deadline, unseen, context, hidden)
        self._standing = finding.id
        return [*self._end_unknown(context.home, deadline, EndReason.REPLACED), finding]

    # ---- processing time ---------------------------------------------------------------------------------------------

    def due_now(self, context: HomeContext) -> Instant | None:
        """See Detector.due_now: when it is certain that the deadline passed while nobody vouched."""
        if self._deadline is None or self._unknown is not None:
            return None
        return context.cut_off_at(self._deadline)

    def fire_now(self, now: Instant, context: HomeContext) -> Sequence[FindingEvent]:
        """See Detector.fire_now."""
        deadline = self._deadline
        if deadline is None or self._life is None or self._unknown is not None or now < context.cut_off_at(deadline):
            return ()
        return self._say_unknown(deadline, context.blind(self._life.at, deadline), context)

    # ---- what is said ------------------------------------------------------------------------------------------------

    def _silence(self, at: Instant, unseen: Span, context: HomeContext, hidden: Sequence[Device] = ()) -> text.Silence:
        assert self._life is not None  # noqa: S101 (only a silence that began is described)
        since = self._life.at
        hour = context.local.hour(since)
        near = {(hour - 1) % 24, hour, (hour + 1) % 24}
        alike = [s for start, s in self._past if start >= at - _REMEMBERED and context.local.hour(start) in near]
        length = at - since
        return text.Silence(
            since=since, at=at, room=self._life.room, limit=self._limit, blind=unseen if unseen > BLIND else 0,
            comparable=len(alike), longer=sum(s > length for s in alike), longest=max(alike, default=0),
            learnt_days=self._line.days, last_exit=context.evidence.exit, hidden=tuple(device.id for device in hidden),
        )  # fmt: skip

    def _evidence(self, silence: text.Silence, context: HomeContext) -> dict[str, Any]:
        local = context.local
        return {
            "silent_s": silence.length // SECOND,
            "limit_s": silence.limit // SECOND,
            "since": local.iso(silence.since),
            "room": silence.room,
            "blind_s": silence.blind // SECOND,
            "comparable": silence.comparable,
            "longer": silence.longer,
            "longest_s": silence.longest // SECOND,
            "learnt_days": silence.learnt_days,
            "line_s": self._line.base(local.hour(silence.since)) // SECOND,
            "scale": round(self._line.scale, 3),
            "silent_devices": list(silence.hidden),
            "last_exit": None if silence.last_exit is None else local.iso(silence.last_exit),
        }

    def _page(self, at: Instant, unseen: Span, context: HomeContext, hidden: Sequence[Device]) -> Finding:
        silence = self._silence(at, unseen, context, hidden)
        return Finding(
            home=context.home, kind=NAME, detector=f"{NAME}/1", cause=NAME, subject=Subject.PERSON, level=Level.PAGE,
            onset=silence.since, raised_at=at, room=silence.room, evidence=self._evidence(silence, context),
            text_ja=text.page_ja(silence, context.local), text_en=text.page_en(silence, context.local),
        )  # fmt: skip

    def _say_unknown(
        self, at: Instant, unseen: Span, context: HomeContext, hidden: Sequence[Device] = ()
    ) -> list[FindingEvent]:
        if self._unknown is not None:
            return []
        silence = self._silence(at, unseen, context, hidden)
        finding = Finding(
            home=context.home, kind=NAME, detector=f"{NAME}/1", cause=NAME, subject=Subject.PERSON, level=Level.DIGEST,
            onset=silence.since, raised_at=at, room=silence.room, unknown=Unknown.BLIND,
            evidence=self._evidence(silence, context),
            text_ja=text.unknown_ja(silence, context.local), text_en=text.unknown_en(silence, context.local),
        )  # fmt: skip
        self._unknown = (finding.id, finding.onset)
        return [finding]

    def _end(self, home: HomeId, at: Instant, reason: EndReason) -> list[FindingEvent]:
        ended = self._end_unknown(home, at, reason)
        if self._standing is not None:
            ended.append(Ended(home, NAME, self._standing, at, reason))
            self._standing = None
        return ended

    def _end_unknown(self, home: HomeId, at: Instant, reason: EndReason) -> list[FindingEvent]:
        if self._unknown is None:
            return []
        finding, _ = self._unknown
        self._unknown = None
        return [Ended(home, NAME, finding, at, reason)]

    # ---- state -------------------------------------------------------------------------------------------------------

    def snapshot(self) -> State:
        """See Detector.snapshot."""
        return {
            "line": self._line.snapshot(), "life": None if self._life is None else list(self._life),
            "limit": self._limit, "deadline": self._deadline, "midnight": self._midnight,
            "standing": self._standing, "unknown": self._unknown, "past": list(self._past),
        }  # fmt: skip

    def restore(self, state: Mapping[str, Any]) -> None:
        """See Detector.restore."""
        self._line.restore(state["line"])
        self._life = sign_of(state["life"])
        self._limit, self._deadline, self._midnight = state["limit"], state["deadline"], state["midnight"]
        self._standing, unknown = state["standing"], state["unknown"]
        self._unknown = (unknown[0], unknown[1]) if unknown else None
        self._past = deque((start, silence) for start, silence in state["past"])
        self._settle()


def build(settings: Mapping[str, Any]) -> Inactivity:
    """A detector; ``page_budget`` is how many pages about a person a home may cause in a month."""
    return Inactivity(**numbers(NAME, settings, page_budget=(1.0, 0.01, 60)))
