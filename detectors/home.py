"""Supervision of one home: watermark, coverage, order, timers; and the detectors inside.

Detectors see the home's readings in event-time order, released as the watermark passes them, interleaved with their timers
in due order. How messages were batched, doubled or reordered on their way cannot reach them.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from detectors.catalogue import Parameters, answering, build, detectors, switched_off
from detectors.context import Detector, HomeContext
from detectors.evidence.modes import Over
from detectors.kinds.device_silent.detector import DeviceSilent
from detectors.kinds.device_stuck.detector import DeviceStuck
from detectors.kinds.gateway_silent.detector import GatewaySilent
from detectors.kinds.inactivity.detector import Inactivity
from detectors.snapshot import BrokenSnapshotError, decode, detector_states, encode, reset_finding, restore_detectors
from detectors.voice import Voice
from detectors.withheld import Withheld
from domain.clock import DAY, MINUTE, Instant
from domain.feedback import Feedback
from domain.findings import FindingEvent
from domain.ids import DeviceId, GatewayId, HomeId
from domain.localtime import LocalTime
from domain.modes import Mode
from domain.readings import Device, Hello, Item, Quantity, Reading, RoomType, Vouch
from domain.status import DeviceStatus, HomeStatus, Observability, Resident
from domain.watermark import Coverage, Watermark

_JOIN = 0
_REMEMBERED = 10 * DAY
_QUIET = 30 * MINUTE
_WITH_DEADLINES, _TO_VOUCHES, _ON_OUR_CLOCK = answering("due"), answering("vouched"), answering("due_now")
"""Places of the detectors that have an answer to these."""
_Row = tuple[Instant, str, str, int, str, str, float, Instant, int]


@dataclass(slots=True)
class _Health:
    """What is shown of a device, beside what detectors say."""

    heard: Instant | None = None
    battery: float | None = None
    link: float | None = None


class HomeWatch:
    """One home. Every method is synchronous, pure and deterministic."""

    def __init__(self, home: HomeId, zone: str, parameters: Parameters | None = None, rules: str = "") -> None:
        self.context = HomeContext(home, LocalTime(zone))
        self.parameters: Parameters = parameters or {}
        """What the detectors run on; ``adopt`` changes it."""
        self._detectors: list[Detector] = detectors(self.parameters)
        self._connect()
        self._voice = Voice(rules, switched_off(self.parameters))
        self._unsaid: list[FindingEvent] = []
        self._watermark = Watermark()
        self._gateways: dict[GatewayId, dict[DeviceId, Device]] = {}
        self._spoke: dict[GatewayId, Instant] = {}
        self._software: dict[GatewayId, str] = {}
        self._waiting: list[tuple[Instant, str, str, int, Reading]] = []
        self._health: dict[DeviceId, _Health] = {}
        self._withheld = Withheld()
        self._forget_at: Instant = 0
        self.late = 0
        """Readings that came behind the watermark."""

    def _connect(self) -> None:
        """Tell the evidence which of the present detectors knows whom not to believe."""
        stuck: DeviceStuck = self._of(DeviceStuck)
        self.context.evidence.trust.distrusted = stuck.chattering
        self.context.evidence.trust.unseeing = stuck.unseeing

    def _of(self, kind: type[Any]) -> Any:
        return next(detector for detector in self._detectors if isinstance(detector, kind))

    def note(self, event: FindingEvent) -> None:
        """Something to be said with what the next step finds."""
        self._unsaid.append(event)

    # ---- steps -------------------------------------------------------------------------------------------------------

    def told(self, modes: Sequence[Mode]) -> None:
        """What staff say about the home; it takes effect as the watermark passes it."""
        self.context.evidence.modes.told(modes, self.context.watermark or 0)

    def heed(self, feedback: Sequence[Feedback]) -> bool:
        """What people found in the home; it counts as the watermark passes it. True when some of it is new."""
        return self.context.evidence.feedback.told(feedback)

    @property
    def modes_over(self) -> list[Over]:
        """What staff said and the readings or the clock have ended; to be emptied once it is in the book."""
        return self.context.evidence.modes.over

    def take(self, items: Iterable[Item]) -> list[FindingEvent]:
        """Take this home's items of one arrival, in their order; returns what was found, in event-time order."""
        events, self._unsaid = self._unsaid, []
        vouches: list[Vouch] = []
        self.context.passed.clear()
        for item in items:
            if isinstance(item, Reading):
                events += self._take_reading(item)
            elif isinstance(item, Vouch):
                vouches.append(item)
                self._note_vouch(item)
            elif isinstance(item, Hello):
                events += self._configure(item)
            elif item.down_since is not None:
                self.context.resumed_at = item.received_at
        if vouches:
            events += self._release()
            for vouch in vouches:
                for detector in map(self._detectors.__getitem__, _TO_VOUCHES):
                    found = detector.vouched(vouch, self.context)
                    if found:
                        events += self._voice.say(detector, found)
        return self._withheld.sift(events, self.context)

    def _take_reading(self, reading: Reading) -> Sequence[FindingEvent]:
        health = self._health.setdefault(reading.device, _Health())
        health.heard = max(reading.observed_at, health.heard or 0)
        if reading.quantity is Quantity.BATTERY:
            health.battery = reading.value
        elif reading.quantity is Quantity.LINK:
            health.link = reading.value
        passed = self.context.watermark
        if passed is not None and reading.observed_at <= passed:
            self.late += 1
            self.context.evidence.observe_late(reading, self.context)
            events = self._each(lambda detector: detector.observe_late(reading, self.context))
            self._hear(reading)
            return events
        self._waiting.append((reading.observed_at, reading.gateway, reading.epoch, reading.seq, reading))
        return ()

    def _hear(self, reading: Reading) -> None:
        heard = self.context.heard
        heard[reading.device] = max(reading.observed_at, heard.get(reading.device, reading.observed_at))

    def _note_vouch(self, vouch: Vouch) -> None:
        context = self.context
        self._spoke[vouch.gateway] = vouch.received_at
        context.vouched[vouch.gateway] = max(vouch.through, context.vouched.get(vouch.gateway, vouch.through))
        for start, end in context.clocks.note(vouch):
            context.coverage.add(start, end)
        for device, at in vouch.heard:
            health = self._health.setdefault(device, _Health())
            health.heard = max(at, health.heard or 0)
        self._watermark.vouch(vouch.gateway, vouch.through)
        context.watermark = self._watermark.value
        if context.watermark is not None:
            context.passed.append((context.watermark, vouch.received_at))

    def _configure(self, hello: Hello) -> list[FindingEvent]:
        context = self.context
        if hello.zone != context.local.name:
            context.local = LocalTime(hello.zone)
        self._gateways[hello.gateway] = {device.id: device for device in hello.devices}
        self._software[hello.gateway] = hello.software
        context.devices = {}
        for devices in self._gateways.values():
            context.devices |= devices
        self._health = {d: h for d, h in self._health.items() if d in context.devices}
        context.heard = {d: at for d, at in context.heard.items() if d in context.devices}
        return self._each(lambda detector: detector.configured(context))

    def _each(self, ask: Callable[[Detector], Sequence[FindingEvent]]) -> list[FindingEvent]:
        """What the detectors answer, one after the other."""
        return [event for detector in self._detectors for event in self._voice.say(detector, ask(detector))]

    def _release(self) -> list[FindingEvent]:
        """Hand the detectors everything that the watermark has passed."""
        context, watermark = self.context, self.context.watermark
        if watermark is None:
            return []
        events: list[FindingEvent] = []
        self._waiting.sort()
        passed = bisect_right(self._waiting, watermark, key=lambda row: row[0])
        due = self._due()
        for at, *_, reading in self._waiting[:passed]:
            while due is not None and due < at:
                events += self._fire(due)
                due = self._due()
            context.evidence.observe(reading, context)
            for detector in self._detectors:
                found = detector.observe(reading, context)
                if found:
                    events += self._voice.say(detector, found)
            context.heard[reading.device] = at
            due = self._due()
        del self._waiting[:passed]
        while due is not None and due <= watermark:
            events += self._fire(due)
            due = self._due()
        if watermark > self._forget_at:
            context.coverage.forget_before(watermark - _REMEMBERED)
            self._forget_at = watermark + DAY
        return events

    def _due(self) -> Instant | None:
        soonest = self.context.evidence.due()
        for detector in map(self._detectors.__getitem__, _WITH_DEADLINES):
            due = detector.due()
            if due is not None and (soonest is None or due < soonest):
                soonest = due
        return soonest

    def _fire(self, at: Instant) -> list[FindingEvent]:
        events: list[FindingEvent] = []
        if self.context.evidence.fire(at, self.context.local):
            events += [event for detector in self._detectors for event in detector.configured(self.context)]
        for feedback in self.context.evidence.feedback.passed(at):
            for detector in self._detectors:
                events += self._voice.say(detector, detector.told(feedback, at, self.context))
        for detector in self._detectors:
            due = detector.due()
            if due is not None and due <= at:
                events += self._voice.say(detector, detector.fire(at, self.context))
        return events

    def due_now(self) -> Instant | None:
        """The next processing-time deadline."""
        asked = map(self._detectors.__getitem__, _ON_OUR_CLOCK)
        times = [t for detector in asked if (t := detector.due_now(self.context)) is not None]
        return min(times, default=None)

    def tick(self, now: Instant) -> list[FindingEvent]:
        """Processing time has reached ``now``."""
        unsaid, self._unsaid = self._unsaid, []
        events = unsaid + self._each(lambda detector: detector.fire_now(now, self.context))
        return self._withheld.sift(events, self.context)

    # ---- the rules that it runs on -----------------------------------------------------------------------------------

    @property
    def rules(self) -> str:
        """The rule sets in force, as they stand on each finding."""
        return self._voice.rules

    def adopt(self, parameters: Parameters, rules: str) -> list[FindingEvent]:
        """Run on other parameters from now on; what has been learnt carries over, and limits are drawn from it anew.

        Returns what follows at once: what a kind that is switched off leaves standing is over, and the other way round.
        """
        before, self.parameters, self._voice.rules = self.parameters, parameters, rules
        events: list[FindingEvent] = []
        for place, detector in enumerate(self._detectors):
            if parameters.get(detector.name, {}) == before.get(detector.name, {}):
                continue
            fresh = build(detector.name, parameters)
            fresh.restore(detector.snapshot())
            self._detectors[place] = fresh
            self._connect()
            events += self._voice.say(fresh, fresh.retuned(self.context))
        events += self._voice.switch(self.context.home, switched_off(parameters), self.context.watermark or 0)
        return self._withheld.sift(events, self.context)

    # ---- what the fleet asks -----------------------------------------------------------------------------------------

    @property
    def spoke_at(self) -> Instant | None:
        """When any of its gateways last spoke, by our own clock."""
        return max(self._spoke.values(), default=None)

    @property
    def software(self) -> frozenset[str]:
        """What its gateways run, as far as they tell."""
        return frozenset(said for said in self._software.values() if said)

    # ---- what is shown -----------------------------------------------------------------------------------------------

    def detector(self, name: str) -> Detector:
        """The detector of this name in the catalogue."""
        return next(detector for detector in self._detectors if detector.name == name)

    @property
    def inactivity(self) -> Inactivity:
        """The detector that knows the resident's limits."""
        found: Inactivity = self._of(Inactivity)
        return found

    def status(self, now: Instant) -> HomeStatus:
        """The home as it stands at processing time ``now``."""
        context = self.context
        inactivity = self.inactivity
        gateways: GatewaySilent = self._of(GatewaySilent)
        devices: DeviceSilent = self._of(DeviceSilent)
        silent, (last_life, last_room) = devices.silent(), _last_life(context)
        shown = tuple(
            DeviceStatus(d.id, d.kind.value, d.room, d.exit, h.heard, d.id in silent, h.battery, h.link)
            for d in sorted(context.devices.values(), key=lambda d: (d.room or "", d.id))
            for h in [self._health.get(d.id) or _Health()]
        )
        cut_off = bool(gateways.silent()) or context.clocks.any_far()
        if not context.vouched:
            seen = Observability.NOT_INSTALLED
        elif cut_off:
            seen = Observability.BLIND
        else:
            seen = Observability.PARTIAL if silent else Observability.CLEAR
        return HomeStatus(
            home=context.home, resident=_resident(inactivity, context, cut_off), observability=seen, as_of=now,
            watermark=context.watermark, last_life=last_life, last_room=last_room,
            limit=inactivity.limit, learnt_days=inactivity.learnt_days,
            gateways=tuple((g, self._spoke.get(g)) for g in sorted({*self._gateways, *self._spoke})), devices=shown,
            false_pages=inactivity.false_pages,
        )  # fmt: skip

    # ---- state -------------------------------------------------------------------------------------------------------

    def snapshot(self) -> bytes:
        """Everything, so that ``restore`` goes on as if nothing had happened."""
        context = self.context
        state = {
            "home": context.home,
            "zone": context.local.name,
            "watermark": self._watermark.snapshot(),
            "coverage": context.coverage.snapshot(),
            "vouched": context.vouched,
            "resumed_at": context.resumed_at,
            "clocks": context.clocks.snapshot(),
            "heard": context.heard,
            "gateways": {g: [_device(d) for d in devices.values()] for g, devices in self._gateways.items()},
            "spoke": self._spoke,
            "software": self._software,
            "waiting": [_row(row[-1]) for row in sorted(self._waiting)],
            "health": {d: [h.heard, h.battery, h.link] for d, h in self._health.items()},
            "forget_at": self._forget_at,
            "late": self.late,
            "evidence": context.evidence.snapshot(),
            "withheld": self._withheld.snapshot(),
            "rules": [self._voice.rules, self.parameters],
            "voice": self._voice.snapshot(),
            "detectors": detector_states(self._detectors),
        }
        return encode(state)

    @classmethod
    def restore(cls, body: bytes, parameters: Parameters | None = None, rules: str = "") -> HomeWatch:
        """The home that ``snapshot`` described, on the rules that it ran on then, or else as if it had adopted these since.

        A detector that the snapshot does not know starts anew; so does one whose state cannot be read, and the home's next
        step says so. Raises NewerSnapshotError and BrokenSnapshotError, see ``detectors.snapshot``.
        """
        state = decode(body)
        try:
            home = cls._of_state(state, parameters, rules)
        except (KeyError, TypeError, ValueError, AttributeError, IndexError) as error:
            raise BrokenSnapshotError(
                f"A part of this snapshot cannot be read ({type(error).__name__}: {error})."
            ) from error
        if parameters is not None and (home.rules, home.parameters) != (rules, parameters):
            for event in home.adopt(parameters, rules):
                home.note(event)
        return home

    @classmethod
    def _of_state(cls, state: Mapping[str, Any], parameters: Parameters | None, rules: str) -> HomeWatch:
        ran_on: tuple[str, Parameters] = state["rules"] or (rules, parameters or {})
        home = cls(HomeId(state["home"]), state["zone"], ran_on[1], ran_on[0])
        context = home.context
        home._watermark = Watermark.restore(state["watermark"])
        context.watermark = home._watermark.value
        context.coverage = Coverage([(a, b) for a, b in state["coverage"]], _JOIN)
        context.vouched, context.resumed_at = dict(state["vouched"]), state["resumed_at"]
        context.clocks.restore(state.get("clocks", {}))
        context.heard = {DeviceId(d): at for d, at in state["heard"].items()}
        home._gateways = {
            GatewayId(g): {d.id: d for d in (_undevice(raw) for raw in devices)}
            for g, devices in state["gateways"].items()
        }
        for devices in home._gateways.values():
            context.devices |= devices
        home._spoke = {GatewayId(g): at for g, at in state["spoke"].items()}
        home._software = {GatewayId(g): said for g, said in state.get("software", {}).items()}
        home._waiting = [_unrow(context.home, row) for row in state["waiting"]]
        home._health = {DeviceId(d): _Health(*values) for d, values in state["health"].items()}
        home._forget_at, home.late = state["forget_at"], state["late"]
        if state["evidence"] is not None:
            context.evidence.restore(state["evidence"])
        if "withheld" in state:
            home._withheld.restore(state["withheld"])
        if state["voice"] is not None:
            home._voice.restore(state["voice"])
        at = context.watermark or 0
        for name, reason in restore_detectors(
            home._detectors, state["detectors"], lambda name: build(name, home.parameters)
        ):
            home.note(reset_finding(context.home, name, reason, at))
        home._connect()
        return home


