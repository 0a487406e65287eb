"""The change of shift: since when, and what the sheet says of each matter."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection

from alerts.handover import Away, Handover, Silent
from alerts.modes import read_until
from dashboard import words
from dashboard.language import Speech
from dashboard.office import Office
from dashboard.views.duty import next_sentence
from dashboard.views.scope import Scope
from domain.alerts import Alert, Transition
from domain.clock import DAY, HOUR, Instant, Span
from domain.ids import INSTALLATION, HomeId
from domain.localtime import LocalTime
from domain.readings import Quantity
from domain.status import HomeStatus
from registry import rota
from registry.homes import Home

MANY = 200
"""Lines of one part of the sheet; how many more there are is told."""
LONGEST: Span = 31 * DAY
_JUST_BEGUN: Span = HOUR
"""Within the first hour of a shift its people want the sheet of the one before."""
_HOURS = (8, 12, 24)
_QUANTITIES = frozenset(Quantity)


class BadStartError(ValueError):
    """A beginning that cannot be."""


@dataclass(frozen=True, slots=True)
class Start:
    """One beginning of the shift that may be chosen."""

    key: str
    at: Instant


@dataclass(frozen=True, slots=True)
class Matter:
    """One alert on the sheet."""

    alert: Alert
    home: Home | None
    unreached: bool
    next: str
    said: Transition | None


@dataclass(frozen=True, slots=True)
class Sheet:
    """What the page shows."""

    open: list[Matter]
    closed: list[Matter]
    silent: list[tuple[Home, Silent, str]]
    """Home, how it is seen, and its silent devices in words."""
    away: list[tuple[Home, Away]]
    raised: int
    more: Mapping[str, int]
    """Part -> how many lines it has beyond those that are shown."""

    @property
    def unreached(self) -> int:
        """Open alerts in which nobody was reached."""
        return sum(matter.unreached for matter in self.open)

    @property
    def unowned(self) -> int:
        """Open alerts that nobody has in hand."""
        return sum(not matter.alert.state.taken for matter in self.open)


def starts(connection: Connection, now: Instant, local: LocalTime) -> list[Start]:
    """The beginnings that are offered: the last two turns of the rota, then so many hours ago."""
    turns = rota.turns_begun(connection, rota.DEFAULT, now, local)
    recent = [Start(key, at) for key, at in zip(("shift", "before"), turns, strict=False) if now - at <= LONGEST]
    return [*recent, *(Start(str(hours), now - hours * HOUR) for hours in _HOURS)]


def chosen(offered: Sequence[Start], wanted: str, written: str, now: Instant, local: LocalTime) -> Start:
    """The beginning that was asked for, ``written`` as a wall clock's time before ``wanted``; raises BadStartError."""
    if written.strip():
        try:
            at = read_until(written, local, now)
        except ValueError as error:
            raise BadStartError from error
        if not now - LONGEST <= at < now:
            raise BadStartError
        return Start("at", at)
    return next((start for start in offered if start.key == wanted), None) or usual(offered, now)


def usual(offered: Sequence[Start], now: Instant) -> Start:
    """The newest turn of the rota that is over an hour old, else twelve hours ago."""
    turns = [start for start in offered if start.key in ("shift", "before")]
    fitting = [start for start in turns if _JUST_BEGUN < now - start.at <= DAY]
    return fitting[0] if fitting else next(start for start in offered if start.key == "12")


def lay_out(
    connection: Connection,
    found: Handover,
    office: Office,
    scope: Scope,
    statuses: Mapping[HomeId, HomeStatus],
    speech: Speech,
    now: Instant,
) -> Sheet:
    """Everything that the page says, with names and words."""
    homes, names = office.all_homes(), office.names()

    def home_of(home: HomeId) -> Home:
        return homes.get(home) or Home(home, str(home), office.zone.name)

    def matter(alert: Alert, said: Transition | None, coming: str = "") -> Matter:
        home = None if alert.home == INSTALLATION else home_of(alert.home)
        return Matter(alert, home, alert.id in found.unreached, coming, said)

    def next_of(alert: Alert) -> str:
        return next_sentence(office.ladder.next_for(connection, alert, now), alert, names, speech)

    open_ = [alert for alert in found.open if scope.concerns(alert)]
    closed = [alert for alert in found.closed if scope.concerns(alert)]
    parts: Mapping[str, Sequence[object]] = {
        "open": open_, "closed": closed, "silent": found.silent, "away": found.away
    }  # fmt: skip
    return Sheet(
        [matter(alert, found.notes.get(alert.id), next_of(alert)) for alert in open_[:MANY]],
        [matter(alert, found.endings.get(alert.id)) for alert in closed[:MANY]],
        [(home_of(one.home), one, _devices(one, statuses.get(one.home), speech)) for one in found.silent[:MANY]],
        [(home_of(one.home), one) for one in found.away[:MANY]],
        found.raised, {part: max(0, len(lines) - MANY) for part, lines in parts.items()},
    )  # fmt: skip


def _devices(silent: Silent, status: HomeStatus | None, speech: Speech) -> str:
    """The silent devices by kind and room, as somebody who goes there looks for them."""
    told = []
    for device in status.devices if status is not None else ():
        if device.id in silent.devices:
            kind = speech.gettext(words.DEVICE[Quantity(device.kind)]) if device.kind in _QUANTITIES else device.kind
            told.append(f"{kind} ({device.room or device.id})")
    return speech.listed(told)
