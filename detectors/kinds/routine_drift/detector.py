"""routine_drift: the days of a home have slowly become other days. Once a week, into the digest, and never a page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import time
from statistics import fmean, median
from typing import Any

from detectors.context import HomeContext, Quiet, State
from detectors.evidence.life import Sign
from detectors.kinds.routine_drift import text
from detectors.kinds.routine_drift.day import PARTS, Day, count
from detectors.kinds.routine_drift.history import BASELINE_DAYS, Change, History, Step
from detectors.kinds.routine_drift.rhythm import amplitude, stability, variability
from detectors.kinds.routine_drift.visits import tail
from detectors.parameters import numbers
from detectors.rooms import is_bath, is_toilet
from detectors.standing import Standing
from domain.clock import DAY, HOUR, MINUTE, Instant, Span
from domain.findings import EndReason, Finding, FindingEvent, Level, Subject
from domain.ids import DeviceId
from domain.readings import SIGNS_OF_LIFE, Reading

NAME = "routine_drift"
CLOSES = time(12)
"""A day is closed at noon of the next: by then its night is over."""
UNSEEN: Span = HOUR
"""A day of which more than this was not seen is left out."""
AWAY_AT_NIGHT = 36
"""So is one whose night was spent elsewhere: slots of the night in which nobody was at home."""
SEPARATE: Span = 15 * MINUTE
"""A sign of life in the toilet so long after the one before it is another visit."""
GUESTS = 24
"""So is one with company for longer: slots with signs of life of more than one person."""
LEAST_LIFE = 6
"""Slots: a day with less life than this tells of an empty home or dead sensors."""
WEEK_DAYS = 4
"""A week of which fewer days were seen is not judged."""
TOO_MANY = 0.001
"""Nights with so many visits to the toilet have to be this unlikely, and more than one a night more than usual."""
MORE_VISITS = 1.0
RHYTHM_WEEKS = 6
RHYTHM_Z, RHYTHM_MATTERS, RHYTHM_DEVIATION = 4.0, 0.15, 0.03
STEP_DAYS, MAYBE_STEP_DAYS = 5, 2
"""A sensor that sees otherwise for so many days is told of; for so many, nothing is said about the resident."""
HELD_DAYS = 28
"""What has been told is not told again within four weeks."""


class RoutineDrift(Quiet):
    """Judges each week on Monday noon against the eight weeks before; see ``history``, ``visits`` and ``rhythm``.

    Days that were not fully seen, days away, days with guests and days on which a device was lost are left out. When the
    sensors change, or one of them sees far more or less from one day on while the others see the same, the home is learnt
    anew from there.
    """

    name = NAME

    def __init__(self, learn_days: float = 28.0, decision: float = 5.0) -> None:
        self._learn, self._decision = int(learn_days), decision
        self._standing = Standing(NAME)
        self._history = History()
        self._day: Day | None = None
        self._number = 0
        """The local day that ``_day`` is."""
        self._closes: Instant | None = None
        self._life_devices: tuple[str, ...] = ()
        self._toilets: frozenset[DeviceId] = frozenset()
        self._hours: list[list[int]] = []
        """Hourly activity of the days of this week."""
        self._rhythm: list[tuple[int, int, int]] = []
        """IS, IV and RA of the last weeks, in thousandths."""
        self._told: dict[str, int] = {}
        """What was told -> on which local day."""

    def configured(self, context: HomeContext) -> Sequence[FindingEvent]:
        """See Detector.configured: other sensors see another home, so that is learnt anew."""
        alive = [d for d in context.devices.values() if d.kind in SIGNS_OF_LIFE]
        devices = tuple(sorted(f"{device.id}/{device.room or ''}" for device in alive))
        toilets = [d.id for d in alive if is_toilet(d)] or [d.id for d in alive if is_bath(d)]
        self._toilets = frozenset(toilets)
        if devices != self._life_devices and self._life_devices:
            self._history = History()
            self._hours, self._rhythm, self._told = [], [], {}
        self._life_devices = devices
        return ()

    # ---- event time --------------------------------------------------------------------------------------------------

    def due(self) -> Instant | None:
        """See Detector.due: the next noon."""
        return self._closes

    def observe(self, reading: Reading, context: HomeContext) -> Sequence[FindingEvent]:  # noqa: ARG002
        """See Detector.observe."""
        for before, sign in context.evidence.fresh:
            day = self._day
            if day is None:
                day = self._begin(sign, context)
            day.note(sign.at, sign.device, company=sign.company)
            if before is None:
                continue
            if sign.device in self._toilets and (before.device not in self._toilets or sign.at - before.at >= SEPARATE):
                day.visited(sign.at)
            if before.may_be_out:
                day.was_out(before.at, sign.at)
        return ()

    def _begin(self, sign: Sign, context: HomeContext) -> Day:
        self._number = context.local.day(sign.at)
        self._day = Day(context.local.midnight(self._number))
        self._aim(context)
        return self._day

    def _aim(self, context: HomeContext) -> None:
        local = context.local
        self._closes = local.at(local.date(local.midnight(self._number + 1)), CLOSES)

    def fire(self, at: Instant, context: HomeContext) -> Sequence[FindingEvent]:
        """See Detector.fire."""
        day, closes, found = self._day, self._closes, []
        if day is None or closes is None or closes > at:
            return ()
        last = context.evidence.last
        if last is not None and last.may_be_out:
            day.was_out(last.at, closes)
        self._close(day, closes, context)
        judged = self._number + 1
        if (judged + 3) % 7 == 0:  # a Monday
            found += self._judge(judged, closes, context)
        self._number = judged
        self._day = day.next(context.local.midnight(judged))
        self._aim(context)
        return found

    def _close(self, day: Day, closes: Instant, context: HomeContext) -> None:
        """Keep what the day was, unless it was not a day like any."""
        seen_to = day.start + DAY + 6 * HOUR
        features = day.features()
        if (
            context.blind(day.start, seen_to) > UNSEEN
            or count(day.out, 22, 30) > AWAY_AT_NIGHT
            or count(day.guests, 0, 30) > GUESTS
            or day.life.bit_count() < LEAST_LIFE
            or context.evidence.modes.away()
            or any(device.kind in SIGNS_OF_LIFE for device in context.lost(closes))
        ):
            return
        if not self._toilets:
            features["visits"] = -1
        slots = {device: [count(bits, *hours) for hours in PARTS.values()] for device, bits in day.devices.items()}
        self._history.add(self._number, context.local.name, features, slots, self._learn)
        self._hours.append(day.hours())

    # ---- once a week -------------------------------------------------------------------------------------------------

    def _judge(self, monday: int, at: Instant, context: HomeContext) -> list[FindingEvent]:
        hours, self._hours = self._hours, []
        ended: list[FindingEvent] = [*self._standing.end(context, at, EndReason.REPLACED)]
        first = self._history.since(monday - 7)
        if len(hours) < WEEK_DAYS or first < self._learn:
            return ended
        rhythm = self._rhythm_changes(hours)
        self._told = {name: day for name, day in self._told.items() if day > monday - HELD_DAYS}
        recent = self._history.since(monday - 13)
        step = self._history.step(recent, STEP_DAYS)
        if step is not None:
            return [*ended, *self._tell_step(step, monday, at, context)]
        changes = [
            *self._more_visits(first),
            *self._history.changes(first, context.local.name, self._decision),
            *rhythm,
        ]
        fresh = [change for change in changes if change.feature not in self._told]
        if not fresh:
            return ended
        lately = max(recent, len(self._history) - STEP_DAYS + 1)
        if self._history.step(lately, MAYBE_STEP_DAYS) is not None or self._history.alone(first) is not None:
            return ended  # one sensor's doing, it seems: next week it will be known, and nobody is told that somebody declines
        for change in fresh:
            self._told[change.feature] = monday
        return [*ended, self._tell(fresh, monday, at, context, first)]

    def _more_visits(self, first: int) -> list[Change]:
        before, week = self._history.visits(first)
        if len(before) < self._learn or len(week) < WEEK_DAYS:
            return []
        chance = tail(sum(week), len(week), before)
        now, usual = fmean(week), fmean(before)
        if chance > TOO_MANY or now - usual < MORE_VISITS:
            return []
        return [Change("visits", round(now, 1), round(usual, 1), 9.0)]

    def _rhythm_changes(self, hours: Sequence[Sequence[int]]) -> list[Change]:
        week = tuple(round(1000 * measure(hours)) for measure in (stability, variability, amplitude))
        found = []
        if len(self._rhythm) >= RHYTHM_WEEKS:
            for name, now, past in zip(("is", "iv", "ra"), week, zip(*self._rhythm, strict=True), strict=True):
                usual = median(past)
                mad = median(abs(value - usual) for value in past)
                z = (now - usual) / max(1.4826 * mad, 1000 * RHYTHM_DEVIATION)
                worse = z > 0 if name == "iv" else z < 0
                if worse and abs(z) >= RHYTHM_Z and abs(now - usual) >= 1000 * RHYTHM_MATTERS:
                    found.append(Change(name, round(now / 1000, 2), round(usual / 1000, 2), round(z, 2)))
        self._rhythm = [*self._rhythm, (week[0], week[1], week[2])][-BASELINE_DAYS // 7 :]
        return found

    def _tell(self, changes: Sequence[Change], monday: int, at: Instant, context: HomeContext, first: int) -> Finding:
        rooms = {device.id: device.room or str(device.id) for device in context.devices.values()}
        local = context.local
        return self._standing.begin(Finding(
            home=context.home, kind=NAME, detector=f"{NAME}/1", cause=NAME, subject=Subject.PERSON, level=Level.DIGEST,
            onset=local.midnight(monday - 7), raised_at=at,
            evidence={
                "week_from": local.iso(local.midnight(monday - 7)), "days_seen": len(self._history) - first,
                "days_compared": first,
                "changes": [
                    {"what": c.feature, "week": c.week, "usual": c.usual, "z": c.z} for c in changes
                ],
                "changed": [text.brief_en(change, rooms) for change in changes],
            },
            text_en=text.told_en(changes, rooms), text_ja=text.told_ja(changes, rooms),
        ))  # fmt: skip

    def _tell_step(self, step: Step, monday: int, at: Instant, context: HomeContext) -> list[Finding]:
        """One sensor sees another home: said about the sensor, and the home is learnt anew from there."""
        since = self._history.days[step.first]
        device = context.devices.get(step.device)
        room = device.room if device is not None else None
        self._history.start_at(step.first)
        self._rhythm, self._told = [], {}
        if step.now == 0:
            return []  # a sensor that sees nothing at all is a fault of its own, and told as one
        local = context.local
        began = local.midnight(since)
        return [self._standing.begin(Finding(
            home=context.home, kind=NAME, detector=f"{NAME}/1", cause=NAME, subject=Subject.DEVICE, level=Level.DIGEST,
            onset=local.midnight(monday - 7), raised_at=at, room=room, device=step.device,
            evidence={
                "device": str(step.device), "room": room, "began": local.iso(began),
                "active_minutes": round(step.now * 5), "usual_active_minutes": round(step.usual * 5),
            },
            text_en=text.step_en(step, room, began, at, local), text_ja=text.step_ja(step, room, began, at, local),
        ))]  # fmt: skip

    # ---- state -------------------------------------------------------------------------------------------------------

    def snapshot(self) -> State:
        """See Detector.snapshot."""
        return {
            "standing": self._standing.snapshot(), "history": self._history.snapshot(),
            "day": None if self._day is None else self._day.snapshot(), "number": self._number, "closes": self._closes,
            "devices": list(self._life_devices), "toilets": sorted(self._toilets),
            "hours": [list(day) for day in self._hours], "rhythm": [list(week) for week in self._rhythm],
            "told": dict(sorted(self._told.items())),
        }  # fmt: skip

    def restore(self, state: Mapping[str, Any]) -> None:
        """See Detector.restore."""
        self._standing.restore(state["standing"])
        self._history.restore(state["history"])
        self._day = None if state["day"] is None else Day.restore(state["day"])
        self._number, self._closes = state["number"], state["closes"]
        self._life_devices = tuple(state["devices"])
        self._toilets = frozenset(DeviceId(device) for device in state["toilets"])
        self._hours = [list(day) for day in state["hours"]]
        self._rhythm = [(a, b, c) for a, b, c in state["rhythm"]]
        self._told = dict(state["told"])


def build(settings: Mapping[str, Any]) -> RoutineDrift:
    """A detector; ``learn_days`` are known before a week is judged, ``decision`` is the CUSUM's h."""
    return RoutineDrift(**numbers(NAME, settings, learn_days=(28.0, 5, 56), decision=(5.0, 2, 30)))
