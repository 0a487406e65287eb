"""Escalation policies: whom to call about an area's alerts, through what, after how long, and what follows if nobody goes.

A policy is a row of the SQL database, append-only: the newest of an area and level is in force, before the newest of the
whole installation, before the one that comes with the program. Minutes are minutes of people.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import time, timedelta
from typing import Annotated, Any

import msgspec
import structlog
from sqlalchemy import Connection, func, insert, select

from alerts.duty_tables import policies
from domain.clock import MINUTE, Instant, Span
from domain.errors import KehaiError
from domain.findings import Level
from domain.localtime import LocalTime

SYSTEM_AREA = "~system"
"""The area of alerts that are about ourselves."""
EQUIPMENT_AREA = "~equipment"
"""The area of prompts about devices and lines: tickets, which wait for the day. What is decided for homes never holds for
these two."""
AREA, MANAGERS, EVERYBODY = "area", "managers", "everybody"
"""Staff of the area; all managers; both: what every lap of a ladder ends with, whatever the policy says."""

log = structlog.get_logger("policy")
_Minutes = Annotated[float, msgspec.Meta(ge=0.5, le=7 * 24 * 60)]
_OfDay = Annotated[int, msgspec.Meta(ge=0, lt=24 * 60)]


class Rung(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One step of the ladder."""

    whom: Annotated[tuple[str, ...], msgspec.Meta(min_length=1, max_length=20)]
    """``rota:NAME`` (who is first on call), ``rota:NAME:2`` (second), ``rota:NAME:all``, ``staff:LOGIN``, ``area``,
    ``managers``, ``everybody``."""
    minutes: _Minutes = 5.0
    """How long they have before the next rung."""
    channels: tuple[str, ...] = ()
    """These channels, in this order, where the receiver has them; otherwise, and when empty, each receiver's own."""
    waits_for_day: bool = False
    """Nobody is called in the quiet hours for this rung: it waits for their end."""


