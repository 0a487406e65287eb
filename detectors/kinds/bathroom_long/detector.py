"""bathroom_long: somebody went into the bathroom or toilet and has been seen nowhere else for too long."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

from detectors.context import HomeContext, Quiet, State
from detectors.lasting import Lasting
from detectors.parameters import numbers
from detectors.standing import Standing
from detectors.words import moment_en, moment_ja, span_en, span_ja
from domain.clock import DAY, HOUR, MINUTE, SECOND, Instant, Span
from domain.findings import EndReason, Finding, FindingEvent, Level, Subject
from domain.readings import SIGNS_OF_LIFE, Reading

NAME = "bathroom_long"
WORDS = ("bath", "shower", "toilet", "wc", "lavatory", "washroom", "浴", "風呂", "トイレ", "洗面", "便所")
"""A room whose name holds one of these is one in which people fall, and stay, unseen."""
REMEMBERED: Span = 28 * DAY
QUANTILE = 0.99
ENOUGH_STAYS = 20
UNLEARNT: Span = 2 * HOUR
"""The least limit while fewer stays are known."""
FACTOR = 1.5
LONGEST_LEARNT: Span = 12 * HOUR
CAP: Span = 3 * HOUR
_WORTH_KEEPING: Span = 3 * MINUTE
_STAY = "stay"


@lru_cache(maxsize=1024)
def is_bathroom(room: str | None) -> bool:
    """True for the name of a bathroom, toilet or washroom, in English or Japanese."""
    name = (room or "").lower()
    return any(word in name for word in WORDS)


class BathroomLong(Quiet):
    """Prompts when a stay outlasts, by half as much again, 99 of 100 of the home's stays in the last four weeks.

    A stay runs from the first sign of life in such a room to the first one anywhere else. The limit is at least
    ``minutes``. Where it would be more than three hours, people evidently leave the room unseen: then a long stay means
    nothing in this home, and nothing is said.
    """

    name = NAME

    def __init__(self, minutes: float = 60.0) -> None:
        self._least = int(minutes * MINUTE)
        self._lasting = Lasting()
        self._since: Instant | None = None
        self._room: str | None = None
        self._stays: deque[tuple[Instant, Span]] = deque()
        self._standing = Standing(NAME)

    def configured(self, context: HomeContext) -> Sequence[FindingEvent]:
        """See Detector.configured: without a sensor in the room nobody is known to be in there."""
        if any(is_bathroom(device.room) for device in context.devices.values()):
            return ()
        self._since = None
        return self._over(context.watermark or 0, context, EndReason.CONFIGURATION)

    def due(self) -> Instant | None:
        """See Detector.due."""
        return self._lasting.due()

    def observe(self, reading: Reading, context: HomeContext) -> Sequence[FindingEvent]:
        """See Detector.observe."""
        device = context.devices.get(reading.device)
        if device is None or reading.quantity not in SIGNS_OF_LIFE:
            return ()
        if is_bathroom(device.room):
            if self._since is None:
                self._since, self._room = reading.observed_at, device.room
                limit = self.limit()
                if limit is not None:
                    self._lasting.begin(_STAY, reading.observed_at, limit)
            return ()
        return self._left(reading.observed_at, context, EndReason.ACTIVITY)

    def observe_late(self, reading: Reading, context: HomeContext) -> Sequence[FindingEvent]:
        """See Detector.observe_late."""
        device, since = context.devices.get(reading.device), self._since
        if device is None or reading.quantity not in SIGNS_OF_LIFE or is_bathroom(device.room):
            return ()
        if since is None or reading.observed_at < since:
            return ()
        return self._left(reading.observed_at, context, EndReason.LATE_ACTIVITY)

    @property
    def stays(self) -> int:
        """How many stays of the last four weeks are known."""
        return len(self._stays)

    def usual(self) -> Span:
        """What 99 of 100 stays of the last four weeks did not exceed; 0 when none is known."""
        spans = sorted(span for _, span in self._stays)
        return spans[int(QUANTILE * (len(spans) - 1))] if spans else 0

    def limit(self) -> Span | None:
        """How long a stay that begins now may last; None where a long stay means nothing."""
        least = self._least if len(self._stays) >= ENOUGH_STAYS else max(self._least, UNLEARNT)
        limit = max(least, int(FACTOR * self.usual()) // SECOND * SECOND)
        return limit if limit <= CAP else None

    def _left(self, at: Instant, context: HomeContext, reason: EndReason) -> Sequence[FindingEvent]:
        since = self._since
        if since is None:
            return ()
        self._since = None
        while self._stays and self._stays[0][0] < at - REMEMBERED:
            self._stays.popleft()
        if at - since >= _WORTH_KEEPING and context.blind(since, at) == 0:
            self._stays.append((since, min(at - since, LONGEST_LEARNT)))
        return self._over(at, context, reason)

    def _over(self, at: Instant, context: HomeContext, reason: EndReason) -> Sequence[FindingEvent]:
        self._lasting.stop(_STAY)
        return self._standing.end(context, at, reason)

    def fire(self, at: Instant, context: HomeContext) -> Sequence[FindingEvent]:
        """See Detector.fire."""
        return [self._raise(since, deadline, context) for _, since, deadline in self._lasting.passed(at, context)]

    def _raise(self, since: Instant, at: Instant, context: HomeContext) -> Finding:
        local, lasted, where = context.local, at - since, self._room or ""
        usual = self.usual()
        finding = Finding(
            home=context.home, kind=NAME, detector=f"{NAME}/1", cause=NAME, subject=Subject.PERSON, level=Level.PROMPT,
            onset=since, raised_at=at, room=self._room,
            evidence={
                "room": self._room, "began": local.iso(since), "lasted_s": lasted // SECOND,
                "usual_stay_s": usual // SECOND, "stays": len(self._stays),
            },
            text_en=f"In {where} since {moment_en(since, at, local)}, for {span_en(lasted)}, and seen nowhere else. In the "
            f"last 28 days 99 of 100 stays lasted {span_en(usual)} at most. Ask the resident.",
            text_ja=f"{moment_ja(since, at, local)}に{where}に入り、{span_ja(lasted)}ほかの部屋で動きがありません。"
            f"過去28日の滞在は99%が{span_ja(usual)}以内でした。声をかけてください。",
        )  # fmt: skip
        return self._standing.begin(finding)

    def snapshot(self) -> State:
        """See Detector.snapshot."""
        return {
            "lasting": self._lasting.snapshot(), "since": self._since, "room": self._room,
            "stays": [list(stay) for stay in self._stays], "standing": self._standing.snapshot(),
        }  # fmt: skip

    def restore(self, state: Mapping[str, Any]) -> None:
        """See Detector.restore."""
        self._lasting.restore(state["lasting"])
        self._since, self._room = state["since"], state["room"]
        self._standing.restore(state["standing"])
        self._stays = deque((start, span) for start, span in state["stays"])


def build(settings: Mapping[str, Any]) -> BathroomLong:
    """A detector; ``minutes`` is the least that a stay may last."""
    return BathroomLong(**numbers(NAME, settings, minutes=(60.0, 10, 180)))
