"""late_rising: the resident is not up by a time that this home's own mornings made very unlikely."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import time
from typing import Any

from detectors.context import HomeContext, Quiet, State
from detectors.evidence.life import Sign
from detectors.kinds.late_rising.mornings import Expected, Mornings
from detectors.kinds.late_rising.text import asked_en, asked_ja, clock
from detectors.lasting import Lasting
from detectors.parameters import numbers
from detectors.rooms import is_day_room
from detectors.standing import Standing
from domain.clock import HOUR, MINUTE, Instant, Span
from domain.findings import EndReason, Finding, FindingEvent, Level, Subject
from domain.ids import DeviceId
from domain.readings import SIGNS_OF_LIFE, Reading

NAME = "late_rising"
SLOT: Span = 5 * MINUTE
WINDOW = 6
"""Slots that are looked at together: half an hour."""
BUSY, IN_DAY_ROOMS = 4, 2
"""Up: signs of life in so many of them, and in so many of them in a room in which the day is spent."""
BUSIER, ROOMS = 5, 3
"""Up as well: signs of life in so many of them, and in so many rooms, whatever these are for."""
EARLIEST, OPENS_BEFORE, LATEST_OPENING = 3 * 60, 3 * 60, 10 * 60
"""A morning opens so many minutes before the usual time; not before 3 and not after 10 o'clock."""
EVENING_BEFORE: Span = 4 * HOUR
"""Somebody who slept at home was seen after 20 o'clock; without that, nobody is known to be in bed."""
UNSEEN: Span = 10 * MINUTE
"""A morning of which more than this was not seen teaches nothing."""
DELAYED: Span = 6 * HOUR
"""When blind time has moved the deadline by more than this, it is no morning any more."""
STIRRED: Span = 3 * HOUR
"""Who gave a sign of life less than this ago lies in and is not lost: the question waits, but no longer than this in all."""
REMEMBERED_DAYS = 28
_MORNING = "morning"


