"""The rule: what a home's habits and its budgets make of a silence, as limits for each quarter of the day.

A *page* is due when waiting is no longer worth it. With every minute that staff are not called, a collapse lies longer; with
every minute, too, some silences end by themselves and spare a false page. With S(u) the chance that a silence which began at
this hour lasts for u hours (see ``hazard``), the limit is the u at which S(u) + price * u^a / a is least: the more pages a
month are accepted, the higher the price of an hour's delay. So an hour in which waiting would spare little is paged early,
and one in which most people are about to get up is not.

A *prompt*, which costs a telephone call, is due where two views agree: the silence is unlikely, and it is long beside the
longest one of an ordinary day (see ``line``).

How the numbers came about is told in docs/detection.md.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from detectors.kinds.inactivity.hazard import QUARTERS, STEP, UNIT, Surprise, first_beyond
from domain.clock import HOUR, MINUTE, SECOND, Span

FLOOR: Span = 30 * MINUTE
CAP: Span = 16 * HOUR
"""A silence at home of this length pages, whatever is known."""
PROMPT_FLOOR: Span = 20 * MINUTE
PROMPT_CAP: Span = 12 * HOUR
"""After a silence at home of this length the resident is asked, whatever is known."""
NIGHT_BEGINS, NIGHT_ENDS = 22, 7
"""A silence that began in these hours of the clock is a night's."""
PRICE_DAY = ((0.5, 1.6e-4), (1.0, 6.0e-4), (2.0, 1.4e-3), (4.0, 3.0e-3))
PRICE_NIGHT = ((0.5, 2.5e-4), (1.0, 1.2e-3), (2.0, 2.3e-3), (4.0, 5.3e-3))
"""(false pages per home-month, price of a delay), log-linear between the points."""
PRICE_POWER = 0.6
"""How the price of a delay grows with it: the first hour costs most."""
UNLEARNT_DAYS = 7
UNLEARNT_WIDER = 1.3
"""Limits are this much wider until UNLEARNT_DAYS are known."""
ADDED: Span = 40 * MINUTE
"""Added to the line before it is scaled: the tail of short silences is longer, in proportion, than that of long ones."""
PROMPT_SCALE = ((4.0, 1.7), (6.0, 1.52), (8.0, 1.4), (10.0, 1.31))
"""(prompts per home-month, scale of the line), log-linear between the points."""
PROMPT_SURPRISE = 3.0
"""The scale of a prompt, times this, is the surprise at which it is due."""
PROMPT_LINE_WEIGHT = 0.7
PROMPT_ALONE = 1.4
"""Where an hour has no line, its part falls to the surprise, and this much more of it is wanted."""

Limits = list[int]
"""Seconds, by the quarter of the day in which a silence began."""
_NIGHT = np.array([quarter // 4 >= NIGHT_BEGINS or quarter // 4 < NIGHT_ENDS for quarter in range(QUARTERS)])
_GRID: Span = 5 * MINUTE
_DELAYS = np.arange(FLOOR, CAP + _GRID, _GRID)
"""The limits that a page may have."""
_WHOLE = _DELAYS // STEP - 1
_PART = _DELAYS % STEP / STEP
_COST = (_DELAYS / HOUR) ** PRICE_POWER / PRICE_POWER


@dataclass(frozen=True, slots=True)
class Habits:
    """What a night's fit knows of a home."""

    curves: Surprise
    """Quarters x steps, see ``hazard.curves``."""
    line: Sequence[Span | None]
    """See ``line``: by the clock hour in which a silence began; None where too few days are known."""
    days: int
    """Days that they rest on."""


def on_curve(points: Sequence[tuple[float, float]], at: float) -> float:
    """The value at ``at`` of a curve of (x, y), linear in ln x and ln y; beyond its ends on along the last stretch, tenfold at
    most."""
    (x0, y0), (x1, y1) = next(
        (pair for pair in pairwise(points) if at <= pair[1][0]), (points[-2], points[-1])
    )  # fmt: skip
    value = math.exp(math.log(y0) + math.log(at / x0) / math.log(x1 / x0) * math.log(y1 / y0))
    ends = (points[0][1], points[-1][1])
    return min(10 * max(ends), max(min(ends) / 10, value))


def page_limits(habits: Habits, budget: float, factor: float = 1.0) -> Limits:
    """How long a silence may last before somebody is paged.

    ``budget`` is false pages per month; its price of a delay is multiplied by ``factor``, the home's own correction.
    """
    curve = habits.curves
    surprise = (curve[:, _WHOLE] * (1 - _PART) + curve[:, _WHOLE + 1] * _PART) / UNIT
    price = factor * np.where(_NIGHT, on_curve(PRICE_NIGHT, budget), on_curve(PRICE_DAY, budget))
    best = (np.exp(-surprise) + price[:, None] * _COST).argmin(axis=1)
    return _whole(_DELAYS[best] / SECOND * _wider(habits.days), FLOOR, CAP)


def prompt_limits(habits: Habits, pages: Limits, budget: float) -> Limits:
    """How long it may last before the resident is asked; ``budget`` is prompts per month.

    Never later than the page, and with it where nobody is asked: with a budget of 0, and for a silence that began at night.
    """
    if not budget:
        return list(pages)
    scale = on_curve(PROMPT_SCALE, budget)
    spans = [habits.line[quarter // 4] for quarter in range(QUARTERS)]
    known = np.array([span is not None for span in spans])
    line = np.array([((span or 0) + ADDED) / SECOND for span in spans])
    weight = np.where(known, PROMPT_LINE_WEIGHT, 0.0)
    wanted = np.rint(np.where(known, 1.0, PROMPT_ALONE) * PROMPT_SURPRISE * scale * UNIT).astype(np.int64)
    unlikely = first_beyond(habits.curves, wanted).astype(np.float64)
    mean = np.exp((1 - weight) * np.log(unlikely) + weight * np.log(scale * line)) * _wider(habits.days)
    asked = _whole(mean, PROMPT_FLOOR, PROMPT_CAP)
    return [page if night else min(ask, page) for ask, page, night in zip(asked, pages, _NIGHT.tolist(), strict=True)]


def _wider(days: int) -> float:
    return UNLEARNT_WIDER if days < UNLEARNT_DAYS else 1.0


def _whole(seconds: NDArray[np.float64], floor: Span, cap: Span) -> Limits:
    """Within the bounds, in whole seconds."""
    return [int(limit) for limit in np.rint(np.clip(seconds, floor / SECOND, cap / SECOND))]
