"""Readings straight into the evidence of one home, without gateway and messages."""

from __future__ import annotations

from detectors.context import HomeContext
from detectors.evidence.life import Evidence, Sign
from domain.clock import DAY, MINUTE, SECOND, Instant
from domain.localtime import LocalTime
from domain.readings import Device, Quantity, Reading
from tests.detectors.homes import DEVICES, GATEWAY, HOME, KITCHEN, LIVING, T0, ZONE


class Seen:
    """A home that is told of one reading after the other, and what its evidence made of them."""

    def __init__(self, devices: tuple[Device, ...] = DEVICES) -> None:
        self.context = HomeContext(HOME, LocalTime(ZONE), {device.id: device for device in devices})
        self.signs: list[Sign] = []
        self._seq = 0

    @property
    def evidence(self) -> Evidence:
        return self.context.evidence

    def listen(self) -> None:
        """Somebody vouches for all of it, unless something else has been said."""
        if not len(self.context.coverage):
            self.context.coverage.add(T0 - DAY, T0 + 400 * DAY)

    def see(self, device: Device, at: Instant, value: float = 1.0, quantity: Quantity | None = None) -> list[Sign]:
        """What the reading established."""
        self._seq += 1
        self._pass(at)
        reading = Reading(HOME, device.id, quantity or device.kind, value, at, at, GATEWAY, "e", self._seq)
        self.evidence.observe(reading, self.context)
        found = [sign for _, sign in self.evidence.fresh]
        self.signs += found
        return found

    def see_all(self, *moves: tuple[Device, Instant]) -> list[Sign]:
        """What the last of them established."""
        return [self.see(device, at) for device, at in moves][-1]

    def live(self, days: int, start: Instant = T0) -> Instant:
        """Ordinary days, a movement every three minutes from 7 to 22; returns the midnight after them."""
        for day in range(days):
            for minute in range(7 * 60, 22 * 60, 3):
                self.see(KITCHEN if minute // 30 % 2 else LIVING, start + day * DAY + minute * MINUTE + day * SECOND)
        self._pass(start + days * DAY)
        return start + days * DAY

    def _pass(self, at: Instant) -> None:
        self.context.watermark = at
        while (due := self.evidence.due()) is not None and due < at:
            self.evidence.fire(due, self.context.local)
