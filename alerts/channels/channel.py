"""What every channel is: something that takes one message to one address, and says how that went.

A channel is synchronous and keeps nothing between two sends but a connection. It runs on threads of its own, so it may wait,
but no longer than ``timeout`` seconds in all. Errors never carry a secret or an address.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Protocol

from domain.findings import Level


@dataclass(frozen=True, slots=True)
class Choice:
    """One answer that a message offers: what its button says, and what comes back when it is pressed."""

    label: str
    data: str


@dataclass(frozen=True, slots=True)
class Message:
    """One message to one person, in that person's language. Holds no personal data of a resident unless staff allowed it."""

    key: str
    """UUID, the same at every attempt: where the provider honours such an id, a repetition reaches nobody twice."""
    language: str
    subject: str
    """One line."""
    body: str
    """Plain text, the link left out."""
    link: str
    """Where to act on it; empty for none."""
    level: Level | None = None
    """None for what is no alert: a test, a digest."""
    resent: bool = False
    """An earlier attempt may have arrived: channels that cannot tell a repetition say so in the text."""
    tag: str = ""
    """Messages about the same matter share it; where a channel can replace or thread, it goes by this."""
    choices: tuple[Choice, ...] = ()
    """The answers that a question offers, for a channel that can bring one back; the link leads to the same."""


@dataclass(frozen=True, slots=True)
class Receipt:
    """The provider has taken the message over. ``detail`` is its own name for it, where it gives one."""

    detail: str = ""


class ChannelError(Exception):
    """The message was not taken; ``str`` is one sentence for the delivery record."""


class TransientError(ChannelError):
    """Try again: not connected, refused for now. ``retry_after`` is the provider's wish in seconds, None where it has none."""

    def __init__(self, sentence: str, retry_after: float | None = None) -> None:
        super().__init__(sentence)
        self.retry_after = retry_after


class UnknownError(TransientError):
    """The answer never came: the message may have arrived. Try again, marked as sent before."""


class PermanentError(ChannelError):
    """Never try this message through this channel again. ``address_gone``: nor any other to this address."""

    def __init__(self, sentence: str, *, address_gone: bool = False) -> None:
        super().__init__(sentence)
        self.address_gone = address_gone


class OverQuotaError(ChannelError):
    """The provider takes no more for now: go to the next channel at once. ``until`` in seconds, None if unknown."""

    def __init__(self, sentence: str, until: float | None = None) -> None:
        super().__init__(sentence)
        self.until = until


class Channel(Protocol):
    """One configured way to reach people.

    Of somebody's addresses, the first that takes a message gets it. A channel whose ``every_address`` is True gives it to all
    of them: nobody knows at which of their devices somebody is.
    """

    honours_key: ClassVar[bool]
    """True when the provider drops a repetition of the same key."""
    workers: int
    """How many messages may be on their way at once."""

    def check_address(self, address: str) -> str:
        """The address as it is to be stored; raises ValueError, in one sentence, for one that cannot be."""
        ...

    def send(self, address: str, message: Message) -> Receipt:
        """Give one message to the provider; raises a ChannelError."""
        ...

    def close(self) -> None:
        """Give back what is held open; the channel is not used again."""
        ...
