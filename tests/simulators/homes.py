"""A simulated home for tests: three ordinary weeks, the same in every run."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import date
from functools import cache

from domain.clock import Instant
from domain.recording import BadLines, RecordedReading
from simulators.home import build_home, live
from simulators.person import Person
from simulators.player import Step
from simulators.recording import Recording

PERSON = Person(outings_a_week=2.0, nap_share=0.2)


@cache
def recorded(
    zone: str = "Asia/Tokyo", first: date = date(2026, 3, 2), days: int = 16, seed: str = "golden"
) -> Recording:
    home = build_home("home", zone, PERSON, seed)
    readings = live(home, (first - date(1970, 1, 1)).days, days)
    return Recording(home.recorded, readings, [], BadLines())


def with_outage(recording: Recording, start: Instant, end: Instant) -> Recording:
    """The gateway was off: what happened meanwhile was never seen."""
    kept = [r for r in recording.readings if not start < r.at < end]
    return replace(recording, readings=kept, outages=[(start, end)])


def without_broker(steps: Iterable[Step], start: Instant, end: Instant) -> Iterator[Step]:
    """The broker was away: the gateway ran on, and delivered everything when it was back."""
    held: list[RecordedReading] = []
    for step in steps:
        if start < step.now < end:
            held += step.readings
            continue
        yield replace(step, readings=[*held, *step.readings])
        held = []


def with_readings(recording: Recording, readings: Sequence[RecordedReading]) -> Recording:
    return replace(recording, readings=list(readings))
