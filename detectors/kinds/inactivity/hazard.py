"""The hazard: how likely a silence is to end within the next quarter of an hour, learnt for one home and for homes in general.

Time runs in quarter hours from the last sign of life. Each step lies in a cell: one of 48 half hours of the home's clock as it
stands *then* (not as it stood when the silence began: people get up by the clock) and one of seven classes of how long the
silence has lasted. A cell counts how often a silence was at risk of ending in it and how often it did. The quotient, drawn
towards the same cell of recorded homes, is the hazard. Between the middles of two classes it is read off in proportion, in the
logarithms. Summed up along a silence, as -ln of what is left, it is the *surprise*: minus the logarithm of the chance that a
silence which began then lasts so long.

The surprise is kept in whole millionths, so that every machine draws the same limit from the same counts.
"""

from __future__ import annotations

import math
from array import array
from bisect import bisect_right
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from domain.clock import DAY, HOUR, MINUTE, SECOND, Span

STEP: Span = 15 * MINUTE
EDGES: tuple[Span, ...] = (15 * MINUTE, 30 * MINUTE, HOUR, 2 * HOUR, 4 * HOUR, 8 * HOUR)
"""Where one class of elapsed silence ends and the next begins."""
CLASSES = len(EDGES) + 1
SLOTS = 48
CELLS = SLOTS * CLASSES
QUARTERS = 96
STEPS = DAY // STEP
"""How far a curve reaches: a day."""
SHORTEST: Span = MINUTE
"""A shorter silence is no silence."""
LONGEST: Span = 14 * HOUR
"""A longer silence at home is no habit: it teaches nothing."""
REACH = 2
"""Counts are shared with this many half hours on either side."""
UNIT = 1_000_000
"""The surprise is told in this part of one."""
_HIGHEST = 0.98
"""No cell is taken to end every silence."""
_PRIOR_STEPS = 8.0
"""What the prior weighs: this many quarter hours at risk in a cell, after the sharing."""
_CLASS_STEPS = 20.0
"""What the mean of a class weighs within the prior."""
_COUNT = 32
"""Counts are kept in this part of one, so that they can fade in whole numbers."""
_FADES = (24, 25)
"""What is left of a count a week later: half is gone after four months, and a new way of life outweighs the old."""

_CLASS_OF = tuple(bisect_right(EDGES, step * STEP) for step in range(STEPS))
_STEP = np.arange(STEPS)
_SLOT = (np.arange(QUARTERS)[:, None] + _STEP) // 2 % SLOTS
"""(quarter of the day in which a silence began, step) -> half hour of the clock."""


