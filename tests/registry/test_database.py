"""The database and its migrations."""

from __future__ import annotations

from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import event, text

import alerts.duty_tables
import alerts.tables
import ingest.influx.tables
import registry.tables  # noqa: F401 (fills the metadata)
from domain.errors import ConfigurationError
from registry.database import metadata, migrate, open_database

assert alerts.tables.alerts.metadata is metadata
assert alerts.duty_tables.ladders.metadata is metadata
assert ingest.influx.tables.projections.metadata is metadata


def test_the_migrations_make_exactly_the_tables_that_the_code_speaks_of(tmp_path: Path) -> None:
    engine = open_database(f"sqlite:///{tmp_path / 'kehai.db'}")
    migrate(engine)
    with engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []
    engine.dispose()


def test_migrating_twice_changes_nothing(tmp_path: Path) -> None:
    engine = open_database(f"sqlite:///{tmp_path / 'kehai.db'}")
    migrate(engine)
    migrate(engine)
    engine.dispose()


def test_sqlite_is_opened_so_that_a_commit_survives_a_power_cut(tmp_path: Path) -> None:
    engine = open_database(f"sqlite:///{tmp_path / 'kehai.db'}")
    with engine.connect() as connection:
        assert connection.execute(text("PRAGMA journal_mode")).scalar() == "wal"
        assert connection.execute(text("PRAGMA synchronous")).scalar() == 2
        assert connection.execute(text("PRAGMA foreign_keys")).scalar() == 1
    engine.dispose()


@pytest.mark.parametrize("url", ["nonsense", "postgresql+nothing://x/y", "oracle9://x"])
def test_a_database_url_that_cannot_work_is_refused_in_one_sentence(url: str) -> None:
    with pytest.raises(ConfigurationError, match=r"installation\.database") as caught:
        open_database(url)
    assert len(str(caught.value).splitlines()) == 1


@pytest.mark.parametrize("statement", [5, 40, 70])
def test_a_migration_that_is_cut_short_leaves_what_was_there_before(tmp_path: Path, statement: int) -> None:
    url = f"sqlite:///{tmp_path / 'kehai.db'}"
    engine, made = open_database(url), 0

    def die(*_what: object) -> None:
        nonlocal made
        made += 1
        if made == statement:
            raise KeyboardInterrupt

    event.listen(engine, "after_cursor_execute", die)
    with pytest.raises(KeyboardInterrupt):
        migrate(engine)
    engine.dispose()
    again = open_database(url)
    migrate(again)
    with again.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []
    again.dispose()
