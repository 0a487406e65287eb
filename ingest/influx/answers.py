"""What a store's answer says about the points that were sent."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC
from email.utils import parsedate_to_datetime
from enum import Enum
from typing import Protocol

from domain.clock import SECOND, Instant, from_datetime

MOST_WORDS = 400
"""Characters of a store's own words that are kept."""


class Verdict(Enum):
    """What an answer says about the points that were sent."""

    STORED = "stored"
    REFUSED = "refused"
    """At least one of them will never be taken; others may have been stored."""
    BUSY = "busy"
    """None was taken; later."""
    DENIED = "denied"
    """None was taken, whatever they are: credentials, name or address are wrong."""
    UNKNOWN = "unknown"
    """They may or may not have been stored."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a store said to one write."""

    verdict: Verdict
    status: int = 0
    """Of HTTP; 0 when there was no answer that could be read."""
    words: str = ""
    """The store's own, on one line, cut to a few hundred characters."""
    retry_after: float | None = None
    """Seconds that it asks us to wait."""


class Store(Protocol):
    """Takes lines."""

    def write(self, lines: bytes) -> Answer:
        """Send lines of the line protocol, timestamps in nanoseconds; returns within a few times the time-out."""
        ...


def judge(status: int, headers: Mapping[str, str], body: bytes, now: Instant) -> Answer:
    """What an answer means; ``headers`` by lower-case name, ``now`` an instant for a Retry-After that is a date."""
    words = _words(body) or headers.get("x-influxdb-error", "")[:MOST_WORDS]
    wait = _retry_after(headers.get("retry-after"), now)
    if status == 204:
        return Answer(Verdict.STORED, status)
    if status in {400, 413, 422}:
        # A page for people comes from something else than a store; only about the size may a proxy speak for it.
        page = "html" in headers.get("content-type", "") and status != 413
        return Answer(Verdict.DENIED if page else Verdict.REFUSED, status, words)
    if status in {429, 503}:
        return Answer(Verdict.BUSY, status, words, wait)
    if status in {401, 403, 404, 405, 407} or 300 <= status < 400:
        return Answer(Verdict.DENIED, status, words, wait)
    return Answer(Verdict.UNKNOWN, status, words, wait)


def _words(body: bytes) -> str:
    text = body.decode(errors="replace")
    try:
        said = json.loads(text)
    except ValueError:
        said = None
    if isinstance(said, dict):
        text = str(said.get("message") or said.get("error") or text)
    return " ".join(text.split())[:MOST_WORDS]


def _retry_after(value: str | None, now: Instant) -> float | None:
    """Seconds from a Retry-After header: a number or an HTTP date; None for what is neither or lies behind us."""
    if value is None:
        return None
    try:
        seconds = float(value)
    except ValueError:
        try:
            date = parsedate_to_datetime(value)
        except ValueError:
            return None
        seconds = (from_datetime(date if date.tzinfo else date.replace(tzinfo=UTC)) - now) / SECOND
    return seconds if math.isfinite(seconds) and seconds > 0 else None
