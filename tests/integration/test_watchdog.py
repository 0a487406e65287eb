"""``kehai watchdog`` over a whole installation of real processes, each part of which is stopped in turn."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from ingest.journal import Journal
from tests.programs import Program, page, until
from tests.receivers import Hook
from tests.servers import Server, free_port
from tests.shipped import Shipped

pytestmark = pytest.mark.server
PATIENCE = 4


@dataclass(frozen=True)
class Watched:
    """An installation under ``kehai up``, its watchdog among its roles, and those whom it complains to."""

    folder: Path
    up: Program
    mosquitto: Server
    complaints: Hook
    outside: Hook
    port: int

    def pid_of(self, role: str) -> int:
        if role == "broker":
            assert self.mosquitto.process is not None
            script = self.mosquitto.process.pid
            children = Path(f"/proc/{script}/task/{script}/children").read_text().split()
            (found,) = [int(pid) for pid in children if "mosquitto" in Path(f"/proc/{pid}/comm").read_text()]
            return found
        command = f"\0{role}\0".encode()
        (found,) = [pid for pid in self.up.running() if command in Path(f"/proc/{pid}/cmdline").read_bytes()]
        return found

    def said(self) -> list[str]:
        return [json.loads(body)["subject"].split("]")[0] + "]" for _, _, body in self.complaints.calls]

    def texts(self) -> str:
        return " ".join(json.loads(body)["body"] for _, _, body in self.complaints.calls)

    def well(self) -> bool:
        status, text = page(f"http://127.0.0.1:{self.port}/healthz")
        return status == 200 and "came through" in text

    def stored(self) -> int:
        journal = Journal(self.folder / "data" / "journal.db", read_only=True)
        try:
            newest = journal.last()
            return 0 if newest is None else newest[0]
        finally:
            journal.close()


@pytest.fixture
def watched(tmp_path: Path) -> Iterator[Watched]:
    port, dashboard = free_port(), free_port()
    broker = Shipped(tmp_path / "site", watched=True)
    for name in ("secret", "ingest_password"):
        (tmp_path / name).write_text(f"the {name}")
    with (
        Hook() as complaints,
        Hook(pages={"/hook": b""}) as outside,
        broker.broker as mosquitto,
    ):
        (tmp_path / "outside").write_text(outside.url)
        config = tmp_path / "kehai.toml"
        config.write_text(
            f'[installation]\ndata = "{tmp_path / "data"}"\n[ingest]\nmark_seconds = 0.5\n'
            f'[broker]\nport = {broker.inner}\nusername = "ingest"\npassword_file = "{tmp_path / "ingest_password"}"\n'
            f'[gateways]\nhost = "localhost"\nport = {broker.tls}\nca_file = "{broker.authority.certificate}"\n'
            f'passwords = "{broker.passwords}"\n'
            f"[dashboard]\nport = {dashboard}\nhttps = false\n"
            f"[watchdog]\nport = {port}\nevery_seconds = 1\npatience_seconds = {PATIENCE}\n"
            f'language = "en"\nping_url_file = "{tmp_path / "outside"}"\n'
            f'[watchdog.channels.bell]\nkind = "webhook"\nurl = "{complaints.url}"\n'
            f'secret_file = "{tmp_path / "secret"}"\nto = ["the operator"]\n'
        )
        with Program(tmp_path / "up", "up", "--config", config) as up:
            made = Watched(tmp_path, up, mosquitto, complaints, outside, port)
            until(made.well, 40, "reading that came through")
            yield made


@pytest.mark.parametrize(("part", "word"), [("broker", "broker"), ("ingest", "ingest"), ("watch", "the watch")])
def test_a_part_that_stops_is_found_and_named_and_the_end_of_it_is_told(watched: Watched, part: str, word: str) -> None:
    assert watched.said() == [], "nobody is told of what works"
    pid = watched.pid_of(part)
    os.kill(pid, signal.SIGSTOP)
    try:
        until(lambda: watched.said() == ["[ACT NOW]"], 40, f"complaint about the {part}")
        assert word in watched.texts()
        assert page(f"http://127.0.0.1:{watched.port}/healthz")[0] == 503
        asked = len(watched.outside.gets)
        if part == "watch":  # what took ingest's word for the whole way would not have noticed this one
            before = watched.stored()
            until(lambda: watched.stored() > before + 1, 20, "reading stored while the watch stands still")
    finally:
        os.kill(pid, signal.SIGCONT)
    until(lambda: watched.said() == ["[ACT NOW]", "[well again]"], 60, f"end of the {part}'s trouble")
    until(lambda: len(watched.outside.gets) > asked, 20, "word to the dead man's switch")
    assert "Traceback" not in watched.up.err, watched.up.err
