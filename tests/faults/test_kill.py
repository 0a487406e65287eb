"""``kill -9`` and SIGSTOP of gateway, broker and ingest at random moments under load: nothing lost, nothing twice.

python -m pytest tests/faults/test_kill.py -s --rounds 10
"""

from __future__ import annotations

import random
import signal
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from domain.clock import SECOND, monotonic
from tests.faults.house import House, Part, soon, tell, wait
from tests.programs import until

pytestmark = pytest.mark.server
_BACKLOG = 30_000
VICTIMS = ("gateways", "broker", "ingest")
PHASES = ("live", "commit", "connect", "greeting", "backlog")
"""When the knife falls: while all is well; inside a transaction, as near as one can aim from outside; or, in the way back from
a first kill, while it connects, while it greets or while it works off what has piled up."""


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    with House(tmp_path_factory.mktemp("house")) as running:
        yield running


def part_of(house: House, victim: str) -> Part:
    return {"gateways": house.gateways, "broker": house.broker, "ingest": house.ingest}[victim]


def comes(true: Callable[[], bool], seconds: float = 20) -> None:
    """Watch for a moment closely; when it never comes, any other is a moment too."""
    deadline = monotonic() + int(seconds * SECOND)
    while not true() and monotonic() < deadline:
        wait(0.0005)


def on_the_way_back(house: House, victim: str, phase: str, before: tuple[int, int]) -> None:
    """Wait for ``phase`` of a part that has just been started again."""
    connections, offset = before
    who = "ingest" if victim == "ingest" else house.names[0]
    if phase == "connect":
        return
    comes(lambda: house.connections(who) > connections)
    if phase == "backlog":
        comes(lambda: max(house.stored().values(), default=0) > offset)


def strike(house: House, victim: str, phase: str, chance: random.Random) -> None:
    """Kill ``victim`` at a random moment of ``phase`` and bring it back."""
    part = part_of(house, victim)
    if phase == "commit":
        file = house.notebooks[0] if victim == "gateways" else house.journal.with_name("journal.db-wal")
        size = file.stat().st_mtime_ns
        comes(lambda: file.stat().st_mtime_ns != size, 5)
        wait(soon(chance, 0.004))
    else:
        wait(soon(chance, 1.0))
    part.kill()
    wait(soon(chance, 1.5))
    if phase in {"connect", "greeting", "backlog"}:
        who = "ingest" if victim == "ingest" else house.names[0]
        before = house.connections(who), max(house.stored().values(), default=0)
        if phase == "connect" and victim != "broker":
            part.begin()
            wait(soon(chance, 1.5))
        else:
            part.start()
            on_the_way_back(house, victim, phase, before)
            wait(soon(chance, {"connect": 0.3, "greeting": 0.1, "backlog": 0.5}[phase]))
        part.kill()
        wait(soon(chance, 0.5))
    part.start()


@pytest.mark.parametrize("victim", VICTIMS)
def test_a_kill_at_any_moment_loses_nothing_and_doubles_nothing(
    house: House, victim: str, rounds: int | None, chance: random.Random
) -> None:
    first = chance.randrange(len(PHASES))
    for number in range(rounds or 2):
        phase = PHASES[(first + number) % len(PHASES)]
        strike(house, victim, phase, chance)
        house.recovered(f"{victim} killed, round {number + 1} ({phase})")
    account = house.account()
    tell(f"{victim}: {account}")
    assert account.whole, account
    assert account.sent > 0


@pytest.mark.parametrize("victim", VICTIMS)
def test_a_part_that_stands_still_for_a_while_delays_and_loses_nothing(
    house: House, victim: str, rounds: int | None, chance: random.Random
) -> None:
    for number in range(rounds or 1):
        part = part_of(house, victim)
        part.signal(signal.SIGSTOP)
        span = chance.uniform(0.5, 1.5) if rounds is None else chance.uniform(1, 20)
        wait(span)
        part.signal(signal.SIGCONT)
        house.recovered(f"{victim} stood still for {span:.1f} s, round {number + 1}")
    account = house.account()
    tell(f"{victim}: {account}")
    assert account.whole, account


def test_after_a_long_absence_of_the_server_live_readings_do_not_wait_for_the_backlog(tmp_path: Path) -> None:
    house = House(tmp_path, gateways=("g1",), rate=200, backlog=_BACKLOG)
    with closing(house):
        house.prepare()
        house.gateways.start()
        until(lambda: len(house.taken()) > _BACKLOG, 30, "backlog")
        house.broker.start()
        house.ingest.start()
        until(lambda: len(house.stored()) > 0, 60, "stored reading")
        old = house.taken()
        house.recovered("a backlog from before")
        fresh = [offset for key, offset in house.stored().items() if key not in old]
        assert min(fresh) < max(house.stored()[key] for key in old), "a live reading overtook the backlog"
        account = house.account()
        assert account.whole, account


def test_an_ingest_that_acknowledges_before_it_commits_is_caught_losing_readings(
    tmp_path: Path, chance: random.Random
) -> None:
    """The control: the same harness, and the real parts of ingest in the wrong order.

    The real gateway would even heal this: it keeps for two days what it was told to be stored. So these keep nothing.
    """
    with House(tmp_path, ingest=("tests.faults.hasty",), traits=["forgetful"]) as house:
        wait(1 + soon(chance, 1.0))
        house.ingest.kill()
        house.ingest.start()
        with pytest.raises(AssertionError, match="readings are lost"):
            house.recovered("hasty ingest killed")
        account = house.account()
        tell(f"control: {account}")
        assert not account.whole
