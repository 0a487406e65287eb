"""What one sensor usually does, learnt hour by hour, and what it does now."""

from __future__ import annotations

import math
from typing import Any

from domain.clock import HOUR, Instant, Span

BUSY = 6
"""Pulses that make an hour a busy one."""
UNLIKELY = 22.0
"""A row of busy hours is too long when the logarithms of their shares of this home's days sum up to less than minus this."""
FADES = 98
"""Per cent of the longest and the most that are left of them a day later: a month halves them."""
LEARNT_DAYS = 7
"""While fewer days are known every limit is twice as wide."""
MANY_PULSES = 60
"""In one hour; fewer are never too many."""
TOO_MANY = 3
"""Times as many pulses as in any hour that is remembered are too many."""
HOURS_OVER = 3
"""Hours with too many pulses, one after the other, that make a finding."""
LIKE_A_MACHINE = 24
"""Pulses at one and the same distance that make a finding, if they have lasted for ``REGULAR``."""
A_HABIT: Span = 2 * HOUR
"""What comes at a longer distance may be a person's, who lives by the clock."""
REGULAR: Span = 18 * HOUR
"""Longer than anybody is up."""
_STEADY = 50
"""A distance is the same one when it differs by less than this part of it."""
LIVED_HOURS = 24
"""In which others saw life and this one nothing; fewer are never too many."""
MISSED = 12
"""Of its usual busy hours that a sensor must have missed."""
DOUBTED_HOURS = 6
"""Lived hours without a pulse after which a sensor is doubted, if it would usually have been busy in ``DOUBTED`` of them."""
DOUBTED = 3
LONGER = 5
"""Halves: two and a half times the longest gap that is remembered is too long."""


_FIELDS = (
    "last", "row", "surprise", "days", "busy", "count", "high", "over", "over_since", "same_gap", "same", "same_since", "on",
    "on_high", "clears", "gap", "gap_high", "hours", "lived", "seen",
)  # fmt: skip
"""Their order is that of a snapshot: append, and never move."""


