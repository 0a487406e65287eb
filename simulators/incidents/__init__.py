"""What goes wrong in a simulated home, with the truth beside it: each kind a pure function of home, instant and chance."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from simulators.incidents import controls, equipment, indoors, resident
from simulators.incidents.editing import Happens
from simulators.incidents.equipment import sensor_dead
from simulators.incidents.resident import collapse
from simulators.simulated import Incident, IncidentKind

__all__ = ["INCIDENTS", "Incident", "IncidentKind", "Sort", "collapse", "sensor_dead"]


@dataclass(frozen=True, slots=True)
class Sort:
    """One kind of incident: how it is made, and in what sort of recording."""

    happens: Happens
    after: int = 3
    """Days that the recording goes on after it has begun."""
    month: int | None = None
    """The month in which it happens; None for any."""
    day: int | None = None
    """The day of that month; None for any."""


_ALL: Mapping[IncidentKind, Sort] = {
    IncidentKind.COLLAPSE: Sort(resident.falls),
    IncidentKind.COLLAPSE_MOVING: Sort(resident.falls_and_stirs),
    IncidentKind.NOT_RISING: Sort(resident.does_not_rise),
    IncidentKind.BATHROOM_LONG: Sort(resident.stays_in_the_bathroom),
    IncidentKind.NIGHT_WANDERING: Sort(resident.wanders),
    IncidentKind.DOOR_LEFT_OPEN: Sort(resident.leaves_the_door_open),
    IncidentKind.DOOR_AT_NIGHT: Sort(resident.goes_out_at_night),
    IncidentKind.NOT_RETURNED: Sort(resident.does_not_return, after=5),
    IncidentKind.HEAT: Sort(indoors.uncooled, month=8),
    IncidentKind.COLD: Sort(indoors.unheated, month=1),
    IncidentKind.DECLINE: Sort(resident.declines, after=63),
    IncidentKind.SENSOR_DEAD: Sort(equipment.dies, after=6),
    IncidentKind.SENSOR_CHATTERING: Sort(equipment.chatters, after=5),
    IncidentKind.SENSOR_STUCK: Sort(equipment.sticks, after=9),
    IncidentKind.SENSOR_MOVED: Sort(equipment.moves, after=21),
    IncidentKind.BATTERY_LOW: Sort(equipment.runs_low, after=10),
    IncidentKind.GATEWAY_DOWN: Sort(equipment.cut_off),
    IncidentKind.CLOCK_WRONG: Sort(equipment.clock_goes_wrong, after=4),
    IncidentKind.POWER_CUT: Sort(indoors.power_cut),
    IncidentKind.FLEET_OUTAGE: Sort(equipment.cut_off_with_the_others),
    IncidentKind.HOLIDAY: Sort(controls.goes_on_holiday, after=12),
    IncidentKind.VISITOR: Sort(controls.is_visited),
    IncidentKind.NAP: Sort(controls.naps),
    IncidentKind.PET: Sort(controls.keeps_a_cat, after=21),
    IncidentKind.CLOCK_CHANGE: Sort(controls.clocks_change, month=3, day=25, after=9),
    IncidentKind.NEW_YEAR: Sort(controls.new_year, month=12, day=31, after=6),
}
INCIDENTS: Mapping[IncidentKind, Sort] = MappingProxyType(_ALL)
"""The catalogue."""
