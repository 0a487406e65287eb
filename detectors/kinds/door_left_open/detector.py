"""door_left_open: a door that leads out of the home has stood open for too long."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from detectors.context import HomeContext, Quiet, State
from detectors.lasting import Lasting
from detectors.parameters import numbers
from detectors.standing import Standing
from detectors.words import moment_en, moment_ja, span_en, span_ja
from domain.clock import MINUTE, SECOND, Instant
from domain.findings import EndReason, Finding, FindingEvent, Level, Subject
from domain.ids import DeviceId
from domain.readings import Device, DoorState, Quantity, Reading

NAME = "door_left_open"


class DoorLeftOpen(Quiet):
    """Prompts when an outer door was opened half an hour ago and has not been closed since."""

    name = NAME

    def __init__(self, minutes: float = 30.0) -> None:
        self._span = int(minutes * MINUTE)
        self._lasting = Lasting()
        self._newest: dict[DeviceId, Instant] = {}
        self._standing = Standing(NAME)

    def configured(self, context: HomeContext) -> Sequence[FindingEvent]:
        """See Detector.configured."""
        doors = [device.id for device in context.devices.values() if device.exit]
        self._lasting.keep(doors)
        self._newest = {device: at for device, at in self._newest.items() if device in doors}
        return self._standing.keep(doors, context)

    def due(self) -> Instant | None:
        """See Detector.due."""
        return self._lasting.due()

    def observe(self, reading: Reading, context: HomeContext) -> Sequence[FindingEvent]:
        """See Detector.observe."""
        return self._take(reading, context, EndReason.ACTIVITY)

    def observe_late(self, reading: Reading, context: HomeContext) -> Sequence[FindingEvent]:
        """See Detector.observe_late."""
        return self._take(reading, context, EndReason.LATE_ACTIVITY)

    def _take(self, reading: Reading, context: HomeContext, reason: EndReason) -> Sequence[FindingEvent]:
        device = context.devices.get(reading.device)
        if device is None or not device.exit or reading.quantity is not Quantity.DOOR:
            return ()
        if reading.observed_at < self._newest.get(device.id, 0):
            return ()
        self._newest[device.id] = reading.observed_at
        if reading.value == DoorState.OPEN:
            if reason is not EndReason.LATE_ACTIVITY:
                self._lasting.begin(device.id, reading.observed_at, self._span)
            return ()
        self._lasting.stop(device.id)
        return self._standing.end(context, reading.observed_at, reason, device.id)

    def fire(self, at: Instant, context: HomeContext) -> Sequence[FindingEvent]:
        """See Detector.fire."""
        return [
            self._raise(context.devices[DeviceId(key)], since, deadline, context)
            for key, since, deadline in self._lasting.passed(at, context)
        ]

    def _raise(self, device: Device, since: Instant, at: Instant, context: HomeContext) -> Finding:
        local, where = context.local, device.room or device.id
        finding = Finding(
            home=context.home, kind=NAME, detector=f"{NAME}/1", cause=f"{NAME}:{device.id}", subject=Subject.PERSON,
            level=Level.PROMPT, onset=since, raised_at=at, room=device.room, device=device.id,
            evidence={"room": device.room, "device": device.id, "began": local.iso(since), "open_s": (at - since) // SECOND},
            text_en=f"The outer door ({where}) has stood open since {moment_en(since, at, local)}, for {span_en(at - since)}. "
            "Ask the resident whether all is well.",
            text_ja=f"玄関などの外扉({where})が{moment_ja(since, at, local)}から{span_ja(at - since)}開いたままです。"
            "ご本人に様子を確認してください。",
        )  # fmt: skip
        return self._standing.begin(finding, device.id)

    def snapshot(self) -> State:
        """See Detector.snapshot."""
        return {
            "lasting": self._lasting.snapshot(), "newest": dict(sorted(self._newest.items())),
            "standing": self._standing.snapshot(),
        }  # fmt: skip

    def restore(self, state: Mapping[str, Any]) -> None:
        """See Detector.restore."""
        self._lasting.restore(state["lasting"])
        self._newest = {DeviceId(d): at for d, at in state["newest"].items()}
        self._standing.restore(state["standing"])


def build(settings: Mapping[str, Any]) -> DoorLeftOpen:
    """A detector; ``minutes`` is how long a door may stand open."""
    return DoorLeftOpen(**numbers(NAME, settings, minutes=(30.0, 5, 720)))
