"""The gateway's file."""

from __future__ import annotations

from pathlib import Path

import pytest

from domain.errors import ConfigurationError
from gateway.config import load_config

GOOD = """
[gateway]
id = "g1"
data = "{folder}"
[broker]
host = "127.0.0.1"
port = 1883
[[driver]]
name = "simulated"
recording = "{recording}"
"""
RECORDING = Path(__file__).resolve().parents[1] / "recordings" / "small"


def write(folder: Path, text: str) -> Path:
    file = folder / "gateway.toml"
    file.write_text(text.format(folder=folder, recording=RECORDING))
    return file


def test_a_good_file_gives_the_drivers_and_the_address(tmp_path: Path) -> None:
    config = load_config(write(tmp_path, GOOD))
    [driver] = config.drivers()
    assert [device.id for device in driver.devices] == ["hall", "front-door", "air"]
    assert config.address().username == "g1", "a gateway's user name is its id"


@pytest.mark.parametrize(
    ("old", "new", "word"),
    [
        ('id = "g1"', 'id = "g/1"', "gateway.id"),
        ('id = "g1"', "", "gateway.id"),
        ("port = 1883", "port = 188300", "broker.port"),
        ("port = 1883", "prot = 1883", "broker.prot"),
        ("[gateway]", "[gateway", "not valid TOML"),
        ('name = "simulated"', 'name = "psychic"', "psychic"),
        ("recording =", "rocerding =", "recording"),
        ("{recording}", "/nowhere", "/nowhere"),
        ("port = 1883", 'port = 1883\npassword_file = "/nowhere/password"', "/nowhere/password"),
        ("port = 1883", 'port = 1883\nca_file = "/nowhere/ca.crt"', "/nowhere/ca.crt"),
        ("port = 1883", 'port = 1883\ncert_file = "/nowhere/g1.crt"', "belong together"),
        ('id = "g1"', 'id = "g1"\nmax_readings = 10', "gateway.max_readings"),
    ],
)
def test_a_bad_file_is_one_sentence_that_names_the_key(tmp_path: Path, old: str, new: str, word: str) -> None:
    file = write(tmp_path, GOOD.replace(old, new))

    def use() -> None:
        config = load_config(file)
        config.drivers()
        config.address()

    with pytest.raises(ConfigurationError) as caught:
        use()
    assert word in str(caught.value)
    assert len(str(caught.value).splitlines()) == 1


def test_two_drivers_may_not_speak_for_one_device(tmp_path: Path) -> None:
    table = GOOD[GOOD.index("[[driver]]") :]
    with pytest.raises(ConfigurationError, match=r"'air'|'front-door'|'hall'"):
        load_config(write(tmp_path, GOOD + table)).drivers()


def test_the_sample_is_a_valid_file() -> None:
    config = load_config(Path(__file__).resolve().parents[2] / "gateway" / "sample.toml")
    assert config.gateway.id == "gw-0001"
