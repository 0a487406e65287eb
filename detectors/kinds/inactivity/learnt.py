"""What one home has taught: its hazard, its line and its own correction of the budget, made into limits every night."""

from __future__ import annotations

import math
from array import array
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np

from detectors.kinds.inactivity import rule
from detectors.kinds.inactivity.hazard import (
    CLASSES,
    LONGEST,
    SHORTEST,
    SLOTS,
    UNIT,
    Counts,
    Surprise,
    curves,
    fit,
    own_share,
    surprise,
    surprise_of,
)
from detectors.kinds.inactivity.line import UNKNOWN, Line
from detectors.kinds.inactivity.prior import Prior
from detectors.kinds.inactivity.rule import UNLEARNT_DAYS, Habits
from domain.clock import SECOND, Span

_WINDOW_DAYS = 120
_MONTH_DAYS = 30.44
_MORE_OFTEN = 6.0
"""The correction counts how often silences outlast the limits that this many times the price would give: that happens often
enough to be counted within weeks, and depends on no correction."""
_OUTLASTED = ((0.5, 3.0), (1.0, 7.5), (2.0, 15.0), (4.0, 30.0))
"""(false pages per home-month that are accepted, how often a month that happens in homes whose price needs no correction)."""
_POOLED_MONTHS = 1.0
"""The pooled rate weighs as much as this many months of the home's own."""
_LEAST, _MOST = 0.2, 4.0
"""How far a home's own silences may move the price of a delay."""
_POWER = 1.5
"""A rate twice as high as it should be divides the price by two to this power."""
_FALSE, _FALSE_MOST = 1.2, 2.0
"""A page of the last sixty days that people found to be false divides the price by the first, as often as it stands in the
budget of a month; all of them together by no more than the second."""


class Taught(NamedTuple):
    """What a silence has taught, so that it can be taken back."""

    day: int
    quarter: int
    silence: Span
    limit: Span
    """When its page was due."""
    exceeded: bool
    """It outlasted the watched limit."""
    before: Span
    """The longest silence of its day and hour before it."""
    fades: int
    """How often counts had faded by then."""


class _Limits(NamedTuple):
    """Seconds by the quarter of the day in which a silence began: array("H")."""

    cells: array[int]
    """The surprise of each cell, half hour by half hour; in UNITs."""
    pages: array[int]
    prompts: array[int]
    watched: array[int]
    """At _MORE_OFTEN times the price, without correction: what the correction counts against."""


def _limits(
    cells: Surprise, line: Sequence[Span | None], days: int, budgets: tuple[float, float], factor: float
) -> _Limits:
    page_budget, prompt_budget = budgets
    habits = Habits(curves(cells), line, days)
    pages = rule.page_limits(habits, page_budget, factor)
    prompts = rule.prompt_limits(habits, pages, prompt_budget)
    watched = rule.page_limits(habits, page_budget, _MORE_OFTEN)
    return _Limits(_packed(cells), *(array("H", limits) for limits in (pages, prompts, watched)))


@lru_cache(maxsize=64)
def _unlearnt(prior: Prior, budgets: tuple[float, float]) -> _Limits:
    """The limits of a home of which nothing is known; nobody changes them."""
    return _limits(surprise_of(prior.hazard), UNKNOWN, 0, budgets, 1.0)


def _packed(cells: Surprise) -> array[int]:
    return array("I", cells.ravel().tolist())