class Habit:
    """One motion or door sensor. Spans and instants in microseconds, the rest are counts."""

    __slots__ = _FIELDS

    def __init__(self) -> None:
        self.last: Instant = 0
        """Its last pulse."""
        self.row = 0
        """Busy hours in a row, up to the last whole one."""
        self.surprise = 0.0
        """How unlikely they are together: minus the sum of the logarithms of their shares."""
        self.days = 0
        """Days that ``busy`` rests on, in hundredths, fading."""
        self.busy = [0] * 24
        """Clock hour -> on how many of them it was busy, in hundredths, fading."""
        self.count = 0
        """Pulses in this hour."""
        self.high = 0
        """The most in one hour."""
        self.over = 0
        """Hours with too many, up to the last whole one."""
        self.over_since: Instant = 0
        self.same_gap: Span = 0
        """The distance of the pulses that have been regular."""
        self.same = 0
        """How many of them."""
        self.same_since: Instant = 0
        self.on: Instant | None = None
        """Since when it says open, or seen."""
        self.on_high: Span = 0
        self.clears = False
        """True for one that also says when it is over."""
        self.gap = 0
        """Lived hours without a pulse."""
        self.gap_high = 0
        self.hours = 0
        """Hours that are known of it, vouched for."""
        self.lived = 0.0
        """Lived hours, fading."""
        self.seen = 0.0
        """Those of them with a pulse, fading."""

    # ---- as readings come --------------------------------------------------------------------------------------------

    def pulse(self, at: Instant) -> None:
        """It fired."""
        distance = at - self.last
        if abs(distance - self.same_gap) * _STEADY <= self.same_gap:
            self.same += 1
        else:
            self.same, self.same_gap, self.same_since = 0, distance, at
        self.last = at
        self.count += 1

    def switch(self, at: Instant, on: bool, stuck: bool) -> None:
        """It says open or seen, or that this is over; ``stuck`` while a finding stands, from which nothing is learnt."""
        if on:
            self.on = self.on or at
        elif self.on is not None:
            if not stuck:
                self.on_high = max(self.on_high, at - self.on)
            self.on = None
        self.clears = self.clears or not on

    # ---- what is too much --------------------------------------------------------------------------------------------

    @property
    def wide(self) -> int:
        """By how much its limits are wider: 2 while little is known of it."""
        return 1 if self.hours >= LEARNT_DAYS * 24 else 2

    def without_end(self, least: Span) -> bool:
        """True when its busy hours have gone on for ``least`` and longer than is likely at these hours of the day."""
        return self.row * HOUR >= least * self.wide and self.surprise >= UNLIKELY * self.wide

    def on_limit(self, least: Span) -> Span:
        """How long it may say open, or seen."""
        return max(least * self.wide, 2 * self.on_high)

    def most(self) -> int:
        """How many pulses an hour may hold."""
        return max(MANY_PULSES, TOO_MANY * self.high) * self.wide

    @property
    def like_a_machine(self) -> bool:
        """True when its pulses have come at one and the same distance for hours."""
        regular = self.same >= LIKE_A_MACHINE and self.same_gap <= A_HABIT
        return regular and self.last - self.same_since >= REGULAR

    def missed(self) -> float:
        """How many busy hours the present gap would usually hold."""
        return self.gap * self.seen / self.lived if self.lived else 0.0

    @property
    def too_quiet(self) -> bool:
        """True when its gap is beyond all that it had while the home was lived in."""
        return (
            self.hours >= LEARNT_DAYS * 24
            and self.gap >= LIVED_HOURS
            and 2 * self.gap >= LONGER * self.gap_high
            and self.missed() >= MISSED
        )

    @property
    def suspect(self) -> bool:
        """True when its gap is already longer than any that is remembered: too early for a finding, enough for doubt."""
        return (
            self.hours >= LEARNT_DAYS * 24
            and self.gap >= DOUBTED_HOURS
            and 2 * self.gap >= 3 * self.gap_high
            and self.missed() >= DOUBTED
        )

    # ---- as hours pass -----------------------------------------------------------------------------------------------

    def close_hour(self, end: Instant, hour: int, lived: bool, stuck: bool) -> None:
        """An hour that was vouched for is over; ``lived`` when others saw life in it, ``stuck`` when a finding stands.

        ``hour`` is what the clock showed in it.
        """
        self.hours += 1
        if self.count >= BUSY:
            self.row += 1
            self.surprise = round(self.surprise - math.log((self.busy[hour] + 50) / (self.days + 100)), 3)
            if not stuck:
                self.busy[hour] += 100
        else:
            self.row, self.surprise = 0, 0.0
        if self.count > self.most():
            self.over_since = self.over_since if self.over else end - HOUR
            self.over += 1
        else:
            self.over = 0
            if not stuck:
                self.high = max(self.high, self.count)
        if self.count:
            self.gap_high, self.gap = max(self.gap_high, self.gap), 0
        elif lived:
            self.gap += 1
        if lived and not stuck:
            self.lived += 1.0
            self.seen += 1.0 if self.count else 0.0
        self.count = 0

    def skip_hour(self) -> None:
        """An hour of which too much was not vouched for is over: nothing follows from it."""
        self.over = self.count = self.row = 0
        self.surprise = 0.0

    def close_day(self) -> None:
        """A day is over: what was the longest and the most counts for a little less."""
        self.days = (self.days + 100) * FADES // 100
        self.busy = [times * FADES // 100 for times in self.busy]
        self.on_high = self.on_high * FADES // 100
        self.high, self.gap_high = self.high * FADES // 100, self.gap_high * FADES // 100
        self.lived, self.seen = round(self.lived * 0.97, 3), round(self.seen * 0.97, 3)

    # ---- state -------------------------------------------------------------------------------------------------------

    def snapshot(self) -> list[Any]:
        """JSON-ready state: the fields by name, in their order."""
        return [list(self.busy) if name == "busy" else getattr(self, name) for name in _FIELDS]

    @classmethod
    def restore(cls, state: list[Any]) -> Habit:
        """The habit that ``snapshot`` described."""
        habit = cls()
        for name, value in zip(_FIELDS, state, strict=False):
            setattr(habit, name, list(value) if name == "busy" else value)
        return habit
