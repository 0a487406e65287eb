"""The order of attempts: a point is stored, or refused in the store's own words; none is lost, and none blocks the others.

- Stored is only what the store said it stored; whatever else happened to a write, it is sent again, which is harmless.
- A refused batch is halved until the points that the store will never take stand alone.
- A store that is busy, away or wrongly addressed is waited for, as long as it takes; Retry-After is honoured.
- A point at which the store fails without refusing it, again and again, while it takes other points in between, is refused.
"""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from domain.clock import Clock
from ingest.influx.answers import Answer, Store, Verdict
from ingest.influx.points import probe

_FIRST_PAUSE = 0.5
_LONGEST_PAUSE = 30.0
_LONGEST_ASKED = 3_600.0
"""Seconds of a Retry-After that are honoured; more is taken for a mistake."""
_PATIENCE = 4
"""Failures in a row after which the store is asked to take a point that stands for nothing."""
_TRIALS = 5
"""Failures of the same points, each with such a point taken right after it, that show that the points are to blame."""


@dataclass(frozen=True, slots=True)
class Refused:
    """A point that the store will not take."""

    line: str
    status: int
    words: str


class Watcher(Protocol):
    """Hears what the writer does."""

    def stored(self, points: int) -> None:
        """The store has taken so many points more."""
        ...

    def refused(self, status: int) -> None:
        """A point was refused for good."""
        ...

    def waiting(self, answer: Answer, seconds: float) -> None:
        """A write failed and will be tried again."""
        ...


class Writer:
    """Writes lines at a store until each is settled."""

    def __init__(
        self, store: Store, wait: Callable[[float], bool], clock: Clock, watcher: Watcher, chance: random.Random
    ) -> None:
        """``wait`` waits so many seconds and says whether to go on; ``clock`` dates the point that stands for nothing."""
        self._store, self._wait, self._clock, self._watcher, self._chance = store, wait, clock, watcher, chance
        self._failures = 0
        """In a row, of whatever was sent."""

    def write(self, lines: Sequence[str]) -> list[Refused] | None:
        """Return what was refused once every line is settled; None when it was time to stop before that."""
        pieces, refused = deque([_Piece(lines)] if lines else []), list[Refused]()
        while pieces:
            piece = pieces[0]
            answer = self._store.write("\n".join(piece.lines).encode())
            if answer.verdict is Verdict.STORED:
                self._failures = 0
                self._watcher.stored(len(piece.lines))
                pieces.popleft()
            elif answer.verdict is Verdict.REFUSED:
                self._failures = 0
                self._divide(pieces, refused, answer)
            elif not self._pause(answer):
                return None
            elif answer.verdict is Verdict.UNKNOWN and self._failures >= _PATIENCE:
                outcome = self._takes_another()
                if outcome is None:
                    return None
                piece.trials += outcome
                if piece.trials >= _TRIALS:
                    self._divide(pieces, refused, answer)
        return refused

    def _divide(self, pieces: deque[_Piece], refused: list[Refused], answer: Answer) -> None:
        """Halve the first piece; a point that stands alone is refused."""
        lines = pieces.popleft().lines
        if len(lines) > 1:
            middle = len(lines) // 2
            pieces.extendleft((_Piece(lines[middle:]), _Piece(lines[:middle])))
            return
        refused.append(Refused(lines[0], answer.status, answer.words))
        self._watcher.refused(answer.status)

    def _takes_another(self) -> bool | None:
        """True when the store takes a point that stands for nothing; None when it is time to stop."""
        answer = self._store.write(probe(self._clock.now()).encode())
        if answer.verdict is Verdict.STORED:
            self._failures = _PATIENCE - 1  # it is well: no long pauses, and the next failure asks again
            return True
        return False if self._pause(answer) else None

    def _pause(self, answer: Answer) -> bool:
        self._failures += 1
        if answer.retry_after is not None:
            seconds = min(answer.retry_after, _LONGEST_ASKED) * self._chance.uniform(1.0, 1.1)
        elif answer.verdict is Verdict.DENIED:
            seconds = _LONGEST_PAUSE * self._chance.uniform(0.5, 1.0)
        else:
            grown = min(_LONGEST_PAUSE, _FIRST_PAUSE * 2.0 ** min(self._failures - 1, 10))
            seconds = grown * self._chance.uniform(0.5, 1.0)
        self._watcher.waiting(answer, seconds)
        return self._wait(seconds)


@dataclass(slots=True)
class _Piece:
    """Lines that travel together."""

    lines: Sequence[str]
    trials: int = 0
    """How often the store failed at them and took another point right after."""
