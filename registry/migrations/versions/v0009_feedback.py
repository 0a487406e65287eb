"""What people found, for the watch to read; and which alert's outcome said that a resident is in hospital."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the table and the column; what was written before teaches nothing afterwards."""
    op.create_table(
        "feedback",
        sa.Column("id", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("home", sa.String(length=64), nullable=False),
        sa.Column("alert", sa.Integer(), nullable=False),
        sa.Column("cause", sa.String(length=140), nullable=False),
        sa.Column("onset", sa.BigInteger(), nullable=False),
        sa.Column("level", sa.String(length=10), nullable=False),
        sa.Column("means", sa.String(length=10), nullable=True),
        sa.Column("outcome", sa.String(length=20), nullable=True),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("since", sa.BigInteger(), nullable=False),
        sa.Column("by", sa.String(length=64), nullable=False),
        sa.Column("written_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["alert"], ["alerts.id"], name=op.f("fk_feedback_alert"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_feedback")),
    )
    op.create_index("ix_feedback_home_id", "feedback", ["home", "id"])
    op.add_column("modes", sa.Column("alert", sa.Integer(), nullable=True))


def downgrade() -> None:
    """Drop them."""
    op.drop_column("modes", "alert")
    op.drop_table("feedback")
