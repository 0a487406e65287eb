"""cold: a room that is too cold to live in."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from detectors.context import HomeContext
from detectors.graded import Graded
from detectors.parameters import numbers
from detectors.words import span_en, span_ja
from domain.clock import HOUR, SECOND, Instant
from domain.findings import Finding, Level, Subject
from domain.readings import Device

NAME = "cold"
BELOW = 1.0
"""A finding ends this much above its level: no flicker around it."""


class Cold(Graded):
    """Tells of a room under 18 degrees for half a day in the digest, and prompts after three hours under 12.

    18: the least that the WHO Housing and Health Guidelines (2018) ask for. 12: below it blood pressure rises in older people
    (Collins, "Low indoor temperatures and morbidity in the elderly", Age and Ageing 15, 1986).
    """

    name = NAME

    def __init__(self, digest_below: float = 18.0, prompt_below: float = 12.0) -> None:
        super().__init__({Level.DIGEST: 12 * HOUR, Level.PROMPT: 3 * HOUR})
        self._levels = {Level.DIGEST: digest_below, Level.PROMPT: prompt_below}

    def holds(self, level: Level, device: Device, at: Instant) -> bool:  # noqa: ARG002 (the newest reading says it)
        """See Graded.holds."""
        return self._celsius[device.id][0] < self._levels[level]

    def over(self, level: Level, device: Device, at: Instant) -> bool:  # noqa: ARG002
        """See Graded.over."""
        return self._celsius[device.id][0] >= self._levels[level] + BELOW

    def describe(self, level: Level, device: Device, since: Instant, at: Instant, context: HomeContext) -> Finding:
        """See Graded.describe."""
        celsius, limit, where = self._celsius[device.id][0], self._levels[level], device.room or device.id
        return Finding(
            home=context.home, kind=NAME, detector=f"{NAME}/1", cause=f"{NAME}:{device.id}", subject=Subject.PERSON,
            level=level, onset=since, raised_at=at, room=device.room, device=device.id,
            evidence={
                "room": device.room, "temperature_c": round(celsius, 1), "limit_c": limit,
                "began": context.local.iso(since), "lasted_s": (at - since) // SECOND,
            },
            text_en=f"Cold: {where} has been under {limit:g} °C for {span_en(at - since)}, now {celsius:.1f} °C. "
            "Ask whether the heating works and is used.",
            text_ja=f"低温: {where}が{span_ja(at - since)}、{limit:g}℃を下回っています(現在{celsius:.1f}℃)。"
            "暖房が使えているか確認してください。",
        )  # fmt: skip


def build(settings: Mapping[str, Any]) -> Cold:
    """A detector; ``digest_below`` and ``prompt_below`` are its levels in degrees Celsius."""
    return Cold(**numbers(NAME, settings, digest_below=(18.0, 0, 30), prompt_below=(12.0, 0, 30)))
