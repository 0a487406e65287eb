"""Watermark and coverage."""

from __future__ import annotations

import json
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.watermark import Coverage, Watermark

intervals = st.lists(
    st.tuples(st.integers(0, 200), st.integers(0, 30)).map(lambda pair: (pair[0], pair[0] + pair[1])), max_size=25
)


def test_the_watermark_is_what_the_slowest_source_has_vouched_for() -> None:
    mark = Watermark()
    mark.expect("a")
    mark.expect("b")
    values = [mark.value]
    for source, through in (("a", 100), ("b", 60), ("b", 130)):
        mark.vouch(source, through)
        values.append(mark.value)
    assert values == [None, None, 60, 100]


def test_the_watermark_never_moves_back() -> None:
    mark = Watermark()
    assert mark.vouch("a", 100)
    assert not mark.vouch("a", 40)
    mark.expect("new")
    assert mark.value == 100
    assert not mark.vouch("new", 20)
    assert mark.value == 100


def test_forgetting_a_dead_source_lets_the_watermark_go_on() -> None:
    mark = Watermark()
    mark.vouch("a", 100)
    mark.expect("b")
    mark.vouch("a", 200)
    assert mark.value == 100
    assert mark.forget("b")
    assert mark.value == 200


def test_a_watermark_survives_its_snapshot() -> None:
    mark = Watermark()
    mark.vouch("a", 100)
    mark.expect("b")
    again = Watermark.restore(json.loads(json.dumps(mark.snapshot())))
    again.vouch("a", 300)
    again.vouch("b", 250)
    assert again.value == 250


@given(intervals, intervals, st.tuples(st.integers(0, 230), st.integers(0, 60)))
def test_coverage_is_the_union_of_its_intervals_in_any_order(
    given_intervals: list[tuple[int, int]], more: list[tuple[int, int]], window: tuple[int, int]
) -> None:
    everything = given_intervals + more
    shuffled = random.Random(len(everything)).sample(everything, len(everything))
    coverage = Coverage(shuffled)
    assert list(coverage) == list(Coverage(everything))
    points = {instant for start, end in everything for instant in range(start, end)}
    start, end = window[0], window[0] + window[1]
    assert coverage.covered(start, end) == len([p for p in range(start, end) if p in points])
    holes = {p for a, b in coverage.holes(start, end) for p in range(a, b)}
    assert holes == {p for p in range(start, end) if p not in points}
    starts = [a for a, _ in coverage]
    assert starts == sorted(starts)
    assert all(b1 < a2 for (_, b1), (a2, _) in zip(list(coverage), list(coverage)[1:], strict=False))


def test_heartbeats_a_period_apart_are_one_interval() -> None:
    coverage = Coverage(join=30)
    for at in range(0, 300, 30):
        coverage.add(at, at)
    assert list(coverage) == [(0, 270)]
    coverage.add(400, 400)
    assert coverage.holes(0, 400) == [(270, 400)]


def test_what_reaches_across_the_line_of_forgetting_stays_whole() -> None:
    coverage = Coverage([(0, 10), (20, 40), (50, 60)])
    coverage.forget_before(30)
    assert list(coverage) == [(20, 40), (50, 60)]


def test_an_interval_that_ends_before_it_starts_is_refused() -> None:
    with pytest.raises(ValueError, match="ends before"):
        Coverage([(10, 5)])
