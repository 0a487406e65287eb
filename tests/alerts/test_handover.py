"""The sheet that one shift gives the next."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import Engine

from alerts.book import WatchedHome
from alerts.desk import decide
from alerts.handover import Away, Handover, Silent, sheet
from alerts.modes import Modes
from alerts.records import encode_status
from alerts.sqlbook import SqlBook
from domain.alerts import Outcome, Result, Step
from domain.clock import DAY, HOUR, MINUTE
from domain.findings import Finding, Level
from domain.ids import DeviceId, HomeId
from domain.modes import ModeKind
from domain.status import DeviceStatus, HomeStatus, Observability, Resident
from kehai.cli import main
from tests.alerts.duty import HOME, SILENCE, T, installation

OTHER = HomeId("h2")
NOW = T + 3 * HOUR


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    engine = installation(tmp_path)
    yield engine
    engine.dispose()


def take(book: SqlBook, finding: Finding) -> None:
    with book.transaction() as page:
        decide(page, [finding], finding.raised_at, catching_up=False)


def read(engine: Engine, homes: frozenset[HomeId] | None = None) -> Handover:
    with engine.connect() as connection:
        return sheet(connection, T - MINUTE, NOW, homes)


def test_what_is_open_stands_first_by_urgency_and_what_was_tried_in_vain_is_marked(engine: Engine) -> None:
    book = SqlBook(engine)
    take(book, replace(SILENCE, level=Level.PROMPT))
    take(book, replace(SILENCE, home=OTHER, raised_at=T + HOUR))
    book.act(2, 1, "step", "sato", T + HOUR, step=(Step.CALL_RESIDENT, Result.NO_ANSWER))
    found = read(engine)
    assert ([alert.id for alert in found.open], found.unreached, found.raised) == ([2, 1], frozenset({2}), 2)
    book.act(2, 2, "step", "sato", T + HOUR, step=(Step.CALL_CONTACT, Result.REACHED))
    assert read(engine).unreached == frozenset()


def test_what_was_reached_before_an_alert_was_opened_again_counts_no_more(engine: Engine) -> None:
    book = SqlBook(engine)
    take(book, SILENCE)
    book.act(1, 1, "step", "sato", T + MINUTE, step=(Step.CALL_RESIDENT, Result.REACHED))
    version = book.act(1, 2, "close", "sato", T + 2 * MINUTE, outcome=Outcome.SPOKE_SAFE, note="well").version
    version = book.act(1, version, "reopen", "sato", T + 3 * MINUTE, note="by mistake").version
    book.act(1, version, "step", "sato", T + 4 * MINUTE, step=(Step.CALL_RESIDENT, Result.NO_ANSWER))
    found = read(engine)
    assert (found.unreached, found.closed) == (frozenset({1}), ())


def test_what_was_closed_in_the_shift_is_told_and_what_was_closed_before_is_not(engine: Engine) -> None:
    book = SqlBook(engine)
    take(book, replace(SILENCE, raised_at=T - 2 * HOUR, onset=T - 3 * HOUR))
    book.act(1, 1, "close", "sato", T - HOUR, outcome=Outcome.SPOKE_SAFE, note="well")
    take(book, replace(SILENCE, home=OTHER))
    book.act(2, 1, "close", "sato", T + HOUR, outcome=Outcome.UNREACHED, note="again tomorrow")
    assert [(alert.id, alert.outcome) for alert in read(engine).closed] == [(2, Outcome.UNREACHED)]


def test_who_is_away_and_what_is_silent_stand_on_it_and_another_area_s_do_not(engine: Engine) -> None:
    Modes(engine).say(HOME, ModeKind.HOSPITAL, T + 9 * DAY, "sato", T)
    Modes(engine).say(HOME, ModeKind.VISITOR, T + 9 * DAY, "sato", T)
    device = DeviceStatus(DeviceId("kitchen"), "motion", "kitchen", False, None, True)
    status = HomeStatus(HOME, Resident.UNKNOWN, Observability.PARTIAL, T, T, None, None, None, 0, devices=(device,))
    with SqlBook(engine).transaction() as page:
        page.save(WatchedHome(HOME, 1, b"", encode_status(status)))
        page.save(WatchedHome(OTHER, 1, b"", b""))
    found = read(engine)
    assert found.away == (Away(HOME, ModeKind.HOSPITAL, T + 9 * DAY),)
    assert found.silent == (Silent(HOME, Observability.PARTIAL, ("kitchen",)),)
    assert read(engine, frozenset({OTHER})) == Handover((), frozenset(), (), (), (), 0, {}, {})


def test_the_command_prints_it(tmp_path: Path, engine: Engine, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "kehai.toml"
    file.write_text(f'[installation]\nname = "t"\nzone = "Asia/Tokyo"\ndata = "{tmp_path}"\n')
    take(SqlBook(engine), SILENCE)
    with pytest.raises(SystemExit):
        main(["handover", "--config", str(file), "--area", "南", "--language", "en"])
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "Open: 1"
    assert lines[1].split("\t")[:4] == ["#1", "page", "h1 青", "inactivity"]
    with pytest.raises(SystemExit):
        main(["handover", "--config", str(file), "--language", "ja"])
    said = capsys.readouterr().out
    assert said.splitlines()[0] == "対応が必要な通知: 1"
    assert said.splitlines()[1].split("\t")[:4] == ["#1", "至急対応", "h1 青", "動きなし"]
    assert not set(re.findall(r"[A-Za-z]{3,}", said)), "no word of the code"
    with pytest.raises(SystemExit) as ended:
        main(["handover", "--config", str(file), "--area", "北"])
    assert ended.value.code == 2
