"""What the heartbeats of a home say about the clocks of its gateways.

A heartbeat tells what its gateway's clock showed when it was sent, and ingest when it came. One that was long on its way looks
like one from a slow clock; but old messages come in a heap, and those of a gateway that is there come one by one, as far
apart as they were sent. So an offset that stays while they come like that is the clock's.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from domain.clock import HOUR, MINUTE, SECOND, Instant, Span
from domain.readings import Vouch

SLOW: Span = 5 * MINUTE
"""A clock that is further behind is wrong."""
FAST: Span = MINUTE
"""A clock that is further ahead is wrong: what comes from the future is dated by us."""
LASTS: Span = 10 * MINUTE
"""For so long an offset must stay."""
FAR: Span = HOUR
"""A clock that is further behind vouches for nothing: its nights would be days."""
_EVEN: Span = 5 * SECOND
"""What one message may take longer than the one before, beside a quarter of the time between them."""


@dataclass(slots=True)
class _Clock:
    sent: Instant
    received: Instant
    through: Instant
    """Up to when it vouched: by the same clock, or by ours where ingest dates what it says."""
    since: Instant | None = None
    """When the first of the heartbeats came that all show a wrong clock."""
    far: bool = False
    """True once the clock is known to be so wrong that it vouches for nothing."""

    @property
    def offset(self) -> Span:
        """How far it is behind; negative when it is ahead."""
        return self.received - self.sent


class Clocks:
    """The gateways' clocks of one home."""

    def __init__(self) -> None:
        self._clocks: dict[str, _Clock] = {}

    def note(self, vouch: Vouch) -> Sequence[tuple[Instant, Instant]]:
        """A gateway spoke; the spells of its heartbeat that may be believed."""
        clock = self._clocks.get(vouch.gateway)
        if clock is None or not vouch.sent_at:
            if vouch.sent_at:
                self._clocks[vouch.gateway] = clock = _Clock(vouch.sent_at, vouch.received_at, vouch.through)
                clock.since = vouch.received_at if _is_off(clock.offset) else None
            return vouch.spells
        went, passed = vouch.sent_at - clock.sent, vouch.received_at - clock.received
        if passed <= 0 and went <= 0:
            return vouch.spells  # an old one, or the same one again
        before, was_wrong = clock.through, self.wrong_since(vouch.gateway) is not None
        clock.sent, clock.received, clock.through = vouch.sent_at, vouch.received_at, vouch.through
        even = passed >= SECOND and abs(went - passed) <= _EVEN + passed // 4
        if not _is_off(clock.offset):
            clock.since = None
        elif clock.since is None or not even:
            clock.since = vouch.received_at
        clock.far = vouch.received_at - vouch.through > FAR and self.wrong_since(vouch.gateway) is not None
        if clock.far:
            return ()
        if was_wrong and vouch.through - before - passed > SLOW:
            # Its clock has been set: what it leapt over has never been, whatever it says of it.
            return _without(vouch.spells, before, vouch.through - max(0, passed))
        return vouch.spells

    def offset(self, gateway: str) -> Span:
        """How far the clock was behind at its last word, negative when it was ahead; 0 for one that has not spoken."""
        clock = self._clocks.get(gateway)
        return 0 if clock is None else clock.offset

    def speaks_at(self, gateway: str) -> Instant | None:
        """When a gateway whose clock is off last spoke; None for one whose clock is right, or that has not spoken."""
        clock = self._clocks.get(gateway)
        return None if clock is None or clock.since is None else clock.received

    def wrong_since(self, gateway: str) -> Instant | None:
        """Since when (by our own clock) its clock has been wrong; None while that is not certain."""
        clock = self._clocks.get(gateway)
        if clock is None or clock.since is None or clock.received - clock.since < LASTS:
            return None
        return clock.since

    def is_far(self, gateway: str) -> bool:
        """True while a gateway vouches for nothing because of its clock."""
        clock = self._clocks.get(gateway)
        return clock is not None and clock.far

    def any_far(self) -> bool:
        """True while some gateway vouches for nothing because of its clock."""
        return any(clock.far for clock in self._clocks.values())

    def snapshot(self) -> dict[str, Any]:
        """JSON-ready state."""
        return {gateway: [c.sent, c.received, c.through, c.since, c.far] for gateway, c in sorted(self._clocks.items())}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Become what ``snapshot`` described."""
        self._clocks = {gateway: _Clock(*values) for gateway, values in state.items()}


def _is_off(offset: Span) -> bool:
    return offset > SLOW or offset < -FAST


def _without(
    spells: Sequence[tuple[Instant, Instant]], start: Instant, end: Instant
) -> Sequence[tuple[Instant, Instant]]:
    """``spells`` without what lies in (start, end)."""
    kept = []
    for first, last in spells:
        if first < min(last, start):
            kept.append((first, min(last, start)))
        if max(first, end) <= last:
            kept.append((max(first, end), last))
    return kept
