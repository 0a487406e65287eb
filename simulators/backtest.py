"""Backtest: every recording of a folder through detectors and alert desk, without wire and journal, several at a time."""

from __future__ import annotations

import multiprocessing
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from domain.clock import DAY
from domain.errors import ConfigurationError
from simulators.recording import is_recording, read_recording
from simulators.replay import Replay

Parameters = Mapping[str, Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class Tested:
    """One recording's outcome."""

    name: str
    log: str
    """Its alert log."""
    days: float
    readings: int
    bad_lines: int
    refused: str = ""
    """Why it could not be read; the rest is empty then."""


def find_recordings(folder: Path) -> list[Path]:
    """The recordings in ``folder``, by name; raises ConfigurationError when there is none."""
    if not folder.is_dir():
        raise ConfigurationError(f"{folder} is no folder: name one that holds recordings.")
    found = sorted(child for child in folder.iterdir() if is_recording(child))
    if not found and is_recording(folder):
        found = [folder]
    if not found:
        raise ConfigurationError(f"{folder} holds no recording: each is a folder with a home.json.")
    return found


def _run_one(folder: Path, parameters: Parameters) -> Tested:
    """Backtest one recording; one that cannot be read is named and does not stop the others."""
    try:
        recording = read_recording(folder)
    except ConfigurationError as error:
        return Tested(folder.name, "", 0.0, 0, 0, str(error))
    replay = Replay(recording, parameters)
    replay.short()
    days = (recording.end - recording.start) / DAY
    return Tested(folder.name, replay.log(), days, len(recording.readings), recording.bad.count)


def backtest(folders: Sequence[Path], parameters: Parameters, jobs: int) -> Iterator[Tested]:
    """Yield each recording's outcome as it is done, in no order."""
    if jobs == 1 or len(folders) == 1:
        for folder in folders:
            yield _run_one(folder, parameters)
        return
    with ProcessPoolExecutor(min(jobs, len(folders)), mp_context=multiprocessing.get_context("spawn")) as pool:
        for done in as_completed([pool.submit(_run_one, folder, parameters) for folder in folders]):
            yield done.result()
