"""How soon a home with a week behind it is paged, against the same home with four weeks and more.

Every collapse and every judged day is met twice: by a home that has been watched since its first day, and by one that was
installed a week before. Both are compared at the same rate of false pages.
"""

from __future__ import annotations

import math
import multiprocessing
import random
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from benchmarks.ingest.tables import progress
from domain.clock import DAY, HOUR, SECOND, Instant
from domain.readings import Quantity
from simulators.home import build_home, live
from simulators.person import draw_person
from simulators.recording import Recording, read_recording
from simulators.replay import Replay
from simulators.scoring.curve import MEASURES, Point, at_rate, measure
from simulators.scoring.figures import Call, Calls, Outcome, judge
from simulators.scoring.twins import Case, Twin, make_cases, write_cases
from simulators.simulate import write_recording

WEEK = 7
_AT_ONCE = 2
"""Judged days that one short history is followed by."""
_MUST = 1.6
_FIRST_DAY = 20_500
_SIMULATED_DAYS = 60


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is to be compared."""

    recordings: Path | None
    """None: simulated homes."""
    homes: int
    """How many of those."""
    seed: int
    passes: int
    budgets: Sequence[float]
    jobs: int


@dataclass(frozen=True, slots=True)
class _Task:
    """One home with all that is asked about it."""

    folder: Path
    case: Case
    budgets: Sequence[float]


def cold_start(wanted: Wanted) -> dict[str, Any]:
    """Print, for each measure, the delay at one false page in a home-month after a week and after four."""
    with TemporaryDirectory(prefix="kehai-cold-") as scratch:
        source = wanted.recordings or _simulated(Path(scratch) / "simulated", wanted.homes, wanted.seed)
        cases = list(make_cases(source, wanted.seed, wanted.passes))
        write_cases(cases, Path(scratch) / "cut")
        tasks = [_Task(Path(scratch) / "cut", case, wanted.budgets) for case in cases]
        found = []
        for outcome in _spread(tasks, wanted.jobs):
            found.append(outcome)
            progress(f"cold start: {len(found)} of {len(cases)} homes")
    curves = {
        name: [measure([home[name][n] for home in found]) for n in range(len(wanted.budgets))] for name in found[0]
    }
    return _print(wanted, len(cases), sum(len(t.collapses) for case in cases for t in case.twins), curves)


def _simulated(folder: Path, homes: int, seed: int) -> Path:
    for number in range(homes):
        own = f"cold/{seed}/{number}"
        home = build_home(f"sim-{number:02d}", "Asia/Tokyo", draw_person(random.Random(own)), own)  # noqa: S311
        write_recording(folder / f"sim-{number:02d}", home.recorded, live(home, _FIRST_DAY, _SIMULATED_DAYS))
    return folder


def _spread(tasks: Sequence[_Task], jobs: int) -> Iterator[dict[str, list[Outcome]]]:
    if jobs == 1:
        yield from map(_of_home, tasks)
        return
    with ProcessPoolExecutor(jobs, mp_context=multiprocessing.get_context("spawn")) as pool:
        for done in as_completed([pool.submit(_of_home, task) for task in tasks]):
            yield done.result()


# ---- one home --------------------------------------------------------------------------------------------------------


def _of_home(task: _Task) -> dict[str, list[Outcome]]:
    """Its outcome at each budget, after a week and after four weeks and more."""
    case = task.case
    whole = {name: read_recording(task.folder / name) for name in (case.name, *(twin.name for twin in case.twins))}
    short, long = [], []
    for budget in task.budgets:
        parameters = {"inactivity": {"page_budget": budget}}
        pages = {name: _pages(recording, parameters) for name, recording in whole.items()}
        long.append(judge(case, pages, {}))
        pages = {case.name: _pages_of_days(whole[case.name], case, parameters)}
        for twin in case.twins:
            pages[twin.name] = _pages_of_collapses(whole[case.name], twin, parameters)
        short.append(judge(case, pages, {}))
    return {"a week": short, "four weeks and more": long}


def _pages(recording: Recording, parameters: Mapping[str, Mapping[str, Any]]) -> list[Call]:
    replay = Replay(recording, parameters)
    replay.short()
    calls = Calls()
    calls.read(replay.log().splitlines())
    return calls.pages.get(recording.home.home, [])


def _pages_of_days(recording: Recording, case: Case, parameters: Mapping[str, Mapping[str, Any]]) -> list[Call]:
    """The pages of every judged day, as a home would make them that was installed a week before it."""
    found: list[Call] = []
    for day in range(case.start // 86_400, case.end // 86_400 + 1, _AT_ONCE):
        part = _installed(recording, day, recording.home.zone.midnight(day + _AT_ONCE))
        if part is not None:
            begin, end = day * 86_400, (day + _AT_ONCE) * 86_400
            found += [call for call in _pages(part, parameters) if begin <= call[0] < end]
    return found


def _pages_of_collapses(recording: Recording, twin: Twin, parameters: Mapping[str, Mapping[str, Any]]) -> list[Call]:
    """The pages of the day after each collapse, as a home would make them that was installed a week before it."""
    found: list[Call] = []
    for at in twin.collapses:
        fallen = _instant(recording, at)
        part = _installed(recording, at // 86_400, fallen + DAY + HOUR)
        if part is not None:
            kept = [r for r in part.readings if not (fallen < r.at < fallen + DAY and _stirring(r.quantity))]
            calls = _pages(replace(part, readings=kept), parameters)
            # A page that stood when somebody fell is kept: it makes the collapse void, as it does elsewhere.
            found += [call for call in calls if (call[1] or at + 1) > at]
    return found


def _installed(recording: Recording, day: int, end: Instant) -> Recording | None:
    """The recording from a week before the wall's day on, until ``end``; None where nothing is in it."""
    start = recording.home.zone.midnight(day - WEEK)
    readings = [reading for reading in recording.readings if start <= reading.at <= end]
    return replace(recording, readings=readings) if readings else None


