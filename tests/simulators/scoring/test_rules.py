"""The reference rules on homes whose limits can be reckoned by hand, and what they come to at a given rate."""

from __future__ import annotations

import math

import numpy as np
import pytest

from simulators.scoring.curve import Point, Sweep, at_rate, best, compare
from simulators.scoring.figures import Outcome, figures, judge
from simulators.scoring.rules import RULES, FittedCase
from simulators.scoring.twins import DAY, HOUR, Case, cut_twins
from tests.simulators.scoring.tracks import DOOR, KITCHEN, MIDNIGHT, every_ten_minutes, track

JUDGED = MIDNIGHT + 28 * DAY
SILENT = JUDGED + 3 * DAY + 12 * HOUR
"""From here on a test home is silent for six hours."""


def case(*more: tuple[int, str], outages: list[tuple[int, int]] | None = None) -> Case:
    lived = [(at, sensor) for at, sensor in every_ten_minutes(45) if not SILENT < at < SILENT + 6 * HOUR]
    return Case(track([*lived, *more], outages or []), [])


def raised(rule: str, scale: float, of: Case) -> list[int]:
    """Minutes from the beginning of the long silence to each page in it."""
    pages = FittedCase(RULES[rule], of).pages(scale).get("small", [])
    return [(at - SILENT) // 60 for at, _ in pages if SILENT <= at < SILENT + 6 * HOUR]


def test_fixed_hours_pages_after_so_many_hours() -> None:
    assert raised("fixed hours", 2, case()) == [120]
    assert raised("fixed hours", 5, case()) == [300]
    assert raised("fixed hours", 6, case()) == []


def test_a_silence_that_begins_with_an_outer_door_is_nobodys_business() -> None:
    assert raised("fixed hours", 2, case((SILENT - 121, DOOR))) == [120]
    assert raised("fixed hours", 2, case((SILENT - 120, DOOR))) == []


def test_a_page_for_which_the_gateway_must_have_reported_is_not_made_where_it_did_not() -> None:
    assert raised("fixed hours", 2, case(outages=[(SILENT + HOUR, SILENT + 2 * HOUR)])) == []
    assert raised("fixed hours", 2, case(outages=[(SILENT + 3 * HOUR, SILENT + 4 * HOUR)])) == [120]


def test_the_hourly_quantile_is_that_of_the_hours_around_and_half_an_hour_at_least() -> None:
    assert raised("hourly 99.9 % quantile", 1, case()) == [30]
    assert raised("hourly 99.9 % quantile", 4, case()) == [120]
    known = (MIDNIGHT + 5 * DAY + 13 * HOUR, MIDNIGHT + 5 * DAY + 15 * HOUR)
    of = case()
    lived = [(at, KITCHEN) for at in of.track.times.tolist() if not known[0] < at < known[1]]
    (page,) = raised("hourly 99.9 % quantile", 1, Case(track(lived), []))
    around = [600.0] * (28 * 18 - 12) + [7200.0]
    assert page == int(np.quantile(around, 0.999)) // 60


def test_the_daily_maximum_is_the_longest_silence_of_nine_days_in_ten() -> None:
    assert raised("daily maximum", 1, case()) == [30]
    assert raised("daily maximum", 6, case()) == [60]
    gaps = [(day, 13 * HOUR) for day in range(20)]
    lived = [
        (at, KITCHEN) for at in case().track.times.tolist()
        if not any(MIDNIGHT + day * DAY + t < at < MIDNIGHT + day * DAY + t + 2 * HOUR for day, t in gaps)
    ]  # fmt: skip
    assert raised("daily maximum", 1, Case(track(lived), [])) == [120]


def test_the_alert_line_calls_at_the_first_half_hour_above_it() -> None:
    """By day: 600 s at each half hour; 0.3 of the mean of all, 6787 s with the nights; 0.4 of 600 s: 2876 s, past 30 min."""
    assert raised("alert line", 1, case()) == [60]


def test_a_delay_at_a_rate_lies_on_a_straight_line_between_the_logarithms() -> None:
    curve = [Point(4.0, (100.0,)), Point(1.0, (400.0,))]
    assert at_rate(curve, 2.0, 0) == pytest.approx(200)
    assert at_rate(curve, 1.0, 0) == pytest.approx(400)
    assert math.isnan(at_rate(curve, 0.9, 0))
    assert math.isnan(at_rate(curve, 4.1, 0))


def test_scales_that_gave_the_same_rate_are_one_point_and_a_miss_is_not_averaged_away() -> None:
    curve = [Point(4.0, (100.0,)), Point(2.0, (200.0,)), Point(2.0, (800.0,)), Point(1.0, (math.inf,))]
    assert at_rate(curve, 2.0, 0) == pytest.approx(400)
    assert at_rate(curve, 1.5, 0) == math.inf


def test_the_best_reference_is_the_soonest_that_comes_to_the_rate() -> None:
    curves = {"a": [Point(4.0, (100.0,)), Point(1.0, (400.0,))], "b": [Point(3.0, (1.0,)), Point(2.5, (1.0,))]}
    delay, rule = best(curves, 2.0, 0)
    assert rule == "a"
    assert delay == pytest.approx(200)
    assert best(curves, 2.7, 0)[1] == "b"
    assert math.isnan(best(curves, 9.0, 0)[0])


def lively(number: int) -> Case:
    """A home with odd silences of one to nine hours, about every other day."""
    chance = np.random.default_rng(number)
    events = every_ten_minutes(58)
    for day in range(0, 58, 2):
        start = MIDNIGHT + day * DAY + int(chance.integers(8, 14)) * HOUR
        length = int(chance.exponential(1.5) * HOUR) + HOUR
        events = [(at, sensor) for at, sensor in events if not start < at < start + length]
    whole = track(events, home=f"home-{number}")
    return Case(whole, cut_twins(whole, 1, 1))


def test_a_rule_compared_with_itself_is_as_good_as_itself_and_one_that_calls_an_hour_later_is_worse() -> None:
    cases = [lively(number) for number in range(3)]
    sweep = Sweep("daily maximum", cases)
    ours = [judge(case, FittedCase(RULES["daily maximum"], case).pages(3.0), {}) for case in cases]
    late = [Outcome(o.name, o.watched, o.pages, o.prompts, o.hours, o.paged + 60, o.contacted + 60) for o in ours]
    same, worse = compare([ours, late], [sweep], draws=5, seed=1)
    assert same[0].ratio == pytest.approx(1, abs=0.2)
    assert worse[0].ratio == pytest.approx(same[0].ratio * (same[0].ours + 60) / same[0].ours)
    assert same[0].low <= same[0].high
    assert figures(ours).rate > 0
