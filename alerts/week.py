"""One week of a home, from what is stored: its days and nights beside the four weeks before, its alerts, its equipment."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from enum import StrEnum
from itertools import pairwise

from alerts.modes import Modes
from alerts.sqlbook import SqlBook
from detectors.evidence.life import Sign
from detectors.home import HomeWatch
from detectors.kinds.routine_drift.day import PARTS, SLOT, Day, count
from detectors.kinds.routine_drift.detector import AWAY_AT_NIGHT, GUESTS, LEAST_LIFE, SEPARATE, UNSEEN
from detectors.outlook.past import signs_of
from detectors.rooms import is_bath, is_toilet
from detectors.snapshot import BrokenSnapshotError
from domain.alerts import Alert
from domain.clock import DAY, HOUR, MINUTE, Instant, Span
from domain.findings import Finding, Level, Subject
from domain.ids import DeviceId, GatewayId, HomeId
from domain.localtime import LocalTime
from domain.modes import Mode
from domain.readings import SIGNS_OF_LIFE
from domain.watermark import Coverage
from ingest.history import History

DAYS = 7
COMPARED = 28
"""With so many days before the week its days are compared."""
ENOUGH = 14
"""Of fewer that were seen nothing usual can be said."""
OUTING: Span = 15 * MINUTE
"""A shorter absence is the way to the letter box."""
_UNTIL: Span = DAY + 6 * HOUR
"""A day ends with its night."""
_MARGIN = 3
"""Slots by which a day must lie beyond all days that it is compared with."""
_DRIFT = "routine_drift"
_MANY = 10_000


class Measure(StrEnum):
    """What of a day is compared."""

    RISE = "rise"
    BED = "bed"
    ACTIVE = "active"
    """From 5 to 23 o'clock."""
    NIGHT = "night"
    """From 23 to 5 o'clock."""
    OUT = "out"
    VISITS = "visits"
    """To the toilet, from 22 to 6 o'clock."""


@dataclass(frozen=True, slots=True)
class Odd:
    """What lay beyond anything in the days that it was compared with."""

    measure: Measure
    more: bool
    """More or later; otherwise less or earlier."""
    low: int
    high: int
    """What those days held, in slots of five minutes; visits in visits."""


@dataclass(frozen=True, slots=True)
class LivedDay:
    """One day and the night after it."""

    date: date
    start: Instant
    unseen: Span
    """How much of day and night no gateway vouched for, as far as they are over."""
    over: bool
    """Day and night are over."""
    away: bool
    """The night was spent elsewhere."""
    company: bool
    signs: bool
    """There was enough life to tell of."""
    kept: Mapping[Measure, int]
    """In slots of five minutes since midnight or in all; visits in visits; -1 where there is none."""
    compared: bool
    odd: tuple[Odd, ...]

    @property
    def whole(self) -> bool:
        """True for a day that is like any: over, seen, lived at home and alone."""
        return self.over and self.unseen <= UNSEEN and self.signs and not self.away and not self.company

    @property
    def usual(self) -> bool:
        """True for one that was compared and had nothing beyond the others."""
        return self.compared and not self.odd


@dataclass(frozen=True, slots=True)
class Outing:
    """An absence that was seen from its beginning to its end."""

    left: Instant
    back: Instant


@dataclass(frozen=True, slots=True)
class Week:
    """What is known of one week of a home."""

    home: HomeId
    local: LocalTime
    start: Instant
    end: Instant
    now: Instant
    days: tuple[LivedDay, ...]
    """Empty where the single readings have been cut, or nothing was ever heard."""
    compared_with: int
    """How many days before it the days are compared with; below ENOUGH, they are not."""
    outings: tuple[Outing, ...]
    unseen: Span
    """How much of the week, as far as it is over, no gateway vouched for."""
    knows_toilet: bool
    knows_door: bool
    """Without a sensor there, nothing is known of visits or of outings."""
    alerts: tuple[Alert, ...]
    """About the resident."""
    equipment: tuple[Alert, ...]
    noticed: tuple[Finding, ...]
    """What was noticed about the resident and called nobody."""
    changes: tuple[Finding, ...]
    """What was said about this week of a change of routine."""
    modes: tuple[Mode, ...]


def week_of(
    book: SqlBook, history: History, modes: Modes, home: HomeId, day: date, local: LocalTime, now: Instant
) -> Week:
    """The week from Monday to Sunday that ``day`` lies in."""
    monday = day - timedelta(days=day.weekday())
    first = (monday - date(1970, 1, 1)).days
    start, end = local.midnight(first), local.midnight(first + DAYS)
    watch = _watch(book.state(home))
    covered = _covered(watch, history, local.midnight(first - COMPARED), min(now, end + _UNTIL))
    days: list[LivedDay] = []
    before: list[LivedDay] = []
    outings: list[Outing] = []
    devices = watch.context.devices if watch is not None else {}
    toilets, door = _toilets(watch), any(device.exit for device in devices.values())
    if watch is not None and start >= history.raw_since():
        as_of = min(now, watch.context.watermark or now)
        signs = _signs(watch, history, local, local.midnight(first - COMPARED), min(as_of, end + _UNTIL))
        lived = [
            _lived(number, signs, local, covered, toilets, door, as_of) for number in range(first - COMPARED, first + DAYS)
        ]  # fmt: skip
        lived = [lived[0], *(_woke_at_home(day, night) for night, day in pairwise(lived))]
        before = [one for one in lived[:COMPARED] if one.whole and one.start >= history.raw_since()]
        days = [_beside(one, before) for one in lived[COMPARED:] if one.start < as_of]
        outings = [one for one in _outings(signs, covered) if start <= one.left < end]
    alerts = [alert for alert in book.alerts_of(home, _MANY) if start <= alert.raised_at < end]
    found = [row.finding for row in book.findings_of(home, start)]
    return Week(
        home, local, start, end, now, tuple(days), len(before), tuple(outings),
        max(0, min(now, end) - start - covered.covered(start, min(now, end))),
        bool(toilets), door,
        tuple(alert for alert in reversed(alerts) if alert.subject is Subject.PERSON),
        tuple(alert for alert in reversed(alerts) if alert.subject is not Subject.PERSON),
        tuple(one for one in found if _called_nobody(one) and start <= one.raised_at < end and one.kind != _DRIFT),
        tuple(one for one in found if one.kind == _DRIFT and end <= one.raised_at < end + DAY),
        tuple(mode for mode in reversed(modes.of(home, _MANY)) if mode.since < end and (mode.ended_at or mode.until) > start),
    )  # fmt: skip


