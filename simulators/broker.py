"""The address of a broker, as it is written on the command line."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlsplit

from domain.errors import ConfigurationError


@dataclass(frozen=True, slots=True)
class BrokerUrl:
    """``mqtt://[user:password@]host[:port]``, read."""

    host: str
    port: int
    username: str | None = None
    password: str | None = None


def parse_url(text: str) -> BrokerUrl:
    """Read the address of a broker; raises ConfigurationError."""
    try:
        parts = urlsplit(text)
        port = parts.port or 1883
    except ValueError as error:
        raise ConfigurationError(f"{text} is no address of a broker: write it as mqtt://host:port.") from error
    if parts.scheme != "mqtt" or not parts.hostname:
        raise ConfigurationError(f"{text} is no address of a broker: write it as mqtt://host:port.")
    return BrokerUrl(parts.hostname, port, parts.username, parts.password)
