"""Who is meant by the words of a policy, at the moment at which it falls due."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import Connection, select

from alerts.policy import EVERYBODY, SYSTEM_AREA
from domain.alerts import Alert
from domain.clock import Instant
from domain.findings import Level, Subject
from domain.ids import INSTALLATION
from domain.localtime import LocalTime
from registry import rota, tables
from registry.addresses import channels_of
from registry.staff import Role

EQUIPMENT_AREA = "~equipment"
"""The policy of alerts about devices and lines that are no page: tickets, which wait for the day."""


def area_of(connection: Connection, alert: Alert) -> str:
    """The area that an alert's home lies in; empty where none is known."""
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
    kind, _, name = word.partition(":")
    if kind == "rota":
        name, _, place = name.partition(":")
        called = rota.on_call(connection, name, at, local)
        index = int(place) - 1 if place.isdigit() else 0
        return called[index : index + 1]
    staff = tables.staff.c
    wanted = select(staff.login).where(staff.disabled_at.is_(None)).order_by(staff.login)
    if kind == "staff":
        return list(connection.execute(wanted.where(staff.login == name)).scalars())
    managers = list(connection.execute(wanted.where(staff.role == Role.MANAGER.value)).scalars())
    if word == "managers":
        return managers
    areas = tables.staff_areas.c
    named = select(areas.login)
    of_area = wanted.where(staff.login.in_(named.where(areas.area == area)) | staff.login.not_in(named))
    return [*connection.execute(of_area).scalars(), *(managers if word == EVERYBODY else [])]


def ways_to(connection: Connection, login: str, only: tuple[str, ...]) -> tuple[str, ...]:
    """The channels by which somebody can be reached, the first to try first; of ``only``, in that order, where it names any.

    Where none of ``only`` reaches them, whatever else does: a rung never skips a person for the sake of a channel.
    """
    own = channels_of(connection, login)
    return tuple(channel for channel in only if channel in own) or own
