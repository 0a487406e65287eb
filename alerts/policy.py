"""Escalation policies: whom to call about an area's alerts, through what, after how long, and what follows if nobody goes.

A policy is a row of the SQL database, append-only: the newest of an area and level is in force, before the newest of the whole
installation, before the one that comes with the program. Minutes are minutes of people.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated

import msgspec
from sqlalchemy import Connection, func, insert, select

from alerts.duty_tables import policies
from domain.clock import MINUTE, Instant, Span
from domain.findings import Level

SYSTEM_AREA = "~system"
"""The area of alerts that are about ourselves."""
EVERYBODY = "everybody"
"""All staff of the area and all managers: what the last rung of every policy calls, whatever it says."""

_Minutes = Annotated[float, msgspec.Meta(gt=0, le=7 * 24 * 60)]


class Rung(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One step of the ladder."""

    whom: Annotated[tuple[str, ...], msgspec.Meta(min_length=1, max_length=20)]
    """``rota:NAME`` (who is first on call), ``rota:NAME:2`` (second), ``staff:LOGIN``, ``area``, ``managers``, or all of them:
    ``everybody``."""
    minutes: _Minutes = 5.0
    """How long they have before the next rung."""
    channels: tuple[str, ...] = ()
    """Only these channels, in this order; empty: each receiver's own."""
    waits_for_day: bool = False
    """Nobody is called at night for this rung: it waits for ``quiet`` to end."""


class Policy(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What happens to an alert until somebody takes it, and when somebody took it and does nothing."""

    rungs: Annotated[tuple[Rung, ...], msgspec.Meta(min_length=1, max_length=20)]
    repeat_minutes: _Minutes = 15.0
    """After the last rung, which is always everybody: how long until the ladder begins anew."""
    claim_minutes: _Minutes = 10.0
    """A claim without a step lapses after so long."""
    work_minutes: _Minutes = 60.0
    """So does work without a further step."""
    answer_minutes: _Minutes = 10.0
    """A prompt that the resident was asked about becomes a page after so long without an answer."""
    unasked_minutes: _Minutes = 240.0
    """So does one about which nobody could be asked, while nobody takes it."""
    quiet_from: Annotated[int, msgspec.Meta(ge=0, lt=1440)] = 21 * 60
    """Minute of the day from which digests and rungs that say so wait ..."""
    quiet_to: Annotated[int, msgspec.Meta(ge=0, lt=1440)] = 8 * 60
    """... until this one."""


_ROTA = "rota:default"
BUILT_IN: dict[Level, Policy] = {
    Level.PAGE: Policy(
        (Rung((_ROTA,), 3.0), Rung((f"{_ROTA}:2", _ROTA), 5.0), Rung((EVERYBODY,), 10.0)), claim_minutes=10.0
    ),
    Level.PROMPT: Policy((Rung((_ROTA,), 30.0), Rung(("area",), 60.0)), repeat_minutes=120.0, claim_minutes=30.0),
}
"""What holds where an operator has decided nothing."""


@dataclass(frozen=True, slots=True)
class InForce:
    """The policy that an alert goes by now."""

    policy: Policy
    id: int | None = None
    """None: it came with the program."""
    area: str = ""
    version: int = 0
    made_by: str = ""
    made_at: Instant = 0
    why: str = field(default="")


class BadPolicyError(ValueError):
    """A policy that cannot be; ``str`` says what is wrong with it, in one sentence."""


_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(Policy)


def encode(policy: Policy) -> str:
    """A policy as JSON."""
    return _encoder.encode(policy).decode()


def decode(body: str | bytes) -> Policy:
    """A policy from JSON; raises BadPolicyError."""
    try:
        policy = _decoder.decode(body)
    except msgspec.MsgspecError as error:
        raise BadPolicyError(f"This is no policy ({error}): mend that place.") from error
    for number, rung in enumerate(policy.rungs, 1):
        for whom in rung.whom:
            check_whom(whom, number)
    return policy


def check_whom(whom: str, rung: int) -> None:
    """Raise BadPolicyError for a word that names nobody."""
    kind, _, name = whom.partition(":")
    if whom in ("area", "managers", EVERYBODY) or (kind in ("rota", "staff") and name):
        return
    raise BadPolicyError(
        f"Rung {rung} calls {whom!r}, which names nobody: "
        "write rota:NAME, rota:NAME:2, staff:LOGIN, area, managers or everybody."
    )


def level_of(level: Level) -> Level:
    """The level under which a policy is kept: whatever is no page is a prompt."""
    return Level.PAGE if level is Level.PAGE else Level.PROMPT


def in_force(connection: Connection, area: str, level: Level) -> InForce:
    """The policy of an area and level as it is now."""
    columns = policies.c
    wanted = (
        select(policies)
        .where(columns.area.in_({area, ""}), columns.level == level_of(level).value)
        .order_by(
            columns.area.desc(), columns.version.desc()
        )  # the area's own before the installation's, the newest first
        .limit(1)
    )
    row = connection.execute(wanted).first()
    if row is None:
        return InForce(BUILT_IN[level_of(level)], area=area)
    return InForce(decode(row.body), row.id, row.area, row.version, row.made_by, row.made_at, row.why)


def write(connection: Connection, area: str, level: Level, policy: Policy, by: str, why: str, now: Instant) -> int:
    """Put a policy in force, from the next rung that falls due; returns its version."""
    decode(encode(policy))
    columns = policies.c
    newest = select(func.max(columns.version)).where(columns.area == area, columns.level == level_of(level).value)
    version = (connection.execute(newest).scalar() or 0) + 1
    connection.execute(
        insert(policies).values(
            area=area, level=level_of(level).value, version=version, body=encode(policy), made_by=by, made_at=now,
            why=why[:2000],
        )
    )  # fmt: skip
    return version


def history(connection: Connection) -> list[tuple[str, Level, InForce]]:
    """Every version of every policy, the newest first."""
    rows = connection.execute(select(policies).order_by(policies.c.id.desc()))
    return [
        (r.area, Level(r.level), InForce(decode(r.body), r.id, r.area, r.version, r.made_by, r.made_at, r.why))
        for r in rows
    ]


def minutes(span: float, pace: float = 1.0) -> Span:
    """Minutes of people as a span of the installation's clock, which a demo runs ``pace`` times too fast."""
    return int(span * pace * MINUTE)
