"""Who is on call, whom alerts would call, and what a manager wrote into the forms that decide it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import time

from sqlalchemy import Connection

from alerts.ladder import Call
from alerts.policy import EQUIPMENT_AREA, SYSTEM_AREA, InForce, Policy, Rung, decode, encode, in_force
from dashboard.language import Speech
from dashboard.office import Office
from domain.clock import Instant
from domain.findings import Level
from registry import rota
from registry.rota import Cover, Shift

SPARE_RUNGS = 2
"""Empty rungs below those that a policy has, to be filled in."""


@dataclass(frozen=True, slots=True)
class OnCall:
    """One rota as it stands."""

    name: str
    logins: tuple[str, ...]
    until: Instant | None
    """When others are; None where that is not within a week."""
    shifts: tuple[Shift, ...]
    covers: tuple[Cover, ...]


@dataclass(frozen=True, slots=True)
class Plan:
    """The policy of one area and level, and whom it would call now, and then."""

    area: str
    level: Level
    found: InForce
    lap: tuple[tuple[Instant, Call], ...]

    @property
    def reaches(self) -> bool:
        """False when nobody at all would be reached."""
        return any(call.logins for _, call in self.lap)


def on_call(connection: Connection, office: Office, now: Instant) -> list[OnCall]:
    """Every rota."""
    coming = rota.coming_covers(connection, now)
    return [
        OnCall(
            name, tuple(rota.on_call(connection, name, now, office.zone)),
            rota.next_change(connection, name, now, office.zone), tuple(rota.all_shifts(connection, name)),
            tuple(cover for cover in coming if cover.rota == name),
        )
        for name in rota.names(connection)
    ]  # fmt: skip


def plans(connection: Connection, office: Office, now: Instant) -> list[Plan]:
    """What holds for the installation and each area, and for what is wrong with equipment or with ourselves."""
    areas = sorted({known.area for known in office.all_homes().values()} - {""})
    wanted = [(area, level) for area in ("", *areas, SYSTEM_AREA) for level in (Level.PAGE, Level.PROMPT)]
    return [plan(connection, office, area, level, now) for area, level in [*wanted, (EQUIPMENT_AREA, Level.PROMPT)]]


def plan(
    connection: Connection, office: Office, area: str, level: Level, now: Instant, tried: Policy | None = None
) -> Plan:
    """What holds for one area and level, or what would if ``tried`` were put in force."""
    found = InForce(tried, area=area) if tried is not None else in_force(connection, area, level)
    return Plan(area, level, found, tuple(office.ladder.lap(connection, found.policy, area, now)))


def area_name(area: str, speech: Speech) -> str:
    """What people call an area."""
    named = {
        "": speech.gettext("Whole installation"),
        SYSTEM_AREA: speech.gettext("About ourselves"),
        EQUIPMENT_AREA: speech.gettext("Devices and lines (tickets)"),
    }
    return named.get(area, area)


def whom_in_words(whom: Sequence[str], names: Mapping[str, str], speech: Speech) -> str:
    """The words of a rung as people say them."""
    _ = speech.gettext
    said = []
    for word in whom:
        kind, __, rest = word.partition(":")
        name, __, place = rest.partition(":")
        if kind == "staff":
            said.append(names.get(rest, rest))
        elif kind == "rota" and place == "all":
            said.append(_("all on call (%(rota)s)") % {"rota": name})
        elif kind == "rota":
            said.append(_("on call no. %(place)s (%(rota)s)") % {"rota": name, "place": place or "1"})
        else:
            said.append({"area": _("staff of the area"), "managers": _("managers")}.get(word, _("everybody")))
    return ("、" if speech.language == "ja" else ", ").join(said)


def rows(policy: Policy) -> list[dict[str, str]]:
    """The rungs as the fields of the form, with some to spare."""
    filled = [
        {
            "whom": ", ".join(rung.whom), "minutes": f"{rung.minutes:g}", "channels": ", ".join(rung.channels),
            "waits": "yes" if rung.waits_for_day else "no",
        }
        for rung in policy.rungs
    ]  # fmt: skip
    return [*filled, *({"whom": "", "minutes": "", "channels": "", "waits": "no"} for _ in range(SPARE_RUNGS))]


def fields(policy: Policy) -> dict[str, str]:
    """Everything else in the form."""
    return {
        "repeat": f"{policy.repeat_minutes:g}", "claim": f"{policy.claim_minutes:g}",
        "work": f"{policy.work_minutes:g}", "answer": f"{policy.answer_minutes:g}",
        "unasked": f"{policy.unasked_minutes:g}", "quiet_from": clock(policy.quiet_from),
        "quiet_to": clock(policy.quiet_to),
    }  # fmt: skip


def clock(minute: int) -> str:
    """A minute of the day as ``22:00``."""
    return f"{minute // 60 % 24:02d}:{minute % 60:02d}"


def minute_of(text: str) -> int:
    """The minute of the day that ``22:00`` names; raises ValueError."""
    read = time.fromisoformat(text.strip())
    return read.hour * 60 + read.minute


def policy_of(written: Sequence[Mapping[str, str]], more: Mapping[str, str]) -> Policy:
    """The policy that a form describes; rungs without anybody are left out. Raises ValueError or BadPolicyError."""
    rungs = tuple(
        Rung(_split(row["whom"]), float(row["minutes"] or 5), _split(row["channels"]), row["waits"] == "yes")
        for row in written
        if row["whom"].strip()
    )
    made = Policy(
        rungs, float(more["repeat"]), float(more["claim"]), float(more["work"]), float(more["answer"]),
        float(more["unasked"]), minute_of(more["quiet_from"]), minute_of(more["quiet_to"]),
    )  # fmt: skip
    return decode(encode(made))


def _split(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.replace("、", ",").split(",") if part.strip())
