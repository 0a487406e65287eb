"""Many homes of one installation cut off at once: one finding about the system is to come of it, and no page about anybody."""

from __future__ import annotations

import heapq
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from operator import attrgetter

from alerts.book import MemoryBook
from alerts.watch import Watch
from benchmarks.detection.course import Said, said_of
from benchmarks.detection.expected import EXPECTED
from benchmarks.detection.spread import in_processes
from domain.clock import DAY, HOUR, MINUTE, SECOND, Instant, Span
from domain.findings import Level, Subject
from domain.ids import HomeId
from domain.readings import Arrival
from domain.stage import ListFeed, drive
from simulators.player import arrivals
from simulators.simulate import inhabit
from simulators.simulated import Incident, IncidentKind, Simulated

_FOLLOWED: Span = 12 * HOUR


@dataclass(frozen=True, slots=True)
class OutageCourse:
    """One installation."""

    number: int
    seed: str
    first_day: int
    warm: int
    days: int
    homes: int
    outages: int


@dataclass(frozen=True, slots=True)
class Outages:
    """What became of one installation's outages."""

    homes: int
    found_after: tuple[Span | None, ...]
    """For each outage: from its beginning to the finding, None when there was none in time."""
    pages: int
    """About residents, that the untouched homes do not have."""
    prompts: int


def run_outages(courses: Sequence[OutageCourse], jobs: int) -> Iterator[Outages]:
    """Every installation's outcome, in no order."""
    yield from in_processes(run_outage, courses, jobs, "fleet outages: installations")


def run_outage(course: OutageCourse) -> Outages:
    """Let one installation's homes live, untouched and with the outages."""
    seed = f"{course.seed}/outage/{course.number}"
    lives = [inhabit(n, course.first_day, course.warm + course.days, seed) for n in range(1, course.homes + 1)]
    rng = random.Random(seed)  # noqa: S311 (a simulation)
    spells = _spells(lives[0], course, rng)
    cut = [_cut_off(life, spells, rng) for life in lives]
    untouched, said = _together(lives), _together(cut)
    pages = prompts = 0
    for life in lives:
        home = life.home.recorded.home
        mine = [one for one in said.get(home, []) if any(a <= one.raised_at <= b + _FOLLOWED for a, b in spells)]
        new = [one for one in mine if not any(one.same_as(other) for other in untouched.get(home, []))]
        pages += sum(one.pages_about_the_person for one in new)
        prompts += sum(one.subject is Subject.PERSON and one.level is Level.PROMPT and not one.unknown for one in new)
    system = [one for told in said.values() for one in told if one.kind in EXPECTED[IncidentKind.FLEET_OUTAGE].kinds]
    return Outages(course.homes, tuple(_found(system, start) for start, _ in spells), pages, prompts)


def _found(system: Sequence[Said], start: Instant) -> Span | None:
    bound = EXPECTED[IncidentKind.FLEET_OUTAGE].bound
    return min((one.raised_at - start for one in system if start <= one.raised_at <= start + bound), default=None)


def _spells(life: Simulated, course: OutageCourse, rng: random.Random) -> list[tuple[Instant, Instant]]:
    """When the installation is cut off: from half an hour to a day, at random times of different days."""
    local = life.home.recorded.zone
    apart = max(1, course.days // course.outages)
    found = []
    for number in range(course.outages):
        start = (
            local.midnight(course.first_day + course.warm + number * apart) + int(rng.uniform(0, 24) * 3600) * SECOND
        )
        found.append((start, start + int(30 * (48 ** rng.random()) * 60) * SECOND))
    return found


def _cut_off(life: Simulated, spells: Sequence[tuple[Instant, Instant]], rng: random.Random) -> Simulated:
    for begin, end in spells:
        start, stop = begin + rng.randint(0, 90) * SECOND, min(life.end, end + rng.randint(0, 300) * SECOND)
        kept = [reading for reading in life.readings if not start < reading.at < stop]
        changed = life.then(kept, Incident(start, stop, IncidentKind.FLEET_OUTAGE, None))
        life = replace(changed, outages=sorted([*life.outages, (start, stop)]))
    return life


def _together(lives: Sequence[Simulated]) -> dict[HomeId, list[Said]]:
    """Every home behind one watch; what was said, by home (the installation's own under its own id)."""
    book = MemoryBook()
    watch = Watch(book, save_every=10_000 * DAY)
    merged = heapq.merge(*(arrivals(life.recording(), 5 * MINUTE) for life in lives), key=attrgetter("received_at"))
    drive(ListFeed(_numbered(merged)), watch)
    said: dict[HomeId, list[Said]] = {}
    for row in book.findings.values():
        said.setdefault(row.finding.home, []).append(said_of(row.finding))
    return said


def _numbered(merged: Iterator[Arrival]) -> Iterator[Arrival]:
    yield from (replace(arrival, offset=offset) for offset, arrival in enumerate(merged, start=1))
