"""``kehai policy`` and ``kehai rota``: who is called, from the command line."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import delete

from alerts.duty_tables import ladders
from alerts.policy import decode, in_force
from alerts.sqlbook import SqlBook
from domain.alerts import Reason, State
from domain.findings import Level
from kehai.cli import main
from registry.database import open_database
from registry.staff import Staff
from tests.alerts.duty import SILENCE, T, installation


@pytest.fixture
def config(tmp_path: Path) -> Path:
    file = tmp_path / "kehai.toml"
    file.write_text(f'[installation]\nname = "t"\nzone = "Asia/Tokyo"\ndata = "{tmp_path}"\n')
    installation(tmp_path).dispose()
    return file


def kehai(*arguments: object) -> int:
    with pytest.raises(SystemExit) as ended:
        main([str(argument) for argument in arguments])
    return ended.value.code if isinstance(ended.value.code, int) else 0


def test_a_policy_is_shown_edited_set_and_taken_back(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    where = ("--area", "南", "--config", config)
    assert kehai("policy", "show", "page", *where) == 0
    shown = capsys.readouterr()
    assert "It comes with the program" in shown.err
    assert "after 0 min: " in shown.err
    edited = config.parent / "page.json"
    edited.write_text(shown.out.replace('"rota:default"', '"staff:sato"', 1), encoding="utf-8")
    assert kehai("policy", "set", "page", edited, "--by", "boss", "--why", "she lives there", *where) == 0
    capsys.readouterr()
    assert kehai("policy", "show", *where) == 0
    shown = capsys.readouterr()
    assert decode(shown.out).rungs[0].whom == ("staff:sato",)
    assert "Version 1 of 南, by boss: she lives there" in shown.err
    assert "after 0 min: sato (staff:sato)" in shown.err
    assert kehai("policy", "drop", "page", "--by", "boss", *where) == 0
    capsys.readouterr()
    assert kehai("policy", "list", "--config", config) == 0
    assert [line.split("\t")[:4] for line in capsys.readouterr().out.splitlines()] == [
        ["南", "page", "2", "taken back"], ["南", "page", "1", "3 rungs"],
    ]  # fmt: skip


def test_a_policy_that_cannot_be_is_refused_in_one_sentence_and_changes_nothing(
    config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = config.parent / "page.json"
    file.write_text('{"rungs": [{"whom": ["the doctor"]}]}', encoding="utf-8")
    for arguments, why in (
        (("page", file, "--by", "boss"), "Rung 1 calls 'the doctor'"),
        (("page", file, "--by", "nobody"), "the doctor"),
        (("digest", file, "--by", "boss"), "no level that calls anybody"),
        (("page", config.parent / "none.json", "--by", "boss"), "cannot be read"),
    ):
        assert kehai("policy", "set", *arguments, "--config", config) in (1, 2)
        said = capsys.readouterr().err
        assert why in said
        assert said.count("\n") == 1
    file.write_text('{"rungs": [{"whom": ["managers"]}]}', encoding="utf-8")
    assert kehai("policy", "set", "page", file, "--by", "boss", "--area", "どこか", "--config", config) == 2
    assert kehai("policy", "drop", "page", "--by", "boss", "--config", config) == 2
    with open_database(f"sqlite:///{config.parent / 'kehai.db'}").connect() as connection:
        assert in_force(connection, "", Level.PAGE).id is None


def test_a_night_shift_and_somebody_who_stands_in_are_written_shown_and_ended(
    config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    more = ("--config", config)
    assert kehai("rota", "add", "default", "tanaka", "--from", "22:00", "--to", "6:00", "--days", "fri-sun", *more) == 0
    assert kehai("rota", "add", "default", "sato", "--from", "00:00", "--to", "00:00", "--position", "1", *more) == 0
    assert (
        kehai("rota", "cover", "default", "suzuki", "--until", "3d", "--instead-of", "sato", "--by", "boss", *more) == 0
    )
    capsys.readouterr()
    assert kehai("rota", "show", *more) == 0
    out = capsys.readouterr().out
    assert "shift 1\t0\ttanaka\tfri,sat,sun\t22:00-06:00" in out
    assert "shift 2\t1\tsato\tmon,tue,wed,thu,fri,sat,sun\t00:00-00:00" in out
    assert "suzuki" in out.splitlines()[0]
    assert "cover 1\tsuzuki\tinstead of sato" in out
    assert kehai("rota", "uncover", 1, *more) == 0
    assert kehai("rota", "uncover", 1, *more) == 2
    assert kehai("rota", "remove", 2, *more) == 0
    assert kehai("rota", "remove", 2, *more) == 2


@pytest.mark.parametrize(
    ("wrong", "why"),
    [
        (("add", "default", "sato", "--from", "late", "--to", "06:00"), "no time of day"),
        (("add", "default", "sato", "--from", "22:00", "--to", "06:00", "--days", "someday"), "'someday' is no day"),
        (("add", "default", "nobody", "--from", "22:00", "--to", "06:00"), "no open account 'nobody'"),
        (("cover", "default", "sato", "--until", "soon", "--by", "boss"), "'soon' is no time"),
        (("cover", "default", "sato", "--until", "3d", "--by", "nobody"), "no account 'nobody'"),
    ],
)
def test_what_cannot_be_is_refused_in_one_sentence(
    config: Path, capsys: pytest.CaptureFixture[str], wrong: tuple[str, ...], why: str
) -> None:
    assert kehai("rota", *wrong, "--config", config) in (1, 2)
    said = capsys.readouterr().err
    assert why in said
    assert said.count("\n") == 1


def test_the_doctor_says_which_alert_has_no_next_step(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    engine = open_database(f"sqlite:///{config.parent / 'kehai.db'}")
    with SqlBook(engine).transaction() as page:
        page.open(SILENCE, State.OPEN, Reason.RAISED, T, late=False)
    with engine.begin() as connection:
        connection.execute(delete(ladders))
    engine.dispose()
    assert kehai("doctor", "--config", config) == 1
    assert "BAD  alert 1: nothing is due about it" in capsys.readouterr().out


def test_staff_are_given_the_areas_about_which_they_are_called(
    config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    more = ("--config", config)
    assert kehai("admin", "staff", "areas", "sato", "南", *more) == 0
    engine = open_database(f"sqlite:///{config.parent / 'kehai.db'}")
    assert Staff(engine).areas() == {"sato": ("南",)}
    assert kehai("admin", "staff", "areas", "sato", "北", *more) == 2
    assert "No home lies in '北'" in capsys.readouterr().err
    assert kehai("admin", "staff", "areas", "sato", *more) == 0
    assert Staff(engine).areas() == {}
    engine.dispose()
