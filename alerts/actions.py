"""What people do to an alert: claim, give back, assign, step, comment, close, reopen. Each is one transition."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from sqlalchemy import Connection, select

from alerts import feedback
from alerts.book import StaleError
from alerts.following import change
from alerts.sqlalerts import alert_numbered, decided_at, owned_since
from domain.alerts import Alert, Outcome, Reason, Result, State, Step
from domain.clock import Instant
from registry.tables import staff

STEPS: Mapping[Step, tuple[Result, ...]] = {
    Step.CALL_RESIDENT: (Result.REACHED, Result.NO_ANSWER),
    Step.CALL_CONTACT: (Result.REACHED, Result.NO_ANSWER),
    Step.CALL_WELFARE: (Result.REACHED, Result.NO_ANSWER),
    Step.CALL_KEYHOLDER: (Result.REACHED, Result.NO_ANSWER),
    Step.VISIT: (Result.STARTED, Result.ARRIVED, Result.NO_ANSWER, Result.ENTERED, Result.REACHED),
    Step.POLICE: (Result.STARTED, Result.ENTERED),
    Step.AMBULANCE: (Result.STARTED, Result.ARRIVED),
}
"""What may be written down of each step; each is one tap."""


@dataclass(frozen=True, slots=True)
class Action:
    """One thing that people may do."""

    reason: Reason
    allowed: frozenset[State]
    leads_to: State | None
    any_version: bool = False
    """It adds to the history and takes nothing away: it may be done on whatever the alert has become meanwhile."""
    of_owner: bool = False
    """It decides who has the alert, and nothing else: only another such decision can have come before it."""


_STANDING = frozenset(state for state in State if state.standing)
_TAKEN = frozenset(state for state in State if state.taken)
ACTIONS: Mapping[str, Action] = {
    "claim": Action(Reason.CLAIMED, _STANDING, State.CLAIMED, of_owner=True),
    "release": Action(Reason.RELEASED, _TAKEN, State.OPEN, of_owner=True),
    "assign": Action(Reason.ASSIGNED, _STANDING, State.CLAIMED, of_owner=True),
    "step": Action(Reason.STEP, _STANDING, State.WORKING, any_version=True),
    "comment": Action(Reason.COMMENT, _STANDING | {State.CLOSED}, None, any_version=True),
    "close": Action(Reason.CLOSED, _STANDING, State.CLOSED),
    "reopen": Action(Reason.REOPENED, frozenset({State.CLOSED}), State.OPEN),
}


def act(
    connection: Connection,
    number: int,
    version: int,
    action: str,
    by: str,
    now: Instant,
    *,
    note: str = "",
    outcome: Outcome | None = None,
    step: tuple[Step, Result] | None = None,
    assignee: str | None = None,
    pace: float = 1.0,
) -> Alert:
    """Do one of ACTIONS to an alert, on the ``version`` that the person saw (a step or comment on any version).

    That others were called since takes nothing from what the person saw: a claim never fails because of the next call, and
    neither because of a comment or because the matter got worse. Whoever closes an alert must have seen all of that.

    Whoever takes a step about an alert that nobody has claimed has claimed it by that.

    Raises KeyError for an alert that does not exist, StaleError when it has changed meanwhile or the action does
    not fit its state, ValueError when a close has no outcome, a step is none that there is, or an assignee is unknown.
    """
    wanted = ACTIONS[action]
    alert = alert_numbered(connection, number)
    if alert is None or alert.state is State.HELD:
        raise KeyError(number)
    _check(connection, action, outcome, step, assignee)
    since = owned_since if wanted.of_owner else decided_at
    if not wanted.any_version and version < since(connection, number):
        raise StaleError("Somebody changed this alert a moment ago: look at it again, then decide.")
    if alert.state not in wanted.allowed:
        raise StaleError(f"This alert is {alert.state.value}: that cannot be done any more.")
    after = replace(alert, state=wanted.leads_to or alert.state)
    if action in ("claim", "release", "reopen"):
        after = replace(after, owner=by if action == "claim" else None)
    if action == "assign":
        after = replace(after, owner=assignee)
    if action in ("step", "close"):
        after = replace(after, owner=alert.owner or by)
    if action == "close":
        after = replace(after, outcome=outcome)
    if action == "reopen":
        after = replace(after, outcome=None, ended_at=None)
    after = change(
        connection, alert, after, wanted.reason, now, by=by, pace=pace, note=note[:2000],
        outcome=outcome if action == "close" else None, step=step, assignee=assignee if action == "assign" else None,
    )  # fmt: skip
    if step is not None and action == "step":
        feedback.stepped(connection, after, *step, by, now)
    if outcome is not None and action == "close":
        feedback.closed(connection, after, outcome, by, now)
    if action == "reopen":
        feedback.taken_back(connection, alert, by, now)
    return after


def _check(
    connection: Connection, action: str, outcome: Outcome | None, step: tuple[Step, Result] | None, assignee: str | None
) -> None:
    if action == "close" and outcome is None:
        raise ValueError("Choose what was found before closing.")
    if action == "step" and (step is None or step[1] not in STEPS[step[0]]):
        raise ValueError("Choose a step and how it went.")
    if action == "assign":
        known = select(staff.c.login).where(staff.c.login == assignee, staff.c.disabled_at.is_(None))
        if assignee is None or connection.execute(known).first() is None:
            raise ValueError("Choose who is to take it: there is no such open account.")
