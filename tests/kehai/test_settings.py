"""The installation's file."""

from __future__ import annotations

from pathlib import Path

import pytest

from domain.clock import ScaledClock, SystemClock
from domain.errors import ConfigurationError
from kehai.settings import load

ROOT = Path(__file__).resolve().parents[2]


def write(folder: Path, text: str) -> Path:
    file = folder / "kehai.toml"
    file.write_text(text, encoding="utf-8")
    return file


def test_the_file_that_ships_with_the_compose_file_is_valid() -> None:
    settings = load(ROOT / "deploy" / "kehai.toml")
    assert settings.broker.host == "mosquitto"
    assert settings.database_url == "sqlite:////var/lib/kehai/kehai.db"
    assert isinstance(settings.make_clock(), SystemClock)


def test_the_environment_overrides_one_key_and_leaves_the_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = write(tmp_path, '[installation]\ndata = "d"\n[broker]\nhost = "a"\nport = 1884\n')
    monkeypatch.setenv("KEHAI_BROKER__HOST", "b")
    settings = load(file)
    assert (settings.broker.host, settings.broker.port) == ("b", 1884)


def test_a_demo_s_clock_is_shared_by_its_numbers(tmp_path: Path) -> None:
    file = write(tmp_path, '[installation]\ndata = "d"\n[clock]\norigin = 1\nstart = 2\nspeed = 60\n')
    assert load(file).make_clock() == ScaledClock(1, 2, 60)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "installation: this key is needed"),
        ("[installation]\n", "installation.data: this key is needed"),
        ('[installation]\ndata = "d"\nzone = "Asia/Nakano"\n', "no time zone 'Asia/Nakano'"),
        ('[installation]\ndata = "d"\n[broker]\nport = 70000\n', "broker.port"),
        ('[installation]\ndata = "d"\n[broker]\nhots = "x"\n', "broker.hots: there is no such key"),
        ('[installation\ndata = "d"\n', "is not valid TOML"),
        ('[installation]\ndata = "d"\n[watch]\npage_budget = 0\n', "watch.page_budget"),
        ('[installation]\ndata = "d"\n[influxdb]\n', "influxdb.url: this key is needed"),
        ('[installation]\ndata = "d"\n[influxdb]\nurl = "influxdb:8086"\n', "influxdb.url: write http://HOST:PORT"),
        (
            '[installation]\ndata = "d"\n[influxdb]\nurl = "http://u:p@h:1"\n',
            "a secret does not belong into an address",
        ),
        ('[installation]\ndata = "d"\n[influxdb]\nurl = "http://h"\nusername = "u"\n', 'are for api = "v1"'),
        (
            '[installation]\ndata = "d"\n[influxdb]\nurl = "http://h"\napi = "v1"\ntoken_file = "t"\n',
            'is for api = "v2"',
        ),
    ],
)
def test_a_wrong_file_is_one_sentence_that_names_the_key(tmp_path: Path, text: str, words: str) -> None:
    with pytest.raises(ConfigurationError) as raised:
        load(write(tmp_path, text))
    assert words in str(raised.value)
    assert str(tmp_path / "kehai.toml") in str(raised.value)
    assert "\n" not in str(raised.value).strip()


def test_a_file_that_is_not_text_is_refused(tmp_path: Path) -> None:
    (tmp_path / "kehai.toml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ConfigurationError, match="cannot be read"):
        load(tmp_path / "kehai.toml")
