"""The projection's tables in the SQL database. Instants are integers, microseconds since the epoch."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Integer, String, Table, Text

from registry.database import metadata

projections = Table(
    "projections",
    metadata,
    Column("name", String(20), primary_key=True),
    Column("offset", BigInteger, nullable=False),  # every commit of the journal up to here is in the store, or refused
    Column("saved_at", BigInteger, nullable=False),
)

rooms = Table(
    "projected_rooms",
    metadata,
    Column("gateway", String(64), primary_key=True),
    Column("device", String(64), primary_key=True),
    Column("room", String(80), nullable=False),  # as announced by the commit at ``projections.offset``
)

refused = Table(
    "refused_points",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("key", String(64), nullable=False, unique=True),  # SHA-256 of series and timestamp
    Column("refused_at", BigInteger, nullable=False),
    Column("status", Integer, nullable=False),  # of HTTP; 0 when the store failed at it without an answer
    Column("words", Text, nullable=False),  # the store's own
    Column("line", Text, nullable=False),
)
