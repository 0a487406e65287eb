"""The book's tables: findings, alerts, their transitions, and where the watch stands.

Instants are integers, microseconds since the epoch. A transition is an append-only row; an alert's own row is the sum of
its transitions, changed only together with one and only from the version that the change was decided on.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    String,
    Table,
    Text,
    UniqueConstraint,
    text,
)

from registry.database import metadata

findings = Table(
    "findings",
    metadata,
    Column("id", String(255), primary_key=True),
    Column("home", String(64), nullable=False),
    Column("cause", String(140), nullable=False),
    Column("raised_at", BigInteger, nullable=False),
    Column("noticed_at", BigInteger, nullable=False),
    Column("ended_at", BigInteger),
    Column("end_reason", String(20)),
    Column("body", LargeBinary, nullable=False),  # the Finding, as JSON
    Index("ix_findings_home_raised_at", "home", "raised_at"),
)

alerts = Table(
    "alerts",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("home", String(64), nullable=False),
    Column("cause", String(140), nullable=False),
    Column("kind", String(64), nullable=False),
    Column("subject", String(10), nullable=False),
    Column("state", String(10), nullable=False),
    Column("level", String(10), nullable=False),
    Column("onset", BigInteger, nullable=False),
    Column("raised_at", BigInteger, nullable=False),
    Column("opened_at", BigInteger, nullable=False),
    Column("late", Boolean, nullable=False),
    Column("room", String(80)),
    Column("finding", String(255), nullable=False),
    Column("evidence", Text, nullable=False),
    Column("text_ja", Text, nullable=False),
    Column("text_en", Text, nullable=False),
    Column("owner", String(64)),
    Column("outcome", String(20)),
    Column("ended_at", BigInteger),
    Column("version", Integer, nullable=False),
    # One open alert per home and cause, whatever the code above believes.
    Index(
        "uq_alerts_open",
        "home",
        "cause",
        unique=True,
        sqlite_where=text("state != 'closed'"),
        postgresql_where=text("state != 'closed'"),
    ),
    Index("ix_alerts_state", "state"),
    Index("ix_alerts_home_opened_at", "home", "opened_at"),
)

transitions = Table(
    "transitions",
    metadata,
    Column("alert", Integer, ForeignKey("alerts.id", ondelete="CASCADE"), primary_key=True),
    Column("version", Integer, primary_key=True),
    Column("from_state", String(10)),
    Column("to_state", String(10), nullable=False),
    Column("reason", String(20), nullable=False),
    Column("by", String(64), nullable=False),
    Column("at", BigInteger, nullable=False),
    Column("logged_at", BigInteger, nullable=False),
    Column("level", String(10), nullable=False),
    Column("note", Text, nullable=False, server_default=""),
    Column("outcome", String(20)),
    Column("step", String(20)),
    Column("result", String(20)),
    Column("assignee", String(64)),
)

watched = Table(
    "watched_homes",
    metadata,
    Column("home", String(64), primary_key=True),
    Column("cursor", BigInteger, nullable=False),  # the last journal offset that ``state`` has seen
    Column("state", LargeBinary, nullable=False),
    Column("status", LargeBinary, nullable=False),  # the HomeStatus, as JSON
)

cursors = Table(
    "cursors",
    metadata,
    Column("name", String(20), primary_key=True),
    Column("offset", BigInteger, nullable=False),  # every home's saved state has seen the journal up to here
)

fleet = Table(
    "fleet",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("state", LargeBinary, nullable=False),  # what the watch knows of all homes together; see detectors.fleet
)

roles = Table(
    "roles",
    metadata,
    Column("name", String(20), primary_key=True),
    Column("stepped_at", BigInteger, nullable=False),  # real time, whatever clock the homes run on
    Column("lag", BigInteger, nullable=False),  # how far behind the installation's clock its last step was
    Column("detail", Text, nullable=False, server_default=""),
)

modes = Table(
    "modes",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("home", String(64), nullable=False),
    Column("kind", String(10), nullable=False),
    Column("since", BigInteger, nullable=False),  # the homes' time, like all of them
    Column("until", BigInteger, nullable=False),
    Column("why", Text, nullable=False, server_default=""),
    Column("by", String(64), nullable=False),
    Column("written_at", BigInteger, nullable=False),
    Column("ended_at", BigInteger),
    Column("end", String(10)),
    Column("ended_by", String(64)),
    Column("alert", Integer),  # the alert whose outcome said so
    Index("ix_modes_home_id", "home", "id"),
    Index("ix_modes_ended_at", "ended_at"),
)
"""What staff say about homes. A row is written once, and once more when it ends: together they are the audit."""

changes = Table(
    "changes",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("count", BigInteger, nullable=False),
)

rule_sets = Table(
    "rule_sets",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("scope", String(100), nullable=False),
    Column("version", Integer, nullable=False),
    Column("parameters", Text, nullable=False),  # detector -> table, as JSON
    Column("made_by", String(64), nullable=False),
    Column("made_at", BigInteger, nullable=False),
    Column("why", Text, nullable=False, server_default=""),
    UniqueConstraint("scope", "version"),
)

rule_changes = Table(
    "rule_changes",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("rule_set", Integer, ForeignKey("rule_sets.id"), nullable=False),
    Column("action", String(10), nullable=False),
    Column("by", String(64), nullable=False),
    Column("why", Text, nullable=False, server_default=""),
    Column("at", BigInteger, nullable=False),
    Column("logged_at", BigInteger, nullable=False),
    Column("offset", BigInteger),  # the watch writes it once: the change counts for what stands in the journal after it
    Column("void", Boolean, nullable=False, server_default="0"),
    Index("ix_rule_changes_offset_at", "offset", "at"),
)

shadow_homes = Table(
    "shadow_homes",
    metadata,
    Column("rule_set", Integer, ForeignKey("rule_sets.id"), primary_key=True),
    Column("home", String(64), primary_key=True),
    Column("cursor", BigInteger, nullable=False),
    Column("since", BigInteger, nullable=False),  # processing time at which it began to run beside the live one
    Column("state", LargeBinary, nullable=False),
)

shadow_findings = Table(
    "shadow_findings",
    metadata,
    Column("rule_set", Integer, ForeignKey("rule_sets.id"), primary_key=True),
    Column("id", String(255), primary_key=True),
    Column("home", String(64), nullable=False),
    Column("raised_at", BigInteger, nullable=False),
    Column("noticed_at", BigInteger, nullable=False),
    Column("ended_at", BigInteger),
    Column("end_reason", String(20)),
    Column("body", LargeBinary, nullable=False),  # the Finding, as JSON
    Index("ix_shadow_findings_home_raised_at", "home", "raised_at"),
)

shadow_costs = Table(
    "shadow_costs",
    metadata,
    Column("rule_set", Integer, ForeignKey("rule_sets.id"), primary_key=True),
    Column("homes", Integer, nullable=False),
    Column("state_bytes", BigInteger, nullable=False),
    Column("spent", BigInteger, nullable=False),  # microseconds of work for the shadow
    Column("beside", BigInteger, nullable=False),  # and for the live rules of the same homes, over the same arrivals
)
