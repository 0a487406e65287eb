"""The ledger: every reading that a gateway's spool took, until it is found in the journal, once, as it was."""

from __future__ import annotations

from dataclasses import dataclass

from domain.clock import MINUTE, SECOND, Instant, Span
from domain.ids import GatewayId
from domain.readings import Flag, Reading
from gateway.spool import Observation
from simulators.installation.world import World

_NTP_ERROR: Span = 2 * SECOND
_SERVER_ERROR: Span = 3 * MINUTE
"""The server's word is dated when it leaves, and may be a minute on its way."""


@dataclass(frozen=True, slots=True)
class Accepted:
    """One reading that a spool took."""

    what: tuple[str, str, float]
    """Device, quantity, value."""
    at: Instant
    """When it was really seen."""


class Ledger:
    """Holds what is still on its way, so it stays small however long a simulation runs."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.outstanding: dict[tuple[str, str], dict[int, Accepted]] = {}
        """(gateway, epoch) -> number -> what the spool took under it."""
        self.accepted = self.stored = 0

    def accept(self, gateway: GatewayId, epoch: str, seq: int, seen: Observation, at: Instant) -> None:
        """A spool has it on its disk."""
        held = self.outstanding.setdefault((gateway, epoch), {})
        if seq in held:
            self._world.broken(f"{gateway} gave number {seq} twice")
        held[seq] = Accepted((seen.device, seen.quantity.value, seen.value), at)
        self.accepted += 1

    def found(self, reading: Reading) -> None:
        """It stands in the journal."""
        held = self.outstanding.get((reading.gateway, reading.epoch), {}).pop(reading.seq, None)
        name = f"number {reading.seq} of {reading.gateway}"
        if held is None:
            self._world.broken(f"{name} is stored twice, or nobody ever saw it")
            return
        self.stored += 1
        if held.what != (reading.device, reading.quantity.value, reading.value):
            self._world.broken(f"{name} is stored as something else")
        error = _SERVER_ERROR if reading.flags & int(Flag.UNSYNCED) else _NTP_ERROR
        if abs(reading.observed_at - held.at) > error:
            self._world.broken(f"{name} is dated {(reading.observed_at - held.at) / SECOND:+.0f} s wrong")

    def acknowledged(self, gateway: str, epoch: str, through: int) -> None:
        """A gateway was told that all up to ``through`` is stored: none of that may be outstanding."""
        held = self.outstanding.get((gateway, epoch), {})
        lost = [seq for seq in held if seq <= through]
        if lost:
            self._world.broken(f"{gateway} was told that {len(lost)} readings from number {min(lost)} on are stored")
            for seq in lost:
                del held[seq]

    def rest(self) -> int:
        """How many are on their way."""
        return sum(len(held) for held in self.outstanding.values())
