"""What one home has taught: its hazard, its line and its own correction of the budget, made into limits every night."""

from __future__ import annotations

import math
from array import array
from bisect import bisect_left, insort
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

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
    surprise,
    surprise_of,
)
from detectors.kinds.inactivity.line import ENOUGH_DAYS, UNKNOWN, Line
from detectors.kinds.inactivity.prior import Prior
from detectors.kinds.inactivity.rule import FLOOR, Habits
from domain.clock import SECOND, Span

_WINDOW_DAYS = 120
_MONTH_DAYS = 30.44
_KEPT = 0.5
"""Silences that came closer than this to their limit are not remembered for the correction."""
_OWN_MONTHS = 10.0
"""After so many months the home's own exceedances weigh as much as the pooled curve."""
_LEAST, _MOST = 0.7, 1.4
"""How far a home's own exceedances may move its limits."""


@lru_cache(maxsize=64)
def _unlearnt(prior: Prior, page_budget: float, prompt_budget: float) -> tuple[array[int], array[int], array[int]]:
    """(cells, page limits, prompt limits) of a home of which nothing is known; nobody changes them."""
    cells = surprise_of(prior.hazard)
    habits = Habits(curves(cells), UNKNOWN, 0)
    pages = rule.page_limits(habits, page_budget)
    prompts = rule.prompt_limits(habits, pages, prompt_budget)
    return _packed(cells), array("H", pages), array("H", prompts)


def _packed(cells: Surprise) -> array[int]:
    return array("I", cells.ravel().tolist())


class Learnt:
    """One home's habits, and the limits that follow from them."""

    def __init__(self, page_budget: float, prompt_budget: float, prior: Prior) -> None:
        self._budgets = (page_budget, prompt_budget)
        self._prior = prior
        self._counts = Counts()
        self.line = Line()
        self._exceedances: list[tuple[int, int]] = []
        """(local day, thousandths of the limit without correction that a long silence reached)."""
        self.factor = 1.0
        """The home's own correction of its limits."""
        self._cells, self._pages, self._prompts = _unlearnt(prior, page_budget, prompt_budget)

    @property
    def days(self) -> int:
        """Days that the limits rest on."""
        return self.line.days

    def page_limit(self, quarter: int) -> Span:
        """How long a silence that began in this quarter of the day (0 to 95) may last before somebody is paged."""
        return self._pages[quarter] * SECOND

    def prompt_limit(self, quarter: int) -> Span:
        """How long it may last before the resident is asked; the page's limit when nobody is ever asked."""
        return self._prompts[quarter] * SECOND

    def survival(self, quarter: int, silence: Span) -> float:
        """The part of the silences begun in ``quarter`` that last so long, by this home's habits; three digits."""
        cells = np.array(self._cells, dtype=np.int64).reshape(SLOTS, CLASSES)
        return float(f"{math.exp(-surprise(curves(cells)[quarter], silence) / UNIT):.3g}")

    def learn(self, day: int, quarter: int, silence: Span, limit: Span, *, counts: bool = True) -> None:
        """A silence at home that began in ``quarter`` of local ``day`` is over; its page was due at ``limit``.

        One that outlasted its limit was an alarm: that it ended is not learnt, only that it lasted until then, so that
        alarms do not teach that alarms are normal, and yet a new habit moves the limit, a little each day. One that does not
        count moves no correction.
        """
        if not SHORTEST <= silence < LONGEST:
            return
        if counts and silence >= FLOOR and self.days >= ENOUGH_DAYS:
            reached = silence * self.factor / self.page_limit(quarter)
            if reached >= _KEPT:
                insort(self._exceedances, (day, round(1000 * reached)))
        self._counts.add(quarter, min(silence, limit), ended=silence <= limit)
        self.line.learn(day, quarter // 4, min(silence, limit))

    def fit(self, today: int) -> None:
        """Make the limits anew from what was learnt before local day ``today``."""
        if today % 7 == 0:
            self._counts.fade()
        self.line.fit(today)
        if not self.days:
            return
        self._correct(today)
        self._aim(fit(self._counts, self._prior.hazard))

    def _aim(self, cells: Surprise) -> None:
        """Make the limits from a hazard, the line and the budgets."""
        habits = Habits(curves(cells), self.line.hours, self.days)
        page_budget, prompt_budget = self._budgets
        pages = rule.page_limits(habits, page_budget, self.factor)
        self._cells, self._pages = _packed(cells), array("H", pages)
        self._prompts = array("H", rule.prompt_limits(habits, pages, prompt_budget))

    def _correct(self, today: int) -> None:
        """Move the factor towards what this home's own silences would have exceeded as often as the budget allows."""
        if self.line.first_day is None:
            return
        watched = min(_WINDOW_DAYS, today - self.line.first_day - ENOUGH_DAYS) / _MONTH_DAYS
        if watched < 0.5:
            return
        del self._exceedances[: bisect_left(self._exceedances, (today - _WINDOW_DAYS, 0))]
        largest = sorted((reached for _, reached in self._exceedances), reverse=True)
        rank = int(self._budgets[0] * watched)
        own = largest[rank] / 1000 if rank < len(largest) else _KEPT
        weight = watched / (watched + _OWN_MONTHS)
        self.factor = round(math.exp(weight * math.log(min(_MOST, max(_LEAST, own)))), 4)

    # ---- state -------------------------------------------------------------------------------------------------------

    def snapshot(self) -> dict[str, Any]:
        """JSON-ready state."""
        return {
            "prior": self._prior.name, "budgets": list(self._budgets), "counts": self._counts.snapshot(),
            "line": self.line.snapshot(), "exceedances": [list(pair) for pair in self._exceedances],
            "factor": self.factor, "cells": list(self._cells), "pages": list(self._pages), "prompts": list(self._prompts),
        }  # fmt: skip

    def restore(self, state: Mapping[str, Any]) -> None:
        """Become what ``snapshot`` described; limits that were made for another prior or other budgets are made anew."""
        self._counts.restore(state["counts"])
        self.line.restore(state["line"])
        self._exceedances = [(day, reached) for day, reached in state["exceedances"]]
        self.factor = state["factor"]
        if not self.days:
            return
        if (state["prior"], state["budgets"]) == (self._prior.name, list(self._budgets)):
            self._cells = array("I", state["cells"])
            self._pages, self._prompts = array("H", state["pages"]), array("H", state["prompts"])
        else:
            self._aim(fit(self._counts, self._prior.hazard))

    def restore_first_version(self, line: Mapping[str, Any]) -> None:
        """Go on from the line of ``inactivity/1``: its daily longest silences carry over, the hazard starts from the prior."""
        self.line.restore({
            "days": [[row[0], *(span // SECOND for span in row[1:])] for row in line["days"]],
            "first_day": line["first_day"], "rests_on": line["rests_on"], "hours": UNKNOWN,
        })  # fmt: skip
        if line["rests_on"]:
            days = sorted(row[0] for row in line["days"])
            self.fit(days[line["rests_on"] - 1] + 1)
