"""The hazard, the lines and the rule: what a home's silences make of its limits."""

from __future__ import annotations

import math
import random
from itertools import pairwise

import numpy as np
import pytest

from detectors.kinds.inactivity import rule
from detectors.kinds.inactivity.hazard import (
    CLASSES,
    EDGES,
    LONGEST,
    QUARTERS,
    SLOTS,
    STEP,
    STEPS,
    UNIT,
    Counts,
    curves,
    first_beyond,
    fit,
    surprise,
    surprise_of,
)
from detectors.kinds.inactivity.learnt import Learnt
from detectors.kinds.inactivity.line import ENOUGH_DAYS, Line
from detectors.kinds.inactivity.past import REMEMBERED, Past
from detectors.kinds.inactivity.prior import load
from detectors.kinds.inactivity.rule import CAP, FLOOR, Habits
from domain.clock import DAY, HOUR, MINUTE, SECOND
from domain.localtime import LocalTime

NINE = 36
"""The quarter of the day that begins at nine."""


def lived(learnt: Learnt, days: int, first: int = 0) -> Learnt:
    """Days that are busy from seven to ten, never quiet for longer than twenty minutes, and nights of eight hours or more."""
    rng = random.Random(first)
    for day in range(first, first + days):
        learnt.fit(day)
        for quarter in range(28, 88):
            for silence in (2 * MINUTE, 2 * MINUTE, 2 * MINUTE, int(20 * MINUTE * rng.uniform(0.1, 1.0))):
                learnt.learn(day, quarter, silence, learnt.page_limit(quarter))
        learnt.learn(day, 88, int(rng.uniform(8, 9) * HOUR), learnt.page_limit(88))
    learnt.fit(first + days)
    return learnt


def fresh(page_budget: float = 1.0, prompt_budget: float = 8.0) -> Learnt:
    return Learnt(page_budget, prompt_budget, load())


# ---- the hazard ------------------------------------------------------------------------------------------------------


def test_a_silence_is_at_risk_in_each_quarter_hour_that_it_reaches_and_ends_in_the_last() -> None:
    counts = Counts()
    counts.add(NINE, 40 * MINUTE)  # 9:00 to 9:40
    at_risk, ended = counts.tables()
    assert [(int(slot), int(kind)) for slot, kind in np.argwhere(at_risk)] == [(18, 0), (18, 1), (19, 2)]
    assert [(int(slot), int(kind)) for slot, kind in np.argwhere(ended)] == [(19, 2)]


def test_a_silence_that_was_broken_off_teaches_only_what_it_outlasted() -> None:
    counts = Counts()
    counts.add(NINE, 40 * MINUTE, ended=False)
    at_risk, ended = counts.tables()
    assert int(at_risk.sum()) == 2
    assert not ended.any()


