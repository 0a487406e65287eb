"""``kehai home``: what staff say about a home, from the command line."""

from __future__ import annotations

from pathlib import Path

import pytest

from alerts.modes import Modes, read_until, to_hospital
from domain.clock import DAY, HOUR, from_iso
from domain.ids import HomeId
from domain.localtime import LocalTime
from domain.modes import ModeEnd, ModeKind
from kehai.cli import main
from registry.database import migrate, open_database
from registry.homes import Home, Homes
from registry.staff import Staff

TOKYO = LocalTime("Asia/Tokyo")
NOW = from_iso("2026-03-02T10:00:00+09:00")


@pytest.fixture
def config(tmp_path: Path) -> Path:
    file = tmp_path / "kehai.toml"
    file.write_text(f'[installation]\nname = "t"\nzone = "Asia/Tokyo"\ndata = "{tmp_path}"\n')
    engine = open_database(f"sqlite:///{tmp_path / 'kehai.db'}")
    migrate(engine)
    Homes(engine).add_all([(Home(HomeId("h1"), "A", "Asia/Tokyo"), [])], NOW)
    Staff(engine).add("hana", "Hana", "a long enough one", NOW)
    engine.dispose()
    return file


def modes(config: Path) -> Modes:
    return Modes(open_database(f"sqlite:///{config.parent / 'kehai.db'}"))


def kehai(*arguments: object) -> int:
    with pytest.raises(SystemExit) as ended:
        main([str(argument) for argument in arguments])
    return ended.value.code if isinstance(ended.value.code, int) else 0


def test_away_and_back_are_written_down_listed_and_kept(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    more = ("--by", "hana", "--config", config)
    assert kehai("home", "away", "h1", "--until", "3d", "--why", "onsen", *more) == 0
    (said,) = modes(config).holding()
    assert (said.kind, said.by, said.why) == (ModeKind.AWAY, "hana", "onsen")
    capsys.readouterr()
    assert kehai("home", "list", "--config", config) == 0
    assert "h1\taway\t" in (out := capsys.readouterr().out)
    assert out.endswith("hana\tholds\tonsen\n")
    assert kehai("home", "visitor", "h1", "--until", "12h", *more) == 0
    assert kehai("home", "back", "h1", *more) == 0
    assert {mode.end for mode in modes(config).of(HomeId("h1"))} == {ModeEnd.BACK}
    capsys.readouterr()
    assert kehai("home", "list", "h1", "--config", config) == 0
    assert capsys.readouterr().out.count("back at ") == 2


def test_somebody_in_hospital_needs_no_date(config: Path) -> None:
    assert kehai("home", "hospital", "h1", "--by", "hana", "--config", config) == 0
    (said,) = modes(config).holding()
    assert said.until - said.written_at == 14 * DAY


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (("away", "h9", "--until", "3d", "--by", "hana"), "h9"),
        (("away", "h1", "--until", "3d", "--by", "nobody"), "nobody"),
        (("away", "h1", "--until", "soon", "--by", "hana"), "soon"),
        (("away", "h1", "--until", "2001-01-01", "--by", "hana"), "past"),
        (("visitor", "h1", "--until", "900d", "--by", "hana"), "year"),
    ],
)
def test_a_wrong_call_is_one_sentence_and_changes_nothing(
    config: Path, capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], word: str
) -> None:
    assert kehai("home", *arguments, "--config", config) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert word in line
    assert modes(config).holding() == []


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("2026-03-05", "2026-03-05T18:00:00+09:00"),
        ("2026-03-05T07:30", "2026-03-05T07:30:00+09:00"),
        ("2d", "2026-03-04T10:00:00+09:00"),
        ("12h", "2026-03-02T22:00:00+09:00"),
    ],
)
def test_a_time_is_read_on_the_home_s_wall_clock(text: str, meant: str) -> None:
    assert read_until(text, TOKYO, NOW) == from_iso(meant)


@pytest.mark.parametrize("text", ["", "soon", "2026-13-01", "2026-03-05T07:30+09:00", "-3d"])
def test_what_is_no_time_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"no time|time zone"):
        read_until(text, TOKYO, NOW + HOUR)


def test_a_stay_in_hospital_that_an_outcome_wrote_down_has_no_date(
    config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with open_database(f"sqlite:///{config.parent / 'kehai.db'}").begin() as connection:
        to_hospital(connection, HomeId("h1"), 7, "hana", NOW)
    assert kehai("home", "list", "--config", config) == 0
    [line] = capsys.readouterr().out.splitlines()
    assert line.split("\t")[1:2] + line.split("\t")[3:6] == ["hospital", "no date", "hana", "holds"]
