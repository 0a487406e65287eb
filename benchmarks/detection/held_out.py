"""Backtests in which no home has had a part in the pooled prior that it is judged with."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.detection.spread import in_processes
from detectors.catalogue import CATALOGUE
from detectors.kinds.inactivity.detector import NAME, Inactivity
from detectors.kinds.inactivity.prior import load
from domain.errors import ConfigurationError
from simulators.backtest import Parameters, Tested, backtest, find_recordings
from simulators.prior import fit_prior
from simulators.scoring.twins import Case


@dataclass(frozen=True, slots=True)
class _Task:
    folder: Path
    parameters: Parameters
    prior: Path


def make_priors(recordings: Path, cases: Sequence[Case], folds: int, folder: Path) -> dict[str, Path]:
    """Home -> a prior that was fitted on every recording but those of its own fold; written into ``folder``."""
    if folds < 2:
        raise ConfigurationError("Say --folds with a number from 2 on: one fold leaves nothing to fit a prior on.")
    found = find_recordings(recordings)
    names = {one: json.loads((one / "home.json").read_text(encoding="utf-8"))["home"] for one in found}
    everything = {case.name: number % folds for number, case in enumerate(cases)}
    priors: dict[str, Path] = {}
    for fold in range(folds):
        mine = {name for name, of in everything.items() if of == fold}
        others = [one for one in found if names[one] not in mine]
        file = folder / f"prior-without-{fold}.json"
        file.write_text(fit_prior(others, "for this measurement only"), encoding="utf-8")
        priors |= dict.fromkeys(mine, file)
    return priors


def backtest_with(
    priors: Mapping[str, Path], folders: Sequence[Path], parameters: Parameters, jobs: int
) -> Iterator[Tested]:
    """Each recording's outcome with its own home's prior, in no order; a twin has that of its home."""
    tasks = [_Task(folder, parameters, priors[folder.name.partition("~")[0]]) for folder in folders]
    yield from in_processes(_run, tasks, jobs, "held out: recordings")


def _run(task: _Task) -> Tested:
    """One recording, in a process whose catalogue holds the detector with the wanted prior."""
    shipped = CATALOGUE[NAME]

    def build(settings: Mapping[str, Any]) -> Inactivity:
        return Inactivity(**settings, prior=load(task.prior))

    CATALOGUE[NAME] = build
    try:
        (tested,) = backtest([task.folder], task.parameters, 1)
    finally:
        CATALOGUE[NAME] = shipped
    return tested
