"""One POST, and what its failure means: shared by the channels that speak HTTP."""

from __future__ import annotations

import socket
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import urllib3
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import HTTPError, NewConnectionError, SSLError

from alerts.channels.channel import OverQuotaError, PermanentError, TransientError, UnknownError
from alerts.channels.deadline import watched, within

_LONGEST_ANSWER = 64 * 1024


@dataclass(frozen=True, slots=True)
class HttpAnswer:
    """What a server said."""

    status: int
    body: bytes
    headers: Mapping[str, str]

    def header(self, name: str) -> str:
        """A header's value; empty where it is not there."""
        return self.headers.get(name.lower(), "")


class _Connection(HTTPConnection):
    """One that ends at the deadline of the attempt that uses it, be it new or kept open since an earlier one."""

    def _new_conn(self) -> socket.socket:
        return watched(super()._new_conn())

    def request(self, *arguments: Any, **more: Any) -> None:
        """See HTTPConnection.request."""
        if self.sock is not None:
            watched(self.sock)
        super().request(*arguments, **more)


class _TlsConnection(HTTPSConnection, _Connection):
    pass


class _Pool(urllib3.HTTPConnectionPool):
    ConnectionCls = _Connection


class _TlsPool(urllib3.HTTPSConnectionPool):
    ConnectionCls = _TlsConnection


class Http:
    """Posts within a bounded time, follows no redirection and tries nothing twice: that is the outbox's work."""

    def __init__(self, timeout: float, ca_file: Path | None = None, connections: int = 4) -> None:
        self._timeout = timeout
        self._pool = urllib3.PoolManager(
            num_pools=10, maxsize=connections, retries=False, ca_certs=str(ca_file) if ca_file else None
        )
        self._pool.pool_classes_by_scheme = {"http": _Pool, "https": _TlsPool}

    def post(self, url: str, body: bytes, headers: Mapping[str, str]) -> HttpAnswer:
        """The answer, when it is 2xx; raises a ChannelError that names neither address nor secret."""
        return self.request("POST", url, body, headers)

    def request(self, method: str, url: str, body: bytes | None, headers: Mapping[str, str]) -> HttpAnswer:
        """See ``post``."""
        answer = self.ask(method, url, body, headers)
        if 200 <= answer.status < 300:
            return answer
        raise failure(answer.status, answer.headers)

    def ask(self, method: str, url: str, body: bytes | None, headers: Mapping[str, str]) -> HttpAnswer:
        """The answer, whatever its status."""
        try:
            with within(self._timeout):
                return self._ask(method, url, body, headers)
        except (NewConnectionError, SSLError) as error:
            raise TransientError("The server cannot be reached, or its certificate is not trusted.") from error
        except (HTTPError, OSError, ValueError) as error:
            if "name or service" in str(error).lower():
                raise TransientError("The server's name is not known.") from error
            raise UnknownError("The server took the call and never answered in time.") from error

    def _ask(self, method: str, url: str, body: bytes | None, headers: Mapping[str, str]) -> HttpAnswer:
        response = self._pool.request(
            method, url, body=body, headers=dict(headers), timeout=urllib3.Timeout(total=self._timeout), redirect=False,
            preload_content=False,
        )  # fmt: skip
        try:
            said = response.read(_LONGEST_ANSWER)
        except (HTTPError, OSError):  # the status says what became of the message, whatever else was to follow
            said = b""
        finally:
            response.close()
        told = {name.lower(): value for name, value in response.headers.items()}
        return HttpAnswer(response.status, said, told)

    def close(self) -> None:
        """Close what is kept open."""
        self._pool.clear()


def failure(status: int, headers: Mapping[str, str]) -> TransientError | PermanentError | OverQuotaError:
    """What a status means for the message."""
    wait = _seconds(headers.get("retry-after", ""))
    if status == 429:
        return OverQuotaError("The server takes no more messages for now (429).", wait)
    if status in (404, 410):
        return PermanentError(f"The server knows no such address ({status}).", address_gone=status == 410)
    if status in (408, 425) or status >= 500:
        return TransientError(f"The server cannot take it for now ({status}).", wait)
    return PermanentError(f"The server refuses the message ({status}).")


def _seconds(text: str) -> float | None:
    try:
        return max(0.0, min(float(text), 60.0))
    except ValueError:
        return None