def _instant(recording: Recording, wall: int) -> Instant:
    """The instant of a second on the home's wall clock."""
    midnight = recording.home.zone.midnight(wall // 86_400)
    at = midnight + wall % 86_400 * SECOND
    return at + (wall * SECOND - recording.home.zone.wall(at))


def _stirring(quantity: Quantity) -> bool:
    return quantity in (Quantity.MOTION, Quantity.DOOR)


# ---- the table -------------------------------------------------------------------------------------------------------


def _print(wanted: Wanted, homes: int, collapses: int, curves: Mapping[str, Sequence[Point]]) -> dict[str, Any]:
    kind = "simulated homes" if wanted.recordings is None else "recorded homes"
    print(f"\ncold start: {homes} {kind}, {collapses} collapses, each met after a week and after four weeks and more")
    results: dict[str, Any] = {}
    for name, curve in curves.items():
        told = ", ".join(f"{budget:g}: {point.rate:.2f}" for budget, point in zip(wanted.budgets, curve, strict=True))
        print(f"  {name}: realised false pages/home-month at each asked budget {told}")
        results[name] = [{"rate": point.rate, "delays": point.delays} for point in curve]
    week, month = curves.values()
    rate = 1.0 if all(_reaches(curve, 1.0) for curve in curves.values()) else _common(week, month)
    print(f"  {'':14}  {'a week':>8}  {'four':>8}  {'ratio':>6}  at {rate:.2f} false pages/home-month, must <= {_MUST}")
    for number, name in enumerate(MEASURES):
        after_week, after_month = at_rate(week, rate, number), at_rate(month, rate, number)
        ratio = after_week / after_month if not (math.isinf(after_week) and math.isinf(after_month)) else math.nan
        met = "yes" if ratio <= _MUST else "NO"
        print(f"  {name:14}  {after_week:8.0f}  {after_month:8.0f}  {ratio:6.2f}  {met}")
        results[name] = {"week": after_week, "month": after_month, "ratio": ratio, "rate": rate}
    return results


def _reaches(curve: Sequence[Point], rate: float) -> bool:
    rates = [point.rate for point in curve]
    return min(rates) <= rate <= max(rates)


def _common(week: Sequence[Point], month: Sequence[Point]) -> float:
    """The rate nearest to one that both come to; nan when their ranges are apart."""
    low = max(min(p.rate for p in week), min(p.rate for p in month))
    high = min(max(p.rate for p in week), max(p.rate for p in month))
    return float(np.clip(1.0, low, high)) if low <= high else math.nan
