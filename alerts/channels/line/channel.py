"""line: the LINE Messaging API of the operator's own official account.

Messages are counted per receiver and month; over the quota LINE sends nothing, and the receiver's next channel is tried at
once. ``X-Line-Retry-Key`` is the message's id: LINE accepts each id once, and answers 409 to a repetition.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import re
from typing import Any, ClassVar, Literal

from alerts.channels.channel import Message, OverQuotaError, PermanentError, Receipt, TransientError
from alerts.channels.http import Http, failure
from alerts.channels.settings import ChannelSettings, SecretFile

_USER = re.compile(r"U[0-9a-f]{32}")
_LONGEST = 5000
_LONGEST_BESIDE_BUTTONS, _LONGEST_WITHOUT_BUTTONS = 160, 400
_UNTIL_NEXT_LOOK = 600.0


class Settings(ChannelSettings):
    """What an operator sets."""

    kind: Literal["line"] = "line"
    token_file: SecretFile
    """The channel access token."""
    secret_file: SecretFile | None = None
    """The channel secret, by which an event that LINE brings is known; without it none is taken, and no button offered."""
    url: str = "https://api.line.me"


class Line:
    """Pushes one text message with its link beneath it."""

    honours_key: ClassVar[bool] = True

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self.workers = settings.workers
        self._http = Http(settings.timeout_seconds, settings.ca_file, settings.workers)

    def check_address(self, address: str) -> str:
        """See Channel.check_address."""
        if not _USER.fullmatch(address.strip()):
            raise ValueError("That is no LINE user id: it is a U followed by 32 hexadecimal digits.")
        return address.strip()

    def send(self, address: str, message: Message) -> Receipt:
        """See Channel.send."""
        said = _buttons(message) if message.choices and self._settings.secret_file else _text(message)
        body = json.dumps({"to": address, "messages": [said]}, ensure_ascii=False).encode()
        answer = self._http.ask(
            "POST", f"{self._settings.url}/v2/bot/message/push", body,
            {**self._authority(), "Content-Type": "application/json", "X-Line-Retry-Key": message.key},
        )  # fmt: skip
        accepted = answer.header("x-line-accepted-request-id") or answer.header("x-line-request-id")
        if answer.status == 409:
            return Receipt(f"accepted before as {accepted}"[:200])
        if answer.status == 429:
            raise OverQuotaError("LINE takes no more messages for now, or for this month.", self._pause())
        if answer.status == 401:
            raise TransientError("LINE does not know the token: put a valid one into its file.")
        if answer.status == 400:
            raise PermanentError("LINE refuses the message, or knows no such user.")
        if not 200 <= answer.status < 300:
            raise failure(answer.status, answer.headers)
        return Receipt(accepted[:200])

    def quota(self) -> tuple[int | None, int]:
        """(messages that may be sent this month, None for no limit; messages sent so far); raises a ChannelError."""
        limit, used = self._figure("quota"), self._figure("quota/consumption")
        most = limit.get("value") if limit.get("type") == "limited" else None
        return (int(most) if isinstance(most, int) else None, int(used.get("totalUsage", 0)))

    @property
    def takes_events(self) -> bool:
        """Whether LINE may bring events: there is a secret by which to know them."""
        return self._settings.secret_file is not None

    def is_from_line(self, body: bytes, signature: str) -> bool:
        """True for a body that was signed with the channel secret; raises TransientError while its file cannot be read."""
        secret = self._settings.secret(self._settings.secret_file)
        expected = base64.b64encode(hmac.new(secret.encode(), body, hashlib.sha256).digest())
        return bool(secret) and hmac.compare_digest(expected, signature.encode())

    def close(self) -> None:
        """See Channel.close."""
        self._http.close()

    def _figure(self, what: str) -> dict[str, Any]:
        answer = self._http.request("GET", f"{self._settings.url}/v2/bot/message/{what}", None, self._authority())
        try:
            said = json.loads(answer.body)
        except ValueError as error:
            raise TransientError("LINE's answer about the quota is none.") from error
        if not isinstance(said, dict):
            raise TransientError("LINE's answer about the quota is none.")
        return said

    def _pause(self) -> float | None:
        """Until when nothing is tried: a month's quota does not come back in a second, a busy server does."""
        try:
            most, used = self.quota()
        except (TransientError, PermanentError, OverQuotaError):
            return None
        return _UNTIL_NEXT_LOOK if most is not None and used >= most else None

    def _authority(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self._settings.secret(self._settings.token_file)}"}


def _text(message: Message) -> dict[str, Any]:
    text = message.body if message.body.startswith(message.subject) else f"{message.subject}\n{message.body}"
    if not message.link:
        return {"type": "text", "text": text[:_LONGEST]}
    return {"type": "text", "text": f"{text[: _LONGEST - len(message.link) - 1]}\n{message.link}"}


def _buttons(message: Message) -> dict[str, Any]:
    """A question with its answers as buttons, which stay; where LINE shows none, the words with the link."""
    plain = _text(message)["text"]
    actions = [
        {"type": "postback", "label": choice.label[:20], "data": choice.data[:300], "displayText": choice.label}
        for choice in message.choices
    ]
    shown = f"{message.subject}\n{message.body}"[:_LONGEST_BESIDE_BUTTONS]
    alternative = plain if len(plain) <= _LONGEST_WITHOUT_BUTTONS else f"{message.subject}\n{message.link}"
    return {
        "type": "template", "altText": alternative[:_LONGEST_WITHOUT_BUTTONS],
        "template": {"type": "buttons", "text": shown, "actions": actions},
    }  # fmt: skip


def make(settings: Settings) -> Line:
    """See the catalogue."""
    return Line(settings)
