"""What an alert rests on, as words and numbers."""

from __future__ import annotations

from dataclasses import dataclass

from dashboard.language import Speech
from dashboard.words import EVIDENCE
from domain.clock import SECOND, from_iso
from domain.findings import Evidence

_INSTANTS = frozenset({"since", "last_exit", "last_heard", "last_vouched", "began"})
_HIDDEN_WHEN_ZERO = frozenset({"blind_s", "longest_s"})


@dataclass(frozen=True, slots=True)
class Fact:
    """One line of the evidence."""

    label: str
    value: str


def facts(evidence: Evidence, speech: Speech) -> list[Fact]:
    """The evidence that a page shows, in a fixed order; what is empty is left out."""
    found = []
    for key, label in EVIDENCE.items():
        value = evidence.get(key)
        if value is None or value == [] or (key in _HIDDEN_WHEN_ZERO and not value):
            continue
        found.append(Fact(speech.gettext(label), _say(key, value, speech)))
    return found


def _say(key: str, value: object, speech: Speech) -> str:
    if key in _INSTANTS and isinstance(value, str):
        return speech.moment(from_iso(value))
    if key.endswith("_s") and isinstance(value, int | float):
        return speech.span(int(value) * SECOND)
    if key.endswith("_percent"):
        return f"{value:.0f} %" if isinstance(value, int | float) else str(value)
    if key.endswith("_c"):
        return f"{value:.1f} °C" if isinstance(value, int | float) else str(value)
    if isinstance(value, list):
        return ", ".join(str(part) for part in value)
    return str(value)
