"""What was observed and is not on the disk yet: a second's worth, and bounded when the disk refuses for hours."""

from __future__ import annotations

from collections import Counter

from domain.clock import Instant
from gateway.overflow import MEMORY_FULL, PRICELESS, worth
from gateway.spool import Observation

MOST = 100_000
"""About 30 MB."""


class Memory:
    """Observations in their order; when there are too many it gives up what a full spool would give up, and counts it."""

    def __init__(self, most: int = MOST) -> None:
        self._most = most
        self._held: list[tuple[Instant, Observation]] = []
        self._handed: list[tuple[Instant, Observation]] = []
        self._lost: Counter[str] = Counter()
        self.blind_until: Instant | None = None
        """When the newest sign of life was seen that it gave up: nothing up to then may be vouched for."""

    def __len__(self) -> int:
        return len(self._handed) + len(self._held)

    def losses(self) -> dict[str, int]:
        """Reason -> how many it gave up since it was last asked."""
        lost, self._lost = self._lost, Counter()
        return dict(lost)

    def append(self, at: Instant, observation: Observation) -> None:
        """Hold one more, observed at ``at`` of the clock that drivers stamp by."""
        if len(self._held) >= self._most:
            self._give_way()
        self._held.append((at, observation))

    def hand_out(self) -> list[Observation]:
        """All that it holds, to be written: then call ``written`` or ``refused``."""
        self._handed, self._held = self._held, []
        return [observation for _, observation in self._handed]

    def written(self) -> None:
        """What was handed out is on the disk."""
        self._handed = []

    def refused(self) -> None:
        """What was handed out is not on the disk: it is held again, before all that came since."""
        self._handed, self._held = [], self._handed + self._held

    def _give_way(self) -> None:
        """A tenth goes at once: measurements before signs of life, the oldest of each first, buttons never."""
        wanted = max(1, self._most // 10)
        for level in range(PRICELESS):
            victims = [place for place, (_, o) in enumerate(self._held) if worth(o.quantity) == level][:wanted]
            if victims and level:
                newest = max(self._held[place][0] for place in victims)
                self.blind_until = max(newest, self.blind_until or newest)
            gone = set(victims)
            self._held = [held for place, held in enumerate(self._held) if place not in gone]
            self._lost[MEMORY_FULL] += len(victims)
            wanted -= len(victims)
