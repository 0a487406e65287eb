"""One write at an HTTP store that speaks InfluxDB's language, and what its answer means. Never raises for what a store does.

``/api/v2/write`` through influxdb-client: InfluxDB 1.8, 2.x, 3.x and VictoriaMetrics. ``/write`` and InfluxQL: InfluxDB 1.x.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Protocol
from urllib.parse import urlencode

import urllib3
from influxdb_client import InfluxDBClient, WritePrecision, WriteService
from influxdb_client.rest import ApiException

from domain.clock import Clock
from domain.errors import KehaiError
from ingest.influx.answers import MOST_WORDS, Answer, Verdict, judge

_ANSWER_BYTES = 4_096


@dataclass(frozen=True, slots=True)
class Address:
    """Where the store is and how we may enter."""

    url: str
    api: Literal["v2", "v1"] = "v2"
    org: str = ""
    bucket: str = "kehai"
    """The bucket (v2) or the database (v1)."""
    username: str = ""
    secret_file: Path | None = None
    """The token (v2) or the password (v1), on its first line."""
    ca_file: Path | None = None
    timeout_seconds: float = 10.0

    def secret(self) -> str:
        """The first line of the file as it is now; "" without one. Raises KehaiError."""
        if self.secret_file is None:
            return ""
        try:
            text = self.secret_file.read_text(encoding="ascii").strip()
        except (OSError, UnicodeDecodeError) as error:
            why = error.strerror if isinstance(error, OSError) else "it holds other characters than ASCII"
            raise KehaiError(
                f"{self.secret_file} cannot be read ({why}): put the secret there, readable by this user."
            ) from error
        return text.split("\n")[0].strip()


class HttpStore:
    """A store at an address. The secret is read again after it was denied, so that a mended file needs no restart."""

    def __init__(self, address: Address, clock: Clock) -> None:
        self._address, self._clock = address, clock
        self._way: _Way | None = None

    def write(self, lines: bytes) -> Answer:
        """See Store.write."""
        try:
            if self._way is None:
                self._way = _open(self._address)
            answer = judge(*self._way.write(lines), self._clock.now())
        except urllib3.exceptions.HTTPError as error:
            answer = Answer(Verdict.UNKNOWN, 0, plain(error))
        except (KehaiError, OSError) as error:  # a secret or a certificate that cannot be read
            answer = Answer(Verdict.DENIED, 0, plain(error))
        if answer.verdict is Verdict.DENIED:
            self.close()
        return answer

    def close(self) -> None:
        """Let the connections go."""
        if self._way is not None:
            self._way.close()
            self._way = None


class _Way(Protocol):
    def write(self, lines: bytes) -> tuple[int, Mapping[str, str], bytes]:
        """Status, headers by lower-case name, and the beginning of the body. Raises urllib3.exceptions.HTTPError."""
        ...

    def close(self) -> None:
        """Let the connections go."""
        ...


def _open(address: Address) -> _Way:
    return _VersionTwo(address) if address.api == "v2" else _VersionOne(address)


class _VersionTwo:
    """``/api/v2/write`` through influxdb-client."""

    def __init__(self, address: Address) -> None:
        self._address = address
        self._client = InfluxDBClient(
            address.url, address.secret(), org=address.org, timeout=int(address.timeout_seconds * 1_000),
            ssl_ca_cert=None if address.ca_file is None else str(address.ca_file),
        )  # fmt: skip
        self._service = WriteService(self._client.api_client)

    def write(self, lines: bytes) -> tuple[int, Mapping[str, str], bytes]:
        """See _Way.write."""
        try:
            _, status, headers = self._service.post_write_with_http_info(
                self._address.org, self._address.bucket, lines, precision=WritePrecision.NS,
                content_type="text/plain; charset=utf-8", _return_http_data_only=False,
            )  # fmt: skip
        except UnicodeDecodeError as error:
            raise urllib3.exceptions.HTTPError("the answer is no text") from error
        except ApiException as error:
            if not error.status:
                raise urllib3.exceptions.HTTPError(error.reason) from error
            return int(error.status), _lower(error.headers or {}), _bytes(error.body)
        return int(status), _lower(headers), b""

    def close(self) -> None:
        """See _Way.close."""
        self._client.close()


class _VersionOne:
    """``/write`` of InfluxDB 1.x."""

    def __init__(self, address: Address) -> None:
        self._pool, self._headers = _pool(address)
        self._url = f"{address.url.rstrip('/')}/write"
        self._database = address.bucket

    def write(self, lines: bytes) -> tuple[int, Mapping[str, str], bytes]:
        """See _Way.write."""
        return _post(self._pool, self._url, {"db": self._database, "precision": "ns"}, self._headers, lines)

    def close(self) -> None:
        """See _Way.close."""
        self._pool.clear()


def _pool(address: Address) -> tuple[urllib3.PoolManager, dict[str, str]]:
    secret, headers = address.secret(), dict[str, str]()
    if address.username:
        headers |= urllib3.make_headers(basic_auth=f"{address.username}:{secret}")
    pool = urllib3.PoolManager(
        timeout=urllib3.Timeout(address.timeout_seconds), retries=False,
        ca_certs=None if address.ca_file is None else str(address.ca_file),
    )  # fmt: skip
    return pool, headers


def _post(
    pool: urllib3.PoolManager, url: str, parameters: Mapping[str, str], headers: Mapping[str, str], body: bytes
) -> tuple[int, Mapping[str, str], bytes]:
    """One POST; of a long answer only the beginning is read."""
    target = f"{url}?{urlencode(parameters)}"
    answer = pool.urlopen("POST", target, body=body, headers=dict(headers), preload_content=False, redirect=False)
    try:
        said = answer.read(_ANSWER_BYTES)
        if len(said) < _ANSWER_BYTES:
            answer.drain_conn()
        else:
            answer.close()
        return answer.status, _lower(answer.headers), said
    finally:
        answer.release_conn()


def _lower(headers: Mapping[str, Any]) -> dict[str, str]:
    return {name.lower(): str(value) for name, value in headers.items()}


def _bytes(body: object) -> bytes:
    return body if isinstance(body, bytes) else str(body or "").encode()


def plain(error: BaseException) -> str:
    """An error in a few words, without the address of an object and without a secret."""
    if isinstance(error, urllib3.exceptions.NewConnectionError):
        return "nothing answers there"
    if isinstance(error, urllib3.exceptions.ConnectTimeoutError | urllib3.exceptions.ReadTimeoutError):
        return "no answer in time"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    name = "" if isinstance(error, KehaiError) else f"{type(error).__name__}: "
    return " ".join(f"{name}{error}".split())[:MOST_WORDS]
