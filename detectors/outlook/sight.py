"""Whether each detector is able to see in a home: it sees, it is still learning, or it is blind, and why."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from detectors.catalogue import CATALOGUE, switched_off
from detectors.home import HomeWatch
from detectors.kinds.bathroom_long.detector import ENOUGH_STAYS, BathroomLong
from detectors.kinds.late_rising.detector import LateRising
from detectors.kinds.not_returned.absences import ENOUGH as ENOUGH_ABSENCES
from detectors.kinds.not_returned.detector import NotReturned
from detectors.rooms import is_bath, is_day_room
from domain.findings import Finding
from domain.ids import DeviceId
from domain.readings import SIGNS_OF_LIFE, Device, Quantity

LEARNT_DAYS = 28
"""Days of a home's own life after which its limits are its own."""


class Sees(StrEnum):
    """How able a detector is."""

    SEES = "sees"
    PARTLY = "partly"
    """Some of the devices that it needs are in trouble."""
    LEARNING = "learning"
    """It works, with wider limits, until it knows enough of the home."""
    BLIND = "blind"


class Why(StrEnum):
    """Why one does not see, or not all."""

    NO_MOTION = "no_motion"
    NO_EXIT_DOOR = "no_exit_door"
    NO_THERMOMETER = "no_thermometer"
    NO_BATHROOM = "no_bathroom"
    NO_DAY_ROOM = "no_day_room"
    """No sensor in a room in which the day is spent."""
    ONE_ROOM = "one_room"
    """Only one room has a sensor."""
    NO_CHECK_IN = "no_check_in"
    """No device has a period within which it must speak."""
    NO_BATTERY = "no_battery"
    """No device tells of a battery."""
    NO_GATEWAY = "no_gateway"
    LEFT_UNSEEN = "left_unseen"
    """People leave the bathroom unseen here: a long stay means nothing."""
    IRREGULAR = "irregular"
    """The mornings of this home are too late or too irregular."""
    GATEWAY_SILENT = "gateway_silent"
    DEVICE_SILENT = "device_silent"
    DEVICE_STUCK = "device_stuck"
    BATTERY_LOW = "battery_low"
    CLOCK_WRONG = "clock_wrong"
    SWITCHED_OFF = "switched_off"
    """By the rules of this home."""
    AWAY = "away"
    """Staff say that nobody is at home."""
    VISITOR = "visitor"
    """Staff say that somebody else is there: a silence teaches nothing, and movement need not be the resident's."""
    DAYS = "days"
    """Too few days are known yet."""
    ABSENCES = "absences"
    """Too few absences are known yet."""
    STAYS = "stays"
    """Too few stays are known yet."""


_TROUBLES = (Why.DEVICE_SILENT, Why.DEVICE_STUCK, Why.BATTERY_LOW)
"""What can be wrong with a device, the worst first; each is the kind of the finding that tells of it."""
_BLINDING = frozenset({Why.DEVICE_SILENT, Why.DEVICE_STUCK})
_OF_GATEWAY = (Why.GATEWAY_SILENT, Why.CLOCK_WRONG)


@dataclass(frozen=True, slots=True)
class Sight:
    """One detector in one home."""

    kind: str
    sees: Sees
    why: Why | None = None
    devices: tuple[DeviceId, ...] = ()
    """The devices that the reason is about."""
    learnt: int | None = None
    needed: int | None = None
    """Days, or whatever ``why`` names, of which ``learnt`` are known."""


Pick = Callable[[Device], bool]


def _life(device: Device) -> bool:
    return device.kind in SIGNS_OF_LIFE


def _indoors(device: Device) -> bool:
    return device.kind in SIGNS_OF_LIFE and not device.exit


def _exit(device: Device) -> bool:
    return device.exit and device.kind is Quantity.DOOR


def _in_bathroom(device: Device) -> bool:
    return device.kind in SIGNS_OF_LIFE and is_bath(device)


def _in_day_room(device: Device) -> bool:
    return _indoors(device) and is_day_room(device)


def _thermometer(device: Device) -> bool:
    return device.kind is Quantity.TEMPERATURE


def _checks_in(device: Device) -> bool:
    return device.check_in is not None


def _any(device: Device) -> bool:  # noqa: ARG001 (every device will do)
    return True


NEEDS: Mapping[str, tuple[Pick, Why]] = {
    "bathroom_long": (_in_bathroom, Why.NO_BATHROOM),
    "battery_low": (lambda device: not device.mains, Why.NO_BATTERY),
    "clock_wrong": (_any, Why.NO_GATEWAY),
    "cold": (_thermometer, Why.NO_THERMOMETER),
    "device_silent": (_checks_in, Why.NO_CHECK_IN),
    "device_stuck": (_any, Why.NO_GATEWAY),
    "door_at_night": (_exit, Why.NO_EXIT_DOOR),
    "door_left_open": (_exit, Why.NO_EXIT_DOOR),
    "gateway_silent": (_any, Why.NO_GATEWAY),
    "heat": (_thermometer, Why.NO_THERMOMETER),
    "inactivity": (_indoors, Why.NO_MOTION),
    "late_rising": (_in_day_room, Why.NO_DAY_ROOM),
    "night_wandering": (_indoors, Why.NO_MOTION),
    "not_returned": (_exit, Why.NO_EXIT_DOOR),
    "routine_drift": (_indoors, Why.NO_MOTION),
}
"""Kind -> the devices of which it needs at least one, and what is missing where there is none."""
ABOUT_EQUIPMENT = frozenset({"battery_low", "clock_wrong", "device_silent", "device_stuck", "gateway_silent"})
"""Kinds that look at the equipment itself: a device that is silent is what they see, not what blinds them."""
ABOUT_LIFE_AT_HOME = frozenset({"bathroom_long", "inactivity", "late_rising", "night_wandering"})
"""Kinds that judge whoever moves in the home, or does not."""
OF_THE_GATEWAY = frozenset({"clock_wrong", "gateway_silent"})
"""Those of them that need nothing but a gateway that has spoken."""
_LEARNERS = {"inactivity": LEARNT_DAYS, "late_rising": 14, "night_wandering": 14, "routine_drift": LEARNT_DAYS}
"""Kinds that rest on the days of the home's own life -> how many make them its own."""


