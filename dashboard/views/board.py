"""The board: open alerts, worst first; then every home, worst first."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import IntEnum

from domain.alerts import Alert, State
from domain.clock import Instant
from domain.findings import Level, Subject
from domain.ids import INSTALLATION, HomeId
from domain.status import HomeStatus, Observability, Resident
from registry.homes import Home


class Rank(IntEnum):
    """How much a home needs somebody, the worst first."""

    PAGE = 0
    PAGE_CLAIMED = 1
    PROMPT = 2
    BLIND = 3
    UNKNOWN = 4
    EQUIPMENT = 5
    QUIET = 6
    ACTIVE = 7
    AWAY = 8
    NOT_INSTALLED = 9


@dataclass(frozen=True, slots=True)
class Card:
    """One open alert and the home it is about; None where it is about the whole installation."""

    alert: Alert
    home: Home | None

    @property
    def tone(self) -> str:
        """A word for the style sheet; the page says the same in words and shape."""
        if self.alert.level is Level.PAGE:
            return "claimed" if self.alert.state.taken else "page"
        return "prompt"


@dataclass(frozen=True, slots=True)
class Row:
    """One home."""

    home: Home
    status: HomeStatus | None
    rank: Rank
    alerts: tuple[Alert, ...]

    @property
    def resident(self) -> Resident:
        """How the resident is."""
        return self.status.resident if self.status else Resident.UNKNOWN

    @property
    def seen(self) -> Observability:
        """What can be seen of the home."""
        return self.status.observability if self.status else Observability.NOT_INSTALLED

    @property
    def heard_at(self) -> Instant | None:
        """When the quietest of its gateways last spoke."""
        heard = [at for _, at in self.status.gateways if at is not None] if self.status else []
        return min(heard, default=None)


@dataclass(frozen=True, slots=True)
class Board:
    """Everything the board shows."""

    cards: list[Card]
    rows: list[Row]
    as_of: Instant | None
    """The oldest word of any watched home: what is shown is at least as new."""

    @property
    def unowned(self) -> int:
        """Alerts that nobody has claimed."""
        return sum(card.alert.state is State.OPEN for card in self.cards)


def lay_out(
    homes: Mapping[HomeId, Home], statuses: Mapping[HomeId, HomeStatus], alerts: Iterable[Alert], area: str = ""
) -> Board:
    """Order everything; an alert of a home that is not enrolled any more is shown all the same."""
    by_home: dict[HomeId, list[Alert]] = defaultdict(list)
    for alert in alerts:
        by_home[alert.home].append(alert)
    known = dict(homes)
    common = [Card(alert, None) for alert in by_home.pop(INSTALLATION, ()) if _concerns(alert, area)]
    for home in by_home:
        known.setdefault(home, Home(home, str(home), "UTC"))
    chosen = {number: home for number, home in known.items() if not area or home.area == area}
    rows = [
        Row(home, status, _rank(status, by_home[number]), tuple(sorted(by_home[number], key=_worst)))
        for number, home in chosen.items()
        for status in [statuses.get(number)]
    ]
    rows.sort(key=lambda row: (row.rank, row.home.resident_kana or row.home.alias, row.home.id))
    cards = common + [Card(alert, home) for number, home in chosen.items() for alert in by_home[number]]
    cards.sort(key=lambda card: _worst(card.alert))
    return Board(cards, rows, min((s.as_of for s in statuses.values()), default=None))


def _concerns(alert: Alert, area: str) -> bool:
    """True when an alert about many homes is for whoever looks at ``area``."""
    where = alert.evidence.get("area")
    return not area or where is None or where == area


def _worst(alert: Alert) -> tuple[int, int, int, Instant]:
    """Level, then unowned before owned, then a person before a device, then the oldest."""
    person = alert.subject is Subject.PERSON
    return (-alert.level.rank, alert.state.taken, not person, alert.raised_at)


def _rank(status: HomeStatus | None, alerts: list[Alert]) -> Rank:
    pages = [alert for alert in alerts if alert.level is Level.PAGE]
    if pages:
        return Rank.PAGE_CLAIMED if all(alert.state.taken for alert in pages) else Rank.PAGE
    if any(alert.subject is Subject.PERSON for alert in alerts):
        return Rank.PROMPT
    if status is None:
        return Rank.NOT_INSTALLED
    seen = {Observability.NOT_INSTALLED: Rank.NOT_INSTALLED, Observability.BLIND: Rank.BLIND}.get(status.observability)
    if seen is not None:
        return seen
    resident = _RESIDENT[status.resident]
    troubled = alerts or status.observability is Observability.PARTIAL
    return min(resident, Rank.EQUIPMENT) if troubled else resident


_RESIDENT = {
    Resident.UNKNOWN: Rank.UNKNOWN, Resident.OVERDUE: Rank.UNKNOWN, Resident.QUIET: Rank.QUIET,
    Resident.ACTIVE: Rank.ACTIVE, Resident.AWAY: Rank.AWAY,
}  # fmt: skip
