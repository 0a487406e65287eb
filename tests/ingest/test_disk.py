"""A disk that refuses, at the worst moments: nothing acknowledged that is not durable, nothing stored twice."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from domain.clock import SECOND
from domain.readings import Mark, Reading
from ingest.intake import Ack, Intake
from ingest.journal import Journal, JournalError, read_all
from tests.ingest.gateways import GATEWAY, READINGS, T, beat, directory, motions


class Faulty:
    """A connection that fails at statements that begin with ``word``, ``times`` times; ``after``: once they have been done."""

    def __init__(self, real: sqlite3.Connection, word: str, times: int = 1, *, after: bool = False) -> None:
        self._real, self._word, self._times, self._after = real, word, times, after
        self.closed = False

    def execute(self, statement: str, *values: Any) -> sqlite3.Cursor:
        failing = statement.lstrip().startswith(self._word) and self._times > 0
        if failing:
            self._times -= 1
        if failing and not self._after:
            raise sqlite3.OperationalError("disk I/O error")
        done = self._real.execute(statement, *values)
        if failing:
            raise sqlite3.OperationalError("disk I/O error")
        return done

    def close(self) -> None:
        self.closed = True
        self._real.close()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real, name)


def break_disk(journal: Journal, word: str, times: int = 1, *, after: bool = False) -> Faulty:
    faulty = Faulty(journal._connection, word, times, after=after)
    journal._connection = faulty  # type: ignore[assignment]  # as much of a connection as the journal uses
    return faulty


def logged(journal: Journal) -> list[int]:
    """The number of every reading that a watch would be told of, in the log's order."""
    return [item.seq for arrival in read_all(journal) for item in arrival.items if isinstance(item, Reading)]


def on_disk(file: Path) -> list[tuple[str, str, int, str]]:
    connection = sqlite3.connect(file)
    try:
        return connection.execute("SELECT gateway, epoch, through, islands FROM streams").fetchall()
    finally:
        connection.close()


def fail_once_and_again(file: Path, kind: Callable[[Path], Journal], *, after: bool) -> Journal:
    """One commit, one that fails, one more message, and the next attempt."""
    journal = kind(file)
    intake: Intake[str] = Intake(journal, directory())
    intake.take(READINGS, motions(1, T), T, "m1")
    intake.commit(T)
    faulty = break_disk(journal, "COMMIT", after=after)
    intake.take(READINGS, motions(2, T + SECOND), T, "m2")
    with pytest.raises(JournalError, match="disk I/O error"):
        intake.commit(T, Mark(T))
    assert faulty.closed, "a connection whose fsync failed is never used again"
    intake.take(READINGS, motions(3, T + 2 * SECOND), T + SECOND, "m3")
    committed = intake.commit(T + SECOND, Mark(T + SECOND))
    assert committed.tokens == ("m2", "m3")
    assert committed.acks == (Ack(GATEWAY, "e1", 3),)
    return journal


@pytest.mark.parametrize("after", [False, True], ids=["nothing was written", "all was written"])
def test_a_failed_commit_is_settled_and_each_reading_stands_once_in_the_log(tmp_path: Path, after: bool) -> None:
    file = tmp_path / "journal.db"
    journal = fail_once_and_again(file, Journal, after=after)
    assert logged(journal) == [1, 2, 3]
    assert [seq for _, _, seq in journal.stored_keys()] == [1, 2, 3]
    assert on_disk(file) == [("g1", "e1", 3, "[]")]
    assert [a.offset for a in read_all(journal)] == [1, 2, 3]


def test_a_journal_that_only_tries_again_is_caught_logging_twice(tmp_path: Path) -> None:
    """The control."""

    class Repeating(Journal):
        def _found(self, received_at: int, body: bytes) -> int | None:
            return None

    journal = fail_once_and_again(tmp_path / "journal.db", Repeating, after=True)
    assert logged(journal) == [1, 2, 2, 3]


