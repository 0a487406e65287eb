"""The count of changes, by which pages see that something is new."""

from __future__ import annotations

from sqlalchemy import Connection

from alerts import tables
from registry.database import insert_into


def count_change(connection: Connection) -> None:
    """Something that a page could show has changed."""
    statement = insert_into(connection, tables.changes).values(id=1, count=1)
    connection.execute(
        statement.on_conflict_do_update(index_elements=["id"], set_={"count": tables.changes.c.count + 1})
    )
