"""The end of one attempt, whatever the server does: at its deadline the connections that it made are cut.

A time-out bounds each wait for the server, and one that sends a byte now and then never lets it pass.
"""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress


class Deadline:
    """The connections of one attempt, until they are cut."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._held: list[socket.socket] = []
        self._over = False

    def hold(self, connection: socket.socket) -> None:
        """Cut it at the deadline, at once if that has passed."""
        # A second descriptor: TLS takes the first away from its socket, and who cuts must not meet another's by its number.
        held = socket.socket(fileno=os.dup(connection.fileno()))
        with self._lock:
            self._held.append(held)
            over = self._over
        if over:
            _cut(held)

    def cut(self) -> None:
        """Cut what is held: whoever waits for it meets its end."""
        with self._lock:
            self._over = True
            for held in self._held:
                _cut(held)

    def close(self) -> None:
        """The attempt is over."""
        with self._lock:
            for held in self._held:
                held.close()
            self._held.clear()


_here = threading.local()


@contextmanager
def within(seconds: float) -> Iterator[None]:
    """What this thread does inside ends after ``seconds``: connections that are ``watched`` by then are cut."""
    deadline = Deadline()
    timer = threading.Timer(seconds, deadline.cut)
    timer.daemon = True
    timer.start()
    _here.deadline = deadline
    try:
        yield
    finally:
        _here.deadline = None
        timer.cancel()
        deadline.close()


def watched(connection: socket.socket) -> socket.socket:
    """The same connection, which is cut at the deadline of what this thread does."""
    deadline: Deadline | None = getattr(_here, "deadline", None)
    if deadline is not None:
        deadline.hold(connection)
    return connection


def _cut(held: socket.socket) -> None:
    with suppress(OSError):  # it is closed at the other end already
        held.shutdown(socket.SHUT_RDWR)
