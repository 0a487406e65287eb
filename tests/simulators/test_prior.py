"""The pooled prior: what is counted, what is left out, and that the same recordings give the same bytes."""

from __future__ import annotations

import gzip
import json
import shutil
from pathlib import Path

import pytest

from detectors.kinds.inactivity.hazard import CLASSES, SLOTS
from detectors.kinds.inactivity.prior import SHIPPED, load, parse
from domain.errors import ConfigurationError
from simulators.prior import fit_prior, silences
from simulators.recording import read_recording

HOME = {
    "timezone": "Asia/Tokyo",
    "sensors": {"living": {"kind": "motion", "room": "living"}, "front": {"kind": "door", "exit": True}},
}
READINGS = """time,sensor,value
2026-03-02T09:00:00,living,1
2026-03-02T09:00:30,living,1
2026-03-02T09:40:30,living,1
2026-03-02T10:00:30,front,1
2026-03-02T10:01:30,living,1
2026-03-02T12:01:30,living,1
2026-03-02T13:01:30,living,1
2026-03-02T14:01:30,living,1
2026-03-03T08:01:30,living,1
"""


def record(folder: Path, home: str, readings: str = READINGS, *, packed: bool = False) -> Path:
    folder.mkdir(parents=True)
    (folder / "home.json").write_text(json.dumps({"home": home, **HOME}))
    (folder / "outages.csv").write_text("start,end\n2026-03-02T12:30:00,2026-03-02T12:40:00\n")
    if packed:
        (folder / "readings.csv.gz").write_bytes(gzip.compress(readings.encode()))
    else:
        (folder / "readings.csv").write_text(readings)
    return folder


def test_only_silences_at_home_that_were_seen_and_are_neither_short_nor_very_long_are_counted(tmp_path: Path) -> None:
    recording = read_recording(record(tmp_path / "a", "a"))
    told = [(recording.home.zone.hhmm(start), length // 60_000_000) for start, length in silences(recording)]
    # Not 09:00 (half a minute), 10:00 and 10:01 (the outer door), 12:01 (an outage), 14:01 (eighteen hours).
    assert told == [("09:00", 40), ("09:40", 20), ("13:01", 60)]
    at_risk = json.loads(fit_prior([tmp_path / "a"], ""))["at_risk"]
    assert sum(map(sum, at_risk)) == 3 + 2 + 5


def test_the_same_recordings_give_the_same_bytes_however_they_are_packed(tmp_path: Path) -> None:
    plain = [record(tmp_path / "a", "a"), record(tmp_path / "b", "b")]
    packed = [record(tmp_path / "packed" / "a", "a", packed=True), record(tmp_path / "packed" / "b", "b", packed=True)]
    made = fit_prior(plain, "made up")
    assert fit_prior(packed, "made up") == made
    other = record(tmp_path / "other", "b", READINGS.replace("09:40", "09:41"))
    assert parse(fit_prior([plain[0], other], "made up"), "").name != parse(made, "").name
    inputs = json.loads(made)["inputs"]
    assert (inputs["homes"], inputs["home_days"], inputs["silences"], inputs["licence"]) == (2, 1.9, 6, "made up")


def test_one_home_is_not_counted_twice_and_nothing_is_no_prior(tmp_path: Path) -> None:
    folder = record(tmp_path / "a", "a")
    shutil.copytree(folder, tmp_path / "again")
    with pytest.raises(ConfigurationError, match="leave one out"):
        fit_prior([folder, tmp_path / "again"], "")
    short = record(tmp_path / "short", "short", "\n".join(READINGS.splitlines()[:3]) + "\n")
    with pytest.raises(ConfigurationError, match="no silence to learn from"):
        fit_prior([short], "")


def test_the_shipped_prior_says_what_it_rests_on_and_holds_a_hazard_for_every_cell() -> None:
    body = json.loads(SHIPPED.read_text(encoding="utf-8"))
    assert body["inputs"]["homes"] >= 20
    assert "Scientific Data" in body["inputs"]["licence"]
    hazard = load().hazard
    assert hazard.shape == (SLOTS, CLASSES)
    assert 0 < hazard.min() < hazard.max() <= 0.98
    assert hazard[20, 3] > hazard[4, 3], "by day a silence ends sooner than at night"


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"format": 2}, "another version"),
        ({"ended": [[1] * CLASSES] * SLOTS, "at_risk": [[0] * CLASSES] * SLOTS}, "more silences end than were at risk"),
        ({"ended": [[1]]}, "are not 48 x 7"),
        ({"inputs": {}}, "sha256"),
    ],
)
def test_a_file_that_is_no_prior_is_refused_in_one_sentence(change: dict[str, object], reason: str) -> None:
    body = json.loads(SHIPPED.read_text(encoding="utf-8")) | change
    with pytest.raises(ConfigurationError, match=reason):
        parse(json.dumps(body), "prior.json")
