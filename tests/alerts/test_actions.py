"""What people do to an alert, and what the desk makes of what comes after it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import insert

from alerts.book import StaleError
from alerts.desk import decide
from alerts.sqlbook import SqlBook
from domain.alerts import Outcome, Reason, Result, State, Step
from domain.clock import HOUR, MINUTE, SECOND
from domain.findings import EndReason, Finding, FindingEvent, Level, Subject
from domain.ids import HomeId
from registry import tables
from registry.database import migrate, open_database
from tests.alerts.test_desk import HOME, MOVED, SILENCE, T


@pytest.fixture
def book(tmp_path: Path) -> Iterator[SqlBook]:
    engine = open_database(f"sqlite:///{tmp_path / 'kehai.db'}")
    migrate(engine)
    with engine.begin() as connection:
        for login in ("suzuki", "sato"):
            connection.execute(insert(tables.staff).values(login=login, name=login, password="x", created_at=T))
    yield SqlBook(engine)
    engine.dispose()


def take(book: SqlBook, *events: FindingEvent, now: int = T + MINUTE) -> list[Reason]:
    with book.transaction() as page:
        return [decision.reason for decision in decide(page, events, now, catching_up=False)]


def test_the_first_step_makes_a_claim_work_and_stands_in_the_history_to_the_second(book: SqlBook) -> None:
    take(book, SILENCE)
    book.act(1, 1, "claim", "suzuki", T + MINUTE)
    after = book.act(1, 2, "step", "suzuki", T + MINUTE + 7 * SECOND, step=(Step.CALL_RESIDENT, Result.NO_ANSWER))
    assert (after.state, after.owner) == (State.WORKING, "suzuki")
    last = book.history(1)[-1]
    assert (last.step, last.result, last.logged_at) == (Step.CALL_RESIDENT, Result.NO_ANSWER, T + MINUTE + 7 * SECOND)


def test_whoever_takes_a_step_about_an_alert_that_nobody_has_has_it(book: SqlBook) -> None:
    take(book, SILENCE)
    after = book.act(1, 1, "step", "sato", T + MINUTE, step=(Step.VISIT, Result.STARTED))
    assert (after.state, after.owner) == (State.WORKING, "sato")


def test_a_step_of_somebody_else_leaves_the_owner_and_never_fails_because_two_write_at_once(book: SqlBook) -> None:
    take(book, SILENCE)
    book.act(1, 1, "claim", "suzuki", T + MINUTE)
    first = book.act(1, 2, "step", "sato", T + 2 * MINUTE, step=(Step.CALL_CONTACT, Result.REACHED))
    second = book.act(1, 2, "step", "suzuki", T + 2 * MINUTE, step=(Step.VISIT, Result.STARTED))
    assert (first.owner, second.owner, second.version) == ("suzuki", "suzuki", 4)


def test_a_step_that_there_is_none_of_is_refused(book: SqlBook) -> None:
    take(book, SILENCE)
    with pytest.raises(ValueError, match="Choose a step"):
        book.act(1, 1, "step", "sato", T, step=(Step.AMBULANCE, Result.NO_ANSWER))
    assert book.history(1)[-1].reason is Reason.RAISED


def test_an_assignment_makes_somebody_else_the_owner_and_says_who_decided_it(book: SqlBook) -> None:
    take(book, SILENCE)
    after = book.act(1, 1, "assign", "suzuki", T + MINUTE, assignee="sato")
    assert (after.state, after.owner) == (State.CLAIMED, "sato")
    assert (book.history(1)[-1].by, book.history(1)[-1].assignee) == ("suzuki", "sato")
    with pytest.raises(ValueError, match="no such open account"):
        book.act(1, 2, "assign", "suzuki", T + MINUTE, assignee="nobody")


def test_an_alert_that_was_closed_by_mistake_is_opened_again_on_the_same_thread_and_belongs_to_nobody(
    book: SqlBook,
) -> None:
    take(book, SILENCE)
    book.act(1, 1, "close", "suzuki", T + MINUTE, outcome=Outcome.DRILL)
    after = book.act(1, 2, "reopen", "sato", T + 2 * MINUTE, note="the wrong one")
    assert (after.id, after.state, after.owner, after.outcome) == (1, State.OPEN, None, None)
    assert [row.reason for row in book.history(1)] == [Reason.RAISED, Reason.CLOSED, Reason.REOPENED]


def test_a_closed_alert_is_not_opened_again_beside_a_newer_one_of_the_same_matter(book: SqlBook) -> None:
    take(book, SILENCE)
    book.act(1, 1, "close", "suzuki", T + MINUTE, outcome=Outcome.SPOKE_SAFE)
    take(book, replace(SILENCE, onset=T + HOUR, raised_at=T + 2 * HOUR), now=T + 2 * HOUR)
    with pytest.raises(StaleError):
        book.act(1, 2, "reopen", "suzuki", T + 3 * HOUR)
    assert book.alert(1).state is State.CLOSED  # type: ignore[union-attr]


def test_the_very_silence_that_comes_back_as_a_page_goes_on_on_the_thread_of_its_prompt(book: SqlBook) -> None:
    prompt = replace(SILENCE, level=Level.PROMPT)
    take(book, prompt)
    book.act(1, 1, "close", "suzuki", T + MINUTE, outcome=Outcome.UNREACHED)
    assert take(book, replace(SILENCE, raised_at=T + HOUR), now=T + HOUR) == [Reason.REOPENED]
    again = book.alert(1)
    assert again is not None
    assert (again.state, again.level, again.owner, again.outcome) == (State.OPEN, Level.PAGE, None, None)


def test_another_silence_of_the_same_home_is_another_alert(book: SqlBook) -> None:
    take(book, SILENCE)
    book.act(1, 1, "close", "suzuki", T + MINUTE, outcome=Outcome.SPOKE_SAFE)
    later = replace(SILENCE, onset=T + HOUR, raised_at=T + 3 * HOUR)
    assert take(book, later, now=T + 3 * HOUR) == [Reason.RAISED]
    assert book.alert(2).state is State.OPEN  # type: ignore[union-attr]


def test_late_data_never_opens_a_closed_alert_again(book: SqlBook) -> None:
    take(book, replace(SILENCE, level=Level.PROMPT))
    book.act(1, 1, "close", "suzuki", T + HOUR, outcome=Outcome.SPOKE_SAFE)
    assert take(book, replace(SILENCE, raised_at=T + MINUTE), now=T + 2 * HOUR) == [Reason.ALREADY_CLOSED]
    assert book.alert(1).state is State.CLOSED  # type: ignore[union-attr]
    assert book.open_alerts() == []


def test_what_was_worse_and_is_over_makes_room_for_something_less_and_says_so(book: SqlBook) -> None:
    take(book, SILENCE)
    book.act(1, 1, "claim", "suzuki", T + MINUTE)
    take(book, MOVED)  # it stays hers: she is on her way
    less = replace(SILENCE, level=Level.PROMPT, onset=T + HOUR, raised_at=T + 2 * HOUR)
    assert take(book, less, now=T + 2 * HOUR) == [Reason.LEVEL_DOWN]
    after = book.alert(1)
    assert after is not None
    assert (after.level, after.owner) == (Level.PROMPT, "suzuki")


def test_the_same_silence_never_lowers_its_alert(book: SqlBook) -> None:
    take(book, SILENCE)
    assert take(book, replace(SILENCE, level=Level.PROMPT)) == [Reason.ALREADY_OPEN]
    assert book.alert(1).level is Level.PAGE  # type: ignore[union-attr]


def test_activity_at_the_very_instant_of_the_alarm_closes_it(book: SqlBook) -> None:
    """ThingsBoard's issue 7909: activity in the same second as the alarm left it open for ever."""
    take(book, SILENCE, replace(MOVED, ended_at=SILENCE.raised_at))
    after = book.alert(1)
    assert after is not None
    assert (after.state, after.outcome) == (State.CLOSED, Outcome.RESUMED)


