"""What the watchdog knows, for its threads: the judge under a lock, and how it looks to others."""

from __future__ import annotations

import threading
from collections.abc import Callable

from prometheus_client import CollectorRegistry, Gauge, generate_latest

from domain.clock import SECOND, Span
from kehai.watchdog.complaints import Where
from kehai.watchdog.judge import Judge, Word

CONFIRMED: Span = 20 * SECOND
"""Ingest confirms what it has stored within about a second."""


class State:
    """The judge, how far the readings get, and both in words and figures."""

    def __init__(
        self, judge: Judge, mono: Callable[[], Span], on_well: Callable[[], None], confirmed: Span = CONFIRMED
    ) -> None:
        """``on_well`` is called for each reading that came through in time; ingest is given ``confirmed`` to say so."""
        self._judge, self._mono, self._on_well, self._patience = judge, mono, on_well, confirmed
        self._lock = threading.Lock()
        self._connected, self._confirmed_at = False, mono()

    def sent(self, number: int) -> None:
        """See Judge.sent."""
        with self._lock:
            self._judge.sent(number, self._mono())

    def came(self, number: int) -> bool:
        """See Judge.arrived."""
        with self._lock:
            awaited = self._judge.arrived(number, self._mono())
            well = awaited and self._judge.well(self._mono())
        if well:
            self._on_well()
        return awaited

    def look(self, connected: bool, waiting: int) -> tuple[Word, Where] | None:
        """What is to be said now; ``waiting`` is how many readings ingest has not confirmed."""
        with self._lock:
            self._connected = connected
            if not waiting:
                self._confirmed_at = self._mono()
            word = self._judge.look(self._mono())
            return None if word is None else (word, self._where())

    def _where(self) -> Where:
        if not self._connected:
            return Where.BROKER
        return Where.INGEST if self._mono() - self._confirmed_at > self._patience else Where.CALLING

    def health(self) -> tuple[bool, str]:
        """Whether all is well, and in a few words how it is."""
        with self._lock:
            silent = self._judge.silent(self._mono()) // SECOND
            took = self._judge.took
            if self._judge.complaining:
                return False, f"nothing has come through for {silent} s: {self._where().value}"
            if took is None:
                return True, "waiting for the first"
            return True, f"the last came through in {took / SECOND:.2f} s"

    def metrics(self) -> bytes:
        """The same for Prometheus."""
        registry = CollectorRegistry()
        with self._lock:
            figures = (
                ("kehai_watchdog_up", "1 while what the watchdog sends comes through", int(not self._judge.complaining)),
                ("kehai_watchdog_silent_seconds", "Since the newest that came through was sent",
                 self._judge.silent(self._mono()) / SECOND),
                ("kehai_watchdog_took_seconds", "How long the last was on its way", (self._judge.took or 0) / SECOND),
            )  # fmt: skip
        for name, text, value in figures:
            Gauge(name, text, registry=registry).set(value)
        return generate_latest(registry)
