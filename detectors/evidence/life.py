"""The evidence of one home: its signs of life, whether somebody may have gone out, and what silent devices hide."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import TYPE_CHECKING, Any, NamedTuple

from detectors.evidence.places import Places
from domain.clock import DAY, HOUR, MINUTE, Instant, Span
from domain.ids import DeviceId
from domain.localtime import LocalTime
from domain.readings import SIGNS_OF_LIFE, Device, Quantity, Reading

if TYPE_CHECKING:
    from detectors.context import HomeContext  # which holds the evidence

AFTER_EXIT: Span = 2 * MINUTE
"""A last sign of life this close to a movement of an outer door means that the resident may have gone out."""
SOON_AFTER_EXIT: Span = 10 * MINUTE
"""A last sign of life this close to one may still be somebody on the way out, seen late."""
BLIND: Span = 5 * MINUTE
"""This much blindness within a silence does not matter."""
MATTERS = 0.25
"""Silent devices from which this part of the hour's signs of life came hide too much to call a silence a silence."""


class Occupancy(StrEnum):
    """Where the resident is taken to be."""

    HOME = "home"
    AWAY = "away"
    """An outer door moved just before the last sign of life."""
    UNKNOWN = "unknown"
    """No sign of life yet, or silent devices hide the rooms that matter at this hour."""
    BLIND = "blind"
    """Too much of the silence was not vouched for."""


class Sign(NamedTuple):
    """A trusted sign of life, and so the beginning of a silence that lasts until the next one."""

    at: Instant
    device: DeviceId
    room: str | None
    after_exit: Span | None
    """How long before it an outer door had last moved, 0 when it is such a movement; None when none is known."""

    @property
    def may_be_out(self) -> bool:
        """True when the silence after it may be that of an empty home."""
        return self.after_exit is not None and self.after_exit <= AFTER_EXIT

    @property
    def soon_after_exit(self) -> bool:
        """True when the silence after it may be that of somebody who was seen late on the way out."""
        return self.after_exit is not None and self.after_exit <= SOON_AFTER_EXIT


def sign_of(state: Sequence[Any] | None) -> Sign | None:
    """The sign of life that a snapshot holds as a list."""
    return None if state is None else Sign(*state)


class Evidence:
    """Fed by the supervision with each released reading before any detector sees it; detectors read it.

    ``fresh`` holds what the reading in hand established: pairs (the sign of life before, the new one), none for most readings
    that are no sign of life. So a detector learns of a silence that is over, and of the one that begins, from one place.
    """

    def __init__(self) -> None:
        self._places = Places()
        self._midnight: Instant | None = None
        self.last: Sign | None = None
        """The last trusted sign of life."""
        self.exit: Instant | None = None
        """When an outer door last moved."""
        self.fresh: Sequence[tuple[Sign | None, Sign]] = ()
        """What the reading in hand established."""

    # ---- what detectors ask ------------------------------------------------------------------------------------------

    def occupancy(self, context: HomeContext) -> Occupancy:
        """Where the resident is taken to be, as of the watermark."""
        if self.last is None:
            return Occupancy.UNKNOWN
        if self.last.may_be_out:
            return Occupancy.AWAY
        now = max(self.last.at, context.watermark or 0)
        if context.blind(self.last.at, now) > BLIND:
            return Occupancy.BLIND
        return Occupancy.UNKNOWN if self.hidden(self.last.at, now, context) else Occupancy.HOME

    def hidden(self, start: Instant, end: Instant, context: HomeContext) -> list[Device]:
        """The silent devices that hide too much of [start, end]; none when what they would show does not matter."""
        lost = context.lost(end)
        if not lost:
            return []
        hours = {context.local.hour(at) for at in (*range(start, min(end, start + DAY), HOUR), end)}
        return lost if self._places.share({device.id for device in lost}, hours) >= MATTERS else []

    # ---- what the supervision tells ----------------------------------------------------------------------------------

    def observe(self, reading: Reading, context: HomeContext) -> None:
        """A reading, in event-time order."""
        if reading.quantity not in SIGNS_OF_LIFE:
            self.fresh = ()
            return
        at = reading.observed_at
        if self._midnight is None:
            self._midnight = context.local.midnight(context.local.day(at) + 1)
        self._places.note(reading.device, context.local.hour(at))
        self._believe(reading, context)

    def observe_late(self, reading: Reading, context: HomeContext) -> None:
        """A reading from before the watermark: what it shows counts, but nothing is learnt from it."""
        if reading.quantity not in SIGNS_OF_LIFE or self.last is None or reading.observed_at <= self.last.at:
            self.fresh = ()
        else:
            self._believe(reading, context)

    def _believe(self, reading: Reading, context: HomeContext) -> None:
        at = reading.observed_at
        device = context.devices.get(reading.device)
        if device is not None and device.exit and reading.quantity is Quantity.DOOR:
            self.exit = at
        before, after_exit = self.last, None if self.exit is None else at - self.exit
        self.last = Sign(at, reading.device, device.room if device is not None else None, after_exit)
        self.fresh = ((before, self.last),)

    def due(self) -> Instant | None:
        """The next local midnight."""
        return self._midnight

    def fire(self, at: Instant, local: LocalTime) -> None:
        """The watermark has passed ``at``."""
        if self._midnight is not None and self._midnight <= at:
            self._places.fade()
            self._midnight = local.midnight(local.day(self._midnight) + 1)

    # ---- state -------------------------------------------------------------------------------------------------------

    def snapshot(self) -> dict[str, Any]:
        """JSON-ready state."""
        return {
            "places": self._places.snapshot(), "midnight": self._midnight, "exit": self.exit,
            "last": None if self.last is None else list(self.last),
        }  # fmt: skip

    def restore(self, state: Mapping[str, Any]) -> None:
        """Become what ``snapshot`` described."""
        self._places.restore(state["places"])
        self._midnight, self.exit = state["midnight"], state["exit"]
        self.last = sign_of(state["last"])
