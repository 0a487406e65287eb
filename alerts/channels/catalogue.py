"""Every kind of channel: name -> its settings and what makes it. A new one is a folder and a line here."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from pydantic import ValidationError

from alerts.channels.apprise import channel as apprise
from alerts.channels.channel import Channel
from alerts.channels.line import channel as line
from alerts.channels.settings import ChannelSettings
from alerts.channels.smtp import channel as smtp
from alerts.channels.webhook import channel as webhook
from alerts.channels.webpush import channel as webpush
from domain.errors import ConfigurationError

CHANNELS: Mapping[str, tuple[type[ChannelSettings], Callable[[Any], Channel]]] = {
    "smtp": (smtp.Settings, smtp.make),
    "line": (line.Settings, line.make),
    "webpush": (webpush.Settings, webpush.make),
    "webhook": (webhook.Settings, webhook.make),
    "apprise": (apprise.Settings, apprise.make),
}


def build(sections: Mapping[str, Mapping[str, Any]]) -> dict[str, Channel]:
    """Name -> channel, of the settings' ``[channels.NAME]``; raises ConfigurationError that names section and key."""
    return {name: _build(name, section) for name, section in sections.items()}


def kind_of(channel: Channel) -> str:
    """The word for a channel's kind; empty for one that is none of the catalogue's."""
    kinds = (kind for kind, (_, make) in CHANNELS.items() if make.__module__ == type(channel).__module__)
    return next(kinds, "")


def _build(name: str, section: Mapping[str, Any]) -> Channel:
    kind = section.get("kind")
    if kind not in CHANNELS:
        known = ", ".join(CHANNELS)
        raise ConfigurationError(f"channels.{name}.kind is {kind!r}: there is {known}.")
    settings, make = CHANNELS[str(kind)]
    try:
        return make(settings(**section))
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(str(part) for part in first["loc"])
        raise ConfigurationError(f"channels.{name}.{key}: {first['msg']}.") from error
