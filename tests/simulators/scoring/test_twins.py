"""Twins differ from their homes by collapses, and by nothing else."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import numpy as np
import pytest

from domain.errors import ConfigurationError
from simulators.recording import read_recording
from simulators.scoring.track import Track, read_track
from simulators.scoring.twins import DAY, HOUR, STILL, cut_twins, judged_from, make_cases, write_cases
from tests.simulators.scoring.tracks import DOOR, MIDNIGHT, WARMTH, every_ten_minutes, track

DAYS = 60


def home() -> Track:
    warm = [(MIDNIGHT + hour * HOUR + 30, WARMTH) for hour in range(DAYS * 24)]
    outings = [(MIDNIGHT + day * DAY + 10 * HOUR + 5, DOOR) for day in range(DAYS)]
    down = MIDNIGHT + 45 * DAY
    return track([*every_ten_minutes(DAYS), *outings, *warm], [(down, down + 6 * HOUR)])


def test_collapses_come_after_the_history_right_after_an_indoor_event_and_three_days_apart() -> None:
    lived = home()
    (twin,) = cut_twins(lived, seed=1, passes=1)
    assert len(twin.collapses) >= 5
    assert all(later - earlier >= 3 * DAY for earlier, later in zip(twin.collapses, twin.collapses[1:], strict=False))
    indoors = set(lived.times[lived.stirs & ~lived.exits].tolist())
    for at in twin.collapses:
        assert at in indoors
        assert judged_from(lived) <= at < lived.times[-1] - STILL
        assert not lived.blind(at - HOUR, at + STILL + HOUR)
        assert not ((lived.times >= at - 600) & (lived.times <= at) & lived.exits).any()


def test_nothing_stirs_for_a_day_after_a_collapse_and_everything_else_is_as_it_was() -> None:
    lived = home()
    (twin,) = cut_twins(lived, seed=1, passes=1)
    lost = ~twin.kept
    assert (lived.stirs[lost]).all()
    within = np.zeros(len(lived.times), bool)
    for at in twin.collapses:
        within |= (lived.times > at) & (lived.times < at + 86_400)
    assert (lost == (within & lived.stirs)).all()


def test_the_same_seed_gives_the_same_collapses_whatever_other_passes_there_are() -> None:
    lived = home()
    one, three = cut_twins(lived, 7, 1), cut_twins(lived, 7, 3)
    assert one[0].collapses == three[0].collapses
    assert len({tuple(twin.collapses) for twin in three}) == 3
    assert [twin.name for twin in three] == ["small~0", "small~1", "small~2"]
    assert cut_twins(lived, 8, 1)[0].collapses != one[0].collapses


def test_the_collapses_of_one_seed_stay_what_they_are_so_that_figures_of_different_days_can_be_compared() -> None:
    (twin,) = cut_twins(track(every_ten_minutes(DAYS), home="pinned"), 20261123, 1)
    assert [(at - MIDNIGHT) // 600 for at in twin.collapses] == [4103, 4656, 5106, 5589, 6140, 6698, 7257, 7724, 8285]


def write(folder: Path, days: int, name: str = "a") -> None:
    folder.mkdir(parents=True)
    sensors = {"k": {"kind": "motion", "room": "kitchen"}, "t": {"kind": "temperature", "room": "kitchen"}}
    (folder / "home.json").write_text(json.dumps({"home": name, "timezone": "Europe/London", "sensors": sensors}))
    rows = [
        f"{np.datetime64(MIDNIGHT + day * DAY + at, 's')},{sensor},1"
        for day in range(days) for at, sensor in ((8 * HOUR, "k"), (12 * HOUR, "t"), (20 * HOUR, "k"))
    ]  # fmt: skip
    text = "\n".join(["time,sensor,value", *rows, "yesterday,k,1", "2026-01-01T00:00:00,unknown,1", ""])
    (folder / "readings.csv.gz").write_bytes(gzip.compress(text.encode()))
    (folder / "outages.csv").write_text("start,end\n2024-10-05T01:00:00,2024-10-05T02:00:00\n")


def test_a_home_and_its_twins_are_written_as_recordings_that_can_be_read(tmp_path: Path) -> None:
    write(tmp_path / "in" / "a", days=50)
    (case,) = make_cases(tmp_path / "in", seed=1, passes=2)
    folders = write_cases([case], tmp_path / "out")
    assert [folder.name for folder in folders] == ["a", "a~0", "a~1"]
    original, untouched, twin = (read_recording(f) for f in (tmp_path / "in" / "a", *folders[:2]))
    assert untouched.readings == original.readings
    assert untouched.outages == original.outages != []
    assert twin.home.home == "a~0"
    assert len(twin.readings) == case.twins[0].kept.sum() < len(original.readings)


def test_a_time_with_an_offset_is_the_same_second_on_the_wall_as_one_without(tmp_path: Path) -> None:
    write(tmp_path / "a", days=43)
    plain = read_track(tmp_path / "a")
    text = gzip.decompress((tmp_path / "a" / "readings.csv.gz").read_bytes()).decode()
    (tmp_path / "a" / "readings.csv.gz").write_bytes(gzip.compress(text.replace(",k,", "+01:00,k,").encode()))
    assert read_track(tmp_path / "a").times.tolist() == plain.times.tolist()


def test_a_home_of_less_than_six_weeks_is_left_out_and_none_left_is_an_error(tmp_path: Path) -> None:
    write(tmp_path / "short", days=42, name="short")
    with pytest.raises(ConfigurationError, match="42 days"):
        list(make_cases(tmp_path, 1, 1))
    write(tmp_path / "long", days=43, name="long")
    assert [case.name for case in make_cases(tmp_path, 1, 1)] == ["long"]
