"""Ingest's figures, as Prometheus reads them."""

from __future__ import annotations

import socket
from collections import Counter, deque

import pytest
from prometheus_client import generate_latest
from prometheus_client.parser import text_string_to_metric_families

from domain.clock import MILLISECOND, SECOND, monotonic
from domain.errors import ConfigurationError
from ingest.metrics import Figures, serve_metrics
from ingest.subscriber import Ticket
from tests.programs import page


class Broker:
    def __init__(self) -> None:
        self.connected, self.dropped, self.inbox = True, None, deque([1, 2, 3])


def read(figures: Figures) -> dict[str, float]:
    """Every sample by name and labels."""
    families = text_string_to_metric_families(generate_latest(figures.registry).decode())
    return {s.name + "".join(f"{{{v}}}" for v in s.labels.values()): s.value for f in families for s in f.samples}


def test_what_the_intake_counts_is_told_without_another_count() -> None:
    figures, counters = Figures(), Counter({"readings": 5, "duplicates": 2, "late": 1, "heartbeats": 4, "not_json": 3})
    figures.watch(counters, Broker())
    counters["readings"] += 1
    told = read(figures)
    assert told["kehai_ingest_readings_total"] == 6
    assert told["kehai_ingest_duplicates_total"] == 2
    assert told["kehai_ingest_late_total"] == 1
    assert told["kehai_ingest_heartbeats_total"] == 4
    assert told["kehai_ingest_dead_letters_total{not_json}"] == 3
    assert told["kehai_ingest_inbox"] == 3
    assert told["kehai_ingest_broker_connected"] == 1
    assert "kehai_ingest_broker_dropped" not in told


def test_latencies_stand_in_every_bucket_that_holds_them() -> None:
    figures, now = Figures(), monotonic()
    figures.committed(3 * MILLISECOND)
    early, later = now - 30 * MILLISECOND, now - 3 * SECOND
    figures.answered([Ticket(1, 1, 1, early), Ticket(1, 2, 1, early), Ticket(1, 3, 1, later)], now)
    told = read(figures)
    assert told["kehai_ingest_commit_seconds_bucket{0.002}"] == 0
    assert told["kehai_ingest_commit_seconds_bucket{0.005}"] == 1
    assert [told[f"kehai_ingest_ack_seconds_bucket{{{b}}}"] for b in ("0.02", "0.05", "5.0", "+Inf")] == [0, 2, 3, 3]
    assert told["kehai_ingest_ack_seconds_sum"] == pytest.approx(3.06)
    assert told["kehai_ingest_messages_total"] == 3


def test_the_page_is_served_and_a_port_that_is_taken_is_named() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(ConfigurationError, match="metrics_port"):
            serve_metrics(Figures().registry, "127.0.0.1", port)
    served = serve_metrics(Figures().registry, "127.0.0.1", 0)
    try:
        status, text = page(f"http://127.0.0.1:{served.port}/metrics")
    finally:
        served.close()
    assert status == 200
    assert "kehai_ingest_readings_total 0.0" in text
