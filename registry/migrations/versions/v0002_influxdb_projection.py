"""The projection into InfluxDB: its cursor, the rooms as of there, the points that were refused."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make its three tables."""
    op.create_table(
        "projections",
        sa.Column("name", sa.String(length=20), nullable=False),
        sa.Column("offset", sa.BigInteger(), nullable=False),
        sa.Column("saved_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_projections")),
    )
    op.create_table(
        "projected_rooms",
        sa.Column("gateway", sa.String(length=64), nullable=False),
        sa.Column("device", sa.String(length=64), nullable=False),
        sa.Column("room", sa.String(length=80), nullable=False),
        sa.PrimaryKeyConstraint("gateway", "device", name=op.f("pk_projected_rooms")),
    )
    op.create_table(
        "refused_points",
        sa.Column("id", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("key", sa.String(length=64), nullable=False),
        sa.Column("refused_at", sa.BigInteger(), nullable=False),
        sa.Column("status", sa.Integer(), nullable=False),
        sa.Column("words", sa.Text(), nullable=False),
        sa.Column("line", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_refused_points")),
        sa.UniqueConstraint("key", name=op.f("uq_refused_points_key")),
    )


def downgrade() -> None:
    """Drop them."""
    op.drop_table("refused_points")
    op.drop_table("projected_rooms")
    op.drop_table("projections")
