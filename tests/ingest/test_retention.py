"""Retention: raw rows become hourly summaries, exactly once, and nothing is cut that somebody still has to read."""

from __future__ import annotations

import math
import random
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from domain.clock import DAY, HOUR, MINUTE, SECOND, Instant
from domain.ids import HomeId
from domain.readings import Mark, Quantity
from ingest.history import HourSummary, JournalHistory
from ingest.intake import Intake
from ingest.journal import Journal
from ingest.retention import Keep, Retention
from tests.ingest.gateways import READINGS, T, directory, motions, record

KEEP = Keep(raw=90 * DAY, log=14 * DAY, letters=365 * DAY)
HOME = HomeId("h1")
START = T // HOUR * HOUR


@pytest.fixture
def journal(tmp_path: Path) -> Journal:
    return Journal(tmp_path / "journal.db")


@pytest.fixture
def intake(journal: Journal) -> Intake[str]:
    return Intake(journal, directory())


def never_read() -> int:
    return 0


def all_read() -> int:
    return 2**62


def look_after(retention: Retention, now: Instant) -> None:
    """What ingest does between commits, until nothing is due."""
    retention.step(now)
    while retention.working:
        retention.step(now)


def hourly(journal: Path, start: Instant = START, end: Instant = START + 110 * DAY) -> list[HourSummary]:
    return JournalHistory(journal).hourly(HOME, start, end)


def send(intake: Intake[str], first: int, *at: Instant, received_at: Instant, value: float = 1.0) -> None:
    intake.take(READINGS, motions(first, *at, value=value), received_at, "m")
    intake.commit(received_at, Mark(received_at))


def test_old_readings_become_hourly_summaries_and_young_ones_stay(
    intake: Intake[str], journal: Journal, tmp_path: Path
) -> None:
    send(intake, 1, START + MINUTE, START + 2 * MINUTE, START + HOUR, received_at=START + 2 * HOUR)
    send(intake, 4, START + 3 * MINUTE, received_at=START + 2 * HOUR, value=0.0)
    now = START + 90 * DAY + HOUR
    send(intake, 5, now, received_at=now)
    before = hourly(tmp_path / "journal.db")
    look_after(Retention(journal, KEEP, never_read), now)
    assert [r.observed_at for r in JournalHistory(tmp_path / "journal.db").readings(HOME, 0, now + 1)] == [
        START + HOUR,
        now,
    ]
    after = hourly(tmp_path / "journal.db")
    assert after == before, "what was asked before and after the cut has the same answer"
    first = after[0]
    assert (first.start, first.device, first.quantity) == (START, "hall", Quantity.MOTION)
    assert (first.count, first.events, first.low, first.high) == (3, 2, 0.0, 1.0)
    assert math.isclose(first.mean, 2 / 3)
    assert (first.first_at, first.last_at) == (START + MINUTE, START + 3 * MINUTE)


def test_a_gateway_that_was_away_for_a_hundred_days_ends_in_the_same_summary(
    intake: Intake[str], journal: Journal, tmp_path: Path
) -> None:
    send(intake, 3, START + 3 * MINUTE, received_at=START + HOUR)
    now = START + 100 * DAY
    send(intake, 4, now, received_at=now)
    retention = Retention(journal, KEEP, never_read)
    look_after(retention, now)
    send(intake, 1, START + MINUTE, START + 2 * MINUTE, received_at=now + MINUTE)
    late = hourly(tmp_path / "journal.db")[0]
    assert (late.count, late.first_at, late.last_at) == (3, START + MINUTE, START + 3 * MINUTE), "before it is cut"
    look_after(retention, now + 2 * MINUTE)
    assert hourly(tmp_path / "journal.db")[0] == late, "and after"
    assert journal.count("readings") == 1


def test_what_is_sent_again_after_it_was_cut_is_a_duplicate_and_no_conflict(
    intake: Intake[str], journal: Journal, tmp_path: Path
) -> None:
    send(intake, 1, START, received_at=START)
    intake.take(READINGS, motions(2, START + 300 * DAY), START, "from the future")
    now = START + 100 * DAY
    send(intake, 3, now, received_at=now)
    look_after(Retention(journal, KEEP, never_read), now)
    for reading in (motions(1, START), motions(2, START + 300 * DAY)):
        intake.take(READINGS, reading, now, "again")
    intake.commit(now)
    assert intake.counters["duplicates"] == 2
    assert journal.count("dead_letters") == 0
    assert sum(s.count for s in hourly(tmp_path / "journal.db")) == 3


