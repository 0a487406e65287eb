"""Which homes somebody sees: all of them, those of some areas, or single ones. Without a word about it: none."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from sqlalchemy import Connection, delete, insert, select

from domain.ids import HomeId
from registry import tables
from registry.homes import Home

_EVERYWHERE, _AREA, _HOME = "everywhere", "area", "home"


@dataclass(frozen=True, slots=True)
class Sight:
    """The homes that somebody sees."""

    everywhere: bool = False
    areas: frozenset[str] = frozenset()
    homes: frozenset[HomeId] = frozenset()
    called: frozenset[HomeId] = frozenset()
    """Homes with an open alert that this person was called about: they are seen, and all of each."""
    numbers: bool = True
    """False: telephone numbers, addresses, contacts and notes are left out."""

    @property
    def whole(self) -> bool:
        """True when nothing at all is left out."""
        return self.everywhere and self.numbers

    def called_to(self, homes: Iterable[HomeId]) -> Sight:
        """The same for somebody who was called to these homes."""
        return replace(self, called=frozenset(homes))

    def covers(self, home: Home) -> bool:
        """Whether ``home`` is seen."""
        return self.everywhere or home.area in self.areas or home.id in self.homes or home.id in self.called

    def covers_area(self, area: str) -> bool:
        """Whether every home of ``area`` is seen; the empty name is that of the whole installation."""
        return self.everywhere or (area != "" and area in self.areas)

    def of(self, home: Home) -> Home:
        """``home`` as it may be shown."""
        if self.numbers or home.id in self.called:
            return home
        return replace(home, phone="", address="", note="", contacts=())


EVERYWHERE = Sight(everywhere=True)
NOTHING = Sight()


def sight_of(connection: Connection, login: str) -> Sight:
    """What ``login`` was allowed to see."""
    rows = connection.execute(
        select(tables.sights.c.kind, tables.sights.c.name).where(tables.sights.c.login == login)
    ).all()
    return Sight(
        any(row.kind == _EVERYWHERE for row in rows),
        frozenset(row.name for row in rows if row.kind == _AREA),
        frozenset(HomeId(row.name) for row in rows if row.kind == _HOME),
    )


def set_sight(connection: Connection, login: str, sight: Sight) -> None:
    """Let ``login`` see this and nothing else, from their next page on."""
    connection.execute(delete(tables.sights).where(tables.sights.c.login == login))
    rows = [(_AREA, area) for area in sorted(sight.areas)] + [(_HOME, home) for home in sorted(sight.homes)]
    if sight.everywhere:
        rows = [(_EVERYWHERE, "")]
    for kind, name in rows:
        connection.execute(insert(tables.sights).values(login=login, kind=kind, name=name))
