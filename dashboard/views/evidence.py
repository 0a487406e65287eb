"""What an alert rests on, as words and numbers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from dashboard.language import Speech
from dashboard.words import DEVICE, DRIFT, EVIDENCE, EVIDENCE_OF, EVIDENCE_WORDS
from domain.clock import MINUTE, SECOND, from_iso
from domain.findings import Evidence

_INSTANTS = frozenset(
    {"since", "last_exit", "last_heard", "last_vouched", "began", "not_before", "week_from", "expected"}
)  # fmt: skip
_HIDDEN_WHEN_ZERO = frozenset({"blind_s", "longest_s"})
TOLD_ALREADY = frozenset({"changed"})
"""Words, in one language, of what another key holds as numbers."""
_SLOT_MINUTES = 5
"""Daily life is counted in slots of so many minutes."""
_OF_SLOTS = frozenset({"morning", "afternoon", "evening", "night", "out"})
_AT_SLOTS = frozenset({"rise", "bed"})


@dataclass(frozen=True, slots=True)
class Fact:
    """One line of the evidence."""

    label: str
    value: str


def facts(evidence: Evidence, speech: Speech, kind: str = "") -> list[Fact]:
    """All of the evidence of a finding of ``kind``, in a fixed order; what is empty is left out.

    A key that has no words yet comes last, under its own name: what a finding rests on is never hidden.
    """
    found, own = [], EVIDENCE_OF.get(kind, {})
    for key in (*EVIDENCE, *sorted(set(evidence) - set(EVIDENCE) - TOLD_ALREADY)):
        value = evidence.get(key)
        if value is None or value in ([], {}, "") or (key in _HIDDEN_WHEN_ZERO and not value):
            continue
        found.append(Fact(speech.gettext(own.get(key) or EVIDENCE.get(key, key)), _say(key, value, speech)))
    return found


def _say(key: str, value: object, speech: Speech) -> str:
    if isinstance(value, bool):
        return speech.gettext("yes") if value else speech.gettext("no")
    if isinstance(value, int | float):
        return _number(key, value, speech)
    if isinstance(value, list):
        return ", ".join(_change(part, speech) if isinstance(part, dict) else str(part) for part in value)
    word = str(value)
    if key in _INSTANTS:
        return speech.moment(from_iso(word))
    called = {quantity.value: said for quantity, said in DEVICE.items()} if key == "device_kind" else {}
    named = (EVIDENCE_WORDS.get(key) or called).get(word)
    return word if named is None else speech.gettext(named)


def _number(key: str, value: float, speech: Speech) -> str:
    """A number with its unit, which follows from its key."""
    if key.endswith("_s"):
        span = speech.span(abs(int(value)) * SECOND)
        return span if value >= 0 else speech.gettext("%(span)s ahead") % {"span": span}
    for ending, form in _FORMS.items():
        if key.endswith(ending):
            return form(value)
    unit = _UNITS.get(key) or next((unit for ending, unit in _UNIT_ENDINGS.items() if key.endswith(ending)), None)
    return _counted(unit, value, speech) if unit else f"{value:g}"


_FORMS: Mapping[str, Callable[[float], str]] = {
    "_percent": "{:.0f} %".format, "_c": "{:.1f} °C".format, "scale": "× {:.2f}".format, "factor": "× {:.2f}".format,
    "survival": lambda value: f"{100 * value:.2g} %",
}  # fmt: skip
_UNIT_ENDINGS = {
    "_days": "days", "_hours": "hours", "_minutes": "minutes", "_changes": "times", "_changes_limit": "times",
    "_per_hour": "an hour",
}  # fmt: skip
_UNITS = {
    **dict.fromkeys(("comparable", "longer", "stays", "morning_signs", "room_changes", "stamps_ahead", "expected"), "times"),
    **dict.fromkeys(("nights", "nights_before"), "nights"),
    **dict.fromkeys(("mornings", "mornings_before"), "mornings"),
    **dict.fromkeys(("days_seen", "days_compared"), "days"),
    **dict.fromkeys(("devices", "devices_alive"), "devices"),
    **dict.fromkeys(("silent_homes", "of_homes"), "homes"),
}  # fmt: skip


def _counted(unit: str, value: float, speech: Speech) -> str:
    """So many of a unit."""
    n, ngettext, gettext = int(value), speech.ngettext, speech.gettext
    said = {
        "times": ngettext("%(num)s time", "%(num)s times", n),
        "days": ngettext("%(num)s day", "%(num)s days", n),
        "nights": ngettext("%(num)s night", "%(num)s nights", n),
        "mornings": ngettext("%(num)s morning", "%(num)s mornings", n),
        "hours": ngettext("%(num)s hour", "%(num)s hours", n),
        "minutes": ngettext("%(num)s minute", "%(num)s minutes", n),
        "devices": ngettext("%(num)s sensor", "%(num)s sensors", n),
        "homes": ngettext("%(num)s home", "%(num)s homes", n),
        "an hour": gettext("%(num)s an hour"),
    }[unit]
    return said % {"num": f"{value:g}"}


def _change(change: Mapping[str, Any], speech: Speech) -> str:
    """One figure of daily life that has changed."""
    what = str(change.get("what", ""))
    name = speech.gettext(DRIFT[what]) if what in DRIFT else what.partition(":")[2] or what
    week, usual = (_figure(what, change.get(key, 0.0), speech) for key in ("week", "usual"))
    return speech.gettext("%(what)s: %(week)s (usually %(usual)s)") % {"what": name, "week": week, "usual": usual}


def _figure(what: str, value: float, speech: Speech) -> str:
    if what in _OF_SLOTS:
        return speech.span(round(value * _SLOT_MINUTES) * MINUTE)
    if what in _AT_SLOTS:
        minute = round(value * _SLOT_MINUTES) % (24 * 60)
        return f"{minute // 60:02d}:{minute % 60:02d}"
    return f"{value / 10:.0f} %" if what.startswith("room:") else f"{value:g}"
