"""How like recorded homes the simulated ones are: python -m benchmarks.likeness DIR [--profile house] [--seeds 3]

DIR holds recordings. As many homes are simulated from a profile, for as many days in the same zone and season, and both are
measured by home-day: readings, silences by hour and their tails, the night, the ways from room to room, and how unlike the day
before a day was. The table gives each figure's quantiles for both. Then a classifier is told to tell simulated from recorded
home-days; it is judged on homes that it has not seen, by the area under its curve: 0.5 is a guess, 1 is certainty.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from itertools import pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from domain.clock import DAY, SECOND
from domain.readings import SIGNS_OF_LIFE, DoorState, Quantity
from simulators.backtest import find_recordings
from simulators.profiles import names, profile
from simulators.recording import Recording, read_recording
from simulators.simulate import inhabit

Table = NDArray[np.float64]
FOLDS = 5
LEAST_DAYS = 10
"""A home with fewer days to measure is left out."""
LEAST_A_DAY = 30
"""A day with fewer readings says more about equipment or holidays than about a life, and is left out of both sides."""

FIGURES = (
    "readings", "0-5 h", "5-8 h", "8-11 h", "11-14 h", "14-17 h", "17-20 h", "20-24 h", "silence P50", "silence P90",
    "silence P99", "longest by day", "longest by night", "silences of 10 min", "silences of 30 min", "silences of 60 min",
    "empty hours by day", "first after 4 h", "last", "room changes", "rooms", "most used room", "exit moves", "night spells",
    "fullest hour", "hour to hour", "unlike yesterday", "hours unlike yesterday", "within 90 s",
)  # fmt: skip


@dataclass(frozen=True)
class Days:
    """One home's days, one row each."""

    home: str
    table: Table


