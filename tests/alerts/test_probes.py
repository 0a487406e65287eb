"""The watchdog's readings, as the watch meets them among those of the homes."""

from __future__ import annotations

from alerts.book import MemoryBook
from alerts.watch import Watch
from domain.clock import SECOND, Instant
from domain.ids import WATCHDOG, DeviceId, GatewayId, HomeId
from domain.readings import Arrival, Hello, Quantity, Reading, Vouch

T: Instant = 1_790_000_000 * SECOND


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
