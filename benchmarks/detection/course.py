"""A simulated home's course: weeks of ordinary life, and then, from one and the same past, everything that is to happen to it.

The untouched days run once. Where something happens, the home is restored from its snapshot of just before and goes on with
the changed days; what is said there is held against what the untouched home said in the same days.
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from itertools import takewhile
from typing import NamedTuple

from detectors.context import HomeContext
from detectors.home import HomeWatch
from domain.clock import DAY, HOUR, MINUTE, SECOND, Instant, Span
from domain.findings import Ended, Finding, FindingEvent, Level, Subject
from domain.readings import Arrival, Device
from domain.stage import ListFeed, drive
from simulators.incidents.editing import Happens
from simulators.player import arrivals
from simulators.simulate import inhabit
from simulators.simulated import Incident, Simulated

_TRIES = 8
_LATER: Span = 5 * HOUR
"""Where a home does not lend itself to something at a time, it is tried again so much later."""
SAME: Span = 30 * MINUTE
"""Two findings of a kind are the same when their onsets or their deadlines are no further apart."""


class Said(NamedTuple):
    """A finding, as far as a campaign needs it."""

    kind: str
    subject: Subject
    level: Level
    onset: Instant
    raised_at: Instant
    device: str | None
    unknown: bool

    @property
    def pages_about_the_person(self) -> bool:
        """True for what wakes somebody because of the resident."""
        return self.subject is Subject.PERSON and self.level is Level.PAGE and not self.unknown

    def same_as(self, other: Said) -> bool:
        """True when both say the same of the home."""
        return (self.kind, self.level, self.device) == (other.kind, other.level, other.device) and (
            abs(self.onset - other.onset) <= SAME or abs(self.raised_at - other.raised_at) <= SAME
        )


@dataclass(frozen=True, slots=True)
class Happening:
    """What is to happen, and for how long the home is followed after its end."""

    name: str
    steps: tuple[Happens, ...]
    """One after the other on the same home; each begins while the one before goes on."""
    follow: Span = 12 * HOUR
    at_most: Span | None = None
    """Follow no longer than this from the beginning."""
    at: Span | None = None
    """When, from the end of the warm days on; None: at random."""


@dataclass(frozen=True, slots=True)
class Course:
    """One home, and what is to happen to it."""

    number: int
    seed: str
    first_day: int
    warm: int
    days: int
    """After the warm ones."""
    happenings: tuple[str, ...]
    zone: str = "Asia/Tokyo"
    credulous: bool = False
    """A deliberately broken variant: every silence is taken for one, whoever vouched."""


@dataclass(frozen=True, slots=True)
class Followed:
    """What was said while something happened, and in the same time in the untouched home."""

    name: str
    incidents: tuple[Incident, ...]
    until: Instant
    said: tuple[Said, ...]
    untouched: tuple[Said, ...]
    unseen: Span
    """How much of it the gateway did not see."""

    @property
    def start(self) -> Instant:
        """When it began."""
        return min(incident.start for incident in self.incidents)

    def new(self) -> list[Said]:
        """What was not said in the untouched home."""
        return [one for one in self.said if not any(one.same_as(other) for other in self.untouched)]

    def new_prompts(self) -> list[Said]:
        """Prompts about the person that the untouched home does not have."""
        return [s for s in self.new() if s.subject is Subject.PERSON and s.level is Level.PROMPT and not s.unknown]

    def new_pages(self) -> list[Said]:
        """Pages about the person that the untouched home does not have."""
        return [one for one in self.new() if one.pages_about_the_person]


@dataclass(frozen=True, slots=True)
class Run:
    """A course, run."""

    course: Course
    followed: tuple[Followed, ...]
    left_out: int
    """Happenings to which the home did not lend itself."""
    untouched: tuple[Said, ...]
    """Everything that was said of the untouched home after its warm days."""


class Credulous(HomeContext):
    """A home whose detectors are told that everything was seen: no blindness, no lost device."""

    __slots__ = ()

    def blind(self, start: Instant, end: Instant) -> Span:  # noqa: ARG002 (the signature of what it breaks)
        """Nothing."""
        return 0

    def lost(self, at: Instant) -> list[Device]:  # noqa: ARG002
        """None."""
        return []


class _Stage:
    """One home behind the one loop, without desk and book; remembers what it said, and itself before each of ``cuts``."""

    def __init__(self, home: HomeWatch, credulous: bool, cuts: Sequence[Instant] = ()) -> None:
        self.home, self.said = home, list[Finding]()
        self.snapshots: list[bytes] = []
        self._cuts = cuts
        if credulous:
            home.context = Credulous(**{f.name: getattr(home.context, f.name) for f in fields(home.context) if f.init})

    def next_due(self) -> Instant | None:
        """See Stage.next_due."""
        return self.home.due_now()

    def step(self, now: Instant, arrival: Arrival | None) -> None:
        """See Stage.step."""
        while len(self.snapshots) < len(self._cuts) and now >= self._cuts[len(self.snapshots)]:
            self.snapshots.append(self.home.snapshot())
        events: Sequence[FindingEvent] = self.home.tick(now) if arrival is None else self.home.take(arrival.items)
        self.said += (event for event in events if not isinstance(event, Ended))

    def wait(self, until: Instant) -> None:
        """Nothing arrives any more, and time passes: what is due is told all the same."""
        last = 0
        while (due := self.next_due()) is not None and last < due <= until:
            last = due
            self.step(due, None)


@dataclass(frozen=True, slots=True)
class _Changed:
    """A home to which something happened."""

    happening: Happening
    life: Simulated
    incidents: tuple[Incident, ...]
    since: Instant
    """Before this nothing differs from the untouched home."""
    until: Instant


def run(course: Course, known: Mapping[str, Happening]) -> Run:
    """Let everything happen; one process's work of a few seconds."""
    life = inhabit(course.number, course.first_day, course.warm + course.days, course.seed, course.zone)
    rng = random.Random(f"{course.seed}/{course.number}/happenings")  # noqa: S311 (a simulation)
    changed = [one for name in course.happenings if (one := _change(life, known[name], course, rng)) is not None]
    changed.sort(key=lambda one: one.since)
    snapshots, said = _untouched(life, course, [one.since for one in changed])
    followed = []
    for one, body in zip(changed, snapshots, strict=True):
        new = _go_on(one, body, course)
        start = min(incident.start for incident in one.incidents)
        followed.append(
            Followed(
                one.happening.name, one.incidents, one.until, tuple(s for s in new if s.raised_at >= start),
                tuple(s for s in said if start - SAME <= s.raised_at <= one.until + SAME),
                sum(max(0, min(up, one.until) - max(down, start)) for down, up in one.life.outages),
            )
        )  # fmt: skip
    begin = life.home.recorded.zone.midnight(course.first_day + course.warm)
    after = tuple(s for s in said if s.raised_at >= begin)
    return Run(course, tuple(followed), len(course.happenings) - len(changed), after)


