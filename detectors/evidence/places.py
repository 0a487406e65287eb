"""Where this home's life is seen: by hour of the day, which devices its signs come from.

When a device falls silent, its share tells how much of what the resident does can no longer be seen.
"""

from __future__ import annotations

from array import array
from collections.abc import Collection, Mapping
from typing import Any

from domain.ids import DeviceId

_FADES = 0.95
"""What is left of a day's count one day later: half is gone after two weeks."""
_FORGOTTEN = 0.01


class Places:
    """Counts of signs of life by device and clock hour."""

    def __init__(self) -> None:
        self._seen: dict[DeviceId, array[float]] = {}

    def note(self, device: DeviceId, hour: int) -> None:
        """``device`` told of life in ``hour``."""
        hours = self._seen.get(device)
        if hours is None:
            hours = self._seen[device] = array("d", bytes(24 * 8))
        hours[hour] += 1.0

    def fade(self) -> None:
        """A day has passed."""
        for device, hours in list(self._seen.items()):
            faded = array("d", [round(count * _FADES, 4) for count in hours])
            if sum(faded) < _FORGOTTEN:
                del self._seen[device]
            else:
                self._seen[device] = faded

    def share(self, devices: Collection[DeviceId], hours: Collection[int]) -> float:
        """The part of this home's signs of life in ``hours`` that came from ``devices``, 0 to 1; 0 when nothing is known."""
        total = sum(counts[hour] for counts in self._seen.values() for hour in hours)
        own = sum(self._seen[device][hour] for device in devices if device in self._seen for hour in hours)
        return own / total if total > 0 else 0.0

    def snapshot(self) -> dict[str, Any]:
        """JSON-ready state."""
        return {str(device): list(hours) for device, hours in sorted(self._seen.items())}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Become what ``snapshot`` described."""
        self._seen = {DeviceId(device): array("d", hours) for device, hours in state.items()}