def _resident(inactivity: Inactivity, context: HomeContext, cut_off: bool) -> Resident:
    last = context.evidence.last
    if context.evidence.modes.away():
        return Resident.AWAY
    if inactivity.overdue:
        return Resident.OVERDUE
    if last is None or last.alone or inactivity.unsure or cut_off:
        return Resident.UNKNOWN
    if last.may_be_out:
        return Resident.AWAY
    last_life, _ = _last_life(context)
    quiet = (context.watermark or 0) - (last_life or last.at) > _QUIET
    return Resident.QUIET if quiet else Resident.ACTIVE


def _last_life(context: HomeContext) -> tuple[Instant | None, str | None]:
    """When, and in which room, the resident was last known to be alive: seen, or reached by somebody."""
    last, word = context.evidence.last, context.evidence.feedback.word
    if last is None or (word is not None and word > last.at):
        return (None if last is None else word), None
    return last.at, last.room


def _device(device: Device) -> list[Any]:
    return [device.id, device.kind.value, device.room, device.exit, device.check_in, device.mains,
            device.room_type, device.model]  # fmt: skip


def _undevice(raw: list[Any]) -> Device:
    identity, kind, room, leads_out, check_in, mains, *since = raw
    room_type, model = since or (None, "")
    use = None if room_type is None else RoomType.of(room_type)
    return Device(DeviceId(identity), Quantity(kind), room, leads_out, check_in, mains, use, model)


def _row(r: Reading) -> _Row:
    return (r.observed_at, r.gateway, r.epoch, r.seq, r.device, r.quantity.value, r.value, r.received_at, r.flags)


def _unrow(home: HomeId, row: Sequence[Any]) -> tuple[Instant, str, str, int, Reading]:
    at, gateway, epoch, seq, device, quantity, value, received_at, flags = row
    reading = Reading(
        home, DeviceId(device), Quantity(quantity), value, at, received_at, GatewayId(gateway), epoch, seq, flags
    )
    return (at, gateway, epoch, seq, reading)
