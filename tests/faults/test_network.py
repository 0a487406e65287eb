"""A network that is cut both ways, in one direction, or loses a third of its packets: everything is stored once, soon after.

python -m pytest tests/faults/test_network.py -s --rounds 10        # as root
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from tests.faults.cable import CUTS, FAR, MISSING, Cable
from tests.faults.house import House, shipped, tell, wait

pytestmark = [pytest.mark.server, pytest.mark.skipif(bool(MISSING), reason=f"network namespaces: {MISSING}")]
_PORT = 1883


def house_on(cable: Cable, folder: Path, **more: Any) -> House:
    settings = partial(shipped, listen=FAR)
    return House(folder, host=FAR, port=_PORT, settings=settings, inside=(cable.near, cable.far), **more)


@pytest.fixture(scope="module")
def cable() -> Iterator[Cable]:
    with Cable() as laid:
        yield laid


@pytest.fixture(scope="module")
def house(cable: Cable, tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    with house_on(cable, tmp_path_factory.mktemp("network")) as running:
        yield running


@pytest.mark.parametrize("kind", CUTS)
def test_what_was_taken_while_the_network_was_broken_is_stored_once_soon_after_it_is_mended(
    house: House, cable: Cable, kind: str, rounds: int | None, chance: random.Random
) -> None:
    for number in range(rounds or 1):
        span = (
            chance.uniform(1, 2.5) if rounds is None else chance.choice((chance.uniform(1, 10), chance.uniform(10, 75)))
        )
        cable.cut(kind)
        try:
            wait(span)
        finally:
            cable.heal()
        house.recovered(f"{kind} for {span:.1f} s, round {number + 1}")
    account = house.account()
    tell(f"{kind}: {account}")
    assert account.whole, account


def test_a_gateway_that_takes_what_it_sent_for_delivered_is_caught_losing_readings(tmp_path: Path) -> None:
    """The control."""
    with Cable() as cable, house_on(cable, tmp_path, gateways=("g1",), traits=["careless"]) as house:
        cable.cut("both ways")
        wait(2.0)
        cable.heal()
        house.gateways.kill()  # with what the system still had to send for it
        house.gateways.start()
        with pytest.raises(AssertionError, match="readings are lost"):
            house.recovered("a cut")
