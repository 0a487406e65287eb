"""Intake and journal: stored exactly once, acknowledged only then."""

from __future__ import annotations

import random
import sqlite3
from pathlib import Path

import pytest

from domain.clock import DAY, HOUR, MINUTE, SECOND
from domain.ids import DeviceId, HomeId
from domain.readings import Device, Hello, Mark, Quantity, Reading, RoomType, Vouch
from ingest.admit import Why
from ingest.history import JournalHistory
from ingest.intake import Ack, Intake
from ingest.journal import Journal, JournalError, read_all
from tests.ingest.gateways import (
    DEVICES,
    GATEWAY,
    HEARTBEAT,
    HELLO,
    READINGS,
    T,
    beat,
    directory,
    hello,
    motions,
    twisted,
)


@pytest.fixture
def journal(tmp_path: Path) -> Journal:
    return Journal(tmp_path / "journal.db")


@pytest.fixture
def intake(journal: Journal) -> Intake[str]:
    return Intake(journal, directory())


def vouches(journal: Journal) -> list[Vouch]:
    return [item for arrival in read_all(journal) for item in arrival.items if isinstance(item, Vouch)]


def stamps(journal: Journal) -> list[int]:
    return [item.observed_at for a in read_all(journal) for item in a.items if isinstance(item, Reading)]


def reasons(journal: Journal) -> list[str]:
    return [reason for reason, _ in journal.letters()]


def test_a_message_is_acknowledged_after_the_commit_and_not_before(intake: Intake[str], journal: Journal) -> None:
    intake.take(READINGS, motions(1, T, T + SECOND), T + SECOND, "m1")
    assert journal.count("readings") == 0
    committed = intake.commit(T + 2 * SECOND)
    assert committed.tokens == ("m1",)
    assert committed.acks == (Ack(GATEWAY, "e1", 2),)
    assert stamps(journal) == [T, T + SECOND]


def test_the_same_message_again_is_acknowledged_again_and_stored_once(intake: Intake[str], journal: Journal) -> None:
    for token in ("m1", "m2"):
        intake.take(READINGS, motions(1, T), T, token)
    first = intake.commit(T)
    intake.take(READINGS, motions(1, T), T + HOUR, "m3")
    second = intake.commit(T + HOUR)
    assert first.tokens == ("m1", "m2")
    assert second.acks == (Ack(GATEWAY, "e1", 1),)
    assert journal.count("readings") == 1
    assert journal.count("dead_letters") == 0
    assert intake.counters["duplicates"] == 2


def test_a_clamped_reading_sent_again_is_a_duplicate_too(intake: Intake[str], journal: Journal) -> None:
    for at in (T, T + 2 * DAY):
        intake.take(READINGS, motions(1, T + DAY), at, "m")
        intake.commit(at)
    assert journal.count("readings") == 1
    assert reasons(journal) == []


def test_the_same_key_with_another_body_is_a_conflict_and_overwrites_nothing(
    intake: Intake[str], journal: Journal
) -> None:
    intake.take(READINGS, motions(1, T), T, "m1")
    intake.take(READINGS, motions(1, T - MINUTE), T, "same commit")
    intake.commit(T)
    intake.take(READINGS, motions(1, T - HOUR), T, "later")
    intake.commit(T)
    assert stamps(journal) == [T]
    assert reasons(journal) == [Why.KEY_CONFLICT, Why.KEY_CONFLICT]


def test_a_new_epoch_starts_its_numbers_anew(intake: Intake[str], journal: Journal) -> None:
    intake.take(READINGS, motions(1, T), T, "m1")
    intake.take(READINGS, motions(1, T, epoch="e2"), T, "m2")
    assert set(intake.commit(T).acks) == {Ack(GATEWAY, "e1", 1), Ack(GATEWAY, "e2", 1)}
    assert journal.count("readings") == 2


def test_a_gap_holds_the_acknowledgement_back_until_it_is_filled(intake: Intake[str]) -> None:
    intake.take(READINGS, motions(3, T), T, "live")
    assert intake.commit(T).acks == (Ack(GATEWAY, "e1", 0),)
    intake.take(READINGS, motions(1, T - HOUR, T - MINUTE), T, "backlog")
    assert intake.commit(T).acks == (Ack(GATEWAY, "e1", 3),)


def test_what_the_gateway_has_lost_is_not_waited_for_and_is_written_down(intake: Intake[str], journal: Journal) -> None:
    intake.take(READINGS, motions(5, T), T, "m1")
    intake.take(HEARTBEAT, beat(5, T, lost=[(1, 4, "spool full")]), T, "m2")
    assert intake.commit(T).acks == (Ack(GATEWAY, "e1", 5),)
    assert list(journal.letters()) == [("lost", "seq 1 to 4: spool full")]
    assert [vouch.through for vouch in vouches(journal)] == [T]