def sights(watch: HomeWatch, standing: Iterable[Finding]) -> list[Sight]:
    """Each kind of the catalogue, by name; ``standing`` are the home's findings that are not over."""
    troubles: dict[DeviceId, Why] = {}
    of_gateway: set[Why] = set()
    for finding in standing:
        if finding.kind in _TROUBLES and finding.device is not None:
            why = Why(finding.kind)
            if finding.device not in troubles or _TROUBLES.index(why) < _TROUBLES.index(troubles[finding.device]):
                troubles[finding.device] = why
        elif finding.kind in _OF_GATEWAY:
            of_gateway.add(Why(finding.kind))
    off = set(switched_off(watch.parameters))
    return [
        Sight(kind, Sees.BLIND, Why.SWITCHED_OFF) if kind in off else _sight(kind, watch, troubles, of_gateway)
        for kind in sorted(CATALOGUE)
    ]


def _sight(kind: str, watch: HomeWatch, troubles: Mapping[DeviceId, Why], of_gateway: Collection[Why]) -> Sight:
    pick, missing = NEEDS[kind]
    if kind in OF_THE_GATEWAY:
        return Sight(kind, Sees.SEES) if watch.context.vouched else Sight(kind, Sees.BLIND, Why.NO_GATEWAY)
    needed = [device for device in watch.context.devices.values() if pick(device)]
    if not needed:
        return Sight(kind, Sees.BLIND, missing)
    if Why.GATEWAY_SILENT in of_gateway:
        return Sight(kind, Sees.BLIND, Why.GATEWAY_SILENT)
    if kind in ABOUT_EQUIPMENT:
        return Sight(kind, Sees.SEES)
    if kind == "night_wandering" and len({device.room for device in needed}) < 2:
        return Sight(kind, Sees.BLIND, Why.ONE_ROOM)
    return (
        _said(kind, watch)
        or _troubled(kind, needed, troubles, of_gateway)
        or _learning(kind, watch)
        or _worn(kind, needed, troubles)
    )


def _said(kind: str, watch: HomeWatch) -> Sight | None:
    """What follows from what staff say of the home; None where that does not matter to this kind."""
    modes = watch.context.evidence.modes
    if kind not in ABOUT_LIFE_AT_HOME:
        return None
    if modes.away():
        return Sight(kind, Sees.BLIND, Why.AWAY)
    return Sight(kind, Sees.PARTLY, Why.VISITOR) if modes.visitor() else None


def _troubled(
    kind: str, needed: Collection[Device], troubles: Mapping[DeviceId, Why], of_gateway: Collection[Why]
) -> Sight | None:
    """What it says of a detector some of whose devices do not work; None where all do."""
    lost = tuple(sorted(device.id for device in needed if troubles.get(device.id) in _BLINDING))
    if lost:
        why = min((troubles[device] for device in lost), key=_TROUBLES.index)
        return Sight(kind, Sees.BLIND if len(lost) == len(needed) else Sees.PARTLY, why, lost)
    return Sight(kind, Sees.PARTLY, Why.CLOCK_WRONG) if Why.CLOCK_WRONG in of_gateway else None


def _learning(kind: str, watch: HomeWatch) -> Sight | None:
    """What it says of a detector that does not know enough yet; None for one that does."""
    if kind == "bathroom_long":
        detector = watch.detector(kind)
        assert isinstance(detector, BathroomLong)  # noqa: S101 (the catalogue's own)
        if detector.stays < ENOUGH_STAYS:
            return Sight(kind, Sees.LEARNING, Why.STAYS, (), detector.stays, ENOUGH_STAYS)
        return Sight(kind, Sees.BLIND, Why.LEFT_UNSEEN) if detector.limit_of(True, watch.context) is None else None
    if kind == "not_returned":
        absent = watch.detector(kind)
        assert isinstance(absent, NotReturned)  # noqa: S101 (the catalogue's own)
        few = absent.absences < ENOUGH_ABSENCES
        return Sight(kind, Sees.LEARNING, Why.ABSENCES, (), absent.absences, ENOUGH_ABSENCES) if few else None
    known, needed = watch.inactivity.learnt_days, _LEARNERS.get(kind, 0)
    if known < needed:
        return Sight(kind, Sees.LEARNING, Why.DAYS, (), known, needed)
    if kind == "late_rising":
        morning, context = watch.detector(kind), watch.context
        assert isinstance(morning, LateRising)  # noqa: S101 (the catalogue's own)
        today = context.local.day(context.watermark or 0)
        return None if morning.expected(today, context.local.name).tells else Sight(kind, Sees.BLIND, Why.IRREGULAR)
    return None


def _worn(kind: str, needed: Iterable[Device], troubles: Mapping[DeviceId, Why]) -> Sight:
    """It sees; a battery that is low may end that soon."""
    low = tuple(sorted(device.id for device in needed if troubles.get(device.id) is Why.BATTERY_LOW))
    return Sight(kind, Sees.SEES, Why.BATTERY_LOW, low) if low else Sight(kind, Sees.SEES)
