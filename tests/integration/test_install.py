"""The gateway installs alone: a fresh environment, its own pinned requirements, none of the server's libraries."""

from __future__ import annotations

import asyncio
import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import aiomqtt
import pytest

from domain.clock import SECOND, SystemClock
from domain.localtime import LocalTime
from domain.wire import encode_ack
from gateway.enrolment import Bundle
from tests.programs import ROOT, Program
from tests.servers import Mosquitto

pytestmark = [pytest.mark.install, pytest.mark.server]
SERVER_ONLY = ("sqlalchemy", "fastapi", "uvicorn", "numpy", "jinja2", "alembic", "msgspec", "pwdlib", "amqtt")


@pytest.fixture(scope="module")
def python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The interpreter of a new environment in which the gateway was installed from a copy of the sources."""
    folder = tmp_path_factory.mktemp("pi")
    source = folder / "source"
    wanted = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"], cwd=ROOT, capture_output=True, check=True
    ).stdout.decode().split("\0")  # fmt: skip
    for name in filter(None, wanted):
        if (ROOT / name).is_file():
            (source / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, source / name)
    subprocess.run([sys.executable, "-m", "venv", str(folder / "venv")], check=True)
    python = folder / "venv" / "bin" / "python"
    pip = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-input"]
    for name in ("build", "gateway"):
        subprocess.run([*pip, "--require-hashes", "-r", str(source / "requirements" / f"{name}.txt")], check=True)
    subprocess.run([*pip, "--no-deps", "--no-build-isolation", "--no-index", str(source)], check=True)
    return python


def importable(python: Path, module: str) -> bool:
    command = [str(python), "-c", f"import {module}"]
    return subprocess.run(command, capture_output=True, check=False, cwd=python.parent).returncode == 0


def test_none_of_the_server_s_libraries_are_there(python: Path) -> None:
    for module in SERVER_ONLY:
        assert not importable(python, module), module
    assert importable(python, "gateway.agent"), "the control"
    check = subprocess.run([str(python), "-m", "pip", "check"], capture_output=True, text=True, check=False)
    assert "kehai" not in check.stdout, check.stdout


def test_a_command_of_the_server_s_says_what_is_missing(python: Path, tmp_path: Path) -> None:
    with Program(tmp_path, "admin", "staff", "list", "--config", "x.toml", python=python) as program:
        assert program.wait(30) == 2
        assert "install kehai with the extra 'server'" in program.err
        assert program.err.count("\n") == 1


def test_it_becomes_a_home_s_gateway_from_the_server_s_file(python: Path, tmp_path: Path) -> None:
    bundle = Bundle(kehai_gateway=1, gateway="gw-1", host="mqtt.example.org", port=8883, password="secret", ca="PEM")
    (tmp_path / "bundle.json").write_text(bundle.line())
    words = ("gateway", "enrol", tmp_path / "bundle.json", "--folder", tmp_path / "etc")
    with Program(tmp_path / "program", *words, python=python) as program:
        assert program.wait(30) == 0, program.err
        assert "This is gw-1 now" in program.err
    assert {file.name for file in (tmp_path / "etc").iterdir()} == {"gateway.toml", "mqtt_password", "ca.crt"}


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Mosquitto]:
    with Mosquitto(tmp_path / "mosquitto") as running:
        yield running


async def test_it_starts_and_sends_what_its_devices_see(python: Path, broker: Mosquitto, tmp_path: Path) -> None:
    recording = tmp_path / "recording"
    recording.mkdir()
    sensors = {"living": {"kind": "motion", "room": "living room"}}
    (recording / "home.json").write_text(json.dumps({"home": "h-1", "timezone": "UTC", "sensors": sensors}))
    now = SystemClock().now()
    moves = [LocalTime("UTC").iso(now + step * SECOND) for step in range(60)]
    (recording / "readings.csv").write_text("time,sensor,value\n" + "".join(f"{at},living,1\n" for at in moves))
    config = tmp_path / "gateway.toml"
    config.write_text(
        f'[gateway]\nid = "gw-1"\ndata = "{tmp_path / "data"}"\nheartbeat_seconds = 1\n'
        f'[broker]\nhost = "127.0.0.1"\nport = {broker.port}\n'
        f'[[driver]]\nname = "simulated"\nrecording = "{recording}"\n'
    )
    seen: dict[str, Any] = {}
    async with aiomqtt.Client("127.0.0.1", broker.port) as listener:
        await listener.subscribe("kehai/1/gw/gw-1/up/#", qos=1)
        with Program(tmp_path / "program", "gateway", "--config", config, python=python) as program:
            async with asyncio.timeout(60):
                async for message in listener.messages:
                    seen.setdefault(str(message.topic).rpartition("/")[2], json.loads(message.payload))
                    if "hello" in seen and "readings" not in seen:
                        # What ingest would answer: so far it has stored nothing of this spool.
                        await listener.publish("kehai/1/gw/gw-1/down/ack", encode_ack(seen["hello"]["epoch"], 0), qos=1)
                    if {"hello", "readings", "heartbeat"} <= set(seen):
                        break
            assert program.interrupt() == 0, program.err
            assert program.running() == []
    assert seen["readings"]["gateway"] == "gw-1"
    assert seen["readings"]["v"] == 1