def test_many_lost_ranges_are_one_letter_for_each_reason(intake: Intake[str], journal: Journal) -> None:
    lost = [(n, n, "spool full") for n in range(1, 400, 2)] + [(2, 2, "card broken")]
    intake.take(HEARTBEAT, beat(400, T, lost=lost), T, "m")
    assert intake.commit(T).acks == (Ack(GATEWAY, "e1", 3),)
    assert list(journal.letters()) == [
        ("lost", "200 numbers of seq 1 to 399: spool full"),
        ("lost", "seq 2 to 2: card broken"),
    ]
    intake.take(HEARTBEAT, beat(400, T, lost=lost), T, "again")
    intake.commit(T)
    assert journal.count("dead_letters") == 2


def test_a_heartbeat_that_speaks_of_more_than_is_stored_is_answered_with_what_is_stored(intake: Intake[str]) -> None:
    intake.take(READINGS, motions(1, T), T, "m")
    intake.commit(T)
    intake.take(HEARTBEAT, beat(1, T), T, "h")
    assert intake.commit(T).acks == ()
    intake.take(HEARTBEAT, beat(9, T), T, "a gateway that thinks all of it is stored, before a restored backup")
    assert intake.commit(T).acks == (Ack(GATEWAY, "e1", 1),)


def test_a_heartbeat_vouches_only_once_all_that_it_speaks_of_is_stored(intake: Intake[str], journal: Journal) -> None:
    intake.take(HEARTBEAT, beat(2, T), T, "h")
    intake.take(READINGS, motions(2, T), T, "live")
    intake.commit(T, Mark(T))
    assert vouches(journal) == []
    intake.take(READINGS, motions(1, T - MINUTE), T + SECOND, "backlog")
    intake.commit(T + SECOND)
    assert [vouch.through for vouch in vouches(journal)] == [T]


def test_a_thousand_heartbeats_add_one_row_of_coverage_and_ride_in_the_marks(
    intake: Intake[str], journal: Journal
) -> None:
    intake.start(T)
    for n in range(1, 1_001):
        now = T + n * 30 * SECOND
        intake.take(HEARTBEAT, beat(0, now), now, "h")
        assert intake.commit(now).tokens == ("h",), "a heartbeat waits for nobody"
        if n % 10 == 0:
            intake.commit(now, Mark(now))
    assert journal.count("coverage") == 1
    assert journal.count("log") == 101
    assert journal.covered("g1") == [(T, T + 1_000 * 30 * SECOND)]
    total = sum(end - start for vouch in vouches(journal) for start, end in vouch.spells)
    assert total == 1_000 * 30 * SECOND, "each stretch is sent on once"


def test_a_spell_is_told_anew_after_a_restart_only_where_it_is_new(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "journal.db")
    first: Intake[str] = Intake(journal, directory())
    first.take(HEARTBEAT, beat(0, T + HOUR), T + HOUR, "h")
    first.commit(T + HOUR, Mark(T + HOUR))
    again: Intake[str] = Intake(journal, directory())
    again.take(HEARTBEAT, beat(0, T + 2 * HOUR), T + 2 * HOUR, "h")
    again.commit(T + 2 * HOUR, Mark(T + 2 * HOUR))
    assert vouches(journal)[-1].spells == ((T + HOUR, T + 2 * HOUR),)


def test_a_hello_is_journalled_when_it_says_something_new(intake: Intake[str], journal: Journal) -> None:
    for devices in (DEVICES, DEVICES[:2], DEVICES[:2]):
        intake.take(HELLO, hello(*devices), T, "m")
        intake.commit(T, Mark(T))
    hellos = [item for a in read_all(journal) for item in a.items if isinstance(item, Hello)]
    assert [len(item.devices) for item in hellos] == [2]
    assert hellos[0].home == HomeId("h1")


def test_a_hello_is_journalled_when_a_gateway_runs_another_program_and_holds_all_that_it_said(
    intake: Intake[str], journal: Journal
) -> None:
    tub = Device(DeviceId("tub"), Quantity.MOTION, "ふろ", room_type=RoomType.BATHROOM, model="RTCGQ11LM")
    for software in ("kehai 1", "kehai 1", "kehai 2"):
        intake.take(HELLO, twisted(hello(tub), software=software), T, "m")
        intake.commit(T, Mark(T))
    hellos = [item for a in read_all(journal) for item in a.items if isinstance(item, Hello)]
    assert [(item.software, item.devices) for item in hellos] == [("kehai 1", (tub,)), ("kehai 2", (tub,))]


def test_a_room_type_that_this_version_does_not_know_is_left_out(intake: Intake[str], journal: Journal) -> None:
    cave = {"id": "cave", "kind": "motion", "room": "cellar", "room_type": "cave", "model": "m" * 200}
    intake.take(HELLO, twisted(hello(), devices=[cave]), T, "m")
    intake.commit(T, Mark(T))
    (told,) = [item for a in read_all(journal) for item in a.items if isinstance(item, Hello)]
    assert told.devices == (Device(DeviceId("cave"), Quantity.MOTION, "cellar", model="m" * 80),)


