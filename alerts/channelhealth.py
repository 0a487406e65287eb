"""How each channel does: what it took last, why it failed last, what waits for it, and whom it reaches."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from sqlalchemy import Connection, case, func, select

from alerts.duty_tables import attempts, notifications
from alerts.outbox import How, Stand
from domain.clock import DAY, Instant, Span
from registry.tables import addresses

LOOKS_BACK: Span = 7 * DAY
"""What lies further back says nothing about how a channel does today."""


@dataclass(frozen=True, slots=True)
class Failure:
    """The last attempt that a channel did not take."""

    at: Instant
    how: How
    sentence: str


@dataclass(frozen=True, slots=True)
class Health:
    """One channel, over the last seven days."""

    name: str
    sent_at: Instant | None = None
    """When it last took a message; None: not within seven days."""
    failed: Failure | None = None
    sent: int = 0
    refused: int = 0
    """How many attempts it took, and how many not, in the last day."""
    waiting: int = 0
    waits_since: Instant | None = None
    """Since when the oldest message waits for it."""
    people: int = 0
    """How many people have an address on it that works."""
    broken: int = 0
    """How many addresses on it are broken."""

    @property
    def fails(self) -> bool:
        """True when the last that is known of it is a failure."""
        return self.failed is not None and (self.sent_at is None or self.failed.at > self.sent_at)


def health(connection: Connection, names: Iterable[str], now: Instant) -> list[Health]:
    """Each channel of ``names``, and each other for which messages still wait."""
    waiting = _waiting(connection)
    used, tried = _used(connection), _tried(connection, now)
    known = dict.fromkeys([*names, *waiting])
    return [
        Health(
            name, *tried.get(name, (None, None, 0, 0)), *waiting.get(name, (0, None)), *used.get(name, (0, 0))
        )
        for name in known
    ]  # fmt: skip


def _waiting(connection: Connection) -> dict[str, tuple[int, Instant | None]]:
    columns = notifications.c
    wanted = (
        select(columns.channel, func.count(), func.min(columns.made_at))
        .where(columns.state.in_([Stand.WAITING.value, Stand.SENDING.value]))
        .group_by(columns.channel)
        .order_by(columns.channel)
    )
    return {row[0]: (int(row[1]), row[2]) for row in connection.execute(wanted)}


def _used(connection: Connection) -> dict[str, tuple[int, int]]:
    columns = addresses.c
    works = columns.broken_at.is_(None)
    wanted = select(
        columns.channel, func.count(case((works, columns.owner)).distinct()), func.count(case((~works, 1)))
    ).group_by(columns.channel)
    return {row[0]: (int(row[1]), int(row[2])) for row in connection.execute(wanted)}


def _tried(
    connection: Connection, now: Instant
) -> dict[str, tuple[Instant | None, Failure | None, int, int]]:  # fmt: skip
    n, a = notifications.c, attempts.c
    good, recent = a.result == How.SENT.value, a.ended_at > now - DAY
    ended = attempts.join(notifications, a.notification == n.id)
    lately = a.ended_at > now - LOOKS_BACK
    summed = (
        select(
            n.channel, func.max(case((good, a.ended_at))), func.max(case((~good, a.ended_at))),
            func.count(case((good & recent, 1))), func.count(case((~good & recent, 1))),
        )
        .select_from(ended)
        .where(lately, a.result.is_not(None))
        .group_by(n.channel)
    )  # fmt: skip
    found = {}
    for channel, sent_at, failed_at, sent, refused in connection.execute(summed).all():
        failure = None
        if failed_at is not None:
            last = (
                select(a.result, a.detail)
                .select_from(ended)
                .where(n.channel == channel, a.ended_at == failed_at, ~good, a.result.is_not(None))
            )
            row = connection.execute(last.limit(1)).one()
            failure = Failure(failed_at, How(row.result), row.detail)
        found[channel] = (sent_at, failure, int(sent), int(refused))
    return found
