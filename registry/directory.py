"""Which home a gateway stands in, and which devices it announced: all that ingest needs to know of the registry."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Protocol

from domain.ids import DeviceId, GatewayId, HomeId
from domain.readings import Device


@dataclass(frozen=True, slots=True)
class GatewayEntry:
    """An enrolled gateway."""

    id: GatewayId
    home: HomeId
    zone: str
    devices: dict[DeviceId, Device] = field(default_factory=dict)


class Directory(Protocol):
    """Looks gateways up; fast enough to be asked for every message."""

    def gateway(self, gateway: str) -> GatewayEntry | None:
        """The enrolled gateway, or None when there is none of that id or it was revoked."""
        ...

    def introduce(self, gateway: GatewayId, devices: Iterable[Device], at: int) -> GatewayEntry:
        """Record the devices that ``gateway`` announced at instant ``at``, in place of those it announced before.

        Raises KeyError when the gateway is not enrolled.
        """
        ...


class MemoryDirectory:
    """A directory for replays and tests."""

    def __init__(self, entries: Iterable[GatewayEntry] = ()) -> None:
        self._entries: dict[str, GatewayEntry] = {entry.id: entry for entry in entries}

    def enrol(self, gateway: GatewayId, home: HomeId, zone: str) -> GatewayEntry:
        """Add a gateway without devices."""
        entry = GatewayEntry(gateway, home, zone)
        self._entries[gateway] = entry
        return entry

    def gateway(self, gateway: str) -> GatewayEntry | None:
        """See Directory.gateway."""
        return self._entries.get(gateway)

    def introduce(self, gateway: GatewayId, devices: Iterable[Device], at: int) -> GatewayEntry:  # noqa: ARG002 (no history here)
        """See Directory.introduce."""
        old = self._entries[gateway]
        entry = GatewayEntry(old.id, old.home, old.zone, {device.id: device for device in devices})
        self._entries[gateway] = entry
        return entry
