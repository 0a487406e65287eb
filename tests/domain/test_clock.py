"""Instants and local time."""

from __future__ import annotations

from datetime import UTC, date, datetime, time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.clock import (
    DAY,
    HOUR,
    MINUTE,
    SECOND,
    ScaledClock,
    SystemClock,
    VirtualClock,
    from_datetime,
    from_iso,
    to_datetime,
    to_iso,
)
from domain.localtime import LocalTime, UnknownZoneError

instants = st.integers(min_value=0, max_value=4_000_000_000 * SECOND)


@given(instants)
def test_an_instant_survives_iso_text_and_datetime_to_the_microsecond(at: int) -> None:
    assert from_iso(to_iso(at)) == at
    assert from_datetime(to_datetime(at)) == at


def test_a_time_without_an_offset_is_refused_with_a_sentence() -> None:
    with pytest.raises(ValueError, match="no UTC offset"):
        from_iso("2026-11-23T10:00:00")


def test_a_virtual_clock_never_runs_back() -> None:
    clock = VirtualClock(100)
    clock.advance_to(50)
    assert clock.now() == 100
    clock.advance_to(150)
    assert clock.now() == 150


def test_two_scaled_clocks_with_the_same_numbers_agree() -> None:
    origin = SystemClock().now() - 10 * SECOND
    one, two = ScaledClock(origin, 0, 60), ScaledClock(origin, 0, 60)
    assert one.now() >= 10 * MINUTE
    assert two.now() - one.now() < 5 * MINUTE
    assert one.real_seconds(HOUR) == 60


@pytest.mark.parametrize(
    ("zone", "day", "hours"),
    [
        ("Europe/London", date(2019, 3, 31), 23),
        ("Europe/London", date(2019, 10, 27), 25),
        ("Europe/London", date(2019, 6, 1), 24),
        ("Asia/Tokyo", date(2026, 11, 23), 24),
        ("Australia/Lord_Howe", date(2026, 4, 5), 24.5),
    ],
)
def test_a_day_is_as_long_as_its_wall_clock_makes_it(zone: str, day: date, hours: float) -> None:
    local = LocalTime(zone)
    number = (day - date(1970, 1, 1)).days
    assert local.midnight(number + 1) - local.midnight(number) == hours * HOUR
    assert local.date(local.midnight(number)) == day


def test_a_wall_time_that_spring_skips_lands_past_the_change() -> None:
    local = LocalTime("Europe/London")
    at = local.at(date(2019, 3, 31), time(1, 30))
    assert local.hhmm(at) == "02:30"


def test_a_wall_time_that_autumn_repeats_is_the_first_of_the_two() -> None:
    local = LocalTime("Europe/London")
    at = local.at(date(2019, 10, 27), time(1, 30))
    assert to_datetime(at) == datetime(2019, 10, 27, 0, 30, tzinfo=UTC)
    assert local.hhmm(at) == local.hhmm(at + HOUR) == "01:30"
    assert local.iso(at).endswith("+01:00")
    assert local.iso(at + HOUR).endswith("+00:00")


@given(st.sampled_from(["Asia/Tokyo", "Europe/London", "America/St_Johns", "Asia/Kathmandu"]), instants)
def test_the_remembered_offset_is_the_zone_s_own(zone: str, at: int) -> None:
    local = LocalTime(zone)
    shown = to_datetime(at).astimezone(local.zone)
    assert local.hour(at) == shown.hour
    assert local.date(at) == shown.date()
    assert local.midnight(local.day(at)) <= at < local.midnight(local.day(at)) + 26 * HOUR
    assert local.wall(at) // DAY == local.day(at)


def test_a_zone_that_does_not_exist_is_named() -> None:
    with pytest.raises(UnknownZoneError, match="Asia/Nakano"):
        LocalTime("Asia/Nakano")


def test_the_homes_of_one_zone_remember_its_offsets_together() -> None:
    """Each for itself would keep some ten kilobytes more every day, and an installation has tens of thousands of homes."""
    one, other = LocalTime("Europe/London"), LocalTime("Europe/London")
    one.offset(1_790_000_000 * SECOND)
    assert other._offsets is one._offsets
    assert LocalTime("Asia/Tokyo")._offsets is not one._offsets
