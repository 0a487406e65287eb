"""The journal's tables, and how an older journal becomes today's."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from ingest.schema import SCRIPTS, bring_up_to_date, version_of


def test_an_empty_file_and_an_old_one_end_with_the_same_tables(tmp_path: Path) -> None:
    new, old = sqlite3.connect(tmp_path / "new.db"), sqlite3.connect(tmp_path / "old.db", isolation_level=None)
    old.executescript(SCRIPTS[0])  # as it was before versions were counted
    assert version_of(old) == 0
    for connection in (new, old):
        bring_up_to_date(connection)
        assert version_of(connection) == len(SCRIPTS)
    tables = "SELECT name, sql FROM sqlite_master WHERE name NOT LIKE 'sqlite_%' ORDER BY name"
    assert new.execute(tables).fetchall() == old.execute(tables).fetchall()
    new.close()
    old.close()


def test_a_script_that_fails_leaves_nothing(tmp_path: Path) -> None:
    connection = sqlite3.connect(tmp_path / "journal.db", isolation_level=None)
    bring_up_to_date(connection)
    with pytest.raises(sqlite3.OperationalError, match="already exists"):
        bring_up_to_date(connection, (*SCRIPTS, "CREATE TABLE half (id INTEGER); CREATE TABLE log (id INTEGER);"))
    assert version_of(connection) == len(SCRIPTS)
    assert not connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'half'").fetchall()
    connection.close()