def _change(life: Simulated, happening: Happening, course: Course, rng: random.Random) -> _Changed | None:
    local = life.home.recorded.zone
    first = local.midnight(course.first_day + course.warm)
    last = max(first + HOUR, life.end - happening.follow - (happening.at_most or 2 * DAY))
    when = first + (int(rng.uniform(0, last - first) / SECOND) * SECOND if happening.at is None else happening.at)
    for _ in range(_TRIES):
        now = _happen(life, happening.steps, when, rng)
        if now is not None:
            until = max(incident.end for incident in now.incidents) + happening.follow
            if happening.at_most is not None:
                until = min(until, now.incidents[0].start + happening.at_most)
            return _Changed(happening, now, tuple(now.incidents), _parts_ways(life, now), min(until, life.end))
        when += _LATER
        if when > last:
            when -= last - first
    return None


def _happen(life: Simulated, steps: Sequence[Happens], when: Instant, rng: random.Random) -> Simulated | None:
    """All of ``steps``, each at a time within the one before; None where the home does not lend itself to one of them."""
    for step in steps:
        after = step(life, when, rng)
        if after is None:
            return None
        mine = next(one for one in after.incidents if one not in life.incidents)
        when = mine.start + int(rng.uniform(0.05, 0.6) * (mine.end - mine.start) / SECOND) * SECOND
        life = after
    return life


def _parts_ways(life: Simulated, changed: Simulated) -> Instant:
    """From when on the changed home differs."""
    edges = [edge for spells in (changed.outages, changed.clock) for edge, *_ in spells]
    edges += [silence.start for silence in changed.silences]
    for one, other in zip(life.readings, changed.readings, strict=False):
        if one != other:
            edges.append(min(one.at, other.at))
            break
    else:
        if len(life.readings) != len(changed.readings):
            edges.append(min(life.end, changed.end))
    return min(edges, default=life.end)


def _untouched(life: Simulated, course: Course, cuts: Sequence[Instant]) -> tuple[list[bytes], list[Said]]:
    """The home's snapshot right before each cut (ascending), and everything that was said."""
    stage = _Stage(HomeWatch(life.home.recorded.home, course.zone), course.credulous, cuts)
    drive(ListFeed(arrivals(life.recording())), stage)
    left = [stage.home.snapshot()] * (len(cuts) - len(stage.snapshots))
    return [*stage.snapshots, *left], [said_of(finding) for finding in stage.said]


def _go_on(changed: _Changed, body: bytes, course: Course) -> list[Said]:
    stage = _Stage(HomeWatch.restore(body), course.credulous)
    played = takewhile(lambda arrival: arrival.received_at <= changed.until, arrivals(changed.life.recording()))
    drive(ListFeed(arrival for arrival in played if arrival.received_at >= changed.since), stage)
    stage.wait(changed.until)
    return [said_of(finding) for finding in stage.said]


def said_of(finding: Finding) -> Said:
    """The part of a finding that counts here."""
    return Said(
        finding.kind, finding.subject, finding.level, finding.onset, finding.raised_at, finding.device,
        finding.unknown is not None,
    )  # fmt: skip