def test_one_live_sensor_hides_no_dead_one(book: SqlBook) -> None:
    """ThingsBoard's issue 14013: each device is a matter of its own."""
    dead, other = (
        Finding(
            HOME,
            "device_silent",
            "device_silent/1",
            f"device_silent:{device}",
            Subject.DEVICE,
            Level.PROMPT,
            T - HOUR,
            T,
        )
        for device in ("hall", "bath")
    )
    take(book, dead, other, replace(MOVED, cause=other.cause, finding=other.id, reason=EndReason.ACTIVITY))
    assert {alert.cause: alert.state for alert in book.alerts_of(HOME)} == {
        "device_silent:hall": State.OPEN, "device_silent:bath": State.CLOSED,
    }  # fmt: skip


def test_a_second_home_is_never_hidden_behind_the_first(book: SqlBook) -> None:
    take(book, SILENCE, replace(SILENCE, home=HomeId("h2")))
    assert {alert.home for alert in book.open_alerts()} == {"h1", "h2"}


def test_a_claim_never_fails_because_others_were_called_meanwhile(book: SqlBook) -> None:
    from alerts.ladder import Ladder  # noqa: PLC0415 (only this test needs it)
    from domain.localtime import LocalTime  # noqa: PLC0415

    take(book, SILENCE)
    ladder = Ladder(book._engine, LocalTime("Asia/Tokyo"))
    ladder.step(T + 2 * MINUTE)
    assert book.alert(1).version > 1  # type: ignore[union-attr]
    assert book.act(1, 1, "claim", "suzuki", T + 3 * MINUTE).owner == "suzuki"
    with pytest.raises(StaleError):  # the second to press the same button is told
        book.act(1, 1, "claim", "sato", T + 3 * MINUTE)


