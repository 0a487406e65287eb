"""Names for addresses that nobody can read, and which events of LINE were taken."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column and the table."""
    op.add_column("addresses", sa.Column("name", sa.String(length=80), server_default="", nullable=False))
    op.create_table(
        "line_events",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_line_events")),
    )


def downgrade() -> None:
    """Take both away."""
    op.drop_table("line_events")
    op.drop_column("addresses", "name")
