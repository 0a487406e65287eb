"""From the journal to the store, and the cursor that follows."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine, insert
from structlog.testing import capture_logs

import registry.tables
from domain.clock import SECOND, VirtualClock
from domain.ids import DeviceId
from domain.readings import Device, Mark, Quantity
from ingest.influx.answers import Answer, Verdict
from ingest.influx.cursor import passed
from ingest.influx.ledger import Ledger
from ingest.influx.refused import refused_count, refused_points, retry
from ingest.influx.writer import Refused
from tests.ingest.pretend_store import split
from tests.ingest.projecting import GATEWAY, HALL, HOME, Keeper, T, database, hello, projection, reading


class Shelf:
    """A store in memory that takes what it does not abhor, and can be told to fail."""

    def __init__(self) -> None:
        self.points: dict[tuple[str, str], str] = {}
        self.writes: list[int] = []
        self.abhors: str | None = None
        self.fails = 0

    def write(self, lines: bytes) -> Answer:
        """See Store.write."""
        texts = lines.decode().splitlines()
        self.writes.append(len(texts))
        if self.fails:
            self.fails -= 1
            return Answer(Verdict.UNKNOWN, 500)
        if self.abhors is not None and self.abhors in lines.decode():
            return Answer(Verdict.REFUSED, 400, "abhorred")
        for text in texts:
            series, fields, stamp = split(text)
            self.points[series, stamp] = fields
        return Answer(Verdict.STORED, 204)


@pytest.fixture
def keeper(tmp_path: Path) -> Iterator[Keeper]:
    made = Keeper(tmp_path / "journal.db")
    yield made
    made.journal.close()


@pytest.fixture
def engine() -> Iterator[Engine]:
    made = database()
    yield made
    made.dispose()


def project(keeper: Keeper, engine: Engine, shelf: Shelf, *, most: int | None = None, batch_size: int = 5_000) -> None:
    """One run of the projection, to the end of the journal."""
    made, _ = projection(keeper.path, engine, shelf, VirtualClock(T), most=most, batch_size=batch_size)
    made.run(lambda: False)
    made.close()


def rooms(shelf: Shelf) -> list[str]:
    return [series.partition("room=")[2] for series, _ in sorted(shelf.points, key=lambda key: key[1])]


def test_the_cursor_stands_where_the_store_has_everything(keeper: Keeper, engine: Engine) -> None:
    shelf = Shelf()
    assert passed(engine) is None
    project(keeper, engine, shelf)
    assert passed(engine) is None, "an empty journal"
    keeper.commit(Mark(T))
    last = keeper.commit(hello(), *(reading(seq, T + seq * SECOND) for seq in range(1, 21)))
    project(keeper, engine, shelf)
    assert passed(engine) == last
    assert len(shelf.points) == 20
    project(keeper, engine, shelf)
    assert shelf.writes == [20], "nothing new, nothing written"


def test_a_large_commit_travels_in_batches_and_the_cursor_waits_for_the_last(keeper: Keeper, engine: Engine) -> None:
    shelf = Shelf()
    first = keeper.commit(hello())
    last = keeper.commit(*(reading(seq, T + seq) for seq in range(1, 26)))
    project(keeper, engine, Shelf(), batch_size=10)
    assert passed(engine) == last
    Ledger(engine, VirtualClock(T)).save(first)
    made, wait = projection(keeper.path, engine, shelf, VirtualClock(T), most=1, batch_size=10)
    shelf.abhors = None
    assert made.step() is True
    assert shelf.writes == [10, 10, 5]
    assert wait.waited == []
    made.close()


def test_a_run_that_ended_in_the_middle_of_a_commit_writes_that_commit_again(keeper: Keeper, engine: Engine) -> None:
    shelf = Shelf()
    keeper.commit(hello(), *(reading(seq, T + seq) for seq in range(1, 26)))

    class Second(Shelf):
        def write(self, lines: bytes) -> Answer:
            if len(self.writes) == 1:
                self.fails = 1
            return super().write(lines)

    second = Second()
    project(keeper, engine, second, most=1, batch_size=10)
    assert passed(engine) is None
    assert len(second.points) == 10
    second.writes = [0, 0]
    project(keeper, engine, second, batch_size=10)
    project(keeper, database(), shelf)
    assert second.points == shelf.points


def test_a_room_is_the_one_that_was_announced_before_the_reading_whenever_it_is_written(
    keeper: Keeper, engine: Engine
) -> None:
    keeper.commit(hello(), reading(1, T))
    keeper.commit(reading(2, T + SECOND))
    keeper.commit(hello(Device(HALL.id, Quantity.MOTION, "corridor")), reading(3, T + 2 * SECOND))
    keeper.commit(reading(4, T + 3 * SECOND))
    whole, piecewise = Shelf(), Shelf()
    project(keeper, database(), whole)
    assert rooms(whole) == ["hall", "hall", "corridor", "corridor"]
    for batch_size in (1, 1, 1):
        project(keeper, engine, piecewise, batch_size=batch_size)
    assert piecewise.points == whole.points
    Ledger(engine, VirtualClock(T)).forget()
    project(keeper, engine, piecewise)
    assert piecewise.points == whole.points, "all of it again changes nothing"


def test_a_write_that_is_repeated_after_a_crash_has_the_same_rooms_though_the_registry_has_changed(
    keeper: Keeper, engine: Engine
) -> None:
    """The device's greeting was cut from the journal; the registry knows it, and then is told another room."""
    home = {"id": HOME, "alias": "a", "zone": "UTC", "enrolled_at": 0}
    device = {
        "gateway": GATEWAY, "id": "hall", "kind": "motion", "room": "hall", "exit": False, "mains": False,
        "announced_at": 0,
    }  # fmt: skip
    with engine.begin() as connection:
        connection.execute(insert(registry.tables.homes).values(**home))
        connection.execute(insert(registry.tables.gateways).values(id=GATEWAY, home=HOME, enrolled_at=0))
        connection.execute(insert(registry.tables.devices).values(**device))
    keeper.commit(reading(1, T), reading(2, T + SECOND, device=DeviceId("gone")))
    shelf = Shelf()
    shelf.fails = 1
    project(keeper, engine, shelf, most=1)
    with engine.begin() as connection:
        connection.execute(registry.tables.devices.update().values(room="attic"))
    project(keeper, engine, shelf)
    assert rooms(shelf) == ["hall", ""]


