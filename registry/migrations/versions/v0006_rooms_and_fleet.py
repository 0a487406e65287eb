"""What a device's room is for, and its model, where the gateway tells; and what the watch knows of all homes together."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the columns and the table."""
    op.add_column("devices", sa.Column("room_type", sa.String(length=20), nullable=True))
    op.add_column("devices", sa.Column("model", sa.String(length=80), nullable=False, server_default=""))
    op.create_table(
        "fleet",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("state", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_fleet")),
    )
