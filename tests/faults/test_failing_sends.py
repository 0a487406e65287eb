"""The k-th message to the broker cannot be sent, or the process dies in the middle of sending it: the agent and ingest.

python -m pytest tests/faults/test_failing_sends.py -s --rounds 24 --seed 7
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults.house import House, Part
from tests.faults.strace import STRACE
from tests.programs import until

pytestmark = [pytest.mark.server, pytest.mark.skipif(STRACE is None, reason="strace is not installed")]
_ROUNDS = 2
_LATEST = 60
_REFUSED = 3
FAULTS = ("signal=SIGKILL", "error=EIO", "error=ECONNRESET", "error=ENOBUFS")


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    with House(tmp_path_factory.mktemp("house"), rate=20.0) as running:
        yield running


def strike(part: Part, fault: str, at: int, trace: Path) -> None:
    """Start it again under strace and return once its sending has failed; it runs again, or still, when this returns."""
    part.kill()
    whole, span = part._command, "" if fault.startswith("signal") else f"..{at + _REFUSED - 1}"
    assert STRACE is not None
    part._command = [
        STRACE, "-D", "-f", "-qq", "-o", str(trace), "-e", "trace=sendto", "-e", f"inject=sendto:{fault}:when={at}{span}",
        *whole,
    ]  # fmt: skip
    try:
        part.begin()
        until(lambda: not part.alive or (trace.exists() and "(INJECTED)" in trace.read_text()), 60, "fault")
    finally:
        part._command = whole
    if not part.alive:
        assert fault.startswith("signal"), part.log[-3000:]
        part.start()


def test_what_cannot_be_sent_is_sent_later_and_stored_once(
    house: House, tmp_path: Path, rounds: int | None, chance: random.Random
) -> None:
    for number in range(rounds or _ROUNDS):
        name = ("gateways", "ingest")[number % 2]
        fault, at = chance.choice(FAULTS), chance.randint(2, _LATEST)
        strike(getattr(house, name), fault, at, tmp_path / f"trace-{number}")
        house.recovered(f"{name}: {fault} at message {at}")
        assert "Traceback" not in getattr(house, name).log
    account = house.account()
    assert account.balanced, account


def test_an_ingest_that_acknowledges_before_it_commits_is_caught_losing_readings(
    tmp_path: Path, chance: random.Random
) -> None:
    """The control: killed in the middle of an answer, it has promised what it has not written yet."""
    with House(tmp_path, ingest=("tests.faults.hasty",), traits=["forgetful"]) as house:
        strike(house.ingest, "signal=SIGKILL", chance.randint(20, _LATEST), tmp_path / "trace")
        with pytest.raises(AssertionError, match="readings are lost"):
            house.recovered("hasty ingest killed while it answers")
        assert not house.account().whole
