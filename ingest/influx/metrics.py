"""What the projection counts, for Prometheus. Counts only, nothing personal."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, start_http_server

from domain.clock import SECOND, Span
from ingest.influx.projection import Place
from ingest.influx.store import Answer


class Meters:
    """Counters since the start of this process."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._written = Counter("kehai_projection_points_written", "Points that the store took", registry=self.registry)
        self._retries = Counter(
            "kehai_projection_retries", "Writes to be tried again, by status (0: no answer)", ["status"],
            registry=self.registry,
        )  # fmt: skip
        self._refused = Counter(
            "kehai_projection_dead_letters", "Points refused for good, by status", ["status"], registry=self.registry
        )
        self._lag = Gauge(
            "kehai_projection_lag_seconds", "Age of the first commit not yet in the store", registry=self.registry
        )
        self._behind = Gauge("kehai_projection_commits_behind", "Commits not yet in the store", registry=self.registry)
        self._cursor = Gauge(
            "kehai_projection_cursor", "Journal offset up to which all is settled", registry=self.registry
        )
        self._points, self._letters = 0, 0

    def serve(self, host: str, port: int) -> None:
        """Answer on a page of their own until the process ends."""
        start_http_server(port, host, self.registry)

    def stored(self, points: int) -> None:
        """Points were taken."""
        self._written.inc(points)
        self._points += points

    def refused(self, status: int) -> None:
        """A point was refused for good."""
        self._refused.labels(status).inc()
        self._letters += 1

    def waiting(self, answer: Answer) -> None:
        """A write failed."""
        self._retries.labels(answer.status).inc()

    def place(self, place: Place, lag: Span) -> None:
        """Where the projection stands."""
        self._lag.set(lag / SECOND)
        self._behind.set(place.commits_behind)
        self._cursor.set(place.cursor)

    def summary(self) -> str:
        """In a few words."""
        return f"{self._points} points written, {self._letters} refused"
