"""A day as it is being lived, in five-minute slots, and what is kept of it.

One whole number holds a bit for each slot from the midnight of the day on, through the night after it up to the noon at
which the day is closed. So a reading costs a shift and an or, and everything else is counted once a day.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from domain.clock import MINUTE, Instant, Span
from domain.ids import DeviceId

SLOT: Span = 5 * MINUTE
HOUR_SLOTS = 12
DAY_SLOTS = 288
_LONGEST = 2 * DAY_SLOTS
PARTS = {"morning": (5, 11), "afternoon": (11, 17), "evening": (17, 23), "night": (23, 29)}
"""Part of the day -> from which hour to which, counted on past midnight."""
TOILET_NIGHT = (22, 30)
"""The hours of the night after the day in which visits to the toilet count."""
_UP_FROM, _BED_FROM, _BED_TO = 3, 18, 27
_WINDOW, _BUSY = 6, 4
"""Up and about: this many of six successive slots."""


@dataclass(slots=True)
class Day:
    """Bits by slot since ``start``, the local midnight with which the day begins."""

    start: Instant
    life: int = 0
    out: int = 0
    visits: int = 0
    """The slots in which a visit to the toilet began."""
    guests: int = 0
    """The slots in which more than one person was there."""
    devices: dict[DeviceId, int] = field(default_factory=dict)

    def slot(self, at: Instant) -> int:
        """Which slot ``at`` lies in; -1 before the day, and beyond what is held."""
        slot = (at - self.start) // SLOT
        return slot if 0 <= slot < _LONGEST else -1

    def note(self, at: Instant, device: DeviceId, *, company: bool = False) -> None:
        """A sign of life."""
        slot = (at - self.start) // SLOT
        if 0 <= slot < _LONGEST:
            bit = 1 << slot
            self.life |= bit
            if company:
                self.guests |= bit
            self.devices[device] = self.devices.get(device, 0) | bit

    def visited(self, at: Instant) -> None:
        """A visit to the toilet began."""
        if (slot := self.slot(at)) >= 0:
            self.visits |= 1 << slot

    def was_out(self, left: Instant, back: Instant) -> None:
        """Nobody was at home."""
        first, last = max(0, -((self.start - left) // SLOT)), min(_LONGEST, (back - self.start) // SLOT)
        if last > first:
            self.out |= ((1 << (last - first)) - 1) << first

    def next(self, start: Instant) -> Day:
        """The day that begins at ``start``, with what this one holds of it already."""
        gone = (start - self.start) // SLOT
        devices = {device: bits >> gone for device, bits in self.devices.items() if bits >> gone}
        return Day(start, self.life >> gone, self.out >> gone, self.visits >> gone, self.guests >> gone, devices)

    # ---- what is kept ------------------------------------------------------------------------------------------------

    def hours(self) -> list[int]:
        """Slots with life in each of the 24 hours."""
        return [count(self.life, hour, hour + 1) for hour in range(24)]

    def features(self) -> dict[str, int]:
        """What is kept of the day: slots with life by part of the day, slots out, visits, and the slots of rising and of bed.

        Rising is the end of the first half hour after 3 o'clock in which somebody was up and about, bed that of the last one
        before 3 o'clock of the night; -1 where there is none.
        """
        kept = {part: count(self.life, *hours) for part, hours in PARTS.items()}
        kept["out"] = count(self.out, 0, 24)
        kept["visits"] = count(self.visits, *TOILET_NIGHT)
        kept["rise"] = next(self._busy(range(_UP_FROM * HOUR_SLOTS, DAY_SLOTS)), -1)
        kept["bed"] = next(self._busy(range(_BED_TO * HOUR_SLOTS - 1, _BED_FROM * HOUR_SLOTS, -1)), -1)
        return kept

    def _busy(self, slots: range) -> Any:
        window = (1 << _WINDOW) - 1
        return (
            slot for slot in slots
            if self.life >> slot & 1 and (self.life >> (slot - _WINDOW + 1) & window).bit_count() >= _BUSY
        )  # fmt: skip

    def snapshot(self) -> list[Any]:
        """JSON-ready state: the bits as hexadecimal words."""
        devices = {str(device): f"{bits:x}" for device, bits in sorted(self.devices.items())}
        return [self.start, *(f"{bits:x}" for bits in (self.life, self.out, self.visits, self.guests)), devices]

    @classmethod
    def restore(cls, state: list[Any]) -> Day:
        """The day that ``snapshot`` described."""
        start, life, out, visits, guests, devices = state
        by_device: Mapping[str, str] = devices
        return cls(
            start, int(life, 16), int(out, 16), int(visits, 16), int(guests, 16),
            {DeviceId(device): int(bits, 16) for device, bits in by_device.items()},
        )  # fmt: skip


def count(bits: int, from_hour: int, to_hour: int) -> int:
    """The slots that are set from one hour of the day to another; hours run on past midnight."""
    width = (to_hour - from_hour) * HOUR_SLOTS
    return (bits >> (from_hour * HOUR_SLOTS) & ((1 << width) - 1)).bit_count()
