"""What operators see of the outbox, and the one thing that they may do to it: put back what was given up."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from sqlalchemy import Connection, select, update

from alerts.duty_tables import attempts, notifications
from alerts.notices import Purpose
from alerts.outbox import Stand
from alerts.sqlalerts import alert_numbered
from domain.clock import Instant

UNSETTLED = (Stand.WAITING, Stand.SENDING)
GIVEN_UP = (Stand.FAILED, Stand.CANCELLED)


@dataclass(frozen=True, slots=True)
class Row:
    """One notification."""

    number: int
    channel: str
    recipient: str
    purpose: Purpose
    alert: int | None
    stand: Stand
    attempts: int
    made_at: Instant
    why: str
    """What was said of the last attempt, or why none is made any more; empty when there was none."""


def rows(connection: Connection, stands: Collection[Stand], since: Instant, channel: str = "") -> list[Row]:
    """What stands so, by channel and age; of what is settled, only what was so at or after ``since``."""
    n, a = notifications.c, attempts.c
    last = (
        select(a.detail).where(a.notification == n.id, a.number == n.attempts, a.detail != "").scalar_subquery()
    )  # fmt: skip
    wanted = select(notifications, last.label("said")).where(
        n.state.in_([stand.value for stand in stands]), (n.done_at.is_(None)) | (n.done_at >= since)
    )
    if channel:
        wanted = wanted.where(n.channel == channel)
    return [
        Row(r.id, r.channel, r.recipient, Purpose(r.purpose), r.alert, Stand(r.state), r.attempts, r.made_at,
            r.error or r.said or "")
        for r in connection.execute(wanted.order_by(n.channel, n.made_at, n.id))
    ]  # fmt: skip


def failed_at(connection: Connection, channel: str, since: Instant) -> list[int]:
    """The numbers of what a channel failed to deliver since then, the oldest first."""
    return [row.number for row in rows(connection, (Stand.FAILED,), since, channel)]


def put_back(connection: Connection, number: int, now: Instant) -> None:
    """Let a notification that was given up be tried again from now on; raises ValueError, in one sentence, where it may not.

    Nobody is ever called about an alert that is closed, or about one that somebody has in hand.
    """
    n = notifications.c
    row = connection.execute(select(notifications).where(n.id == number)).first()
    if row is None:
        raise ValueError(f"There is no notification {number}: see 'kehai outbox list'.")
    if Stand(row.state) not in GIVEN_UP:
        raise ValueError(f"Notification {number} is {row.state}: only what failed or was dropped can be put back.")
    if row.alert is not None:
        alert = alert_numbered(connection, row.alert)
        if alert is None or not alert.state.standing:
            raise ValueError(f"Alert {row.alert} is closed: nobody is told of it any more.")
        if alert.state.taken and row.purpose != Purpose.OVER.value:
            raise ValueError(f"Alert {row.alert} is in somebody's hand: nobody else is called about it.")
    again = {"state": Stand.WAITING.value, "made_at": now, "due_at": now, "done_at": None, "error": ""}
    connection.execute(update(notifications).where(n.id == number).values(**again))