class Learnt:
    """One home's habits, and the limits that follow from them."""

    def __init__(self, page_budget: float, prompt_budget: float, prior: Prior) -> None:
        self._budgets = (page_budget, prompt_budget)
        self._prior = prior
        self._counts = Counts()
        self.line = Line()
        self._exceeded: list[int] = []
        """The local day of each silence that outlasted the watched limit."""
        self.factor = 1.0
        """The home's own correction of the price of a delay."""
        self.fades = 0
        """How often the counts have faded."""
        self._limits = _unlearnt(prior, self._budgets)

    @property
    def days(self) -> int:
        """Days that the limits rest on."""
        return self.line.days

    @property
    def own_share(self) -> float:
        """How much of the limits rests on the home's own silences, 0 to 1; the rest on homes in general."""
        return own_share(self._counts)

    def page_limit(self, quarter: int) -> Span:
        """How long a silence that began in this quarter of the day (0 to 95) may last before somebody is paged."""
        return self._limits.pages[quarter] * SECOND

    def prompt_limit(self, quarter: int) -> Span:
        """How long it may last before the resident is asked; the page's limit when nobody is ever asked."""
        return self._limits.prompts[quarter] * SECOND

    def survival(self, quarter: int, silence: Span) -> float:
        """The part of the silences begun in ``quarter`` that last so long, by this home's habits; three digits."""
        cells = np.array(self._limits.cells, dtype=np.int64).reshape(SLOTS, CLASSES)
        return float(f"{math.exp(-surprise(curves(cells)[quarter], silence) / UNIT):.3g}")

    def learn(self, day: int, quarter: int, silence: Span, limit: Span, *, wider: int = 1) -> Taught | None:
        """A silence at home that began in ``quarter`` of local ``day`` is over; its page was due at ``limit``.

        One that outlasted its limit was an alarm: that it ended is not learnt, only that it lasted until then, so that
        alarms do not teach that alarms are normal, and yet a new habit moves the limit, a little each day. ``wider`` is by
        how much its limit was wider than the quarter's.
        """
        if not SHORTEST <= silence < LONGEST:
            return None
        exceeded = silence > wider * self._limits.watched[quarter] * SECOND and self.days >= UNLEARNT_DAYS
        taught = Taught(
            day, quarter, silence, limit, exceeded, self.line.longest(day, quarter // 4), self.fades
        )  # fmt: skip
        self.teach(taught, in_full=False)
        return taught

    def teach(self, taught: Taught, *, in_full: bool) -> Taught:
        """Learn from a silence; ``in_full`` when people found that nothing was the matter, however long it was."""
        length, ended = _length(taught, in_full=in_full)
        if taught.exceeded:
            self._exceeded.append(taught.day)
        self._counts.add(taught.quarter, length, ended=ended)
        self.line.learn(taught.day, taught.quarter // 4, length)
        return taught._replace(fades=self.fades)

    def take_back(self, taught: Taught, *, in_full: bool) -> None:
        """Forget what ``teach`` said."""
        length, ended = _length(taught, in_full=in_full)
        if taught.exceeded and taught.day in self._exceeded:
            self._exceeded.remove(taught.day)
        self._counts.take(taught.quarter, length, ended=ended, fades=self.fades - taught.fades)
        self.line.forget(taught.day, taught.quarter // 4, length, taught.before)

    def fit(self, today: int, false_pages: int = 0) -> None:
        """Make the limits anew from what was learnt before local day ``today``, and for so many pages that were false."""
        if today % 7 == 0:
            self._counts.fade()
            self.fades += 1
        self.line.fit(today)
        if not self.days:
            return
        self._correct(today, false_pages)
        self._aim()

    def _aim(self) -> None:
        cells = fit(self._counts, self._prior.hazard)
        self._limits = _limits(cells, self.line.hours, self.days, self._budgets, self.factor)

    def _correct(self, today: int, false_pages: int) -> None:
        """Move the price towards what this home's own silences, and the pages that were false, allow for its budget."""
        self._exceeded = [day for day in self._exceeded if day >= today - _WINDOW_DAYS]
        first = today if self.line.first_day is None else self.line.first_day
        months = max(0, min(_WINDOW_DAYS, today - first - UNLEARNT_DAYS)) / _MONTH_DAYS
        expected = rule.on_curve(_OUTLASTED, self._budgets[0])
        rate = (len(self._exceeded) + _POOLED_MONTHS * expected) / (months + _POOLED_MONTHS)
        spared = min(_FALSE_MOST, _FALSE ** (false_pages / self._budgets[0]))
        self.factor = round(min(_MOST, max(_LEAST, (expected / rate) ** _POWER / spared)), 4)

    # ---- state -------------------------------------------------------------------------------------------------------

    def snapshot(self) -> dict[str, Any]:
        """JSON-ready state."""
        return {
            "prior": self._prior.name, "budgets": list(self._budgets), "counts": self._counts.snapshot(),
            "line": self.line.snapshot(), "exceeded": list(self._exceeded), "factor": self.factor,
            "limits": [list(values) for values in self._limits], "fades": self.fades,
        }  # fmt: skip

    def restore(self, state: Mapping[str, Any]) -> None:
        """Become what ``snapshot`` described; limits of another prior or another version are made anew.

        Other budgets make other limits of the habits that the last fit knew: to go back to the old ones gives the old limits.
        """
        self._counts.restore(state["counts"])
        self.line.restore(state["line"])
        self._exceeded, self.factor, self.fades = list(state["exceeded"]), state["factor"], state["fades"]
        if not self.days:
            return
        if state["prior"] != self._prior.name:
            self._aim()
            return
        cells, *limits = state["limits"]
        if state["budgets"] == list(self._budgets):
            self._limits = _Limits(array("I", cells), *(array("H", values) for values in limits))
        else:
            known = np.array(cells, dtype=np.int64).reshape(SLOTS, CLASSES)
            self._limits = _limits(known, self.line.hours, self.days, self._budgets, self.factor)


def _length(taught: Taught, *, in_full: bool) -> tuple[Span, bool]:
    """How long a silence is learnt to have lasted, and whether it is learnt that it ended then."""
    if in_full:
        return taught.silence, True
    return min(taught.silence, taught.limit), taught.silence <= taught.limit
