"""The player: a recording -> what a gateway would have said, step by step on the virtual clock."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from domain.clock import DAY, MINUTE, Instant, Span
from domain.ids import DeviceId, GatewayId
from domain.readings import Arrival, Flag, Hello, Item, Mark, Quantity, Reading, Vouch
from domain.recording import RecordedReading
from domain.watermark import Coverage
from domain.wire import MAX_RECORDS, ClockState, Up, encode_heartbeat, encode_hello, encode_readings, up_topic
from ingest.admit import SKEW
from simulators.recording import Recording

PERIOD: Span = 9 * MINUTE
"""From one played heartbeat to the next: below the ten minutes after which a gateway counts as silent."""
EPOCH = "recorded"
_CLOCK = ClockState("replay", True)


@dataclass(frozen=True, slots=True)
class Step:
    """What a gateway hands over at one moment."""

    now: Instant
    readings: list[RecordedReading]
    """Observed since the step before."""
    running_since: Instant
    """When the gateway was last started: an outage of the recording is a gateway that was off."""
    offset: Span = 0
    """What the gateway's clock showed too much, in all of the step."""


def gateway_of(recording: Recording) -> GatewayId:
    """The id of the gateway that plays the recording."""
    return GatewayId(f"gw-{recording.home.home}"[:64])


def steps(recording: Recording, period: Span = PERIOD) -> Iterator[Step]:
    """The recording in steps of ``period``; an outage ends a step where it begins, and a new one starts where it ends.

    The player supplies what a recording leaves out: a device with a check-in period checks in while its gateway runs. While
    the gateway's clock is wrong a step is a minute: what comes from the future is dated when it comes, and that must be soon.
    """
    readings, at = with_check_ins(recording), 0
    edges = sorted({edge for fault in recording.clock for edge in fault[:2]})
    for start, end in running(recording):
        now, offset = start, 0
        while True:
            first = at
            while at < len(readings) and readings[at].at <= now:
                at += 1
            yield Step(now, readings[first:at], start, offset)
            if now >= end:
                break
            offset = _shown_too_much(recording, now)
            following = edges[bisect_right(edges, now) :][:1]
            now = min([now + (min(period, MINUTE) if offset else period), end, *following])


def _shown_too_much(recording: Recording, after: Instant) -> Span:
    """How wrong the gateway's clock is right after ``after``."""
    return next((fault.offset for fault in recording.clock if fault.start <= after < fault.end), 0)


def in_one(recording: Recording, now: Instant) -> Step:
    """All of the recording as one step at ``now``: a gateway that had been running, and was cut off until then."""
    return Step(now, with_check_ins(recording), recording.start)


def with_check_ins(recording: Recording) -> list[RecordedReading]:
    """The recording's readings, and a check-in of each device that would else be silent for nearly its period."""
    periods = {d.id: d.check_in * 9 // 10 for d in recording.home.devices.values() if d.check_in is not None}
    if not periods:
        return recording.readings
    told: dict[DeviceId, list[Instant]] = {device: [] for device in periods}
    for reading in recording.readings:
        if reading.device in told:
            told[reading.device].append(reading.at)
    supplied = []
    for device, period in periods.items():
        until = recording.home.silent_from.get(device, recording.end)
        silences = [one[1:] for one in recording.silences if one.device == device]
        for start, end in running(recording):
            for first, stop in without(start, min(end, until), silences):
                last = first
                for at in [*(t for t in told[device] if first <= t <= stop), stop]:
                    while at - last > period:
                        last += period
                        supplied.append(RecordedReading(last, device, Quantity.LINK, 255.0))
                    last = at
    return sorted([*recording.readings, *supplied], key=lambda reading: reading.at)


def running(recording: Recording) -> list[tuple[Instant, Instant]]:
    """When the gateway ran: from the first reading to the last, without the outages."""
    return without(recording.start, recording.end, recording.outages)


def without(start: Instant, end: Instant, holes: Sequence[tuple[Instant, Instant]]) -> list[tuple[Instant, Instant]]:
    """What is left of [start, end] without ``holes`` (ascending)."""
    left = []
    for down, up in holes:
        if up <= start or down >= end:
            continue
        if down > start:
            left.append((start, down))
        start = up
    if start <= end:
        left.append((start, end))
    return left


def hello(recording: Recording, at: Instant) -> Hello:
    """The gateway's introduction."""
    home = recording.home
    return Hello(home.home, gateway_of(recording), home.zone.name, tuple(home.devices.values()), at)


def arrivals(recording: Recording, period: Span = PERIOD) -> Iterator[Arrival]:
    """What the journal would hand out, made without gateway, broker and ingest: the short way, for backtests."""
    home, gateway = recording.home.home, gateway_of(recording)
    seq, covered = 0, Coverage()
    for offset, step in enumerate(steps(recording, period), start=1):
        items: list[Item] = []
        if offset == 1:
            items += [Mark(step.now), hello(recording, step.now)]
        for reading in step.readings:
            seq += 1
            stamp, flags = reading.at + step.offset, 0
            if stamp > step.now:
                stamp, flags = step.now, int(Flag.CLAMPED) if stamp > step.now + SKEW else 0
            items.append(
                Reading(
                    home, reading.device, reading.quantity, reading.value, stamp, step.now, gateway, EPOCH, seq, flags
                )
            )
        shown = step.now + step.offset
        through = min(shown, step.now)
        since = min(step.running_since, through)
        fresh = covered.holes(since, through)
        covered.add(since, through)
        if len(covered) > 100:
            covered.forget_before(through - 30 * DAY)
        items.append(Vouch(home, gateway, through, tuple(fresh), (), shown, step.now))
        yield Arrival(offset, step.now, tuple(items))


class Player:
    """A recorded home's gateway, as far as its messages go."""

    def __init__(self, recording: Recording) -> None:
        self._recording = recording
        self._gateway = gateway_of(recording)
        self._seq = 0
        self._spells: list[tuple[Instant, Instant]] = []
        self._greeted = False

    def messages(self, step: Step) -> Iterator[tuple[str, bytes]]:
        """The (topic, payload) of one step: a hello first of all, then readings, then the heartbeat."""
        gateway, shown = self._gateway, step.now + step.offset
        if not self._greeted:
            self._greeted = True
            devices = self._recording.home.devices.values()
            yield up_topic(gateway, Up.HELLO), encode_hello(gateway, EPOCH, shown, _CLOCK, "replay", devices)
        for first in range(0, len(step.readings), MAX_RECORDS):
            pack = [
                (r.device, r.quantity, r.value, r.at + step.offset) for r in step.readings[first : first + MAX_RECORDS]
            ]
            payload = encode_readings(gateway, EPOCH, self._seq + 1, shown, _CLOCK, pack)
            self._seq += len(pack)
            yield up_topic(gateway, Up.READINGS), payload
        if self._spells and self._spells[-1][0] == step.running_since:
            self._spells[-1] = (step.running_since, step.now)
        else:
            self._spells = [*self._spells[-1:], (step.running_since, step.now)]
        spells = [*self._spells[:-1], (min(step.running_since, shown), shown)]
        beat = encode_heartbeat(gateway, EPOCH, self._seq, shown, _CLOCK, shown, spells, {})
        yield up_topic(gateway, Up.HEARTBEAT), beat
