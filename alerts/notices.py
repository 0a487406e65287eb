"""What the ladder asks of the outbox: to tell one person one thing."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from domain.clock import Instant


class Purpose(StrEnum):
    """What a notification is for."""

    ALERT = "alert"
    """Somebody is needed."""
    ASK = "ask"
    """The resident is asked whether all is well."""
    OVER = "over"
    """To those who were called: it is taken, or over; nobody need go."""
    DIGEST = "digest"
    TEST = "test"
    WATCHDOG = "watchdog"


@dataclass(frozen=True, slots=True)
class Notice:
    """Tell ``recipient`` through the first of ``channels``, and through the next when that one fails or is slow.

    Two notices with the same alert, purpose, climb, lap, rung, first channel and recipient are one: the second is not sent.
    """

    alert: int | None
    purpose: Purpose
    recipient: str
    """Staff login, or ``home:ID`` for a resident."""
    channels: tuple[str, ...]
    """Names of channels in the settings, the first first; never empty."""
    due_at: Instant
    climb: Instant = 0
    lap: int = 0
    rung: int = 0
