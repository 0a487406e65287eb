"""The spool: nothing leaves it before the server has it."""

from __future__ import annotations

from pathlib import Path

import pytest

from domain.clock import DAY, HOUR, SECOND
from domain.ids import DeviceId
from domain.readings import Quantity
from gateway.spool import Observation, Spool, SpoolError

T = 1_790_000_000 * SECOND
HALL, AIR = DeviceId("hall"), DeviceId("air")


def motion(n: int = 0) -> Observation:
    return Observation(HALL, Quantity.MOTION, 1.0, T + n)


def warmth(n: int = 0) -> Observation:
    return Observation(AIR, Quantity.TEMPERATURE, 20.0, T + n)


def seqs(spool: Spool) -> list[int]:
    found, at = [], 0
    while run := spool.after(at, 100):
        found += [reading.seq for reading in run]
        at = run[-1].seq
    return found


def test_numbers_go_on_after_a_restart_and_are_never_used_again(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "spool.db")
    assert spool.add([motion(), motion(1)]) == 2
    assert spool.acknowledge(spool.epoch, 2) == 2
    spool.close()
    again = Spool(tmp_path / "spool.db")
    assert again.epoch == spool.epoch
    assert again.last_seq == 2
    assert again.add([motion(2)]) == 3
    assert seqs(again) == [3]


def test_only_an_ack_of_this_epoch_deletes_and_only_what_it_covers(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "spool.db")
    spool.add([motion(n) for n in range(5)])
    assert spool.acknowledge("another", 5) == 0
    assert spool.acknowledge(spool.epoch, 0) == 0
    assert spool.acknowledge(spool.epoch, 3) == 3
    assert seqs(spool) == [4, 5]
    assert spool.depth == 2
    assert spool.acknowledge(spool.epoch, 10**9) == 2


def test_what_is_written_is_read_back_as_it_was(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "spool.db")
    spool.add([motion(7), warmth(9)])
    first, second = spool.after(0, 10)
    assert (first.device, first.quantity, first.value, first.at) == (HALL, Quantity.MOTION, 1.0, T + 7)
    assert (second.quantity, second.at) == (Quantity.TEMPERATURE, T + 9)


def test_a_full_spool_loses_measurements_first_then_motion_and_alarms_never(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "spool.db", max_readings=4)
    alarm = Observation(DeviceId("pendant"), Quantity.BUTTON, 1.0, T)
    spool.add([warmth(), motion(1), warmth(2), alarm])
    spool.add([motion(3)])
    assert seqs(spool) == [2, 3, 4, 5]
    spool.add([motion(4), motion(5)])
    assert seqs(spool) == [4, 5, 6, 7]
    assert spool.lost() == [(1, 3, "spool full")]
    spool.acknowledge(spool.epoch, 3)
    assert spool.lost() == []


def test_a_run_ends_where_a_number_is_missing(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "spool.db", max_readings=3)
    spool.add([motion(), warmth(1), motion(2)])
    spool.add([motion(3)])
    assert [r.seq for r in spool.after(0, 10)] == [1]
    assert [r.seq for r in spool.after(1, 10)] == [3, 4]


def test_a_broken_spool_is_moved_aside_and_a_new_epoch_begins(tmp_path: Path) -> None:
    file = tmp_path / "spool.db"
    spool = Spool(file)
    spool.add([motion()])
    spool.close()
    file.write_bytes(b"\0" * 3_000)
    again = Spool(file)
    assert again.moved_aside == tmp_path / "spool.db.broken-1"
    assert again.epoch != spool.epoch
    assert again.add([motion()]) == 1


def test_a_disk_that_refuses_is_one_sentence_and_uses_no_number(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "spool.db")
    spool.add([motion()])
    disk = spool._file._writer
    assert disk is not None
    pages = disk.execute("PRAGMA page_count").fetchone()[0]
    disk.execute(f"PRAGMA max_page_count = {pages}")
    with pytest.raises(SpoolError, match="make room"):
        spool.add([motion(n) for n in range(10_000)])
    assert (spool.last_seq, spool.depth) == (1, 1)
    assert spool._file._writer is not disk, "a connection that failed is not trusted again"
    assert spool.add([motion(2)]) == 2
    assert seqs(spool) == [1, 2]


def test_each_run_of_the_gateway_is_one_spell(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "spool.db")
    spool.run_through(T, T)
    spool.run_through(T, T + HOUR)
    spool.close()
    again = Spool(tmp_path / "spool.db")
    again.run_through(T + 2 * HOUR, T + 3 * HOUR)
    assert again.spells(T + 3 * HOUR) == [(T, T + HOUR), (T + 2 * HOUR, T + 3 * HOUR)]
    again.close()
    assert Spool(tmp_path / "spool.db").spells(T + 30 * DAY) == []


def test_the_spool_is_opened_so_that_a_commit_survives_a_power_cut(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "spool.db")
    disk = spool._file._writer
    assert disk is not None
    assert disk.execute("PRAGMA synchronous").fetchone()[0] == 2
    assert disk.execute("PRAGMA journal_mode").fetchone()[0] == "wal"
