"""The watchdog's way through calling: each of its readings becomes a notification, which a channel of its own hands back.

A reading that the watch has taken in goes through the same outbox, the same thread and the same table of addresses as a call
to a care worker; only the channel is another one.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import ClassVar
from urllib.parse import urlsplit

from sqlalchemy import Connection, Engine, delete, select

from alerts.channels.channel import Message, Receipt
from alerts.channels.http import Http
from alerts.duty_tables import attempts, notifications
from alerts.notices import Notice, Purpose
from alerts.outbox import enqueue
from domain.clock import HOUR, MINUTE, Clock, Span
from domain.ids import WATCHDOG
from domain.readings import Reading
from registry import addresses

FRESH: Span = 10 * MINUTE
"""What a backlog brings of older readings says nothing of the present, and is not sent."""
KEPT: Span = HOUR
_TIMEOUT_SECONDS = 5.0


class Probes:
    """Hands the watchdog's readings to the outbox; see ``alerts.watch.Watch``."""

    def __init__(self, engine: Engine, clock: Clock, pace: float, address: str, wake: Callable[[], None]) -> None:
        """``address`` is where the watchdog listens, ``wake`` tells the caller that something is due."""
        self._engine, self._clock, self._pace, self._wake = engine, clock, pace, wake
        with engine.begin() as connection:
            _only_address(connection, address, clock)

    def __call__(self, reading: Reading) -> None:
        """Send one back, if it is of the present."""
        now = self._clock.now()
        if now - reading.observed_at > FRESH * self._pace:
            return
        notice = Notice(None, Purpose.WATCHDOG, WATCHDOG, (WATCHDOG,), now, climb=int(reading.value))
        with self._engine.begin() as connection:
            _forget(connection, now - int(KEPT * self._pace))
            enqueue(connection, [notice], now)
        self._wake()


class WayBack:
    """The channel on which they go: a POST to the watchdog."""

    honours_key: ClassVar[bool] = True
    workers = 1

    def __init__(self) -> None:
        self._http = Http(_TIMEOUT_SECONDS, connections=self.workers)

    def check_address(self, address: str) -> str:
        """See Channel.check_address."""
        if urlsplit(address).scheme != "http":
            raise ValueError("That is no address of a watchdog: write it as http://127.0.0.1:8766/came.")
        return address

    def send(self, address: str, message: Message) -> Receipt:
        """See Channel.send."""
        body = json.dumps({"number": int(message.body)}).encode()
        self._http.post(address, body, {"Content-Type": "application/json"})
        return Receipt()

    def close(self) -> None:
        """See Channel.close."""
        self._http.close()


def _only_address(connection: Connection, address: str, clock: Clock) -> None:
    known = addresses.of(connection, WATCHDOG)
    for old in known:
        if old.address != address:
            addresses.remove(connection, WATCHDOG, old.id)
    addresses.add(connection, WATCHDOG, WATCHDOG, address, clock.now())


def _forget(connection: Connection, before: int) -> None:
    """They are nobody's history: a thousand a day would bury what is."""
    n = notifications.c
    old = select(n.id).where(n.recipient == WATCHDOG, n.purpose == Purpose.WATCHDOG.value, n.made_at < before)
    gone = list(connection.execute(old).scalars())
    if gone:
        connection.execute(delete(attempts).where(attempts.c.notification.in_(gone)))
        connection.execute(delete(notifications).where(n.id.in_(gone)))
