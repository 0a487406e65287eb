"""What a home's devices say, and what its gateway vouches for."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum, IntFlag, StrEnum
from typing import NamedTuple

from domain.clock import Instant, Span
from domain.ids import DeviceId, GatewayId, HomeId


class Quantity(StrEnum):
    """What one reading measures. A device may measure several: a motion sensor also tells its battery."""

    MOTION = "motion"
    """1 seen, 0 cleared."""
    DOOR = "door"
    """A DoorState."""
    TEMPERATURE = "temperature"
    """Degrees Celsius."""
    HUMIDITY = "humidity"
    """Relative humidity in percent."""
    POWER = "power"
    """Watts."""
    BUTTON = "button"
    """1 pressed."""
    BED = "bed"
    """1 somebody in it, 0 empty."""
    BATTERY = "battery"
    """Percent of full."""
    LINK = "link"
    """Radio link quality, 0 to 255."""
    OTHER = "other"
    """Anything else; kept, never a sign of life by itself."""


class RoomType(StrEnum):
    """What a room is for, where somebody has said so: its name is in any language, and is for people."""

    BATHROOM = "bathroom"
    TOILET = "toilet"
    WASHROOM = "washroom"
    BEDROOM = "bedroom"
    KITCHEN = "kitchen"
    LIVING = "living"
    HALL = "hall"
    ENTRANCE = "entrance"
    STAIRS = "stairs"
    OTHER = "other"

    @classmethod
    def of(cls, word: object) -> RoomType | None:
        """The type that ``word`` names; None for a word that this version does not know."""
        return next((member for member in cls if member.value == word), None)


class DoorState(IntEnum):
    """The value of a DOOR reading."""

    CLOSED = 0
    OPEN = 1
    MOVED = 2
    """The source only says that the door moved."""


class Flag(IntFlag):
    """What ingest noted about a reading; 0 for nothing."""

    NONE = 0
    CLAMPED = 1
    """The stamp lay in the future and was moved back to ``received_at``."""
    UNSYNCED = 2
    """Not dated by a synchronised clock: by the server's answer, by a guess, or by a clock that nobody has set."""


SIGNS_OF_LIFE = frozenset({Quantity.MOTION, Quantity.DOOR, Quantity.BUTTON, Quantity.BED})
"""Quantities whose readings come from somebody acting in the home (a cleared motion or an emptied bed included)."""


@dataclass(frozen=True, slots=True)
class Device:
    """One sensor of a home, as its gateway announced it."""

    id: DeviceId
    kind: Quantity
    """Its main quantity."""
    room: str | None = None
    exit: bool = False
    """True for a door that leads out of the home."""
    check_in: Span | None = None
    """The longest time between two messages of a healthy device; None when it speaks only on events."""
    mains: bool = False
    """True when it needs no battery."""
    room_type: RoomType | None = None
    """What ``room`` is for; None where nobody has said."""
    model: str = ""
    """Its maker's word for it, where known: devices of one model fail together."""


class Reading(NamedTuple):
    """One observation of one device; the key (gateway, epoch, seq) names it for ever.

    A named tuple, because it is made for each reading that comes, and that takes a fifth of a frozen dataclass's time.
    """

    home: HomeId
    device: DeviceId
    quantity: Quantity
    value: float
    observed_at: Instant
    """Device or gateway time, clamped to ``received_at`` when it lay in the future."""
    received_at: Instant
    """Stamped once, by ingest."""
    gateway: GatewayId
    epoch: str
    """Names one life of the gateway's spool; a new spool starts a new epoch."""
    seq: int
    """1, 2, 3 ... within the epoch, given in the spool's own transaction."""
    flags: int = 0


@dataclass(frozen=True, slots=True)
class Vouch:
    """A gateway's word, once ingest holds all of what it speaks about: everything up to ``through`` has been stored.

    Ingest holds a heartbeat back until no sequence number below the heartbeat's is missing, so a vouch may be trusted as
    it stands: within ``spells`` the gateway was running, and what is not in the journal did not happen.
    """

    home: HomeId
    gateway: GatewayId
    through: Instant
    spells: tuple[tuple[Instant, Instant], ...]
    """When the gateway was running, as far as it tells in this message: disjoint (start, end), ascending."""
    heard: tuple[tuple[DeviceId, Instant], ...] = ()
    """When each device last said anything at all (also a mere check-in), where the gateway knows."""
    sent_at: Instant = 0
    """The gateway's clock when it spoke."""
    received_at: Instant = 0
    """When ingest received the heartbeat; its distance to ``through`` is the gateway's lag."""


@dataclass(frozen=True, slots=True)
class Hello:
    """A gateway introduced itself and its devices; replaces what it said before."""

    home: HomeId
    gateway: GatewayId
    zone: str
    """The home's IANA time zone."""
    devices: tuple[Device, ...]
    received_at: Instant = 0
    software: str = ""
    """What the gateway runs, where it tells."""


@dataclass(frozen=True, slots=True)
class Mark:
    """Ingest's own heartbeat. ``down_since`` is None while it runs; on its first mark after a start it tells when it was
    last known to run, so that the hole in between counts as our blindness and nobody's silence."""

    received_at: Instant
    down_since: Instant | None = None


Item = Reading | Vouch | Hello | Mark


@dataclass(frozen=True, slots=True)
class Arrival:
    """One committed batch of the journal."""

    offset: int
    """1, 2, 3 ...: its place in the journal."""
    received_at: Instant
    """When ingest committed to it; never decreases from one offset to the next."""
    items: tuple[Item, ...]
