"""Rules at the same rate of false pages: a rule is a curve of delays over rates, drawn by many scales.

Between two rates that the scales gave, a delay is interpolated linearly in the logarithms of both. Scales that gave the same
rate (there are only so many false pages) stand for one point: the geometric mean of their delays. Beyond the ends of its
curve a rule has no value.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from operator import itemgetter

import numpy as np
import numpy.typing as npt

from simulators.scoring.figures import BY_DAY, MONTH, Outcome, judge, quantile, together
from simulators.scoring.rules import RULES, FittedCase
from simulators.scoring.twins import Case

MEASURES = ("day median", "day p90", "night median")

SCALES: dict[str, Sequence[float]] = {
    "fixed hours": tuple(np.geomspace(2.0, 20.0, 56).tolist()),
    "hourly 99.9 % quantile": tuple(np.geomspace(0.5, 7.0, 64).tolist()),
    "alert line": tuple(np.geomspace(0.4, 4.0, 56).tolist()),
    "daily maximum": tuple(np.geomspace(0.9, 9.0, 56).tolist()),
}
"""From over ten false pages in a home-month to under a quarter, in steps of about four percent, on the homes tried."""


@dataclass(frozen=True, slots=True)
class Point:
    """A rule at one scale, all homes together."""

    rate: float
    delays: tuple[float, ...]
    """One for each of MEASURES."""


def measure(outcomes: Sequence[Outcome]) -> Point:
    """Put homes together: (rate, delays)."""
    hours, paged, _ = together(outcomes)
    day = np.isin(hours, BY_DAY)
    watched = sum(outcome.watched for outcome in outcomes)
    rate = sum(outcome.pages for outcome in outcomes) / watched * MONTH
    return Point(rate, (quantile(paged[day], 0.5), quantile(paged[day], 0.9), quantile(paged[~day], 0.5)))


class Sweep:
    """One reference rule at all its scales on every home."""

    def __init__(self, name: str, cases: Sequence[Case]) -> None:
        self.name = name
        fitted = [FittedCase(RULES[name], case) for case in cases]
        self._by_scale = [
            [judge(case, one.pages(scale), {}) for case, one in zip(cases, fitted, strict=True)]
            for scale in SCALES[name]
        ]

    def curve(self, homes: Sequence[int]) -> list[Point]:
        """The rule's points over the homes with these numbers; one that is given twice counts twice."""
        return [measure([outcomes[number] for number in homes]) for outcomes in self._by_scale]


def at_rate(curve: Sequence[Point], rate: float, measure_number: int) -> float:
    """The rule's delay at ``rate``; nan beyond the ends of its curve. Of two neighbours, a miss stays a miss."""
    known = [(point.rate, point.delays[measure_number]) for point in curve if point.rate > 0]
    merged = [(at, _mean([delay for _, delay in same])) for at, same in groupby(sorted(known), key=itemgetter(0))]
    if not merged or not merged[0][0] <= rate <= merged[-1][0]:
        return math.nan
    rates, delays = [at for at, _ in merged], [delay for _, delay in merged]
    after = int(np.searchsorted(rates, rate, "left"))
    if rates[after] == rate:
        return delays[after]
    low, high = delays[after - 1], delays[after]
    if math.isinf(low) or math.isinf(high):
        return math.inf
    part = math.log(rate / rates[after - 1]) / math.log(rates[after] / rates[after - 1])
    return math.exp(math.log(low) * (1 - part) + math.log(high) * part)


def _mean(delays: Sequence[float]) -> float:
    if any(math.isinf(delay) for delay in delays):
        return math.inf
    return math.exp(sum(math.log(delay) for delay in delays) / len(delays))


def best(curves: Mapping[str, Sequence[Point]], rate: float, measure_number: int) -> tuple[float, str]:
    """(delay, rule) of the rule that is soonest at ``rate``; nan when none has a value there."""
    found = [(at_rate(curve, rate, measure_number), name) for name, curve in curves.items()]
    return min((pair for pair in found if not math.isnan(pair[0])), default=(math.nan, ""))


def ratio(ours: float, theirs: float) -> float:
    """ours / theirs, where either may be a miss; nan where there is nothing to compare."""
    if math.isnan(ours) or math.isnan(theirs) or (math.isinf(ours) and math.isinf(theirs)):
        return math.nan
    return ours / theirs


@dataclass(frozen=True, slots=True)
class Comparison:
    """Ours beside the best reference rule at the very rate that we came to."""

    measure: str
    ours: float
    best: float
    rule: str
    low: float
    """Of the ratio, over homes drawn anew: a twentieth of the draws lies below ..."""
    high: float
    """... and a twentieth above."""

    @property
    def ratio(self) -> float:
        """Ours as a part of the best reference rule's delay."""
        return ratio(self.ours, self.best)


def compare(
    ours: Sequence[Sequence[Outcome]], sweeps: Sequence[Sweep], draws: int, seed: int
) -> Iterator[list[Comparison]]:
    """For each of our runs (every home's outcome, in the order of the sweeps' homes): one Comparison for each measure."""
    homes = len(ours[0])
    whole = list(range(homes))
    curves = {sweep.name: sweep.curve(whole) for sweep in sweeps}
    drawn: list[list[list[float]]] = [[[] for _ in MEASURES] for _ in ours]
    chance = np.random.default_rng(seed)
    for _ in range(draws):
        picked = chance.integers(0, homes, homes).tolist()
        curves_there = {sweep.name: sweep.curve(picked) for sweep in sweeps}
        for run, outcomes in enumerate(ours):
            point = measure([outcomes[number] for number in picked])
            for number in range(len(MEASURES)):
                found = ratio(point.delays[number], best(curves_there, point.rate, number)[0])
                if not math.isnan(found):
                    drawn[run][number].append(found)
    for run, outcomes in enumerate(ours):
        point = measure(outcomes)
        made = []
        for number, name in enumerate(MEASURES):
            reference, rule = best(curves, point.rate, number)
            low, high = _interval(drawn[run][number])
            made.append(Comparison(name, point.delays[number], reference, rule, low, high))
        yield made


def _interval(ratios: Sequence[float]) -> tuple[float, float]:
    if not ratios:
        return math.nan, math.nan
    found: npt.NDArray[np.float64] = np.quantile(np.array(ratios), [0.05, 0.95], method="nearest")
    return float(found[0]), float(found[1])
