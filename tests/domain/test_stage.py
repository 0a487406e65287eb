"""The one loop."""

from __future__ import annotations

from domain.clock import Instant
from domain.readings import Arrival, Mark
from domain.stage import ListFeed, drive


class Diary:
    """A stage that writes down what it is told and wants to be woken at fixed instants."""

    def __init__(self, *due: Instant) -> None:
        self.due = list(due)
        self.lines: list[tuple[str, Instant]] = []

    def next_due(self) -> Instant | None:
        return self.due[0] if self.due else None

    def step(self, now: Instant, arrival: Arrival | None) -> None:
        self.lines.append(("tick" if arrival is None else f"arrival {arrival.offset}", now))
        while arrival is None and self.due and self.due[0] <= now:
            self.due.pop(0)


def arrival(offset: int, at: Instant, down_since: Instant | None = None) -> Arrival:
    return Arrival(offset, at, (Mark(at, down_since),))


def test_a_tick_comes_between_the_arrivals_it_lies_between() -> None:
    diary = Diary(15)
    drive(ListFeed([arrival(1, 10), arrival(2, 20)]), diary)
    assert diary.lines == [("arrival 1", 10), ("tick", 15), ("arrival 2", 20)]


def test_an_arrival_at_the_very_instant_of_a_deadline_comes_first() -> None:
    diary = Diary(20)
    drive(ListFeed([arrival(1, 10), arrival(2, 20), arrival(3, 30)]), diary)
    assert diary.lines == [("arrival 1", 10), ("arrival 2", 20), ("tick", 20), ("arrival 3", 30)]


def test_nothing_falls_due_inside_a_hole_of_our_own_running() -> None:
    diary = Diary(15)
    drive(ListFeed([arrival(1, 10), arrival(2, 90, down_since=10), arrival(3, 95)]), diary)
    assert diary.lines == [("arrival 1", 10), ("arrival 2", 90), ("tick", 15), ("arrival 3", 95)]


def test_a_recorded_feed_ends_after_its_last_arrival() -> None:
    diary = Diary(1_000)
    assert drive(ListFeed([arrival(1, 10)]), diary) == 1


def test_a_drive_stops_when_it_is_told_to() -> None:
    diary = Diary()
    feed = ListFeed(arrival(n, n) for n in range(1, 100))
    assert drive(feed, diary, stop=lambda: len(diary.lines) >= 3) == 3
