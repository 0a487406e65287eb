"""What the pages are given to work with."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from pwdlib import PasswordHash
from sqlalchemy import Engine

from alerts.channels.channel import Channel
from alerts.ladder import Ladder
from alerts.modes import Modes
from alerts.rulebook import Rulebook
from alerts.shadowbook import Shadowbook
from alerts.sqlbook import RoleMark, SqlBook
from dashboard.quotas import Quotas
from dashboard.sighted import SightedBook, SightedHomes
from dashboard.throttle import Throttle
from domain.clock import SECOND, Clock, Instant, Span, SystemClock, monotonic
from domain.ids import HomeId
from domain.localtime import LocalTime
from domain.status import HomeStatus
from ingest.history import History
from registry.factors import Factors
from registry.homes import Home, Homes
from registry.sight import EVERYWHERE, Sight
from registry.staff import HASHER, Role, Staff

STALE: Span = 30 * SECOND
"""A role that has given no sign of life for so long, in real time, is down."""
_Kept = TypeVar("_Kept")


@dataclass(slots=True)
class _Kettle:
    """A value that is asked for often and changes seldom."""

    value: object = None
    at: Span | None = None
    version: int = -1


@dataclass(slots=True)
class Office:
    """One installation, as its pages see it."""

    engine: Engine
    history: History
    clock: Clock
    """The homes' clock."""
    name: str
    zone: LocalTime
    https: bool = True
    banner: str = ""
    trusted_hosts: tuple[str, ...] = ("*",)
    real: Clock = field(default_factory=SystemClock)
    """Real time: for sessions and for the health of roles."""
    remembered: Span = 2 * SECOND
    """How old, in real time, a list of homes or staff may be that a page is made from."""
    second_factor: frozenset[Role] = frozenset()
    """The roles that must have a second factor."""
    hasher: PasswordHash = HASHER
    """Makes hashes of passwords."""
    logins: tuple[tuple[str, str], ...] = ()
    """(login, password) pairs that the log-in page shows: those of a demo's invented staff, and of nobody else."""
    roles: tuple[str, ...] = ("ingest", "watch")
    """The roles that this installation runs beside the dashboard."""
    parameters: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """The detectors' tables of parameters, as the watch has them."""
    channels: Mapping[str, Channel] = field(default_factory=dict)
    """The ways to reach people; pages check addresses by them and send nothing."""
    pace: float = 1.0
    """How many times faster than the world's the homes' clock runs; see ``alerts.sqlbook``."""
    strangers: Throttle = field(default_factory=Throttle)
    """Counts what comes from outside without a log-in, and with a token or a signature that is none."""
    quotas: Quotas = field(default_factory=Quotas)
    book: SqlBook = field(init=False)
    ladder: Ladder = field(init=False)
    """To say what comes next; the watch makes it happen."""
    rules: Rulebook = field(init=False)
    shadows: Shadowbook = field(init=False)
    modes: Modes = field(init=False)
    homes: Homes = field(init=False)
    staff: Staff = field(init=False)
    factors: Factors = field(init=False)
    sight: Sight = EVERYWHERE
    """Whose eyes these are: ``seen_by`` makes an office of the same installation that shows less."""
    called: frozenset[int] = frozenset()
    """The alerts that they were called about."""
    _homes: _Kettle = field(default_factory=_Kettle)
    _names: _Kettle = field(default_factory=_Kettle)
    _statuses: _Kettle = field(default_factory=_Kettle)

    def __post_init__(self) -> None:
        """Open the rooms below."""
        self.book, self.homes, self.staff = (
            SqlBook(self.engine, self.pace),
            Homes(self.engine),
            Staff(self.engine, self.hasher),
        )
        self.ladder = Ladder(self.engine, self.zone, self.pace)
        self.rules, self.shadows = Rulebook(self.engine), Shadowbook(self.engine)
        self.modes, self.factors = Modes(self.engine), Factors(self.engine)

    def seen_by(self, sight: Sight, called: frozenset[int] = frozenset()) -> Office:
        """The same office for somebody who sees no more than ``sight`` and the alerts of these numbers.

        Whatever is asked of its homes and of its book keeps to that, so a page need not think of it.
        """
        if sight.whole:
            return self
        office = copy.copy(self)
        office.sight, office.called, office.homes = sight, called, SightedHomes(self.engine, sight)
        office.book = SightedBook(self.engine, self.pace, sight, called, office.all_homes)
        return office

    def all_homes(self) -> dict[HomeId, Home]:
        """Every enrolled home in sight, as old as may be remembered."""
        homes = self._recent(self._homes, Homes(self.engine).all)
        if self.sight.whole:
            return homes
        return {number: self.sight.of(home) for number, home in homes.items() if self.sight.covers(home)}

    def names(self) -> dict[str, str]:
        """Login -> name."""
        return self._recent(self._names, self.staff.names)

    def statuses(self, change: int) -> dict[HomeId, HomeStatus]:
        """Every home in sight as it was last seen; read anew when the book's change count is another."""
        kettle = self._statuses
        if kettle.version != change:
            kettle.value, kettle.version = self.book.statuses(), change
        value = kettle.value
        assert isinstance(value, dict)  # noqa: S101 (set above)
        if self.sight.everywhere:
            return value
        return {number: value[number] for number in self.all_homes() if number in value}

    def stale_roles(self) -> dict[str, RoleMark | None]:
        """The roles that have given no sign of life for too long; None for one that never did."""
        marks, now = self.book.marks(), self.real.now()
        return {
            name: marks.get(name)
            for name in ("ingest", "watch")
            if name not in marks or now - marks[name].stepped_at > STALE
        }

    def seen_at(self) -> Instant:
        """The homes' time now."""
        return self.clock.now()

    def _recent(self, kettle: _Kettle, read: Callable[[], _Kept]) -> _Kept:
        now = monotonic()
        if kettle.at is None or now - kettle.at >= self.remembered:
            kettle.value, kettle.at = read(), now
        return kettle.value  # type: ignore[return-value]  # what ``read`` gave the last time
