"""device_silent: a device has said nothing for three of its check-in periods, while its gateway was listening."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from detectors.context import HomeContext, Quiet, State
from detectors.parameters import numbers
from detectors.standing import Standing
from detectors.words import moment_en, moment_ja, span_en, span_ja
from domain.clock import MINUTE, Instant
from domain.findings import EndReason, Finding, FindingEvent, Level, Subject
from domain.ids import DeviceId
from domain.readings import Device, Quantity, Reading

NAME = "device_silent"


class DeviceSilent(Quiet):
    """Raises a prompt about a device that is silent, which a device that merely has nothing to tell is not.

    Only devices with a check-in period are judged. Time that nobody vouched for does not count.
    """

    name = NAME

    def __init__(self, periods: float = 3.0) -> None:
        self._periods = periods
        self._heard: dict[DeviceId, Instant] = {}
        self._due: dict[DeviceId, Instant] = {}
        self._standing = Standing(NAME)
        self._battery: dict[DeviceId, float] = {}
        self._next: Instant | None = None

    def configured(self, context: HomeContext) -> Sequence[FindingEvent]:
        """See Detector.configured."""
        ended = self._standing.keep(context.devices, context)
        for known in (self._heard, self._due, self._battery):
            for device in [d for d in known if d not in context.devices]:
                del known[device]
        if (
            context.watermark is not None and self._heard
        ):  # else from the first reading on, however often a gateway greets
            self._expect(context, context.watermark)
        self._settle()
        return ended

    def _expect(self, context: HomeContext, since: Instant) -> None:
        """A device that was never heard is expected from ``since`` on."""
        for device in context.devices.values():
            if device.check_in is not None and device.id not in self._heard:
                self._heard[device.id] = since
                self._due[device.id] = since + self._limit(device)

    def _limit(self, device: Device) -> int:
        return int(self._periods * (device.check_in or 0))

    def _settle(self) -> None:
        self._next = min(self._due.values(), default=None)

    def silent(self) -> frozenset[DeviceId]:
        """The devices whose finding stands."""
        return frozenset(DeviceId(device) for device in self._standing)

    def due(self) -> Instant | None:
        """See Detector.due."""
        return self._next

    def observe(self, reading: Reading, context: HomeContext) -> Sequence[FindingEvent]:
        """See Detector.observe."""
        if reading.quantity is Quantity.BATTERY:
            self._battery[reading.device] = reading.value
        device = context.devices.get(reading.device)
        if device is None or device.check_in is None:
            return ()
        first = not self._heard
        self._heard[device.id] = reading.observed_at
        old, new = self._due.get(device.id), reading.observed_at + self._limit(device)
        self._due[device.id] = new
        if first:
            self._expect(context, reading.observed_at)
        if first or old is None or old == self._next or self._next is None or new < self._next:
            self._settle()
        return self._standing.end(context, reading.observed_at, EndReason.ACTIVITY, device.id)

    def observe_late(self, reading: Reading, context: HomeContext) -> Sequence[FindingEvent]:
        """See Detector.observe_late."""
        heard = self._heard.get(reading.device)
        device = context.devices.get(reading.device)
        if heard is None or device is None or device.check_in is None or reading.observed_at <= heard:
            return ()
        self._heard[device.id] = reading.observed_at
        ended = self._standing.end(context, reading.observed_at, EndReason.LATE_ACTIVITY, device.id)
        # Never a new deadline in the past: what is late raises nothing.
        self._due[device.id] = max(reading.observed_at, context.watermark or 0) + self._limit(device)
        self._settle()
        return ended

    def fire(self, at: Instant, context: HomeContext) -> Sequence[FindingEvent]:
        """See Detector.fire."""
        found = []
        for device_id in sorted(d for d, due in self._due.items() if due <= at):
            device, heard = context.devices[device_id], self._heard[device_id]
            unseen = context.blind(heard, at)
            missing = self._limit(device) - (at - heard - unseen)
            if missing > 0:
                self._due[device_id] = at + max(missing, MINUTE)
                continue
            del self._due[device_id]
            found.append(self._raise(device, heard, at, unseen, context))
        self._settle()
        return found

    def _raise(self, device: Device, heard: Instant, at: Instant, unseen: int, context: HomeContext) -> Finding:
        period = device.check_in or 0
        battery = self._battery.get(device.id)
        low = battery is not None and battery <= 15
        finding = Finding(
            home=context.home,
            kind=NAME,
            detector=f"{NAME}/1",
            cause=f"{NAME}:{device.id}",
            subject=Subject.DEVICE,
            level=Level.PROMPT,
            onset=heard,
            raised_at=at,
            room=device.room,
            device=device.id,
            evidence={
                "device": device.id,
                "device_kind": device.kind.value,
                "last_heard": context.local.iso(heard),
                "check_in_s": period // 1_000_000,
                "blind_s": unseen // 1_000_000,
                "battery_percent": battery,
            },
            text_en=f"The {device.kind.value} sensor {device.id} has been silent since {moment_en(heard, at, context.local)}; "
            f"it should speak every {span_en(period)}. "
            + (f"Its battery was at {battery:.0f} %: change it." if low else "See to its battery and its radio link."),
            text_ja=f"センサー「{device.id}」({_KINDS_JA.get(device.kind, 'その他')})から"
            f"{moment_ja(heard, at, context.local)}以降、通信がありません(通常{span_ja(period)}ごと)。"
            + (f"電池残量は{battery:.0f}%でした。交換してください。" if low else "電池と電波を確認してください。"),
        )
        return self._standing.begin(finding, device.id)

    def snapshot(self) -> State:
        """See Detector.snapshot."""
        return {
            "heard": dict(self._heard), "due": dict(self._due), "standing": self._standing.snapshot(),
            "battery": dict(self._battery),
        }  # fmt: skip

    def restore(self, state: Mapping[str, Any]) -> None:
        """See Detector.restore."""
        self._heard, self._due = dict(state["heard"]), dict(state["due"])
        self._standing.restore(state["standing"])
        self._battery = dict(state["battery"])
        self._settle()


_KINDS_JA = {
    Quantity.MOTION: "人感", Quantity.DOOR: "開閉", Quantity.TEMPERATURE: "温度", Quantity.HUMIDITY: "湿度",
    Quantity.POWER: "電力", Quantity.BUTTON: "ボタン", Quantity.BED: "ベッド",
}  # fmt: skip


def build(settings: Mapping[str, Any]) -> DeviceSilent:
    """A detector; ``periods`` is how many check-in periods may be missed."""
    return DeviceSilent(**numbers(NAME, settings, periods=(3.0, 1, 100)))
