"""Every other kind of finding: how often it is found within its own bound, and how often it is raised for nothing."""

from __future__ import annotations

import statistics
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from benchmarks.detection.course import Course, Happening, Run, run
from benchmarks.detection.expected import EXPECTED, Judged, judge
from benchmarks.detection.faults import Campaign, outage_courses
from benchmarks.detection.outage import Outages, run_outages
from benchmarks.detection.spread import spread, table
from domain.clock import DAY, HOUR, MINUTE
from domain.findings import Level
from simulators.incidents import INCIDENTS
from simulators.simulated import IncidentKind

_MONTH = 30.44 * DAY
_FOUND, _FALSE = 0.95, 0.1
_YEAR = (date(2026, 1, 1) - date(1970, 1, 1)).days
_SEASONAL = {IncidentKind.HEAT: date(2026, 8, 1), IncidentKind.COLD: date(2027, 1, 5)}
_SLOW = IncidentKind.DECLINE
_TOGETHER = IncidentKind.FLEET_OUTAGE
_ANY_TIME = [kind for kind in EXPECTED if kind not in {*_SEASONAL, _SLOW, _TOGETHER}]
KINDS: dict[str, Happening] = {
    kind.value: Happening(kind.value, (INCIDENTS[kind].happens,), follow=HOUR, at_most=5 * DAY)
    for kind in EXPECTED if kind is not _TOGETHER
} | {_SLOW.value: Happening(_SLOW.value, (INCIDENTS[_SLOW].happens,), follow=HOUR, at_most=63 * DAY, at=DAY // 2)}  # fmt: skip
_OURS_ALREADY = {"inactivity"}
"""Its false pages are judged on recorded homes, by --score."""


@dataclass(frozen=True, slots=True)
class Kinds:
    """How much of it."""

    each: int
    """Incidents of each kind."""
    seed: int
    jobs: int
    warm: int = 28
    days: int = 30


def courses(wanted: Kinds) -> list[Course]:
    """The homes: one of each kind in each, and others for what needs a season or weeks."""
    seed = f"kinds/{wanted.seed}"
    made = [
        Course(
            number, seed, _YEAR + number * 37 % 365, wanted.warm, wanted.days, tuple(kind.value for kind in _ANY_TIME)
        )
        for number in range(1, wanted.each + 1)
    ]  # fmt: skip
    for kind, first in _SEASONAL.items():
        begin = (first - date(1970, 1, 1)).days - 7
        for start in range(0, wanted.each, 10):
            names = (kind.value,) * min(10, wanted.each - start)
            made.append(Course(1_000 + len(made), f"{seed}/{kind.value}", begin, 7, 24, names))
    made += [
        Course(2_000 + number, f"{seed}/slow", _YEAR + number * 61 % 365, 56, 65, (_SLOW.value,))
        for number in range(1, max(1, wanted.each // 3) + 1)
    ]
    return made


def run_kinds(course: Course) -> Run:
    """One home's incidents."""
    return run(course, KINDS)


def kinds(wanted: Kinds) -> dict[str, Any]:
    """Let everything happen, and print what was found and what was raised for nothing."""
    runs = list(spread(run_kinds, courses(wanted), wanted.jobs, "kinds"))
    outages = list(run_outages(outage_courses(Campaign(11 * wanted.each, wanted.seed, 1)), wanted.jobs))
    return _print(wanted, runs, outages)


def _print(wanted: Kinds, runs: Sequence[Run], outages: Sequence[Outages]) -> dict[str, Any]:
    judged: dict[IncidentKind, list[Judged]] = {kind: [] for kind in EXPECTED}
    for done in runs:
        for followed in done.followed:
            for one in judge(followed):
                judged[one.incident.kind].append(one)
    print(f"\nkinds: about {wanted.each} incidents of each, in {len(runs)} simulated homes, seed {wanted.seed}")
    rows: list[tuple[str, ...]] = [("", "found within", "of", "share", "must", "median min", "at most min")]
    told: dict[str, Any] = {}
    for kind, of_kind in judged.items():
        owed = [one for one in of_kind if one.owed]
        after = [one.after / MINUTE for one in owed if one.after is not None]
        told[kind.value] = _found_row(kind, len(after), len(owed), after, rows)
    after = [span / MINUTE for course in outages for span in course.found_after if span is not None]
    asked = sum(len(course.found_after) for course in outages)
    told[_TOGETHER.value] = _found_row(_TOGETHER, len(after), asked, after, rows)
    table(rows)
    months = sum(done.course.days for done in runs) * DAY / _MONTH
    told["false"] = _false(runs, months)
    return told


def _found_row(
    kind: IncidentKind, found: int, owed: int, after: Sequence[float], rows: list[tuple[str, ...]]
) -> dict[str, float]:
    if owed:
        share, what = found / owed, ", ".join(sorted(EXPECTED[kind].kinds))
        times = (f"{statistics.median(after):.0f}", f"{max(after):.0f}") if after else ("-", "-")
        met = "yes" if share >= _FOUND else "NO"
        rows.append((f"{kind.value} ({what})", str(found), str(owed), f"{share:.2f}", met, *times))
    return {"found": found, "owed": owed, "median": statistics.median(after) if after else -1}


def _false(runs: Sequence[Run], months: float) -> dict[str, float]:
    """What was said of the untouched homes, by kind."""
    loud, quiet = Counter[str](), Counter[str]()
    for done in runs:
        for said in done.untouched:
            if not said.unknown:
                (quiet if said.level is Level.DIGEST else loud)[said.kind] += 1
    print(f"\n  for nothing, in {months:.1f} home-months of untouched homes (prompts and pages; lines of the digest)")
    rows = [("", "raised", "a month", "<= 0.1", "digest")]
    for kind in sorted({*loud, *quiet}):
        rate = loud[kind] / months
        met = "" if kind in _OURS_ALREADY else ("yes" if rate <= _FALSE else "NO")
        rows.append((kind, str(loud[kind]), f"{rate:.2f}", met, str(quiet[kind])))
    table(rows)
    return {kind: count / months for kind, count in loud.items()}
