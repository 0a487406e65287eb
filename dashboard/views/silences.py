"""About what nobody is called: as the page of silences and the board show it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from alerts.policy import SYSTEM_AREA
from alerts.silences import Silence
from dashboard import words
from dashboard.language import Speech
from domain.alerts import Alert
from domain.clock import Instant
from domain.ids import INSTALLATION, HomeId
from registry.homes import Home


@dataclass(frozen=True, slots=True)
class Row:
    """One silence."""

    silence: Silence
    home: Home | None
    """The home that it is about, where it is about one that is enrolled."""
    what: str
    """The rest of what it is about, in words."""
    holds: bool
    covered: tuple[Alert, ...]
    """The alerts that stand open and about which nobody is called because of it."""


def in_sight(silences: Iterable[Silence], homes: Mapping[HomeId, Home]) -> list[Silence]:
    """Those that are about one of these homes, about an area of theirs, or about everything."""
    areas = {home.area for home in homes.values()}
    return [
        silence
        for silence in silences
        if (silence.home in homes if silence.home else not silence.area or silence.area in areas)
    ]


def rows(
    silences: Iterable[Silence], homes: Mapping[HomeId, Home], alerts: Iterable[Alert], now: Instant, speech: Speech
) -> list[Row]:
    """Each silence with what it covers now."""
    standing = list(alerts)
    return [
        Row(
            silence, homes.get(silence.home) if silence.home else None, what_of(silence, speech), silence.holds(now),
            tuple(alert for alert in standing if silence.holds(now) and silence.covers(alert, area_of(alert, homes))),
        )
        for silence in silences
    ]  # fmt: skip


def what_of(silence: Silence, speech: Speech) -> str:
    """Area and kind, in words; a home that is not enrolled by its number."""
    area = silence.area or ("" if silence.home else speech.gettext("All areas"))
    kind = speech.gettext(words.KIND.get(silence.cause, silence.cause)) if silence.cause else ""
    return " · ".join(part for part in (area, kind or speech.gettext("whatever it is about")) if part)


def area_of(alert: Alert, homes: Mapping[HomeId, Home]) -> str:
    """The area that an alert's home lies in; see ``alerts.people``."""
    if alert.home == INSTALLATION:
        return SYSTEM_AREA
    home = homes.get(alert.home)
    return home.area if home else ""


def silenced(silences: Iterable[Silence], alerts: Iterable[Alert], homes: Mapping[HomeId, Home]) -> dict[int, Silence]:
    """Alert -> the silence because of which nobody is called about it; ``silences`` hold, the longest first."""
    found: dict[int, Silence] = {}
    if holding := list(silences):
        for alert in alerts:
            first = next((silence for silence in holding if silence.covers(alert, area_of(alert, homes))), None)
            if first is not None:
                found[alert.id] = first
    return found
