"""The one loop that live running, replay and restart share.

A Feed tells what comes next, a Stage acts on it. Neither asks what time it is: on an arrival ``now`` is the instant that
ingest logged, on a tick it is the instant that was due. So a restart is a replay of the unread tail that then goes live,
and a replay of thirty days is a long restart.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Protocol

from domain.clock import Instant
from domain.readings import Arrival, Mark


@dataclass(frozen=True, slots=True)
class Tick:
    """Nothing arrived before ``at``, and ``at`` is due."""

    at: Instant


class Feed(Protocol):
    """Where arrivals come from, in the order of their offsets."""

    def next(self, until: Instant | None) -> Arrival | Tick | None:
        """The next arrival, or ``Tick(until)`` once it is certain that none was received before ``until``; None at the end.

        An arrival at exactly ``until`` comes before the tick: activity at the very instant of a deadline counts. A tick
        is never given inside a hole of ingest's own running (see ``Mark``): the mark comes first.
        """
        ...


class Stage(Protocol):
    """Acts on arrivals and on the passing of time; synchronous."""

    def next_due(self) -> Instant | None:
        """The earliest processing-time deadline, or None."""
        ...

    def step(self, now: Instant, arrival: Arrival | None) -> None:
        """Take one arrival, or (None) fire what is due at ``now``."""
        ...


def drive(feed: Feed, stage: Stage, stop: Callable[[], bool] = lambda: False) -> int:
    """Run ``stage`` on ``feed`` until the feed ends or ``stop`` says so; returns how many steps it took."""
    steps = 0
    while not stop():
        event = feed.next(stage.next_due())
        if event is None:
            break
        if isinstance(event, Tick):
            stage.step(event.at, None)
        else:
            stage.step(event.received_at, event)
        steps += 1
    return steps


def starts_after_hole(arrival: Arrival) -> bool:
    """True when ``arrival`` opens with ingest's word that it had been down before it."""
    return any(isinstance(item, Mark) and item.down_since is not None for item in arrival.items)


class ListFeed:
    """A recorded feed: arrivals from any iterable, each tick as soon as it is due, the end after the last arrival."""

    def __init__(self, arrivals: Iterable[Arrival]) -> None:
        self._arrivals = iter(arrivals)
        self._head = next(self._arrivals, None)

    def next(self, until: Instant | None) -> Arrival | Tick | None:
        """See Feed.next."""
        head = self._head
        if head is None:
            return None
        if until is not None and until < head.received_at and not starts_after_hole(head):
            return Tick(until)
        self._head = next(self._arrivals, None)
        return head
