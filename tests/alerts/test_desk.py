"""The desk, on both keepers of the book."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from alerts.book import Book, MemoryBook
from alerts.desk import LATE, decide, release_held
from alerts.sqlbook import SqlBook
from domain.alerts import Outcome, Reason, State
from domain.clock import HOUR, MINUTE
from domain.findings import Ended, EndReason, Finding, FindingEvent, Level, Subject, Unknown
from domain.ids import HomeId
from registry.database import migrate, open_database

T = 1_790_000_000_000_000
HOME = HomeId("h1")
SILENCE = Finding(HOME, "inactivity", "inactivity/1", "inactivity", Subject.PERSON, Level.PAGE, T - HOUR, T, "kitchen")
MOVED = Ended(HOME, "inactivity", SILENCE.id, T + 5 * MINUTE, EndReason.ACTIVITY)


@pytest.fixture(params=["memory", "sql"])
def book(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Book]:
    if request.param == "memory":
        yield MemoryBook()
        return
    engine = open_database(f"sqlite:///{tmp_path / 'kehai.db'}")
    migrate(engine)
    yield SqlBook(engine)
    engine.dispose()


@pytest.fixture
def sql(tmp_path: Path) -> Iterator[SqlBook]:
    engine = open_database(f"sqlite:///{tmp_path / 'kehai.db'}")
    migrate(engine)
    yield SqlBook(engine)
    engine.dispose()


def reasons(book: Book, *events: FindingEvent, now: int = T + MINUTE, catching_up: bool = False) -> list[Reason]:
    with book.transaction() as page:
        return [decision.reason for decision in decide(page, events, now, catching_up)]


def current(book: Book) -> State | None:
    with book.transaction() as page:
        alert = page.current(HOME, "inactivity")
        return alert.state if alert else None


def test_a_page_opens_one_alert_and_the_same_finding_again_opens_none(book: Book) -> None:
    assert reasons(book, SILENCE) == [Reason.RAISED]
    assert reasons(book, SILENCE) == [Reason.ALREADY_OPEN]
    assert current(book) is State.OPEN


def test_a_digest_and_an_unknown_open_no_alert(book: Book) -> None:
    assert reasons(book, replace(SILENCE, level=Level.DIGEST)) == [Reason.BELOW_ALERT]
    assert reasons(book, replace(SILENCE, unknown=Unknown.BLIND)) == [Reason.BELOW_ALERT]
    assert current(book) is None


def test_a_prompt_that_becomes_a_page_is_the_same_alert_at_a_higher_level(book: Book) -> None:
    prompt = replace(SILENCE, level=Level.PROMPT, raised_at=T - MINUTE)
    assert reasons(book, prompt) == [Reason.RAISED]
    assert reasons(book, SILENCE) == [Reason.LEVEL_UP]
    with book.transaction() as page:
        alert = page.current(HOME, "inactivity")
    assert alert is not None
    assert (alert.level, alert.version) == (Level.PAGE, 2)


def test_activity_closes_an_alert_that_nobody_has_claimed(book: Book) -> None:
    assert reasons(book, SILENCE, MOVED) == [Reason.RAISED, Reason.ACTIVITY]
    assert current(book) is None


def test_an_end_without_an_alert_changes_nothing(book: Book) -> None:
    assert reasons(book, MOVED) == [Reason.NOT_OPEN]


def test_what_opened_and_ended_inside_a_gateway_s_backlog_calls_nobody(book: Book) -> None:
    decided = reasons(book, SILENCE, MOVED, now=T + LATE + 1)
    assert decided == [Reason.HELD_FOR_BACKLOG, Reason.ENDED_IN_BACKLOG]
    assert current(book) is None


def test_what_a_gateway_s_backlog_brings_and_nothing_ends_opens_at_once_marked_late(book: Book) -> None:
    assert reasons(book, SILENCE, now=T + LATE + 1) == [Reason.RAISED_LATE]
    with book.transaction() as page:
        alert = page.current(HOME, "inactivity")
    assert alert is not None
    assert alert.late
    assert alert.state is State.OPEN


def test_while_we_catch_up_alerts_are_held_and_those_still_standing_open_at_the_end(book: Book) -> None:
    other = replace(SILENCE, home=HomeId("h2"))
    assert reasons(book, SILENCE, catching_up=True) == [Reason.HELD_FOR_BACKLOG]
    assert reasons(book, other, catching_up=True) == [Reason.HELD_FOR_BACKLOG]
    assert reasons(book, MOVED, catching_up=True) == [Reason.ENDED_IN_BACKLOG]
    with book.transaction() as page:
        opened = release_held(page, T + HOUR)
    assert [(alert.home, alert.state, alert.late) for alert in opened] == [("h2", State.OPEN, True)]


def test_a_new_silence_after_a_closed_one_is_a_new_alert(book: Book) -> None:
    reasons(book, SILENCE, MOVED)
    again = replace(SILENCE, onset=T + HOUR, raised_at=T + 2 * HOUR)
    assert reasons(book, again, now=T + 2 * HOUR) == [Reason.RAISED]


def test_a_claimed_alert_is_its_owner_s_to_close(sql: SqlBook) -> None:
    reasons(sql, SILENCE)
    [alert] = sql.open_alerts()
    claimed = sql.act(alert.id, alert.version, "claim", "suzuki", T + 2 * MINUTE)
    assert (claimed.state, claimed.owner) == (State.CLAIMED, "suzuki")
    assert reasons(sql, MOVED) == [Reason.ACTIVITY]
    [still] = sql.open_alerts()
    assert still.state is State.CLAIMED
    assert still.ended_at == MOVED.ended_at
    closed = sql.act(still.id, still.version, "close", "suzuki", T + HOUR, outcome=Outcome.SPOKE_SAFE)
    assert (closed.state, closed.outcome) == (State.CLOSED, Outcome.SPOKE_SAFE)
    assert [(row.version, row.reason, row.by) for row in sql.history(alert.id)] == [
        (1, Reason.RAISED, "kehai"),
        (2, Reason.CLAIMED, "suzuki"),
        (3, Reason.ACTIVITY, "kehai"),
        (4, Reason.CLOSED, "suzuki"),
    ]


def test_when_two_people_press_at_once_the_second_is_told_and_nothing_is_overwritten(sql: SqlBook) -> None:
    reasons(sql, SILENCE)
    [alert] = sql.open_alerts()
    sql.act(alert.id, alert.version, "claim", "suzuki", T)
    with pytest.raises(Exception, match="a moment ago"):
        sql.act(alert.id, alert.version, "claim", "sato", T)
    [after] = sql.open_alerts()
    assert after.owner == "suzuki"


def test_closing_needs_an_outcome_and_a_closed_alert_stays_closed(sql: SqlBook) -> None:
    reasons(sql, SILENCE)
    [alert] = sql.open_alerts()
    with pytest.raises(ValueError, match="what was found"):
        sql.act(alert.id, alert.version, "close", "suzuki", T)
    closed = sql.act(alert.id, alert.version, "close", "suzuki", T, outcome=Outcome.FALSE_ALARM, note="猫")
    with pytest.raises(Exception, match="closed"):
        sql.act(closed.id, closed.version, "claim", "sato", T)
    commented = sql.act(closed.id, 0, "comment", "sato", T, note="later")
    assert commented.state is State.CLOSED
    assert [row.note for row in sql.history(alert.id)] == ["", "猫", "later"]


def test_every_change_that_a_page_could_show_is_counted(sql: SqlBook) -> None:
    before = sql.change_count()
    reasons(sql, SILENCE)
    between = sql.change_count()
    [alert] = sql.open_alerts()
    sql.act(alert.id, alert.version, "claim", "suzuki", T)
    assert before < between < sql.change_count()


def test_a_transaction_that_fails_leaves_nothing_behind(sql: SqlBook) -> None:
    def crash() -> None:
        with sql.transaction() as page:
            decide(page, [SILENCE], T + MINUTE, False)
            raise RuntimeError("power cut")

    with pytest.raises(RuntimeError):
        crash()
    assert sql.open_alerts() == []
    assert sql.all_findings() == []
