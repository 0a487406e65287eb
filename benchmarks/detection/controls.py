"""What happens in lives in which nothing is wrong: it may cause no more pages than the same days without it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np

from benchmarks.detection.course import Course, Followed, Happening, Run, Said, run
from benchmarks.detection.spread import spread, table
from domain.clock import DAY, HOUR
from simulators.incidents import INCIDENTS
from simulators.simulated import IncidentKind

_DRAWS = 2_000
_YEAR = (date(2026, 1, 1) - date(1970, 1, 1)).days
_ANY_TIME = (
    IncidentKind.HOLIDAY, IncidentKind.VISITOR, IncidentKind.NAP, IncidentKind.PET, IncidentKind.SENSOR_MOVED,
)  # fmt: skip
_AT_MOST = 14 * DAY
_DATED = {
    IncidentKind.CLOCK_CHANGE: (date(2026, 3, 26), "Europe/London", 5),
    IncidentKind.NEW_YEAR: (date(2026, 12, 31), "Asia/Tokyo", 5),
}
"""(the day after the warm ones, zone, days)"""
CONTROLS: dict[str, Happening] = {
    **{
        kind.value: Happening(kind.value, (INCIDENTS[kind].happens,), follow=DAY, at_most=_AT_MOST)
        for kind in _ANY_TIME
    },
    **{kind.value: Happening(kind.value, (INCIDENTS[kind].happens,), follow=DAY, at=12 * HOUR) for kind in _DATED},
}


@dataclass(frozen=True, slots=True)
class Controls:
    """How much of it."""

    each: int
    seed: int
    jobs: int
    warm: int = 28
    days: int = 36


def courses(wanted: Controls) -> list[Course]:
    """The homes: one of each control in each, and others for those that have a date."""
    seed = f"controls/{wanted.seed}"
    made = [
        Course(n, seed, _YEAR + n * 37 % 365, wanted.warm, wanted.days, tuple(kind.value for kind in _ANY_TIME))
        for n in range(1, wanted.each + 1)
    ]
    for kind, (first, zone, days) in _DATED.items():
        begin = (first - date(1970, 1, 1)).days - wanted.warm
        made += [
            Course(n, f"{seed}/{kind.value}", begin, wanted.warm, days, (kind.value,), zone)
            for n in range(1, wanted.each + 1)
        ]
    return made


def run_controls(course: Course) -> Run:
    """One home's controls."""
    return run(course, CONTROLS)


def controls(wanted: Controls) -> dict[str, Any]:
    """Compare each control with the same days of the same home without it, and print the differences."""
    runs = list(spread(run_controls, courses(wanted), wanted.jobs, "controls"))
    print(f"\ncontrols: {wanted.each} homes each, seed {wanted.seed}; pages about the person, with and without")
    rows: list[tuple[str, ...]] = [("", "homes", "pages", "untouched", "more", "interval", "no more")]
    told: dict[str, Any] = {}
    for name in CONTROLS:
        pairs = [_pages(one) for done in runs for one in done.followed if one.name == name]
        told[name] = _row(name, pairs, wanted.seed, rows)
    table(rows)
    print(
        "  Pages are counted from the beginning of a control to a day after its end, two weeks at most, and in the same time\n"
        "  of the same home without it. Interval: nine tenths of the differences when the homes are drawn anew."
    )
    return told


def _pages(followed: Followed) -> tuple[int, int]:
    """(with, without)."""

    def count(said: Sequence[Said]) -> int:
        return sum(s.pages_about_the_person and followed.start <= s.raised_at <= followed.until for s in said)

    return count(followed.said), count(followed.untouched)


def _row(name: str, pairs: Sequence[tuple[int, int]], seed: int, rows: list[tuple[str, ...]]) -> dict[str, Any]:
    more = np.array([with_it - without for with_it, without in pairs], dtype=np.float64)
    if not len(more):
        return {"homes": 0}
    drawn = np.random.default_rng(seed).choice(more, (_DRAWS, len(more))).sum(axis=1)
    low, high = (float(value) for value in np.quantile(drawn, [0.05, 0.95], method="nearest"))
    with_it, without = sum(pair[0] for pair in pairs), sum(pair[1] for pair in pairs)
    met = "yes" if with_it <= without else ("by chance" if low <= 0 else "NO")
    rows.append(
        (name, str(len(pairs)), str(with_it), str(without), f"{more.sum():+.0f}", f"{low:+.0f} to {high:+.0f}", met)
    )
    return {"homes": len(pairs), "pages": with_it, "untouched": without, "low": low, "high": high, "met": met}
