"""device_stuck: a sensor that still speaks, and no longer tells what happens."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from detectors.context import HomeContext, Quiet, State
from detectors.kinds.device_stuck import text
from detectors.kinds.device_stuck.habits import HOURS_OVER, Habit
from detectors.kinds.device_stuck.text import Fault, Trouble
from detectors.parameters import numbers
from detectors.standing import Standing
from domain.clock import DAY, HOUR, MINUTE, Instant, Span
from domain.findings import EndReason, Finding, FindingEvent, Level, Subject
from domain.ids import DeviceId
from domain.readings import Device, DoorState, Quantity, Reading

NAME = "device_stuck"
BLIND: Span = 5 * MINUTE
"""An hour of which more was not vouched for counts for nothing."""
LIVED = 3
"""Pulses of the others in an hour that show that somebody lives in the home; fewer may be stray ones."""
READINGS_OF_A_FLAT_LINE = 12
NO_OTHER = 2
"""Times as long, where no other thermometer shows that the air does change."""
FOR_EVER: Span = 1 << 62
MISSED_FOR: Span = 4 * DAY
"""A sensor that has seen nothing for so long hides its room no more: the home is known without it by then."""
QUIET_HOURS = 2
"""A chattering sensor is well again after as many hours within its limits."""
_WATCHED = (Quantity.MOTION, Quantity.DOOR)
_NOT_LIFE = (Fault.WITHOUT_END, Fault.LIKE_A_MACHINE, Fault.TOO_OFTEN)


class _Flat:
    """What a thermometer says, and for how long it has said so."""

    __slots__ = ("count", "longest", "moved", "since", "value")

    def __init__(self, value: float, since: Instant, count: int = 1, longest: Span = 0, moved: Instant = 0) -> None:
        self.value, self.since, self.count, self.longest, self.moved = value, since, count, longest, moved


class DeviceStuck(Quiet):
    """Raises a finding about a device whose own history says that what it tells cannot be so.

    ``chattering`` are the devices whose readings prove nothing about the resident while their finding stands, and since
    when; ``unseeing`` those that do not see what others see, or are suspected of it. Both are the same objects for the
    detector's whole life, for those who must not believe such a device.
    """

    name = NAME

    def __init__(self, chatter_hours: float = 6.0, flat_hours: float = 24.0, open_hours: float = 24.0) -> None:
        self._run, self._flat_for, self._open = (int(hours * HOUR) for hours in (chatter_hours, flat_hours, open_hours))
        self._habits: dict[DeviceId, Habit] = {}
        self._flat: dict[DeviceId, _Flat] = {}
        self._standing = Standing(NAME)
        self._faults: dict[DeviceId, tuple[Fault, int]] = {}
        """Device -> what its finding says, and for how many hours it has been within its limits since."""
        self._next: Instant | None = None
        self._hour = 0
        """Whole hours since the first reading."""
        self.chattering: dict[DeviceId, Instant] = {}
        self.unseeing: set[DeviceId] = set()

    # ---- as readings come --------------------------------------------------------------------------------------------

    def configured(self, context: HomeContext) -> Sequence[FindingEvent]:
        """See Detector.configured."""
        for known in (self._habits, self._flat, self._faults, self.chattering):
            for device in [d for d in known if d not in context.devices]:
                del known[device]
        self.unseeing.intersection_update(context.devices)
        return self._standing.keep(context.devices, context)

    def observe(self, reading: Reading, context: HomeContext) -> Sequence[FindingEvent]:
        """See Detector.observe."""
        if reading.quantity in _WATCHED:
            return self._fired(reading, context)
        if reading.quantity is Quantity.TEMPERATURE:
            return self._measured(reading, context)
        return ()

    def _fired(self, reading: Reading, context: HomeContext) -> Sequence[FindingEvent]:
        at, key = reading.observed_at, reading.device
        habit = self._habits.get(key)
        if habit is None:
            device = context.devices.get(key)
            if device is None or device.kind is not reading.quantity:
                return ()
            habit = self._habits[key] = Habit()
        if self._next is None:
            self._next = at // HOUR * HOUR + HOUR
        fault = self._faults.get(key)
        stuck = fault is not None
        if reading.value != DoorState.MOVED:
            habit.switch(at, reading.value == 1.0, stuck)
        if reading.value or reading.quantity is Quantity.DOOR:
            habit.pulse(at)
            self.unseeing.discard(key)
        if fault is not None:
            over = (fault[0] is Fault.STAYS_ON and habit.on is None) or fault[0] is Fault.SEES_NOTHING
            return self._well(key, at, context) if over else ()
        if habit.like_a_machine:
            return self._raise(Fault.LIKE_A_MACHINE, key, habit.same_since, at, context)
        return ()

    def _measured(self, reading: Reading, context: HomeContext) -> Sequence[FindingEvent]:
        at, key = reading.observed_at, reading.device
        flat = self._flat.get(key)
        if flat is None:
            if key in context.devices:
                self._flat[key] = _Flat(reading.value, at)
            return ()
        if reading.value != flat.value:
            if key not in self._faults:
                flat.longest = max(flat.longest * 99 // 100, at - flat.since)
            flat.value, flat.since, flat.count, flat.moved = reading.value, at, 1, at
            return self._well(key, at, context)
        flat.count += 1
        if flat.count < READINGS_OF_A_FLAT_LINE or at - flat.since < self._flat_for or key in self._faults:
            return ()
        others = [other for device, other in self._flat.items() if device != key]
        # Half of the time must lie before the other one moved: both may have begun to say the same a moment ago.
        moved = any(other.moved > flat.since + self._flat_for // 2 for other in others)
        limit = max(self._flat_for, 2 * flat.longest) * (1 if moved else NO_OTHER)
        return self._raise(Fault.FLAT, key, flat.since, at, context) if at - flat.since >= limit else ()

    def observe_late(self, reading: Reading, context: HomeContext) -> Sequence[FindingEvent]:
        """See Detector.observe_late: what came late shows that a sensor does see something."""
        habit, fault = self._habits.get(reading.device), self._faults.get(reading.device)
        if habit is None or reading.quantity not in _WATCHED or reading.observed_at <= habit.last:
            return ()
        habit.gap = 0
        self.unseeing.discard(reading.device)
        if fault is None or fault[0] is not Fault.SEES_NOTHING:
            return ()
        return self._well(reading.device, reading.observed_at, context, EndReason.LATE_ACTIVITY)

    # ---- as hours pass -----------------------------------------------------------------------------------------------

    def due(self) -> Instant | None:
        """See Detector.due."""
        return self._next

    def fire(self, at: Instant, context: HomeContext) -> Sequence[FindingEvent]:
        """See Detector.fire: a whole hour is over."""
        end = self._next
        if end is None or end > at:
            return ()
        self._next = end + HOUR
        self._hour += 1
        if context.blind(end - HOUR, end) > BLIND:
            for habit in self._habits.values():
                habit.skip_hour()
            return ()
        pulses = {key: habit.count for key, habit in self._habits.items() if key not in self.chattering}
        total = sum(pulses.values())
        found: list[FindingEvent] = []
        for key, habit in sorted(self._habits.items()):
            found += self._close_hour(context.devices[key], habit, end, total - pulses.get(key, 0) >= LIVED, context)
            if self._hour % 24 == 0:
                habit.close_day()
        return found

    def _close_hour(
        self, device: Device, habit: Habit, end: Instant, lived: bool, context: HomeContext
    ) -> Sequence[FindingEvent]:
        key, fault = device.id, self._faults.get(device.id)
        heard = context.heard.get(key)
        if device.check_in is not None and (heard is None or end - heard > 2 * device.check_in):
            lived = False  # it is not there at all: device_silent says so
        habit.close_hour(end, context.local.hour(end - HOUR), lived, fault is not None)
        if habit.suspect and end - habit.last < MISSED_FOR:
            self.unseeing.add(key)
        else:
            self.unseeing.discard(key)
        if fault is not None:
            return self._still(key, habit, fault, end, context)
        if habit.without_end(self._run):
            return self._raise(Fault.WITHOUT_END, key, end - habit.row * HOUR, end, context)
        if habit.over >= HOURS_OVER:
            return self._raise(Fault.TOO_OFTEN, key, habit.over_since, end, context)
        if habit.on is not None and end - habit.on > self._on_limit(device, habit):
            return self._raise(Fault.STAYS_ON, key, habit.on, end, context)
        if habit.too_quiet:
            return self._raise(Fault.SEES_NOTHING, key, habit.last, end, context)
        return ()

    def _on_limit(self, device: Device, habit: Habit) -> Span:
        if device.kind is Quantity.DOOR:
            return habit.on_limit(self._open)
        return habit.on_limit(2 * self._run) if habit.clears else FOR_EVER

    def _still(
        self, key: DeviceId, habit: Habit, fault: tuple[Fault, int], end: Instant, context: HomeContext
    ) -> Sequence[FindingEvent]:
        """A finding stands, and an hour is over."""
        what, calm = fault
        if what not in _NOT_LIFE:
            return ()
        goes_on = habit.over or habit.row or (habit.like_a_machine and end - habit.last < 2 * habit.same_gap)
        calm = 0 if goes_on else calm + 1
        self._faults[key] = (what, calm)
        return self._well(key, end, context) if calm >= QUIET_HOURS else ()

    # ---- what is said ------------------------------------------------------------------------------------------------

    def _raise(
        self, fault: Fault, key: DeviceId, since: Instant, at: Instant, context: HomeContext
    ) -> Sequence[FindingEvent]:
        device, habit, flat = context.devices.get(key), self._habits.get(key), self._flat.get(key)
        if device is None:
            return ()
        trouble = Trouble(
            fault, device, since, at, habit,
            None if flat is None or fault is not Fault.FLAT else flat.value,
        )  # fmt: skip
        # An inner door may stand open for ever, and a door that nobody uses is a change of life before it is a fault.
        mild = device.kind is Quantity.DOOR and (fault is Fault.SEES_NOTHING or not device.exit)
        finding = Finding(
            home=context.home, kind=NAME, detector=f"{NAME}/1", cause=self._standing.cause(key), subject=Subject.DEVICE,
            level=Level.DIGEST if mild else Level.PROMPT, onset=since, raised_at=at, room=device.room, device=key,
            evidence=text.evidence(trouble, context.local), text_en=text.english(trouble, context.local),
            text_ja=text.japanese(trouble, context.local),
        )  # fmt: skip
        self._faults[key] = (fault, 0)
        if fault in _NOT_LIFE:
            self.chattering[key] = since
        return [self._standing.begin(finding, key)]

    def _well(
        self, key: DeviceId, at: Instant, context: HomeContext, reason: EndReason = EndReason.ACTIVITY
    ) -> Sequence[FindingEvent]:
        if key not in self._faults:
            return ()
        del self._faults[key]
        self.chattering.pop(key, None)
        return self._standing.end(context, at, reason, key)

    # ---- state -------------------------------------------------------------------------------------------------------

    def snapshot(self) -> State:
        """See Detector.snapshot."""
        return {
            "habits": {d: habit.snapshot() for d, habit in sorted(self._habits.items())},
            "flat": {d: [f.value, f.since, f.count, f.longest, f.moved] for d, f in sorted(self._flat.items())},
            "standing": self._standing.snapshot(),
            "faults": {d: [fault.value, calm] for d, (fault, calm) in sorted(self._faults.items())},
            "chattering": dict(sorted(self.chattering.items())), "unseeing": sorted(self.unseeing),
            "next": self._next, "hour": self._hour,
        }  # fmt: skip

    def restore(self, state: Mapping[str, Any]) -> None:
        """See Detector.restore."""
        self._habits = {DeviceId(d): Habit.restore(habit) for d, habit in state["habits"].items()}
        self._flat = {DeviceId(d): _Flat(*flat) for d, flat in state["flat"].items()}
        self._standing.restore(state["standing"])
        self._faults = {DeviceId(d): (Fault(fault), calm) for d, (fault, calm) in state["faults"].items()}
        self.chattering.clear()  # others hold this very mapping
        self.chattering.update((DeviceId(d), since) for d, since in state["chattering"].items())
        self.unseeing.clear()
        self.unseeing.update(DeviceId(d) for d in state.get("unseeing", ()))
        self._next, self._hour = state["next"], state["hour"]


def build(settings: Mapping[str, Any]) -> DeviceStuck:
    """A detector; see the README for its parameters."""
    return DeviceStuck(
        **numbers(NAME, settings, chatter_hours=(6.0, 1, 72), flat_hours=(24.0, 6, 168), open_hours=(24.0, 2, 336))
    )
