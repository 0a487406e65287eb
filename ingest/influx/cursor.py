"""How far the projection has come. Light: whoever asks need not load what writes to a store."""

from __future__ import annotations

from sqlalchemy import Engine, select

from ingest.influx import tables

NAME = "influxdb"


def passed(engine: Engine) -> int | None:
    """The journal offset that the projection no longer needs, nor anything before it; None when it has never run."""
    wanted = select(tables.projections.c.offset).where(tables.projections.c.name == NAME)
    with engine.connect() as connection:
        return connection.execute(wanted).scalar()
