"""The spool and a server that is not where it was: restored, or ahead of a copied card; and a disk that fails."""

from __future__ import annotations

import os
import shutil
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from domain.clock import DAY, HOUR, MINUTE, SECOND
from domain.ids import DeviceId
from domain.readings import Quantity
from gateway.memory import Memory
from gateway.overflow import MEMORY_FULL, between, ranges
from gateway.sent import Sent
from gateway.spool import Greeting, Observation, Spool, SpoolError

T = 1_790_000_000 * SECOND
HALL, AIR, PENDANT = DeviceId("hall"), DeviceId("air"), DeviceId("pendant")


def motion(n: int = 0) -> Observation:
    return Observation(HALL, Quantity.MOTION, 1.0, T + n * SECOND)


def warmth(n: int = 0) -> Observation:
    return Observation(AIR, Quantity.TEMPERATURE, 20.0, T + n * SECOND)


def alarm(n: int = 0) -> Observation:
    return Observation(PENDANT, Quantity.BUTTON, 1.0, T + n * SECOND)


def seqs(spool: Spool) -> list[int]:
    return [reading.seq for reading in spool.waiting(0, spool.last_seq, 1_000_000)]


@pytest.fixture
def spool(tmp_path: Path) -> Iterator[Spool]:
    made = Spool(tmp_path / "spool.db")
    yield made
    made.close()


# ---- kept after it was stored ------------------------------------------------------------------------------------------


def test_what_is_stored_is_kept_for_a_while_and_waits_again_when_the_server_was_restored(spool: Spool) -> None:
    spool.add([motion(n) for n in range(10)])
    assert spool.acknowledge(spool.epoch, 8) == 8
    assert (spool.depth, spool.kept, seqs(spool)) == (2, 8, [9, 10])
    assert spool.greeted(spool.epoch, 3, T) is Greeting.KNOWN
    assert (spool.depth, spool.kept, seqs(spool)) == (7, 3, [4, 5, 6, 7, 8, 9, 10])
    assert spool.lost() == []


def test_what_was_stored_long_ago_is_forgotten_in_its_time(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "spool.db", keep_stored=2 * DAY)
    spool.add([motion(n) for n in range(10)])
    spool.acknowledge(spool.epoch, 6)
    spool.run_through(T, T)
    spool.tidy(T)
    assert spool.kept == 6
    spool.acknowledge(spool.epoch, 8)
    spool.tidy(T + 2 * DAY - MINUTE)
    assert spool.kept == 8
    spool.tidy(T + 2 * DAY)
    assert (spool.kept, seqs(spool)) == (2, [9, 10])
    spool.close()


def test_what_the_server_lost_and_nobody_keeps_is_told_as_lost_and_its_time_is_not_vouched_for(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "spool.db", max_readings=5)
    spool.add([motion(n) for n in range(4)])
    spool.acknowledge(spool.epoch, 4)
    spool.run_through(T, T)
    spool.add([motion(n) for n in range(4, 8)])
    spool.run_through(T, T + HOUR)
    assert spool.spells(T + HOUR) == [(T, T + HOUR)]
    spool.greeted(spool.epoch, 1, T + HOUR)
    assert spool.lost() == [(2, 3, "acknowledged earlier")]
    assert seqs(spool) == [4, 5, 6, 7, 8]
    assert spool.losses() == {"acknowledged earlier": 2}
    assert spool.spells(T + HOUR) == [(T + 3 * SECOND, T + HOUR)]
    spool.greeted(spool.epoch, 1, T + HOUR)
    assert spool.losses() == {"acknowledged earlier": 2}, "told once"


def test_an_acknowledgement_that_was_not_written_before_a_power_cut_costs_nothing(tmp_path: Path) -> None:
    first = Spool(tmp_path / "spool.db")
    first.add([motion(n) for n in range(5)])
    first.acknowledge(first.epoch, 5)
    shutil.copytree(tmp_path, tmp_path / "after")
    again = Spool(tmp_path / "after" / "spool.db")
    assert again.depth == 5
    assert again.greeted(again.epoch, 5, T) is Greeting.KNOWN
    assert (again.depth, again.lost()) == (5, []), "it is not taken on trust, but sent again"
    assert again.settle(again.epoch, 5, sent=Sent(5))
    assert again.depth == 0