def test_a_journal_that_ends_before_the_cursor_is_another_one_and_is_written_whole(
    keeper: Keeper, engine: Engine, tmp_path: Path
) -> None:
    for seq in range(1, 6):
        keeper.commit(hello(), reading(seq, T + seq))
    project(keeper, engine, Shelf())
    other = Keeper(tmp_path / "other.db")
    last = other.commit(hello(), reading(1, T + 77))
    shelf = Shelf()
    made, _ = projection(other.path, engine, shelf, VirtualClock(T))
    assert made.step() is False
    assert made.step() is True
    made.close()
    other.journal.close()
    assert (len(shelf.points), passed(engine)) == (1, last)


def test_a_refused_point_is_kept_once_and_can_be_offered_again(keeper: Keeper, engine: Engine) -> None:
    shelf = Shelf()
    shelf.abhors = "value=2.0"
    keeper.commit(hello(), *(reading(seq, T + seq * SECOND, float(seq)) for seq in range(1, 6)))
    project(keeper, engine, shelf)
    Ledger(engine, VirtualClock(T)).save(0)
    project(keeper, engine, shelf)
    (point,) = refused_points(engine)
    assert (point.status, point.words, refused_count(engine)) == (400, "abhorred", 1)
    assert split(point.line)[1] == "value=2.0"

    shelf.abhors = "value="
    assert (retry(engine, shelf).stored, retry(engine, shelf).refused, refused_count(engine)) == (0, 1, 1)
    shelf.fails = 1
    ended = retry(engine, shelf)
    assert ended.trouble is not None
    assert refused_count(engine) == 1
    shelf.abhors = None
    assert retry(engine, shelf, ids=[point.id + 1]).stored == 0
    assert (retry(engine, shelf, ids=[point.id]).stored, refused_count(engine)) == (1, 0)
    assert len(shelf.points) == 5


def test_refused_points_are_kept_as_long_as_dead_letters_are_and_no_longer(engine: Engine) -> None:
    clock = VirtualClock(T)
    ledger = Ledger(engine, clock)
    ledger.refuse([Refused("motion value=1.0 1", 422, "old")])
    clock.advance_to(T + 10 * SECOND)
    ledger.refuse([Refused("motion value=1.0 2", 422, "young")])
    ledger.prune(T)
    assert refused_count(engine) == 2
    ledger.prune(T + SECOND)
    assert [point.words for point in refused_points(engine)] == ["young"]


def test_what_is_held_in_memory_does_not_grow_with_how_far_behind_it_is(keeper: Keeper, engine: Engine) -> None:
    shelf = Shelf()
    keeper.commit(hello())
    for start in range(0, 2_000, 10):
        keeper.commit(*(reading(start + n + 1, T + start + n) for n in range(10)))
    project(keeper, engine, shelf, batch_size=100)
    assert len(shelf.points) == 2_000
    assert max(shelf.writes) <= 100


def test_commits_that_were_cut_before_they_were_copied_are_told_of(keeper: Keeper, engine: Engine) -> None:
    first = keeper.commit(hello(), reading(1, T))
    project(keeper, engine, Shelf())
    keeper.journal.go_on_above(first + 5)
    last = keeper.commit(reading(9, T + SECOND))
    with capture_logs() as said:
        project(keeper, engine, Shelf())
    assert [(word["after"], word["before"]) for word in said] == [(first, last)]
