"""inactivity: no sign of life at home for longer than this home's own days ever made likely."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Any

from detectors.context import HomeContext, Quiet, State
from detectors.kinds.inactivity import text
from detectors.kinds.inactivity.line import CAP, LONGEST, Line
from detectors.kinds.inactivity.places import Places
from detectors.parameters import numbers
from domain.clock import DAY, HOUR, MINUTE, SECOND, Instant, Span
from domain.findings import Ended, EndReason, Finding, FindingEvent, Level, Subject, Unknown
from domain.ids import HomeId
from domain.localtime import LocalTime
from domain.readings import SIGNS_OF_LIFE, Device, Quantity, Reading

NAME = "inactivity"
NOT_RETURNED = "not_returned"
AFTER_EXIT: Span = 2 * MINUTE
"""A last sign of life this close to a movement of an outer door means that the resident may have gone out."""
SOON_AFTER_EXIT: Span = 10 * MINUTE
"""A last sign of life this close to one may still be somebody on the way out, seen late: the limit is wider."""
WIDER = 4
BLIND: Span = 5 * MINUTE
"""This much blindness within a silence does not matter."""
AWAY_CAP: Span = 24 * HOUR
MATTERS = 0.25
"""Silent devices from which this part of the hour's signs of life came hide too much to call a silence a silence."""
_COMPARED: Span = 10 * MINUTE
_REMEMBERED = 28 * DAY


class Occupancy(StrEnum):
    """Where the resident is taken to be."""

    HOME = "home"
    AWAY = "away"
    UNKNOWN = "unknown"
    BLIND = "blind"


