"""A home for tests: a simulated resident of very regular habits in ordinary weeks, stored, so that it stays what it is."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path

from domain.clock import Instant
from domain.recording import RecordedReading
from simulators.player import Step
from simulators.recording import Recording, read_recording

STORED = Path(__file__).resolve().parents[1] / "recordings"


@cache
def recorded(name: str = "regular", days: int = 16) -> Recording:
    """The first days of ``regular`` (Tokyo, from 2 March 2026), ``regular-spring`` or ``regular-autumn`` (London, both over a
    change of the clocks)."""
    recording = read_recording(STORED / name)
    local = recording.home.zone
    end = local.midnight(local.day(recording.start) + days)
    return with_readings(recording, [reading for reading in recording.readings if reading.at < end])


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
