"""Findings about a person who is said to be away: held back, and told only if they still stand when that is over."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import msgspec

from detectors.context import HomeContext
from detectors.evidence.modes import GRACE
from domain.clock import Instant
from domain.findings import Ended, Finding, FindingEvent, Subject

ABSENCE = "not_returned"
"""The one kind that has something to say about somebody who is away."""


class Withheld:
    """What detectors said about the person while nobody was at home.

    Life in the home ends most of it. What still stands some time after the absence is over (a room that is too hot, or a
    silence although somebody said that the resident is back) is told then.
    """

    def __init__(self) -> None:
        self._held: dict[str, Finding] = {}
        self._told_at: Instant | None = None

    def sift(self, events: list[FindingEvent], context: HomeContext) -> list[FindingEvent]:
        """What of ``events`` is to be told now, and what was held back until now."""
        away = context.evidence.modes.away()
        if not away and not self._held:
            return events
        told: list[FindingEvent] = []
        for event in events:
            if isinstance(event, Ended):
                if self._held.pop(event.finding, None) is None:
                    told.append(event)
            elif away and event.subject is Subject.PERSON and event.kind != ABSENCE:
                self._held[event.id] = event
            else:
                told.append(event)
        return [*told, *self._released(away, context.watermark or 0)]

    def _released(self, away: bool, now: Instant) -> list[Finding]:
        if away or not self._held:
            self._told_at = None
            return []
        if self._told_at is None:
            self._told_at = now + GRACE
        if now < self._told_at:
            return []
        found = [replace(finding, raised_at=max(finding.raised_at, self._told_at)) for finding in self._held.values()]
        self._held, self._told_at = {}, None
        return found

    def snapshot(self) -> dict[str, Any]:
        """JSON-ready state."""
        return {"held": [msgspec.to_builtins(finding) for finding in self._held.values()], "told_at": self._told_at}

    def restore(self, state: dict[str, Any]) -> None:
        """Become what ``snapshot`` described."""
        found = [msgspec.convert(body, Finding) for body in state["held"]]
        self._held = {finding.id: finding for finding in found}
        self._told_at = state["told_at"]
