"""Rule sets, what was decided about them, what runs in their shadow; and which staff may decide."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the tables and the role."""
    op.add_column("staff", sa.Column("role", sa.String(length=20), server_default="staff", nullable=False))
    op.create_table(
        "rule_sets",
        sa.Column("id", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("scope", sa.String(length=100), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("parameters", sa.Text(), nullable=False),
        sa.Column("made_by", sa.String(length=64), nullable=False),
        sa.Column("made_at", sa.BigInteger(), nullable=False),
        sa.Column("why", sa.Text(), server_default="", nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_rule_sets")),
        sa.UniqueConstraint("scope", "version", name=op.f("uq_rule_sets_scope_version")),
    )
    op.create_table(
        "rule_changes",
        sa.Column("id", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("rule_set", sa.Integer(), nullable=False),
        sa.Column("action", sa.String(length=10), nullable=False),
        sa.Column("by", sa.String(length=64), nullable=False),
        sa.Column("why", sa.Text(), server_default="", nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("logged_at", sa.BigInteger(), nullable=False),
        sa.Column("offset", sa.BigInteger(), nullable=True),
        sa.Column("void", sa.Boolean(), server_default="0", nullable=False),
        sa.ForeignKeyConstraint(["rule_set"], ["rule_sets.id"], name=op.f("fk_rule_changes_rule_set_rule_sets")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_rule_changes")),
    )
    op.create_index("ix_rule_changes_offset_at", "rule_changes", ["offset", "at"])
    op.create_table(
        "shadow_homes",
        sa.Column("rule_set", sa.Integer(), nullable=False),
        sa.Column("home", sa.String(length=64), nullable=False),
        sa.Column("cursor", sa.BigInteger(), nullable=False),
        sa.Column("since", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["rule_set"], ["rule_sets.id"], name=op.f("fk_shadow_homes_rule_set_rule_sets")),
        sa.PrimaryKeyConstraint("rule_set", "home", name=op.f("pk_shadow_homes")),
    )
    op.create_table(
        "shadow_findings",
        sa.Column("rule_set", sa.Integer(), nullable=False),
        sa.Column("id", sa.String(length=255), nullable=False),
        sa.Column("home", sa.String(length=64), nullable=False),
        sa.Column("raised_at", sa.BigInteger(), nullable=False),
        sa.Column("noticed_at", sa.BigInteger(), nullable=False),
        sa.Column("ended_at", sa.BigInteger(), nullable=True),
        sa.Column("end_reason", sa.String(length=20), nullable=True),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["rule_set"], ["rule_sets.id"], name=op.f("fk_shadow_findings_rule_set_rule_sets")),
        sa.PrimaryKeyConstraint("rule_set", "id", name=op.f("pk_shadow_findings")),
    )
    op.create_index("ix_shadow_findings_home_raised_at", "shadow_findings", ["home", "raised_at"])
    op.create_table(
        "shadow_costs",
        sa.Column("rule_set", sa.Integer(), nullable=False),
        sa.Column("homes", sa.Integer(), nullable=False),
        sa.Column("state_bytes", sa.BigInteger(), nullable=False),
        sa.Column("spent", sa.BigInteger(), nullable=False),
        sa.Column("beside", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["rule_set"], ["rule_sets.id"], name=op.f("fk_shadow_costs_rule_set_rule_sets")),
        sa.PrimaryKeyConstraint("rule_set", name=op.f("pk_shadow_costs")),
    )


def downgrade() -> None:
    """Drop them."""
    for table in ("shadow_costs", "shadow_findings", "shadow_homes", "rule_changes", "rule_sets"):
        op.drop_table(table)
    op.drop_column("staff", "role")
