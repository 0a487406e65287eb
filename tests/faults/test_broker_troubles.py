"""Brokers that forget, drop, refuse and lose: the gateways send again, and somebody is told in words.

python -m pytest tests/faults/test_broker_troubles.py -s --rounds 1      # with the slow ones of MQTT 3.1.1
"""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import paho.mqtt.client as mqtt
import pytest
from paho.mqtt.enums import CallbackAPIVersion

from domain.clock import SECOND, monotonic
from tests.faults.house import RECOVERY_SECONDS, House, shipped, tell, wait
from tests.faults.ledger import Account
from tests.programs import until

pytestmark = pytest.mark.server
_DENIED = "topic readwrite kehai/#\npattern read kehai/1/gw/%u/down/#\n"
_ALLOWED = f"{_DENIED}pattern write kehai/1/gw/%u/up/#\n"
_SLOW = 6 * RECOVERY_SECONDS


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one trouble came to."""

    account: Account
    ingest: str
    gateways: str
    """What they said."""


def one_home(folder: Path, **more: object) -> House:
    return House(folder, **({"gateways": ("g1",), "rate": 30} | more))  # type: ignore[arg-type]  # passed on as they are


def outcome(house: House, what: str, seconds: float = RECOVERY_SECONDS) -> Outcome:
    house.recovered(what, seconds)
    account = house.account()
    tell(f"{what}: {account}")
    return Outcome(account, house.ingest.log, house.gateways.log)


def without_database(folder: Path) -> Outcome:
    with one_home(folder) as house:
        for end in (house.broker.stop, house.broker.kill):
            wait(1.0)
            end()
            (house.folder / "broker" / "mosquitto.db").unlink(missing_ok=True)
            wait(0.5)
            house.broker.start()
            house.recovered("a broker that forgot everything")
        return outcome(house, "a broker that forgot everything, twice")


def short_queue(folder: Path) -> Outcome:
    with one_home(folder, settings=partial(shipped, max_queued_messages="10")) as house:
        house.ingest.stop()
        wait(3.0)
        house.ingest.start()
        return outcome(house, "a queue of ten messages while ingest was away")


def short_queue_of_a_careless_gateway(folder: Path) -> Outcome:
    with one_home(folder, settings=partial(shipped, max_queued_messages="10"), traits=["careless"]) as house:
        house.ingest.stop()
        wait(3.0)
        house.ingest.start()
        with pytest.raises(AssertionError, match="readings are lost"):
            house.recovered("a queue of ten messages, and nobody who sends again")
        account = house.account()
        tell(f"control: {account}")
        return Outcome(account, house.ingest.log, house.gateways.log)


def state_writes(folder: Path) -> int:
    """How often the broker writes its state in three seconds in which messages wait for ingest."""
    with one_home(folder, rate=200) as house:
        house.ingest.stop()
        database, states = house.folder / "broker" / "mosquitto.db", set()
        deadline = monotonic() + 3 * SECOND
        while monotonic() < deadline:
            if database.exists():
                states.add(database.stat().st_mtime_ns)
            wait(0.01)
    return len(states)


def denied(folder: Path, protocol: str, seconds: float) -> Outcome:
    access = folder / "access"
    access.parent.mkdir(parents=True, exist_ok=True)
    access.write_text(_ALLOWED)
    settings = partial(shipped, more=f"allow_anonymous true\nacl_file {access}")
    with one_home(folder, settings=settings, protocol=protocol) as house:
        for rule in (_DENIED, _ALLOWED):
            access.write_text(rule)
            house.broker.signal(signal.SIGHUP)
            if rule is _DENIED:
                wait(seconds)
                assert house.untold(), "the denial was felt"
        return outcome(house, f"publications denied for {seconds:.0f} s over MQTT {protocol}")


def lost_session(folder: Path) -> Outcome:
    with one_home(folder) as house:
        for _ in range(2):
            before = house.connections("ingest")
            thief = mqtt.Client(CallbackAPIVersion.VERSION2, client_id="ingest", clean_session=True)
            thief.connect("127.0.0.1", house.port)
            thief.loop_start()
            until(lambda now=before: house.connections("ingest") > now, 10, "clean session")  # type: ignore[misc]
            thief.disconnect()
            thief.loop_stop()
            house.recovered("a session of ingest that was lost")
        return outcome(house, "a session of ingest that was lost, twice")


def small_messages(folder: Path, protocol: str, seconds: float) -> Outcome:
    settings = partial(shipped, message_size_limit="4096")
    house = one_home(folder, settings=settings, protocol=protocol, backlog=1_500)
    with house:
        return outcome(house, f"a broker that takes 4 kB at most over MQTT {protocol}", seconds)


Troubles = dict[str, Future[Any]]


@pytest.fixture(scope="module")
def troubles(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Iterator[Troubles]:
    """All of them at the same time, each in a house of its own: most of it is waiting."""
    plan: dict[str, Callable[[Path], Any]] = {
        "without database": without_database,
        "short queue": short_queue,
        "careless": short_queue_of_a_careless_gateway,
        "state": state_writes,
        "denied 5": partial(denied, protocol="5", seconds=4),
        "denied 3.1.1": partial(denied, protocol="3.1.1", seconds=4),
        "lost session": lost_session,
        "small 5": partial(small_messages, protocol="5", seconds=RECOVERY_SECONDS),
    }
    if request.config.getoption("--rounds") is not None:
        plan |= {
            "denied 3.1.1 for long": partial(denied, protocol="3.1.1", seconds=100),
            "small 3.1.1": partial(small_messages, protocol="3.1.1", seconds=_SLOW),
        }
    with ThreadPoolExecutor(len(plan)) as pool:
        yield {name: pool.submit(work, tmp_path_factory.mktemp("trouble")) for name, work in plan.items()}


def test_a_broker_whose_database_is_deleted_costs_nothing(troubles: Troubles) -> None:
    came = troubles["without database"].result()
    assert came.account.whole, came.account
    assert "the broker has lost our session; gateways send again what was not acknowledged" in came.ingest


def test_a_broker_that_drops_all_but_ten_messages_while_ingest_is_away_costs_nothing(troubles: Troubles) -> None:
    came = troubles["short queue"].result()
    assert came.account.whole, came.account


@pytest.mark.parametrize("protocol", ["5", "3.1.1"])
def test_an_access_list_that_denies_a_gateway_for_a_while_costs_nothing(troubles: Troubles, protocol: str) -> None:
    came = troubles[f"denied {protocol}"].result()
    assert came.account.whole, came.account
    if protocol == "5":  # the older protocol denies in silence
        assert "the broker passes our messages on to nobody, trying on; readings are kept" in came.gateways


def test_a_denial_in_silence_is_told_after_a_while(troubles: Troubles) -> None:
    if "denied 3.1.1 for long" not in troubles:
        pytest.skip("takes two minutes: give --rounds 1")
    came = troubles["denied 3.1.1 for long"].result()
    assert came.account.whole, came.account
    assert "the server does not answer: see that ingest runs, and that the broker's access list" in came.gateways


def test_a_session_of_ingest_that_is_lost_costs_nothing(troubles: Troubles) -> None:
    came = troubles["lost session"].result()
    assert came.account.whole, came.account
    assert "the broker has lost our session; gateways send again what was not acknowledged" in came.ingest


@pytest.mark.parametrize("protocol", ["5", "3.1.1"])
def test_a_broker_that_takes_smaller_messages_than_a_pack_gets_smaller_packs(troubles: Troubles, protocol: str) -> None:
    if f"small {protocol}" not in troubles:
        pytest.skip("takes two minutes, because MQTT 3.1.1 drops in silence: give --rounds 1")
    came = troubles[f"small {protocol}"].result()
    assert came.account.whole, came.account
    assert "so smaller ones are sent" in came.gateways


def test_a_broker_writes_its_state_now_and_then_and_not_for_each_message(troubles: Troubles) -> None:
    """While ingest is away the whole queue is in that state: written for each message, it costs the square of their number."""
    assert troubles["state"].result() <= 3


def test_a_gateway_that_takes_what_it_sent_for_delivered_is_caught_losing_readings(troubles: Troubles) -> None:
    """The control."""
    assert not troubles["careless"].result().account.whole
