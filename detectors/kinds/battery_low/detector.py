"""battery_low: a battery that wants changing before its device falls silent."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from detectors.context import HomeContext, Quiet, State
from detectors.parameters import numbers
from domain.clock import Instant
from domain.findings import Ended, EndReason, Finding, FindingEvent, Level, Subject
from domain.ids import DeviceId
from domain.readings import Device, Quantity, Reading

NAME = "battery_low"
CHANGED = 20.0
"""Percent above the digest's level at which a battery is taken to be a new one."""


class BatteryLow(Quiet):
    """Tells of a battery at 15 % in the digest, and prompts at 5 %; over when a new one was put in."""

    name = NAME

    def __init__(self, digest_percent: float = 15.0, prompt_percent: float = 5.0) -> None:
        self._digest, self._prompt = digest_percent, prompt_percent
        self._standing: dict[DeviceId, tuple[Level, str]] = {}
        self._newest: dict[DeviceId, Instant] = {}

    def configured(self, context: HomeContext) -> Sequence[FindingEvent]:
        """See Detector.configured."""
        self._newest = {device: at for device, at in self._newest.items() if device in context.devices}
        gone = [device for device in self._standing if device not in context.devices]
        return [self._end(device, context, context.watermark or 0, EndReason.CONFIGURATION) for device in gone]

    def observe(self, reading: Reading, context: HomeContext) -> Sequence[FindingEvent]:
        """See Detector.observe."""
        device = context.devices.get(reading.device)
        if reading.quantity is not Quantity.BATTERY or device is None:
            return ()
        self._newest[device.id] = reading.observed_at
        ended = self._renewed(reading, context, EndReason.ACTIVITY)
        level = self._level(reading.value)
        standing = self._standing.get(device.id)
        if level is None or (standing is not None and standing[0].rank >= level.rank):
            return ended
        if standing is not None:
            ended.append(self._end(device.id, context, reading.observed_at, EndReason.REPLACED))
        return [*ended, self._raise(device, level, reading, context)]

    def observe_late(self, reading: Reading, context: HomeContext) -> Sequence[FindingEvent]:
        """See Detector.observe_late."""
        late = reading.observed_at < self._newest.get(reading.device, 0)
        if reading.quantity is not Quantity.BATTERY or late:
            return ()
        return self._renewed(reading, context, EndReason.LATE_ACTIVITY)

    def _level(self, percent: float) -> Level | None:
        if percent <= self._prompt:
            return Level.PROMPT
        return Level.DIGEST if percent <= self._digest else None

    def _renewed(self, reading: Reading, context: HomeContext, reason: EndReason) -> list[FindingEvent]:
        if reading.device not in self._standing or reading.value < min(100.0, self._digest + CHANGED):
            return []
        return [self._end(reading.device, context, reading.observed_at, reason)]

    def _raise(self, device: Device, level: Level, reading: Reading, context: HomeContext) -> Finding:
        at, percent = reading.observed_at, reading.value
        where_en, where_ja = (f" in {device.room}", f"({device.room})") if device.room else ("", "")
        finding = Finding(
            home=context.home, kind=NAME, detector=f"{NAME}/1", cause=f"{NAME}:{device.id}", subject=Subject.DEVICE,
            level=level, onset=at, raised_at=at, room=device.room, device=device.id,
            evidence={"device": device.id, "device_kind": device.kind.value, "battery_percent": percent},
            text_en=f"The battery of the {device.kind.value} sensor {device.id}{where_en} is at {percent:.0f} %: change it"
            + (" now." if level is Level.PROMPT else " on the next visit."),
            text_ja=f"センサー「{device.id}」{where_ja}の電池残量が{percent:.0f}%です。"
            + ("すぐに交換してください。" if level is Level.PROMPT else "次の訪問時に交換してください。"),
        )  # fmt: skip
        self._standing[device.id] = (level, finding.id)
        return finding

    def _end(self, device: DeviceId, context: HomeContext, at: Instant, reason: EndReason) -> Ended:
        return Ended(context.home, f"{NAME}:{device}", self._standing.pop(device)[1], at, reason)

    def snapshot(self) -> State:
        """See Detector.snapshot."""
        return {
            "standing": {d: [level.value, finding] for d, (level, finding) in sorted(self._standing.items())},
            "newest": dict(sorted(self._newest.items())),
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """See Detector.restore."""
        self._standing = {DeviceId(d): (Level(level), finding) for d, (level, finding) in state["standing"].items()}
        self._newest = {DeviceId(d): at for d, at in state["newest"].items()}


def build(settings: Mapping[str, Any]) -> BatteryLow:
    """A detector; ``digest_percent`` and ``prompt_percent`` are its levels."""
    return BatteryLow(**numbers(NAME, settings, digest_percent=(15.0, 1, 60), prompt_percent=(5.0, 0, 60)))
