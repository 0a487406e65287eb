"""When this home's resident is usually up, and the time by which not to be up is very unlikely.

    limit = usual + 60 minutes + tail x spread + 2 x doubt

*Usual* is the median of the home's mornings of the same sort of day (working or free), drawn towards that of all
mornings; *spread* is the median of how much later than usual the later half of the mornings were. Both are drawn
towards a pooled prior, usual with the weight of three mornings and spread with that of ten; *doubt* is the prior's own
spread between homes, as far as the home's mornings have not replaced it. So the rule runs from the first day on, with a
wide limit, and narrows within two weeks.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterator
from dataclasses import dataclass
from statistics import median

from detectors.days import day_type

KEPT_DAYS = 56
MARGIN = 60
PRIOR_USUAL, PRIOR_SPREAD = 435.0, 25.0
"""Minutes after midnight, and minutes: the medians of the recorded homes."""
BETWEEN_HOMES = 85.0
"""The spread of the usual time between homes, in minutes."""
_USUAL_WEIGHS, _SPREAD_WEIGHS, _ALL_WEIGH = 3.0, 10.0, 6.0
"""What the prior of usual, the prior of spread, and all mornings against those of like days weigh, in mornings."""
_LEAST_SPREAD = 10.0
BEYOND_LATEST = 15
"""Minutes: nobody is asked after on a morning no later than the latest like one of eight weeks, and this much more."""
LATEST = 15 * 60
"""Where the limit would be later than this, getting up cannot be told from the rest of the day."""


@dataclass(frozen=True, slots=True)
class Expected:
    """What is expected of one morning; times are minutes after midnight of the wall clock."""

    usual: int
    limit: int
    mornings: int
    """Like mornings that this rests on."""
    latest: int
    """The latest of them; 0 when there is none."""
    free: bool
    """Whether it is a day on which offices rest."""

    @property
    def tells(self) -> bool:
        """False where the mornings of this home are too late or too irregular for a limit that says anything."""
        return self.limit <= LATEST


class Mornings:
    """The minutes at which the resident was up, over the last weeks."""

    def __init__(self, tail: float) -> None:
        self._tail = tail
        self._past: array[int] = array("i")
        """Day x 1440 + minute, ascending."""

    def __iter__(self) -> Iterator[tuple[int, int]]:
        return (divmod(up, 1440) for up in self._past)

    def learn(self, day: int, minute: int) -> None:
        """The resident was up at ``minute`` of local ``day``."""
        self._past.append(day * 1440 + minute)
        while self._past[0] < (day - KEPT_DAYS) * 1440:
            del self._past[0]

    def expect(self, day: int, zone: str) -> Expected:
        """What local ``day`` should bring."""
        free = day_type(day, zone).free
        sorts: dict[bool, list[int]] = {False: [], True: []}
        for past, minute in self:
            sorts[day_type(past, zone).free].append(minute)
        everything = sorts[False] + sorts[True]
        whole = _drawn(everything, PRIOR_USUAL, _USUAL_WEIGHS)
        usual = {sort: _drawn(minutes, whole, _ALL_WEIGH) for sort, minutes in sorts.items()}
        later = [up - usual[sort] for sort, minutes in sorts.items() for up in minutes if up >= usual[sort]]
        known = len(everything)
        spread = max(_LEAST_SPREAD, median(later)) if later else _LEAST_SPREAD
        spread = (known * spread + _SPREAD_WEIGHS * PRIOR_SPREAD) / (known + _SPREAD_WEIGHS)
        doubt = BETWEEN_HOMES * _USUAL_WEIGHS / (known + _USUAL_WEIGHS)
        like = sorts[free]
        latest = max(like, default=0)
        limit = max(usual[free] + MARGIN + self._tail * spread + 2 * doubt, latest + BEYOND_LATEST)
        return Expected(
            usual=round(usual[free]), limit=round(limit), mornings=len(like), latest=latest, free=free,
        )  # fmt: skip

    def snapshot(self) -> list[int]:
        """JSON-ready state."""
        return self._past.tolist()

    def restore(self, state: list[int]) -> None:
        """Become what ``snapshot`` described."""
        self._past = array("i", state)


def _drawn(minutes: list[int], towards: float, weighs: float) -> float:
    """The median of ``minutes``, drawn towards another figure that weighs as much as so many of them."""
    if not minutes:
        return towards
    return (len(minutes) * median(minutes) + weighs * towards) / (len(minutes) + weighs)
