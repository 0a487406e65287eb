"""Every detector by name. Adding one is a folder and one line here."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from detectors.context import Detector, Quiet
from detectors.kinds.bathroom_long.detector import build as bathroom_long
from detectors.kinds.battery_low.detector import build as battery_low
from detectors.kinds.clock_wrong.detector import build as clock_wrong
from detectors.kinds.cold.detector import build as cold
from detectors.kinds.device_silent.detector import build as device_silent
from detectors.kinds.device_stuck.detector import build as device_stuck
from detectors.kinds.door_at_night.detector import build as door_at_night
from detectors.kinds.door_left_open.detector import build as door_left_open
from detectors.kinds.gateway_silent.detector import build as gateway_silent
from detectors.kinds.heat.detector import build as heat
from detectors.kinds.inactivity.detector import build as inactivity
from detectors.kinds.late_rising.detector import build as late_rising
from detectors.kinds.night_wandering.detector import build as night_wandering
from detectors.kinds.not_returned.detector import build as not_returned
from detectors.kinds.routine_drift.detector import build as routine_drift

CATALOGUE: dict[str, Callable[[Mapping[str, Any]], Detector]] = {
    "bathroom_long": bathroom_long,
    "battery_low": battery_low,
    "clock_wrong": clock_wrong,
    "cold": cold,
    "device_silent": device_silent,
    "device_stuck": device_stuck,
    "door_at_night": door_at_night,
    "door_left_open": door_left_open,
    "gateway_silent": gateway_silent,
    "heat": heat,
    "inactivity": inactivity,
    "late_rising": late_rising,
    "night_wandering": night_wandering,
    "not_returned": not_returned,
    "routine_drift": routine_drift,
}
"""Name -> factory. A factory takes its table of parameters and raises ValueError, in one sentence, for a wrong one."""


Parameters = Mapping[str, Mapping[str, Any]]
"""Detector -> its table, for those that are not to run on their defaults; ``on = false`` in a table withholds its findings."""

ALWAYS_ON = frozenset({"inactivity", "gateway_silent"})
"""What a home is watched over for, and the word that it is not seen: these cannot be switched off."""


def build(name: str, parameters: Parameters) -> Detector:
    """One detector by name; raises ValueError, in one sentence, for parameters that it does not take."""
    table = {key: value for key, value in parameters.get(name, {}).items() if key != "on"}
    return CATALOGUE[name](table)


def detectors(parameters: Parameters) -> list[Detector]:
    """One of each detector."""
    return [build(name, parameters) for name in CATALOGUE]


def answering(call: str) -> tuple[int, ...]:
    """The places, among ``detectors``, of those that have an answer of their own to a call of the protocol.

    Most have none to most calls, and a fleet's heartbeats ask all of them: the others need not be asked.
    """
    made = [type(detector) for detector in detectors({})]
    return tuple(place for place, kind in enumerate(made) if getattr(kind, call) is not getattr(Quiet, call, None))


def switched_off(parameters: Parameters) -> list[str]:
    """The detectors whose findings are withheld."""
    return [name for name, table in parameters.items() if table.get("on") is False]


def check(parameters: Parameters) -> None:
    """Raises ValueError, in one sentence, for a detector that does not exist and for parameters that it does not take."""
    for name, table in parameters.items():
        if name not in CATALOGUE:
            raise ValueError(f"There is no detector {name!r}: choose one of {', '.join(CATALOGUE)}.")
        wanted = table.get("on", True)
        if wanted not in (True, False):
            raise ValueError(f"{name}.on is {wanted!r}: use true or false.")
        if not wanted and name in ALWAYS_ON:
            raise ValueError(
                f"{name} cannot be switched off: without it nobody would learn that the home is in trouble."
            )
        build(name, parameters)
