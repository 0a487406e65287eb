"""What the pages ask the journal: a home's day, its coverage, the dead letters. Read only.

The journal belongs to ingest; this opens the same file read-only and never waits for the writer.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from domain.clock import Instant
from domain.ids import DeviceId, GatewayId, HomeId
from domain.readings import Quantity


@dataclass(frozen=True, slots=True)
class PastReading:
    """One stored reading, as a page needs it."""

    device: DeviceId
    quantity: Quantity
    value: float
    observed_at: Instant
    flags: int = 0


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """One refused message."""

    id: int
    received_at: Instant
    topic: str
    reason: str
    detail: str
    payload: bytes


class History(Protocol):
    """Questions about the past."""

    def readings(self, home: HomeId, start: Instant, end: Instant) -> list[PastReading]:
        """The readings of a home with start <= observed_at < end, by observed_at; empty when there is no journal yet."""
        ...

    def coverage(self, gateway: GatewayId, start: Instant, end: Instant) -> list[tuple[Instant, Instant]]:
        """When the gateway vouched within [start, end], clipped to it, ascending."""
        ...

    def dead_letters(self, limit: int = 100) -> list[DeadLetter]:
        """The newest refused messages, newest first."""
        ...

    def dead_letter_count(self) -> int:
        """How many there are in all."""
        ...


class JournalHistory:
    """History of a journal file."""

    def __init__(self, journal: Path) -> None:
        self._journal = journal
