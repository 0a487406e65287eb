"""One POST, and what its failure means: shared by the channels that speak HTTP."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import urllib3
from urllib3.exceptions import HTTPError, NewConnectionError, SSLError

from alerts.channels.channel import OverQuotaError, PermanentError, TransientError, UnknownError

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


class Http:
    """Posts within a bounded time, follows no redirection and tries nothing twice: that is the outbox's work."""

    def __init__(self, timeout: float, ca_file: Path | None = None, connections: int = 4) -> None:
        self._timeout = timeout
        self._pool = urllib3.PoolManager(
            num_pools=10, maxsize=connections, retries=False, ca_certs=str(ca_file) if ca_file else None
        )

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
        timeout = urllib3.Timeout(total=self._timeout)
        try:
            response = self._pool.request(
                method, url, body=body, headers=dict(headers), timeout=timeout, redirect=False, preload_content=False
            )
            try:
                said = response.read(_LONGEST_ANSWER)
            finally:
                response.close()
        except (NewConnectionError, SSLError) as error:
            raise TransientError("The server cannot be reached, or its certificate is not trusted.") from error
        except (HTTPError, OSError, ValueError) as error:
            if "name or service" in str(error).lower():
                raise TransientError("The server's name is not known.") from error
            raise UnknownError("The server took the call and never answered in time.") from error
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