class LateRising(Quiet):
    """Prompts once a morning, when the resident who slept at home is not *up* by the limit (see ``mornings``).

    Up is four of six successive five-minute slots with signs of life, two of them in a room that is no bedroom, bathroom or
    passage; or five of six, in three rooms, whatever these are for; or an outer door. So neither a night's walk to the
    toilet nor movement in bed counts, which is what tells it from ``inactivity``. In a home without a sensor in a room for
    the day, a change of rooms stands in for it.

    Who is not up at the limit and was seen a while ago lies in, as a rule: the question waits until three hours have
    passed without a sign of life, or since the limit.
    """

    name = NAME

    def __init__(self, tail: float = 5.0, habit: float = 3.0) -> None:
        self._mornings = Mornings(tail)
        self._habit = int(habit)
        self._lasting = Lasting()
        self._standing = Standing(NAME)
        self._day_rooms: frozenset[DeviceId] = frozenset()
        self._day = 0
        """The local day whose morning is watched."""
        self._opens: Instant = 0
        self._midnight: Instant | None = None
        """When the next day is planned."""
        self._expected: Expected | None = None
        self._up = True
        self._seen = True
        """Whether the resident was known to be at home when the morning opened."""
        self._signs = 0
        self._slots: list[tuple[int, bool, str]] = []
        """(slot, in a day room, room) of the last half hour, each once, ascending by slot."""
        self._late: list[int] = []
        """Local days on which it spoke, the last four weeks."""

    def expected(self, day: int, zone: str) -> Expected:
        """What local ``day`` should bring."""
        return self._mornings.expect(day, zone)

    def configured(self, context: HomeContext) -> Sequence[FindingEvent]:
        """See Detector.configured."""
        self._day_rooms = frozenset(
            d.id for d in context.devices.values() if d.kind in SIGNS_OF_LIFE and not d.exit and is_day_room(d)
        )
        return ()

    # ---- event time --------------------------------------------------------------------------------------------------

    def due(self) -> Instant | None:
        """See Detector.due."""
        deadline = self._lasting.due()
        if deadline is None or (self._midnight is not None and self._midnight < deadline):
            return self._midnight
        return deadline

    def observe(self, reading: Reading, context: HomeContext) -> Sequence[FindingEvent]:  # noqa: ARG002
        """See Detector.observe."""
        fresh = context.evidence.fresh
        return self._follow(context, EndReason.ACTIVITY) if fresh else ()

    def observe_late(self, reading: Reading, context: HomeContext) -> Sequence[FindingEvent]:  # noqa: ARG002
        """See Detector.observe_late."""
        return self._follow(context, EndReason.LATE_ACTIVITY) if context.evidence.fresh else ()

    def _follow(self, context: HomeContext, reason: EndReason) -> Sequence[FindingEvent]:
        if self._midnight is None:  # of the day on which all begins too little is known
            self._day = context.local.day(context.evidence.fresh[0][1].at)
            self._midnight = context.local.midnight(self._day + 1)
        if self._up:
            return ()
        for before, sign in context.evidence.fresh:
            if sign.at < self._opens:
                continue
            if not self._signs:
                self._seen = _slept_here(before, self._evening(context))
            self._signs += 1
            if sign.after_exit == 0 or self._busy(before, sign):
                return self._rose(sign.at, context, reason)
        return ()

    def _evening(self, context: HomeContext) -> Instant:
        return context.local.midnight(self._day) - EVENING_BEFORE

    def _busy(self, before: Sign | None, sign: Sign) -> bool:
        """Note a sign of life; True when with it the resident is up."""
        changed = before is not None and before.room != sign.room
        entry = (sign.at // SLOT, sign.device in self._day_rooms if self._day_rooms else changed, sign.room or "")
        slots = self._slots
        if not slots or entry not in slots[-8:]:
            slots.append(entry)
        while slots[0][0] <= entry[0] - WINDOW:
            del slots[0]
        busy = len({slot for slot, _, _ in slots})
        if busy < BUSY:
            return False
        in_day_rooms = len({slot for slot, day_room, _ in slots if day_room})
        return in_day_rooms >= IN_DAY_ROOMS or (busy >= BUSIER and len({room for *_, room in slots}) >= ROOMS)

    def _rose(self, at: Instant, context: HomeContext, reason: EndReason) -> Sequence[FindingEvent]:
        """The resident is up."""
        self._up = True
        self._lasting.stop(_MORNING)
        expected = self._expected
        clean = (
            self._seen
            and not context.evidence.company(at)
            and reason is EndReason.ACTIVITY
            and context.local.day(at) == self._day
        )
        if clean and expected is not None and context.blind(self._opens, at) <= UNSEEN:
            # A prompt must not teach that prompts are normal: the morning counts as no later than its limit.
            minute = context.local.wall(at) // MINUTE % 1440
            if not context.evidence.hidden(self._opens, at, context):
                self._mornings.learn(self._day, min(minute, expected.limit))
        return self._standing.end(context, at, reason)

    def fire(self, at: Instant, context: HomeContext) -> Sequence[FindingEvent]:
        """See Detector.fire."""
        found = [f for _, _, deadline in self._lasting.passed(at, context) for f in self._passed(deadline, context)]
        if self._midnight is not None and self._midnight <= at:
            day = context.local.day(self._midnight)
            self._midnight = context.local.midnight(day + 1)
            if not self._standing:  # nobody is asked twice about one night
                self._plan(day, context)
        return found

    def _plan(self, day: int, context: HomeContext) -> None:
        """Open the morning of local ``day``."""
        local, expected = context.local, self._mornings.expect(day, context.local.name)
        opening = min(LATEST_OPENING, max(EARLIEST, expected.usual - OPENS_BEFORE))
        date = local.date(local.midnight(day))
        self._day, self._expected = day, expected
        self._opens = local.at(date, time(opening // 60, opening % 60))
        self._up, self._seen, self._signs = False, True, 0
        self._slots.clear()
        self._lasting.stop(_MORNING)
        if expected.tells:
            deadline = local.at(date, time(expected.limit // 60, expected.limit % 60))
            self._lasting.begin(_MORNING, self._opens, deadline - self._opens)

    def _passed(self, at: Instant, context: HomeContext) -> list[Finding]:
        """The limit has passed, and the resident is not up."""
        self._lasting.stop(_MORNING)
        last, expected, local = context.evidence.last, self._expected, context.local
        if expected is None or last is None or not self._seen or not _slept_here(last, self._evening(context)):
            return []
        planned = local.at(local.date(self._opens), time(expected.limit // 60, expected.limit % 60))
        if at - planned > DELAYED or context.evidence.hidden(last.at, at, context):
            return []
        if context.evidence.modes.away() or context.evidence.company(at):
            return []
        wait = min(last.at, planned) + STIRRED - at
        if wait > 0:
            self._lasting.begin(_MORNING, at, wait)
            return []
        self._late = [day for day in self._late if day > self._day - REMEMBERED_DAYS]
        usual = len(self._late) >= self._habit
        self._late.append(self._day)
        return [self._ask(at, last, expected, context, Level.DIGEST if usual else Level.PROMPT)]

    def _ask(self, at: Instant, last: Sign, expected: Expected, context: HomeContext, level: Level) -> Finding:
        local = context.local
        onset = local.at(local.date(self._opens), time(expected.usual // 60, expected.usual % 60))
        return self._standing.begin(Finding(
            home=context.home, kind=NAME, detector=f"{NAME}/1", cause=NAME, subject=Subject.PERSON, level=level,
            onset=min(onset, at), raised_at=at, room=last.room,
            evidence={
                "since": local.iso(last.at), "room": last.room, "usually_up": clock(expected.usual),
                "up_limit": clock(expected.limit), "latest_up": clock(expected.latest) if expected.mornings else None,
                "mornings": expected.mornings, "free_day": expected.free, "morning_signs": self._signs,
                "mornings_before": len(self._late) - 1,
            },
            text_en=asked_en(expected, at, self._signs, last, local),
            text_ja=asked_ja(expected, at, self._signs, last, local),
        ))  # fmt: skip

    # ---- state -------------------------------------------------------------------------------------------------------

    def snapshot(self) -> State:
        """See Detector.snapshot."""
        return {
            "mornings": self._mornings.snapshot(), "lasting": self._lasting.snapshot(),
            "standing": self._standing.snapshot(), "day_rooms": sorted(self._day_rooms), "day": self._day,
            "opens": self._opens, "midnight": self._midnight,
            "expected": None if self._expected is None else _pack(self._expected),
            "up": self._up, "seen": self._seen, "signs": self._signs,
            "slots": [list(slot) for slot in self._slots], "late": list(self._late),
        }  # fmt: skip

    def restore(self, state: Mapping[str, Any]) -> None:
        """See Detector.restore."""
        self._mornings.restore(state["mornings"])
        self._lasting.restore(state["lasting"])
        self._standing.restore(state["standing"])
        self._day_rooms = frozenset(DeviceId(device) for device in state["day_rooms"])
        self._day, self._opens, self._midnight = state["day"], state["opens"], state["midnight"]
        self._expected = None if state["expected"] is None else Expected(*state["expected"])
        self._up, self._seen, self._signs = state["up"], state["seen"], state["signs"]
        self._slots = [(slot, day_room, room) for slot, day_room, room in state["slots"]]
        self._late = list(state["late"])


def _slept_here(last: Sign | None, evening: Instant) -> bool:
    """True when ``last``, the last sign before the morning or in it, is that of somebody who spent the night at home."""
    return last is not None and last.at >= evening and not last.may_be_out and not last.alone


def _pack(e: Expected) -> list[Any]:
    return [e.usual, e.limit, e.mornings, e.latest, e.free]


def build(settings: Mapping[str, Any]) -> LateRising:
    """A detector; ``tail`` is how many spreads beyond usual are very unlikely, ``habit`` how many such mornings make one."""
    return LateRising(**numbers(NAME, settings, tail=(5.0, 1, 20), habit=(3.0, 1, 28)))
