"""What kind of day it is: a limit that depends on the day compares like with like.

Japan's national holidays come from ``jpholiday``; the New Year and Obon holidays are custom, not law, and are dated
here. Elsewhere only weekdays and weekends are told apart.
"""

from __future__ import annotations

from datetime import date, timedelta
from enum import StrEnum
from functools import lru_cache

import jpholiday

_JAPAN = frozenset({"Asia/Tokyo", "Japan"})
_EPOCH = date(1970, 1, 1)


class DayType(StrEnum):
    """One day of a home's calendar."""

    WEEKDAY = "weekday"
    WEEKEND = "weekend"
    HOLIDAY = "holiday"
    """祝日, with 振替休日 and 国民の休日."""
    NEW_YEAR = "new_year"
    """年末年始: 29 December to 3 January."""
    OBON = "obon"
    """お盆: 13 to 16 August."""

    @property
    def free(self) -> bool:
        """True for a day on which offices, day care and most helpers rest."""
        return self is not DayType.WEEKDAY


@lru_cache(maxsize=4096)
def day_type(day: int, zone: str) -> DayType:
    """The type of local day number ``day`` (see ``LocalTime.day``) in an IANA zone; custom before law before weekend."""
    calendar = _EPOCH + timedelta(days=day)
    if zone in _JAPAN:
        month, number = calendar.month, calendar.day
        if (month == 12 and number >= 29) or (month == 1 and number <= 3):
            return DayType.NEW_YEAR
        if month == 8 and 13 <= number <= 16:
            return DayType.OBON
        if jpholiday.is_holiday(calendar):
            return DayType.HOLIDAY
    return DayType.WEEKEND if calendar.weekday() >= 5 else DayType.WEEKDAY
