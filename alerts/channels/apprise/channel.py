"""apprise: any of the services that the library Apprise knows: chat rooms, SMS providers, pagers.

Apprise says only whether it went well, so every failure is one of which nobody knows whether the message arrived.
"""

from __future__ import annotations

import logging
from typing import ClassVar, Literal

from apprise import Apprise, AppriseAsset, NotifyFormat, NotifyType

from alerts.channels.channel import Message, Receipt, TransientError, UnknownError
from alerts.channels.settings import ChannelSettings
from domain.findings import Level

logging.getLogger("apprise").setLevel(logging.CRITICAL)  # it would log addresses and what they hold


class Settings(ChannelSettings):
    """What an operator sets."""

    kind: Literal["apprise"] = "apprise"
    schemas: tuple[str, ...] = ()
    """The beginnings of addresses that staff may enter (``slack``, ``ntfys``); empty: all, but for files and commands."""


_ASSET = AppriseAsset(async_mode=False, service_timeout=0)
"""Each message goes out on the thread that sends it. Else Apprise hands it to the few threads that it has for everybody, where
it waits behind those that hang, and leaves when nobody wants it to any more."""
_NEVER = frozenset({"file", "exec", "script", "dbus", "gnome", "windows", "macosx", "syslog", "syslogs"})


class AppriseChannel:
    """One address is one Apprise URL."""

    honours_key: ClassVar[bool] = False

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self.workers = settings.workers

    def check_address(self, address: str) -> str:
        """See Channel.check_address."""
        schema = address.strip().partition("://")[0].lower()
        allowed = not self._settings.schemas or schema in self._settings.schemas
        if schema in _NEVER or not allowed or Apprise.instantiate(address.strip(), suppress_exceptions=True) is None:
            raise ValueError(
                "That is no address that may be used here: see Apprise's list, as ntfys://example.org/topic."
            )
        return address.strip()

    def send(self, address: str, message: Message) -> Receipt:
        """See Channel.send."""
        seconds = self._settings.timeout_seconds / 2
        joint = "&" if "?" in address else "?"
        url = f"{address}{joint}cto={seconds}&rto={seconds}"
        service = Apprise.instantiate(url, asset=_ASSET, suppress_exceptions=True)
        if service is None:
            raise TransientError("Apprise does not understand this address any more.")
        caller = Apprise(asset=_ASSET)
        caller.add(service)
        body = message.body + (f"\n{message.link}" if message.link else "")
        kind = NotifyType.FAILURE if message.level is Level.PAGE else NotifyType.INFO
        if not caller.notify(body, title=message.subject, notify_type=kind, body_format=NotifyFormat.TEXT):
            raise UnknownError("The service did not take the message; Apprise does not say why.")
        return Receipt()

    def close(self) -> None:
        """See Channel.close."""


def make(settings: Settings) -> AppriseChannel:
    """See the catalogue."""
    return AppriseChannel(settings)
