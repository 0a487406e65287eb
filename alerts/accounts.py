"""The installation's ledger: alerts about people by area, rule or home, how true they were, how soon somebody acted."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from sqlalchemy import Connection, func, select

from alerts import tables
from alerts.duty_tables import sightings
from alerts.ledger import Ledger, by_rule, count
from alerts.sqlalerts import alert_of, transition_of
from domain.alerts import Alert, Outcome, Reason, Result, State, Step, Transition
from domain.clock import SECOND, Instant, Span
from domain.findings import Level, Subject
from domain.ids import HomeId

SOON: tuple[Span, ...] = (60 * SECOND, 180 * SECOND)
"""The shares that are told are of what was done within these."""
_ENDS = frozenset({Reason.ACTIVITY, Reason.LATE_ACTIVITY, Reason.WENT_OUT, Reason.CONFIGURATION})
_ROUNDING = 1e-9


class Milestone(StrEnum):
    """What happens to an alert on its way."""

    SEEN = "seen"
    """Somebody opened its page, or took it."""
    CLAIMED = "claimed"
    """A named person had it in hand."""
    REACHED = "reached"
    """Somebody spoke with the resident or with one who helps, or stood in the home."""
    VISITED = "visited"
    """Somebody stood at the door."""


@dataclass(frozen=True, slots=True)
class Times:
    """How soon a milestone was met after each of some alerts."""

    spans: tuple[Span, ...]
    """One for each alert that met it."""
    never: int = 0
    """Alerts that never met it, though they stood until somebody closed them, or stand still. They count as later than
    all others: leaving them out would make neglect look like speed."""
    ended: tuple[Span, ...] = ()
    """One for each alert that ended by itself before: how long it had stood until then. It counts as not met for so long, and
    nothing is supposed of it after (Kaplan and Meier's estimate)."""

    @property
    def met(self) -> int:
        """Of how many alerts it was met at all."""
        return len(self.spans)

    @property
    def total(self) -> int:
        """How many alerts there were."""
        return len(self.spans) + self.never + len(self.ended)

    def quantile(self, part: float) -> Span | None:
        """The span within which ``part`` of the alerts met it; None where fewer ever did."""
        return next((span for span, share in self._shares() if share >= part - _ROUNDING), None)

    def within(self, span: Span) -> float | None:
        """The share of the alerts that met it within ``span``; None where none stood so long and none met it."""
        if not self.total:
            return None
        share = 0.0
        for at, reached in self._shares():
            if at > span:
                break
            share = reached
        stood = self.spans or self.never or max(self.ended, default=0) >= span
        return share if stood else None

    def _shares(self) -> Iterator[tuple[Span, float]]:
        """(span, share that had met it by then), in order of spans."""
        ended = sorted(self.ended)
        left = 1.0
        for number, span in enumerate(ordered := sorted(self.spans)):
            standing = len(ordered) - number + self.never + len(ended) - bisect_left(ended, span)
            left *= 1.0 - 1.0 / standing
            yield span, 1.0 - left


@dataclass(frozen=True, slots=True)
class Account:
    """One line of the ledger."""

    name: str
    level: Level
    ledger: Ledger
    times: Mapping[Milestone, Times]


@dataclass(frozen=True, slots=True)
class Raised:
    """The alerts about people that were raised within some time, with what was done about each."""

    alerts: tuple[Alert, ...]
    met: Mapping[int, Mapping[Milestone, Span]]
    """Alert -> milestone -> how long after it came to be somebody's to do."""
    ended: Mapping[int, Span]
    """Alert -> how long it had stood when it ended by itself: life was seen, or the resident answered."""


def raised(connection: Connection, since: Instant, now: Instant, homes: Iterable[HomeId]) -> Raised:
    """What was raised in [since, now] in ``homes``; drills are left out."""
    wanted = frozenset(homes)
    a, t, s = tables.alerts.c, tables.transitions.c, sightings.c
    these = (a.raised_at >= since) & (a.raised_at <= now) & (a.subject == Subject.PERSON.value)
    found = {
        alert.id: alert
        for row in connection.execute(select(tables.alerts).where(these).order_by(a.id)).mappings()
        if (alert := alert_of(row)).home in wanted and alert.outcome is not Outcome.DRILL
    }
    numbers = select(a.id).where(these)
    history: dict[int, list[Transition]] = {number: [] for number in found}
    rows = select(tables.transitions).where(t.alert.in_(numbers)).order_by(t.alert, t.version)
    for row in connection.execute(rows).mappings():
        if row["alert"] in found:
            history[row["alert"]].append(transition_of(row))
    looked = select(s.alert, func.min(s.at)).where(s.alert.in_(numbers)).group_by(s.alert)
    seen: dict[int, Instant] = {row[0]: row[1] for row in connection.execute(looked)}
    met = {number: milestones(found[number], history[number], seen.get(number)) for number in found}
    ended = {number: span for number in found if (span := ended_by_itself(found[number], history[number])) is not None}
    return Raised(tuple(found.values()), met, ended)


def milestones(alert: Alert, history: Sequence[Transition], seen_at: Instant | None) -> dict[Milestone, Span]:
    """How long it took from when the alert stood at its present level, open to everybody, to each milestone that was met.

    What was done before it became a page counts as done at once.
    """
    start = _stood_from(alert, history)
    if start is None:
        return {}
    taken = _first(history, lambda row: row.to_state.taken)
    looks = [at for at in (seen_at, taken) if at is not None]
    found = {
        Milestone.SEEN: min(looks, default=None),
        Milestone.CLAIMED: taken,
        Milestone.REACHED: _first(history, lambda row: row.result in (Result.REACHED, Result.ENTERED)),
        Milestone.VISITED: _first(history, _visited),
    }
    return {milestone: max(0, at - start) for milestone, at in found.items() if at is not None}


def ended_by_itself(alert: Alert, history: Sequence[Transition]) -> Span | None:
    """How long it had stood at its present level when nobody was needed any more; None where that did not happen."""
    start, end = _stood_from(alert, history), _first(history, _is_end)
    return None if start is None or end is None else max(0, end - start)


def _is_end(row: Transition) -> bool:
    return row.reason in _ENDS or (row.reason is Reason.ANSWERED and row.to_state is State.CLOSED)


def _stood_from(alert: Alert, history: Sequence[Transition]) -> Instant | None:
    return _first(history, lambda row: row.to_state.standing and row.level is alert.level)


def _visited(row: Transition) -> bool:
    return row.result in (Result.ARRIVED, Result.ENTERED) or (row.step, row.result) == (Step.VISIT, Result.REACHED)


def _first(history: Sequence[Transition], condition: Callable[[Transition], bool]) -> Instant | None:
    return next((row.logged_at for row in history if condition(row)), None)


def by_place(
    found: Raised,
    level: Level,
    since: Instant,
    now: Instant,
    watched: Mapping[HomeId, Span],
    place: Mapping[HomeId, str],
) -> list[Account]:
    """One line for each place that has a home in ``place``, also where nothing was raised; ``watched`` is vouched time."""
    spans: dict[str, Span] = {}
    for home, name in place.items():
        spans[name] = spans.get(name, 0) + watched.get(home, 0)
    of: dict[str, list[Alert]] = {name: [] for name in spans}
    for alert in found.alerts:
        if alert.level is level and alert.home in place:
            of[place[alert.home]].append(alert)
    return [
        Account(name, level, count(of[name], since, now, spans[name], level), _times(of[name], found))
        for name in sorted(spans)
    ]  # fmt: skip


def by_kind(found: Raised, level: Level, since: Instant, now: Instant, watched: Mapping[HomeId, Span]) -> list[Account]:
    """One line for each rule that raised something."""
    return [
        Account(kind, level, ledger, _times([a for a in found.alerts if (a.kind, a.level) == (kind, level)], found))
        for kind, ledger in by_rule(found.alerts, level, since, now, sum(watched.values())).items()
    ]  # fmt: skip


_NO_TIMES: Mapping[Milestone, Times] = dict.fromkeys(Milestone, Times(()))
"""Of no alerts; most of thirty thousand homes have none."""


def _times(alerts: Sequence[Alert], found: Raised) -> Mapping[Milestone, Times]:
    if not alerts:
        return _NO_TIMES
    return {milestone: _time(milestone, alerts, found) for milestone in Milestone}


def _time(milestone: Milestone, alerts: Sequence[Alert], found: Raised) -> Times:
    met = tuple(span for alert in alerts if (span := found.met[alert.id].get(milestone)) is not None)
    rest = [alert.id for alert in alerts if milestone not in found.met[alert.id]]
    ended = tuple(found.ended[number] for number in rest if number in found.ended)
    return Times(met, len(rest) - len(ended), ended)
