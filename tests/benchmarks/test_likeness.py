"""The measure of how like recorded homes the simulated ones are."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from benchmarks.likeness import FIGURES, Days, auc, logistic, main, measure, separate
from simulators.profiles import profile
from simulators.simulate import first_day_of, inhabit

FOLDER = os.environ.get("KEHAI_RECORDINGS", "")
FIRST = first_day_of(2026, 5, 1)


def homes(name: str, seed: str, count: int = 8, days: int = 9) -> list[Days]:
    lives = (inhabit(n, FIRST, days, seed, "Europe/London", profile(name)) for n in range(1, count + 1))
    return [measure(life.recording()) for life in lives]


def test_the_area_under_the_curve_is_one_for_certainty_and_a_half_for_a_guess() -> None:
    truth = np.array([0.0, 0.0, 1.0, 1.0])
    assert auc(np.array([1.0, 2.0, 3.0, 4.0]), truth) == 1.0
    assert auc(np.array([4.0, 3.0, 2.0, 1.0]), truth) == 0.0
    assert auc(np.array([5.0, 5.0, 5.0, 5.0]), truth) == 0.5


def test_each_full_day_is_a_row_of_every_figure() -> None:
    life = inhabit(1, FIRST, 6, "1", "Europe/London", profile("house"))
    table = measure(life.recording()).table
    assert table.shape == (3, len(FIGURES)), "without the first and the last day, and the one that has no yesterday"
    assert np.isfinite(table).all()


def test_two_neighbourhoods_of_one_profile_cannot_be_told_apart_and_those_who_barely_move_can() -> None:
    ones, others, still = homes("house", "1"), homes("house", "2"), homes("still", "3")
    assert separate(ones, others, logistic) < 0.75
    assert separate(ones, still, logistic) > 0.95


@pytest.mark.skipif(not FOLDER, reason="KEHAI_RECORDINGS names no folder with recordings")
def test_simulated_home_days_can_hardly_be_told_from_recorded_ones(capsys: pytest.CaptureFixture[str]) -> None:
    main([str(Path(FOLDER)), "--seeds", "1"])
    told = [line for line in capsys.readouterr().out.splitlines() if line.startswith("AUC")]
    assert told
    assert all(float(line.rsplit(maxsplit=1)[1]) <= 0.9 for line in told)
