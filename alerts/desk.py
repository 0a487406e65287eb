"""The desk: findings -> one open alert per matter.

Synchronous and without a clock. Every decision returns the word for it, the reasons why not included, and that word is
what the history, the log and the pages show.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from alerts.book import Page
from domain.alerts import Alert, Outcome, Reason, State
from domain.clock import MINUTE, Instant, Span
from domain.feedback import SPOKEN
from domain.findings import Ended, EndReason, Finding, FindingEvent, Level
from domain.ids import HomeId
from domain.modes import TAKES

LATE: Span = 15 * MINUTE
"""A finding whose deadline lies further back than this comes out of a backlog."""

_ENDS = {
    EndReason.ACTIVITY: Reason.ACTIVITY,
    EndReason.LATE_ACTIVITY: Reason.LATE_ACTIVITY,
    EndReason.WENT_OUT: Reason.WENT_OUT,
    EndReason.CONFIGURATION: Reason.CONFIGURATION,
}
_SILENT = (EndReason.REPLACED, EndReason.REACHED)
"""Ends of a finding that are none of the matter."""
_WORD_WITH_RESIDENT = SPOKEN | {Outcome.ANSWERED}
_COUNTS_ANEW = ("inactivity",)
"""Kinds that begin anew with a word with the resident, as soon as it counts: what they raise until then is about before it."""


@dataclass(frozen=True, slots=True)
class Decision:
    """What the desk did with one event, and why."""

    event: FindingEvent
    reason: Reason
    alert: Alert | None = None


def _nothing(_finding: Finding) -> bool:
    return False


def decide(
    page: Page,
    events: Iterable[FindingEvent],
    now: Instant,
    catching_up: bool,
    withheld: Callable[[Finding], bool] = _nothing,
) -> list[Decision]:
    """Take one home's events of one step, in their order, at processing time ``now``.

    A finding for which ``withheld`` is true is written down and opens no alert: an outage of many homes speaks for it.

    While the watch is ``catching_up`` on a backlog of its own, and for findings that a gateway's backlog brought, alerts are
    held first: what follows may end the matter. Whatever is still held at the end of a step that is not catching up
    opens, marked late.
    """
    made = [_take(page, event, now, catching_up, withheld) for event in events]
    if not catching_up:
        made = [_release(page, decision, now) for decision in made]
    return made


def release_held(page: Page, now: Instant) -> list[Alert]:
    """The backlog has been read: open every alert that is still held, marked late."""
    return [
        page.change(alert, Reason.RAISED_LATE, alert.raised_at, now, state=State.OPEN, late=True)
        for alert in page.held()
    ]


def open_outlasting(
    page: Page, homes: Iterable[HomeId], withheld: Callable[[Finding], bool], now: Instant
) -> list[Decision]:
    """An outage is over and these homes are still silent: open an alert for each finding for which it spoke."""
    made = []
    for home in homes:
        for finding in page.standing(home):
            if withheld(finding) and page.current(home, finding.cause) is None:
                alert = page.open(finding, State.OPEN, Reason.OUTLASTED, now, late=False)
                made.append(Decision(finding, Reason.OUTLASTED, alert))
    return made


def _take(
    page: Page, event: FindingEvent, now: Instant, catching_up: bool, withheld: Callable[[Finding], bool]
) -> Decision:
    if isinstance(event, Ended):
        return _end(page, event, now)
    return _raise(page, event, now, catching_up, withheld)


def _raise(
    page: Page, finding: Finding, now: Instant, catching_up: bool, withheld: Callable[[Finding], bool]
) -> Decision:
    if not page.note(finding, now):
        return Decision(finding, Reason.ALREADY_OPEN)
    if finding.unknown is not None or finding.level is Level.DIGEST:
        return Decision(finding, Reason.BELOW_ALERT)
    current = page.current(finding.home, finding.cause)
    if current is None:
        return Decision(finding, Reason.PART_OF_OUTAGE) if withheld(finding) else _open(page, finding, now, catching_up)
    if finding.level.rank < current.level.rank and finding.onset <= current.onset:
        return Decision(finding, Reason.ALREADY_OPEN, current)
    reason = Reason.LEVEL_UP if finding.level.rank > current.level.rank else Reason.REFRESHED
    if finding.level.rank < current.level.rank:
        reason = Reason.LEVEL_DOWN  # what was worse is over, and something less has begun since
    late = True if now - finding.raised_at > LATE else None
    return Decision(finding, reason, page.change(current, reason, finding.raised_at, now, finding=finding, late=late))


def _open(page: Page, finding: Finding, now: Instant, catching_up: bool) -> Decision:
    closed = page.last_closed(finding.home, finding.cause)
    if closed is not None and closed[0].onset == finding.onset and closed[0].outcome is not Outcome.RESUMED:
        alert, closed_at = closed
        anew = finding.kind in _COUNTS_ANEW and alert.outcome in _WORD_WITH_RESIDENT
        if finding.raised_at <= closed_at + (TAKES if anew else 0):
            return Decision(finding, Reason.ALREADY_CLOSED, alert)
        return Decision(finding, Reason.REOPENED, page.reopen(alert, finding, now))
    late = now - finding.raised_at > LATE
    if late or catching_up:
        held = page.open(finding, State.HELD, Reason.HELD_FOR_BACKLOG, now, late)
        return Decision(finding, Reason.HELD_FOR_BACKLOG, held)
    return Decision(finding, Reason.RAISED, page.open(finding, State.OPEN, Reason.RAISED, now, late=False))


def _end(page: Page, ended: Ended, now: Instant) -> Decision:
    page.end(ended)
    current = page.current(ended.home, ended.cause)
    if current is None or current.finding != ended.finding or ended.reason in _SILENT:
        return Decision(ended, Reason.NOT_OPEN)
    reason = _ENDS[ended.reason]
    if current.state is State.HELD:
        reason = Reason.ENDED_IN_BACKLOG
    # Somebody is on the way: the matter is theirs to close, with what they found.
    state = None if current.state.taken else State.CLOSED
    outcome = None if state is None else Outcome.RESUMED
    after = page.change(current, reason, ended.ended_at, now, state=state, outcome=outcome, ended_at=ended.ended_at)
    return Decision(ended, reason, after)


def _release(page: Page, decision: Decision, now: Instant) -> Decision:
    if decision.reason is not Reason.HELD_FOR_BACKLOG or decision.alert is None:
        return decision
    alert = page.current(decision.alert.home, decision.alert.cause)
    if alert is None or alert.state is not State.HELD:
        return decision
    opened = page.change(alert, Reason.RAISED_LATE, alert.raised_at, now, state=State.OPEN, late=True)
    return Decision(decision.event, Reason.RAISED_LATE, opened)
