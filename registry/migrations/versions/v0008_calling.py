"""Calling people: escalation policies and ladders, the outbox, addresses and rota; steps in an alert's history."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the tables and the columns; every alert that is not closed gets its place on the ladder."""
    op.create_table(
        "addresses",
        sa.Column("id", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("owner", sa.String(length=70), nullable=False),
        sa.Column("channel", sa.String(length=40), nullable=False),
        sa.Column("address", sa.Text(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("added_at", sa.BigInteger(), nullable=False),
        sa.Column("broken_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_addresses")),
    )
    op.create_index("ix_addresses_owner", "addresses", ["owner"])
    op.create_table(
        "policies",
        sa.Column("id", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("area", sa.String(length=80), nullable=False),
        sa.Column("level", sa.String(length=10), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("made_by", sa.String(length=64), nullable=False),
        sa.Column("made_at", sa.BigInteger(), nullable=False),
        sa.Column("why", sa.Text(), server_default="", nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_policies")),
        sa.UniqueConstraint("area", "level", "version", name=op.f("uq_policies_area_level_version")),
    )
    op.create_table(
        "silences",
        sa.Column("id", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("home", sa.String(length=64), nullable=True),
        sa.Column("area", sa.String(length=80), nullable=True),
        sa.Column("cause", sa.String(length=140), nullable=True),
        sa.Column("since", sa.BigInteger(), nullable=False),
        sa.Column("until", sa.BigInteger(), nullable=False),
        sa.Column("why", sa.Text(), nullable=False),
        sa.Column("by", sa.String(length=64), nullable=False),
        sa.Column("written_at", sa.BigInteger(), nullable=False),
        sa.Column("ended_at", sa.BigInteger(), nullable=True),
        sa.Column("ended_by", sa.String(length=64), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_silences")),
    )
    op.create_index("ix_silences_until", "silences", ["until"])
    op.create_table(
        "asks",
        sa.Column("id", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("alert", sa.Integer(), nullable=False),
        sa.Column("home", sa.String(length=64), nullable=False),
        sa.Column("token", sa.String(length=64), nullable=False),
        sa.Column("asked_at", sa.BigInteger(), nullable=False),
        sa.Column("answer_by", sa.BigInteger(), nullable=False),
        sa.Column("answered_at", sa.BigInteger(), nullable=True),
        sa.Column("answer", sa.String(length=10), nullable=True),
        sa.Column("through", sa.String(length=40), nullable=True),
        sa.ForeignKeyConstraint(["alert"], ["alerts.id"], name=op.f("fk_asks_alert"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_asks")),
        sa.UniqueConstraint("token", name=op.f("uq_asks_token")),
    )
    op.create_index("ix_asks_alert", "asks", ["alert"])
    op.create_table(
        "covers",
        sa.Column("id", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("rota", sa.String(length=40), nullable=False),
        sa.Column("instead_of", sa.String(length=64), nullable=True),
        sa.Column("login", sa.String(length=64), nullable=False),
        sa.Column("since", sa.BigInteger(), nullable=False),
        sa.Column("until", sa.BigInteger(), nullable=False),
        sa.Column("by", sa.String(length=64), nullable=False),
        sa.Column("why", sa.Text(), server_default="", nullable=False),
        sa.ForeignKeyConstraint(["login"], ["staff.login"], name=op.f("fk_covers_login"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_covers")),
    )
    op.create_index("ix_covers_rota_until", "covers", ["rota", "until"])
    op.create_table(
        "ladders",
        sa.Column("alert", sa.Integer(), nullable=False),
        sa.Column("due_at", sa.BigInteger(), nullable=False),
        sa.Column("what", sa.String(length=10), nullable=False),
        sa.Column("rung", sa.Integer(), nullable=False),
        sa.Column("lap", sa.Integer(), nullable=False),
        sa.Column("since", sa.BigInteger(), nullable=False),
        sa.Column("page_at", sa.BigInteger(), nullable=True),
        sa.Column("policy", sa.Integer(), nullable=True),
        sa.ForeignKeyConstraint(["alert"], ["alerts.id"], name=op.f("fk_ladders_alert"), ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["policy"], ["policies.id"], name=op.f("fk_ladders_policy")),
        sa.PrimaryKeyConstraint("alert", name=op.f("pk_ladders")),
    )
    op.create_index("ix_ladders_due_at", "ladders", ["due_at"])
    op.create_table(
        "notifications",
        sa.Column("id", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("key", sa.String(length=36), nullable=False),
        sa.Column("alert", sa.Integer(), nullable=True),
        sa.Column("purpose", sa.String(length=10), nullable=False),
        sa.Column("climb", sa.BigInteger(), nullable=False),
        sa.Column("lap", sa.Integer(), nullable=False),
        sa.Column("rung", sa.Integer(), nullable=False),
        sa.Column("channel", sa.String(length=40), nullable=False),
        sa.Column("recipient", sa.String(length=64), nullable=False),
        sa.Column("fallbacks", sa.Text(), server_default="[]", nullable=False),
        sa.Column("made_at", sa.BigInteger(), nullable=False),
        sa.Column("due_at", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("token", sa.Integer(), server_default="0", nullable=False),
        sa.Column("leased_until", sa.BigInteger(), nullable=True),
        sa.Column("attempts", sa.Integer(), server_default="0", nullable=False),
        sa.Column("resent", sa.Boolean(), server_default="0", nullable=False),
        sa.Column("fell_through", sa.Boolean(), server_default="0", nullable=False),
        sa.Column("done_at", sa.BigInteger(), nullable=True),
        sa.Column("error", sa.Text(), server_default="", nullable=False),
        sa.ForeignKeyConstraint(["alert"], ["alerts.id"], name=op.f("fk_notifications_alert"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_notifications")),
        sa.UniqueConstraint(
            "alert",
            "purpose",
            "climb",
            "lap",
            "rung",
            "channel",
            "recipient",
            name=op.f("uq_notifications_alert_purpose_climb_lap_rung_channel_recipient"),
        ),
        sa.UniqueConstraint("key", name=op.f("uq_notifications_key")),
    )
    op.create_index("ix_notifications_state_due_at", "notifications", ["state", "due_at"])
    op.create_table(
        "shifts",
        sa.Column("id", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("rota", sa.String(length=40), nullable=False),
        sa.Column("login", sa.String(length=64), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("weekdays", sa.Integer(), nullable=False),
        sa.Column("begins", sa.Integer(), nullable=False),
        sa.Column("minutes", sa.Integer(), nullable=False),
        sa.Column("valid_from", sa.String(length=10), nullable=True),
        sa.Column("valid_to", sa.String(length=10), nullable=True),
        sa.ForeignKeyConstraint(["login"], ["staff.login"], name=op.f("fk_shifts_login"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_shifts")),
    )
    op.create_index("ix_shifts_rota", "shifts", ["rota"])
    op.create_table(
        "sightings",
        sa.Column("alert", sa.Integer(), nullable=False),
        sa.Column("login", sa.String(length=64), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["alert"], ["alerts.id"], name=op.f("fk_sightings_alert"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("alert", "login", name=op.f("pk_sightings")),
    )
    op.create_table(
        "staff_areas",
        sa.Column("login", sa.String(length=64), nullable=False),
        sa.Column("area", sa.String(length=80), nullable=False),
        sa.ForeignKeyConstraint(["login"], ["staff.login"], name=op.f("fk_staff_areas_login"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("login", "area", name=op.f("pk_staff_areas")),
    )
    op.create_table(
        "attempts",
        sa.Column("notification", sa.Integer(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("began_at", sa.BigInteger(), nullable=False),
        sa.Column("ended_at", sa.BigInteger(), nullable=True),
        sa.Column("result", sa.String(length=12), nullable=True),
        sa.Column("detail", sa.Text(), server_default="", nullable=False),
        sa.ForeignKeyConstraint(
            ["notification"], ["notifications.id"], name=op.f("fk_attempts_notification"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("notification", "number", name=op.f("pk_attempts")),
    )
    op.create_index("ix_attempts_ended_at", "attempts", ["ended_at"])
    op.add_column("staff", sa.Column("language", sa.String(length=10), server_default="ja", nullable=False))
    op.add_column("transitions", sa.Column("step", sa.String(length=20), nullable=True))
    op.add_column("transitions", sa.Column("result", sa.String(length=20), nullable=True))
    op.add_column("transitions", sa.Column("assignee", sa.String(length=64), nullable=True))
    op.execute(
        "INSERT INTO ladders (alert, due_at, what, rung, lap, since) "
        "SELECT id, opened_at, CASE state WHEN 'claimed' THEN 'lapse' ELSE 'rung' END, 0, 0, opened_at "
        "FROM alerts WHERE state IN ('open', 'claimed')"
    )


def downgrade() -> None:
    """Drop them."""
    for table in (
        "attempts",
        "staff_areas",
        "sightings",
        "shifts",
        "notifications",
        "ladders",
        "covers",
        "asks",
        "silences",
        "policies",
        "addresses",
    ):
        op.drop_table(table)
    op.drop_column("staff", "language")
    op.drop_column("transitions", "step")
    op.drop_column("transitions", "result")
    op.drop_column("transitions", "assignee")
