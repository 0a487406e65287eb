"""Incidents laid over simulated homes: the truth beside them is true, and they survive the disk and the player."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest

from detectors.kinds.heat.wbgt import wbgt_indoors
from domain.clock import DAY, HOUR, MINUTE, Instant, Span
from domain.ids import DeviceId
from domain.readings import SIGNS_OF_LIFE, DoorState, Flag, Quantity, Reading, Vouch
from domain.recording import ClockFault, RecordedReading
from simulators.incidents import INCIDENTS
from simulators.player import arrivals, with_check_ins
from simulators.recording import read_recording
from simulators.replay import Replay
from simulators.simulate import inhabit, plan, write
from simulators.simulated import Incident, IncidentKind, Simulated
from tests.simulators.homes import recorded

WARM = 3


def one(kind: IncidentKind, seed: int = 5, after: int | None = None) -> tuple[Simulated, Incident]:
    life = next(plan(kind, 1, seed, warm=WARM, after=after))
    return life, life.incidents[0]


def lives(life: Simulated, start: Instant, end: Instant) -> list[RecordedReading]:
    return [r for r in life.readings if start < r.at < end and r.quantity in SIGNS_OF_LIFE]


def motion(life: Simulated, start: Instant, end: Instant) -> list[RecordedReading]:
    return [r for r in lives(life, start, end) if r.quantity is Quantity.MOTION]


@pytest.mark.parametrize("kind", IncidentKind)
def test_every_kind_happens_once_after_its_ordinary_days_and_changes_nothing_before(kind: IncidentKind) -> None:
    after = {IncidentKind.DECLINE: 8, IncidentKind.PET: 4, IncidentKind.SENSOR_MOVED: 4}.get(kind)
    life, incident = one(kind, after=after)
    assert [i.kind for i in life.incidents] == [kind]
    first = life.home.recorded.zone.midnight(life.home.recorded.zone.day(life.readings[0].at))
    assert incident.start >= first + (WARM - 0.1) * DAY
    assert incident.start < incident.end <= life.end + DAY
    assert all(a.at <= b.at for a, b in pairwise(life.readings))
    number = life.home.recorded.zone.day(life.readings[0].at)
    untouched = inhabit(1, number, WARM, f"5/{kind}", life.home.recorded.zone.name).readings
    begun = first + (WARM - 1) * DAY
    assert [r for r in life.readings if r.at < begun] == [r for r in untouched if r.at < begun]


def test_there_is_an_incident_for_each_kind() -> None:
    assert set(INCIDENTS) == set(IncidentKind)


def test_nothing_moves_while_somebody_lies_still_and_only_one_sensor_while_they_stir() -> None:
    life, fall = one(IncidentKind.COLLAPSE)
    assert not lives(life, fall.start, fall.end)
    assert fall.end - fall.start >= 12 * HOUR
    life, fall = one(IncidentKind.COLLAPSE_MOVING)
    assert {r.device for r in lives(life, fall.start, fall.end)} == {fall.device}


def test_somebody_who_does_not_rise_is_not_seen_from_the_night_to_the_afternoon() -> None:
    life, incident = one(IncidentKind.NOT_RISING)
    assert not lives(life, incident.start - MINUTE, incident.end)
    assert 2 <= life.home.recorded.zone.hour(incident.start) < 14
    assert incident.end - incident.start >= 6 * HOUR


def test_somebody_who_is_too_long_in_the_bathroom_is_seen_nowhere_else() -> None:
    for seed in (1, 2):
        life, incident = one(IncidentKind.BATHROOM_LONG, seed)
        assert {r.device for r in lives(life, incident.start, incident.end)} <= {incident.device}
        assert incident.end - incident.start >= 3 * HOUR


def test_a_wanderer_is_seen_in_many_rooms_in_the_middle_of_the_night() -> None:
    life, incident = one(IncidentKind.NIGHT_WANDERING)
    seen = [r.device for r in motion(life, incident.start, incident.end)]
    assert len(seen) >= 20
    assert len(set(seen)) >= 3
    assert life.home.recorded.zone.hour(incident.start) < 4


def test_a_door_that_is_left_open_is_open_and_untouched_until_it_is_closed() -> None:
    for seed in (1, 2):
        life, incident = one(IncidentKind.DOOR_LEFT_OPEN, seed)
        moves = [(r.at, r.value) for r in life.readings if r.device == incident.device and r.quantity is Quantity.DOOR]
        assert (incident.start, DoorState.OPEN) in moves
        assert (incident.end, DoorState.CLOSED) in moves
        assert not [at for at, _ in moves if incident.start < at < incident.end]
        states = [value for _, value in moves]
        assert sum(a == b for a, b in pairwise(states)) <= len(states) * 0.1


@pytest.mark.parametrize("kind", [IncidentKind.DOOR_AT_NIGHT, IncidentKind.NOT_RETURNED, IncidentKind.HOLIDAY])
def test_nobody_is_seen_between_going_out_and_coming_back(kind: IncidentKind) -> None:
    life, incident = one(kind)
    assert not motion(life, incident.start + MINUTE, incident.end)
    doors = [r.at for r in life.readings if r.device == life.exits()[0] and r.quantity is Quantity.DOOR]
    assert incident.start in doors
    assert incident.end in doors
    assert motion(life, incident.end, incident.end + 10 * MINUTE)


def test_heat_and_cold_begin_when_they_are_dangerous() -> None:
    life, incident = one(IncidentKind.HEAT)
    told = {r.quantity: r.value for r in life.readings if r.device == incident.device and r.at <= incident.start}
    assert wbgt_indoors(told[Quantity.TEMPERATURE], told[Quantity.HUMIDITY]) >= 28
    life, incident = one(IncidentKind.COLD)
    degrees = [r.value for r in life.readings if r.device == incident.device and r.quantity is Quantity.TEMPERATURE
               and incident.start <= r.at < incident.end]  # fmt: skip
    assert max(degrees) < 12


def test_a_dead_device_does_not_even_check_in_and_a_stuck_one_does() -> None:
    life, incident = one(IncidentKind.SENSOR_DEAD)

    def said(life: Simulated, device: DeviceId | None, incident: Incident) -> set[Quantity]:
        played = with_check_ins(life.recording())
        return {r.quantity for r in played if r.device == device and incident.start < r.at < incident.end}

    assert not said(life, incident.device, incident)
    life, incident = one(IncidentKind.SENSOR_STUCK)
    assert said(life, incident.device, incident) == {Quantity.LINK, Quantity.BATTERY}


def test_a_chattering_sensor_tells_of_motion_all_night() -> None:
    life, incident = one(IncidentKind.SENSOR_CHATTERING)
    told = [r for r in motion(life, incident.start, incident.end) if r.device == incident.device]
    assert len(told) / ((incident.end - incident.start) / HOUR) > 10


def test_a_battery_that_runs_low_was_not_low_before() -> None:
    life, incident = one(IncidentKind.BATTERY_LOW)
    told = [r for r in life.readings if r.device == incident.device and r.quantity is Quantity.BATTERY]
    assert min(r.value for r in told if r.at < incident.start) >= 30
    assert max(r.value for r in told if r.at >= incident.start) < 15


def test_the_homes_of_a_fleet_outage_are_cut_off_together() -> None:
    starts = [life.outages[0][0] for life in plan(IncidentKind.FLEET_OUTAGE, 4, 1, warm=2)]
    assert max(starts) - min(starts) <= 2 * MINUTE
    assert len(set(starts)) > 1


def test_a_decline_is_seen_in_the_sixth_week_against_the_life_that_would_have_been() -> None:
    life, incident = one(IncidentKind.DECLINE, seed=7, after=42)
    number = life.home.recorded.zone.day(life.readings[0].at)
    usual = inhabit(1, number, WARM + 42, f"7/{incident.kind}")
    week = incident.start + 35 * DAY, incident.start + 42 * DAY
    assert len(motion(life, *week)) < 0.8 * len(motion(usual, *week))


def test_twins_are_equal_and_other_seeds_are_others() -> None:
    first, again, other = (next(plan(IncidentKind.VISITOR, 1, seed, warm=2)) for seed in (1, 1, 2))
    assert (first.readings, first.incidents) == (again.readings, again.incidents)
    assert first.readings != other.readings


@pytest.mark.parametrize("kind", [IncidentKind.SENSOR_DEAD, IncidentKind.CLOCK_WRONG, IncidentKind.POWER_CUT])
def test_what_is_written_is_what_is_read(kind: IncidentKind, tmp_path: Path) -> None:
    life, _ = one(kind)
    write(tmp_path / "home", life)
    read = read_recording(tmp_path / "home")
    assert read.bad.count == 0
    told = life.recording()
    assert (read.readings, read.outages, read.silences, read.clock) == (
        told.readings, told.outages, told.silences, told.clock,
    )  # fmt: skip
    assert (read.home.devices, read.home.channels) == (told.home.devices, told.home.channels)
    assert read.home.zone.name == told.home.zone.name


@pytest.mark.parametrize("offset", [-3 * HOUR, -20 * MINUTE, 40 * MINUTE, 30 * HOUR])
def test_a_wrong_clock_stamps_readings_and_heartbeats_and_both_ways_of_a_replay_find_the_same(offset: Span) -> None:
    home = recorded(days=1)
    start, end = home.start + 9 * HOUR, home.start + 11 * HOUR
    recording = replace(home, clock=[ClockFault(start, end, offset)])
    items = [item for arrival in arrivals(recording) for item in arrival.items]
    beats = [item for item in items if isinstance(item, Vouch)]
    assert {beat.sent_at - beat.received_at for beat in beats if start < beat.received_at <= end} == {offset}
    assert {beat.sent_at - beat.received_at for beat in beats if not start < beat.received_at <= end} == {0}
    assert all(beat.through <= beat.received_at for beat in beats)
    clamped = [item for item in items if isinstance(item, Reading) and item.flags & Flag.CLAMPED]
    assert bool(clamped) == (offset > 0)
    short, full = Replay(recording), Replay(recording)
    short.short()
    full.full()
    assert short.log() == full.log()
