"""Whose homes a page is about: the reader's own areas, one area, or all of them."""

from __future__ import annotations

from dataclasses import dataclass

from dashboard.office import Office
from domain.alerts import Alert
from domain.ids import INSTALLATION, HomeId
from registry.homes import Home

OWN, ALL = "own", "all"
"""What a page is asked for beside the name of an area, which is told from these two by its prefix ``area:``."""
_AREA = "area:"


@dataclass(frozen=True, slots=True)
class Scope:
    """The homes that a page shows, and what else may be chosen."""

    chosen: str
    homes: dict[HomeId, Home]
    own: tuple[str, ...]
    """The reader's areas; empty for somebody who is called about all of them."""
    areas: tuple[str, ...]
    """Every area that has a home in the reader's sight."""
    limited: bool = False
    """The reader does not see all homes."""

    @property
    def whole(self) -> bool:
        """True when nothing is left out."""
        return self.chosen == ALL and not self.limited

    @property
    def ids(self) -> frozenset[HomeId] | None:
        """The homes as the rooms below want them: None for all; what is about the installation is everybody's."""
        return None if self.whole else frozenset({*self.homes, INSTALLATION})

    @property
    def within(self) -> tuple[str, ...]:
        """The names of the areas that are shown; empty for all."""
        if self.chosen == ALL:
            return self.areas if self.limited else ()
        return self.own if self.chosen == OWN else (self.chosen.removeprefix(_AREA),)

    def concerns(self, alert: Alert) -> bool:
        """False for an alert about many homes of an area that is not shown."""
        where = alert.evidence.get("area")
        return self.whole or alert.home != INSTALLATION or where is None or where in self.within


def scope_of(office: Office, login: str, wanted: str) -> Scope:
    """The scope that ``login`` asked for; their own areas, where they have any, when they asked for nothing that there is."""
    homes = office.all_homes()
    areas = tuple(sorted({home.area for home in homes.values() if home.area}))
    own = tuple(area for area in office.staff.areas().get(login, ()) if area in areas)
    offered = {ALL, *(f"{_AREA}{area}" for area in areas), *([OWN] if own else [])}
    chosen = wanted if wanted in offered else (OWN if own else ALL)
    within = own if chosen == OWN else (chosen.removeprefix(_AREA),)
    shown = {number: home for number, home in homes.items() if chosen == ALL or home.area in within}
    return Scope(chosen, shown, own, areas, limited=not office.sight.everywhere)