class Policy(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What happens to an alert until somebody takes it, and when somebody took it and does nothing."""

    rungs: Annotated[tuple[Rung, ...], msgspec.Meta(min_length=1, max_length=20)]
    repeat_minutes: _Minutes = 15.0
    """After everybody was called: how long until the ladder begins anew."""
    claim_minutes: _Minutes = 10.0
    """A claim without a step lapses after so long."""
    work_minutes: _Minutes = 60.0
    """So does work without a further step."""
    answer_minutes: _Minutes = 10.0
    """A prompt that the resident was asked about becomes a page after so long without an answer."""
    unasked_minutes: _Minutes = 240.0
    """So does one about which nobody could be asked, while nobody takes it."""
    quiet_from: _OfDay = 21 * 60
    """Minute of the day from which digests, and rungs that say so, wait ..."""
    quiet_to: _OfDay = 8 * 60
    """... until this one. The same minute twice: there are no quiet hours."""

    @property
    def climb(self) -> tuple[Rung, ...]:
        """The rungs of one lap: everybody is the last, whatever the policy says."""
        last = self.rungs[-1]
        if EVERYBODY in last.whom and not last.waits_for_day:
            return (*self.rungs[:-1], msgspec.structs.replace(last, minutes=self.repeat_minutes))
        waits = all(rung.waits_for_day for rung in self.rungs)
        return (*self.rungs, Rung((EVERYBODY,), self.repeat_minutes, waits_for_day=waits))


_DAY = 24 * 60.0
BUILT_IN: Mapping[Level, Policy] = {
    Level.PAGE: Policy((Rung(("rota:default",), 3.0), Rung(("rota:default:all", AREA), 5.0), Rung((EVERYBODY,), 15.0))),
    Level.PROMPT: Policy(
        (Rung(("rota:default",), 30.0), Rung((AREA,), 60.0)), repeat_minutes=120.0, claim_minutes=30.0
    ),
}
"""What holds where an operator has decided nothing."""
_TICKETS = Policy(
    (Rung((AREA,), _DAY, waits_for_day=True),), repeat_minutes=_DAY, claim_minutes=2 * _DAY, work_minutes=4 * _DAY
)
_OF_THE_SYSTEM: Mapping[Level, Policy] = {
    Level.PAGE: Policy((Rung(("rota:system", MANAGERS), 5.0), Rung((EVERYBODY,), 15.0)), claim_minutes=30.0),
    Level.PROMPT: Policy((Rung(("rota:system", MANAGERS), 60.0),), repeat_minutes=240.0, claim_minutes=240.0),
}


@dataclass(frozen=True, slots=True)
class InForce:
    """The policy that an alert goes by now, and where it comes from."""

    policy: Policy
    id: int | None = None
    """None: it came with the program."""
    area: str = ""
    """Empty: the whole installation's."""
    version: int = 0
    made_by: str = ""
    made_at: Instant = 0
    why: str = ""


@dataclass(frozen=True, slots=True)
class Version:
    """One row of the policies' history; without a policy, the area's own was taken back."""

    area: str
    level: Level
    version: int
    policy: Policy | None
    made_by: str
    made_at: Instant
    why: str


class BadPolicyError(KehaiError):
    """A policy that cannot be; ``str`` says what is wrong with it, in one sentence."""


def encode(policy: Policy) -> str:
    """A policy as JSON."""
    return msgspec.json.format(msgspec.json.encode(policy), indent=2).decode()


def decode(body: str | bytes) -> Policy:
    """A policy from JSON; raises BadPolicyError."""
    try:
        policy = msgspec.json.decode(body, type=Policy)
    except msgspec.MsgspecError as error:
        raise BadPolicyError(f"This is no policy ({str(error).rstrip('.')}): mend that place.") from error
    except UnicodeDecodeError as error:
        raise BadPolicyError("This is no policy (it is not UTF-8): save it as UTF-8.") from error
    for number, rung in enumerate(policy.rungs, 1):
        for whom in rung.whom:
            _check_whom(whom, number)
    return policy


def _check_whom(whom: str, rung: int) -> None:
    kind, *rest = whom.split(":")
    if whom in (AREA, MANAGERS, EVERYBODY) or (kind == "staff" and len(rest) == 1 and rest[0]):
        return
    if kind == "rota" and rest and rest[0]:
        place = rest[1:]
        if not place or (len(place) == 1 and (place[0] == "all" or (place[0].isdecimal() and int(place[0]) > 0))):
            return
    raise BadPolicyError(
        f"Rung {rung} calls {whom!r}, which names nobody: write rota:NAME, rota:NAME:2, rota:NAME:all, staff:LOGIN, area, "
        "managers or everybody."
    )


def level_of(level: Level) -> Level:
    """The level under which a policy is kept: whatever is no page is a prompt."""
    return Level.PAGE if level is Level.PAGE else Level.PROMPT


def built_in(area: str, level: Level) -> Policy:
    """What holds in an area where nobody has decided anything."""
    if area == EQUIPMENT_AREA and level is not Level.PAGE:
        return _TICKETS
    return (_OF_THE_SYSTEM if area == SYSTEM_AREA else BUILT_IN)[level_of(level)]


def in_force(connection: Connection, area: str, level: Level) -> InForce:
    """The policy of an area and level as it is now. One that cannot be read any more gives way to the next wider."""
    columns = policies.c
    for scope in [area] if area.startswith("~") else dict.fromkeys([area, ""]):
        wanted = select(policies).where(columns.area == scope, columns.level == level_of(level).value)
        row = connection.execute(wanted.order_by(columns.version.desc()).limit(1)).first()
        if row is None or row.body == "null":
            continue
        try:
            policy = decode(row.body)
        except BadPolicyError as error:
            log.error(  # noqa: TRY400 (its reason is the whole story)
                "a policy cannot be read: the next wider one holds",
                area=scope,
                level=level_of(level).value,
                why=str(error),
            )
            continue
        return InForce(policy, row.id, row.area, row.version, row.made_by, row.made_at, row.why)
    return InForce(built_in(area, level), area=area if area.startswith("~") else "")


def write(
    connection: Connection, area: str, level: Level, policy: Policy | None, by: str, why: str, now: Instant
) -> int:
    """Put a policy in force, from the next rung that falls due; returns its version. None takes the area's own back."""
    body = "null" if policy is None else encode(policy)
    if policy is not None:
        decode(body)
        if level is Level.PAGE and all(rung.waits_for_day for rung in policy.rungs):
            raise BadPolicyError("Every rung waits for the day, and a page must not: let at least one call at night.")
    columns = policies.c
    newest = select(func.max(columns.version)).where(columns.area == area, columns.level == level_of(level).value)
    version = (connection.execute(newest).scalar() or 0) + 1
    connection.execute(
        insert(policies).values(
            area=area, level=level_of(level).value, version=version, body=body, made_by=by, made_at=now, why=why[:2000]
        )
    )
    return version


def history(connection: Connection) -> list[Version]:
    """Every version of every policy, the newest first; one that cannot be read any more is left out."""
    rows = connection.execute(select(policies).order_by(policies.c.id.desc()))
    return [found for row in rows if (found := _version(row)) is not None]


def _version(row: Any) -> Version | None:
    try:
        policy = None if row.body == "null" else decode(row.body)
    except BadPolicyError:
        return None
    return Version(row.area, Level(row.level), row.version, policy, row.made_by, row.made_at, row.why)


def minutes(span: float, pace: float = 1.0) -> Span:
    """Minutes of people as a span of the installation's clock, which in a demo runs ``pace`` times faster than they do."""
    return int(span * pace * MINUTE)


def quiet_until(policy: Policy, now: Instant, local: LocalTime) -> Instant | None:
    """The end of the quiet hours that ``now`` lies in; None outside them. Digests wait for it, and rungs that say so."""
    begin, end = policy.quiet_from, policy.quiet_to
    minute = local.wall(now) // MINUTE % (24 * 60)
    quiet = (minute >= begin or minute < end) if begin > end else begin <= minute < end
    if not quiet:
        return None
    day = local.date(now) + timedelta(days=minute >= end)
    return local.at(day, time(*divmod(end, 60)))
