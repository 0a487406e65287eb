"""What each transition of an alert writes on its ladder."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import Engine, select

from alerts.duty_tables import notifications
from alerts.following import follow
from alerts.places import Due, Place
from alerts.sqlbook import SqlBook
from domain.alerts import Alert, Outcome, Reason, State
from domain.clock import MINUTE
from domain.findings import Level, Subject
from tests.alerts.duty import SILENCE, T, installation, place


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    made = installation(tmp_path)
    yield made
    made.dispose()


@pytest.fixture
def alert(engine: Engine) -> Alert:
    """An alert that is held, so that nothing is written about it yet."""
    with SqlBook(engine).transaction() as page:
        return page.open(SILENCE, State.HELD, Reason.HELD_FOR_BACKLOG, T, late=True)


def after(engine: Engine, alert: Alert, reason: Reason, now: int, before: Alert | None = None) -> Place | None:
    with engine.begin() as connection:
        follow(connection, before, alert, reason, now)
    return place(engine, alert.id)


def test_what_is_held_has_no_place_and_what_opens_is_due_at_once(engine: Engine, alert: Alert) -> None:
    assert after(engine, alert, Reason.HELD_FOR_BACKLOG, T) is None
    opened = replace(alert, state=State.OPEN)
    assert after(engine, opened, Reason.RAISED_LATE, T + 5, alert) == Place(1, T + 5, Due.RUNG, since=T + 5)


def test_about_a_prompt_the_resident_is_asked_first_and_about_a_device_nobody_asks_them(
    engine: Engine, alert: Alert
) -> None:
    prompt = replace(alert, state=State.OPEN, level=Level.PROMPT)
    found = after(engine, prompt, Reason.RAISED, T)
    assert found is not None
    assert found.what is Due.ASK
    found = after(engine, replace(prompt, subject=Subject.DEVICE), Reason.REOPENED, T)
    assert found is not None
    assert found.what is Due.RUNG


def test_a_claim_ends_what_was_due_and_lapses_in_time_unless_a_step_is_taken(engine: Engine, alert: Alert) -> None:
    opened = replace(alert, state=State.OPEN)
    after(engine, opened, Reason.RAISED, T)
    claimed = replace(opened, state=State.CLAIMED, owner="suzuki")
    assert after(engine, claimed, Reason.CLAIMED, T + 1, opened) == Place(
        1, T + 1 + 10 * MINUTE, Due.LAPSE, since=T + 1
    )
    working = replace(claimed, state=State.WORKING)
    expected = Place(1, T + 2 + 60 * MINUTE, Due.LAPSE, since=T + 2)
    assert after(engine, working, Reason.STEP, T + 2, claimed) == expected
    for reason in (Reason.COMMENT, Reason.REFRESHED, Reason.LEVEL_UP):
        assert after(engine, working, reason, T + 3, working) == expected


def test_what_is_given_back_or_lapses_is_due_at_once_from_the_first_rung(engine: Engine, alert: Alert) -> None:
    claimed = replace(alert, state=State.CLAIMED, level=Level.PROMPT, owner="suzuki")
    opened = replace(claimed, state=State.OPEN, owner=None)
    for reason in (Reason.RELEASED, Reason.LAPSED):
        after(engine, claimed, Reason.CLAIMED, T, None)
        assert after(engine, opened, reason, T + 5, claimed) == Place(1, T + 5, Due.RUNG, since=T + 5)


def test_a_comment_and_a_refreshed_finding_change_nothing_and_a_higher_level_begins_anew(
    engine: Engine, alert: Alert
) -> None:
    prompt = replace(alert, state=State.OPEN, level=Level.PROMPT)
    asked = after(engine, prompt, Reason.RAISED, T)
    for reason in (Reason.COMMENT, Reason.REFRESHED, Reason.ESCALATED):
        assert after(engine, prompt, reason, T + 5, prompt) == asked
    page = replace(prompt, level=Level.PAGE)
    assert after(engine, page, Reason.LEVEL_UP, T + 9, prompt) == Place(1, T + 9, Due.RUNG, since=T + 9)


def test_a_closed_alert_has_no_place_and_gets_one_when_it_is_reopened(engine: Engine, alert: Alert) -> None:
    opened = replace(alert, state=State.OPEN)
    after(engine, opened, Reason.RAISED, T)
    closed = replace(opened, state=State.CLOSED, outcome=Outcome.VISIT_SAFE)
    assert after(engine, closed, Reason.CLOSED, T + 5, opened) is None
    assert after(engine, closed, Reason.COMMENT, T + 6, closed) is None
    found = after(engine, opened, Reason.REOPENED, T + 7, closed)
    assert found is not None
    assert (found.due_at, found.what) == (T + 7, Due.RUNG)


def test_an_alert_that_lost_its_place_gets_one_back_with_whatever_happens_to_it_next(
    engine: Engine, alert: Alert
) -> None:
    found = after(engine, replace(alert, state=State.OPEN), Reason.COMMENT, T)
    assert found is not None
    assert found.due_at == T


def test_who_was_to_have_it_is_not_told_once_it_is_somebody_else_s(engine: Engine, alert: Alert) -> None:
    opened = replace(alert, state=State.OPEN)
    tanaka = replace(opened, state=State.CLAIMED, owner="tanaka")
    sato = replace(tanaka, owner="sato")
    with engine.begin() as connection:
        follow(connection, opened, tanaka, Reason.ASSIGNED, T, by="suzuki")
        follow(connection, tanaka, sato, Reason.ASSIGNED, T, by="suzuki")
        columns = notifications.c
        waiting = connection.execute(select(columns.recipient).where(columns.state == "waiting")).scalars().all()
    assert waiting == ["sato"]
