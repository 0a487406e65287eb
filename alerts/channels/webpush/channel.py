"""webpush: to a browser or an installed page that its owner has allowed to show notifications (RFC 8030, 8291, 8292).

The address is the browser's subscription, as JSON. What is said is encrypted for that browser; the push service between sees
its size alone.
"""

from __future__ import annotations

import json
from typing import Any, ClassVar, Literal
from urllib.parse import urlsplit

import requests
from pywebpush import WebPushException, webpush
from urllib3.exceptions import NewConnectionError

from alerts.channels.channel import Message, Receipt, TransientError, UnknownError
from alerts.channels.http import failure
from alerts.channels.settings import ChannelSettings, SecretFile
from domain.findings import Level

_KEEPS = 4 * 3600
"""Seconds for which the push service keeps what a sleeping telephone has not fetched."""
_TOPIC = 32


class Settings(ChannelSettings):
    """What an operator sets."""

    kind: Literal["webpush"] = "webpush"
    key_file: SecretFile
    """The private VAPID key (PEM); ``kehai channels key`` makes one."""
    contact: str
    """mailto: or https: address at which the push service's operator can ask who we are."""


class WebPush:
    """Encrypts and hands over; a repetition of the same matter takes the place of the one before (topic, tag)."""

    honours_key: ClassVar[bool] = False

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self.workers = settings.workers

    def check_address(self, address: str) -> str:
        """See Channel.check_address."""
        try:
            said = json.loads(address)
            endpoint, keys = urlsplit(said["endpoint"]), said["keys"]
            good = endpoint.scheme == "https" or endpoint.hostname in ("127.0.0.1", "localhost")
            if not good or not isinstance(keys["p256dh"], str) or not isinstance(keys["auth"], str):
                raise KeyError
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise ValueError(
                "That is no push subscription: paste what the browser's PushManager gave, as JSON."
            ) from error
        kept = {"endpoint": said["endpoint"], "keys": {"p256dh": keys["p256dh"], "auth": keys["auth"]}}
        return json.dumps(kept, separators=(",", ":"))

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
                timeout=self._settings.timeout_seconds,
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
            told = {name.lower(): value for name, value in response.headers.items()}
            raise failure(response.status_code, told) from error
        except requests.ConnectionError as error:
            if isinstance(getattr(error.args[0], "reason", None) if error.args else None, NewConnectionError):
                raise TransientError("The push service cannot be reached.") from error
            raise UnknownError("The push service broke the connection off.") from error
        except requests.RequestException as error:
            raise UnknownError("The push service never answered in time.") from error
        except (ValueError, OSError) as error:
            raise TransientError("The VAPID key cannot be read: make one with 'kehai channels key'.") from error
        return Receipt(str(getattr(answer, "headers", {}).get("location", ""))[-60:])

    def close(self) -> None:
        """See Channel.close."""


def make(settings: Settings) -> WebPush:
    """See the catalogue."""
    return WebPush(settings)
