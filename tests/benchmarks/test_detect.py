"""The benchmark of detection still runs; its figures of so little work mean nothing, so none is looked at."""

from __future__ import annotations

import json
import random
import subprocess
import sys
from pathlib import Path

import pytest

from domain.recording import BadLines
from simulators.home import build_home, live
from simulators.person import draw_person
from simulators.recording import Recording
from simulators.simulate import write_recording
from tests.programs import ROOT


def write_home(folder: Path, number: int, days: int) -> Recording:
    home = build_home(f"sim-{number}", "Asia/Tokyo", draw_person(random.Random(number)), f"bench/{number}")
    readings = live(home, 20_500, days)
    write_recording(folder / f"sim-{number}", home.recorded, readings)
    return Recording(home.recorded, readings, [], BadLines())


@pytest.mark.parametrize("call", [["-m", "benchmarks.detect"], ["benchmarks/detect.py"]])
def test_a_call_without_recordings_says_what_is_missing(call: list[str]) -> None:
    done = subprocess.run([sys.executable, *call, "--score"], check=False, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 2
    assert done.stderr == "Say --recordings DIR: scoring needs recorded homes.\n"


def test_scoring_prints_every_figure_beside_its_target(tmp_path: Path) -> None:
    write_home(tmp_path / "in", 1, days=43)
    command = ["-m", "benchmarks.detect", "--score", "--recordings", tmp_path / "in", "--passes", 1, "--budgets", 1]
    command += ["--draws", 2, "--jobs", 1, "--json", tmp_path / "out.json"]
    done = subprocess.run([sys.executable, *map(str, command)], cwd=ROOT, capture_output=True, text=True, check=True)
    for name in (
        "day median",
        "day p90",
        "night median",
        "realised / asked",
        "share of the worst tenth",
        "first contact",
    ):
        assert name in done.stdout
    (budget,) = json.loads((tmp_path / "out.json").read_text())["score"]["budgets"]
    assert budget["asked"] == 1
    assert budget["figures"]["collapses"] > 0
    assert [one["measure"] for one in budget["against"]] == ["day median", "day p90", "night median"]