def _between() -> NDArray[np.float64]:
    """(step, class) -> the weight of a class in the logarithm of the hazard of a step."""
    edges = [0, *(edge // STEP for edge in EDGES), 72]
    middles = [math.log((low + high) / 2) for low, high in pairwise(edges)]
    weights = np.zeros((STEPS, CLASSES))
    for step in range(STEPS):
        at = math.log(step + 0.5)
        above = bisect_right(middles, at)
        if above in {0, CLASSES}:
            weights[step, min(above, CLASSES - 1)] = 1.0
            continue
        part = (at - middles[above - 1]) / (middles[above] - middles[above - 1])
        weights[step, above - 1 : above + 1] = 1 - part, part
    return weights


_BETWEEN = _between()

Surprise = NDArray[np.int64]
"""Half hours x classes, or along curves, in UNITs."""


def _zeros() -> array[int]:
    return array("I", bytes(4 * CELLS))


def _cells(quarter: int, silence: Span, *, ended: bool) -> tuple[list[int], list[int]]:
    """The cells in which a silence was at risk of ending, one for each step, and the one in which it ended, if known."""
    steps = min(silence // STEP, STEPS - 1)
    at_risk = [
        (quarter + step) // 2 % SLOTS * CLASSES + _CLASS_OF[step] for step in range(steps + 1 if ended else steps)
    ]
    return at_risk, at_risk[-1:] if ended else []


class Counts:
    """How often silences were at risk of ending in each cell, and how often they ended there."""

    __slots__ = ("at_risk", "ended")

    def __init__(self) -> None:
        self.at_risk = _zeros()
        self.ended = _zeros()

    def add(self, quarter: int, silence: Span, *, ended: bool = True) -> None:
        """A silence that began in ``quarter`` of the day (0 to 95) lasted ``silence``.

        When its end is not to be learnt (it was broken off, or it was an alarm) only the whole steps that it outlasted count.
        """
        at_risk, ended_in = _cells(quarter, silence, ended=ended)
        for cell in at_risk:
            self.at_risk[cell] += _COUNT
        for cell in ended_in:
            self.ended[cell] += _COUNT

    def take(self, quarter: int, silence: Span, *, ended: bool, fades: int) -> None:
        """Take back what ``add`` counted, and what ``fades`` weeks have left of it."""
        left, of = _FADES
        count = _COUNT
        for _ in range(fades):
            count = (count * left + of // 2) // of
        at_risk, ended_in = _cells(quarter, silence, ended=ended)
        for counts, cells in ((self.at_risk, at_risk), (self.ended, ended_in)):
            for cell in cells:
                counts[cell] = max(0, counts[cell] - count)

    def fade(self) -> None:
        """A week has passed: what was learnt weighs a little less."""
        left, of = _FADES
        for counts in (self.at_risk, self.ended):
            for cell, count in enumerate(counts):
                if count:
                    counts[cell] = (count * left + of // 2) // of

    def tables(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """(at risk, ended) as half hours x classes."""
        at_risk, ended = (np.array(counts, dtype=np.float64) / _COUNT for counts in (self.at_risk, self.ended))
        return at_risk.reshape(SLOTS, CLASSES), ended.reshape(SLOTS, CLASSES)

    def snapshot(self) -> list[list[int]]:
        """JSON-ready state."""
        return [list(self.at_risk), list(self.ended)]

    def restore(self, state: Sequence[Sequence[Any]]) -> None:
        """Become what ``snapshot`` described."""
        self.at_risk, self.ended = array("I", state[0]), array("I", state[1])


def shared(table: NDArray[np.float64]) -> NDArray[np.float64]:
    """``table`` with each half hour's counts summed over its neighbours, around midnight too."""
    return sum((np.roll(table, offset, axis=0) for offset in range(-REACH, REACH + 1)), np.zeros_like(table))


def pooled(at_risk: NDArray[np.float64], ended: NDArray[np.float64]) -> NDArray[np.float64]:
    """The hazard of homes in general from the summed counts of many; thin cells lean on their class of silence."""
    of_class = ended.sum(axis=0) / np.maximum(1.0, at_risk.sum(axis=0))
    found: NDArray[np.float64] = (shared(ended) + _CLASS_STEPS * of_class) / (shared(at_risk) + _CLASS_STEPS)
    return np.minimum(found, _HIGHEST)


def fit(counts: Counts, prior: NDArray[np.float64]) -> Surprise:
    """What each cell adds to the surprise of a silence that outlasts it: this home's counts, drawn towards the ``prior``."""
    at_risk, ended = counts.tables()
    hazard: NDArray[np.float64] = (shared(ended) + _PRIOR_STEPS * prior) / (shared(at_risk) + _PRIOR_STEPS)
    return surprise_of(hazard)


def own_share(counts: Counts) -> float:
    """How much of what is expected where this home's silences run rests on its own counts, 0 to 1; the rest on the prior."""
    at_risk = shared(counts.tables()[0])
    total = float(at_risk.sum())
    return float((at_risk * at_risk / (at_risk + _PRIOR_STEPS)).sum()) / total if total else 0.0


def surprise_of(hazard: NDArray[np.float64]) -> Surprise:
    """Half hours x classes of hazard as surprise per cell."""
    steps: NDArray[np.float64] = np.rint(-np.log1p(-np.minimum(hazard, _HIGHEST)) * UNIT)
    return np.maximum(1, steps).astype(np.int64)


def curves(cells: Surprise) -> Surprise:
    """The surprise of a silence by the quarter of the day in which it began (96) and the whole steps it has outlasted.

    Column ``j`` stands for j + 1 quarter hours of silence.
    """
    by_step = np.rint(np.exp(np.log(cells) @ _BETWEEN.T)).astype(np.int64)
    found: Surprise = np.cumsum(by_step[_SLOT, _STEP], axis=1)
    return found


def surprise(curve: Surprise, silence: Span) -> int:
    """How surprising a silence of this length is, from the curve of its beginning: linear within a step, a day at most."""
    steps, rest = divmod(min(silence, STEPS * STEP), STEP)
    before = int(curve[steps - 1]) if steps else 0
    return before + (int(curve[steps]) - before) * rest // STEP if rest else before


def first_beyond(curve: Surprise, wanted: NDArray[np.int64]) -> NDArray[np.int64]:
    """When each start's curve reaches its wanted surprise, in whole seconds of silence; two days when it never does."""
    beyond = curve >= wanted[:, None]
    column = beyond.argmax(axis=1)
    rows = np.arange(len(curve))
    before = np.where(column > 0, curve[rows, np.maximum(column - 1, 0)], 0)
    step = np.maximum(1, curve[rows, column] - before)
    seconds = (column * step + (wanted - before)) * (STEP // SECOND) // step
    return np.where(beyond.any(axis=1), seconds, 2 * (DAY // SECOND))
