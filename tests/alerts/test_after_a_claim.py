"""What was on its way when somebody took the alert, and what comes to those who took one and forgot it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import ClassVar

import pytest
from sqlalchemy import Engine, select

from alerts.caller import Caller
from alerts.channels.channel import Message, Receipt, TransientError
from alerts.desk import decide
from alerts.duty_tables import notifications
from alerts.ladder import Ladder
from alerts.messages import Messages
from alerts.sqlbook import SqlBook
from domain.alerts import Reason, Result, State, Step
from domain.clock import HOUR, MINUTE, SECOND, VirtualClock
from domain.localtime import LocalTime
from tests.alerts.duty import SILENCE, T, installation
from tests.programs import until

TOKYO = LocalTime("Asia/Tokyo")


class Busy:
    """A channel that does not take the first message, during which something happens; then it takes everything."""

    honours_key: ClassVar[bool] = False
    workers = 1

    def __init__(self, meanwhile: Callable[[], object]) -> None:
        self._meanwhile, self.asked = meanwhile, 0
        self.taken: list[tuple[str, str]] = []

    def check_address(self, address: str) -> str:
        return address

    def send(self, address: str, message: Message) -> Receipt:
        self.asked += 1
        if self.asked == 1:
            self._meanwhile()
            raise TransientError("The server is busy.")
        self.taken.append((address, message.subject))
        return Receipt()

    def close(self) -> None:
        """Nothing is held open."""


class Desk:
    """An installation with one open alert, and the thread that calls people, stepped by the test."""

    def __init__(self, engine: Engine) -> None:
        self.engine, self.book, self.clock = engine, SqlBook(engine), VirtualClock(T)
        self.ladder = Ladder(engine, TOKYO)
        with self.book.transaction() as page:
            decide(page, [SILENCE], T, catching_up=False)

    def act(self, action: str, by: str, **more: object) -> None:
        alert = self.book.alert(1)
        assert alert is not None
        self.book.act(1, alert.version, action, by, self.clock.now(), **more)  # type: ignore[arg-type]  # what ``act`` takes

    def calls(self) -> list[tuple[str, str, str]]:
        """(login, purpose, state) of whatever was to be sent."""
        columns = notifications.c
        wanted = select(columns.recipient, columns.purpose, columns.state).order_by(columns.id)
        with self.engine.connect() as connection:
            return [(row.recipient, row.purpose, row.state) for row in connection.execute(wanted)]

    def unsettled(self) -> bool:
        return any(state in {"waiting", "sending"} for _, _, state in self.calls())

    def run(self, channel: Busy) -> None:
        """Give out whatever is due until nothing waits."""
        caller = Caller(self.engine, self.clock, [self.ladder], {"mail": channel}, Messages(self.engine, TOKYO))

        def settled() -> bool:
            caller.look()
            self.clock.advance_to(self.clock.now() + SECOND)
            return channel.asked > 0 and not self.unsettled()

        until(settled, 20, "end of what was to be sent")
        caller.stop()


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    engine = installation(tmp_path)
    yield Desk(engine)
    engine.dispose()


@pytest.mark.parametrize("same", [True, False], ids=["by whom it was for", "by another"])
def test_a_call_that_was_on_its_way_at_the_claim_is_not_tried_again_after_it(desk: Desk, same: bool) -> None:
    """Grafana OnCall #4654: the message came after the acknowledgement, to the very person who had given it."""

    def claim() -> None:
        (called,) = (login for login, _, state in desk.calls() if state == "sending")
        desk.act("claim", called if same else "boss")

    channel = Busy(meanwhile=claim)
    desk.run(channel)
    assert {state for _, purpose, state in desk.calls() if purpose == "alert"} == {"cancelled"}
    assert [subject for _, subject in channel.taken if "対応中" not in subject] == [], "nobody is called any more"


def test_who_is_handed_an_alert_is_told_of_it_though_it_is_taken(desk: Desk) -> None:
    channel = Busy(meanwhile=lambda: desk.act("assign", "boss", assignee="sato"))
    desk.run(channel)
    assert ("sato", "alert", "sent") in desk.calls()


def test_a_claim_of_the_night_that_its_owner_forgot_is_called_again_and_for_every_step_the_time_begins_anew(
    desk: Desk,
) -> None:
    """Grafana OnCall #1792: whoever acknowledges at night and falls asleep again is never reminded."""
    desk.act("claim", "suzuki")
    desk.clock.advance_to(T + 4 * MINUTE)
    desk.act("step", "suzuki", step=(Step.CALL_RESIDENT, Result.NO_ANSWER))
    while (due := desk.ladder.next_due()) is not None and due < T + 3 * HOUR:
        desk.clock.advance_to(max(due, desk.clock.now()))
        desk.ladder.step(desk.clock.now())
        if desk.book.history(1)[-1].reason is Reason.ESCALATED:
            break
    reasons = [row.reason for row in desk.book.history(1)]
    assert reasons == [Reason.RAISED, Reason.CLAIMED, Reason.STEP, Reason.LAPSED, Reason.ESCALATED]
    alert = desk.book.alert(1)
    assert alert is not None
    assert (alert.state, alert.owner) == (State.OPEN, None)
    assert "suzuki" in {login for login, purpose, _ in desk.calls() if purpose == "alert"}
