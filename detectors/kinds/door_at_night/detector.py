"""door_at_night: somebody went out in the middle of the night and has not come back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from detectors.context import HomeContext, Quiet, State
from detectors.lasting import Lasting
from detectors.parameters import numbers
from detectors.rooms import is_entrance
from detectors.standing import Standing
from detectors.words import moment_en, moment_ja, span_en, span_ja
from domain.clock import MINUTE, SECOND, Instant, Span
from domain.findings import EndReason, Finding, FindingEvent, Level, Subject
from domain.ids import DeviceId
from domain.localtime import LocalTime
from domain.readings import SIGNS_OF_LIFE, Device, DoorState, Quantity, Reading

NAME = "door_at_night"
ON_THE_WAY_OUT: Span = MINUTE
"""What moves this soon after the door, where the way out leads past, may still be the person who is leaving."""
ELSEWHERE: Span = 5 * SECOND
"""What moves so long after the door anywhere else is somebody who has come in, or has stayed."""
LEADS_OUT: Span = 2 * MINUTE
"""The sensor that saw somebody last, so long before the door, is one that the way out leads past."""
STILL_UP: Span = 10 * MINUTE
LATE_EVENING = 3
"""Times as long may somebody stay out in the first hour of the night who was up: the rubbish, the dog, a visitor's way."""
REMEMBERED_DAYS = 28
_OUT = "out"


