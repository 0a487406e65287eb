"""What the projection counts, in the form that Prometheus reads. Counts only, nothing personal."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from domain.clock import SECOND, Span
from ingest.influx.answers import Answer
from ingest.influx.projection import Place


class Figures(Collector):
    """The figures of one projection since its process began; ``registry`` is what may be served."""

    def __init__(self) -> None:
        self.points = 0
        """Points that the store took."""
        self._refused: Counter[int] = Counter()
        self._retries: Counter[int] = Counter()
        self._place = Place(0, 0, None)
        self._lag: Span = 0
        self.registry = CollectorRegistry()
        self.registry.register(self)

    def stored(self, points: int) -> None:
        """The store took points."""
        self.points += points

    def refused(self, status: int) -> None:
        """A point was refused for good."""
        self._refused[status] += 1

    def waiting(self, answer: Answer) -> None:
        """A write failed and will be tried again."""
        self._retries[answer.status] += 1

    def place(self, place: Place, lag: Span) -> None:
        """Where the projection stands, and how old the first commit is that is not in the store."""
        self._place, self._lag = place, lag

    def summary(self) -> str:
        """In a few words."""
        return f"{self.points} points written, {self._refused.total()} refused"

    def collect(self) -> Iterator[Metric]:
        """Every figure; see Collector."""
        yield CounterMetricFamily("kehai_projection_points", "Points that the store took", value=self.points)
        yield _by_status("kehai_projection_dead_letters", "Points that the store refused for good", self._refused)
        yield _by_status(
            "kehai_projection_retries", "Writes that failed and were tried again (status 0: no answer)", self._retries
        )
        yield GaugeMetricFamily(
            "kehai_projection_lag_seconds", "Age of the first commit that is not in the store", self._lag / SECOND
        )
        yield GaugeMetricFamily(
            "kehai_projection_commits_behind", "Commits that are not in the store", self._place.commits_behind
        )
        yield GaugeMetricFamily(
            "kehai_projection_cursor", "Offset of the journal up to which all is in the store", self._place.cursor
        )


def _by_status(name: str, text: str, counted: Counter[int]) -> CounterMetricFamily:
    family = CounterMetricFamily(name, text, labels=["status"])
    for status, count in sorted(counted.items()):
        family.add_metric([str(status)], count)
    return family
