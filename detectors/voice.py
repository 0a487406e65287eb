"""The one way out for what detectors say: versions are put on it here, and what is switched off is withheld.

A kind that is switched off goes on seeing and learning; only its findings stay inside. So nothing has to be learnt anew when
it is switched on again, and what then still stands is said.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import msgspec

from detectors.context import Detector
from domain.clock import Instant
from domain.findings import Ended, EndReason, Finding, FindingEvent, Level
from domain.ids import HomeId


class Voice:
    """What one home's detectors have said and what they are not to say."""

    __slots__ = ("_off", "_standing", "_withheld", "rules")

    def __init__(self, rules: str = "", off: Iterable[str] = ()) -> None:
        self.rules = rules
        """The rule sets that the detectors run on, as they stand on each finding."""
        self._off = frozenset(off)
        self._standing: dict[str, tuple[str, str]] = {}
        """Cause -> (detector, finding id) of the last that was said and is not over; digests left out."""
        self._withheld: dict[str, Finding] = {}

    def say(self, detector: Detector, events: Sequence[FindingEvent]) -> Sequence[FindingEvent]:
        """What of ``events``, which ``detector`` gave, is to be heard; each finding with its versions."""
        if not events:
            return events
        said: list[FindingEvent] = []
        for event in events:
            if isinstance(event, Ended):
                if self._standing.get(event.cause, ("", ""))[1] == event.finding:
                    del self._standing[event.cause]
                if self._withheld.pop(event.finding, None) is None:
                    said.append(event)
                continue
            stamped = replace(event, detector=f"{detector.name}/{detector.version}", rules=self.rules)
            if detector.name in self._off:
                self._withheld[stamped.id] = stamped
            else:
                self._note(detector.name, stamped)
                said.append(stamped)
        return said

    def _note(self, detector: str, finding: Finding) -> None:
        if finding.level is not Level.DIGEST:
            self._standing[finding.cause] = (detector, finding.id)

    def switch(self, home: HomeId, off: Iterable[str], at: Instant) -> list[FindingEvent]:
        """Withhold what the detectors named in ``off`` say, and no other's; what stands of them is over as of ``at``."""
        before, self._off = self._off, frozenset(off)
        said: list[FindingEvent] = []
        for cause, (detector, standing) in sorted(self._standing.items()):
            if detector in self._off - before:
                said.append(Ended(home, cause, standing, at, EndReason.CONFIGURATION))
                del self._standing[cause]
        for finding in list(self._withheld.values()):
            detector = finding.detector.partition("/")[0]
            if detector not in self._off:
                del self._withheld[finding.id]
                again = replace(finding, rules=self.rules)
                self._note(detector, again)
                said.append(again)
        return said

    def snapshot(self) -> list[Any]:
        """JSON-ready state."""
        withheld = [msgspec.to_builtins(finding) for finding in self._withheld.values()]
        return [{cause: list(said) for cause, said in self._standing.items()}, withheld]

    def restore(self, state: Sequence[Any]) -> None:
        """Become what ``snapshot`` described."""
        standing: Mapping[str, Sequence[str]] = state[0]
        self._standing = {cause: (detector, finding) for cause, (detector, finding) in standing.items()}
        kept = [msgspec.convert(finding, Finding) for finding in state[1]]
        self._withheld = {finding.id: finding for finding in kept}
