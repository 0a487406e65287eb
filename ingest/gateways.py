"""The newest of what each gateway tells of itself: for staff and for metrics, never for a detector.

Heartbeats are many, so what they tell is written down with ingest's mark, a bounded number of gateways at a time, those first
of which something changed that somebody should look at.
"""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Callable, Iterable, Sequence

import msgspec

from domain.clock import Instant, Span
from domain.ids import GatewayId
from ingest.admit import AdmittedHeartbeat, AdmittedHello
from registry.directory import GatewayEntry

AT_ONCE = 500
"""Gateways written with one mark: at 30,000 gateways each is at most five minutes old in the table."""

Row = tuple[str, str, Instant, str]
"""gateway, home, heard_at, body: the columns of table ``gateways``."""


class GatewayState(msgspec.Struct, kw_only=True):
    """One gateway as it was last heard."""

    gateway: str = ""
    home: str = ""
    heard_at: Instant = 0
    epoch: str = ""
    seq: int = 0
    """The last number that it has given."""
    stored_through: int = 0
    """No number up to here is missing in the journal."""
    lag: Span = 0
    """How far before ``heard_at`` that lay which it vouched for."""
    synced: bool = True
    """Whether NTP has set its clock."""
    anchor: str = ""
    """What dates its readings, where it says so; see domain.wire.Condition, also for the names below."""
    software: str = ""
    depth: int = 0
    """Readings in its spool that nobody has acknowledged."""
    capacity: int = 0
    kept: int = 0
    unwritten: int = 0
    free_bytes: int | None = None
    losses: dict[str, int] = {}
    """Reason -> readings that are lost for ever."""
    conflicts: int = 0
    """Readings refused because another one is stored under their number."""
    epochs: int = 1
    events: list[tuple[str, str]] = []

    @property
    def lost(self) -> int:
        """Readings lost, whatever the reason."""
        return sum(self.losses.values())

    @property
    def missing(self) -> int:
        """Numbers that it has given and that are not stored yet."""
        return max(0, self.seq - self.stored_through)

    def alarming(self) -> tuple[object, ...]:
        """What must be seen soon when it changes."""
        return (self.epoch, self.losses, self.conflicts, self.synced, self.unwritten > 0, self.events)


_body = msgspec.json.Decoder(GatewayState)


def state_of(row: Sequence[object]) -> GatewayState:
    """The state in a row of table ``gateways``."""
    gateway, home, heard_at, body = row
    found = _body.decode(str(body))
    found.gateway, found.home, found.heard_at = str(gateway), str(home), int(str(heard_at))
    return found


def write(connection: sqlite3.Connection, rows: Iterable[Row]) -> None:
    """Put rows in place of those of the same gateways."""
    connection.executemany("INSERT OR REPLACE INTO gateways VALUES (?, ?, ?, ?)", rows)


class GatewayStates:
    """The writer's side: what came since it was last written down."""

    def __init__(self, stored: Callable[[str], GatewayState | None]) -> None:
        """``stored`` looks a gateway up in the journal; asked once for each."""
        self._stored = stored
        self._states: dict[str, GatewayState] = {}
        self._counted: dict[str, Counter[str]] = {}
        self._dirty: dict[str, None] = {}
        self._urgent: dict[str, None] = {}

    def heard(self, beat: AdmittedHeartbeat, stored_through: int, received_at: Instant) -> None:
        """A heartbeat came; ``stored_through`` of its epoch is what the journal holds with this commit."""
        state = self._of(beat.entry)
        if received_at < state.heard_at:
            return  # an old letter, taken up again
        before = state.alarming()
        state.heard_at, state.epoch, state.seq, state.stored_through = received_at, beat.epoch, beat.seq, stored_through
        state.lag, state.synced, state.depth = max(0, received_at - beat.through), beat.synced, beat.depth
        told = beat.condition
        if told is not None:
            state.anchor, state.software, state.capacity = told.anchor, told.software or state.software, told.capacity
            state.kept, state.unwritten, state.free_bytes = told.kept, told.unwritten, told.free_bytes
            state.losses, state.epochs, state.events = dict(told.losses), told.epochs, list(told.events)
        else:
            state.losses = dict(self._counted[beat.entry.id])
        self._changed(beat.entry.id, state.alarming() != before)

    def greeted(self, hello: AdmittedHello) -> bool:
        """A gateway said what it runs; True when it ran something else before."""
        state = self._of(hello.entry)
        before, state.software = state.software, hello.software or state.software
        self._changed(hello.entry.id, urgent=False)
        return bool(before) and state.software != before

    def lost(self, entry: GatewayEntry, reason: str, readings: int) -> None:
        """A gateway says that readings are gone; for those that keep no count of their own."""
        self._of(entry)
        self._counted[entry.id][reason] += readings

    def conflict(self, gateway: GatewayId) -> None:
        """A reading was refused because another one has its number."""
        self._known(gateway).conflicts += 1
        self._changed(gateway, urgent=True)

    def due(self, most: int = AT_ONCE) -> list[Row]:
        """What the next mark is to write."""
        chosen = [*self._urgent, *(gateway for gateway in self._dirty if gateway not in self._urgent)][:most]
        states = [self._states[gateway] for gateway in chosen]
        return [(s.gateway, s.home, s.heard_at, msgspec.json.encode(s).decode()) for s in states]

    def written(self, rows: Iterable[Row]) -> None:
        """These are in the journal now."""
        for gateway, *_ in rows:
            self._dirty.pop(gateway, None)
            self._urgent.pop(gateway, None)

    def _of(self, entry: GatewayEntry) -> GatewayState:
        state = self._known(entry.id)
        state.home = entry.home
        return state

    def _known(self, gateway: GatewayId) -> GatewayState:
        state = self._states.get(gateway)
        if state is None:
            state = self._states[gateway] = self._stored(gateway) or GatewayState(gateway=gateway)
            self._counted[gateway] = Counter(state.losses)
        return state

    def _changed(self, gateway: str, urgent: bool) -> None:
        self._dirty.setdefault(gateway)
        if urgent:
            self._urgent.setdefault(gateway)
