"""Identifiers: opaque, printable, safe in a topic, a URL and a file name."""

from __future__ import annotations

import re
from typing import NewType

HomeId = NewType("HomeId", str)
"""A dwelling; never a name or an address."""
INSTALLATION = HomeId("~installation")
"""What findings about no single home have in the place of one; no home can have this id."""

GatewayId = NewType("GatewayId", str)
"""The Raspberry Pi in a home; also its MQTT user name and client id."""

WATCHDOG = "~watchdog"
"""The watchdog: its home, its gateway, its channel and their one receiver. No home, gateway or login can have this id; what it
says stands in the journal and goes to nobody but itself."""

DeviceId = NewType("DeviceId", str)
"""A sensor, unique within its home."""

_SHAPE = re.compile(r"[A-Za-z0-9][A-Za-z0-9_:~-]{0,63}\Z")


class BadIdError(ValueError):
    """An identifier that cannot travel in a topic, a URL or a file name."""


def check_id(text: str, what: str) -> str:
    """Return ``text`` if it is a valid identifier of ``what`` (a word for the message), else raise BadIdError.

    One to 64 characters out of ``A-Z a-z 0-9 _ : ~ -``, the first a letter or a digit. ``.``, ``/``, ``+`` and ``#`` are
    out because they carry meaning in MQTT topics of one broker or another.
    """
    if not _SHAPE.match(text):
        raise BadIdError(f"{text!r} is not a valid {what} id: use 1 to 64 letters, digits, '-', '_', ':' or '~'.")
    return text


def make_id(text: str) -> str:
    """Turn any non-empty label into a valid identifier: every foreign character becomes ``-``; the result is stable."""
    cleaned = re.sub(r"[^A-Za-z0-9_:~-]+", "-", text).strip("-_:~")[:64]
    return cleaned or "x" + format(sum(ord(c) * 31**i for i, c in enumerate(text[:8])) % 0xFFFFFFFF, "08x")
