"""``kehai dead-letters`` beside a real ingest: no broker is needed for what has come already."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from domain.clock import DAY, SystemClock
from domain.ids import HomeId
from ingest.history import JournalHistory
from ingest.intake import Intake
from ingest.journal import Journal
from kehai.running import is_running
from registry.directory import MemoryDirectory
from tests.ingest.gateways import HELLO, READINGS, T, directory, hello, motions
from tests.programs import Program, until
from tests.servers import free_port

pytestmark = pytest.mark.server


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """An installation to which a gateway that nobody had enrolled has spoken: a greeting, a reading, and nonsense."""
    file = tmp_path / "kehai.toml"
    file.write_text(
        f'[installation]\ndata = "{tmp_path / "data"}"\nzone = "UTC"\n[broker]\nport = {free_port()}\n'
        "[retention]\nraw_days = 30\n"
    )
    journal = Journal(tmp_path / "data" / "journal.db")
    intake: Intake[str] = Intake(journal, MemoryDirectory())
    for topic, payload in ((HELLO, hello()), (READINGS, motions(1, T)), (READINGS, b"no")):
        intake.take(topic, payload, T, "m")
    intake.commit(T)
    journal.close()
    return file


def run(config: Path, *words: object, status: int = 0) -> Program:
    with Program(config.parent / "-".join(map(str, words)), *words, "--config", config) as program:
        assert program.wait(30) == status, program.err
    return program


def test_letters_are_listed_their_cause_is_mended_and_ingest_takes_them_up(config: Path, tmp_path: Path) -> None:
    shown = run(config, "dead-letters", "list").out.splitlines()
    assert [line.split()[:5] for line in shown[1:]] == [
        ["3", "2026-09-21T14:13:20+00:00", "g1", "unknown_gateway", "2"],
        ["2", "2026-09-21T14:13:20+00:00", "g1", "unknown_gateway", str(len(motions(1, T)))],
        ["1", "2026-09-21T14:13:20+00:00", "g1", "unknown_gateway", str(len(hello()))],
    ]
    assert "ingest (it is not running)" in run(config, "dead-letters", "retry", 1, status=1).err
    run(config, "admin", "home", "add", "h1", "--gateway", "g1")
    with Program(tmp_path / "ingest", "ingest", "--config", config) as ingest:
        until(lambda: is_running(tmp_path / "data", "ingest"), 30, "ingest")
        retried = run(config, "dead-letters", "retry", "--all", "--gateway", "g1", status=1)
        assert "2: 1 stored\n" in retried.out
        assert "3: refused again: not_json" in retried.out
        assert "The role ingest runs" in run(config, "ingest", status=1).err
        run(config, "dead-letters", "discard", 3)
        assert ingest.interrupt() == 0, ingest.err
        assert "Traceback" not in ingest.err
    journal = Journal(tmp_path / "data" / "journal.db")
    assert journal.stored_keys() == [("g1", "e1", 1)]
    assert len(journal.requests(10)) == 0
    journal.close()
    found = run(config, "dead-letters", "list", "--state", "discarded", "--json").out
    assert [(one["id"], one["reason"]) for one in map(json.loads, found.splitlines())] == [(3, "not_json")]


def test_ingest_turns_old_readings_into_summaries_while_it_runs(config: Path, tmp_path: Path) -> None:
    now = SystemClock().now()
    journal = Journal(tmp_path / "data" / "journal.db")
    intake: Intake[str] = Intake(journal, directory())
    intake.take(READINGS, motions(1, now - 31 * DAY, now), now, "m")
    intake.commit(now)
    history = JournalHistory(tmp_path / "data" / "journal.db")

    def left() -> int:
        return len(history.readings(HomeId("h1"), now - 32 * DAY, now + DAY))

    assert left() == 2
    journal.close()
    with Program(tmp_path / "ingest", "ingest", "--config", config) as ingest:
        until(lambda: left() == 1, 30, "summary")
        assert ingest.interrupt() == 0, ingest.err
    assert [hour.count for hour in history.hourly(HomeId("h1"), now - 32 * DAY, now + DAY)] == [1, 1]
    history.close()
