"""What the overseer finds wrong with ourselves, and that it says so once and takes it back."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine

from alerts.inhibition import held_back_by
from alerts.ladder import Ladder
from alerts.notices import Notice, Purpose
from alerts.outbox import How, Outbox, enqueue
from alerts.overseer import BEHIND, DOWN, EVERY, STUCK, Overseer
from alerts.sqlbook import RoleMark, SqlBook
from domain.alerts import Alert, Outcome, Reason, State
from domain.clock import HOUR, MINUTE, SECOND, Instant, VirtualClock
from domain.findings import Finding, Level, Subject
from domain.ids import INSTALLATION, HomeId
from domain.localtime import LocalTime
from tests.alerts.duty import SILENCE, T, installation, post

TOKYO = LocalTime("Asia/Tokyo")
_RAISED = Reason.RAISED


class Office:
    """An installation whose roles say what a test lets them say."""

    def __init__(self, folder: Path) -> None:
        self.engine: Engine = installation(folder)
        self.book, self.real = SqlBook(self.engine), VirtualClock(T)
        self.overseer = Overseer(self.engine, self.real, TOKYO, ("ingest",), folder)

    def at(self, now: Instant, ingest: str | None = "connected; 5 stored", lag: int = 0) -> list[Alert]:
        """Let the roles speak at ``now``, look, and return what stands about the installation."""
        self.real.advance_to(now)
        if ingest is not None:
            self.book.mark(RoleMark("ingest", now, 0, ingest))
        self.book.mark(RoleMark("watch", now, lag))
        Ladder(self.engine, TOKYO).step(now)
        post(self.engine, now)
        self.overseer.step(now)
        return [alert for alert in self.book.open_alerts() if alert.home == INSTALLATION]


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Office]:
    made = Office(tmp_path)
    yield made
    made.engine.dispose()


def test_while_everything_works_nothing_is_said(office: Office) -> None:
    assert [office.at(T + n * MINUTE) for n in range(5)] == [[]] * 5


def test_an_ingest_that_has_stopped_is_one_page_about_the_installation_and_is_over_when_it_runs(
    office: Office,
) -> None:
    office.at(T)
    assert office.at(T + DOWN, ingest=None) == []
    (alert,) = office.at(T + DOWN + EVERY, ingest=None)
    assert (alert.cause, alert.level, alert.subject) == ("service_down:ingest", Level.PAGE, Subject.SYSTEM)
    assert [standing.id for standing in office.at(T + 2 * HOUR, ingest=None)] == [alert.id]
    assert office.at(T + 2 * HOUR + MINUTE) == []
    closed = office.book.alert(alert.id)
    assert closed is not None
    assert (closed.state, closed.outcome) == (State.CLOSED, Outcome.RESUMED)


def test_an_ingest_without_a_broker_and_a_watch_that_is_behind_are_told_apart(office: Office) -> None:
    told = {alert.cause: alert.level for alert in office.at(T + MINUTE, "no broker; 5 stored", lag=BEHIND + SECOND)}
    assert told == {"service_down:broker": Level.PAGE, "service_down:behind": Level.PROMPT}


def test_a_channel_that_delivers_nothing_is_an_alert_until_it_does(office: Office) -> None:
    outbox, book = Outbox(office.engine), office.book
    with book.transaction() as page:
        page.note(SILENCE, T)
        number = page.open(SILENCE, State.OPEN, _RAISED, T, late=False).id
    with office.engine.begin() as connection:
        enqueue(connection, [Notice(number, Purpose.ALERT, "suzuki", ("mail",), T)], T)
    now = T
    while now < T + STUCK + MINUTE:
        for job in outbox.claim("mail", 1, now):
            outbox.failed(job, How.TRANSIENT, "The mail server cannot be reached.", now)
        now += 20 * SECOND
    office.overseer.step(now)
    (alert,) = [alert for alert in office.book.open_alerts() if alert.home == INSTALLATION and "channel" in alert.cause]
    assert (alert.cause, alert.level) == ("service_down:channel:mail", Level.PAGE)
    assert "suzuki" not in alert.text_en
    assert post(office.engine, now + MINUTE) == 1
    assert [a.cause for a in office.at(now + 2 * MINUTE) if "channel" in a.cause] == []


def test_what_follows_from_a_lost_line_is_held_back_and_a_person_never_is(office: Office) -> None:
    office.at(T)
    office.at(T + 2 * DOWN, ingest=None)
    silent = Finding(
        HomeId("h1"),
        "gateway_silent",
        "gateway_silent/1",
        "gateway_silent",
        Subject.DEVICE,
        Level.PROMPT,
        T,
        T + 2 * DOWN,
    )
    with office.book.transaction() as page:
        follows = page.open(silent, State.OPEN, _RAISED, T + 2 * DOWN, late=False)
        person = page.open(SILENCE, State.OPEN, _RAISED, T + 2 * DOWN, late=False)
    with office.engine.connect() as connection:
        cause = held_back_by(connection, follows)
        assert cause is not None
        assert cause.cause == "service_down:ingest"
        assert held_back_by(connection, person) is None
    ladder = Ladder(office.engine, TOKYO)
    ladder.step(T + 2 * DOWN + MINUTE)
    with office.engine.connect() as connection:
        coming = ladder.next_for(connection, follows, T + 2 * DOWN + MINUTE)
    assert coming is not None
    assert coming.behind is not None
    assert office.book.history(follows.id)[-1].reason is _RAISED  # nobody was called about it
    assert "escalated" in [row.reason for row in office.book.history(person.id)]
