"""The player: a recording -> what a gateway would have said, step by step on the virtual clock."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from domain.clock import MINUTE, Instant, Span
from domain.ids import DeviceId, GatewayId
from domain.readings import Arrival, Hello, Item, Mark, Quantity, Reading, Vouch
from domain.recording import RecordedReading
from simulators.recording import Recording

PERIOD: Span = 9 * MINUTE
"""From one played heartbeat to the next: below the ten minutes after which a gateway counts as silent."""
EPOCH = "recorded"


@dataclass(frozen=True, slots=True)
class Step:
    """What a gateway hands over at one moment."""

    now: Instant
    readings: list[RecordedReading]
    """Observed since the step before."""
    running_since: Instant
    """When the gateway was last started: an outage of the recording is a gateway that was off."""


def gateway_of(recording: Recording) -> GatewayId:
    """The id of the gateway that plays the recording."""
    return GatewayId(f"gw-{recording.home.home}"[:64])


def steps(recording: Recording, period: Span = PERIOD) -> Iterator[Step]:
    """The recording in steps of ``period``; an outage ends a step where it begins, and a new one starts where it ends.

    The player supplies what a recording leaves out: a device with a check-in period checks in while its gateway runs.
    """
    readings, at = _with_check_ins(recording), 0
    for start, end in running(recording):
        now = start
        while True:
            first = at
            while at < len(readings) and readings[at].at <= now:
                at += 1
            yield Step(now, readings[first:at], start)
            if now >= end:
                break
            now = min(now + period, end)


def _with_check_ins(recording: Recording) -> list[RecordedReading]:
    """The recording's readings, and a check-in of each device that would else be silent for half of its period."""
    periods = {d.id: d.check_in for d in recording.home.devices.values() if d.check_in is not None}
    if not periods:
        return recording.readings
    told: dict[DeviceId, list[Instant]] = {device: [] for device in periods}
    for reading in recording.readings:
        if reading.device in told:
            told[reading.device].append(reading.at)
    supplied = []
    for device, period in periods.items():
        until = recording.home.silent_from.get(device, recording.end)
        for start, end in running(recording):
            last, stop = start, min(end, until)
            for at in [*(t for t in told[device] if start <= t <= stop), stop]:
                while at - last > period // 2:
                    last += period // 2
                    supplied.append(RecordedReading(last, device, Quantity.LINK, 255.0))
                last = at
    return sorted([*recording.readings, *supplied], key=lambda reading: reading.at)


def running(recording: Recording) -> list[tuple[Instant, Instant]]:
    """When the gateway ran: from the first reading to the last, without the outages."""
    spells, start = [], recording.start
    for down, up in recording.outages:
        if up <= start or down >= recording.end:
            continue
        if down > start:
            spells.append((start, down))
        start = up
    if start <= recording.end:
        spells.append((start, recording.end))
    return spells


def hello(recording: Recording, at: Instant) -> Hello:
    """The gateway's introduction."""
    home = recording.home
    return Hello(home.home, gateway_of(recording), home.zone.name, tuple(home.devices.values()), at)


def arrivals(recording: Recording, period: Span = PERIOD) -> Iterator[Arrival]:
    """What the journal would hand out, made without gateway, broker and ingest: the short way, for backtests."""
    home, gateway = recording.home.home, gateway_of(recording)
    seq, vouched = 0, recording.start
    for offset, step in enumerate(steps(recording, period), start=1):
        items: list[Item] = []
        if offset == 1:
            items += [Mark(step.now), hello(recording, step.now)]
        for reading in step.readings:
            seq += 1
            items.append(
                Reading(
                    home, reading.device, reading.quantity, reading.value, reading.at, step.now, gateway, EPOCH, seq
                )
            )
        fresh = ((max(vouched, step.running_since), step.now),)
        items.append(Vouch(home, gateway, step.now, fresh, (), step.now, step.now))
        vouched = step.now
        yield Arrival(offset, step.now, tuple(items))


def count_readings(recordings: Iterable[Recording]) -> int:
    """How many readings recordings hold in all."""
    return sum(len(recording.readings) for recording in recordings)
