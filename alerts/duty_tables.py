"""The tables of calling people: ladders, the outbox, what the resident was asked, silences, who looked.

Instants are integers, microseconds since the epoch, on the installation's clock. See docs/adr/0017-alert-with-an-owner.md.
"""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, Column, ForeignKey, Index, Integer, String, Table, Text, UniqueConstraint

from registry.database import metadata

ladders = Table(
    "ladders",
    metadata,
    Column("alert", Integer, ForeignKey("alerts.id", ondelete="CASCADE"), primary_key=True),
    Column("due_at", BigInteger, nullable=False),
    Column("what", String(10), nullable=False),  # see alerts.ladder.Due
    Column("rung", Integer, nullable=False),  # the step that is next
    Column("lap", Integer, nullable=False),  # how often the whole ladder was climbed
    Column("since", BigInteger, nullable=False),  # when this climb, or this claim, began
    Column("page_at", BigInteger),  # when a prompt that nobody answers and nobody takes becomes a page
    Column("policy", Integer, ForeignKey("policies.id")),  # none: the one that comes with the program
    Index("ix_ladders_due_at", "due_at"),
)
"""One row for each alert that is not closed: what happens next. The transition that changes it does so in its transaction."""

policies = Table(
    "policies",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("area", String(80), nullable=False),  # empty: the whole installation; "~system": alerts about ourselves
    Column("level", String(10), nullable=False),
    Column("version", Integer, nullable=False),
    Column("body", Text, nullable=False),  # the Policy, as JSON
    Column("made_by", String(64), nullable=False),
    Column("made_at", BigInteger, nullable=False),
    Column("why", Text, nullable=False, server_default=""),
    UniqueConstraint("area", "level", "version"),
)
"""Escalation policies, append-only: the highest version of an area and level is in force."""

notifications = Table(
    "notifications",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("key", String(36), nullable=False, unique=True),  # UUID: the idempotency id that the provider is given
    Column("alert", Integer, ForeignKey("alerts.id", ondelete="CASCADE")),  # none: a test, a digest
    Column("purpose", String(10), nullable=False),  # see alerts.notices.Purpose
    Column("climb", BigInteger, nullable=False),  # the ladder's ``since``: another climb calls anew
    Column("lap", Integer, nullable=False),
    Column("rung", Integer, nullable=False),
    Column("channel", String(40), nullable=False),
    Column("recipient", String(64), nullable=False),  # staff login, or "home:ID" for a resident
    Column("fallbacks", Text, nullable=False, server_default="[]"),  # channels that are left to try, as JSON
    Column("made_at", BigInteger, nullable=False),
    Column("due_at", BigInteger, nullable=False),
    Column("state", String(10), nullable=False),  # waiting, sending, sent, failed, cancelled
    Column("token", Integer, nullable=False, server_default="0"),  # fencing: grows with each claim
    Column("leased_until", BigInteger),
    Column("attempts", Integer, nullable=False, server_default="0"),
    Column("resent", Boolean, nullable=False, server_default="0"),  # an earlier attempt may have reached them
    Column("fell_through", Boolean, nullable=False, server_default="0"),  # the next channel was tried beside it
    Column("done_at", BigInteger),
    Column("error", Text, nullable=False, server_default=""),
    UniqueConstraint("alert", "purpose", "climb", "lap", "rung", "channel", "recipient"),
    Index("ix_notifications_state_due_at", "state", "due_at"),
)
"""The outbox: one attempt to tell one person through one channel, made in the transaction that decided on it."""

attempts = Table(
    "attempts",
    metadata,
    Column("notification", Integer, ForeignKey("notifications.id", ondelete="CASCADE"), primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("began_at", BigInteger, nullable=False),
    Column("ended_at", BigInteger),  # none: it was cut off, and nobody knows
    Column("result", String(12)),  # sent, transient, permanent, over_quota, unknown
    Column("detail", Text, nullable=False, server_default=""),
    Index("ix_attempts_ended_at", "ended_at"),  # the overseer asks every five seconds for those of the last hour
)
"""The delivery record: each try at a notification."""

asks = Table(
    "asks",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("alert", Integer, ForeignKey("alerts.id", ondelete="CASCADE"), nullable=False),
    Column("home", String(64), nullable=False),
    Column("token", String(64), nullable=False, unique=True),  # what the answer must carry
    Column("asked_at", BigInteger, nullable=False),
    Column("answer_by", BigInteger, nullable=False),
    Column("answered_at", BigInteger),
    Column("answer", String(10)),  # well, help
    Column("through", String(40)),  # by which way the answer came
    Index("ix_asks_alert", "alert"),
)
"""What a resident was asked, and the answer."""

line_events = Table(
    "line_events",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("at", BigInteger, nullable=False),
)
"""Which events of LINE were taken, for as long as LINE may bring one again."""

silences = Table(
    "silences",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("home", String(64)),  # none: every home of the area
    Column("area", String(80)),  # none and no home: the installation
    Column("cause", String(140)),  # none: every cause
    Column("since", BigInteger, nullable=False),
    Column("until", BigInteger, nullable=False),
    Column("why", Text, nullable=False),
    Column("by", String(64), nullable=False),
    Column("written_at", BigInteger, nullable=False),
    Column("ended_at", BigInteger),
    Column("ended_by", String(64)),
    Index("ix_silences_until", "until"),
)
"""Nobody is called about what a silence covers, until it expires; the alert stands on the board all the same."""

sightings = Table(
    "sightings",
    metadata,
    Column("alert", Integer, ForeignKey("alerts.id", ondelete="CASCADE"), primary_key=True),
    Column("login", String(64), primary_key=True),
    Column("at", BigInteger, nullable=False),
)
"""When each member of staff first saw an alert's own page."""

feedback = Table(
    "feedback",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("home", String(64), nullable=False),
    Column("alert", Integer, ForeignKey("alerts.id", ondelete="CASCADE"), nullable=False),
    Column("cause", String(140), nullable=False),
    Column("onset", BigInteger, nullable=False),
    Column("level", String(10), nullable=False),
    Column("means", String(10)),  # how the resident was reached; none: an outcome
    Column("outcome", String(20)),  # none, and no means: the one before is taken back
    Column("at", BigInteger, nullable=False),  # the homes' time, like all of them
    Column("since", BigInteger, nullable=False),
    Column("by", String(64), nullable=False),
    Column("written_at", BigInteger, nullable=False),
    Index("ix_feedback_home_id", "home", "id"),
)
"""What people found, for the watch, which reads on by id: outcomes of alerts and words with residents. Append-only."""

digests = Table(
    "digests",
    metadata,
    Column("login", String(64), ForeignKey("staff.login", ondelete="CASCADE"), primary_key=True),
    Column("occasion", String(10), nullable=False),  # see alerts.digests.Occasion
    Column("channel", String(40), nullable=False),  # its name in the settings; a digest goes through no other
    Column("told_for", BigInteger, nullable=False),  # the occasion for which the last one was put into the outbox
)
"""Who wants a digest. ``told_for`` moves in the transaction that puts one into the outbox: each occasion has one, always."""
