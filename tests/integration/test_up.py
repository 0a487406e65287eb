"""``kehai up`` and ``kehai gateway`` as an operator starts them: real processes, a real broker."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pytest

from domain.clock import SECOND, SystemClock
from domain.localtime import LocalTime
from domain.readings import Reading
from ingest.journal import Journal, read_all
from tests.programs import Program, page, until
from tests.servers import Mosquitto, free_port

pytestmark = pytest.mark.server


@dataclass(frozen=True)
class Installation:
    folder: Path
    config: Path
    port: int
    broker: int

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def health(self) -> int:
        return page(f"{self.url}/healthz")[0]

    def roles(self) -> dict[str, dict[str, object]]:
        found = json.loads(page(f"{self.url}/healthz")[1])["roles"]
        assert isinstance(found, dict)
        return found


@pytest.fixture
def installation(tmp_path: Path) -> Installation:
    port, broker = free_port(), free_port()
    config = tmp_path / "kehai.toml"
    config.write_text(
        f'[installation]\ndata = "{tmp_path / "data"}"\n[broker]\nport = {broker}\n[ingest]\nmark_seconds = 0.5\n'
        f"[dashboard]\nport = {port}\nhttps = false\n"
    )
    return Installation(tmp_path, config, port, broker)


@pytest.fixture
def mosquitto(installation: Installation) -> Iterator[Mosquitto]:
    with Mosquitto(installation.folder / "mosquitto", port=installation.broker) as broker:
        yield broker


@pytest.fixture
def gateway_config(installation: Installation) -> Path:
    """A gateway that sees somebody move four times a second for the next five minutes."""
    recording = installation.folder / "recording"
    recording.mkdir()
    sensors = {"living": {"kind": "motion", "room": "living room"}}
    (recording / "home.json").write_text(json.dumps({"home": "h-1", "timezone": "UTC", "sensors": sensors}))
    now = SystemClock().now()
    moves = [LocalTime("UTC").iso(now + step * SECOND // 4) for step in range(1200)]
    (recording / "readings.csv").write_text("time,sensor,value\n" + "".join(f"{at},living,1\n" for at in moves))
    file = installation.folder / "gateway.toml"
    file.write_text(
        f'[gateway]\nid = "gw-1"\ndata = "{installation.folder / "gateway"}"\nheartbeat_seconds = 1\n'
        f'[broker]\nhost = "127.0.0.1"\nport = {installation.broker}\n'
        f'[[driver]]\nname = "simulated"\nrecording = "{recording}"\n'
    )
    return file


def says(program: Program, words: str) -> bool:
    return words in program.err


def enrol(installation: Installation) -> None:
    with Program(
        installation.folder / "admin", "admin", "home", "add", "h-1", "--gateway", "gw-1", "--config",
        installation.config,
    ) as admin:  # fmt: skip
        assert admin.wait(20) == 0, admin.err


def test_up_runs_three_roles_and_ctrl_c_leaves_none(installation: Installation, mosquitto: Mosquitto) -> None:
    with Program(installation.folder / "up", "up", "--config", installation.config) as up:
        until(lambda: installation.health() == 200, 30, "healthy answer")
        assert len(up.running()) == 4, "the supervisor and three roles"
        assert up.interrupt() == 0, up.err
        assert up.running() == []
        assert "Traceback" not in up.err


def test_what_a_gateway_sends_is_stored_and_survives_a_killed_role_and_a_killed_broker(
    installation: Installation, mosquitto: Mosquitto, gateway_config: Path
) -> None:
    enrol(installation)
    config, folder = installation.config, installation.folder

    def sequences() -> list[int]:
        if not (folder / "data" / "journal.db").exists():
            return []
        journal = Journal(folder / "data" / "journal.db", read_only=True)
        try:
            arrivals = read_all(journal) if journal.is_made() else []
            found = [item.seq for a in arrivals for item in a.items if isinstance(item, Reading)]
        finally:
            journal.close()
        return found

    def stored() -> int:
        return len(sequences())

    def lives(more_than: int) -> bool:
        return stored() > more_than and installation.health() == 200

    with (
        Program(folder / "up", "up", "--config", config) as up,
        Program(folder / "gateway", "gateway", "--config", gateway_config) as gateway,
    ):
        until(lambda: stored() > 3, 30, "reading")
        for role in ("ingest", "watch", "dashboard"):
            before = stored()
            command = f"\0{role}\0".encode()
            victims = [pid for pid in up.running() if command in Path(f"/proc/{pid}/cmdline").read_bytes()]
            assert len(victims) == 1
            os.kill(victims[0], signal.SIGKILL)
            until(partial(says, up, f"{role} ended with status -9"), 10, f"word about {role}")
            until(partial(lives, before + 3), 30, f"life after {role}")
        mosquitto.kill()
        before = stored()
        mosquitto.start()
        until(lambda: stored() > before + 3, 30, "reading after the broker's end")
        assert gateway.interrupt(signal.SIGTERM) == 0, gateway.err
        assert up.interrupt(signal.SIGTERM) == 0, up.err
        assert gateway.running() + up.running() == []
    found = sequences()
    assert found == list(range(1, len(found) + 1)), "nothing lost, nothing twice, in order"


def test_without_a_broker_the_pages_still_come_and_one_line_says_what_is_missing(installation: Installation) -> None:
    with Program(installation.folder / "up", "up", "--config", installation.config) as up:
        until(lambda: installation.health() != 0, 30, "answer")
        until(lambda: f"127.0.0.1:{installation.broker}" in up.err, 30, "word about the broker")
        until(lambda: "no broker" in str(installation.roles().get("ingest", {})), 30, "word on the health page")
        assert "Traceback" not in up.err
        assert up.interrupt() == 0
        assert up.running() == []


def test_a_supervisor_that_is_killed_takes_its_roles_with_it(installation: Installation, mosquitto: Mosquitto) -> None:
    with Program(installation.folder / "up", "up", "--config", installation.config) as up:
        until(lambda: installation.health() == 200, 30, "healthy answer")
        assert up.interrupt(signal.SIGKILL) == -9
        until(lambda: up.running() == [], 20, "end of the roles")


def test_a_wrong_configuration_ends_the_whole_with_status_two_s_sentence(installation: Installation) -> None:
    text = installation.config.read_text().replace("[broker]", '[broker]\npassword_file = "/nowhere/password"')
    installation.config.write_text(text)
    with Program(installation.folder / "up", "up", "--config", installation.config) as up:
        assert up.wait(30) == 1
        assert "/nowhere/password cannot be read" in up.err
        assert "Traceback" not in up.err
        assert up.running() == []