def test_a_silence_goes_on_past_midnight_in_the_cells_of_the_next_day() -> None:
    counts = Counts()
    counts.add(QUARTERS - 1, 35 * MINUTE)
    assert [int(slot) for slot, _ in np.argwhere(counts.tables()[0])] == [0, 0, 47]


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_the_hazard_is_what_was_counted_shared_with_the_neighbours_and_drawn_towards_the_prior(seed: int) -> None:
    """Against a slow hand count."""
    rng = random.Random(seed)
    counts, at_risk, ended = Counts(), np.zeros((SLOTS, CLASSES)), np.zeros((SLOTS, CLASSES))
    for _ in range(300):
        quarter, silence = rng.randrange(QUARTERS), rng.randrange(MINUTE, LONGEST)
        counts.add(quarter, silence)
        for step in range(silence // STEP + 1):
            cell = ((quarter * STEP + step * STEP) // (30 * MINUTE) % SLOTS, sum(step * STEP >= edge for edge in EDGES))
            at_risk[cell] += 1
        ended[cell] += 1
    prior = load().hazard
    for slot, kind in ((0, 0), (18, 1), (30, 4), (47, 6)):
        near = [(slot + offset) % SLOTS for offset in range(-2, 3)]
        hazard = (ended[near, kind].sum() + 8 * prior[slot, kind]) / (at_risk[near, kind].sum() + 8)
        told = fit(counts, prior)[slot, kind]
        assert told == round(-math.log1p(-min(0.98, hazard)) * UNIT)


def test_a_curve_adds_up_what_a_silence_passes_through_by_the_clock_of_then() -> None:
    level = np.full((SLOTS, CLASSES), 1_000, dtype=np.int64)
    curve = curves(level)
    assert curve.shape == (QUARTERS, STEPS)
    assert curve[NINE].tolist() == [1_000 * (step + 1) for step in range(STEPS)]
    level[20] = 100_000  # ten o'clock to half past
    risen = curves(level)
    assert risen[NINE, 3] == 4_000
    assert risen[NINE, 5] == 204_000
    assert risen[40, 0] == 100_000, "a silence that begins then meets it at once"


def test_between_the_middles_of_two_classes_the_hazard_is_read_off_in_proportion() -> None:
    cells = np.tile(np.array([8, 4, 2, 1, 1, 1, 1], dtype=np.int64) * 100_000, (SLOTS, 1))
    by_step = np.diff(curves(cells)[NINE], prepend=0)
    assert by_step[0] == 800_000
    assert sorted(by_step.tolist(), reverse=True) == by_step.tolist()
    # The third quarter hour (2.5 steps) lies between the middles of half an hour (1.5) and of an hour (3).
    part = math.log(2.5 / 1.5) / math.log(3 / 1.5)
    assert by_step[2] == round(100_000 * 4 ** (1 - part) * 2**part)


def test_the_surprise_of_a_silence_is_linear_within_a_step() -> None:
    curve = curves(surprise_of(load().hazard))[NINE]
    assert surprise(curve, 0) == 0
    assert surprise(curve, STEP // 2) == curve[0] // 2
    assert surprise(curve, 5 * STEP) == curve[4]
    assert surprise(curve, 3 * DAY) == curve[-1]


def test_where_a_curve_reaches_a_surprise_is_found_within_its_step_and_two_days_say_never() -> None:
    curve = curves(np.full((SLOTS, CLASSES), 1_000, dtype=np.int64))
    wanted = np.full(QUARTERS, 2_500, dtype=np.int64)
    assert set(first_beyond(curve, wanted).tolist()) == {int(2.5 * 15 * 60)}
    assert set(first_beyond(curve, wanted * 1000).tolist()) == {2 * 24 * 3600}


def test_counts_fade_by_half_in_about_four_months_and_to_nothing_in_the_end() -> None:
    counts = Counts()
    for _ in range(100):
        counts.add(NINE, 20 * MINUTE)
    for _ in range(17):
        counts.fade()
    assert 45 < counts.tables()[1].sum() < 55
    for _ in range(300):
        counts.fade()
    assert counts.tables()[0].sum() < 1


# ---- the lines -------------------------------------------------------------------------------------------------------


def test_the_line_is_the_median_of_the_days_longest_silences_around_an_hour() -> None:
    line = Line()
    for day in range(10):
        line.learn(day, 9, (10 + day) * MINUTE)
        line.learn(day, 9, 5 * MINUTE)
        line.learn(day, 10, MINUTE)
    line.fit(10)
    assert line.hours[9] == int(14.5 * MINUTE)
    assert (line.hours[8], line.hours[11], line.hours[12]) == (int(14.5 * MINUTE), MINUTE, None)


def test_an_hour_of_which_few_days_are_known_has_no_line() -> None:
    line = Line()
    for day in range(ENOUGH_DAYS - 1):
        line.learn(day, 9, 20 * MINUTE)
    line.fit(ENOUGH_DAYS - 1)
    assert line.hours[9] is None
    assert line.days == ENOUGH_DAYS - 1


# ---- the rule --------------------------------------------------------------------------------------------------------


def habits(days: int = 0) -> Habits:
    return Habits(curves(surprise_of(load().hazard)), (None,) * 24, days)


def test_a_larger_budget_never_makes_a_limit_longer() -> None:
    budgets = (0.01, 0.1, 0.3, 0.5, 0.7, 1.0, 1.4, 2.0, 3.0, 4.0, 8.0, 60.0)
    known = Habits(curves(surprise_of(load().hazard)), (HOUR,) * 24, 30)
    for home in (habits(), known):
        limits = [rule.page_limits(home, budget) for budget in budgets]
        assert all(a >= b for more, less in pairwise(limits) for a, b in zip(more, less, strict=True))
        asked = [rule.prompt_limits(home, limits[5], budget) for budget in (1.0, 4.0, 8.0, 10.0, 30.0)]
        assert all(a >= b for more, less in pairwise(asked) for a, b in zip(more, less, strict=True))


def test_limits_stay_within_their_bounds_and_a_prompt_never_comes_after_its_page() -> None:
    for budget in (0.01, 1.0, 60.0):
        pages = rule.page_limits(habits(), budget)
        prompts = rule.prompt_limits(habits(), pages, 8.0)
        assert all(FLOOR <= limit * SECOND <= CAP for limit in pages)
        assert all(prompt <= page for prompt, page in zip(prompts, pages, strict=True))


def test_nobody_is_asked_about_a_silence_that_began_at_night() -> None:
    pages = rule.page_limits(habits(), 1.0)
    prompts = rule.prompt_limits(habits(), pages, 8.0)
    night = [quarter for quarter in range(QUARTERS) if quarter < 28 or quarter >= 88]
    assert all(prompts[quarter] == pages[quarter] for quarter in night)
    assert prompts[NINE] < pages[NINE]


def test_limits_are_wider_until_a_week_is_known() -> None:
    none, some, week, year = (rule.page_limits(habits(days), 1.0)[NINE] for days in (0, 6, 7, 365))
    assert none == some == pytest.approx(rule.UNLEARNT_WIDER * week, abs=1)
    assert week == year


@pytest.mark.parametrize("price", [1e-3, 1e-2])
def test_the_limit_is_where_waiting_is_no_longer_worth_it(price: float) -> None:
    """Against an exponential silence, whose best limit solves rate * exp(-rate * u) = price * u ** (a - 1)."""
    rate = 1.5  # an hour
    curve = np.tile(np.rint(np.arange(1, STEPS + 1) * rate / 4 * UNIT).astype(np.int64), (QUARTERS, 1))
    budget = next(b / 1000 for b in range(10, 60_000) if rule.on_curve(rule.PRICE_DAY, b / 1000) >= price)
    found = rule.page_limits(Habits(curve, (None,) * 24, 30), budget)[NINE] / 3600
    best = min((u / 1000 for u in range(500, 16_000)), key=lambda u: math.exp(-rate * u) + price * u**0.6 / 0.6)
    assert found == pytest.approx(best, abs=0.1)


# ---- what a home teaches ---------------------------------------------------------------------------------------------


def test_from_the_first_day_the_limits_are_those_of_other_homes_and_shorter_by_day_than_at_night() -> None:
    learnt = fresh()
    assert learnt.days == 0
    assert FLOOR < learnt.page_limit(NINE) < 6 * HOUR < learnt.page_limit(92) <= CAP


def test_a_week_of_habits_makes_the_limits_its_own() -> None:
    week, month = lived(fresh(), 7), lived(fresh(), 28)
    at_one = 52
    assert month.page_limit(at_one) < week.page_limit(at_one) < fresh().page_limit(at_one)
    assert month.survival(at_one, month.page_limit(at_one)) < 0.001 < month.survival(at_one, 10 * MINUTE)


def test_a_silence_of_fourteen_hours_teaches_nothing() -> None:
    taught = lived(fresh(), 14)
    before = taught.snapshot()
    taught.learn(14, NINE, LONGEST, taught.page_limit(NINE))
    assert taught.snapshot() == before


def test_one_alarm_moves_the_limit_little_and_a_new_habit_does_within_days() -> None:
    """From day 30 on somebody is quiet for five hours from nine: at first each day is an alarm, but not for ever."""
    settled = lived(fresh(), 30)
    limits = [settled.page_limit(NINE)]
    for day in range(30, 60):
        settled.learn(day, NINE, 5 * HOUR, settled.page_limit(NINE))
        limits.append(lived(settled, 1, first=day).page_limit(NINE))
    assert limits[1] <= limits[0] + HOUR
    assert 3 <= sum(limit < 5 * HOUR for limit in limits) <= 14


def test_a_home_that_keeps_exceeding_its_limits_gets_wider_ones_and_a_quiet_one_narrower_within_bounds() -> None:
    restless, quiet, rng = fresh(), fresh(), random.Random(1)
    for day in range(60):
        for learnt in (restless, quiet):
            lived(learnt, 1, first=day)
        quarter = rng.randrange(30, 80)
        restless.learn(day, quarter, restless.page_limit(quarter), restless.page_limit(quarter))
    assert rule.page_limits(habits(), 1.0, 0.3)[NINE] > rule.page_limits(habits(), 1.0)[NINE]
    assert 0.2 <= restless.factor < 1.0 < quiet.factor <= 4.0


def test_what_was_learnt_survives_a_round_trip_and_another_budget_makes_other_limits_at_once() -> None:
    learnt = lived(fresh(), 20)
    again = fresh()
    again.restore(learnt.snapshot())
    assert again.snapshot() == learnt.snapshot()
    lived(again, 5, first=20)
    lived(learnt, 5, first=20)
    assert again.snapshot() == learnt.snapshot()
    generous = fresh(page_budget=4.0)
    generous.restore(learnt.snapshot())
    assert generous.page_limit(NINE) < learnt.page_limit(NINE)


# ---- the silences of the last weeks ----------------------------------------------------------------------------------


def test_the_past_holds_four_weeks_of_silences_of_ten_minutes_or_more() -> None:
    past, local = Past(), LocalTime("UTC")
    for day in range(60):
        for minutes in (5, 10, 25):
            past.add(day * DAY + 9 * HOUR, minutes * MINUTE)
    now = 60 * DAY
    assert past.alike({9}, now, local) == [10 * MINUTE, 25 * MINUTE] * (REMEMBERED // DAY)
    assert past.alike({10}, now, local) == []
    past.forget(now)
    again = Past()
    again.restore(past.snapshot())
    assert again.alike({9}, now, local) == past.alike({9}, now, local)
    assert len(past.snapshot()["starts"]) == 2 * 28