# ---- copies ------------------------------------------------------------------------------------------------------------


def test_an_old_copy_begins_a_new_epoch_and_what_waits_moves_into_it(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "spool.db")
    spool.add([motion(1), motion(2), warmth(3)])
    spool.acknowledge(spool.epoch, 1)
    before = spool.epoch
    assert spool.greeted(before, 200, T) is Greeting.NEW_EPOCH
    assert spool.epoch != before
    assert [(r.seq, r.at) for r in spool.waiting(0, 9, 9)] == [(1, T + 2 * SECOND), (2, T + 3 * SECOND)]
    assert (spool.last_seq, spool.depth, spool.kept, spool.epochs()) == (2, 2, 0, 2)
    assert spool.events() == [("spool_copied", T)]
    assert spool.add([motion(4)]) == 3
    epoch = spool.epoch
    spool.close()
    again = Spool(tmp_path / "spool.db")
    assert (again.epoch, again.last_seq, again.depth) == (epoch, 3, 3)


def test_of_two_living_copies_the_one_whose_numbers_were_given_elsewhere_begins_anew(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "spool.db")
    spool.add([motion(n) for n in range(3)])
    spool.acknowledge(spool.epoch, 3)
    spool.close()
    spool = Spool(tmp_path / "spool.db")
    spool.add([motion(n) for n in range(10, 15)])
    assert spool.greeted(spool.epoch, 5, T) is Greeting.NEW_EPOCH, "4 and 5 were never sent from here"
    assert [r.at for r in spool.waiting(0, 9, 9)] == [T + n * SECOND for n in range(10, 15)]


def test_a_copy_first_sends_again_what_it_found_when_it_began(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "spool.db")
    spool.add([motion(n) for n in range(3)])
    spool.close()
    spool = Spool(tmp_path / "spool.db")
    spool.add([motion(n) for n in range(10, 15)])
    assert spool.greeted(spool.epoch, 20, T) is Greeting.LEAVING
    assert (spool.acked, spool.inherited, spool.depth) == (0, 3, 8)
    assert not spool.settle(spool.epoch, 20, sent=Sent(3))
    assert (spool.acked, spool.depth) == (3, 5)
    assert spool.greeted(spool.epoch, 20, T, sent=Sent(3)) is Greeting.NEW_EPOCH
    assert [r.at for r in spool.waiting(0, 9, 9)] == [T + n * SECOND for n in range(10, 15)]


def test_an_acknowledgement_of_what_was_never_sent_settles_only_what_was(spool: Spool) -> None:
    spool.add([motion(n) for n in range(9)])
    assert spool.settle(spool.epoch, 4, sent=Sent(6))
    assert not spool.settle(spool.epoch, 8, sent=Sent(6))
    assert (spool.acked, seqs(spool)) == (6, [7, 8, 9])


def test_an_answer_about_another_epoch_changes_nothing(spool: Spool) -> None:
    spool.add([motion()])
    assert spool.greeted("another", 200, T) is Greeting.KNOWN
    assert (spool.last_seq, spool.depth, spool.epochs()) == (1, 1, 1)


# ---- full --------------------------------------------------------------------------------------------------------------


def test_what_the_server_has_goes_before_anything_that_waits(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "spool.db", max_readings=6)
    spool.add([warmth(n) for n in range(6)])
    spool.acknowledge(spool.epoch, 3)
    spool.add([motion(n) for n in range(2)])
    assert (spool.depth, spool.kept, spool.losses()) == (5, 1, {})
    spool.add([motion(n) for n in range(3)])
    assert (spool.depth, spool.kept, spool.losses()) == (6, 0, {"spool full": 2})
    assert spool.lost() == [(4, 5, "spool full")]


def test_alarms_are_never_thrown_away_even_by_a_spool_that_is_full_of_them(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "spool.db", max_readings=3)
    spool.add([alarm(n) for n in range(5)])
    spool.add([motion(), warmth()])
    assert seqs(spool) == [1, 2, 3, 4, 5]
    assert spool.losses() == {"spool full": 2}


