"""heat: a room in which heat stroke threatens."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from detectors.context import HomeContext, State
from detectors.graded import FRESH, Graded
from detectors.kinds.heat.wbgt import wbgt_indoors
from detectors.parameters import numbers
from detectors.words import span_en, span_ja
from domain.clock import MINUTE, SECOND, Instant
from domain.findings import EndReason, Finding, FindingEvent, Level, Subject
from domain.readings import Device, Quantity, Reading

NAME = "heat"
LASTS = 30 * MINUTE
ASSUMED_HUMIDITY = 60.0
BELOW = 1.0
"""A finding ends this much below the lowest level: no flicker around it."""


class Heat(Graded):
    """Prompts from WBGT 28 (severe warning) and pages from 31 (danger), when it has lasted for half an hour.

    The levels are those of the Japanese Society of Biometeorology for daily life. Without a hygrometer in the room a
    relative humidity of 60 % is assumed, and said.
    """

    name = NAME

    def __init__(self, prompt_wbgt: float = 28.0, page_wbgt: float = 31.0) -> None:
        super().__init__({Level.PROMPT: LASTS, Level.PAGE: LASTS})
        self._levels = {Level.PROMPT: prompt_wbgt, Level.PAGE: page_wbgt}
        self._humidity: dict[str, tuple[float, Instant]] = {}
        """By room."""

    def take(self, reading: Reading, context: HomeContext, reason: EndReason) -> Sequence[FindingEvent]:
        """See Graded.take: a hygrometer speaks for every thermometer of its room."""
        device = context.devices.get(reading.device)
        if device is None or reading.quantity is not Quantity.HUMIDITY:
            return super().take(reading, context, reason)
        room = device.room or ""
        known = self._humidity.get(room)
        if known is not None and reading.observed_at < known[1]:
            return ()
        self._humidity[room] = (reading.value, reading.observed_at)
        found: list[FindingEvent] = []
        for thermometer in sorted(self._celsius):
            other = context.devices.get(thermometer)
            if other is not None and (other.room or "") == room:
                found += self.judge(other, reading.observed_at, context, reason)
        return found

    def _wbgt(self, device: Device, at: Instant) -> tuple[float, float, float | None]:
        """(WBGT, air temperature, humidity or None where it is assumed)."""
        celsius, _ = self._celsius[device.id]
        known = self._humidity.get(device.room or "")
        if known is None or at - known[1] > FRESH:
            return wbgt_indoors(celsius, ASSUMED_HUMIDITY), celsius, None
        return wbgt_indoors(celsius, known[0]), celsius, known[0]

    def holds(self, level: Level, device: Device, at: Instant) -> bool:
        """See Graded.holds."""
        return self._wbgt(device, at)[0] >= self._levels[level]

    def over(self, level: Level, device: Device, at: Instant) -> bool:  # noqa: ARG002 (the same for every level)
        """See Graded.over."""
        return self._wbgt(device, at)[0] < self._levels[Level.PROMPT] - BELOW

    def describe(self, level: Level, device: Device, since: Instant, at: Instant, context: HomeContext) -> Finding:
        """See Graded.describe."""
        wbgt, celsius, humidity = self._wbgt(device, at)
        where, lasted = device.room or device.id, at - since
        word_en, word_ja = ("danger", "危険") if level is Level.PAGE else ("severe warning", "厳重警戒")
        damp_en = "humidity not measured, 60 % assumed" if humidity is None else f"humidity {humidity:.0f} %"
        damp_ja = "湿度は未測定のため60%と仮定" if humidity is None else f"湿度{humidity:.0f}%"
        return Finding(
            home=context.home, kind=NAME, detector=f"{NAME}/1", cause=f"{NAME}:{device.id}", subject=Subject.PERSON,
            level=level, onset=since, raised_at=at, room=device.room, device=device.id,
            evidence={
                "room": device.room, "wbgt_c": wbgt, "temperature_c": round(celsius, 1), "humidity_percent": humidity,
                "limit_wbgt_c": self._levels[level], "began": context.local.iso(since), "lasted_s": lasted // SECOND,
            },
            text_en=f"Heat, {word_en}: WBGT about {wbgt:.1f} in {where} for {span_en(lasted)} "
            f"({celsius:.1f} °C, {damp_en}). Ask the resident to cool the room and to drink.",
            text_ja=f"熱中症{word_ja}: {where}のWBGTが推定{wbgt:.1f}({celsius:.1f}℃、{damp_ja})の状態が"
            f"{span_ja(lasted)}続いています。冷房と水分補給を促してください。",
        )  # fmt: skip

    def snapshot(self) -> State:
        """See Detector.snapshot."""
        humidity = {room: list(known) for room, known in sorted(self._humidity.items())}
        return {**super().snapshot(), "humidity": humidity}

    def restore(self, state: Mapping[str, Any]) -> None:
        """See Detector.restore."""
        super().restore(state)
        self._humidity = {room: (value, at) for room, (value, at) in state["humidity"].items()}


def build(settings: Mapping[str, Any]) -> Heat:
    """A detector; ``prompt_wbgt`` and ``page_wbgt`` are its levels in degrees Celsius WBGT."""
    return Heat(**numbers(NAME, settings, prompt_wbgt=(28.0, 20, 40), page_wbgt=(31.0, 20, 40)))
