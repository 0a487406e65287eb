"""The book: findings, alerts and their history. One protocol, two keepers of it: memory and SQL.

What the system changes it changes inside ``transaction``, together with the watch's state; what people change (claim, release,
comment, close) goes through ``act``, which is compare-and-set on the version that they saw.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace
from typing import Protocol

from domain.alerts import Alert, Outcome, Reason, State, Transition
from domain.clock import Instant
from domain.feedback import Feedback
from domain.findings import Ended, Finding
from domain.ids import HomeId
from domain.modes import SAID, Mode, ModeEnd

SYSTEM = "kehai"
"""Who makes the transitions that nobody made."""


@dataclass(frozen=True, slots=True)
class WatchedHome:
    """What the watch saves of one home."""

    home: HomeId
    cursor: int
    state: bytes
    status: bytes


class StaleError(Exception):
    """Somebody else changed the alert first; ``str`` is a sentence for the person who pressed the button."""


class Page(Protocol):
    """What may be done within one transaction."""

    def current(self, home: HomeId, cause: str) -> Alert | None:
        """The alert of this matter that is not closed, or None."""
        ...

    def note(self, finding: Finding, noticed_at: Instant) -> bool:
        """Write a finding down; False when it was there already."""
        ...

    def end(self, ended: Ended) -> None:
        """Write down that a finding is over; the first word counts."""
        ...

    def standing(self, home: HomeId) -> list[Finding]:
        """The findings of a home that are not over, oldest first."""
        ...

    def open(self, finding: Finding, state: State, reason: Reason, now: Instant, late: bool) -> Alert:
        """Make an alert of a finding, with its first transition."""
        ...

    def change(
        self,
        alert: Alert,
        reason: Reason,
        at: Instant,
        now: Instant,
        *,
        state: State | None = None,
        finding: Finding | None = None,
        outcome: Outcome | None = None,
        ended_at: Instant | None = None,
        late: bool | None = None,
    ) -> Alert:
        """Append a transition by the system and apply it; ``finding`` puts that finding's words in place of the old ones."""
        ...

    def last_closed(self, home: HomeId, cause: str) -> tuple[Alert, Instant] | None:
        """The alert of this matter that was closed last, and the instant that its closing is dated by."""
        ...

    def reopen(self, alert: Alert, finding: Finding, now: Instant) -> Alert:
        """The very matter of a closed alert is back: it goes on on the same thread, owned by nobody."""
        ...

    def held(self) -> list[Alert]:
        """Every alert in state HELD, oldest first."""
        ...

    def end_mode(self, mode: int, at: Instant, end: ModeEnd) -> None:
        """Write down that the readings or the clock have ended what staff said; the first word counts."""
        ...

    def save(self, home: WatchedHome) -> None:
        """Save the watch's state of one home."""
        ...

    def save_cursor(self, offset: int) -> None:
        """Every home's saved state has seen the journal up to ``offset``."""
        ...

    def save_fleet(self, state: bytes) -> None:
        """Save what the watch knows of all homes together."""
        ...


class Book(Protocol):
    """Where findings and alerts are kept."""

    def transaction(self) -> AbstractContextManager[Page]:
        """All of what is done on the page, or nothing."""
        ...

    def watched(self) -> Iterator[WatchedHome]:
        """What ``Page.save`` saved last of each home, one after the other: together they may be larger than what lives."""
        ...

    def cursor(self) -> int:
        """What ``Page.save_cursor`` saved last; 0 before that."""
        ...

    def fleet(self) -> bytes:
        """What ``Page.save_fleet`` saved last; nothing before that."""
        ...

    def modes(self, now: Instant) -> list[Mode]:
        """What staff say about homes: what holds or is about to, and what they ended lately."""
        ...

    def feedback(self, after: int, now: Instant) -> list[Feedback]:
        """What people found in homes: the rows of the last days after number ``after``, and maybe some before."""
        ...


def first_transition(alert: Alert, reason: Reason, now: Instant) -> Transition:
    """The row that begins an alert's history."""
    return Transition(alert.id, 1, None, alert.state, reason, SYSTEM, alert.raised_at, now, alert.level)


def draft(number: int, finding: Finding, state: State, now: Instant, late: bool) -> Alert:
    """A new alert about ``finding``."""
    return Alert(
        id=number, home=finding.home, cause=finding.cause, kind=finding.kind, subject=finding.subject, state=state,
        level=finding.level, onset=finding.onset, raised_at=finding.raised_at, opened_at=now, late=late,
        room=finding.room, finding=finding.id, evidence=finding.evidence, text_ja=finding.text_ja,
        text_en=finding.text_en, owner=None, outcome=None, ended_at=None, version=1,
    )  # fmt: skip


def changed(
    alert: Alert,
    state: State | None,
    finding: Finding | None,
    outcome: Outcome | None,
    ended_at: Instant | None,
    late: bool | None,
) -> Alert:
    """The alert after one more transition."""
    after = replace(
        alert,
        version=alert.version + 1,
        state=state or alert.state,
        outcome=outcome or alert.outcome,
        ended_at=alert.ended_at if ended_at is None else ended_at,
        late=alert.late if late is None else late,
    )
    if finding is not None:
        after = replace(
            after, level=finding.level, raised_at=finding.raised_at, room=finding.room, finding=finding.id,
            evidence=finding.evidence, text_ja=finding.text_ja, text_en=finding.text_en, ended_at=None,
        )  # fmt: skip
    return after


