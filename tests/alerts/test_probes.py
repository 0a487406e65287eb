"""The watchdog's readings, as the watch meets them among those of the homes, and their way through the outbox."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine, func, select

from alerts.book import MemoryBook
from alerts.caller import Caller
from alerts.duty_tables import attempts, notifications
from alerts.messages import Messages
from alerts.probes import Probes, WayBack
from alerts.watch import Watch
from domain.clock import HOUR, MINUTE, SECOND, Instant, VirtualClock
from domain.ids import WATCHDOG, DeviceId, GatewayId, HomeId
from domain.localtime import LocalTime
from domain.readings import Arrival, Hello, Quantity, Reading, Vouch
from registry import addresses
from tests.alerts.duty import installation
from tests.programs import until
from tests.receivers import Hook

T: Instant = 1_790_000_000 * SECOND


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    made = installation(tmp_path)
    yield made
    made.dispose()


def speech(home: str, offset: int) -> Arrival:
    """A greeting, a reading and a heartbeat of one home."""
    gateway, at = GatewayId(home), T + offset * SECOND
    return Arrival(
        offset,
        at,
        (
            Hello(HomeId(home), gateway, "UTC", (), at),
            Reading(HomeId(home), DeviceId("probe"), Quantity.OTHER, float(offset), at, at, gateway, "e1", offset),
            Vouch(HomeId(home), gateway, at, ((at - SECOND, at),), (), at, at),
        ),
    )


def test_a_probe_is_handed_on_and_makes_no_home_while_a_home_s_reading_is_no_probe() -> None:
    probes: list[float] = []
    watch = Watch(book := MemoryBook(), on_probe=lambda probe: probes.append(probe.value))
    watch.step(T + SECOND, speech(WATCHDOG, 1))
    watch.step(T + 2 * SECOND, speech("h1", 2))
    watch.save(T + 2 * SECOND)
    assert probes == [1.0]
    assert [saved.home for saved in book.watched()] == ["h1"]


def probe(number: int, at: Instant) -> Reading:
    home, gateway = HomeId(WATCHDOG), GatewayId(WATCHDOG)
    return Reading(home, DeviceId("probe"), Quantity.OTHER, float(number), at, at, gateway, "e1", number)


def test_a_probe_comes_back_by_the_outbox_and_leaves_nothing_behind_for_long(engine: Engine) -> None:
    clock = VirtualClock(T)
    with Hook() as back:
        caller = Caller(engine, clock, [], {WATCHDOG: WayBack()}, Messages(engine, LocalTime("UTC")))
        probes = Probes(engine, clock, 1.0, back.url, caller.wake)
        probes(probe(41, T))
        assert caller.look() == 1
        until(lambda: bool(back.calls), 5, "word that came back")
        assert [(path, json.loads(body)) for path, _, body in back.calls] == [("/hook", {"number": 41})]
        caller.stop()
    clock.advance_to(T + 2 * HOUR)
    probes(probe(42, T + 2 * HOUR))
    with engine.connect() as connection:
        left = connection.execute(select(notifications.c.climb)).scalars().all()
        assert connection.execute(select(func.count()).select_from(attempts)).scalar() == 0
    assert left == [42]


def test_what_a_backlog_brings_of_the_watchdog_s_readings_is_not_sent_back(engine: Engine) -> None:
    clock = VirtualClock(T)
    probes = Probes(engine, clock, 1.0, "http://127.0.0.1:1/came", lambda: None)
    probes(probe(1, T - 11 * MINUTE))
    with engine.connect() as connection:
        assert connection.execute(select(notifications)).all() == []


def test_the_watchdog_has_one_address_which_follows_its_port_and_nobody_else_s_is_taken(engine: Engine) -> None:
    for port in (1, 2, 2):
        Probes(engine, VirtualClock(T), 1.0, f"http://127.0.0.1:{port}/came", lambda: None)
    with engine.connect() as connection:
        assert [a.address for a in addresses.of(connection, WATCHDOG)] == ["http://127.0.0.1:2/came"]
    with pytest.raises(ValueError, match="no address of a watchdog"):
        WayBack().check_address("by post")
