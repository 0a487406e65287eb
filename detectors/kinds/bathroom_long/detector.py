"""bathroom_long: somebody went into the bathroom or toilet and has been seen nowhere else for too long."""

from __future__ import annotations

import math
from array import array
from bisect import bisect_left
from collections.abc import Mapping, Sequence
from typing import Any

from detectors.context import HomeContext, Quiet, State
from detectors.lasting import Lasting
from detectors.parameters import numbers
from detectors.rooms import is_bath
from detectors.standing import Standing
from detectors.words import moment_en, moment_ja, span_en, span_ja
from domain.clock import DAY, HOUR, MINUTE, SECOND, Instant, Span
from domain.findings import EndReason, Finding, FindingEvent, Level, Subject
from domain.readings import SIGNS_OF_LIFE, Device, Reading

NAME = "bathroom_long"
REMEMBERED: Span = 28 * DAY
QUANTILE = 0.99
ENOUGH_STAYS = 20
ENOUGH_NIGHTS = 15
"""Stays that began at night; with fewer of them a stay at night means nothing yet."""
NIGHT = frozenset({20, 21, 22, 23, 0, 1, 2, 3, 4, 5})
"""Clock hours in which somebody who leaves the room may go to bed, past no sensor, and not be seen until morning."""
NIGHT_FACTOR = 2.0
NIGHT_LEAST: Span = 150 * MINUTE
"""The least limit of a stay that begins at night."""
UNLEARNT: Span = 2 * HOUR
"""The least limit while fewer stays are known."""
FACTOR = 1.5
LONGEST_LEARNT: Span = 12 * HOUR
CAP: Span = 3 * HOUR
_WORTH_KEEPING: Span = 3 * MINUTE
_STAY = "stay"