class Inactivity(Quiet):
    """Pages when a silence at home outlasts its limit; see ``line`` for where the limit comes from.

    A silence counts only where the gateway vouched: what it did not see is added to the deadline, and at the original
    deadline the finding is Unknown. So it is when silent devices hide the rooms where life would be seen at this hour; then
    only the cap pages. Silences after an outer door moved are neither learnt from nor paged; after 24 h the resident has
    *not returned*. Silences that were not fully seen are not learnt from.
    """

    name = NAME

    def __init__(self, page_budget: float = 1.0) -> None:
        self._line = Line(page_budget)
        self._places = Places()
        self._life: Instant | None = None
        self._room: str | None = None
        self._exit: Instant | None = None
        self._limit: Span = 0
        self._deadline: Instant | None = None
        """When the silence since ``_life`` will have been seen for long enough; None once it has spoken."""
        self._midnight: Instant | None = None
        self._due: Instant | None = None
        self._standing: tuple[str, str, Instant] | None = None
        """(cause, finding id, onset) of the page or of 'not returned'."""
        self._unknown: tuple[str, Instant] | None = None
        """(finding id, onset) of the unknown that stands."""
        self._past: deque[tuple[Instant, Span]] = deque()

    # ---- what others may ask -----------------------------------------------------------------------------------------

    @property
    def last_life(self) -> Instant | None:
        """The last sign of life."""
        return self._life

    @property
    def last_room(self) -> str | None:
        """Where it was."""
        return self._room

    @property
    def limit(self) -> Span | None:
        """How long the present silence may last; None while away or before the first sign of life."""
        return None if self._life is None or self._away else self._limit

    def limit_at(self, hour: int) -> Span:
        """How long a silence at home may last that begins in clock hour ``hour``: the delay of a page."""
        return self._line.limit(hour)

    @property
    def learnt_days(self) -> int:
        """Days that the limit rests on."""
        return self._line.days

    def occupancy(self) -> Occupancy:
        """Where the resident is taken to be, as of the watermark."""
        if self._life is None:
            return Occupancy.UNKNOWN
        if self._away:
            return Occupancy.AWAY
        return Occupancy.BLIND if self._unknown is not None else Occupancy.HOME

    @property
    def overdue(self) -> bool:
        """True while a page stands."""
        return self._standing is not None and self._standing[0] == NAME

    @property
    def _away(self) -> bool:
        return self._within_of_exit(AFTER_EXIT)

    def _within_of_exit(self, span: Span) -> bool:
        """True when an outer door had moved at most ``span`` before the last sign of life."""
        return self._life is not None and self._exit is not None and self._life - self._exit <= span

    # ---- event time --------------------------------------------------------------------------------------------------

    def due(self) -> Instant | None:
        """See Detector.due."""
        return self._due

    def observe(self, reading: Reading, context: HomeContext) -> Sequence[FindingEvent]:
        """See Detector.observe."""
        if reading.quantity not in SIGNS_OF_LIFE:
            return ()
        at = reading.observed_at
        device = context.devices.get(reading.device)
        ended: list[FindingEvent] = []
        if self._life is not None:
            self._learn(self._life, at, context)
            if self._standing is not None or self._unknown is not None:
                ended = self._end(context.home, at, EndReason.ACTIVITY)
        else:
            self._midnight = context.local.midnight(context.local.day(at) + 1)
        if device is not None and device.exit and reading.quantity is Quantity.DOOR:
            self._exit = at
        self._life = at
        self._room = device.room if device is not None else None
        self._places.note(reading.device, context.local.hour(at))
        self._aim(context.local)
        return ended

    def observe_late(self, reading: Reading, context: HomeContext) -> Sequence[FindingEvent]:
        """See Detector.observe_late."""
        at = reading.observed_at
        if reading.quantity not in SIGNS_OF_LIFE or self._life is None or at <= self._life:
            return ()
        device = context.devices.get(reading.device)
        if device is not None and device.exit and reading.quantity is Quantity.DOOR:
            self._exit = at
        ended = self._end(context.home, at, EndReason.LATE_ACTIVITY)
        self._life, self._room = at, device.room if device is not None else None
        self._aim(context.local)
        if self._deadline is not None and context.watermark is not None:
            # What is late raises nothing: at the earliest, time that is still to come can.
            self._deadline = max(self._deadline, context.watermark + MINUTE)
            self._settle()
        return ended

    def _aim(self, local: LocalTime) -> None:
        """Set the deadline of the silence that begins now."""
        assert self._life is not None  # noqa: S101 (both callers have just set it)
        if self._away:
            self._limit = AWAY_CAP
        else:
            limit = self._line.limit(local.hour(self._life))
            self._limit = min(CAP, WIDER * limit) if self._within_of_exit(SOON_AFTER_EXIT) else limit
        self._deadline = self._life + self._limit
        self._settle()

    def _settle(self) -> None:
        deadline, midnight = self._deadline, self._midnight
        if deadline is None:
            self._due = midnight
        else:
            self._due = deadline if midnight is None or deadline < midnight else midnight

    def _learn(self, start: Instant, end: Instant, context: HomeContext) -> None:
        silence = end - start
        if silence < MINUTE or self._away or context.blind(start, end) > BLIND:
            return
        local = context.local
        if silence >= _COMPARED and self._hidden(start, end, context):
            return
        if silence < LONGEST:
            counts = not self._within_of_exit(SOON_AFTER_EXIT)
            self._line.learn(local.day(start), local.hour(start), silence, counts=counts)
        if silence >= _COMPARED:
            self._past.append((start, silence))
            while self._past[0][0] < end - _REMEMBERED:
                self._past.popleft()

    def _hidden(self, start: Instant, end: Instant, context: HomeContext) -> list[Device]:
        """The silent devices that hide too much of [start, end]; none when what they would show does not matter."""
        lost = context.lost(end)
        if not lost:
            return []
        hours = {context.local.hour(at) for at in (*range(start, min(end, start + DAY), HOUR), end)}
        return lost if self._places.share({device.id for device in lost}, hours) >= MATTERS else []

    def fire(self, at: Instant, context: HomeContext) -> Sequence[FindingEvent]:
        """See Detector.fire."""
        found: list[FindingEvent] = []
        if self._deadline is not None and self._deadline <= at:
            found += self._passed(self._deadline, context)
        if self._midnight is not None and self._midnight <= at:
            day = context.local.day(self._midnight)
            self._line.fit(day)
            self._places.fade()
            self._midnight = context.local.midnight(day + 1)
        self._settle()
        return found

    def _passed(self, deadline: Instant, context: HomeContext) -> list[FindingEvent]:
        """The watermark has passed the deadline, and nothing has moved."""
        assert self._life is not None  # noqa: S101 (a deadline has a beginning)
        unseen = context.blind(self._life, deadline)
        missing = self._limit - (deadline - self._life - unseen)
        if unseen > BLIND and missing > 0:
            self._deadline = deadline + max(missing, MINUTE)
            return self._say_unknown(deadline, unseen, context)
        hidden = [] if self._away else self._hidden(self._life, deadline, context)
        if hidden and self._limit < CAP:
            # What the others do not see for half a day has stopped, whatever the silent ones hide.
            self._limit = CAP
            self._deadline = max(self._life + CAP, deadline + MINUTE)
            return self._say_unknown(deadline, unseen, context, hidden)
        self._deadline = None
        finding = self._not_returned(deadline, context) if self._away else self._page(deadline, unseen, context, hidden)
        self._standing = (finding.cause, finding.id, finding.onset)
        ended = self._end_unknown(context.home, deadline, EndReason.REPLACED)
        return [*ended, finding]

    # ---- processing time ---------------------------------------------------------------------------------------------

    def due_now(self, context: HomeContext) -> Instant | None:
        """See Detector.due_now: when it is certain that the deadline passed while nobody vouched."""
        if self._deadline is None or self._unknown is not None or self._away:
            return None
        return context.cut_off_at(self._deadline)

    def fire_now(self, now: Instant, context: HomeContext) -> Sequence[FindingEvent]:
        """See Detector.fire_now."""
        deadline = self._deadline
        if deadline is None or self._life is None or self._unknown is not None or now < context.cut_off_at(deadline):
            return ()
        return self._say_unknown(deadline, context.blind(self._life, deadline), context)

    # ---- what is said ------------------------------------------------------------------------------------------------

    def _silence(self, at: Instant, unseen: Span, context: HomeContext, hidden: Sequence[Device] = ()) -> text.Silence:
        assert self._life is not None  # noqa: S101 (only a silence that began is described)
        hour = context.local.hour(self._life)
        near = {(hour - 1) % 24, hour, (hour + 1) % 24}
        alike = [s for start, s in self._past if start >= at - _REMEMBERED and context.local.hour(start) in near]
        length = at - self._life
        return text.Silence(
            since=self._life, at=at, room=self._room, limit=self._limit, blind=unseen if unseen > BLIND else 0,
            comparable=len(alike), longer=sum(s > length for s in alike), longest=max(alike, default=0),
            learnt_days=self._line.days, last_exit=self._exit, hidden=tuple(device.id for device in hidden),
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

    def _not_returned(self, at: Instant, context: HomeContext) -> Finding:
        assert self._life is not None  # noqa: S101 (away since then)
        since = self._life
        return Finding(
            home=context.home, kind=NOT_RETURNED, detector=f"{NAME}/1", cause=NOT_RETURNED, subject=Subject.PERSON,
            level=Level.PROMPT, onset=since, raised_at=at, room=self._room,
            evidence={"away_s": (at - since) // SECOND, "since": context.local.iso(since), "limit_s": AWAY_CAP // SECOND},
            text_ja=text.away_ja(since, at, context.local), text_en=text.away_en(since, at, context.local),
        )  # fmt: skip

    def _say_unknown(
        self, at: Instant, unseen: Span, context: HomeContext, hidden: Sequence[Device] = ()
    ) -> list[FindingEvent]:
        if self._unknown is not None or self._away:
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
            cause, finding, _ = self._standing
            ended.append(Ended(home, cause, finding, at, reason))
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
            "line": self._line.snapshot(), "places": self._places.snapshot(), "life": self._life,
            "room": self._room, "exit": self._exit,
            "limit": self._limit, "deadline": self._deadline, "midnight": self._midnight,
            "standing": self._standing, "unknown": self._unknown, "past": list(self._past),
        }  # fmt: skip

    def restore(self, state: Mapping[str, Any]) -> None:
        """See Detector.restore."""
        self._line.restore(state["line"])
        self._places.restore(state["places"])
        self._life, self._room, self._exit = state["life"], state["room"], state["exit"]
        self._limit, self._deadline, self._midnight = state["limit"], state["deadline"], state["midnight"]
        standing, unknown = state["standing"], state["unknown"]
        self._standing = (standing[0], standing[1], standing[2]) if standing else None
        self._unknown = (unknown[0], unknown[1]) if unknown else None
        self._past = deque((start, silence) for start, silence in state["past"])
        self._settle()


def build(settings: Mapping[str, Any]) -> Inactivity:
    """A detector; ``page_budget`` is how many pages about a person a home may cause in a month."""
    return Inactivity(**numbers(NAME, settings, page_budget=(1.0, 0.01, 60)))
