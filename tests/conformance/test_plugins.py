"""Every plugin is a folder with the same files as its neighbours, and its README is not stale."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from alerts.channels.catalogue import CHANNELS, build
from detectors.catalogue import CATALOGUE as DETECTORS
from gateway.drivers.catalogue import CATALOGUE as DRIVERS

ROOT = Path(__file__).resolve().parents[2]
HEADINGS = ["What it sees", "Parameters", "When it is silent", "Known misses", "Example"]
OF_A_CHANNEL = ["What it sends", "Parameters", "When it fails", "Known misses", "Example"]
FOLDERS = [
    *(pytest.param(ROOT / "gateway" / "drivers" / name, "driver.py", id=f"driver-{name}") for name in DRIVERS),
    *(pytest.param(ROOT / "detectors" / "kinds" / name, "detector.py", id=f"detector-{name}") for name in DETECTORS),
    *(pytest.param(ROOT / "alerts" / "channels" / name, "channel.py", id=f"channel-{name}") for name in CHANNELS),
]


@pytest.mark.parametrize(("folder", "module"), FOLDERS)
def test_its_folder_holds_what_its_neighbours_hold(folder: Path, module: str) -> None:
    for name in ("__init__.py", module, "README.md", "sample.toml"):
        assert (folder / name).is_file(), f"{folder.name} has no {name}"


@pytest.mark.parametrize(("folder", "module"), FOLDERS)
def test_its_readme_has_the_fixed_headings_and_the_sample_as_it_is(folder: Path, module: str) -> None:
    text = (folder / "README.md").read_text(encoding="utf-8")
    headings = OF_A_CHANNEL if module == "channel.py" else HEADINGS
    assert [line[3:] for line in text.splitlines() if line.startswith("## ")] == headings
    block = text.partition("```toml\n")[2].partition("```")[0]
    assert block == (folder / "sample.toml").read_text(encoding="utf-8"), "copy sample.toml into the README"
    assert text.startswith(f"# {folder.name}\n"), module


@pytest.mark.parametrize("name", sorted(DETECTORS))
def test_a_detector_s_sample_makes_a_detector(name: str) -> None:
    sample = tomllib.loads((ROOT / "detectors" / "kinds" / name / "sample.toml").read_text(encoding="utf-8"))
    assert DETECTORS[name](sample[name]).name == name


@pytest.mark.parametrize("name", sorted(DETECTORS))
def test_a_detector_refuses_a_parameter_that_it_does_not_know(name: str) -> None:
    with pytest.raises(ValueError, match="remove"):
        DETECTORS[name]({"no_such_thing": 1})


@pytest.mark.parametrize("name", sorted(DRIVERS))
def test_a_driver_s_sample_makes_a_driver_with_devices(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    sample = tomllib.loads((ROOT / "gateway" / "drivers" / name / "sample.toml").read_text(encoding="utf-8"))
    for table in sample["driver"]:
        assert table.pop("name") == name
        assert DRIVERS[name](table).devices


@pytest.mark.parametrize("name", sorted(CHANNELS))
def test_a_channel_s_sample_makes_a_channel(name: str) -> None:
    sample = tomllib.loads((ROOT / "alerts" / "channels" / name / "sample.toml").read_text(encoding="utf-8"))
    (section,) = sample["channels"].values()
    assert section["kind"] == name
    build({"way": section})["way"].close()


def test_there_is_no_plugin_folder_that_no_catalogue_names() -> None:
    for parent, catalogue in (
        (ROOT / "gateway" / "drivers", DRIVERS),
        (ROOT / "detectors" / "kinds", DETECTORS),
        (ROOT / "alerts" / "channels", CHANNELS),
    ):
        folders = {child.name for child in parent.iterdir() if child.is_dir() and child.name != "__pycache__"}
        assert folders == set(catalogue)