class DoorAtNight(Quiet):
    """Prompts when an outer door moved between 23 and 5 o'clock and nothing has moved indoors for ten minutes since.

    In the first minute, what the way out leads past does not count: it may be the person who is leaving. A movement in any
    other room does, once the door is shut: whoever locks it and goes to bed is seen there.

    Where that has become a habit (two such nights in four weeks) it only tells of it in the digest. It never pages:
    somebody who closed the door and went to bed past no sensor looks the same.
    """

    name = NAME
    version = 2

    def __init__(
        self, from_hour: float = 23.0, to_hour: float = 5.0, minutes: float = 10.0, habit: float = 2.0
    ) -> None:
        self._from, self._to, self._span, self._habit = int(from_hour), int(to_hour), int(minutes * MINUTE), int(habit)
        self._lasting = Lasting()
        self._door: tuple[Instant, DeviceId, str | None] | None = None
        """When the door last moved, which, and where."""
        self._indoors: tuple[DeviceId, Instant] | None = None
        """Which sensor saw somebody indoors last, and when."""
        self._ajar = False
        """True while the door says that it stands open: who is on the way out may still be inside."""
        self._way: DeviceId | None = None
        """The one that saw the person who went out last."""
        self._nights: list[int] = []
        """Local days on which somebody went out at night, the last four weeks."""
        self._standing = Standing(NAME)

    def _is_night(self, at: Instant, local: LocalTime) -> bool:
        hour = local.hour(at)
        return hour >= self._from or hour < self._to if self._from > self._to else self._from <= hour < self._to

    def _wait(self, at: Instant, local: LocalTime) -> Span:
        """How long somebody may stay out who left at ``at``: longer who has not gone to bed yet."""
        seen = self._indoors
        up = local.hour(at) == self._from and seen is not None and at - seen[1] <= STILL_UP
        return LATE_EVENING * self._span if up else self._span

    def configured(self, context: HomeContext) -> Sequence[FindingEvent]:
        """See Detector.configured: a door that was taken away keeps nobody out."""
        if self._door is None or self._door[1] in context.devices:
            return ()
        self._door = None
        return self._over(context.watermark or 0, context, EndReason.CONFIGURATION)

    def due(self) -> Instant | None:
        """See Detector.due."""
        return self._lasting.due()

    def observe(self, reading: Reading, context: HomeContext) -> Sequence[FindingEvent]:
        """See Detector.observe."""
        device, at = context.devices.get(reading.device), reading.observed_at
        if device is None or reading.quantity not in SIGNS_OF_LIFE:
            return ()
        if not device.exit or reading.quantity is not Quantity.DOOR:
            found = self._back(device, at, context, EndReason.ACTIVITY)
            self._indoors = (device.id, at)
            return found
        if self._lasting.since(_OUT) is not None or self._is_night(at, context.local):
            self._door = (at, device.id, device.room)
            seen, self._ajar = self._indoors, reading.value == DoorState.OPEN
            self._way = seen[0] if seen is not None and at - seen[1] <= LEADS_OUT else None
            if reading.value != DoorState.CLOSED:
                self._lasting.begin(_OUT, at, self._wait(at, context.local))
        return ()

    def observe_late(self, reading: Reading, context: HomeContext) -> Sequence[FindingEvent]:
        """See Detector.observe_late."""
        device = context.devices.get(reading.device)
        if device is None or device.exit or reading.quantity not in SIGNS_OF_LIFE:
            return ()
        return self._back(device, reading.observed_at, context, EndReason.LATE_ACTIVITY)

    def _back(self, device: Device, at: Instant, context: HomeContext, reason: EndReason) -> Sequence[FindingEvent]:
        """Something moved indoors at ``at``."""
        if self._lasting.since(_OUT) is None or self._door is None:
            return ()
        moved, _, room = self._door
        passed = self._ajar or device.id == self._way or device.room == room or is_entrance(device)
        if at - moved < (ON_THE_WAY_OUT if passed else ELSEWHERE):
            return ()
        return self._over(at, context, reason)

    def _over(self, at: Instant, context: HomeContext, reason: EndReason) -> Sequence[FindingEvent]:
        self._lasting.stop(_OUT)
        return self._standing.end(context, at, reason)

    def fire(self, at: Instant, context: HomeContext) -> Sequence[FindingEvent]:
        """See Detector.fire."""
        return [self._raise(since, deadline, context) for _, since, deadline in self._lasting.passed(at, context)]

    def _raise(self, since: Instant, at: Instant, context: HomeContext) -> Finding:
        local = context.local
        door, room = (str(self._door[1]), self._door[2]) if self._door else ("", None)
        tonight, which, began, gone = local.day(since), room or door, moment_en(since, at, local), at - since
        self._nights = [night for night in self._nights if night > tonight - REMEMBERED_DAYS]
        before = len(set(self._nights) - {tonight})
        self._nights.append(tonight)
        usual = before >= self._habit
        finding = Finding(
            home=context.home, kind=NAME, detector=f"{NAME}/{self.version}", cause=NAME, subject=Subject.PERSON,
            level=Level.DIGEST if usual else Level.PROMPT, onset=since, raised_at=at, room=room,
            evidence={
                "began": local.iso(since), "door": door, "room": room, "out_s": gone // SECOND,
                "nights_before": before, "remembered_days": REMEMBERED_DAYS,
            },
            text_en=f"An outer door ({which}) moved at {began}, and nothing has moved indoors for {span_en(gone)} since. "
            f"In the last {REMEMBERED_DAYS} days this happened on {before} nights.",
            text_ja=f"{moment_ja(since, at, local)}に外扉({which})が動き、その後{span_ja(gone)}室内で動きがありません。"
            f"過去{REMEMBERED_DAYS}日で同様の夜は{before}回です。",
        )  # fmt: skip
        return self._standing.begin(finding)

    def snapshot(self) -> State:
        """See Detector.snapshot."""
        return {
            "lasting": self._lasting.snapshot(), "door": list(self._door) if self._door else None,
            "indoors": self._indoors, "way": self._way, "ajar": self._ajar, "nights": list(self._nights),
            "standing": self._standing.snapshot(),
        }  # fmt: skip

    def restore(self, state: Mapping[str, Any]) -> None:
        """See Detector.restore."""
        self._lasting.restore(state["lasting"])
        door = state["door"]
        self._door = (door[0], DeviceId(door[1]), door[2]) if door else None
        self._nights = list(state["nights"])
        seen, way = state.get("indoors"), state.get("way")
        self._indoors = None if seen is None else (DeviceId(seen[0]), seen[1])
        self._way, self._ajar = None if way is None else DeviceId(way), state.get("ajar", False)
        self._standing.restore(state["standing"])


def build(settings: Mapping[str, Any]) -> DoorAtNight:
    """A detector; see the README for its parameters."""
    return DoorAtNight(
        **numbers(
            NAME, settings, from_hour=(23.0, 0, 23), to_hour=(5.0, 0, 23), minutes=(10.0, 2, 120), habit=(2.0, 1, 28)
        )
    )