def _watch(state: bytes | None) -> HomeWatch | None:
    """What the watch saved of a home; None where nothing was ever heard of it, or it cannot be read."""
    try:
        return HomeWatch.restore(state) if state else None
    except BrokenSnapshotError:
        return None


def _called_nobody(finding: Finding) -> bool:
    return finding.level is Level.DIGEST and finding.unknown is None and finding.subject is Subject.PERSON


def _covered(watch: HomeWatch | None, history: History, start: Instant, end: Instant) -> Coverage:
    gateways = watch.context.vouched if watch is not None else ()
    return Coverage(spell for gateway in gateways for spell in history.coverage(GatewayId(gateway), start, end))


def _toilets(watch: HomeWatch | None) -> frozenset[DeviceId]:
    """The sensors that tell of visits to the toilet; those of the bathroom where the toilet has none."""
    alive = [d for d in watch.context.devices.values() if d.kind in SIGNS_OF_LIFE] if watch is not None else []
    return frozenset([d.id for d in alive if is_toilet(d)] or [d.id for d in alive if is_bath(d)])


def _signs(watch: HomeWatch, history: History, local: LocalTime, start: Instant, end: Instant) -> list[Sign]:
    readings = history.readings(watch.context.home, start, end)
    known = watch.context.devices
    said = ((r.observed_at, r.device, r.quantity, r.value) for r in readings if r.device in known)
    return signs_of(said, known, local)


def _lived(
    number: int,
    signs: Sequence[Sign],
    local: LocalTime,
    covered: Coverage,
    toilets: frozenset[DeviceId],
    door: bool,
    as_of: Instant,
) -> LivedDay:
    """One local day, as ``routine_drift`` keeps days."""
    start = local.midnight(number)
    day = Day(start)
    first, last = (bisect_left(signs, at, key=lambda sign: sign.at) for at in (start, start + 2 * DAY))
    for place in range(first, min(last + 1, len(signs))):
        before, sign = signs[place - 1] if place else None, signs[place]
        if before is not None and before.may_be_out:
            day.was_out(before.at, sign.at)
        if place == last:
            break  # it ends what lies before it, and belongs to another day
        day.note(sign.at, sign.device, company=sign.company)
        apart = before is None or before.device not in toilets or sign.at - before.at >= SEPARATE
        if sign.device in toilets and apart:
            day.visited(sign.at)
    if signs and signs[-1].may_be_out and signs[-1].at < start + _UNTIL:
        day.was_out(signs[-1].at, min(as_of, start + _UNTIL))
    features, until = day.features(), min(as_of, start + _UNTIL)
    kept = {
        Measure.RISE: features["rise"], Measure.BED: features["bed"], Measure.OUT: features["out"] if door else -1,
        Measure.ACTIVE: sum(features[part] for part in PARTS if part != "night"), Measure.NIGHT: features["night"],
        Measure.VISITS: features["visits"] if toilets else -1,
    }  # fmt: skip
    return LivedDay(
        local.date(start), start, max(0, until - start - covered.covered(start, until)), as_of >= start + _UNTIL,
        count(day.out, 22, 30) > AWAY_AT_NIGHT, count(day.guests, 0, 30) > GUESTS, day.life.bit_count() >= LEAST_LIFE,
        kept, compared=False, odd=(),
    )  # fmt: skip


def _woke_at_home(day: LivedDay, night: LivedDay) -> LivedDay:
    """The day after ``night``: who came home in the morning did not get up then."""
    return replace(day, kept={**day.kept, Measure.RISE: -1}) if night.away else day


def _beside(day: LivedDay, before: Sequence[LivedDay]) -> LivedDay:
    """The day, with what of it lay beyond all days before."""
    if not day.whole or len(before) < ENOUGH:
        return day
    odd = []
    for measure, value in day.kept.items():
        past = [one.kept[measure] for one in before if one.kept[measure] >= 0]
        if value < 0 or len(past) < ENOUGH:
            continue
        margin = 1 if measure is Measure.VISITS else _MARGIN
        low, high = min(past), max(past)
        if not low - margin <= value <= high + margin:
            odd.append(Odd(measure, value > high, low, high))
    return replace(day, compared=True, odd=tuple(odd))


def _outings(signs: Sequence[Sign], covered: Coverage) -> list[Outing]:
    """The absences that ended and of which all but a slot was seen."""
    found = []
    for before, sign in pairwise(signs):
        length = sign.at - before.at
        if before.may_be_out and length >= OUTING and length - covered.covered(before.at, sign.at) <= SLOT:
            found.append(Outing(before.at, sign.at))
    return found
