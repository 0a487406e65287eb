"""Whether what the watchdog sends comes through, and when to complain: arithmetic on the monotonic clock, nothing else."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from enum import StrEnum

from domain.clock import MINUTE, SECOND, Span

ASLEEP: Span = 30 * SECOND
"""Between two looks, a second apart as a rule: after a longer pause it was this process that stood still."""
_REMEMBERED = 2_000


class Verdict(StrEnum):
    """What is to be said."""

    STOPPED = "stopped"
    STILL = "still"
    """It was said already, and lasts."""
    WELL = "well"
    """It is over."""


@dataclass(frozen=True, slots=True)
class Word:
    """Something to say, once."""

    verdict: Verdict
    silent: Span
    """How long nothing had come through."""


class Judge:
    """Hears what was sent and what arrived, and is looked at about once a second. All instants are of the monotonic clock.

    What counts is when the newest of those that arrived was *sent*: a backlog that drains proves nothing of the present.
    """

    def __init__(self, began: Span, patience: Span = 3 * MINUTE, again: Span = 30 * MINUTE) -> None:
        """``patience``: how long nothing may come through; ``again``: how often a complaint that lasts is repeated."""
        self._patience, self._again = patience, again
        self._awaited: OrderedDict[int, Span] = OrderedDict()
        self._newest = began
        self._looked_at = began
        self._complained_at: Span | None = None
        self._silent_since = began
        self.took: Span | None = None
        """How long the last that arrived was on its way."""

    @property
    def complaining(self) -> bool:
        """True from a complaint to the word that all is well."""
        return self._complained_at is not None

    def silent(self, at: Span) -> Span:
        """How long ago the newest that arrived was sent; since the start where none did."""
        return max(0, at - self._newest)

    def sent(self, number: int, at: Span) -> None:
        """A reading with this number goes on its way."""
        self._awaited[number] = at
        while len(self._awaited) > _REMEMBERED:
            self._awaited.popitem(last=False)

    def arrived(self, number: int, at: Span) -> bool:
        """A message about it came back; False when nobody waits for that number."""
        sent = self._awaited.pop(number, None)
        if sent is None:
            return False
        self.took = at - sent
        self._newest = max(sent, self._newest)
        return True

    def well(self, at: Span) -> bool:
        """True while what arrived last was sent lately enough."""
        return self.took is not None and self.silent(at) <= self._patience

    def look(self, at: Span) -> Word | None:
        """What is to be said now, if anything."""
        pause, self._looked_at = at - self._looked_at, at
        if pause > ASLEEP and self._complained_at is None:
            self._newest = max(self._newest, at)
        silent = self.silent(at)
        if silent <= self._patience:
            if self._complained_at is None:
                self._silent_since = self._newest
                return None
            lasted, self._complained_at = self._newest - self._silent_since, None
            return Word(Verdict.WELL, lasted)
        if self._complained_at is None:
            self._complained_at = at
            return Word(Verdict.STOPPED, silent)
        if at - self._complained_at >= self._again:
            self._complained_at = at
            return Word(Verdict.STILL, at - self._silent_since)
        return None
