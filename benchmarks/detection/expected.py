"""Which finding is to tell of what happens, and by when."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from benchmarks.detection.course import Followed, Said
from domain.clock import DAY, HOUR, MINUTE, Span
from simulators.simulated import Incident, IncidentKind


@dataclass(frozen=True, slots=True)
class Expected:
    """One of ``kinds`` is to be said within ``bound`` of the beginning; time that nobody saw is added to it."""

    kinds: frozenset[str]
    bound: Span


def _by(bound: Span, *kinds: str) -> Expected:
    return Expected(frozenset(kinds), bound)


EXPECTED: Mapping[IncidentKind, Expected] = {
    # The resident. A limit of its own stands behind each of these; the bound is the most that the kind's README allows.
    IncidentKind.COLLAPSE: _by(12 * HOUR, "inactivity"),
    IncidentKind.NOT_RISING: _by(6 * HOUR, "late_rising", "inactivity"),
    IncidentKind.BATHROOM_LONG: _by(3 * HOUR, "bathroom_long"),
    IncidentKind.NIGHT_WANDERING: _by(2 * HOUR, "night_wandering"),
    IncidentKind.DOOR_LEFT_OPEN: _by(40 * MINUTE, "door_left_open"),
    IncidentKind.DOOR_AT_NIGHT: _by(15 * MINUTE, "door_at_night"),
    IncidentKind.NOT_RETURNED: _by(24 * HOUR + 15 * MINUTE, "not_returned"),
    IncidentKind.HEAT: _by(HOUR, "heat"),
    IncidentKind.COLD: _by(3 * HOUR + 30 * MINUTE, "cold"),
    IncidentKind.DECLINE: _by(49 * DAY, "routine_drift"),
    # The equipment.
    IncidentKind.SENSOR_DEAD: _by(3 * 50 * MINUTE + 10 * MINUTE, "device_silent"),
    IncidentKind.SENSOR_CHATTERING: _by(20 * HOUR, "device_stuck"),
    IncidentKind.SENSOR_STUCK: _by(3 * DAY, "device_stuck"),
    IncidentKind.BATTERY_LOW: _by(26 * HOUR, "battery_low"),
    IncidentKind.GATEWAY_DOWN: _by(20 * MINUTE, "gateway_silent"),
    IncidentKind.POWER_CUT: _by(20 * MINUTE, "gateway_silent"),
    IncidentKind.CLOCK_WRONG: _by(30 * MINUTE, "clock_wrong"),
    IncidentKind.FLEET_OUTAGE: _by(20 * MINUTE, "fleet_outage"),
}
"""What is missing here is nobody's to find: a sensor that hangs in another room, and every control."""

_CUTS_OFF = {IncidentKind.GATEWAY_DOWN, IncidentKind.POWER_CUT, IncidentKind.FLEET_OUTAGE}


@dataclass(frozen=True, slots=True)
class Judged:
    """One incident held against what was said."""

    incident: Incident
    after: Span | None
    """From its beginning to the finding; None: not found in time."""
    owed: bool
    """False when it was over before it had to be found, or is nobody's to find."""


def judge(followed: Followed, said: Sequence[Said] | None = None) -> list[Judged]:
    """Every incident of a happening; only what the untouched home did not say counts as found."""
    new = followed.new() if said is None else said
    return [_judge(incident, followed, new) for incident in followed.incidents]


def _judge(incident: Incident, followed: Followed, said: Sequence[Said]) -> Judged:
    expected = EXPECTED.get(incident.kind)
    if expected is None:
        return Judged(incident, None, False)
    bound = expected.bound if incident.kind in _CUTS_OFF else expected.bound + followed.unseen
    times = [
        one.raised_at - incident.start
        for one in said
        if one.kind in expected.kinds
        and not one.unknown
        and incident.start <= one.raised_at <= incident.start + bound
        and (one.device is None or incident.device is None or one.device == incident.device)
    ]
    owed = incident.end - incident.start >= bound or incident.kind not in _SHORT_LIVED
    return Judged(incident, min(times, default=None), owed or bool(times))


_SHORT_LIVED = {
    IncidentKind.GATEWAY_DOWN, IncidentKind.POWER_CUT, IncidentKind.SENSOR_DEAD, IncidentKind.SENSOR_CHATTERING,
    IncidentKind.SENSOR_STUCK,
}  # fmt: skip
"""What ends by itself before its bound needs not be found."""
