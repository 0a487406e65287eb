"""What detectors say about a home."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from domain.clock import Instant
from domain.ids import DeviceId, HomeId

Evidence = dict[str, str | int | float | bool | list[object] | dict[str, object] | None]
"""Numbers and words that a finding rests on; JSON types only, instants as ISO 8601 with offset."""


class Level(StrEnum):
    """How loud a finding is."""

    DIGEST = "digest"
    """Read it in the summary."""
    PROMPT = "prompt"
    """Ask the resident first."""
    PAGE = "page"
    """Wake a human now."""

    @property
    def rank(self) -> int:
        """0 digest, 1 prompt, 2 page."""
        return list(Level).index(self)


class Subject(StrEnum):
    """Whom or what a finding is about."""

    PERSON = "person"
    DEVICE = "device"
    SYSTEM = "system"


class Unknown(StrEnum):
    """Why a detector cannot say: a value of its own, never 'normal'."""

    BLIND = "blind"
    """Part of the time that the rule rests on was not vouched for."""
    WARMING_UP = "warming_up"
    LOW_BATTERY = "low_battery"


class EndReason(StrEnum):
    """Why a finding is over."""

    ACTIVITY = "activity"
    """The resident was seen, or the device or gateway spoke, after the finding was raised."""
    LATE_ACTIVITY = "late_activity"
    """A reading from before the finding arrived after it: the finding should not have been raised."""
    WENT_OUT = "went_out"
    REPLACED = "replaced"
    """The same matter rose to a higher level; the new finding goes on."""
    REACHED = "reached"
    """Somebody had word of the resident: what was found says nothing of now. The alert is closed by whoever has it."""
    CONFIGURATION = "configuration"
    """The device, the gateway or the rule was taken away."""


@dataclass(frozen=True, slots=True)
class Finding:
    """A detector's statement, dated by the deadline that passed and not by the moment somebody noticed."""

    home: HomeId
    kind: str
    """The detector's name in the catalogue."""
    detector: str
    """Versioned, as ``inactivity/1``; put on by the home's Voice, whatever the detector wrote."""
    cause: str
    """What makes two findings the same matter: the kind, or ``kind:device``."""
    subject: Subject
    level: Level
    onset: Instant
    """When the matter began: for a silence, the last sign of life."""
    raised_at: Instant
    """The deadline that passed."""
    room: str | None = None
    device: DeviceId | None = None
    unknown: Unknown | None = None
    """Set when the statement is 'I cannot say'; such a finding never opens an alert about a person."""
    evidence: Evidence = field(default_factory=dict)
    text_ja: str = ""
    text_en: str = ""
    rules: str = ""
    """The rule sets that were in force, as ``installation/2 home/1``; empty for the defaults."""

    @property
    def id(self) -> str:
        """The same matter at the same level has the same id in every run over the same facts."""
        tail = ":unknown" if self.unknown else ""
        return f"{self.home}/{self.cause}/{self.onset}/{self.level}{tail}"


def level_of(finding: str) -> Level:
    """The level that a detector gave the finding of this id; its alert's may be another by now."""
    return Level(finding.rpartition("/")[2].partition(":")[0])


@dataclass(frozen=True, slots=True)
class Ended:
    """A finding is over."""

    home: HomeId
    cause: str
    finding: str
    """The Finding's id."""
    ended_at: Instant
    """Event time: when the resident moved, the device spoke."""
    reason: EndReason


FindingEvent = Finding | Ended