def measure(recording: Recording) -> Days:
    """The figures of each full day of a recording without an outage in it."""
    local = recording.home.zone
    exits = {device.id for device in recording.home.devices.values() if device.exit}
    rows: dict[int, list[tuple[int, str, bool]]] = {}
    room = {device.id: device.room or device.id for device in recording.home.devices.values()}
    for r in recording.readings:
        if r.quantity not in SIGNS_OF_LIFE or (r.quantity is Quantity.MOTION and not r.value):
            continue
        if r.quantity is Quantity.DOOR and r.value == DoorState.CLOSED:
            continue
        wall = local.wall(r.at)
        rows.setdefault(wall // DAY, []).append((wall % DAY // SECOND, room[r.device], r.device in exits))
    dark = {day for a, b in recording.outages for day in range(local.day(a), local.day(b) + 1)}
    whole = range(local.day(recording.start) + 1, local.day(recording.end))
    found, before = [], None
    for day in whole:
        events = sorted(rows.get(day, []))
        if day in dark or len(events) < LEAST_A_DAY:
            before = None
            continue
        hours = np.bincount([at // 3600 for at, _, _ in events], minlength=24)[:24].astype(float)
        if before is not None:
            found.append(_figures(events, hours, before))
        before = hours
    return Days(recording.home.home, np.array(found) if found else np.empty((0, len(FIGURES))))


def _figures(events: list[tuple[int, str, bool]], hours: Table, before: Table) -> list[float]:
    at = np.array([second for second, _, _ in events], dtype=float)
    rooms = [room for _, room, _ in events]
    gaps = np.diff(np.concatenate(([0.0], at, [86_400.0]))) / 60
    starts = np.concatenate(([0.0], at)) / 3600
    by_day = (starts >= 7) & (starts < 21)
    changes = sum(a != b for a, b in pairwise(rooms))
    counts = np.array(sorted((rooms.count(room) for room in set(rooms)), reverse=True), dtype=float)
    waking = hours[7:22]
    night = at[at < 5 * 3600]
    return [
        np.log(len(at)),
        *(np.log1p(hours[a:b].sum()) for a, b in ((0, 5), (5, 8), (8, 11), (11, 14), (14, 17), (17, 20), (20, 24))),
        *(np.log(np.maximum(0.05, np.percentile(gaps, q))) for q in (50, 90, 99)),
        np.log(gaps[by_day].max(initial=1)),
        np.log(gaps[~by_day].max(initial=1)),
        *(float((gaps >= least).sum()) for least in (10, 30, 60)),
        float((waking == 0).sum()),
        float(at[at >= 4 * 3600].min(initial=86_400)) / 3600,
        float(at.max()) / 3600,
        changes / len(at),
        float(len(counts)),
        counts[0] / len(at),
        np.log1p(sum(out for _, _, out in events)),
        float((np.diff(night) > 900).sum() + (len(night) > 0)),
        np.log1p(hours.max()),
        np.abs(np.diff(np.sqrt(waking))).mean(),
        abs(np.log(len(at)) - np.log(before.sum())),
        np.abs(np.sqrt(hours) - np.sqrt(before)).mean(),
        float((gaps < 1.5).mean()),
    ]  # fmt: skip


def auc(scores: Table, truth: Table) -> float:
    """The chance that a true row has the higher score."""
    order = np.argsort(scores, kind="stable")
    ranks = np.empty(len(scores))
    ranks[order] = np.arange(1, len(scores) + 1)
    for value in np.unique(scores):  # ties share their ranks
        tied = scores == value
        if tied.sum() > 1:
            ranks[tied] = ranks[tied].mean()
    true = truth == 1
    return float((ranks[true].sum() - true.sum() * (true.sum() + 1) / 2) / (true.sum() * (~true).sum()))


Fit = Callable[[Table, Table], Callable[[Table], Table]]


def separate(recorded: Sequence[Days], simulated: Sequence[Days], fit: Fit) -> float:
    """The area under the curve of a classifier on homes that it has not seen."""
    homes = [(days, 0.0) for days in recorded] + [(days, 1.0) for days in simulated]
    rows = np.vstack([days.table for days, _ in homes])
    truth = np.concatenate([np.full(len(days.table), mark) for days, mark in homes])
    fold = np.concatenate([np.full(len(days.table), number % FOLDS) for number, (days, _) in enumerate(homes)])
    scores = np.zeros(len(rows))
    for part in range(FOLDS):
        train, test = fold != part, fold == part
        scores[test] = fit(rows[train], truth[train])(rows[test])
    return auc(scores, truth)


def logistic(rows: Table, truth: Table) -> Callable[[Table], Table]:
    """A logistic regression on the figures and their squares, with a ridge."""
    mean, spread = rows.mean(0), rows.std(0) + 1e-9

    def terms(some: Table) -> Table:
        standard = np.clip((some - mean) / spread, -4, 4)
        return np.hstack([np.ones((len(some), 1)), standard, standard**2])

    x = terms(rows)
    share = truth.mean()
    weight = np.where(truth == 1, 1 - share, share)
    beta = np.zeros(x.shape[1])
    for _ in range(15):
        p = 1 / (1 + np.exp(-x @ beta))
        slope = x.T @ (weight * (truth - p)) - beta
        bend = (x * (weight * p * (1 - p))[:, None]).T @ x + np.eye(len(beta))
        beta += np.linalg.solve(bend, slope)
    return lambda seen: np.asarray(terms(seen) @ beta)


def boosted(rows: Table, truth: Table) -> Callable[[Table], Table]:
    """Gradient-boosted trees: the stricter judge."""
    share = truth.mean()
    model = import_module("sklearn.ensemble").HistGradientBoostingClassifier(
        max_iter=150, learning_rate=0.08, max_leaf_nodes=12, random_state=0
    )
    model.fit(rows, truth, sample_weight=np.where(truth == 1, 1 - share, share))
    return lambda seen: np.asarray(model.predict_proba(seen)[:, 1])


def simulated_like(recordings: Sequence[Recording], name: str, seed: int) -> list[Days]:
    """As many homes, as many days, in the same zone and season."""
    found = []
    for number, recording in enumerate(recordings, start=1):
        local = recording.home.zone
        days = local.day(recording.end) - local.day(recording.start) + 1
        life = inhabit(number, local.day(recording.start), days, f"likeness/{seed}", local.name, profile(name))
        found.append(measure(life.recording()))
    return found


def _plain(figure: str) -> Callable[[Table], Table]:
    """How a figure that is measured as a logarithm is read."""
    if figure == "readings" or figure.startswith(("silence P", "longest")):
        return np.exp
    if figure[0].isdigit() or figure in ("exit moves", "fullest hour"):
        return np.expm1
    return np.asarray


def show(recorded: Sequence[Days], simulated: Sequence[Days]) -> None:
    """A table: each figure's quantiles on both sides, and how well it alone tells them apart."""
    real, made = np.vstack([d.table for d in recorded]), np.vstack([d.table for d in simulated])
    truth = np.concatenate([np.zeros(len(real)), np.ones(len(made))])
    print(f"{'figure':<24}{'recorded P10 P50 P90':>26}{'simulated P10 P50 P90':>26}{'within sd':>16}{'AUC alone':>11}")
    for i, figure in enumerate(FIGURES):
        plain = _plain(figure)
        told = []
        for table in (real, made):
            quantiles = np.percentile(table[:, i], (10, 50, 90))
            told.append(" ".join(f"{v:8.2f}" for v in plain(quantiles)))
        within = [np.mean([d.table[:, i].std() for d in side if len(d.table) > 5]) for side in (recorded, simulated)]
        alone = auc(np.concatenate([real[:, i], made[:, i]]), truth)
        print(f"{figure:<24}{told[0]:>26}{told[1]:>26}{within[0]:8.2f}{within[1]:8.2f}{max(alone, 1 - alone):11.2f}")


def main(arguments: Sequence[str] | None = None) -> None:
    """See the module's first lines."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--profile", default="house", choices=names())
    parser.add_argument(
        "--seeds", type=int, default=3, help="so many simulated neighbourhoods are compared, one by one"
    )
    chosen = parser.parse_args(arguments)
    recordings = [read_recording(folder) for folder in find_recordings(chosen.folder)]
    kept = [(r, d) for r in recordings for d in [measure(r)] if len(d.table) >= LEAST_DAYS]
    recorded = [days for _, days in kept]
    judges: dict[str, Fit] = {"logistic": logistic}
    if find_spec("sklearn") is not None:
        judges["boosted"] = boosted
    figures: dict[str, list[float]] = {judge: [] for judge in judges}
    for seed in range(1, chosen.seeds + 1):
        simulated = simulated_like([recording for recording, _ in kept], chosen.profile, seed)
        if seed == 1:
            show(recorded, simulated)
            days = sum(len(d.table) for d in recorded)
            print(f"{len(recorded)} recorded homes, {days} days; {sum(len(d.table) for d in simulated)} simulated days")
        for judge, fit in judges.items():
            figures[judge].append(separate(recorded, simulated, fit))
    for judge, found in figures.items():
        print(f"AUC, {judge}: " + " ".join(f"{value:.3f}" for value in found) + f"   median {np.median(found):.3f}")


if __name__ == "__main__":
    main(sys.argv[1:])