def test_who_looked_at_an_alert_is_written_down_once(book: SqlBook) -> None:
    take(book, SILENCE)
    book.see(1, "suzuki", T + MINUTE)
    book.see(1, "sato", T + 2 * MINUTE)
    book.see(1, "suzuki", T + HOUR)
    assert book.sightings(1) == {"suzuki": T + MINUTE, "sato": T + 2 * MINUTE}


def test_a_claim_never_fails_because_of_a_comment_or_because_the_matter_got_worse(book: SqlBook) -> None:
    take(book, replace(SILENCE, level=Level.PROMPT))
    book.act(1, 1, "comment", "sato", T + MINUTE, note="her telephone is engaged")
    take(book, replace(SILENCE, raised_at=T + HOUR), now=T + HOUR)
    after = book.act(1, 1, "claim", "suzuki", T + HOUR + SECOND)
    assert (after.owner, after.level) == ("suzuki", Level.PAGE)


def test_whoever_closes_an_alert_has_seen_the_comments_and_that_it_got_worse(book: SqlBook) -> None:
    take(book, SILENCE)
    book.act(1, 1, "comment", "sato", T + MINUTE, note="I hear somebody inside")
    with pytest.raises(StaleError):
        book.act(1, 1, "close", "suzuki", T + MINUTE + SECOND, outcome=Outcome.SPOKE_SAFE)
    assert book.act(1, 2, "close", "suzuki", T + 2 * MINUTE, outcome=Outcome.SPOKE_SAFE).state is State.CLOSED


def test_an_alert_that_somebody_else_was_given_meanwhile_is_not_claimed_unseen(book: SqlBook) -> None:
    take(book, SILENCE)
    book.act(1, 1, "assign", "sato", T + MINUTE, assignee="sato")
    with pytest.raises(StaleError):
        book.act(1, 1, "claim", "suzuki", T + MINUTE + SECOND)


def test_a_step_of_the_owner_takes_the_alert_from_nobody_who_saw_it_open(book: SqlBook) -> None:
    take(book, SILENCE)
    book.act(1, 1, "step", "sato", T + MINUTE, step=(Step.VISIT, Result.STARTED))
    with pytest.raises(StaleError):  # sato is on the way
        book.act(1, 1, "claim", "suzuki", T + MINUTE + SECOND)
