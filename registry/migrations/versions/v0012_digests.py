"""Who wants a summary, when and through what; and the last one that each was sent."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the table; nobody has asked for anything yet."""
    op.create_table(
        "digests",
        sa.Column("login", sa.String(length=64), nullable=False),
        sa.Column("occasion", sa.String(length=10), nullable=False),
        sa.Column("channel", sa.String(length=40), nullable=False),
        sa.Column("told_for", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["login"], ["staff.login"], name=op.f("fk_digests_login"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("login", name=op.f("pk_digests")),
    )


def downgrade() -> None:
    """Drop it."""
    op.drop_table("digests")
