"""Four rules to compare with, each tuned by one number: its scale.

A rule looks at the silences between two signs of life (motion, doors), fits itself on one untouched recording, and says for
the beginning of a silence how long it may last. Silences whose last two minutes hold an outer door are nobody's business: not
learnt, not paged.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

import numpy as np
import numpy.typing as npt

from simulators.scoring.figures import Call
from simulators.scoring.track import Flags, Seconds, Track
from simulators.scoring.twins import DAY, HOUR, STILL, Case

Limits = npt.NDArray[np.float64]
Fitted = Callable[[Seconds, float], Limits]
"""(beginnings of silences, scale) -> how many seconds each may last."""

LEAST = 1800.0
"""No rule calls sooner."""
LONGEST_LEARNT = 14 * HOUR
_UNKNOWN = 4.0 * HOUR
_OUT = 120
_SLOT = 1800
_SLOTS = DAY // _SLOT


@dataclass(frozen=True, slots=True)
class Silences:
    """The silences of one recording."""

    start: Seconds
    length: Seconds
    out: Flags
    """True where an outer door was among what was seen last."""


def silences(track: Track, kept: Flags | None = None) -> Silences:
    """Every silence, in order; the last one has no length. ``kept`` are the lines of a twin that are left."""
    stirs, exits = track.stirs, track.exits
    if kept is not None:
        stirs, exits = stirs & kept, exits & kept
    start, doors = track.times[stirs], track.times[exits]
    lately = np.searchsorted(doors, start, "right") > np.searchsorted(doors, start - _OUT, "left")
    return Silences(start, np.append(np.diff(start), 0), lately)


def _near(hour: int) -> list[int]:
    return [(hour - 1) % 24, hour, (hour + 1) % 24]


def fixed_hours(past: Silences, until: int) -> Fitted:  # noqa: ARG001 (it learns nothing)
    """So many hours, for everybody and always."""
    return lambda start, scale: np.full(len(start), scale * HOUR)


def hourly_quantile(past: Silences, until: int) -> Fitted:
    """The 99.9 % quantile of the silences before ``until`` that began within an hour of this clock hour."""
    learnt = (past.start < until) & (past.length < LONGEST_LEARNT)
    hours = past.start // HOUR % 24
    line = np.full(24, _UNKNOWN)
    for hour in range(24):
        alike = past.length[learnt & np.isin(hours, _near(hour))]
        if len(alike):
            line[hour] = max(LEAST, float(np.quantile(alike, 0.999)))
    return lambda start, scale: line[start // HOUR % 24] * scale


def alert_line(past: Silences, until: int) -> Fitted:
    """How long it had been silent at each half hour of the day before ``until``, and a line above that.

    After Cuddihy, Weisenberg, Graichen and Ganesh, "Algorithm to automatically detect abnormally long periods of inactivity
    in a home", 2007: with m the 97 % quantiles of the 48 slots, the line is the greatest m of five slots, 0.3 times the mean
    of all, and 0.4 times the mean of five weighted 1, 2, 3, 2, 1. It calls at the first half hour at which the silence is
    above it.
    """
    elapsed: list[list[int]] = [[] for _ in range(_SLOTS)]
    learnt = (past.start < until) & (past.length < LONGEST_LEARNT)
    for start, length in zip(past.start[learnt].tolist(), past.length[learnt].tolist(), strict=True):
        for at in range((start // _SLOT + 1) * _SLOT, start + length + 1, _SLOT):
            elapsed[at // _SLOT % _SLOTS].append(at - start)
    usual = np.array([np.quantile(of_slot, 0.97) if of_slot else 0.0 for of_slot in elapsed])
    around = np.array([np.roll(usual, -shift) for shift in range(-2, 3)])
    weighted = (np.array([1, 2, 3, 2, 1]) @ around) / 9
    line = around.max(axis=0) + 0.3 * usual.mean() + 0.4 * weighted

    def limits(start: Seconds, scale: float) -> Limits:
        steps = (start // _SLOT + 1)[:, None] * _SLOT + _SLOT * np.arange(_SLOTS + 1)
        above = steps - start[:, None] > np.maximum(LEAST, scale * line[steps // _SLOT % _SLOTS])
        first = steps[np.arange(len(start)), above.argmax(axis=1)] - start
        return np.where(above.any(axis=1), first, 2.0 * STILL)

    return limits


def daily_maximum(past: Silences, until: int) -> Fitted:  # noqa: ARG001 (it learns every night)
    """The 90 % quantile, over all earlier days, of the day's longest silence that began within an hour of this clock hour."""
    learnt = (past.length >= 60) & (past.length < LONGEST_LEARNT)
    start, length = past.start[learnt], past.length[learnt]
    hours, days = start // HOUR % 24, start // DAY

    @cache
    def line(day: int, hour: int) -> float:
        known = (days < day) & np.isin(hours, _near(hour))
        if known.sum() <= 5:
            return _UNKNOWN
        which, place = np.unique(days[known], return_inverse=True)
        longest = np.zeros(len(which))
        np.maximum.at(longest, place, length[known])
        return float(np.quantile(longest, 0.9))

    def limits(begun: Seconds, scale: float) -> Limits:
        lines = np.array([line(at // DAY, at // HOUR % 24) for at in begun.tolist()])
        return np.maximum(LEAST, scale * lines)

    return limits


RULES: dict[str, Callable[[Silences, int], Fitted]] = {
    "fixed hours": fixed_hours,
    "hourly 99.9 % quantile": hourly_quantile,
    "alert line": alert_line,
    "daily maximum": daily_maximum,
}


class FittedCase:
    """One rule fitted on one home, ready for any scale."""

    def __init__(self, rule: Callable[[Silences, int], Fitted], case: Case) -> None:
        self._track = case.track
        whole = silences(case.track)
        inside = Silences(whole.start[~whole.out], whole.length[~whole.out], whole.out[~whole.out])
        self._limits = rule(inside, case.start)
        self._judged = {
            name: _judged(found, case.start)
            for name, found in [(case.name, whole), *((t.name, silences(case.track, t.kept)) for t in case.twins)]
        }

    def pages(self, scale: float) -> dict[str, list[Call]]:
        """Recording -> what the rule pages for at this scale."""
        made: dict[str, list[Call]] = defaultdict(list)
        for name, found in self._judged.items():
            limits = self._limits(found.start, scale)
            for i in np.flatnonzero(found.length > limits).tolist():
                start, raised = int(found.start[i]), found.start[i] + limits[i]
                if not self._track.blind(start, raised):
                    made[name].append((int(raised), start + int(found.length[i])))
        return made


def _judged(found: Silences, start: int) -> Silences:
    judged = (found.length >= LEAST) & (found.start >= start) & ~found.out
    return Silences(found.start[judged], found.length[judged], found.out[judged])
