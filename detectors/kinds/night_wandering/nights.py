"""How much walking about a night of this home may hold: the most changes of room within 90 minutes, night by night.

    limit = the larger of ``least`` and 2 x busy + 16 + doubt

*Busy* is what nine of ten of the home's last 56 nights did not exceed, drawn with the weight of 14 nights towards the
recorded homes' figure of 4; *doubt*, 12 at first, fades with the home's own nights as 3 / (nights + 3). Eight weeks are
too short to show what 99 of 100 nights stay below; on the recorded homes about one night in 400 lay above this limit.
"""

from __future__ import annotations

import math
from array import array

KEPT_NIGHTS = 56
QUANTILE = 0.9
PRIOR, PRIOR_WEIGHS = 4.0, 14.0
FACTOR, ADDED = 2.0, 16.0
DOUBT, DOUBT_WEIGHS = 12.0, 3.0
_MOST = 999


class Nights:
    """The most changes of room within 90 minutes, for each of the last nights that were seen."""

    def __init__(self, least: int) -> None:
        self._least = least
        self._past: array[int] = array("i")
        """Night x 1000 + changes, ascending."""

    def __len__(self) -> int:
        return len(self._past)

    def learn(self, night: int, changes: int) -> None:
        """Local day ``night``, on whose morning the night ended, held ``changes`` at most within 90 minutes."""
        self._past.append(night * 1000 + min(changes, _MOST))
        while self._past[0] <= (night - KEPT_NIGHTS) * 1000 + _MOST:
            del self._past[0]

    def busy(self) -> float:
        """What nine of ten nights do not exceed."""
        known = sorted(night % 1000 for night in self._past)
        if not known:
            return PRIOR
        rank = QUANTILE * (len(known) - 1)
        below = int(rank)
        own = known[below] + (known[min(below + 1, len(known) - 1)] - known[below]) * (rank - below)
        return (len(known) * own + PRIOR_WEIGHS * PRIOR) / (len(known) + PRIOR_WEIGHS)

    def limit(self) -> int:
        """More changes of room than this within 90 minutes are more than 99 of 100 nights hold."""
        doubt = DOUBT * DOUBT_WEIGHS / (len(self._past) + DOUBT_WEIGHS)
        return max(self._least, math.ceil(FACTOR * self.busy() + ADDED + doubt))

    def most(self) -> int:
        """The most that was learnt; 0 when nothing was."""
        return max((night % 1000 for night in self._past), default=0)

    def snapshot(self) -> list[int]:
        """JSON-ready state."""
        return self._past.tolist()

    def restore(self, state: list[int]) -> None:
        """Become what ``snapshot`` described."""
        self._past = array("i", state)
