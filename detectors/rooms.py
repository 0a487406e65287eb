"""What a room is for: as the gateway says, or else as its name tells, in Japanese, English and some other languages."""

from __future__ import annotations

from functools import lru_cache

from domain.readings import Device, RoomType

_BATH = frozenset({RoomType.BATHROOM, RoomType.TOILET, RoomType.WASHROOM})
_PASSED = _BATH | {RoomType.BEDROOM, RoomType.HALL, RoomType.ENTRANCE, RoomType.STAIRS}
_BATH_WORDS = (
    "bath", "shower", "toilet", "wc", "lavator", "washroom", "restroom", "浴", "風呂", "トイレ", "洗面", "便所", "お手洗",
    "卫生间", "厕所", "욕실", "화장실", "badezimmer", "bagno", "baño", "salle de bain", "salle d'eau", "dusche", "douche",
    "badkamer", "banheiro", "łazienka", "badrum", "badeværelse", "kylpyhuone", "ванная", "туалет",
)  # fmt: skip
_PASSED_WORDS = (
    *_BATH_WORDS, "bed", "hall", "corridor", "landing", "entrance", "front door", "back door", "porch", "stair",
    "寝", "ベッド", "廊下", "玄関", "階段",
)  # fmt: skip
_BEDROOM_WORDS = ("bed", "sleep", "寝", "ベッド")
_ENTRANCE = frozenset({RoomType.ENTRANCE, RoomType.HALL})
_ENTRANCE_WORDS = ("hall", "corridor", "entrance", "front", "back door", "porch", "廊下", "玄関", "勝手口", "ホール", "flur",
                   "couloir", "pasillo", "corridoio")  # fmt: skip


def is_bath(device: Device) -> bool:
    """True for a bathroom, toilet or washroom."""
    return _is(device, _BATH, _BATH_WORDS)


def is_toilet(device: Device) -> bool:
    """True for a room that is there for the toilet alone."""
    return _is(device, frozenset({RoomType.TOILET}), ("toilet", "wc", "lavatory", "トイレ", "便所"))


def is_day_room(device: Device) -> bool:
    """True for a room in which the day is spent: one not for sleeping, nor on the way to the toilet at night."""
    return bool(device.room or device.room_type) and not _is(device, _PASSED, _PASSED_WORDS)


def is_bedroom(device: Device) -> bool:
    """True for a room to sleep in."""
    return _is(device, frozenset({RoomType.BEDROOM}), _BEDROOM_WORDS)


def is_entrance(device: Device) -> bool:
    """True for a place by which people leave the home."""
    return _is(device, _ENTRANCE, _ENTRANCE_WORDS)


def _is(device: Device, types: frozenset[RoomType], words: tuple[str, ...]) -> bool:
    if device.room_type is not None:
        return device.room_type in types
    return _holds(device.room or "", words)


@lru_cache(maxsize=16_384)
def _holds(room: str, words: tuple[str, ...]) -> bool:
    name = room.lower()
    return any(word in name for word in words)