def test_the_first_mark_after_a_start_names_the_hole_before_it(intake: Intake[str], journal: Journal) -> None:
    intake.start(T)
    intake.commit(T + MINUTE, Mark(T + MINUTE))
    Intake[str](journal, directory()).start(T + HOUR)
    marks = [item for a in read_all(journal) for item in a.items if isinstance(item, Mark)]
    assert [mark.down_since for mark in marks] == [None, None, T + MINUTE]


def test_received_at_never_decreases_even_when_our_own_clock_steps_back(intake: Intake[str], journal: Journal) -> None:
    intake.commit(T, Mark(T))
    intake.take(READINGS, motions(1, T - DAY), T - HOUR, "m")
    intake.commit(T - HOUR)
    assert [arrival.received_at for arrival in read_all(journal)] == [T, T]


def test_a_commit_that_the_disk_refuses_acknowledges_nothing_and_can_be_tried_again(
    intake: Intake[str], journal: Journal
) -> None:
    intake.take(READINGS, motions(1, T), T, "m1")
    journal._connection.execute("PRAGMA max_page_count = 1")
    pages = journal._connection.execute("PRAGMA page_count").fetchone()[0]
    journal._connection.execute(f"PRAGMA max_page_count = {pages}")
    big = b'{"v":1}' + b" " * 60_000
    for n in range(20):
        intake.take(READINGS, big, T, f"poison {n}")
    with pytest.raises(JournalError, match="make room"):
        intake.commit(T)
    committed = intake.commit(T)
    assert committed.tokens[0] == "m1"
    assert len(committed.tokens) == 21
    assert journal.count("readings") == 1
    assert journal.count("dead_letters") == 20


def test_poison_becomes_dead_letters_with_a_reason_and_the_rest_goes_on(intake: Intake[str], journal: Journal) -> None:
    intake.take(READINGS, b"nonsense", T, "m1")
    intake.take(READINGS, motions(1, T), T, "m2")
    assert intake.commit(T).tokens == ("m1", "m2")
    assert reasons(journal) == [Why.NOT_JSON]
    assert journal.count("readings") == 1


def test_a_broken_journal_is_moved_aside_and_cursors_into_it_stay_behind(tmp_path: Path) -> None:
    file = tmp_path / "journal.db"
    file.write_bytes(b"this is no database, though it was one yesterday" * 100)
    journal = Journal(file)
    assert journal.moved_aside == tmp_path / "journal.db.broken-1"
    assert journal.moved_aside.exists()
    intake: Intake[str] = Intake(journal, directory())
    committed = intake.start(T)
    assert committed.arrival is not None
    assert committed.arrival.offset > 1_000_000_000


@pytest.mark.parametrize("seed", range(5))
def test_whatever_is_doubled_reordered_and_cut_short_each_reading_is_stored_once(tmp_path: Path, seed: int) -> None:
    rng = random.Random(seed)
    file = tmp_path / "journal.db"
    messages = [motions(1 + 5 * n, *(T + (5 * n + k) * SECOND for k in range(5))) for n in range(40)]
    unacknowledged = dict(enumerate(messages))
    now = T + HOUR
    intake: Intake[int] = Intake(Journal(file), directory())
    while unacknowledged:
        now += SECOND
        number = rng.choice(list(unacknowledged))
        intake.take(READINGS, messages[number], now, number)
        fate = rng.random()
        if fate < 0.2:  # killed before the commit
            intake.journal.close()
            intake = Intake(Journal(file), directory())
            intake.start(now)
        elif fate < 0.7:
            for token in intake.commit(now).tokens:
                if rng.random() < 0.8:  # else the acknowledgement is lost on its way
                    unacknowledged.pop(token, None)
    assert [seq for _, _, seq in intake.journal.stored_keys()] == list(range(1, 201))
    assert intake.journal.count("dead_letters") == 0


def test_history_tells_a_home_s_day_in_order_and_its_coverage(intake: Intake[str], tmp_path: Path) -> None:
    intake.take(READINGS, motions(1, T, T + HOUR, T + DAY), T + DAY, "m")
    intake.take(HEARTBEAT, beat(3, T + DAY), T + DAY, "h")
    intake.take(READINGS, b"?", T + DAY, "p")
    intake.commit(T + DAY)
    history = JournalHistory(tmp_path / "journal.db")
    assert [reading.observed_at for reading in history.readings(HomeId("h1"), T, T + DAY)] == [T, T + HOUR]
    assert history.readings(HomeId("h2"), T, T + DAY) == []
    assert history.coverage(GATEWAY, T + HOUR, T + 2 * HOUR) == [(T + HOUR, T + 2 * HOUR)]
    assert [letter.reason for letter in history.dead_letters()] == ["not_json"]
    assert history.dead_letter_count() == 1
    assert JournalHistory(tmp_path / "none.db").readings(HomeId("h1"), T, T + DAY) == []


def test_the_journal_is_opened_so_that_a_commit_survives_a_power_cut(journal: Journal, tmp_path: Path) -> None:
    assert journal._connection.execute("PRAGMA synchronous").fetchone()[0] == 2
    other = sqlite3.connect(tmp_path / "journal.db")
    assert other.execute("PRAGMA journal_mode").fetchone()[0] == "wal"
    other.close()
