"""``kehai ledger``: the figures of an installation, from the command line."""

from __future__ import annotations

import csv
from dataclasses import replace
from pathlib import Path

import pytest

from alerts.desk import decide
from alerts.ledgertable import HEADER
from alerts.sqlbook import SqlBook
from domain.clock import HOUR, MINUTE, SystemClock
from domain.findings import Finding
from domain.ids import HomeId
from registry.database import open_database
from registry.homes import Home, Homes
from tests.alerts.duty import SILENCE, installation
from tests.kehai.test_calling_cli import kehai


@pytest.fixture
def config(tmp_path: Path) -> Path:
    file = tmp_path / "kehai.toml"
    file.write_text(f'[installation]\nname = "t"\nzone = "Asia/Tokyo"\ndata = "{tmp_path}"\n')
    installation(tmp_path).dispose()
    return file


def test_each_area_has_a_line_for_pages_and_one_for_prompts(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    engine = open_database(f"sqlite:///{config.parent / 'kehai.db'}")
    Homes(engine).add(Home(HomeId("h2"), "赤", "Asia/Tokyo", area="=1+1"), [], 0)
    at = SystemClock().now() - HOUR
    finding: Finding = replace(SILENCE, onset=at - HOUR, raised_at=at)
    with SqlBook(engine).transaction() as page:
        decide(page, [finding], at, catching_up=False)
    SqlBook(engine).act(1, 1, "claim", "sato", at + 2 * MINUTE)
    engine.dispose()
    assert kehai("ledger", "--csv", "--config", config) == 0
    rows = list(csv.DictReader(capsys.readouterr().out.splitlines()))
    assert [(row["of"], row["level"], row["raised"]) for row in rows] == [
        ("'=1+1", "page", "0"), ("南", "page", "1"), ("'=1+1", "prompt", "0"), ("南", "prompt", "0"),
    ]  # fmt: skip
    south = rows[1]
    assert (south["claimed_median_s"], south["claimed_share_60s"], south["claimed_share_180s"]) == (
        "120",
        "0.000",
        "1.000",
    )
    assert south["false_a_month"] == "", "no gateway has vouched: no rate is made up"
    assert kehai("ledger", "--by", "rule", "--language", "ja", "--config", config) == 0
    header, line = capsys.readouterr().out.splitlines()
    assert header.split("\t")[:4] == ["項目", "区分", "見守り月数(戸×月)", "発報"]
    assert len(header.split("\t")) == len(line.split("\t")) == len(HEADER)
    assert line.split("\t")[:2] == ["動きなし", "至急対応"]
    assert kehai("ledger", "--csv", "--language", "ja", "--config", config) == 0
    assert capsys.readouterr().out.startswith("of,level,"), "programs read the same names in every language"
    assert kehai("ledger", "--by", "home", "--area", "南", "--config", config) == 0
    lines = [line.split("\t") for line in capsys.readouterr().out.splitlines()]
    assert [line[:2] for line in lines[1:]] == [["h1", "page"], ["h1", "prompt"]]


@pytest.mark.parametrize("words", [("--by", "street"), ("--area", "北")])
def test_what_there_is_no_ledger_of_is_refused_in_one_sentence(
    config: Path, capsys: pytest.CaptureFixture[str], words: tuple[str, str]
) -> None:
    assert kehai("ledger", *words, "--config", config) == 2
    assert words[1] in capsys.readouterr().err
