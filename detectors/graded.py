"""A condition of a room in grades: each counts once it has lasted, and a higher grade takes the place of a lower."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from detectors.context import HomeContext, Quiet, State
from detectors.lasting import Lasting
from domain.clock import HOUR, Instant, Span
from domain.findings import Ended, EndReason, Finding, FindingEvent, Level
from domain.ids import DeviceId
from domain.readings import Device, Quantity, Reading

FRESH: Span = 2 * HOUR
"""An older reading says nothing about the present."""


class Graded(Quiet):
    """The part that `heat` and `cold` have in common: thermometers, grades that last, one standing finding for each.

    ``lasts`` says for each level how long its condition must hold. A kind says when the condition of a level holds
    (``holds``), when a standing finding is over (``over``), and what is said (``describe``). Late readings end and never
    raise.
    """

    def __init__(self, lasts: Mapping[Level, Span]) -> None:
        self._lasts = lasts
        self._celsius: dict[DeviceId, tuple[float, Instant]] = {}
        self._lasting = Lasting()
        self._standing: dict[DeviceId, tuple[Level, str]] = {}

    # ---- what a kind says --------------------------------------------------------------------------------------------

    def holds(self, level: Level, device: Device, at: Instant) -> bool:
        """True while the condition of ``level`` holds."""
        raise NotImplementedError

    def over(self, level: Level, device: Device, at: Instant) -> bool:
        """True when a finding of ``level`` is over."""
        raise NotImplementedError

    def describe(self, level: Level, device: Device, since: Instant, at: Instant, context: HomeContext) -> Finding:
        """The finding."""
        raise NotImplementedError

    # ---- what they share ---------------------------------------------------------------------------------------------

    def configured(self, context: HomeContext) -> Sequence[FindingEvent]:
        """See Detector.configured."""
        self._celsius = {d: known for d, known in self._celsius.items() if d in context.devices}
        self._lasting.keep(_key(device, level) for device in self._celsius for level in self._lasts)
        gone = [device for device in self._standing if device not in context.devices]
        return [self._end(device, context, context.watermark or 0, EndReason.CONFIGURATION) for device in gone]

    def due(self) -> Instant | None:
        """See Detector.due."""
        return self._lasting.due()

    def observe(self, reading: Reading, context: HomeContext) -> Sequence[FindingEvent]:
        """See Detector.observe."""
        return self.take(reading, context, EndReason.ACTIVITY)

    def observe_late(self, reading: Reading, context: HomeContext) -> Sequence[FindingEvent]:
        """See Detector.observe_late."""
        return self.take(reading, context, EndReason.LATE_ACTIVITY)

    def take(self, reading: Reading, context: HomeContext, reason: EndReason) -> Sequence[FindingEvent]:
        """A reading; ``reason`` is why a finding that it ends is over."""
        device = context.devices.get(reading.device)
        if device is None or reading.quantity is not Quantity.TEMPERATURE:
            return ()
        before = self._celsius.get(device.id)
        if before is not None and reading.observed_at < before[1]:
            return ()
        self._celsius[device.id] = (reading.value, reading.observed_at)
        return self.judge(device, reading.observed_at, context, reason)

    def judge(self, device: Device, at: Instant, context: HomeContext, reason: EndReason) -> list[FindingEvent]:
        """What is known of the thermometer has changed."""
        for level, span in self._lasts.items():
            if not self.holds(level, device, at):
                self._lasting.stop(_key(device.id, level))
            elif reason is not EndReason.LATE_ACTIVITY:
                self._lasting.begin(_key(device.id, level), at, span)
        standing = self._standing.get(device.id)
        if standing is None or not self.over(standing[0], device, at):
            return []
        return [self._end(device.id, context, at, reason)]

    def fire(self, at: Instant, context: HomeContext) -> Sequence[FindingEvent]:
        """See Detector.fire."""
        found: list[FindingEvent] = []
        for key, since, deadline in self._lasting.passed(at, context):
            name, _, wanted = key.rpartition("/")
            device, level = context.devices.get(DeviceId(name)), Level(wanted)
            if device is None or deadline - self._celsius[device.id][1] > FRESH:
                self._lasting.stop(key)  # what it says once it speaks again begins anew
                continue
            standing = self._standing.get(device.id)
            if standing is not None and standing[0].rank >= level.rank:
                continue
            if standing is not None:
                found.append(self._end(device.id, context, deadline, EndReason.REPLACED))
            finding = self.describe(level, device, since, deadline, context)
            self._standing[device.id] = (level, finding.id)
            found.append(finding)
        return found

    def _end(self, device: DeviceId, context: HomeContext, at: Instant, reason: EndReason) -> Ended:
        return Ended(context.home, f"{self.name}:{device}", self._standing.pop(device)[1], at, reason)

    def snapshot(self) -> State:
        """See Detector.snapshot."""
        return {
            "celsius": {d: list(known) for d, known in sorted(self._celsius.items())},
            "lasting": self._lasting.snapshot(),
            "standing": {d: [level.value, finding] for d, (level, finding) in sorted(self._standing.items())},
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """See Detector.restore."""
        self._celsius = {DeviceId(d): (value, at) for d, (value, at) in state["celsius"].items()}
        self._lasting.restore(state["lasting"])
        self._standing = {DeviceId(d): (Level(level), finding) for d, (level, finding) in state["standing"].items()}


def _key(device: DeviceId, level: Level) -> str:
    return f"{device}/{level.value}"
