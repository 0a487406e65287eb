"""The restore drill: a running installation loses its data folder, and a backup brings it back."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from alerts.sqlbook import SqlBook
from domain.alerts import Reason, State
from domain.clock import SECOND, SystemClock
from domain.findings import Finding, Level, Subject
from domain.ids import HomeId
from domain.localtime import LocalTime
from ingest.journal import Journal
from registry.database import open_database
from registry.staff import Staff
from tests.programs import Program, page, until
from tests.servers import Mosquitto, free_port

pytestmark = pytest.mark.server


class Installation:
    """A server and one gateway that sees somebody move four times a second."""

    def __init__(self, folder: Path, broker: int) -> None:
        self.folder, self.data, self.port = folder, folder / "data", free_port()
        self.config, self.gateway = folder / "kehai.toml", folder / "gateway.toml"
        self.config.write_text(
            f'[installation]\ndata = "{self.data}"\n[broker]\nport = {broker}\n[ingest]\nmark_seconds = 0.5\n'
            f"[dashboard]\nport = {self.port}\nhttps = false\n"
        )
        recording = folder / "recording"
        recording.mkdir()
        sensors = {"living": {"kind": "motion", "room": "living room"}}
        (recording / "home.json").write_text(json.dumps({"home": "h-1", "timezone": "UTC", "sensors": sensors}))
        now = SystemClock().now()
        moves = [LocalTime("UTC").iso(now + step * SECOND // 4) for step in range(2400)]
        (recording / "readings.csv").write_text("time,sensor,value\n" + "".join(f"{at},living,1\n" for at in moves))
        self.gateway.write_text(
            f'[gateway]\nid = "gw-1"\ndata = "{folder / "gateway"}"\nheartbeat_seconds = 1\n'
            f'[broker]\nhost = "127.0.0.1"\nport = {broker}\n'
            f'[[driver]]\nname = "simulated"\nrecording = "{recording}"\n'
        )

    def run(self, *words: object, status: int = 0) -> Program:
        """A command that ends by itself."""
        with Program(self.folder / f"command-{words[0]}", *words, "--config", self.config) as program:
            assert program.wait(60) == status, program.err
        return program

    def healthy(self) -> bool:
        return page(f"http://127.0.0.1:{self.port}/healthz")[0] == 200

    def sequences(self) -> list[int]:
        """The numbers of all stored readings, ascending."""
        if not (self.data / "journal.db").exists():
            return []
        journal = Journal(self.data / "journal.db", read_only=True)
        try:
            return [seq for _, _, seq in journal.stored_keys()] if journal.is_made() else []
        finally:
            journal.close()

    def is_whole(self, more_than: int) -> bool:
        """True when so many readings are there and none before them is missing."""
        found = self.sequences()
        return len(found) > more_than and found == list(range(1, len(found) + 1))

    def raise_alert(self) -> None:
        """An alert that staff will want to see again."""
        now = SystemClock().now()
        finding = Finding(HomeId("h-1"), "heat", "heat/1", "heat", Subject.PERSON, Level.PAGE, now, now, None, None, None,
                          {}, "暑さ", "Heat")  # fmt: skip
        engine = open_database(f"sqlite:///{self.data / 'kehai.db'}")
        with SqlBook(engine).transaction() as book:
            book.note(finding, now)
            book.open(finding, State.OPEN, Reason.RAISED, now, late=False)
        engine.dispose()

    def people_and_alerts(self) -> tuple[list[str], list[tuple[int, str]], int, int]:
        """Log-ins, alerts with their state, the watch's cursor, the journal's last offset."""
        engine = open_database(f"sqlite:///{self.data / 'kehai.db'}")
        book, journal = SqlBook(engine), Journal(self.data / "journal.db", read_only=True)
        last = journal.last()
        found = (
            sorted(Staff(engine).names()), [(a.id, a.state.value) for a in book.alerts_of("h-1")], book.furthest(),
            last[0] if last else 0,
        )  # fmt: skip
        journal.close()
        engine.dispose()
        return found


def test_a_lost_data_folder_is_restored_and_every_reading_is_there_once(tmp_path: Path) -> None:
    with Mosquitto(tmp_path / "mosquitto") as broker:
        home = Installation(tmp_path, broker.port)
        home.run("admin", "home", "add", "h-1", "--gateway", "gw-1")
        with Program(tmp_path / "gateway-out", "gateway", "--config", home.gateway) as gateway:
            with Program(tmp_path / "up", "up", "--config", home.config) as up:
                until(lambda: len(home.sequences()) > 8 and home.healthy(), 30, "reading")
                home.raise_alert()
                home.run("backup", "--out", tmp_path / "backup.tar")
                saved = len(home.sequences())
                until(lambda: len(home.sequences()) > saved + 8, 30, "reading after the backup")
                assert "stop them first" in home.run("restore", tmp_path / "backup.tar", "--force", status=1).err
                assert up.interrupt() == 0, up.err
            acked = len(home.sequences())
            shutil.rmtree(home.data)
            home.run("restore", tmp_path / "backup.tar")
            people, alerts, cursor, last = home.people_and_alerts()
            assert (alerts, cursor <= last) == ([(1, "open")], True)
            assert 8 < len(home.sequences()) < acked
            with Program(tmp_path / "up-again", "up", "--config", home.config) as up:
                until(lambda: home.is_whole(acked + 8) and home.healthy(), 60, "every reading, and new ones")
                assert gateway.interrupt() == 0, gateway.err
                assert up.interrupt() == 0, up.err
        assert home.people_and_alerts()[:2] == (people, alerts), "nothing is raised twice"
        assert home.people_and_alerts()[2] > last, "the watch has read on"
        assert len(home.sequences()) == len(set(home.sequences())), "those that were acknowledged after the backup too"
