"""The registry's tables. Instants are integers, microseconds since the epoch."""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, Column, ForeignKey, Index, Integer, String, Table, Text

from registry.database import metadata

homes = Table(
    "homes",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("alias", String(80), nullable=False),
    Column("zone", String(64), nullable=False),
    Column("area", String(80), nullable=False, server_default=""),
    Column("resident_name", String(120), nullable=False, server_default=""),
    Column("resident_kana", String(120), nullable=False, server_default=""),
    Column("phone", String(40), nullable=False, server_default=""),
    Column("address", String(200), nullable=False, server_default=""),
    Column("note", Text, nullable=False, server_default=""),
    Column("enrolled_at", BigInteger, nullable=False),
)

contacts = Table(
    "contacts",
    metadata,
    Column("home", String(64), ForeignKey("homes.id", ondelete="CASCADE"), primary_key=True),
    Column("position", Integer, primary_key=True),
    Column("name", String(120), nullable=False),
    Column("relation", String(80), nullable=False, server_default=""),
    Column("phone", String(40), nullable=False),
    Column("has_key", Boolean, nullable=False, server_default="0"),
)

gateways = Table(
    "gateways",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("home", String(64), ForeignKey("homes.id", ondelete="CASCADE"), nullable=False),
    Column("enrolled_at", BigInteger, nullable=False),
    Column("revoked_at", BigInteger),
    Column("credential", String(200)),  # what its password is checked against; none: a certificate, or nothing yet
    Index("ix_gateways_home", "home"),
)

gateway_changes = Table(
    "gateway_changes",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("gateway", String(64), nullable=False),
)
"""Which gateways were enrolled or revoked, in that order: so that whoever remembers them can read only what is new."""

devices = Table(
    "devices",
    metadata,
    Column("gateway", String(64), ForeignKey("gateways.id", ondelete="CASCADE"), primary_key=True),
    Column("id", String(64), primary_key=True),
    Column("kind", String(20), nullable=False),
    Column("room", String(80)),
    Column("exit", Boolean, nullable=False),
    Column("check_in", BigInteger),
    Column("mains", Boolean, nullable=False),
    Column("announced_at", BigInteger, nullable=False),
    Column("room_type", String(20)),
    Column("model", String(80), nullable=False, server_default=""),
)

staff = Table(
    "staff",
    metadata,
    Column("login", String(64), primary_key=True),
    Column("name", String(120), nullable=False),
    Column("password", String(200), nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("disabled_at", BigInteger),
    Column("role", String(20), nullable=False, server_default="staff"),  # see registry.staff.Role
    Column("language", String(10), nullable=False, server_default="ja"),  # of what is sent to them
)

staff_areas = Table(
    "staff_areas",
    metadata,
    Column("login", String(64), ForeignKey("staff.login", ondelete="CASCADE"), primary_key=True),
    Column("area", String(80), primary_key=True),
)
"""Who is called about which area; somebody with no row here is called about all of them."""

sights = Table(
    "sights",
    metadata,
    Column("login", String(64), ForeignKey("staff.login", ondelete="CASCADE"), primary_key=True),
    Column("kind", String(10), primary_key=True),  # everywhere, area, home
    Column("name", String(80), primary_key=True),
)
"""Which homes somebody sees; somebody with no row here sees none."""

addresses = Table(
    "addresses",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("owner", String(70), nullable=False),  # staff login, or "home:ID" for a resident
    Column("channel", String(40), nullable=False),  # the channel's name in the settings
    Column("address", Text, nullable=False),  # e-mail address, LINE user id, push subscription as JSON, Apprise URL
    Column("position", Integer, nullable=False),  # the first is tried first
    Column("added_at", BigInteger, nullable=False),
    Column("broken_at", BigInteger),  # the provider said that there is no such address any more
    Column(
        "name", String(80), nullable=False, server_default=""
    ),  # of the device, where the address says nothing to people
    Index("ix_addresses_owner", "owner"),
)
"""Where somebody can be reached."""

shifts = Table(
    "shifts",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("rota", String(40), nullable=False),
    Column("login", String(64), ForeignKey("staff.login", ondelete="CASCADE"), nullable=False),
    Column("position", Integer, nullable=False),  # 0 is called first
    Column("weekdays", Integer, nullable=False),  # bit 0 is Monday; the day on which the shift begins
    Column("begins", Integer, nullable=False),  # minute of the day, on the installation's wall clock
    Column("minutes", Integer, nullable=False),
    Column("valid_from", String(10)),  # local dates, both included
    Column("valid_to", String(10)),
    Index("ix_shifts_rota", "rota"),
)

covers = Table(
    "covers",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("rota", String(40), nullable=False),
    Column("instead_of", String(64)),  # none: in addition
    Column("login", String(64), ForeignKey("staff.login", ondelete="CASCADE"), nullable=False),
    Column("since", BigInteger, nullable=False),
    Column("until", BigInteger, nullable=False),
    Column("by", String(64), nullable=False),
    Column("why", Text, nullable=False, server_default=""),
    Index("ix_covers_rota_until", "rota", "until"),
)
"""Who stands in for whom, once."""

sessions = Table(
    "sessions",
    metadata,
    Column("token", String(64), primary_key=True),  # SHA-256 of what the cookie holds
    Column("login", String(64), ForeignKey("staff.login", ondelete="CASCADE"), nullable=False),
    Column("csrf", String(64), nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("seen_at", BigInteger, nullable=False),
    Column("agent", String(200), nullable=False, server_default=""),  # the browser, as it calls itself
    Column(
        "pending", Boolean, nullable=False, server_default="0"
    ),  # the password was right; the second factor is to come
    Index("ix_sessions_login", "login"),
)

second_factors = Table(
    "second_factors",
    metadata,
    Column("login", String(64), ForeignKey("staff.login", ondelete="CASCADE"), primary_key=True),
    Column("secret", String(64), nullable=False),  # Base32, as the authenticator has it
    Column("made_at", BigInteger, nullable=False),
    Column("confirmed_at", BigInteger),  # none: shown, and not yet proven; nothing is asked for
    Column("last_step", BigInteger, nullable=False, server_default="0"),  # a code counts once
)
"""Time-based one-time passwords (RFC 6238)."""

recovery_codes = Table(
    "recovery_codes",
    metadata,
    Column("login", String(64), ForeignKey("staff.login", ondelete="CASCADE"), primary_key=True),
    Column("digest", String(64), primary_key=True),  # SHA-256 of 80 random bits
)
"""For whoever has lost the authenticator; each is good once."""

audit = Table(
    "audit",
    metadata,
    Column("number", BigInteger, primary_key=True, autoincrement=False),
    Column("at", BigInteger, nullable=False),  # real time
    Column("who", String(70), nullable=False),  # a login, "~" for somebody unknown, "~cli" for a command
    Column("what", String(40), nullable=False),  # see registry.audit.Event
    Column("about", String(140), nullable=False),  # "home:ID", "staff:LOGIN" ...
    Column("detail", Text, nullable=False),
    Column("digest", String(64), nullable=False),  # SHA-256 over the digest before and this row
    Index("ix_audit_about_number", "about", "number"),
)
"""Who did and who looked at what: append-only, each row bound to the one before."""

audit_head = Table(
    "audit_head",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("number", BigInteger, nullable=False),
    Column("digest", String(64), nullable=False),
)
"""The one row that every writer of ``audit`` locks: the number and the digest of the last row."""

attempts = Table(
    "login_attempts",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("key", String(120), nullable=False),
    Column("at", BigInteger, nullable=False),
    Index("ix_login_attempts_key_at", "key", "at"),
)
