"""What a device's room is for: as the gateway says, or else as the room's name tells, in English or Japanese."""

from __future__ import annotations

from domain.readings import Device, RoomType

_BEDROOM = ("bed", "sleep", "寝室", "寝床", "ベッド")
_ENTRANCE = ("hall", "entrance", "front", "porch", "corridor", "genkan", "玄関", "廊下", "勝手口", "ホール")


def is_bedroom(device: Device) -> bool:
    """True for a room to sleep in."""
    return _is(device, {RoomType.BEDROOM}, _BEDROOM)


def is_entrance(device: Device) -> bool:
    """True for a place by which people leave the home."""
    return _is(device, {RoomType.ENTRANCE, RoomType.HALL}, _ENTRANCE)


def _is(device: Device, types: set[RoomType], words: tuple[str, ...]) -> bool:
    if device.room_type is not None:
        return device.room_type in types
    name = (device.room or "").lower()
    return any(word in name for word in words)
