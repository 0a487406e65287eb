"""Scenarios of people who go out: a holiday, strays in an empty home, a visitor who leaves while the resident lies there."""

from __future__ import annotations

from collections.abc import Iterable

from domain.clock import DAY, HOUR, MINUTE, SECOND, Instant
from domain.ids import HomeId
from domain.modes import TAKES, Mode, ModeKind
from domain.readings import DoorState, Quantity
from domain.recording import RecordedReading
from simulators.recording import Recording
from tests.simulators.homes import recorded, with_readings

_TALK = 2 * MINUTE


def at(recording: Recording, days: int, hours: float) -> Instant:
    """The wall clock's ``hours`` on the recording's day ``days``."""
    local = recording.home.zone
    return local.midnight(local.day(recording.start) + days) + int(hours * HOUR)


def moved(recording: Recording, sensor: str, *moments: Instant) -> list[RecordedReading]:
    device = recording.home.devices[sensor].id
    return [RecordedReading(moment, device, Quantity.MOTION, 1.0) for moment in moments]


def door(recording: Recording, moment: Instant) -> list[RecordedReading]:
    device = recording.home.devices["front-door"].id
    states = ((0, DoorState.OPEN), (8, DoorState.CLOSED))
    return [RecordedReading(moment + after * SECOND, device, Quantity.DOOR, float(state)) for after, state in states]


def without(recording: Recording, start: Instant, end: Instant, more: Iterable[RecordedReading]) -> Recording:
    """Nothing moves between two instants, but for ``more``."""
    kept = [r for r in recording.readings if not start < r.at < end or r.quantity is Quantity.TEMPERATURE]
    return with_readings(recording, sorted([*kept, *more], key=lambda r: r.at))


def away(recording: Recording, leaves: Instant, back: Instant, strays: Iterable[Instant] = ()) -> Recording:
    """Out by the front door and home by it again; the kitchen's sensor may pulse meanwhile."""
    more = [*door(recording, leaves), *door(recording, back), *moved(recording, "kitchen", *strays)]
    return without(recording, leaves - 5 * MINUTE, back, more)


def a_holiday_that_nobody_spoke_of() -> tuple[Recording, None]:
    home = recorded()
    return away(home, at(home, 12, 13), at(home, 15, 11)), None


def a_holiday_that_staff_wrote_down() -> tuple[Recording, None]:
    """The same days, with a word beforehand: see SAID."""
    return a_holiday_that_nobody_spoke_of()


def strays_in_two_absences() -> tuple[Recording, None]:
    """The first one teaches that the kitchen's sensor pulses in an empty home; in the second nobody believes it."""
    home = recorded()
    for day in (9, 12):
        leaves = at(home, day, 10)
        strays = [leaves + hours * HOUR for hours in (3, 5, 8, 14, 19)]
        home = away(home, leaves, leaves + 23 * HOUR, strays)
    return home, None


def a_visitor_leaves_and_the_resident_falls() -> tuple[Recording, None]:
    """Twenty minutes in two rooms at once, the front door, one movement in the kitchen, and then nothing."""
    home = recorded()
    start, fall = at(home, 13, 10), at(home, 13, 10.5)
    talk = [start + number * _TALK for number in range(10)]
    more = [*door(home, start - MINUTE), *moved(home, "kitchen", *talk)]
    more += [*moved(home, "living", *(moment + 3 * SECOND for moment in talk)), *door(home, fall)]
    more += moved(home, "kitchen", fall + MINUTE)
    return without(home, start - 2 * MINUTE, fall + 14 * HOUR, more), None


def _said(kind: ModeKind, recording: Recording, written: Instant, until: Instant) -> list[Mode]:
    return [Mode(1, HomeId(recording.home.home), kind, written + TAKES, until, "", "hana", written)]


def said_of(name: str, recording: Recording) -> list[Mode]:
    """What staff said of the home in a scenario."""
    if name != a_holiday_that_staff_wrote_down.__name__:
        return []
    return _said(ModeKind.AWAY, recording, at(recording, 12, 11), at(recording, 14, 18) + DAY)
