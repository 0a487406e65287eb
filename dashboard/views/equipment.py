"""What gateways tell of themselves, as metrics and as a list of those that somebody should look at. Opaque ids only."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from prometheus_client import Metric
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.registry import Collector

from domain.clock import SECOND, Instant
from domain.status import HomeStatus
from ingest.gateways import GatewayState

MANY_WAITING = 1_000
"""Readings in a spool that nobody has acknowledged: about eight hours of a home."""


def needs_a_look(gateway: GatewayState) -> bool:
    """True for a gateway of which something was lost or refused, or whose clock or disk does not work."""
    return bool(
        gateway.losses or gateway.conflicts or gateway.events or gateway.unwritten or not gateway.synced
        or gateway.depth >= MANY_WAITING
    )  # fmt: skip


class Homes(Collector):
    """How far each home's watermark lies back."""

    def __init__(self, statuses: Iterable[HomeStatus], now: Instant) -> None:
        self._statuses, self._now = statuses, now

    def collect(self) -> Iterator[Metric]:
        """One gauge; homes that nobody has vouched for yet are left out."""
        lag = GaugeMetricFamily(
            "kehai_watermark_lag_seconds", "How far back lies what a home's gateways have vouched for", labels=["home"]
        )
        for status in self._statuses:
            if status.watermark is not None:
                lag.add_metric([status.home], max(0, self._now - status.watermark) / SECOND)
        yield lag


class Gateways(Collector):
    """Spools, losses, conflicts and clocks, as gateways told them last."""

    def __init__(self, states: Iterable[GatewayState]) -> None:
        self._states = states

    def collect(self) -> Iterator[Metric]:
        """Losses and conflicts only of those gateways that have any."""
        depth = GaugeMetricFamily(
            "kehai_gateway_spool_depth", "Readings in a gateway that nobody has acknowledged", labels=["gateway"]
        )
        lost = CounterMetricFamily(
            "kehai_gateway_lost_readings", "Readings that a gateway has lost", labels=["gateway", "reason"]
        )
        conflicts = CounterMetricFamily(
            "kehai_gateway_key_conflicts", "Readings refused because another has their number", labels=["gateway"]
        )
        unset = GaugeMetricFamily(
            "kehai_gateway_clock_unset", "1 for a gateway whose clock the network has not set", labels=["gateway"]
        )
        for state in self._states:
            depth.add_metric([state.gateway], state.depth)
            for reason, count in state.losses.items():
                lost.add_metric([state.gateway, reason], count)
            if state.conflicts:
                conflicts.add_metric([state.gateway], state.conflicts)
            if not state.synced:
                unset.add_metric([state.gateway], 1)
        yield from (depth, lost, conflicts, unset)
