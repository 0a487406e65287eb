"""The SQL database that registry and book share: one engine, one metadata, one line of migrations."""

from __future__ import annotations

import fcntl
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, cast

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, Engine, MetaData, Table, create_engine, event
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import make_url
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import ArgumentError, DBAPIError, SQLAlchemyError
from sqlalchemy.pool import ConnectionPoolEntry

from domain.errors import ConfigurationError, KehaiError

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)
"""Every table of registry and book; the rooms add theirs."""

MIGRATIONS = Path(__file__).resolve().parent / "migrations"
"""Where Alembic finds them."""


def open_database(url: str) -> Engine:
    """An engine for ``url``; SQLite is opened in WAL mode with ``synchronous=FULL`` and foreign keys on.

    Raises ConfigurationError, in one sentence, for a URL or a driver that does not work here.
    """
    try:
        parsed = make_url(url)
        engine = create_engine(parsed, pool_pre_ping=parsed.get_backend_name() != "sqlite")
    except (ArgumentError, ImportError, SQLAlchemyError) as error:
        raise ConfigurationError(
            f"The database URL does not work here ({str(error).splitlines()[0]}): mend installation.database."
        ) from error
    if engine.dialect.name == "sqlite":
        event.listen(engine, "connect", _prepare_sqlite)
    return engine


def _prepare_sqlite(connection: DBAPIConnection, _record: ConnectionPoolEntry) -> None:
    cursor = connection.cursor()
    for pragma in ("busy_timeout=15000", "journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def insert_into(connection: Connection, table: Table) -> postgresql.Insert | sqlite.Insert:
    """An INSERT that can say what is to be done where such a row is there already; SQLAlchemy's common one cannot."""
    return postgresql.insert(table) if connection.dialect.name == "postgresql" else sqlite.insert(table)


def upsert(connection: Connection, table: Table, key: Mapping[str, Any], values: Mapping[str, Any]) -> None:
    """Make the row of this key say ``values``, be it there or not."""
    statement = insert_into(connection, table).values(**key, **values)
    connection.execute(statement.on_conflict_do_update(index_elements=list(key), set_=dict(values)))


def migrate(engine: Engine) -> None:
    """Bring the database to the newest schema; several processes may call it at once, one does the work.

    Raises KehaiError, in one sentence, when it cannot be reached or is damaged.
    """
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.set_main_option("path_separator", "os")
    try:
        with _alone(engine), engine.connect() as connection, _whole(connection):
            config.attributes["connection"] = connection
            command.upgrade(config, "head")
    except DBAPIError as error:
        raise KehaiError(
            f"The database {engine.url!r} cannot be used ({error.orig}): start it or mend its URL; "
            "a damaged file is moved aside and restored from a backup."
        ) from error


@contextmanager
def _whole(connection: Connection) -> Iterator[None]:
    """All migrations or none: SQLite's driver would commit each change of a table by itself, and a death between two of them
    would leave a schema that is neither the old one nor the new.
    """
    if connection.dialect.name != "sqlite":
        yield
        return
    driver = cast("sqlite3.Connection", connection.connection.dbapi_connection)
    before, driver.isolation_level = driver.isolation_level, None
    try:
        driver.execute("BEGIN IMMEDIATE")
        yield
    finally:
        with suppress(sqlite3.ProgrammingError):  # closed by whatever cut it short
            driver.rollback()
            driver.isolation_level = before


@contextmanager
def _alone(engine: Engine) -> Iterator[None]:
    """Keep other processes of this machine from migrating the same SQLite file."""
    name = engine.url.database
    if engine.dialect.name != "sqlite" or not name or name == ":memory:":
        yield
        return
    file = Path(name)
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        lock = file.with_name(file.name + ".migrating").open("wb")
    except OSError as error:
        raise ConfigurationError(
            f"{file.parent} cannot be written to ({error.strerror}): give this user the right to, or mend installation.data."
        ) from error
    with lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
