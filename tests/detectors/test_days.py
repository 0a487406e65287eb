"""Kinds of days."""

from __future__ import annotations

from datetime import date

import pytest

from detectors.days import DayType, day_type

EPOCH = date(1970, 1, 1)


@pytest.mark.parametrize(
    ("day", "kind"),
    [
        (date(2026, 11, 25), DayType.WEEKDAY),
        (date(2026, 11, 28), DayType.WEEKEND),
        (date(2026, 11, 23), DayType.HOLIDAY),  # 勤労感謝の日, a Monday
        (date(2026, 5, 6), DayType.HOLIDAY),  # 振替休日
        (date(2026, 9, 22), DayType.HOLIDAY),  # 国民の休日, between two holidays
        (date(2026, 12, 28), DayType.WEEKDAY),
        (date(2026, 12, 29), DayType.NEW_YEAR),
        (date(2027, 1, 1), DayType.NEW_YEAR),  # 元日 is law as well: custom goes first
        (date(2027, 1, 3), DayType.NEW_YEAR),
        (date(2026, 8, 12), DayType.WEEKDAY),
        (date(2026, 8, 13), DayType.OBON),
        (date(2026, 8, 16), DayType.OBON),
    ],
)
def test_a_day_in_japan_has_the_type_that_its_calendar_gives_it(day: date, kind: DayType) -> None:
    assert day_type((day - EPOCH).days, "Asia/Tokyo") is kind
    assert kind.free is (kind is not DayType.WEEKDAY)


def test_elsewhere_only_weekends_are_free() -> None:
    for day, kind in ((date(2026, 11, 23), DayType.WEEKDAY), (date(2026, 12, 29), DayType.WEEKDAY)):
        assert day_type((day - EPOCH).days, "Europe/London") is kind
    assert day_type((date(2026, 11, 28) - EPOCH).days, "Europe/London") is DayType.WEEKEND
