"""Findings about a person who is said to be away: held back, and told only if they still stand when that is over."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import msgspec

from detectors.context import HomeContext
from detectors.evidence.modes import Modes
from domain.clock import Instant
from domain.findings import Ended, Finding, FindingEvent, Subject

ABSENCE = "not_returned"
"""The one kind that has something to say about somebody who is away."""


class Withheld:
    """What detectors said about the person while nobody was at home.

    Life in the home ends most of it. What still stands some time after the absence is over (a room that is too hot, or a
    silence although somebody said that the resident is back) is told then. All of it goes by event time, so that it does not
    matter how messages were split.
    """

    def __init__(self) -> None:
        self._held: dict[str, Finding] = {}

    def sift(self, events: list[FindingEvent], context: HomeContext) -> list[FindingEvent]:
        """What of ``events`` is to be told now, and what was held back until now."""
        modes = context.evidence.modes
        if not self._held and not modes.ever_away:
            return events
        told: list[FindingEvent] = []
        for event in events:
            at = event.ended_at if isinstance(event, Ended) else event.raised_at
            told += self._released(at, modes)
            if isinstance(event, Ended):
                if self._held.pop(event.finding, None) is None:
                    told.append(event)
            elif event.subject is Subject.PERSON and event.kind != ABSENCE and modes.away_at(event.raised_at):
                self._held[event.id] = event
            else:
                told.append(event)
        return [*told, *self._released(context.watermark or 0, modes)]

    def _released(self, now: Instant, modes: Modes) -> list[Finding]:
        found = []
        for name, finding in list(self._held.items()):
            settled = modes.settled_at(finding.raised_at)
            if settled is not None and settled <= now:
                found.append(replace(finding, raised_at=settled))
                del self._held[name]
        return found

    def snapshot(self) -> dict[str, Any]:
        """JSON-ready state."""
        return {"held": [msgspec.to_builtins(finding) for finding in self._held.values()]}

    def restore(self, state: dict[str, Any]) -> None:
        """Become what ``snapshot`` described."""
        found = [msgspec.convert(body, Finding) for body in state["held"]]
        self._held = {finding.id: finding for finding in found}
