"""``kehai admin audit``: what commands did stands in the log, and the log can be checked and taken along."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from sqlalchemy import text

from registry.database import open_database
from tests.kehai.test_home_cli import config, kehai

__all__ = ["config"]  # the fixture


def test_commands_that_change_an_account_or_silence_a_home_leave_a_row(
    config: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    at = ("--config", config)
    assert kehai("admin", "staff", "role", "hana", "viewer", *at) == 0
    assert kehai("admin", "staff", "sees", "hana", "--home", "h1", *at) == 0
    assert kehai("silence", "add", "--home", "h1", "--until", "3d", "--why", "改修", "--by", "hana", *at) == 0
    assert kehai("admin", "staff", "reset", "hana", *at) == 2, "there is no second factor to take away"
    assert kehai("admin", "staff", "disable", "hana", *at) == 0
    out = tmp_path / "log.jsonl"
    assert kehai("admin", "audit", "export", out, *at) == 0
    found = [json.loads(line) for line in out.read_text(encoding="utf-8").splitlines()]
    assert [(row["what"], row["about"], row["detail"]) for row in found] == [
        ("account", "staff:hana", "role viewer"),
        ("account", "staff:hana", "sees h1"),
        ("did", "home:h1", "silence 1, for hana"),
        ("account", "staff:hana", "disabled"),
        ("exported", "", "audit log"),
    ]
    assert all(row["who"].startswith("~cli") for row in found)
    assert out.stat().st_mode & 0o777 == 0o600
    capsys.readouterr()
    assert kehai("admin", "audit", "verify", "--file", out) == 0
    anchor = capsys.readouterr().out.split("Anchor: ")[1].strip()
    assert anchor == f"5:{found[-1]['digest']}"
    assert kehai("admin", "audit", "verify", "--anchor", anchor, *at) == 0
    assert kehai("admin", "audit", "export", out, *at) == 2, "a file is never overwritten"


def test_a_log_that_was_tampered_with_is_told_in_one_sentence(
    config: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    for role in ("viewer", "auditor", "staff"):
        kehai("admin", "staff", "role", "hana", role, "--config", config)
    out = tmp_path / "log.jsonl"
    kehai("admin", "audit", "export", out, "--config", config)
    out.write_text(out.read_text().replace("role auditor", "role manager"))
    engine = open_database(f"sqlite:///{config.parent / 'kehai.db'}")
    with engine.begin() as connection:
        connection.execute(text("DROP TRIGGER audit_is_not_cut"))
        connection.execute(text("DELETE FROM audit WHERE number = 2"))
    engine.dispose()
    capsys.readouterr()
    assert kehai("admin", "audit", "verify", "--config", config) == 1
    told = capsys.readouterr().err
    assert "row 2 is missing" in told
    assert len(told.strip().splitlines()) == 1
    assert kehai("admin", "audit", "verify", "--file", out) == 1
    assert "row 2 does not say what it said" in capsys.readouterr().err


@pytest.mark.parametrize("wrong", [(), ("--anchor", "x"), ("--file", "/nowhere")])
def test_a_call_that_cannot_be_is_told_in_one_sentence(wrong: tuple[str, ...]) -> None:
    assert kehai("admin", "audit", "verify", *wrong) == 2
