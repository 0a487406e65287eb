"""A past day as hourly numbers: what is left of it once its readings have been summarised."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from domain.clock import HOUR, Instant
from domain.ids import DeviceId
from domain.localtime import LocalTime
from domain.readings import SIGNS_OF_LIFE, Quantity
from domain.status import DeviceStatus
from ingest.history import HourSummary


@dataclass(frozen=True, slots=True)
class Hours:
    """One column for each hour of the day; days have 23, 24 or 25."""

    labels: list[str]
    events: list[tuple[str, list[int]]]
    """(room, movements in each hour)."""
    warmth: list[tuple[str, list[float | None]]]
    """(room, mean temperature of each hour); None where nothing was measured."""


def by_hour(
    start: Instant, end: Instant, local: LocalTime, devices: Sequence[DeviceStatus], summaries: Iterable[HourSummary]
) -> Hours:
    """The numbers of [start, end); a device that is not there any more is shown by its id."""
    room_of: dict[DeviceId, str] = {device.id: device.room or device.id for device in devices}
    columns = -(-(end - start) // HOUR)
    events: dict[str, list[int]] = {}
    sums: dict[str, list[tuple[float, int]]] = {}
    for one in summaries:
        room, column = room_of.get(one.device, one.device), (one.start - start) // HOUR
        if one.quantity in SIGNS_OF_LIFE:
            events.setdefault(room, [0] * columns)[column] += one.events
        elif one.quantity is Quantity.TEMPERATURE:
            total, count = sums.setdefault(room, [(0.0, 0)] * columns)[column]
            sums[room][column] = (total + one.total, count + one.count)
    means = {room: [total / count if count else None for total, count in row] for room, row in sums.items()}
    labels = [str(local.hour(start + column * HOUR)) for column in range(columns)]
    return Hours(labels, sorted(events.items()), sorted(means.items()))