def test_the_log_is_cut_once_everybody_has_read_it_and_its_newest_row_stays(
    intake: Intake[str], journal: Journal
) -> None:
    for day in range(30):
        send(intake, day + 1, START + day * DAY, received_at=START + day * DAY)
    now, passed = START + 29 * DAY, 10

    look_after(Retention(journal, KEEP, lambda: passed), now)
    first = journal.read(0)[0]
    assert first.offset == 11, "a role still has to read the rest, whatever its age"
    passed = 2**62
    look_after(Retention(journal, KEEP, lambda: passed), now)
    assert journal.read(0)[0].received_at == now - 14 * DAY
    look_after(Retention(journal, Keep(log=0), all_read), now + DAY)
    assert journal.count("log") == 1
    send(intake, 31, now, received_at=now)
    assert journal.last() == (31, now), "offsets go on"
    assert journal.count("readings") == 31


def test_the_log_of_homes_that_never_sent_a_reading_is_cut_too(intake: Intake[str], journal: Journal) -> None:
    for day in range(20):
        intake.commit(START + day * DAY, Mark(START + day * DAY))
    look_after(Retention(journal, KEEP, all_read), START + 20 * DAY)
    assert journal.read(0)[0].received_at == START + 6 * DAY


def test_a_server_clock_that_jumps_ahead_cuts_no_readings(intake: Intake[str], journal: Journal) -> None:
    send(intake, 1, START, received_at=START)
    send(intake, 2, START + MINUTE, received_at=START + 3650 * DAY)
    look_after(Retention(journal, KEEP, never_read), START + 3650 * DAY)
    assert journal.count("readings") == 2


def test_letters_and_summaries_go_after_their_own_time(intake: Intake[str], journal: Journal, tmp_path: Path) -> None:
    intake.take(READINGS, b"no", START, "m")
    intake.take(READINGS, record(n="cellar/motion"), START, "m")
    send(intake, 2, START, received_at=START)
    now = START + 800 * DAY
    intake.take(READINGS, b"no", now, "m")
    send(intake, 3, now, received_at=now)
    look_after(Retention(journal, Keep.of(90, 14, 365, 2), never_read), now)
    assert journal.count("dead_letters") == 1
    assert [s.start for s in hourly(tmp_path / "journal.db", START, now + HOUR)] == [now // HOUR * HOUR]


class PowerCutError(Exception):
    """The machine is off."""


class Cut(sqlite3.Connection):
    """A connection that dies at its k-th statement from now on."""

    left = -1

    def execute(self, *arguments: Any) -> sqlite3.Cursor:
        if self.left == 0:
            raise PowerCutError
        self.left -= 1
        return super().execute(*arguments)


class Careless(Journal):
    """A journal whose housekeeping is no transaction."""

    def tidy(self, work: Callable[[sqlite3.Connection], Any]) -> Any:
        """Every statement for itself."""
        return work(self._connection)


@pytest.fixture
def old(tmp_path: Path, chance: random.Random) -> Path:
    """A journal with sixty readings that are to be summarised and one that is not."""
    journal = Journal(tmp_path / "old.db", durable=False)
    intake: Intake[str] = Intake(journal, directory())
    seconds = sorted(chance.sample(range(5 * 3600), 60))
    send(intake, 1, *(START + s * SECOND for s in seconds), received_at=START + 5 * HOUR)
    send(intake, 61, START + 100 * DAY, received_at=START + 100 * DAY)
    journal.close()
    return tmp_path / "old.db"


def after_a_crash(old: Path, kind: type[Journal], statement: int) -> list[HourSummary]:
    """The home's hours when retention died at that statement, began anew and finished."""
    file, now = old.with_name("crashed.db"), START + 100 * DAY
    shutil.copyfile(old, file)
    journal = kind(file, durable=False)
    journal._connection.close()
    journal._connection = dying = sqlite3.connect(file, isolation_level=None, factory=Cut)
    dying.execute("PRAGMA synchronous = OFF")
    dying.left = statement
    retention = Retention(journal, KEEP, all_read)
    retention._rows = {"readings": 20}
    with suppress(PowerCutError):
        look_after(retention, now)
    dying.close()
    again = Journal(file, durable=False)
    look_after(Retention(again, KEEP, all_read), now)
    assert again.count("readings") == 1
    again.close()
    return hourly(file)


def test_a_crash_at_any_statement_loses_and_doubles_nothing(old: Path) -> None:
    before = hourly(old)
    for statement in range(40):
        assert after_a_crash(old, Journal, statement) == before


def test_the_same_crashes_are_seen_to_double_readings_where_housekeeping_is_no_transaction(old: Path) -> None:
    before = hourly(old)
    assert any(after_a_crash(old, Careless, statement) != before for statement in range(40))
