"""webhook: a signed POST to a server of the operator's own: a pager service, a telephone robot, another program."""

from __future__ import annotations

import hashlib
import hmac
import json
from typing import ClassVar, Literal
from urllib.parse import urlsplit

from alerts.channels.channel import Message, Receipt
from alerts.channels.http import Http
from alerts.channels.settings import ChannelSettings, SecretFile
from domain.clock import SECOND, Clock, SystemClock


class Settings(ChannelSettings):
    """What an operator sets."""

    kind: Literal["webhook"] = "webhook"
    url: str = ""
    """Where every message goes; empty: each address is a URL of its own."""
    secret_file: SecretFile


class Webhook:
    """Posts JSON. The header ``Kehai-Signature`` is ``t=SECONDS,v1=HEX``: HMAC-SHA256 over ``SECONDS.BODY`` with the secret.

    ``Kehai-Id`` is the message's id, the same at every attempt: a receiver that remembers it takes each message once.
    """

    honours_key: ClassVar[bool] = True

    def __init__(self, settings: Settings, clock: Clock | None = None) -> None:
        self._settings, self._clock = settings, clock or SystemClock()
        self.workers = settings.workers
        self._http = Http(settings.timeout_seconds, settings.ca_file, settings.workers)

    def check_address(self, address: str) -> str:
        """See Channel.check_address."""
        if self._settings.url:
            return address.strip()[:200]
        parts = urlsplit(address.strip())
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError("That is no web address: write it as https://example.org/path.")
        return address.strip()

    def send(self, address: str, message: Message) -> Receipt:
        """See Channel.send."""
        body = json.dumps(
            {
                "id": message.key, "to": address if self._settings.url else "", "language": message.language,
                "subject": message.subject, "body": message.body, "link": message.link,
                "level": message.level.value if message.level else None, "resent": message.resent, "tag": message.tag,
            },
            ensure_ascii=False,
        ).encode()  # fmt: skip
        stamp = str(self._clock.now() // SECOND)
        secret = self._settings.secret(self._settings.secret_file).encode()
        answer = self._http.post(
            self._settings.url or address,
            body,
            {
                "Content-Type": "application/json",
                "Kehai-Id": message.key,
                "Kehai-Signature": f"t={stamp},v1={sign(secret, stamp, body)}",
            },
        )
        return Receipt(answer.header("Kehai-Receipt")[:200])

    def close(self) -> None:
        """See Channel.close."""
        self._http.close()


def sign(secret: bytes, stamp: str, body: bytes) -> str:
    """The signature of a body, as the receiver works it out to compare."""
    return hmac.new(secret, f"{stamp}.".encode() + body, hashlib.sha256).hexdigest()


def make(settings: Settings) -> Webhook:
    """See the catalogue."""
    return Webhook(settings)
