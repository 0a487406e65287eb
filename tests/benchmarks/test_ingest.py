"""The benchmark of the delivery path still runs; its figures of so little work mean nothing, so none is looked at."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.programs import ROOT

pytestmark = pytest.mark.server
PARTS = {
    "single": ("--messages", 1000, "--pairs", 1, "--against", "mosquitto_sub", "--against", "tutorial"),
    "backlog": ("--readings", 500, "--pairs", 1),
    "fleet": ("--gateways", 10, "--rate", 40, "--minutes", 0.02, "--warm-up", 0.01),
    "history": ("--rows", 3000, "--days", 2, "--pairs", 1),
}


def test_each_part_measures_what_it_promises_and_leaves_nothing(tmp_path: Path) -> None:
    running = {}
    for part, options in PARTS.items():
        command = [sys.executable, "-m", "benchmarks.ingest", "--only", part, *options, "--json", tmp_path / part]
        folder = tmp_path / f"{part}-temporary"
        folder.mkdir()
        running[part] = subprocess.Popen(
            [str(word) for word in command], cwd=ROOT, env={"PATH": "/usr/bin:/bin:/usr/sbin", "TMPDIR": str(folder)},
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
    for part, process in running.items():
        out, err = process.communicate(timeout=300)
        assert process.returncode == 0, f"{part}: {err}"
        assert f"\n{part}: " in out
        (result,) = json.loads((tmp_path / part).read_text())["results"]
        assert any(figure["must"] is not None for figure in result["figures"])
        assert not list((tmp_path / f"{part}-temporary").iterdir())