def reopened(alert: Alert, finding: Finding) -> Alert:
    """A closed alert that is open again, about ``finding``."""
    after = changed(alert, State.OPEN, finding, None, None, None)
    return replace(after, owner=None, outcome=None)


def reopening(before: Alert, after: Alert, now: Instant) -> Transition:
    """The row that tells of it."""
    return Transition(
        before.id, after.version, before.state, after.state, Reason.REOPENED, SYSTEM, after.raised_at, now, after.level
    )


@dataclass(frozen=True, slots=True)
class FindingRow:
    """A finding as the book holds it."""

    finding: Finding
    noticed_at: Instant
    ended_at: Instant | None = None
    end_reason: str | None = None


class MemoryBook:
    """A book for replays and tests: no transaction fails, so none is undone."""

    def __init__(self) -> None:
        self.findings: dict[str, FindingRow] = {}
        self.alerts: dict[int, Alert] = {}
        self.transitions: list[Transition] = []
        self.said: dict[int, Mode] = {}
        """What staff say about homes, by number."""
        self.found: list[Feedback] = []
        """What people found in homes."""
        self._open: dict[tuple[HomeId, str], int] = {}
        self._watched: dict[HomeId, WatchedHome] = {}
        self._cursor = 0
        self._fleet = b""

    @contextmanager
    def transaction(self) -> Iterator[Page]:
        """See Book.transaction."""
        yield self

    def watched(self) -> Iterator[WatchedHome]:
        """See Book.watched."""
        return iter(list(self._watched.values()))

    def cursor(self) -> int:
        """See Book.cursor."""
        return self._cursor

    def fleet(self) -> bytes:
        """See Book.fleet."""
        return self._fleet

    def modes(self, now: Instant) -> list[Mode]:  # noqa: ARG002 (a replay is short: nothing is too old)
        """See Book.modes."""
        return [mode for mode in self.said.values() if mode.end is None or mode.end in SAID]

    def feedback(self, after: int, now: Instant) -> list[Feedback]:  # noqa: ARG002 (a replay is short: nothing is too old)
        """See Book.feedback."""
        return [row for row in self.found if row.id > after]

    def end_mode(self, mode: int, at: Instant, end: ModeEnd) -> None:
        """See Page.end_mode."""
        said = self.said[mode]
        if said.end is None:
            self.said[mode] = replace(said, ended_at=at, end=end, ended_by=SYSTEM)

    def current(self, home: HomeId, cause: str) -> Alert | None:
        """See Page.current."""
        number = self._open.get((home, cause))
        return None if number is None else self.alerts[number]

    def note(self, finding: Finding, noticed_at: Instant) -> bool:
        """See Page.note."""
        if finding.id in self.findings:
            return False
        self.findings[finding.id] = FindingRow(finding, noticed_at)
        return True

    def end(self, ended: Ended) -> None:
        """See Page.end."""
        row = self.findings.get(ended.finding)
        if row is not None and row.ended_at is None:
            self.findings[ended.finding] = replace(row, ended_at=ended.ended_at, end_reason=ended.reason.value)

    def standing(self, home: HomeId) -> list[Finding]:
        """See Page.standing."""
        found = [row.finding for row in self.findings.values() if row.finding.home == home and row.ended_at is None]
        return sorted(found, key=lambda finding: (finding.raised_at, finding.id))

    def open(self, finding: Finding, state: State, reason: Reason, now: Instant, late: bool) -> Alert:
        """See Page.open."""
        alert = draft(len(self.alerts) + 1, finding, state, now, late)
        self.alerts[alert.id] = alert
        self._open[alert.home, alert.cause] = alert.id
        self.transitions.append(first_transition(alert, reason, now))
        return alert

    def change(
        self,
        alert: Alert,
        reason: Reason,
        at: Instant,
        now: Instant,
        *,
        state: State | None = None,
        finding: Finding | None = None,
        outcome: Outcome | None = None,
        ended_at: Instant | None = None,
        late: bool | None = None,
    ) -> Alert:
        """See Page.change."""
        after = changed(alert, state, finding, outcome, ended_at, late)
        self.alerts[alert.id] = after
        if after.state is State.CLOSED:
            self._open.pop((after.home, after.cause), None)
        self.transitions.append(
            Transition(alert.id, after.version, alert.state, after.state, reason, SYSTEM, at, now, after.level,
                       outcome=outcome)
        )  # fmt: skip
        return after

    def last_closed(self, home: HomeId, cause: str) -> tuple[Alert, Instant] | None:
        """See Page.last_closed."""
        closed = [
            row for row in self.transitions
            if row.to_state is State.CLOSED and row.from_state is not State.CLOSED
            and (self.alerts[row.alert].home, self.alerts[row.alert].cause) == (home, cause)
        ]  # fmt: skip
        return (self.alerts[closed[-1].alert], closed[-1].at) if closed else None

    def reopen(self, alert: Alert, finding: Finding, now: Instant) -> Alert:
        """See Page.reopen."""
        after = reopened(alert, finding)
        self.alerts[alert.id] = after
        self._open[after.home, after.cause] = after.id
        self.transitions.append(reopening(alert, after, now))
        return after

    def held(self) -> list[Alert]:
        """See Page.held."""
        return [alert for alert in self.alerts.values() if alert.state is State.HELD]

    def save(self, home: WatchedHome) -> None:
        """See Page.save."""
        self._watched[home.home] = home

    def save_cursor(self, offset: int) -> None:
        """See Page.save_cursor."""
        self._cursor = offset

    def save_fleet(self, state: bytes) -> None:
        """See Page.save_fleet."""
        self._fleet = state
