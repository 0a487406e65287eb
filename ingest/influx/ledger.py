"""What the projection remembers in the SQL database: how far it has come, the rooms as of there, and the refused points.

The cursor moves only after every point before it is in the store or in ``refused_points``; so a crash repeats points, which
overwrite themselves, and skips none.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence

from sqlalchemy import Connection, Engine, delete, select

from domain.clock import Clock, Instant
from domain.ids import DeviceId, GatewayId
from domain.readings import Hello
from ingest.influx import tables
from ingest.influx.cursor import NAME, passed
from ingest.influx.points import tag_room
from ingest.influx.writer import Refused
from registry import tables as registry
from registry.database import insert_into, upsert


class Ledger:
    """The projection's own side; one process writes it."""

    def __init__(self, engine: Engine, clock: Clock) -> None:
        """``clock`` tells real time."""
        self._engine, self._clock = engine, clock
        self._rooms: dict[GatewayId, dict[DeviceId, str]] = {}
        self._announced: dict[tuple[GatewayId, DeviceId], str] = {}
        with engine.connect() as connection:
            for row in connection.execute(select(tables.rooms)):
                self._rooms.setdefault(GatewayId(row.gateway), {})[DeviceId(row.device)] = row.room

    # ---- the cursor --------------------------------------------------------------------------------------------------

    def cursor(self) -> int:
        """The offset up to which everything is settled; 0 at the very beginning."""
        return passed(self._engine) or 0

    def save(self, offset: int) -> None:
        """Everything up to ``offset`` is settled; the rooms announced until there are saved with it."""
        values = {"offset": offset, "saved_at": self._clock.now()}
        with self._engine.begin() as connection:
            upsert(connection, tables.projections, {"name": NAME}, values)
            _save_rooms(connection, self._announced)
        self._announced.clear()

    def forget(self) -> None:
        """Start again from the journal's beginning, rooms too; the refused points stay."""
        with self._engine.begin() as connection:
            connection.execute(delete(tables.projections).where(tables.projections.c.name == NAME))
            connection.execute(delete(tables.rooms))
        self._rooms.clear()
        self._announced.clear()

    # ---- rooms -------------------------------------------------------------------------------------------------------

    def announce(self, hello: Hello) -> None:
        """From here on in the journal, a gateway's devices stand in these rooms."""
        rooms = {device.id: tag_room(device.room) for device in hello.devices}
        self._rooms.setdefault(hello.gateway, {}).update(rooms)
        self._announced |= {(hello.gateway, device): room for device, room in rooms.items()}

    def room_of(self, gateway: GatewayId, device: DeviceId) -> str:
        """The tag value of a device's room; "" for none.

        What no greeting in the journal has told is taken from the registry, once, and saved before it is used: a point
        that is written again after a crash must have the same key.
        """
        room = self._rooms.get(gateway, {}).get(device)
        return self._look_up(gateway, device) if room is None else room

    def _look_up(self, gateway: GatewayId, device: DeviceId) -> str:
        known = self._rooms.setdefault(gateway, {})
        wanted = select(registry.devices.c.id, registry.devices.c.room).where(registry.devices.c.gateway == gateway)
        with self._engine.begin() as connection:
            found = {device: ""} | {DeviceId(row.id): tag_room(row.room) for row in connection.execute(wanted)}
            found = {device: room for device, room in found.items() if device not in known}
            _save_rooms(connection, {(gateway, device): room for device, room in found.items()})
        known.update(found)
        return known[device]

    # ---- what the store would not take -------------------------------------------------------------------------------

    def refuse(self, points: Sequence[Refused]) -> None:
        """Keep points that the store has refused; the same point refused again is still one."""
        now = self._clock.now()
        with self._engine.begin() as connection:
            for point in points:
                values = {"refused_at": now, "status": point.status, "words": point.words, "line": point.line}
                upsert(connection, tables.refused, {"key": key_of(point.line)}, values)

    def prune(self, before: Instant) -> None:
        """Keep no point that was refused before this instant."""
        with self._engine.begin() as connection:
            connection.execute(delete(tables.refused).where(tables.refused.c.refused_at < before))


def key_of(line: str) -> str:
    """Names a point: the hash of its series and its timestamp."""
    series, _, stamp = _parts(line)
    return hashlib.sha256(f"{series} {stamp}".encode()).hexdigest()


def _parts(line: str) -> tuple[str, str, str]:
    """Series, fields and timestamp of one of our lines: only its tags can hold a (masked) blank."""
    start, _, stamp = line.rpartition(" ")
    series, _, fields = start.rpartition(" ")
    return series, fields, stamp


def _save_rooms(connection: Connection, rooms: Mapping[tuple[GatewayId, DeviceId], str]) -> None:
    if not rooms:
        return
    rows = [{"gateway": gateway, "device": device, "room": room[:80]} for (gateway, device), room in rooms.items()]
    statement = insert_into(connection, tables.rooms)
    key = ["gateway", "device"]
    connection.execute(
        statement.on_conflict_do_update(index_elements=key, set_={"room": statement.excluded.room}), rows
    )
