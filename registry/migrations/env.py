"""How Alembic reaches the database: always through a connection that the caller opened."""

from __future__ import annotations

from alembic import context

from registry.database import metadata

connection = context.config.attributes["connection"]
context.configure(connection=connection, target_metadata=metadata, render_as_batch=True, transactional_ddl=True)
with context.begin_transaction():
    context.run_migrations()
connection.commit()
