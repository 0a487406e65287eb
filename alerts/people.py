"""Who is meant by the words of a policy, at the moment at which it falls due."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import Connection, select

from alerts.policy import AREA, EQUIPMENT_AREA, EVERYBODY, MANAGERS, SYSTEM_AREA
from domain.alerts import Alert
from domain.clock import Instant
from domain.findings import Level, Subject
from domain.ids import INSTALLATION
from domain.localtime import LocalTime
from registry import rota, tables
from registry.addresses import channels_of
from registry.staff import Role


def area_of(connection: Connection, alert: Alert) -> str:
    """The area that an alert's home lies in; empty where none is known."""
    if alert.home == INSTALLATION:
        return SYSTEM_AREA
    wanted = select(tables.homes.c.area).where(tables.homes.c.id == alert.home)
    return connection.execute(wanted).scalar() or ""


def policy_area(connection: Connection, alert: Alert) -> str:
    """The area under whose policy an alert falls: its home's, or one of the two that are no places."""
    if alert.home == INSTALLATION:
        return SYSTEM_AREA
    if alert.subject is not Subject.PERSON and alert.level is not Level.PAGE:
        return EQUIPMENT_AREA
    return area_of(connection, alert)


def meant_by(connection: Connection, whom: Iterable[str], area: str, at: Instant, local: LocalTime) -> list[str]:
    """The logins that ``whom`` names, nobody twice, in the order in which they are named."""
    found: dict[str, None] = {}
    for word in whom:
        found |= dict.fromkeys(_meant(connection, word, area, at, local))
    return list(found)


def _meant(connection: Connection, word: str, area: str, at: Instant, local: LocalTime) -> list[str]:
    kind, _, rest = word.partition(":")
    staff = tables.staff.c
    wanted = select(staff.login).where(staff.disabled_at.is_(None)).order_by(staff.login)
    if kind == "rota":
        name, _, place = rest.partition(":")
        called = rota.on_call(connection, name, at, local)
        if place == "all":
            return called
        index = int(place) - 1 if place.isdecimal() else 0
        return called[index : index + 1]
    if kind == "staff":
        return list(connection.execute(wanted.where(staff.login == rest)).scalars())
    found: list[str] = []
    if word in (AREA, EVERYBODY):
        placed = select(tables.staff_areas.c.login)
        answers = staff.role.in_([Role.STAFF.value, Role.MANAGER.value])
        own = answers & staff.login.in_(placed.where(tables.staff_areas.c.area == area))
        everywhere = staff.login.not_in(placed) & (staff.role == Role.STAFF.value)
        found += connection.execute(wanted.where(own | everywhere)).scalars()
    if word in (MANAGERS, EVERYBODY):
        found += connection.execute(wanted.where(staff.role == Role.MANAGER.value)).scalars()
    return found


def ways_to(connection: Connection, login: str, wanted: tuple[str, ...] = ()) -> tuple[str, ...]:
    """The channels by which somebody can be reached, the first to try first: the ``wanted`` before their others.

    A rung never skips a person for the sake of a channel.
    """
    own = channels_of(connection, login)
    return tuple(dict.fromkeys([*(channel for channel in wanted if channel in own), *own]))