def test_when_signs_of_life_are_thrown_away_their_time_is_not_vouched_for(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "spool.db", max_readings=3)
    spool.run_through(T, T + HOUR)
    spool.add([motion(10), motion(20), warmth(30)])
    spool.add([warmth(40)])
    assert spool.spells(T + HOUR) == [(T, T + HOUR)], "a temperature that is lost hides nobody"
    spool.add([motion(50), motion(60)])
    assert spool.losses() == {"spool full": 3}
    spool.add([motion(70)])
    assert spool.spells(T + HOUR) == [(T + 20 * SECOND, T + HOUR)]


def test_a_disk_that_runs_full_stops_the_growth_and_not_the_newest_readings(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "spool.db", least_free=10**18)
    spool._least_free = 10**18  # as if somebody else had filled the card
    spool.add([warmth(n) for n in range(800)])
    spool.add([warmth(n) for n in range(500)])
    assert spool.depth == 1_000, "so much it may always hold"
    assert spool.losses() == {"disk full": 300}
    spool.add([motion()])
    assert (spool.depth, seqs(spool)[-1]) == (1_000, 1_301)


def test_a_spool_that_was_made_smaller_gives_way_bit_by_bit(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "spool.db")
    spool.add([warmth(n) for n in range(10_000)])
    spool.close()
    small = Spool(tmp_path / "spool.db", max_readings=1_000)
    for n in range(6):
        small.add([motion(n)])
    assert small.depth == 1_000
    assert small.lost() == [(1, 9_006, "spool full")]
    assert small.losses() == {"spool full": 9_006}


def test_a_hundred_thousand_scattered_losses_are_told_a_part_at_a_time(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "spool.db", durable=False)
    spool.add([reading for n in range(3_000) for reading in (motion(n), warmth(n))])
    spool.close()
    small = Spool(tmp_path / "spool.db", max_readings=3_100, durable=False)
    small.add([alarm()])
    small.add([alarm()])
    told = small.lost()
    assert len(told) == 1_000
    assert told[0] == (2, 2, "spool full")
    small.greeted(small.epoch, told[-1][1], T, sent=Sent(told[-1][1]))
    assert small.lost()[0][0] == told[-1][1] + 2


# ---- older files -------------------------------------------------------------------------------------------------------


def test_a_spool_of_the_first_release_becomes_today_s_and_loses_nothing(tmp_path: Path) -> None:
    old = sqlite3.connect(tmp_path / "spool.db")
    old.executescript(
        """
        PRAGMA journal_mode = WAL;
        CREATE TABLE meta (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
        CREATE TABLE readings (
            seq INTEGER PRIMARY KEY AUTOINCREMENT, device TEXT NOT NULL, quantity TEXT NOT NULL, value REAL NOT NULL,
            at INTEGER NOT NULL, worth INTEGER NOT NULL
        );
        CREATE INDEX by_worth ON readings (worth, seq);
        CREATE TABLE lost (first INTEGER PRIMARY KEY, last INTEGER NOT NULL, reason TEXT NOT NULL);
        CREATE TABLE spells (id INTEGER PRIMARY KEY AUTOINCREMENT, start INTEGER NOT NULL, through INTEGER NOT NULL);
        INSERT INTO meta VALUES ('epoch', 'e0ld');
        """
    )
    old.executemany(
        "INSERT INTO readings (device, quantity, value, at, worth) VALUES ('hall', 'motion', 1.0, ?, 1)",
        [(T + n,) for n in range(9)],
    )
    old.execute("DELETE FROM readings WHERE seq <= 4 OR seq = 9")
    old.execute("INSERT INTO lost VALUES (2, 4, 'spool full')")
    old.execute("INSERT INTO spells (start, through) VALUES (?, ?)", (T, T + HOUR))
    old.commit()
    old.close()
    spool = Spool(tmp_path / "spool.db")
    assert (spool.epoch, spool.last_seq, spool.depth, spool.moved_aside) == ("e0ld", 9, 4, None)
    assert [(r.seq, r.at) for r in spool.after(0, 9)] == [(n, T + n - 1) for n in range(5, 9)]
    assert spool.lost() == [(2, 4, "spool full")]
    assert spool.losses() == {"spool full": 3}
    assert spool.spells(T + HOUR) == [(T, T + HOUR)]
    spool.greeted("e0ld", 4, T)
    assert spool.lost() == [(9, 9, "unknown")], "a number that nobody has is told, or the server would wait for ever"
    assert spool.add([motion()]) == 10


