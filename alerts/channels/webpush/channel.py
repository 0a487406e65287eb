"""webpush: to a browser or an installed page that its owner has allowed to show notifications (RFC 8030, 8291, 8292).

The address is the browser's subscription, as JSON. What is said is encrypted for that browser; the push service between sees
its size alone.
"""

from __future__ import annotations

import base64
import ipaddress
import json
from collections.abc import Mapping
from typing import Any, ClassVar, Literal
from urllib.parse import urlsplit

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from py_vapid import Vapid02, VapidException
from pywebpush import WebPushException, webpush

from alerts.channels.channel import Message, Receipt, TransientError
from alerts.channels.http import Http, HttpAnswer, failure
from alerts.channels.settings import ChannelSettings, SecretFile
from domain.findings import Level

_KEEPS = 4 * 3600
"""Seconds for which the push service keeps what a sleeping telephone has not fetched."""
_TOPIC = 32
_LONGEST_ENDPOINT = 2000
_NONE = "That is no push subscription: paste what the browser's PushManager gave, as JSON."


class Settings(ChannelSettings):
    """What an operator sets."""

    kind: Literal["webpush"] = "webpush"
    key_file: SecretFile
    """The private VAPID key (PEM); ``kehai channels key`` makes one."""
    contact: str
    """mailto: or https: address at which the push service's operator can ask who we are."""
    loopback: bool = False
    """Whether a push service on this very machine is one: for trials. Otherwise nobody could have us call on its ports."""


class WebPush:
    """Encrypts and hands over; a repetition of the same matter takes the place of the one before (topic, tag)."""

    honours_key: ClassVar[bool] = False
    every_address: ClassVar[bool] = True

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self.workers = settings.workers
        self._http = Http(settings.timeout_seconds, settings.ca_file, settings.workers)
        self._session = _Session(self._http)

    def check_address(self, address: str) -> str:
        """See Channel.check_address."""
        try:
            said = json.loads(address)
            keys = said["keys"]
            point, secret = _decoded(keys["p256dh"]), _decoded(keys["auth"])
            ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), point)
            if len(secret) != 16 or not _may_be_called(said["endpoint"], loopback=self._settings.loopback):
                raise ValueError(_NONE)
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            raise ValueError(_NONE) from error
        kept = {"endpoint": said["endpoint"], "keys": {"p256dh": keys["p256dh"], "auth": keys["auth"]}}
        return json.dumps(kept, separators=(",", ":"))

    def public_key(self) -> str:
        """What a browser must be given to subscribe for us, in base64url; empty while the key cannot be read."""
        try:
            public = Vapid02.from_pem(self._settings.secret(self._settings.key_file).encode()).public_key
        except (ValueError, TransientError, VapidException):
            return ""
        return base64.urlsafe_b64encode(public.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)).decode()

    def send(self, address: str, message: Message) -> Receipt:
        """See Channel.send."""
        said = json.dumps(
            {
                "id": message.key, "title": message.subject, "body": message.body, "link": message.link,
                "tag": message.tag, "urgent": message.level is Level.PAGE,
            },
            ensure_ascii=False,
        )  # fmt: skip
        headers = {"Urgency": "high" if message.level is Level.PAGE else "normal"}
        if message.tag:
            headers["Topic"] = message.tag[:_TOPIC]
        try:
            answer: Any = webpush(
                json.loads(address), said, vapid_private_key=str(self._settings.key_file),
                vapid_claims={"sub": self._settings.contact}, ttl=_KEEPS, headers=headers,
                requests_session=self._session,
            )  # fmt: skip
        except WebPushException as error:
            response = error.response
            if response is None:
                raise TransientError(
                    "The message cannot be encrypted for this browser, or the VAPID key is none."
                ) from error
            if response.status_code in (404, 410):
                raise failure(410, {}) from error
            if response.status_code in (401, 403):
                raise TransientError(
                    "The push service does not accept our key: look at key_file and contact."
                ) from error
            raise failure(response.status_code, response.headers) from error
        except (ValueError, OSError) as error:
            raise TransientError("The VAPID key cannot be read: make one with 'kehai channels key'.") from error
        return Receipt(str(getattr(answer, "headers", {}).get("location", ""))[-60:])

    def close(self) -> None:
        """See Channel.close."""
        self._http.close()


class _Answer:
    """An answer as pywebpush looks at it."""

    def __init__(self, answer: HttpAnswer) -> None:
        self.status_code, self.headers = answer.status, answer.headers
        self.text, self.reason = "", ""


class _Session:
    """What pywebpush posts with: our own way, which ends in time."""

    def __init__(self, http: Http) -> None:
        self._http = http

    def post(self, url: str, data: bytes, headers: Mapping[str, str], timeout: object) -> _Answer:  # noqa: ARG002
        """See ``requests.Session.post``."""
        return _Answer(self._http.ask("POST", url, data, {name: str(value) for name, value in headers.items()}))


def _decoded(text: str) -> bytes:
    return base64.urlsafe_b64decode(text.rstrip("=") + "=" * (-len(text.rstrip("=")) % 4))


def _may_be_called(endpoint: str, *, loopback: bool) -> bool:
    """A push service in the open network; never an address by which one of our own machines could be meant."""
    parts = urlsplit(endpoint)
    host = parts.hostname or ""
    if len(endpoint) > _LONGEST_ENDPOINT or not host or parts.username or not endpoint.isprintable():
        return False
    if host in ("127.0.0.1", "localhost"):
        return loopback
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return parts.scheme == "https" and "." in host.rstrip(".") and not host.endswith((".localhost", ".local"))
    return False


def make(settings: Settings) -> WebPush:
    """See the catalogue."""
    return WebPush(settings)
