"""Two sets of rules over the same facts: what each found, how often that is, and where they differ."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from alerts.ledger import MONTH, Ledger
from domain.alerts import Alert, Outcome
from domain.clock import Instant, Span
from domain.findings import Finding, Level, Subject

TRUE = frozenset({Outcome.EMERGENCY, Outcome.DEATH, Outcome.HOSPITAL, Outcome.SUPPORT})
"""Outcomes of pages that were right."""
Matter = tuple[str, str, Instant]
"""(home, cause, onset): the same matter under both rules, whenever each of them noticed it."""


@dataclass(frozen=True, slots=True)
class Pair:
    """One matter, as each side said it at its loudest; None for a side that said nothing."""

    live: Finding | None
    other: Finding | None

    @property
    def finding(self) -> Finding:
        """What either said, the other side first."""
        found = self.other or self.live
        assert found is not None  # noqa: S101 (a pair is made for a finding)
        return found

    @property
    def earlier(self) -> Span | None:
        """How much earlier the other side said it; None where one of them said nothing or another level."""
        if self.live is None or self.other is None or self.live.level is not self.other.level:
            return None
        return self.live.raised_at - self.other.raised_at


def paired(live: Iterable[Finding], other: Iterable[Finding]) -> list[Pair]:
    """Every prompt and page of either side, by the first deadline of the two."""
    sides = (_loudest(live), _loudest(other))
    pairs = [Pair(sides[0].get(matter), sides[1].get(matter)) for matter in sides[0].keys() | sides[1].keys()]
    return sorted(pairs, key=lambda pair: (_first(pair), pair.finding.home, pair.finding.cause))


def _first(pair: Pair) -> Instant:
    return min(finding.raised_at for finding in (pair.live, pair.other) if finding is not None)


def _loudest(findings: Iterable[Finding]) -> dict[Matter, Finding]:
    found: dict[Matter, Finding] = {}
    for finding in findings:
        if finding.level is Level.DIGEST or finding.unknown is not None:
            continue
        matter = (finding.home, finding.cause, finding.onset)
        before = found.get(matter)
        if before is None or finding.level.rank > before.level.rank:
            found[matter] = finding
    return found


def outcomes(alerts: Iterable[Alert]) -> Callable[[Finding], Outcome | None]:
    """What is known of a finding's matter from the alerts that were made of it: what somebody found, else None."""
    known = {(a.home, a.cause, a.onset): a.outcome for a in alerts if a.outcome not in (None, Outcome.RESUMED)}

    def of(finding: Finding) -> Outcome | None:
        return known.get((finding.home, finding.cause, finding.onset))

    return of


def pages(
    findings: Iterable[Finding], span: Span, outcome: Callable[[Finding], Outcome | None] = lambda _finding: None
) -> Ledger:
    """The pages about a person that were not true, or of which nobody knows, in ``span`` of home-time; each matter once."""
    person = [
        f for f in _loudest(findings).values()
        if f.level is Level.PAGE and f.subject is Subject.PERSON and outcome(f) not in TRUE
    ]  # fmt: skip
    said = Counter(found.value if (found := outcome(f)) is not None else "unknown" for f in person)
    return Ledger(span / MONTH, len(person), dict(sorted(said.items())))


def by_kind(findings: Iterable[Finding]) -> Mapping[tuple[str, str], int]:
    """(kind, level) -> matters."""
    return Counter((f.kind, f.level.value) for f in _loudest(findings).values())
