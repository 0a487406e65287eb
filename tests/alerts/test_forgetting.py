"""How long the record of who was told is kept."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine, func, insert, select, update

from alerts import tables
from alerts.duty_tables import attempts, notifications
from alerts.forgetting import SLICE, Forgetting
from alerts.notices import Notice, Purpose
from alerts.outbox import Outbox, Stand, enqueue
from alerts.sqlbook import SqlBook
from domain.alerts import Outcome, Reason, State
from domain.clock import DAY, HOUR, SECOND, Instant
from tests.alerts.duty import SILENCE, T, installation, post

KEEP = 400 * DAY
LATER = T + KEEP + DAY


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    """One open alert of which two people were told, and a test that one of them sent."""
    made = installation(tmp_path)
    with SqlBook(made).transaction() as page:
        page.note(SILENCE, T)
        page.open(SILENCE, State.OPEN, Reason.RAISED, T, late=False)
    with made.begin() as connection:
        enqueue(connection, [Notice(1, Purpose.ALERT, login, ("mail",), T, T) for login in ("suzuki", "tanaka")], T)
        enqueue(connection, [Notice(None, Purpose.TEST, "suzuki", ("mail",), T)], T)
    post(made, T)
    yield made
    made.dispose()


def close(engine: Engine) -> None:
    SqlBook(engine).act(1, 1, "close", "suzuki", T, outcome=Outcome.SPOKE_SAFE)
    post(engine, T)


def kept(engine: Engine) -> tuple[int, int]:
    """(notifications, attempts) that are left."""
    with engine.connect() as connection:
        count = select(func.count())
        return (
            connection.execute(count.select_from(notifications)).scalar() or 0,
            connection.execute(count.select_from(attempts)).scalar() or 0,
        )


def test_what_is_older_goes_with_its_attempts_and_the_alert_and_its_history_stay(engine: Engine) -> None:
    close(engine)
    before, book = kept(engine), SqlBook(engine)
    history = book.history(1)
    assert Forgetting(engine, KEEP).step(T + KEEP - SECOND) == 0
    assert kept(engine) == before
    assert Forgetting(engine, KEEP).step(LATER) == before[0]
    assert kept(engine) == (0, 0)
    assert book.history(1) == history


def test_of_an_alert_that_is_not_closed_everything_is_kept(engine: Engine) -> None:
    assert Forgetting(engine, KEEP).step(LATER) == 1, "the test"
    assert kept(engine) == (2, 2)


def test_what_still_waits_is_kept_however_old_it_is(engine: Engine) -> None:
    close(engine)
    with engine.begin() as connection:
        connection.execute(update(notifications).where(notifications.c.id == 1).values(state=Stand.WAITING.value))
    Forgetting(engine, KEEP).step(LATER)
    assert kept(engine) == (1, 1)
    assert len(Outbox(engine).claim("mail", 5, LATER)) == 1


def many(engine: Engine, count: int, at: Instant) -> None:
    row = {
        "purpose": "test", "climb": 0, "lap": 0, "rung": 0, "channel": "mail", "recipient": "suzuki", "made_at": at,
        "due_at": at, "done_at": at, "state": "sent",
    }  # fmt: skip
    with engine.begin() as connection:
        connection.execute(insert(notifications), [{**row, "key": f"{at}-{number}"} for number in range(count)])


def test_much_goes_in_slices_a_second_apart_and_what_was_in_use_is_met_the_next_hour(engine: Engine) -> None:
    many(engine, 2 * SLICE, T)
    many(engine, 3, LATER)
    forgetting, now, slices = Forgetting(engine, KEEP), LATER, []
    while True:
        slices.append(forgetting.step(now))
        due = forgetting.next_due()
        assert due is not None
        if due - now == HOUR:
            break
        assert due - now == SECOND
        assert forgetting.step(now) == 0, "too early"
        now = due
    assert slices == [SLICE - 2, SLICE, 3]
    assert kept(engine)[0] == 3 + 2
    with engine.begin() as connection:
        connection.execute(update(tables.alerts).values(state=State.CLOSED.value))
    assert forgetting.step(now + HOUR) == 2


def test_a_clock_that_was_set_back_makes_it_wait_no_longer(engine: Engine) -> None:
    close(engine)
    forgetting = Forgetting(engine, KEEP)
    forgetting.step(T)
    assert forgetting.step(T - DAY) == 0
    assert forgetting.next_due() == T - DAY + HOUR
