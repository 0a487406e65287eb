"""How far the pulses of each device are believed: chatter is no life, nor is what a device sees in an empty home."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

from domain.clock import DAY, HOUR, MINUTE, Instant, Span
from domain.ids import DeviceId

QUARTER: Span = 15 * MINUTE
FAST = 60
"""Readings in a quarter of an hour, four a minute, that nobody who moves about causes for long."""
FAST_QUARTERS = 8
"""So many full quarters in a row at that pace are chatter: two hours."""
ROUND_THE_CLOCK = 96
"""So many quarters in a row with a pulse in each are no person either: they sleep, or go into another room."""
QUIET_QUARTERS = 4
"""A device that has been quiet for an hour chatters no more."""
ALONE: Span = 5 * MINUTE
"""A pulse with no other sign of life this long before and after it is isolated."""
NOTHING_AFTER: Span = 2 * HOUR
"""A pulse in a home that somebody has left, isolated before, and with nothing after it for so long, is a stray."""
REMEMBERED: Span = 60 * DAY
ENOUGH_STRAYS = 2
"""So many strays in ``REMEMBERED``, and a device is not believed alone in a home that somebody has left."""
_KEPT = 16
_FADES = 0.95
"""What is left of a count one day later: half is gone after two weeks."""
_FORGOTTEN = 0.01


@dataclass(slots=True)
class Record:
    """What is known of one device. Counts fade by half in two weeks."""

    quarter: int = -1
    """The quarter hour of its last pulse, since the epoch."""
    count: int = 0
    """Its pulses in that quarter."""
    run: int = 0
    """Quarters in a row with a pulse."""
    fast: int = 0
    """Full quarters in a row at chatter's pace."""
    pulses: float = 0.0
    isolated: float = 0.0
    chatters_since: Instant | None = None
    strays: list[Instant] = field(default_factory=list)
    """When it last pulsed in a home that was empty, the latest 16."""

    @property
    def isolated_share(self) -> float:
        """Part of its pulses that stood alone; 0 while nothing is known."""
        return self.isolated / self.pulses if self.pulses else 0.0


class Trust:
    """A record for each device, and what follows from it."""

    def __init__(self) -> None:
        self._of: dict[DeviceId, Record] = {}
        self.distrusted: Mapping[DeviceId, Instant] = {}
        """Devices that `device_stuck` says fire without a person, and since when; its own mapping, which it keeps."""
        self.unseeing: Collection[DeviceId] = ()
        """Devices that do not see what others see, as `device_stuck` says or suspects."""
        self._before: tuple[DeviceId, Instant, Instant] = (DeviceId(""), 0, 0)
        """(device, when, when the one before) of the last pulse: whether it stood alone shows at the next one."""

    def record(self, device: DeviceId) -> Record:
        """What is known of ``device``."""
        return self._of.get(device) or Record()

    def chatters(self, device: DeviceId) -> bool:
        """True while its pulses cannot be a person's."""
        record = self._of.get(device)
        return device in self.distrusted or (record is not None and record.chatters_since is not None)

    def strays(self, device: DeviceId, at: Instant) -> int:
        """How many strays of ``device`` are known from the 60 days before ``at``; 16 stands for any more."""
        record = self._of.get(device)
        return 0 if record is None else sum(stray > at - REMEMBERED for stray in record.strays)

    def believed_alone(self, device: DeviceId, at: Instant) -> bool:
        """True when a single pulse of it, in a home that somebody has left, is a sign of life."""
        record = self._of.get(device)
        return record is None or len(record.strays) < ENOUGH_STRAYS or self.strays(device, at) < ENOUGH_STRAYS

    @property
    def last_at(self) -> Instant:
        """When any device last pulsed, believed or not; 0 before the first."""
        return self._before[1]

    def note(self, device: DeviceId, at: Instant) -> Record:
        """A pulse of ``device``, believed or not, in event-time order."""
        record = self._of.get(device)
        if record is None:
            record = self._of[device] = Record()
        if at // QUARTER == record.quarter:
            record.count += 1
        else:
            self._next_quarter(record, at)
        record.pulses += 1.0
        other, then, earlier = self._before
        if at - then > ALONE and then - earlier > ALONE and other in self._of:
            self._of[other].isolated += 1.0
        self._before = (device, at, then)
        return record

    @staticmethod
    def _next_quarter(record: Record, at: Instant) -> None:
        quarter = at // QUARTER
        ahead = quarter - record.quarter
        if ahead == 1:
            record.run += 1
            record.fast = record.fast + 1 if record.count >= FAST else 0
        else:
            record.run, record.fast = 1, 0
            if ahead > QUIET_QUARTERS:
                record.chatters_since = None
        record.quarter, record.count = quarter, 1
        if record.chatters_since is None and (record.fast >= FAST_QUARTERS or record.run >= ROUND_THE_CLOCK):
            record.chatters_since = at

    def stray(self, device: DeviceId, at: Instant) -> None:
        """A pulse of ``device`` turned out to be a stray."""
        record = self._of.setdefault(device, Record())
        record.strays.append(at)
        del record.strays[:-_KEPT]

    def fade(self) -> None:
        """A day has passed."""
        for device, record in list(self._of.items()):
            record.pulses = round(record.pulses * _FADES, 4)
            record.isolated = round(record.isolated * _FADES, 4)
            if record.pulses < _FORGOTTEN:
                del self._of[device]

    def snapshot(self) -> dict[str, Any]:
        """JSON-ready state."""
        return {
            "before": list(self._before),
            "devices": {
                d: [r.quarter, r.count, r.run, r.fast, r.pulses, r.isolated, r.chatters_since, list(r.strays)]
                for d, r in sorted(self._of.items())
            },
        }  # fmt: skip

    def restore(self, state: Mapping[str, Any]) -> None:
        """Become what ``snapshot`` described."""
        device, at, earlier = state["before"]
        self._before = (DeviceId(device), at, earlier)
        self._of = {DeviceId(d): _record(*values) for d, values in state["devices"].items()}


def _record(*values: Any) -> Record:
    """The record of a snapshot; the two do not share their list."""
    record = Record(*values)
    record.strays = list(record.strays)
    return record
