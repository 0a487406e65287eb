"""The commands of a care manager who changes a budget: try it over the past, run it in silence, switch it on, go back."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import Engine

from alerts.rulebook import Rulebook
from alerts.shadowbook import Shadowbook
from alerts.sqlbook import SqlBook
from alerts.watch import Watch
from domain.clock import DAY, HOUR, SystemClock
from domain.ids import GatewayId, HomeId
from domain.readings import Arrival, Vouch
from domain.stage import ListFeed, drive
from ingest.feed import JournalFeed
from ingest.journal import Journal
from registry.database import migrate, open_database
from registry.homes import Home, Homes
from simulators.incidents import collapse
from simulators.recording import Recording
from simulators.replay import Replay
from tests.kehai.test_cli import Terminal, kehai
from tests.simulators.homes import recorded, with_outage, with_readings

__all__ = ["kehai"]
HOME = HomeId("home")


def story() -> Recording:
    home = recorded(days=11)
    fallen = collapse(home.home, home.readings, home.start + 9 * DAY + 3 * HOUR, 15 * HOUR)
    assert fallen is not None
    home = with_readings(home, fallen[0])
    home = with_outage(home, home.start + 6 * DAY + HOUR, home.start + 6 * DAY + 2 * HOUR)
    return replace(home, home=replace(home.home, home=HOME))


@pytest.fixture(scope="module")
def lived(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An installation whose watch has read eleven days of one home; its clock stands at their end."""
    folder = tmp_path_factory.mktemp("installation")
    home = story()
    engine = open_database(f"sqlite:///{folder / 'kehai.db'}")
    migrate(engine)
    Homes(engine).add_all(
        [(Home(HOME, "a", "Asia/Tokyo", "見本町", "", "", "", "", "", ()), [GatewayId("gw-home")])], home.start
    )
    journal = Journal(folder / "journal.db", durable=False)
    for _ in Replay(home).through_ingest(journal):
        pass
    watch(engine, journal)
    journal.close()
    engine.dispose()
    clock = f"[clock]\norigin = {SystemClock().now()}\nstart = {home.end}\nspeed = 0.001\n"
    (folder / "k.toml").write_text(f'[installation]\ndata = "{folder}"\n{clock}')
    return folder / "k.toml"


def watch(engine: Engine, journal: Journal) -> None:
    stage = Watch(
        SqlBook(engine), {"inactivity": {"page_budget": 1.0}}, rules=(Rulebook(engine), Shadowbook(engine)),
        save_every=DAY,
    )  # fmt: skip
    drive(JournalFeed(journal, stage.offset), stage)
    stage.save(stage.now)


@pytest.fixture
def database(lived: Path) -> Iterator[Engine]:
    engine = open_database(f"sqlite:///{lived.parent / 'kehai.db'}")
    yield engine
    engine.dispose()


def test_rules_that_are_tried_over_the_past_are_shown_beside_the_live_ones_and_change_nothing(
    kehai: Terminal, lived: Path, database: Engine
) -> None:
    tried = kehai("rules", "try", HOME, "--set", "inactivity.page_budget=20", "--days", "3", "--config", lived)
    assert tried.status == 0, tried.err
    assert "home: inactivity.page_budget=20 over 3 days of its own past, after 8 days to learn from" in tried.out
    assert "page inactivity" in tried.out
    assert "Where they differ" in tried.out
    assert "earlier" in tried.out
    assert " -> " in tried.out
    assert tried.out.rstrip().endswith("Nothing has been changed.")
    assert Rulebook(database).sets() == {}
    same = kehai("rules", "try", HOME, "--set", "inactivity.page_budget=1", "--days", "3", "--config", lived)
    assert "Where they differ" not in same.out, "the control: the same rules find the same"


def test_a_budget_goes_from_silence_to_live_by_name_and_back(kehai: Terminal, lived: Path, database: Engine) -> None:
    made = kehai(
        "rules", "shadow", "--home", HOME, "--set", "inactivity.page_budget=4", "--by", "鈴木", "--config", lived,
        "--why", "家族の希望",
    )  # fmt: skip
    assert made.status == 0, made.err
    assert "1: home:home/1 runs silently beside the live rules" in made.err
    assert "in 1 homes" in made.err
    assert "proposed" in kehai("rules", "list", "--config", lived).out
    rulebook = Rulebook(database)
    stage = Watch(SqlBook(database), {}, rules=(rulebook, Shadowbook(database)))
    now = story().end + HOUR
    beat = Vouch(HOME, GatewayId("gw-home"), now, ((now - HOUR, now),), (), now, now)
    later = Arrival(stage.offset + 1, now, (beat,))
    drive(ListFeed([later]), stage)
    stage.save(stage.now)
    listed = kehai("rules", "list", "--config", lived).out
    assert listed.endswith("1\thome:home/1\tinactivity.page_budget=4\tshadow\t0 findings in silence\n")
    shown = kehai("rules", "show", "1", "--config", lived).out
    assert "written by 鈴木: 家族の希望" in shown
    assert "In silence in 1 homes" in shown
    approved = kehai("rules", "approve", "1", "--by", "佐藤", "--from", "2026-03-20T09:00", "--config", lived)
    assert approved.err == "home:home/1 decides as of 2026-03-20 09:00, by 佐藤.\n"
    assert "approve by 佐藤 (waits)" in kehai("rules", "show", "1", "--config", lived).out
    assert kehai("rules", "withdraw", "1", "--by", "佐藤", "--config", lived).status == 0


@pytest.mark.parametrize(
    ("arguments", "status", "sentence"),
    [
        (("try", "nobody", "--set", "inactivity.page_budget=1"), 2, "Nothing has been heard of a home 'nobody'"),
        (("try", HOME, "--set", "inactivity.page_budget"), 2, "is not DETECTOR.PARAMETER=VALUE"),
        (("try", HOME, "--set", "inactivity.page_budget=much"), 2, "neither a number"),
        (("try", HOME, "--set", "inactivity.page_budget=-1"), 2, "use a number from"),
        (("shadow", "--set", "heat.on=false", "--by", "x"), 2, "Say for whom"),
        (("shadow", "--home", "nobody", "--set", "heat.on=false", "--by", "x"), 2, "There is no home in home:nobody"),
        (("shadow", "--home", HOME, "--set", "gateway_silent.on=false", "--by", "x"), 1, "cannot be switched off"),
        (("approve", "77", "--by", "x"), 1, "There is no rule set 77"),
        (("approve", "77", "--by", "x", "--from", "soon"), 2, "is no instant"),
        (("show", "77"), 2, "There is no rule set 77"),
    ],
)  # fmt: skip
def test_what_cannot_be_done_is_refused_in_one_sentence(
    kehai: Terminal, lived: Path, arguments: tuple[str, ...], status: int, sentence: str
) -> None:
    said = kehai("rules", *arguments, "--config", lived)
    assert (said.status, sentence in said.sentence()) == (status, True), said.err
