"""Where somebody can be reached: through which channel, under which address. Personal data: nowhere but here."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection, delete, func, insert, select, update

from domain.clock import Instant
from registry.tables import addresses, staff

LONGEST = 4000
LONGEST_NAME = 80


@dataclass(frozen=True, slots=True)
class Address:
    """One way to reach one person."""

    id: int
    owner: str
    """Staff login, or ``home:ID`` for a resident."""
    channel: str
    address: str
    position: int
    broken: bool = False
    """The provider said that there is no such address any more; nothing is sent to it."""
    name: str = ""
    """What its owner calls the device, where the address itself says nothing to people."""


def of(connection: Connection, owner: str) -> list[Address]:
    """The addresses of somebody, the first to try first, broken ones too."""
    columns = addresses.c
    wanted = select(addresses).where(columns.owner == owner).order_by(columns.position, columns.id)
    return [
        Address(row.id, row.owner, row.channel, row.address, row.position, row.broken_at is not None, row.name)
        for row in connection.execute(wanted)
    ]


def channels_of(connection: Connection, owner: str) -> tuple[str, ...]:
    """The channels by which somebody can be reached, in their order."""
    return tuple(dict.fromkeys(address.channel for address in of(connection, owner) if not address.broken))


def through(connection: Connection, owner: str, channel: str) -> list[Address]:
    """The addresses of somebody at one channel that are not broken, in their order."""
    return [address for address in of(connection, owner) if address.channel == channel and not address.broken]


def is_cut_off(connection: Connection, owner: str) -> bool:
    """True when an address of somebody is broken: they may think that it still reaches them."""
    columns = addresses.c
    broken = select(columns.id).where(columns.owner == owner, columns.broken_at.is_not(None))
    return connection.execute(broken.limit(1)).first() is not None


def add(connection: Connection, owner: str, channel: str, address: str, now: Instant, name: str = "") -> int:
    """Add an address, after those that are there; the same one again takes its word back that it is broken."""
    columns = addresses.c
    same = (columns.owner == owner) & (columns.channel == channel) & (columns.address == address)
    known = connection.execute(select(columns.id).where(same)).scalar()
    if known is not None:
        named = {"name": name[:LONGEST_NAME]} if name else {}
        connection.execute(update(addresses).where(columns.id == known).values(broken_at=None, **named))
        return int(known)
    last = connection.execute(select(func.max(columns.position)).where(columns.owner == owner)).scalar()
    new = insert(addresses).values(
        owner=owner, channel=channel, address=address[:LONGEST], position=0 if last is None else last + 1, added_at=now,
        name=name[:LONGEST_NAME],
    )  # fmt: skip
    return int(connection.execute(new.returning(columns.id)).scalar_one())


def remove(connection: Connection, owner: str, number: int) -> bool:
    """Take an address away; False when ``owner`` has no such one."""
    gone = delete(addresses).where(addresses.c.id == number, addresses.c.owner == owner)
    return connection.execute(gone).rowcount == 1


def first(connection: Connection, owner: str, number: int) -> None:
    """Try this address before all others of its owner."""
    columns = addresses.c
    others = select(func.min(columns.position)).where(columns.owner == owner)
    lowest = connection.execute(others).scalar() or 0
    these = (columns.id == number) & (columns.owner == owner)
    connection.execute(update(addresses).where(these).values(position=lowest - 1))


def mark_broken(connection: Connection, number: int, now: Instant) -> None:
    """The provider said that there is no such address any more."""
    connection.execute(update(addresses).where(addresses.c.id == number).values(broken_at=now))


def language_of(connection: Connection, login: str) -> str:
    """The language of what is sent to somebody."""
    return connection.execute(select(staff.c.language).where(staff.c.login == login)).scalar() or "ja"


def set_language(connection: Connection, login: str, language: str) -> None:
    """Change it."""
    connection.execute(update(staff).where(staff.c.login == login).values(language=language))
