"""One journal item as one line of InfluxDB's line protocol. The only place that knows measurement, tag and field names.

A point's key is its series (measurement and tags) and its timestamp; InfluxDB overwrites a point whose key it has. So the
key must name one reading, for ever, and be found from that reading alone: the timestamp holds the instant to the millisecond
and, in the six digits below it, the sequence number's last six; the tag ``lap`` holds what is above those, once there is any.
Within one (gateway, epoch) no two sequence numbers give the same pair. See docs/adr/0009-influxdb.md.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping

from influxdb_client import Point

from domain.clock import MILLISECOND, SECOND, Instant
from domain.ids import WATCHDOG, DeviceId, GatewayId
from domain.readings import Item, Quantity, Reading, Vouch

HEARTBEAT = "heartbeat"
PROBE = "projection"
LAP = 1_000_000
"""Sequence numbers that share one value of the tag ``lap``: the nanoseconds of a millisecond."""

SCHEMA: Mapping[str, tuple[frozenset[str], frozenset[str]]] = {
    **{
        quantity.value: (
            frozenset({"home", "gateway", "epoch", "device", "room", "lap"}),
            frozenset({"value", "flags"}),
        )
        for quantity in Quantity
    },
    HEARTBEAT: (frozenset({"home", "gateway"}), frozenset({"lag"})),
    PROBE: (frozenset(), frozenset({"probe"})),
}
"""Measurement -> (tags, fields) of everything that is ever written."""

_KEPT_SERIES = 50_000
_CONTROL = re.compile(r"[\x00-\x1f\x7f]+")

RoomOf = Callable[[GatewayId, DeviceId], str]
"""The tag value of a device's room, as its gateway had announced it by the item at hand."""


def tag_room(room: str | None) -> str:
    """A room's name as a tag value: on one line, without a backslash (which would escape what follows), "" for none."""
    return "" if room is None else _CONTROL.sub(" ", room).replace("\\", "/").strip()


def timestamp(at: Instant, ordinal: int) -> int:
    """Nanoseconds: the millisecond of ``at``, and ``ordinal``'s last six digits."""
    return at // MILLISECOND * LAP + ordinal % LAP


class Lines:
    """Turns items into lines. What one series' lines have in common is made once, for as many series as are remembered."""

    def __init__(self, room_of: RoomOf) -> None:
        self._room_of = room_of
        self._starts: dict[tuple[str, str, str, str, Quantity, str, int], str] = {}

    def of(self, item: Item, offset: int) -> Iterator[str]:
        """The lines of an item of the commit at ``offset``: one for a reading or a vouch of a home, none for anything else."""
        if type(item) is Reading:
            if item.home != WATCHDOG:
                yield self._reading(item)
        elif isinstance(item, Vouch) and item.home != WATCHDOG:
            start = self._start(HEARTBEAT, {"home": item.home, "gateway": item.gateway}, "lag")
            lag = (item.received_at - item.through) / SECOND
            yield f"{start}{lag!r} {timestamp(item.received_at, offset)}"

    def _reading(self, reading: Reading) -> str:
        room = self._room_of(reading.gateway, reading.device)
        lap = reading.seq // LAP
        key = (reading.home, reading.gateway, reading.epoch, reading.device, reading.quantity, room, lap)
        start = self._starts.get(key)
        if start is None:
            if len(self._starts) >= _KEPT_SERIES:
                self._starts.clear()
            tags = {"home": reading.home, "gateway": reading.gateway, "epoch": reading.epoch, "device": reading.device}
            start = self._starts[key] = self._start(
                reading.quantity.value, tags | {"room": room, "lap": str(lap or "")}, "value"
            )
        flags = f",flags={reading.flags}i" if reading.flags else ""
        return f"{start}{reading.value!r}{flags} {timestamp(reading.observed_at, reading.seq)}"

    @staticmethod
    def _start(measurement: str, tags: Mapping[str, str], field: str) -> str:
        """A line as far as the value of its first field; an empty tag is left out."""
        point = Point(measurement).field(field, 0.0)
        for name, value in tags.items():
            point.tag(name, value)
        return str(point.to_line_protocol())[:-1]


def probe(now: Instant) -> str:
    """The line of a point that stands for nothing: whether the store takes anything at all."""
    return f"{PROBE} probe=1i {timestamp(now, 0)}"