class BathroomLong(Quiet):
    """Prompts when a stay outlasts, by half as much again, 99 of 100 of the home's stays in the last four weeks.

    A stay runs from the first sign of life in such a room to the first one anywhere else. The limit is at least
    ``minutes``. Stays that begin at night are compared with each other: whoever goes to bed past no sensor is not seen until
    morning. Where the limit would be more than three hours, people evidently leave the room unseen: then a long stay
    means nothing in this home, and nothing is said.
    """

    name = NAME
    version = 2

    def __init__(self, minutes: float = 90.0) -> None:
        self._least = int(minutes * MINUTE)
        self._lasting = Lasting()
        self._since: Instant | None = None
        self._room: str | None = None
        self._begun, self._lasted = array("q"), array("q")
        """The stays of the last four weeks: a fleet keeps hundreds for every home."""
        self._standing = Standing(NAME)

    def configured(self, context: HomeContext) -> Sequence[FindingEvent]:
        """See Detector.configured: without a sensor in the room nobody is known to be in there."""
        if any(is_bath(device) for device in context.devices.values()):
            return ()
        self._since = None
        return self._over(context.watermark or 0, context, EndReason.CONFIGURATION)

    def due(self) -> Instant | None:
        """See Detector.due."""
        return self._lasting.due()

    def observe(self, reading: Reading, context: HomeContext) -> Sequence[FindingEvent]:
        """See Detector.observe."""
        device = context.devices.get(reading.device)
        if device is None or reading.quantity not in SIGNS_OF_LIFE or context.evidence.trust.chatters(device.id):
            return ()
        if is_bath(device):
            self._seen_in(device, reading.observed_at, context)
            return ()
        return self._left(reading.observed_at, context, EndReason.ACTIVITY)

    def observe_late(self, reading: Reading, context: HomeContext) -> Sequence[FindingEvent]:
        """See Detector.observe_late."""
        device, since = context.devices.get(reading.device), self._since
        if device is None or reading.quantity not in SIGNS_OF_LIFE or is_bath(device):
            return ()
        if since is None or reading.observed_at < since:
            return ()
        return self._left(reading.observed_at, context, EndReason.LATE_ACTIVITY)

    @property
    def stays(self) -> int:
        """How many stays of the last four weeks are known."""
        return len(self._begun)

    def _seen_in(self, device: Device, at: Instant, context: HomeContext) -> None:
        """Somebody is in the room."""
        if self._since is None:
            self._since, self._room = at, device.room
            limit = self.limit(at, context)
            if limit is not None:
                self._lasting.begin(_STAY, at, limit)

    def _alike(self, by_day: bool, context: HomeContext) -> list[Span]:
        """The stays of the last four weeks that began by day, or at night, the shortest first."""
        hour = context.local.hour
        stays = zip(self._begun, self._lasted, strict=True)
        return sorted(span for start, span in stays if (hour(start) not in NIGHT) is by_day)

    def usual(self, at: Instant, context: HomeContext) -> Span:
        """What 99 of 100 stays like one that begins at ``at`` did not exceed in the last four weeks; 0 when none is known."""
        return _usual(self._alike(context.local.hour(at) not in NIGHT, context))

    def limit(self, at: Instant, context: HomeContext) -> Span | None:
        """How long a stay that begins at ``at`` may last; None where a long stay means nothing."""
        return self.limit_of(context.local.hour(at) not in NIGHT, context)

    def limit_of(self, by_day: bool, context: HomeContext) -> Span | None:
        """The limit of stays that begin by day, or at night."""
        spans = self._alike(by_day, context)
        if by_day:
            least, factor = self._least if len(spans) >= ENOUGH_STAYS else max(self._least, UNLEARNT), FACTOR
        elif len(spans) >= ENOUGH_NIGHTS:
            least, factor = max(self._least, NIGHT_LEAST), NIGHT_FACTOR
        else:
            return None
        limit = max(least, int(factor * _usual(spans)) // SECOND * SECOND)
        return limit if limit <= CAP else None

    def _left(self, at: Instant, context: HomeContext, reason: EndReason) -> Sequence[FindingEvent]:
        since = self._since
        if since is None:
            return ()
        self._since = None
        past = bisect_left(self._begun, at - REMEMBERED)
        del self._begun[:past], self._lasted[:past]
        if at - since >= _WORTH_KEEPING and context.blind(since, at) == 0:
            self._begun.append(since)
            self._lasted.append(min(at - since, LONGEST_LEARNT))
        return self._over(at, context, reason)

    def _over(self, at: Instant, context: HomeContext, reason: EndReason) -> Sequence[FindingEvent]:
        self._lasting.stop(_STAY)
        return self._standing.end(context, at, reason)

    def fire(self, at: Instant, context: HomeContext) -> Sequence[FindingEvent]:
        """See Detector.fire."""
        return [self._raise(since, deadline, context) for _, since, deadline in self._lasting.passed(at, context)]

    def _raise(self, since: Instant, at: Instant, context: HomeContext) -> Finding:
        local, lasted, where = context.local, at - since, self._room or ""
        usual = self.usual(since, context)
        finding = Finding(
            home=context.home, kind=NAME, detector=f"{NAME}/{self.version}", cause=NAME, subject=Subject.PERSON,
            level=Level.PROMPT, onset=since, raised_at=at, room=self._room,
            evidence={
                "room": self._room, "began": local.iso(since), "lasted_s": lasted // SECOND,
                "usual_stay_s": usual // SECOND, "stays": len(self._begun),
            },
            text_en=f"In {where} since {moment_en(since, at, local)}, for {span_en(lasted)}, and seen nowhere else. In the "
            f"last 28 days 99 of 100 stays lasted {span_en(usual)} at most. Ask the resident.",
            text_ja=f"{moment_ja(since, at, local)}に{where}に入り、{span_ja(lasted)}ほかの部屋で動きがありません。"
            f"過去28日の滞在は99%が{span_ja(usual)}以内でした。声をかけてください。",
        )  # fmt: skip
        return self._standing.begin(finding)

    def snapshot(self) -> State:
        """See Detector.snapshot."""
        stays = zip(self._begun, self._lasted, strict=True)
        return {
            "lasting": self._lasting.snapshot(), "since": self._since, "room": self._room,
            "stays": [list(stay) for stay in stays], "standing": self._standing.snapshot(),
        }  # fmt: skip

    def restore(self, state: Mapping[str, Any]) -> None:
        """See Detector.restore."""
        self._lasting.restore(state["lasting"])
        self._since, self._room = state["since"], state["room"]
        self._standing.restore(state["standing"])
        self._begun = array("q", (start for start, _ in state["stays"]))
        self._lasted = array("q", (span for _, span in state["stays"]))


def _usual(spans: list[Span]) -> Span:
    """What 99 of 100 did not exceed, of few the longest."""
    return spans[math.ceil(QUANTILE * (len(spans) - 1))] if spans else 0


def build(settings: Mapping[str, Any]) -> BathroomLong:
    """A detector; ``minutes`` is the least that a stay may last."""
    return BathroomLong(**numbers(NAME, settings, minutes=(90.0, 10, 180)))
