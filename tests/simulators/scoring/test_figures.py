"""Figures that were reckoned by hand."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest

from simulators.scoring.figures import MONTH, Call, Calls, Outcome, figures, judge, quantile
from simulators.scoring.twins import DAY, HOUR, Case, Twin
from tests.simulators.scoring.tracks import MIDNIGHT, every_ten_minutes, track

JUDGED = MIDNIGHT + 28 * DAY
MORNING, NIGHT, LATER = JUDGED + 2 * DAY + 8 * HOUR, JUDGED + 6 * DAY + 3 * HOUR, JUDGED + 10 * DAY + 12 * HOUR
OUTAGE = (JUDGED + DAY, JUDGED + DAY + 6 * HOUR)


def case() -> Case:
    whole = track(every_ten_minutes(45), [OUTAGE])
    return Case(whole, [Twin("small~0", [MORNING, NIGHT, LATER], np.ones(len(whole.times), bool))])


def judged(pages: dict[str, list[Call]], prompts: dict[str, list[Call]] | None = None) -> Outcome:
    return judge(case(), pages, prompts or {})


def test_a_delay_runs_from_the_collapse_to_the_first_page_and_one_that_is_not_paged_within_a_day_is_missed() -> None:
    outcome = judged(
        {"small~0": [(NIGHT + 3600, NIGHT + 86_400), (MORNING + 5400, MORNING + 86_400), (LATER + 86_401, None)]}
    )
    assert outcome.paged.tolist() == [90, 60, math.inf]
    assert outcome.hours.tolist() == [8, 3, 12]


def test_a_collapse_during_a_page_that_stood_already_is_void() -> None:
    outcome = judged({"small~0": [(MORNING - 600, MORNING + 60), (NIGHT - 600, NIGHT - 60), (LATER - 9, None)]})
    assert math.isnan(outcome.paged[0])
    assert outcome.paged[1] == math.inf
    assert math.isnan(outcome.paged[2])
    assert figures([outcome]).void == 2


def test_a_prompt_is_the_first_contact_and_no_page() -> None:
    outcome = judged(
        {"small~0": [(MORNING + 5400, None)]}, {"small~0": [(MORNING + 1800, None)], "small": [(JUDGED, None)]}
    )
    assert outcome.paged.tolist()[0] == 90
    assert outcome.contacted.tolist()[0] == 30
    assert (outcome.pages, outcome.prompts) == (0, 1)


def test_pages_on_the_untouched_home_count_while_it_is_judged_and_seen() -> None:
    end = MIDNIGHT + 44 * DAY + 22 * HOUR
    calls = [JUDGED - 1, JUDGED, OUTAGE[0] + 60, OUTAGE[1] + 60, end, end + 1]
    outcome = judged({"small": [(at, None) for at in calls]})
    assert outcome.pages == 3
    assert outcome.watched == end - JUDGED - 6 * HOUR
    assert math.isclose(outcome.rate, 3 * MONTH / outcome.watched)


def test_the_worst_tenth_is_at_least_one_home() -> None:
    def home(name: str, pages: int) -> Outcome:
        none = np.array([])
        return Outcome(name, MONTH, pages, 0, np.array([], dtype=np.int64), none, none)

    assert figures([home("a", 3), home("b", 1), home("c", 0)]).worst_tenth == 0.75
    twenty = [home(str(number), 1) for number in range(18)] + [home("x", 6), home("y", 3)]
    assert figures(twenty).worst_tenth == 9 / 27
    assert figures([home("a", 0)]).worst_tenth == 0
    assert figures(twenty).rate == pytest.approx(27 / 20)


def test_medians_and_percentiles_are_delays_that_happened() -> None:
    assert quantile(np.array([10.0, 20.0, 30.0, math.inf]), 0.5) == 30
    assert quantile(np.array([10.0, 20.0, 30.0, math.inf]), 0.9) == math.inf
    assert math.isnan(quantile(np.array([]), 0.5))


def test_day_and_night_are_told_apart_and_misses_stay_in() -> None:
    outcome = judged({"small~0": [(NIGHT + 7200, NIGHT + 9000), (MORNING + 600, MORNING + 900)]})
    found = figures([outcome])
    assert (found.day_median, found.day_p90, found.night_median) == (math.inf, math.inf, 120)
    assert found.within == {1: 1 / 3, 2: 2 / 3, 4: 2 / 3, 8: 2 / 3}


def test_only_what_is_said_about_the_person_counts_and_not_returned_does_not() -> None:
    def line(level: str, subject: str = "person", kind: str = "inactivity") -> str:
        times = {"raised_at": "2024-10-05T08:00:00+01:00", "ended_at": None}
        return json.dumps({"home": "a", "kind": kind, "subject": subject, "level": level, **times})

    calls = Calls()
    calls.read(
        [line("page"), line("prompt"), line("digest"), line("page", "device"), line("page", "person", "not_returned")]
    )
    at = int(np.datetime64("2024-10-05T08:00:00").astype(np.int64))
    assert calls.pages == {"a": [(at, None)]}
    assert calls.prompts == {"a": [(at, None)]}
