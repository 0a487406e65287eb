"""Enrolment: one file from the server, three files on the gateway; nothing overwritten unasked."""

from __future__ import annotations

import stat
import subprocess
import sys
from pathlib import Path

import pytest

from domain.errors import ConfigurationError
from gateway.__main__ import main
from gateway.config import load_config
from gateway.enrolment import Bundle, enrol, parse, read_bundle
from tests.programs import ROOT

BUNDLE = Bundle(
    kehai_gateway=1, gateway="gw-1", host="mqtt.example.org", port=8883, password="a secret", ca="-----BEGIN ...\n"
)
DRIVER = '# the hall\n[[driver]]\nname = "gpio_motion"\ndevice = "hall"\nroom = "hall"\npin = 17  # behind the coats\n'


def test_a_bundle_is_one_line_and_is_read_back_as_it_was() -> None:
    assert "\n" not in BUNDLE.line()
    assert parse(BUNDLE.line()) == BUNDLE


def test_a_new_gateway_has_everything_but_its_drivers(tmp_path: Path) -> None:
    made = enrol(BUNDLE, tmp_path / "etc", tmp_path / "data")
    assert made.drivers == 0
    assert (tmp_path / "etc" / "mqtt_password").read_text() == "a secret\n"
    assert stat.S_IMODE((tmp_path / "etc" / "mqtt_password").stat().st_mode) == 0o600
    with pytest.raises(ConfigurationError, match="driver: this key is needed"):
        load_config(made.config)
    with made.config.open("a") as file:
        file.write(DRIVER)
    address = load_config(made.config).address()
    assert (address.host, address.port, address.username, address.password) == (
        "mqtt.example.org",
        8883,
        "gw-1",
        "a secret",
    )
    assert address.ca_file is not None
    assert address.ca_file.read_text() == BUNDLE.ca
    assert load_config(made.config).gateway.data == tmp_path / "data"


@pytest.mark.parametrize("there", ["gateway.toml", "mqtt_password", "ca.crt"])
def test_nothing_is_overwritten_unasked(tmp_path: Path, there: str) -> None:
    (tmp_path / there).write_text("mine")
    with pytest.raises(ConfigurationError, match="say --force"):
        enrol(BUNDLE, tmp_path)
    assert [(file.name, file.read_text()) for file in tmp_path.iterdir()] == [(there, "mine")]


def test_a_gateway_that_is_enrolled_anew_keeps_its_drivers_to_the_letter_and_its_own_settings(tmp_path: Path) -> None:
    made = enrol(BUNDLE, tmp_path, tmp_path / "card")
    head = (
        made.config.read_text().split("\n# One [[driver]]")[0].replace("[broker]", "heartbeat_seconds = 20.5\n[broker]")
    )
    made.config.write_text(f"{head}\n{DRIVER}")
    again = enrol(BUNDLE.model_copy(update={"password": "another", "host": "new.example.org"}), tmp_path, force=True)
    assert again.drivers == 1
    text = made.config.read_text()
    assert text.endswith(DRIVER)
    assert "new.example.org" in text
    settings = load_config(made.config).gateway
    assert (settings.data, settings.heartbeat_seconds) == (tmp_path / "card", 20.5)
    assert (tmp_path / "mqtt_password").read_text() == "another\n"


@pytest.mark.parametrize("text", ["", "{}", "not JSON", BUNDLE.line()[:-9], BUNDLE.line().replace("gw-1", "gw/1")])
def test_what_is_no_bundle_is_refused_in_one_sentence_without_its_password(tmp_path: Path, text: str) -> None:
    (tmp_path / "b").write_text(text)
    with pytest.raises(ConfigurationError, match="This is no enrolment of a gateway") as caught:
        read_bundle(str(tmp_path / "b"))
    assert len(str(caught.value).splitlines()) == 1
    assert "a secret" not in str(caught.value)


def test_a_file_that_is_not_there_and_a_folder_that_may_not_be_written_are_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="cannot be read"):
        read_bundle(str(tmp_path / "none"))
    (tmp_path / "file").touch()
    with pytest.raises(ConfigurationError, match="cannot be written to"):
        enrol(BUNDLE, tmp_path / "file" / "etc")


class Terminal:
    """``python -m gateway`` with words, in this process."""

    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self._capsys = capsys

    def __call__(self, *words: object) -> tuple[int, str]:
        status = 0
        try:
            main([str(word) for word in words])
        except SystemExit as ended:
            status = int(ended.code or 0)
        return status, self._capsys.readouterr().err


def test_python_m_gateway_enrols_and_says_what_is_left_to_do(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    gateway = Terminal(capsys)
    (tmp_path / "bundle.json").write_text(BUNDLE.line())
    status, said = gateway("enrol", tmp_path / "bundle.json", "--folder", tmp_path / "etc")
    assert status == 0
    assert "This is gw-1 now: add a [[driver]] table" in said
    status, said = gateway("enrol", tmp_path / "bundle.json", "--folder", tmp_path / "etc")
    assert status == 2
    assert "is there already: say --force" in said
    assert said.count("\n") == 1
    assert gateway()[0] == 2


def test_a_bundle_may_come_through_a_pipe(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "gateway", "enrol", "-", "--folder", str(tmp_path / "etc")],
        input=BUNDLE.line() + "\n", text=True, capture_output=True, check=False, cwd=ROOT,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "etc" / "mqtt_password").read_text() == "a secret\n"
