"""Ports on this machine: is one free, does one answer."""

from __future__ import annotations

import errno
import http.client
import socket
import threading

from domain.clock import SECOND, monotonic
from domain.errors import ConfigurationError, KehaiError


def check_free(host: str, port: int, what: str) -> None:
    """Raise ConfigurationError, in one sentence, when ``what`` could not listen on ``host``:``port``."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    except OSError as error:
        raise ConfigurationError(f"{host!r} is no address of this machine: name another host for {what}.") from error
    with socket.socket(family, kind, protocol) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(address)
        except OSError as error:
            if error.errno in {errno.EADDRINUSE, errno.EACCES, errno.EADDRNOTAVAIL}:
                why = {
                    errno.EADDRINUSE: "is in use by another program",
                    errno.EACCES: "may not be opened by this user",
                    errno.EADDRNOTAVAIL: "is no address of this machine",
                }[error.errno]
                raise ConfigurationError(f"Port {port} on {host} {why}: choose another port for {what}.") from error
            raise


def free_port() -> int:
    """A port of 127.0.0.1 that nothing listens on just now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_for(port: int, what: str, stop: threading.Event, seconds: float = 30.0) -> None:
    """Return once something accepts connections on 127.0.0.1:``port``, or ``stop`` is set; KehaiError when nothing does."""
    deadline = monotonic() + int(seconds * SECOND)
    while not stop.is_set():
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            if monotonic() > deadline:
                raise KehaiError(f"{what} did not answer on port {port} within {seconds:.0f} s: see its log.") from None
            stop.wait(0.05)
        else:
            return


def http_status(port: int, path: str) -> int | None:
    """What a GET of ``path`` on 127.0.0.1:``port`` answers, or None when nothing does."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=2)
    try:
        connection.request("GET", path)
        return connection.getresponse().status
    except (OSError, http.client.HTTPException):
        return None
    finally:
        connection.close()
