"""What an alert rests on, as words and numbers."""

from __future__ import annotations

from dataclasses import dataclass

from dashboard.language import Speech
from dashboard.words import EVIDENCE, SAID
from domain.clock import SECOND, from_iso
from domain.findings import Evidence

_INSTANTS = frozenset({"since", "last_exit", "last_heard", "last_vouched", "began"})
_WORDS = frozenset({"fault", "clock"})
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
    if isinstance(value, list):
        return ", ".join(str(part) for part in value)
    if isinstance(value, str):
        return speech.moment(from_iso(value)) if key in _INSTANTS else _word(key, value, speech)
    return _number(key, value, speech) if isinstance(value, int | float) else str(value)


def _word(key: str, value: str, speech: Speech) -> str:
    return speech.gettext(SAID.get(value, value)) if key in _WORDS else value


def _number(key: str, value: float, speech: Speech) -> str:
    if key.endswith("_s"):
        span = speech.span(abs(int(value)) * SECOND)
        return span if value >= 0 else speech.gettext("%(span)s ahead") % {"span": span}
    if key.endswith("_percent"):
        return f"{value:.0f} %"
    return f"{value:.1f} °C" if key.endswith("_c") else str(value)
