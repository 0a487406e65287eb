"""What a detector's pages are worth: delays after collapses, and pages for nothing.

Delays are in minutes; a collapse that is not paged within 24 hours counts as infinitely late, so medians and percentiles tell
of misses too. A page for nothing is one on an untouched recording, holidays and odd days included: staff would have
been called. A collapse that began while a page stood already is void: counted, and left out of the delays.
"""

from __future__ import annotations

import json
import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from simulators.scoring.track import wall_seconds
from simulators.scoring.twins import DAY, HOUR, STILL, Case

MONTH = 30.44 * DAY
BY_DAY = range(7, 22)
"""Clock hours; the others are night."""
Minutes = npt.NDArray[np.float64]

Call = tuple[int, int | None]
"""(raised, ended or None), in seconds on the home's wall clock."""


@dataclass(slots=True)
class Calls:
    """What was said about the person in each recording."""

    pages: dict[str, list[Call]] = field(default_factory=lambda: defaultdict(list))
    prompts: dict[str, list[Call]] = field(default_factory=lambda: defaultdict(list))

    def read(self, lines: Iterable[str]) -> None:
        """Add what JSON lines of findings say.

        ``not_returned`` is left out: nobody told these homes when somebody went away.
        """
        kept = {"page": self.pages, "prompt": self.prompts}
        for line in lines:
            body = json.loads(line)
            if body["level"] in kept and body["subject"] == "person" and body["kind"] != "not_returned":
                ended = body.get("ended_at")
                call = wall_seconds(body["raised_at"]), wall_seconds(ended) if ended else None
                kept[body["level"]][body["home"]].append(call)


@dataclass(frozen=True, slots=True)
class Outcome:
    """One home judged. The three arrays have an entry for each collapse."""

    name: str
    watched: float
    """Seconds of the untouched recording in which somebody could have seen."""
    pages: int
    """For nothing."""
    prompts: int
    hours: npt.NDArray[np.int64]
    """The clock hour of each collapse."""
    paged: Minutes
    """To the first page; inf: missed; nan: void."""
    contacted: Minutes
    """To the first page or prompt."""

    @property
    def rate(self) -> float:
        """Pages for nothing in a month."""
        return self.pages / self.watched * MONTH


def judge(case: Case, pages: Mapping[str, Sequence[Call]], prompts: Mapping[str, Sequence[Call]]) -> Outcome:
    """Hold one home's calls against what happened there."""
    hours, paged, contacted = [], [], []
    for twin in case.twins:
        mine = sorted(pages.get(twin.name, ()), key=lambda call: call[0])
        any_call = sorted([*mine, *prompts.get(twin.name, ())], key=lambda call: call[0])
        for at in twin.collapses:
            void = any(raised < at and (ended is None or ended > at) for raised, ended in mine)
            hours.append(at // HOUR % 24)
            paged.append(math.nan if void else _delay(at, mine))
            contacted.append(math.nan if void else _delay(at, any_call))
    return Outcome(
        case.name, case.track.watched(case.start, case.end), _for_nothing(case, pages), _for_nothing(case, prompts),
        np.array(hours, dtype=np.int64), np.array(paged, dtype=np.float64), np.array(contacted, dtype=np.float64),
    )  # fmt: skip


def _delay(at: int, calls: Sequence[Call]) -> float:
    return next(((raised - at) / 60 for raised, _ in calls if at <= raised <= at + STILL), math.inf)


def _for_nothing(case: Case, calls: Mapping[str, Sequence[Call]]) -> int:
    """Calls on the untouched recording while it is judged and seen."""
    return sum(
        case.start <= raised <= case.end and not case.track.blind(raised - 1, raised)
        for raised, _ in calls.get(case.name, ())
    )


@dataclass(frozen=True, slots=True)
class Figures:
    """What all homes together come to."""

    homes: int
    home_months: float
    collapses: int
    void: int
    pages: int
    rate: float
    """Pages for nothing in a home-month."""
    worst_tenth: float
    """Part of those pages that the worst tenth of homes gives."""
    day_median: float
    day_p90: float
    night_median: float
    night_p90: float
    prompt_rate: float
    contact_day_median: float
    contact_day_p90: float
    within: dict[int, float]
    """Hours -> part of the collapses that were paged by then."""


def quantile(delays: Minutes, part: float) -> float:
    """The delay within which at least ``part`` of them lie: one that happened, never one between two; nan of none."""
    return float(np.quantile(delays, part, method="higher")) if len(delays) else math.nan


def figures(outcomes: Sequence[Outcome]) -> Figures:
    """Put homes together. A home that is given twice counts twice."""
    hours, paged, contacted = together(outcomes)
    day = np.isin(hours, BY_DAY)
    watched = sum(outcome.watched for outcome in outcomes)
    pages = sum(outcome.pages for outcome in outcomes)
    collapses = sum(len(outcome.hours) for outcome in outcomes)
    rates = sorted((outcome.rate for outcome in outcomes), reverse=True)
    return Figures(
        homes=len(outcomes),
        home_months=watched / MONTH,
        collapses=collapses,
        void=collapses - len(paged),
        pages=pages,
        rate=pages / watched * MONTH,
        worst_tenth=sum(rates[: max(1, len(rates) // 10)]) / sum(rates) if pages else 0.0,
        day_median=quantile(paged[day], 0.5),
        day_p90=quantile(paged[day], 0.9),
        night_median=quantile(paged[~day], 0.5),
        night_p90=quantile(paged[~day], 0.9),
        prompt_rate=sum(outcome.prompts for outcome in outcomes) / watched * MONTH,
        contact_day_median=quantile(contacted[day], 0.5),
        contact_day_p90=quantile(contacted[day], 0.9),
        within={h: float((paged <= h * 60).mean()) if len(paged) else math.nan for h in (1, 2, 4, 8)},
    )


def together(outcomes: Sequence[Outcome]) -> tuple[npt.NDArray[np.int64], Minutes, Minutes]:
    """(hours, paged, contacted) of every collapse that is not void."""
    hours = np.concatenate([outcome.hours for outcome in outcomes])
    paged = np.concatenate([outcome.paged for outcome in outcomes])
    contacted = np.concatenate([outcome.contacted for outcome in outcomes])
    valid = ~np.isnan(paged)
    return hours[valid], paged[valid], contacted[valid]