@pytest.mark.parametrize("after", [False, True], ids=["nothing was written", "all was written"])
def test_after_a_failure_and_a_restart_memory_says_what_the_disk_says(tmp_path: Path, after: bool) -> None:
    file = tmp_path / "journal.db"
    journal = Journal(file)
    intake: Intake[str] = Intake(journal, directory())
    break_disk(journal, "COMMIT", after=after)
    intake.take(READINGS, motions(1, T, T + SECOND), T + SECOND, "m1")
    with pytest.raises(JournalError):
        intake.commit(T + SECOND)
    journal.close()
    again: Intake[str] = Intake(Journal(file), directory())
    assert again.journal.stream("g1", "e1").through == (2 if after else 0)
    again.take(READINGS, motions(1, T, T + SECOND), T + SECOND, "m1")
    assert again.commit(T + SECOND).acks == (Ack(GATEWAY, "e1", 2),)
    assert logged(again.journal) == [1, 2]


def test_while_the_disk_refuses_nothing_is_acknowledged_however_often_it_is_tried(tmp_path: Path) -> None:
    file = tmp_path / "journal.db"
    intake: Intake[str] = Intake(Journal(file), directory())
    intake.commit(T, Mark(T))
    for n in range(1, 6):
        intake.journal.last()  # opens the file anew, so that what breaks next is the new connection
        break_disk(intake.journal, "COMMIT")
        intake.take(READINGS, motions(n, T + n), T + SECOND, f"m{n}")
        with pytest.raises(JournalError):
            intake.commit(T + SECOND)
        assert on_disk(file) == []
    assert intake.commit(T + SECOND).tokens == ("m1", "m2", "m3", "m4", "m5")
    assert logged(intake.journal) == [1, 2, 3, 4, 5]


def test_a_reader_that_holds_the_log_of_a_failed_write_is_waited_for(tmp_path: Path) -> None:
    file = tmp_path / "journal.db"
    intake: Intake[str] = Intake(Journal(file), directory())
    intake.take(READINGS, motions(1, T), T, "m1")
    intake.commit(T)
    reader = sqlite3.connect(file, isolation_level=None)
    reader.execute("BEGIN")
    assert reader.execute("SELECT count(*) FROM readings").fetchone() == (1,)
    break_disk(intake.journal, "COMMIT")
    intake.take(READINGS, motions(2, T), T, "m2")
    with pytest.raises(JournalError):
        intake.commit(T)
    reader.execute("COMMIT")
    reader.close()
    assert intake.commit(T).acks == (Ack(GATEWAY, "e1", 2),)


def test_a_disk_that_fails_while_a_message_is_taken_leaves_nothing_half_taken(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "journal.db")
    intake: Intake[str] = Intake(journal, directory())
    intake.take(READINGS, motions(1, T, T + SECOND), T + SECOND, "m1")
    intake.commit(T + SECOND)
    before = dict(intake.counters)
    break_disk(journal, "SELECT r.value")
    pack = motions(2, T + SECOND, T + 2 * SECOND)
    with pytest.raises(JournalError):
        intake.take(READINGS, pack, T + SECOND, "m2")
    assert dict(intake.counters) == before
    assert not intake.waiting
    intake.take(READINGS, pack, T + SECOND, "m2")
    assert intake.commit(T + 2 * SECOND).acks == (Ack(GATEWAY, "e1", 3),)
    assert logged(journal) == [1, 2, 3]


def test_a_new_gateway_costs_no_commit_of_its_own(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "journal.db")
    stream = journal.stream("g1", "e1")
    assert journal.count("streams") == 0
    assert journal.stream("g1", "e1") is stream
    intake: Intake[str] = Intake(journal, directory())
    intake.take(READINGS, motions(1, T), T, "m1")
    intake.commit(T)
    assert on_disk(tmp_path / "journal.db") == [("g1", "e1", 1, "[]")]


def test_a_reading_behind_its_gateway_s_word_is_stored_and_counted_as_late(tmp_path: Path) -> None:
    intake: Intake[str] = Intake(Journal(tmp_path / "journal.db"), directory())
    intake.take(READINGS, motions(1, T), T, "m1")
    intake.take("kehai/1/gw/g1/up/heartbeat", beat(1, T + SECOND), T + SECOND, "h")
    intake.take(READINGS, motions(2, T + SECOND // 2, T + 2 * SECOND), T + 2 * SECOND, "m2")
    intake.commit(T + 2 * SECOND)
    assert intake.counters["late"] == 1
    assert logged(intake.journal) == [1, 2, 3]
