"""What each gateway's password is checked against, and which gateways were changed, in order."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column and the log."""
    op.add_column("gateways", sa.Column("credential", sa.String(length=200), nullable=True))
    op.create_table(
        "gateway_changes",
        sa.Column("id", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("gateway", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_gateway_changes")),
    )
