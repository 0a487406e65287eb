"""The caller's own thread, on the real clock."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar

import pytest

from alerts import texts
from alerts.caller import Caller
from alerts.channels.channel import ChannelError, Message, PermanentError, Receipt, TransientError
from alerts.notices import Notice, Purpose
from alerts.outbox import Stand, enqueue, trials_of
from domain.clock import Instant, SystemClock
from registry import addresses
from tests.alerts.duty import installation
from tests.programs import until


class Broken:
    """A part that fails in a way that nobody thought of."""

    def __init__(self) -> None:
        self.tried = 0

    def next_due(self) -> Instant | None:
        """Always."""
        return None

    def step(self, _now: Instant) -> int:
        """Fail."""
        self.tried += 1
        raise TypeError("a fault of ours")


class Sound:
    """A part that works."""

    def __init__(self) -> None:
        self.stepped = threading.Event()

    def next_due(self) -> Instant | None:
        """Always."""
        return None

    def step(self, _now: Instant) -> int:
        """Work."""
        self.stepped.set()
        return 0


def test_a_part_that_breaks_down_keeps_no_other_from_its_work_and_is_tried_again(tmp_path: Path) -> None:
    engine, broken, sound = installation(tmp_path), Broken(), Sound()
    caller = Caller(engine, SystemClock(), [broken, sound], {}, lambda _job: None)
    caller.start()
    try:
        assert sound.stepped.wait(10)
        caller.wake()
        until(lambda: broken.tried > 2, 10, "second try")
    finally:
        caller.stop()
        engine.dispose()


@dataclass
class Desk:
    """A channel whose every address does what the test says."""

    every_address: bool
    trouble: dict[str, ChannelError] = field(default_factory=dict)
    workers: int = 1
    honours_key: ClassVar[bool] = True
    asked: list[str] = field(default_factory=list)

    def check_address(self, address: str) -> str:
        """See Channel."""
        return address

    def send(self, address: str, _message: Message) -> Receipt:
        """See Channel."""
        self.asked.append(address)
        if address in self.trouble:
            raise self.trouble[address]
        return Receipt(address)

    def close(self) -> None:
        """See Channel."""


GONE, REFUSED, AWAY = PermanentError("Gone.", address_gone=True), PermanentError("No."), TransientError("Not now.")


@pytest.mark.parametrize(
    ("everywhere", "trouble", "asked", "stand", "broken"),
    [
        (False, {}, ["one"], Stand.SENT, []),
        (False, {"one": GONE}, ["one", "two"], Stand.SENT, ["one"]),
        (False, {"one": REFUSED}, ["one", "two"], Stand.SENT, []),
        (False, {"one": AWAY}, ["one"], Stand.WAITING, []),
        (True, {}, ["one", "two"], Stand.SENT, []),
        (True, {"one": GONE}, ["one", "two"], Stand.SENT, ["one"]),
        (True, {"one": AWAY}, ["one", "two"], Stand.SENT, []),
        (True, {"one": AWAY, "two": REFUSED}, ["one", "two"], Stand.WAITING, []),
        (True, {"one": GONE, "two": GONE}, ["one", "two"], Stand.FAILED, ["one", "two"]),
    ],
)
def test_of_two_addresses_the_first_that_takes_it_is_enough_unless_nobody_knows_at_which_somebody_is(
    tmp_path: Path,
    everywhere: bool,
    trouble: dict[str, ChannelError],
    asked: list[str],
    stand: Stand,
    broken: list[str],
) -> None:
    engine, clock, desk = installation(tmp_path), SystemClock(), Desk(everywhere, trouble)
    now = clock.now()
    with engine.begin() as connection:
        for address in ("one", "two"):
            addresses.add(connection, "somebody", "desk", address, now)
        enqueue(connection, [Notice(None, Purpose.TEST, "somebody", ("desk",), now)], now)
    caller = Caller(engine, clock, [], {"desk": desk}, lambda job: texts.compose(job.purpose, job.key))
    caller.look()
    caller.stop()
    with engine.connect() as connection:
        assert [way.address for way in addresses.of(connection, "somebody") if way.broken] == broken
        assert [each.stand for each in trials_of(connection, "somebody")] == [stand]
    assert desk.asked == asked
    engine.dispose()
