"""Twins: copies of a recorded home in which the resident collapses now and then.

A collapse begins right after an indoor event, drawn evenly over the quarter hours that had one, and never within ten minutes
of an outer door: motion and doors are still for 24 hours, and then the recording goes on as it was. Nothing else is changed.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from domain.errors import ConfigurationError
from simulators.backtest import find_recordings
from simulators.scoring.track import Flags, Track, read_track

DAY = 86_400
HOUR = 3_600
HISTORY = 28 * DAY
"""Days of a home that come before it is judged."""
SHORTEST = HISTORY + 14 * DAY
"""Homes with less than that are left out."""
STILL = 24 * HOUR
"""How long somebody lies; what is not paged within it is missed."""
_APART = 3 * DAY
_CLEAR_OF_DOORS = 10 * 60
_QUARTER = 15 * 60
_MARGIN = HOUR
"""No collapse comes so near to a time at which the gateway did not report."""


@dataclass(frozen=True, slots=True)
class Twin:
    """A copy with collapses."""

    name: str
    collapses: list[int]
    kept: Flags
    """Which of the original's lines are left."""


@dataclass(frozen=True, slots=True)
class Case:
    """One home that is judged: itself untouched, and its twins."""

    track: Track
    twins: list[Twin]

    @property
    def name(self) -> str:
        """The home."""
        return self.track.home

    @property
    def start(self) -> int:
        """Judged from here on, in seconds on the wall."""
        return judged_from(self.track)

    @property
    def end(self) -> int:
        """Judged until here: the last reading."""
        return int(self.track.times[-1])


def judged_from(track: Track) -> int:
    """Midnight of the first day, and the days of history on top."""
    first = int(track.times[0])
    return first - first % DAY + HISTORY


def draw_collapses(track: Track, chance: np.random.Generator) -> list[int]:
    """When the resident collapses, in seconds on the wall, ascending."""
    stirs = np.flatnonzero(track.stirs)
    when = track.times[stirs]
    last = int(track.times[-1]) - STILL - 6 * HOUR
    found: list[int] = []
    earliest = judged_from(track) + int(chance.integers(0, DAY))
    while earliest < last:
        quarters = np.unique(when[(when >= earliest) & (when < earliest + DAY)] // _QUARTER)
        chance.shuffle(quarters)
        fallen = None
        for quarter in quarters:
            of_it = stirs[when // _QUARTER == quarter]
            at = int(track.times[int(chance.choice(of_it))])
            if _may_fall(track, at):
                fallen = at
                break
        if fallen is None:
            earliest += DAY
        else:
            found.append(fallen)
            earliest = fallen + _APART
    return found


def _may_fall(track: Track, at: int) -> bool:
    lately = (track.times >= at - _CLEAR_OF_DOORS) & (track.times <= at)
    return not track.exits[lately].any() and not track.blind(at - _MARGIN, at + STILL + _MARGIN)


def cut_twins(track: Track, seed: int, passes: int) -> list[Twin]:
    """``passes`` twins of a home; the same seed gives the same ones, whatever other homes there are."""
    twins = []
    for number in range(passes):
        chance = np.random.default_rng([seed, number, *track.home.encode()])
        collapses, kept = draw_collapses(track, chance), np.ones(len(track.times), bool)
        for at in collapses:
            kept &= ~((track.times > at) & (track.times < at + STILL) & track.stirs)
        twins.append(Twin(f"{track.home}~{number}", collapses, kept))
    return twins


def make_cases(folder: Path, seed: int, passes: int) -> Iterator[Case]:
    """Every home of ``folder`` that is long enough, with its twins. Raises ConfigurationError when there is none."""
    found = False
    for recording in find_recordings(folder):
        track = read_track(recording)
        if int(track.times[-1] - track.times[0]) >= SHORTEST:
            found = True
            yield Case(track, cut_twins(track, seed, passes))
    if not found:
        raise ConfigurationError(
            f"No recording in {folder} is {SHORTEST // DAY} days long: name one that holds longer ones."
        )


def write_cases(cases: Sequence[Case], folder: Path) -> list[Path]:
    """Write every home and its twins as recordings into ``folder``; returns their folders, each named as its home."""
    written = []
    for case in cases:
        whole = np.ones(len(case.track.times), bool)
        for name, kept in [(case.name, whole), *((twin.name, twin.kept) for twin in case.twins)]:
            shutil.rmtree(folder / name, ignore_errors=True)
            case.track.write(folder / name, name, kept)
            written.append(folder / name)
    return written