# ---- a disk that fails -------------------------------------------------------------------------------------------------


class Doubt(sqlite3.Connection):
    """A connection whose next commit reaches the disk and is then reported as failed."""

    armed = False

    def execute(self, sql: str, *more: object) -> sqlite3.Cursor:
        done = super().execute(sql, *more)  # type: ignore[arg-type]  # passed on as it came
        if sql == "COMMIT" and Doubt.armed:
            Doubt.armed = False
            raise sqlite3.OperationalError("disk I/O error")
        return done


def test_a_commit_that_failed_and_yet_reached_the_disk_doubles_nothing(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "spool.db")
    spool.add([motion(1)])
    file = spool._file
    assert file._writer is not None
    file._writer.close()
    file._writer = sqlite3.connect(tmp_path / "spool.db", isolation_level=None, check_same_thread=False, factory=Doubt)
    Doubt.armed = True
    with pytest.raises(SpoolError, match="change the card"):
        spool.add([motion(2), motion(3)])
    assert (spool.last_seq, spool.depth, seqs(spool)) == (1, 1, [1])
    assert spool.add([motion(2), motion(3)]) == 3, "the numbers were seen by nobody"
    assert seqs(spool) == [1, 2, 3]
    spool.close()
    assert Spool(tmp_path / "spool.db").depth == 3


def test_a_spool_that_breaks_while_it_is_used_is_moved_aside_and_the_next_readings_have_a_place(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "spool.db")
    spool.add([motion(n) for n in range(500)])
    epoch = spool.epoch
    spool.close()
    spool = Spool(tmp_path / "spool.db")
    size = (tmp_path / "spool.db").stat().st_size
    with (tmp_path / "spool.db").open("r+b") as file:  # the card rots under the running gateway
        file.seek(4096)
        file.write(os.urandom(size - 4096))
    assert spool._file._writer is not None
    spool._file._writer.execute("PRAGMA shrink_memory")
    with pytest.raises(SpoolError):
        spool.add([motion(n) for n in range(500)])
    assert spool.add([motion()]) == 1
    assert spool.moved_aside == tmp_path / "spool.db.broken-1"
    assert spool.epoch != epoch


def test_memory_that_is_full_gives_up_measurements_first_alarms_never_and_counts() -> None:
    memory = Memory(most=10)
    memory.append(T, alarm())
    for n in range(1, 5):
        memory.append(T + n, warmth(n))
    for n in range(5, 20):
        memory.append(T + n, motion(n))
    assert len(memory) == 10
    assert memory.losses() == {MEMORY_FULL: 10}
    assert memory.losses() == {}
    held = memory.hand_out()
    assert held[0].quantity is Quantity.BUTTON
    assert [o.at for o in held[1:]] == [T + n * SECOND for n in range(11, 20)]
    assert memory.blind_until == T + 10
    memory.append(T + 99, motion(99))
    memory.refused()
    assert [o.at for o in memory.hand_out()][-2:] == [T + 19 * SECOND, T + 99 * SECOND]
    memory.written()
    assert len(memory) == 0


def test_losses_without_a_number_are_counted_in_the_next_write(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "spool.db")
    spool.lose({MEMORY_FULL: 7})
    assert spool.losses() == {MEMORY_FULL: 7}
    spool.add([motion()])
    spool.close()
    assert Spool(tmp_path / "spool.db").losses() == {MEMORY_FULL: 7}


def test_numbers_become_ranges_and_what_lies_between_them() -> None:
    assert list(ranges([1, 2, 3, 7, 9, 10])) == [(1, 3), (7, 7), (9, 10)]
    assert list(ranges([])) == []
    assert list(between([(2, 3), (7, 7)], 1, 9)) == [(1, 1), (4, 6), (8, 9)]
    assert list(between([], 5, 4)) == []
