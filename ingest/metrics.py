"""What ingest counts, in the form that Prometheus reads.

Counting costs the hot path a few additions per commit: figures are plain numbers, and turned into metrics when somebody asks.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence
from itertools import accumulate
from threading import Thread
from typing import Protocol
from wsgiref.simple_server import WSGIServer

from prometheus_client import CollectorRegistry, start_http_server
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

from domain.clock import SECOND, Span
from domain.errors import ConfigurationError

BOUNDS = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0)
"""Upper bounds of the latency buckets, in seconds."""
_PLAIN = ("readings", "duplicates", "late", "heartbeats")
"""Names in the intake's counters that are no reason of a dead letter."""


class Broker(Protocol):
    """What the subscriber shows of itself."""

    @property
    def connected(self) -> bool:
        """True while what gateways send comes in."""
        ...

    @property
    def dropped(self) -> int | None:
        """Messages that the broker has thrown away."""
        ...

    @property
    def inbox(self) -> Sequence[object]:
        """What was received and not yet taken."""
        ...


class Received(Protocol):
    """A message as far as its latency goes."""

    @property
    def received(self) -> Span:
        """When it came, on the monotonic clock."""
        ...


class Latencies:
    """A histogram of durations."""

    def __init__(self) -> None:
        self._counts = [0] * (len(BOUNDS) + 1)
        self._sum = 0.0

    def add(self, seconds: float, times: int = 1) -> None:
        """Count ``times`` durations of ``seconds`` each."""
        self._counts[bisect_left(BOUNDS, seconds)] += times
        self._sum += seconds * times

    def family(self, name: str, text: str) -> HistogramMetricFamily:
        """As Prometheus wants it: each bucket holds those before it too."""
        totals = list(accumulate(self._counts))
        bounds = [*(str(bound) for bound in BOUNDS), "+Inf"]
        return HistogramMetricFamily(name, text, list(zip(bounds, totals, strict=True)), self._sum)


class Figures(Collector):
    """The figures of one ingest; ``registry`` is what may be served."""

    def __init__(self) -> None:
        self._counters: Mapping[str, int] = {}
        self._broker: Broker | None = None
        self._messages = 0
        self._commits = Latencies()
        self._acks = Latencies()
        self.registry = CollectorRegistry()
        self.registry.register(self)

    def watch(self, counters: Mapping[str, int], broker: Broker) -> None:
        """Show these from now on."""
        self._counters, self._broker = counters, broker

    def committed(self, span: Span) -> None:
        """A commit was durable after ``span``."""
        self._commits.add(span / SECOND)

    def answered(self, messages: Sequence[Received], now: Span) -> None:
        """The acknowledgements of ``messages`` were handed to the socket at ``now``."""
        self._messages += len(messages)
        at, count = 0, 0
        for message in messages:  # what one look at the socket brought has one instant
            if message.received != at:
                if count:
                    self._acks.add((now - at) / SECOND, count)
                at, count = message.received, 0
            count += 1
        if count:
            self._acks.add((now - at) / SECOND, count)

    def collect(self) -> Iterator[Metric]:
        """Every figure; see Collector."""
        counted = dict(self._counters)
        yield _counter("kehai_ingest_messages", "MQTT messages stored or refused, and acknowledged", self._messages)
        yield _counter("kehai_ingest_readings", "Readings stored for the first time", counted.get("readings", 0))
        yield _counter("kehai_ingest_duplicates", "Readings that had been stored before", counted.get("duplicates", 0))
        yield _counter(
            "kehai_ingest_late", "Readings older than what their gateway had vouched for", counted.get("late", 0)
        )
        yield _counter("kehai_ingest_heartbeats", "Heartbeats accepted", counted.get("heartbeats", 0))
        letters = CounterMetricFamily("kehai_ingest_dead_letters", "Messages or records refused", labels=["reason"])
        for reason, count in sorted(counted.items()):
            if reason not in _PLAIN:
                letters.add_metric([str(reason)], count)
        yield letters
        yield self._commits.family("kehai_ingest_commit_seconds", "Time that one commit of the journal takes")
        yield self._acks.family(
            "kehai_ingest_ack_seconds", "From receiving a message to handing its acknowledgement to the socket"
        )
        if self._broker is not None:
            yield GaugeMetricFamily(
                "kehai_ingest_inbox", "Messages received and not yet taken", len(self._broker.inbox)
            )
            yield GaugeMetricFamily(
                "kehai_ingest_broker_connected", "1 while what gateways send comes in", int(self._broker.connected)
            )
            if self._broker.dropped is not None:
                yield GaugeMetricFamily(
                    "kehai_ingest_broker_dropped",
                    "Messages the broker threw away since its start",
                    self._broker.dropped,
                )


def _counter(name: str, text: str, value: int) -> CounterMetricFamily:
    return CounterMetricFamily(name, text, value=value)


class Served:
    """The page with the figures, while it is served."""

    def __init__(self, server: WSGIServer, thread: Thread) -> None:
        self._server, self._thread = server, thread
        self.port = server.server_port

    def close(self) -> None:
        """Serve no more."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


def serve_metrics(registry: CollectorRegistry, host: str, port: int, key: str = "ingest.metrics_port") -> Served:
    """Serve ``registry`` under http://host:port/metrics in a thread.

    Raises ConfigurationError, which names ``key`` as the one to change, when the port is taken.
    """
    try:
        return Served(*start_http_server(port, host, registry))
    except OSError as error:
        raise ConfigurationError(
            f"{host}:{port} cannot be listened on ({error.strerror}): name another {key}, or 0 for none."
        ) from error
