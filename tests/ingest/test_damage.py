"""A damaged journal: moved aside, gone over from, and looked at to its end in the background."""

from __future__ import annotations

import sqlite3
import threading
from contextlib import closing
from pathlib import Path

import pytest

from domain.clock import HOUR, SECOND
from domain.readings import Reading
from ingest.intake import Intake
from ingest.journal import Journal, JournalDamagedError, read_all
from ingest.scrub import Scrub, faults
from tests.ingest.gateways import READINGS, T, directory, motions


def filled(file: Path) -> None:
    journal = Journal(file)
    intake: Intake[str] = Intake(journal, directory())
    intake.start(T)
    for n in range(5):
        intake.take(READINGS, motions(1 + 2 * n, T + n * HOUR, T + n * HOUR + 1), T + n * HOUR, "m")
        intake.commit(T + n * HOUR)
    journal.close()


def changed(file: Path, statement: str) -> None:
    connection = sqlite3.connect(file, isolation_level=None)
    connection.execute(statement)
    connection.close()


def test_a_file_that_proves_damaged_at_work_is_moved_aside_at_the_next_start(tmp_path: Path) -> None:
    file = tmp_path / "journal.db"
    journal = Journal(file)
    journal._connection.close()
    file.write_bytes(b"this is no database, though it was one a moment ago" * 100)
    journal._connection = sqlite3.connect(file, isolation_level=None)
    with pytest.raises(JournalDamagedError, match="started again"):
        Intake(journal, directory()).start(T)
    again = Journal(file)
    assert again.moved_aside == tmp_path / "journal.db.broken-1"
    assert again.damage.startswith("The journal was damaged")


def test_a_reader_goes_over_to_a_journal_that_was_begun_anew(tmp_path: Path) -> None:
    file = tmp_path / "journal.db"
    filled(file)
    reader = Journal(file, read_only=True)
    cursor = reader.read(0)[-1].offset
    file.rename(tmp_path / "journal.db.broken-1")
    assert reader.read(cursor) == []
    file.touch()
    assert reader.read(cursor) == []
    new = Journal(file)
    new.go_on_above(cursor)
    Intake(new, directory()).start(T + SECOND)
    (arrival,) = reader.read(cursor)
    assert arrival.received_at == T + SECOND


def test_a_commit_that_does_not_add_up_counts_as_not_received_and_the_rest_is_read(tmp_path: Path) -> None:
    file = tmp_path / "journal.db"
    filled(file)
    changed(file, "UPDATE log SET body = CAST(substr(body, 1, length(body) - 3) || x'000000' AS BLOB) WHERE offset = 3")
    with closing(Journal(file, read_only=True)) as reader:
        seqs = [item.seq for arrival in read_all(reader) for item in arrival.items if isinstance(item, Reading)]
    assert seqs == [1, 2, 5, 6, 7, 8, 9, 10]
    assert list(faults(file)) == ["Commit 3 of the journal is damaged."]


def test_what_a_gateway_is_told_is_stored_has_to_add_up(tmp_path: Path) -> None:
    file = tmp_path / "journal.db"
    filled(file)
    changed(file, "UPDATE streams SET through = through + 1")
    journal = Journal(file)
    intake: Intake[str] = Intake(journal, directory())
    with pytest.raises(JournalDamagedError, match="does not add up"):
        intake.take(READINGS, motions(11, T), T, "m")
    journal.close()
    assert Journal(file).moved_aside is not None


def test_a_history_that_does_not_say_what_was_received_is_found(tmp_path: Path) -> None:
    file = tmp_path / "journal.db"
    filled(file)
    assert list(faults(file)) == []
    changed(file, "UPDATE readings SET value = 0.0 WHERE seq = 4")
    assert list(faults(file)) == [
        "Reading 4 of g1 stands in commit 3 and not, or otherwise, in the history.",
    ]


def test_a_file_too_large_for_the_start_is_looked_at_in_the_background_and_the_process_ends(tmp_path: Path) -> None:
    file = tmp_path / "journal.db"
    filled(file)
    whole = file.read_bytes()
    file.write_bytes(whole[: len(whole) // 2] + b"\xff" * (len(whole) - len(whole) // 2))
    ended = threading.Event()
    scrub = Scrub(file, ended.set)
    scrub.start()
    assert ended.wait(30)
    scrub.stop()
    with pytest.raises(JournalDamagedError, match="begins a new one"):
        scrub.judge()
    assert Journal(file).moved_aside is not None
