"""Durations and moments in the words of a finding's text."""

from __future__ import annotations

from domain.clock import MINUTE, Instant, Span
from domain.localtime import LocalTime


def span_en(span: Span) -> str:
    """A duration as ``3 h 10 min``; rounded down to the minute."""
    hours, minutes = divmod(span // MINUTE, 60)
    if hours and minutes:
        return f"{hours} h {minutes} min"
    return f"{hours} h" if hours else f"{minutes} min"


def span_ja(span: Span) -> str:
    """A duration as ``3時間10分``; rounded down to the minute."""
    hours, minutes = divmod(span // MINUTE, 60)
    if hours and minutes:
        return f"{hours}時間{minutes}分"
    return f"{hours}時間" if hours else f"{minutes}分"


def moment_en(at: Instant, seen_from: Instant, local: LocalTime) -> str:
    """A moment as ``09:05``, ``09:05 yesterday`` or ``09:05 on 21 November``, as it is said at ``seen_from``."""
    clock = local.hhmm(at)
    days = local.day(seen_from) - local.day(at)
    if days == 0:
        return clock
    if days == 1:
        return f"{clock} yesterday"
    date = local.date(at)
    months = ("January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November",
              "December")  # fmt: skip
    return f"{clock} on {date.day} {months[date.month - 1]}"


def moment_ja(at: Instant, seen_from: Instant, local: LocalTime) -> str:
    """A moment as ``09:05``, ``昨日09:05`` or ``11月21日09:05``, as it is said at ``seen_from``."""
    clock = local.hhmm(at)
    days = local.day(seen_from) - local.day(at)
    if days == 0:
        return clock
    if days == 1:
        return f"昨日{clock}"
    date = local.date(at)
    return f"{date.month}月{date.day}日{clock}"
