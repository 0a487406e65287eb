"""One commit of the journal as bytes, and back: about 25 bytes a reading, and a sum over all of them.

SQLite notices a page that is no page any more; a value that has become another value is noticed here.
"""

from __future__ import annotations

from collections.abc import Iterable
from zlib import crc32

import msgspec

from domain.clock import Instant
from domain.ids import DeviceId, GatewayId, HomeId
from domain.readings import Arrival, Device, Hello, Item, Mark, Quantity, Reading, RoomType, Vouch

_QUANTITIES = tuple(Quantity)
_NUMBERS = {quantity: number for number, quantity in enumerate(_QUANTITIES)}

_Row = tuple[int, int, int, float, int, int]
"""seq, index into the group's devices, quantity, value, observed_at less the group's base, flags."""


class _Group(msgspec.Struct, array_like=True):
    """Readings of one message."""

    home: str
    gateway: str
    epoch: str
    received_at: int
    base: int
    devices: list[str]
    rows: list[_Row]


class _Vouch(msgspec.Struct, array_like=True):
    home: str
    gateway: str
    through: int
    spells: list[tuple[int, int]]
    heard: list[tuple[str, int]]
    sent_at: int
    received_at: int


class _Device(msgspec.Struct, array_like=True):
    id: str
    kind: int
    room: str | None
    exit: bool
    check_in: int | None
    mains: bool
    room_type: str | None = None
    model: str = ""


class _Hello(msgspec.Struct, array_like=True):
    home: str
    gateway: str
    zone: str
    devices: list[_Device]
    received_at: int
    software: str = ""


class _Body(msgspec.Struct, array_like=True):
    version: int
    mark: tuple[int, int | None] | None
    hellos: list[_Hello]
    groups: list[_Group]
    vouches: list[_Vouch]


_SUMMED = b"\xc1"
"""MessagePack never begins with this byte. What does not begin with it was written before commits had a sum."""
_HEAD = 5
_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(_Body)


def _sum(packed: bytes | memoryview, received_at: Instant) -> int:
    return crc32(packed, crc32(received_at.to_bytes(8, "big", signed=True)))


class DamagedCommitError(ValueError):
    """These bytes are not what was written."""


def encode(items: Iterable[Item], committed_at: Instant) -> bytes:
    """The items of one commit; its time is under the sum too. Decoding gives them as mark, hellos, readings, vouches."""
    body = _Body(1, None, [], [], [])
    group = _Group("", "", "", -1, 0, [], [])
    index: dict[str, int] = {}
    add = group.rows.append
    for item in items:
        if type(item) is Reading:
            home, device, quantity, value, observed_at, received_at, gateway, epoch, seq, flags = item
            if gateway != group.gateway or received_at != group.received_at or epoch != group.epoch:
                group = _Group(home, gateway, epoch, received_at, observed_at, [], [])
                index, add = {}, group.rows.append
                body.groups.append(group)
            at = index.get(device)
            if at is None:
                at = index[device] = len(group.devices)
                group.devices.append(device)
            add((seq, at, _NUMBERS[quantity], value, observed_at - group.base, flags))
        elif isinstance(item, Vouch):
            body.vouches.append(
                _Vouch(item.home, item.gateway, item.through, list(item.spells), list(item.heard), item.sent_at,
                       item.received_at)
            )  # fmt: skip
        elif isinstance(item, Hello):
            devices = [
                _Device(d.id, _NUMBERS[d.kind], d.room, d.exit, d.check_in, d.mains, d.room_type, d.model)
                for d in item.devices
            ]
            body.hellos.append(_Hello(item.home, item.gateway, item.zone, devices, item.received_at, item.software))
        elif isinstance(item, Mark):
            body.mark = (item.received_at, item.down_since)
    packed = _encoder.encode(body)
    return _SUMMED + _sum(packed, committed_at).to_bytes(4, "big") + packed


def decode(offset: int, received_at: Instant, packed: bytes) -> Arrival:
    """The commit that ``encode`` packed; raises DamagedCommitError."""
    if type(packed) is not bytes or type(received_at) is not int:  # what a damaged row may hold
        raise DamagedCommitError(f"Commit {offset} of the journal is damaged.")
    view = memoryview(packed)
    if view[:1] == _SUMMED:
        if _sum(view[_HEAD:], received_at) != int.from_bytes(view[1:_HEAD], "big"):
            raise DamagedCommitError(f"Commit {offset} of the journal is damaged.")
        view = view[_HEAD:]
    try:
        body = _decoder.decode(view)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise DamagedCommitError(f"Commit {offset} of the journal is damaged.") from error
    items: list[Item] = []
    if body.mark is not None:
        items.append(Mark(*body.mark))
    for hello in body.hellos:
        devices = tuple(
            Device(DeviceId(d.id), _QUANTITIES[d.kind], d.room, d.exit, d.check_in, d.mains, RoomType.of(d.room_type),
                   d.model)
            for d in hello.devices
        )  # fmt: skip
        home, gateway = HomeId(hello.home), GatewayId(hello.gateway)
        items.append(Hello(home, gateway, hello.zone, devices, hello.received_at, hello.software))
    for group in body.groups:
        home, gateway = HomeId(group.home), GatewayId(group.gateway)
        for seq, at, quantity, value, since, flags in group.rows:
            items.append(
                Reading(home, DeviceId(group.devices[at]), _QUANTITIES[quantity], value, group.base + since,
                        group.received_at, gateway, group.epoch, seq, flags)
            )  # fmt: skip
    items.extend(
        Vouch(HomeId(v.home), GatewayId(v.gateway), v.through, tuple(v.spells),
              tuple((DeviceId(d), at) for d, at in v.heard), v.sent_at, v.received_at)
        for v in body.vouches
    )  # fmt: skip
    return Arrival(offset, received_at, tuple(items))
