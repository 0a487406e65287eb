"""How a home stands right now: what can be seen of it, and, independently, how its resident is."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from domain.clock import Instant, Span
from domain.ids import DeviceId, GatewayId, HomeId


class Resident(StrEnum):
    """What the readings say about the resident."""

    ACTIVE = "active"
    QUIET = "quiet"
    """Silent, within what is usual for this home and hour."""
    OVERDUE = "overdue"
    """Silent past the limit: an inactivity finding stands."""
    AWAY = "away"
    UNKNOWN = "unknown"


class Observability(StrEnum):
    """What the equipment lets us see."""

    CLEAR = "clear"
    PARTIAL = "partial"
    """Some devices are silent."""
    BLIND = "blind"
    """The gateway, or the devices that matter at this hour, are silent."""
    NOT_INSTALLED = "not_installed"
    """No gateway has ever reported."""


@dataclass(frozen=True, slots=True)
class DeviceStatus:
    """One device's health."""

    id: DeviceId
    kind: str
    room: str | None
    exit: bool
    heard_at: Instant | None
    """The last time it said anything at all."""
    silent: bool
    """True while a device_silent finding stands."""
    battery: float | None = None
    """Percent, where it tells."""
    link: float | None = None


@dataclass(frozen=True, slots=True)
class HomeStatus:
    """One home as the watch last saw it."""

    home: HomeId
    resident: Resident
    observability: Observability
    as_of: Instant
    """Processing time of the step that this describes."""
    watermark: Instant | None
    """Event time up to which the home is vouched for."""
    last_life: Instant | None
    """The last trusted sign of life."""
    last_room: str | None
    limit: Span | None
    """How long a silence that began at ``last_life`` may last before somebody is paged; None while away or unknown."""
    learnt_days: int
    """Days of this home's own life that the limit rests on."""
    gateways: tuple[tuple[GatewayId, Instant | None], ...] = ()
    """Each gateway and when it last spoke (processing time)."""
    devices: tuple[DeviceStatus, ...] = ()
    false_pages: int = 0
    """Pages of the last two months of which people found that nothing was the matter, as the limits in force know it."""
