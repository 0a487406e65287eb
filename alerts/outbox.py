"""The outbox: notifications that stand in the database until a provider has taken them over.

Claim -> send -> done. A claim is a lease with a fencing token: the token grows with each claim, and whoever comes back late
with an old one changes nothing. A lease that ran out is claimed again; nobody can know whether the message arrived, so
the row is marked as sent before. Nothing here sends, waits or reads a clock.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from sqlalchemy import ColumnElement, Connection, Engine, and_, delete, func, insert, or_, select, update

from alerts.duty_tables import attempts, notifications
from alerts.notices import Notice, Purpose
from domain.chance import unique
from domain.clock import DAY, HOUR, MINUTE, SECOND, Instant, Span
from registry.database import insert_into

LEASE: Span = MINUTE
"""How long a claim holds; far longer than a channel may take for one message."""
FALL_AFTER: Span = MINUTE
"""A message that is not taken over after so long is given to the receiver's next channel too."""
FIRST_PAUSE: Span = SECOND
LONGEST_PAUSE: Span = 15 * SECOND
"""Between two attempts; so what waits is delivered within half a minute after a channel is well again."""
LONGEST_WISH: Span = MINUTE
"""No provider is waited for any longer, whatever it asks for: somebody may be lying on the floor."""
GIVEN_UP: Span = DAY
"""Nobody is told of anything that is older than this."""
_PATIENCE = {Purpose.TEST: 10 * MINUTE, Purpose.WATCHDOG: 10 * MINUTE, Purpose.DIGEST: HOUR}
"""What is given up sooner."""
_REACHED = "Another channel reached them."


class Stand(StrEnum):
    """Where a notification stands."""

    WAITING = "waiting"
    SENDING = "sending"
    SENT = "sent"
    FAILED = "failed"
    CANCELLED = "cancelled"


class How(StrEnum):
    """How an attempt went."""

    SENT = "sent"
    TRANSIENT = "transient"
    PERMANENT = "permanent"
    OVER_QUOTA = "over_quota"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Job:
    """A notification that this process has claimed, and may send until ``leased_until``."""

    id: int
    key: str
    token: int
    number: int
    """Which attempt this is, from 1."""
    alert: int | None
    purpose: Purpose
    channel: str
    recipient: str
    resent: bool
    made_at: Instant
    leased_until: Instant
    climb: int = 0
    """See Notice; the watchdog's number."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """One attempt as the delivery record shows it."""

    notification: int
    purpose: Purpose
    recipient: str
    channel: str
    stand: Stand
    number: int
    """0: none was made yet."""
    made_at: Instant
    began_at: Instant | None
    ended_at: Instant | None
    how: How | None
    detail: str
    resent: bool


# ---- within the transaction that decides ---------------------------------------------------------------------------------


def enqueue(connection: Connection, notices: Iterable[Notice], now: Instant) -> int:
    """Put notices into the outbox, each once; returns how many were new.

    A later notice to the same person about the same alert takes the place of one that still waits: after an hour without a
    channel nobody gets an hour's messages.
    """
    new = 0
    for notice in notices:
        channel, *others = notice.channels
        columns = notifications.c
        if notice.alert is not None:
            connection.execute(
                update(notifications)
                .where(
                    columns.alert == notice.alert, columns.purpose == notice.purpose.value,
                    columns.recipient == notice.recipient, columns.state == Stand.WAITING.value,
                    or_(columns.climb != notice.climb, columns.lap != notice.lap, columns.rung != notice.rung),
                )
                .values(state=Stand.CANCELLED.value, done_at=now, error="A later message took its place.")
            )  # fmt: skip
        new += _add(connection, notice, channel, others, now)
    return new


def cancel(connection: Connection, alert: int, now: Instant, by: str = "") -> int:
    """An alert is taken or over: nothing that waits is sent, and those who were told are told so, ``by`` excepted.

    Returns how many waiting notifications that cancelled.
    """
    columns = notifications.c
    # A word that it is over goes on its way whatever is decided next: those who were called still think that they are needed.
    cancelled = connection.execute(
        update(notifications)
        .where(
            columns.alert == alert, columns.state == Stand.WAITING.value, columns.purpose != Purpose.OVER.value
        )
        .values(state=Stand.CANCELLED.value, done_at=now)
    ).rowcount  # fmt: skip
    told = connection.execute(
        select(notifications).where(
            columns.alert == alert, columns.purpose == Purpose.ALERT.value, columns.recipient != by,
            columns.attempts > 0, or_(columns.state.in_([Stand.SENT.value, Stand.SENDING.value]), columns.resent),
        )
    ).all()  # fmt: skip
    for row in told:
        over = Notice(
            alert, Purpose.OVER, row.recipient, (row.channel,), now, climb=row.climb, lap=row.lap, rung=row.rung
        )
        if not _was_told_it_is_over(connection, row):
            _add(connection, over, row.channel, [], now)
    return cancelled


def _was_told_it_is_over(connection: Connection, row: Any) -> bool:
    """One word that it is over is enough for all that somebody was told of one climb."""
    columns = notifications.c
    wanted = select(columns.id).where(
        columns.alert == row.alert, columns.purpose == Purpose.OVER.value, columns.climb == row.climb,
        columns.recipient == row.recipient, columns.channel == row.channel,
    )  # fmt: skip
    return connection.execute(wanted).first() is not None


def _add(connection: Connection, notice: Notice, channel: str, others: Sequence[str], now: Instant) -> int:
    statement = insert_into(connection, notifications).values(
        key=unique(), alert=notice.alert, purpose=notice.purpose.value, climb=notice.climb, lap=notice.lap,
        rung=notice.rung, channel=channel, recipient=notice.recipient, fallbacks=json.dumps(list(others)), made_at=now,
        due_at=notice.due_at, state=Stand.WAITING.value,
    )  # fmt: skip
    return connection.execute(statement.on_conflict_do_nothing()).rowcount


# ---- what the senders do -------------------------------------------------------------------------------------------------


class Outbox:
    """Each public method is one transaction of its own.

    ``pace`` is how many times faster than the world's the installation's clock runs: leases and pauses are the world's.
    """

    def __init__(self, engine: Engine, pace: float = 1.0) -> None:
        self._engine, self._pace = engine, pace

    def _span(self, span: Span) -> Span:
        return int(span * self._pace)

    def claim(self, channel: str, limit: int, now: Instant) -> list[Job]:
        """At most ``limit`` notifications of a channel that are due, or whose lease ran out: the most urgent first.

        Digests are left to ``claim_digest``.
        """
        return self._claim(channel, limit, now, notifications.c.purpose != Purpose.DIGEST.value)

    def claim_digest(self, channel: str, now: Instant) -> list[Job]:
        """One digest that is due, or whose lease ran out, while no call waits for the channel."""
        calls = notifications.alias()
        waits = select(calls.c.id).where(
            calls.c.channel == channel, calls.c.state == Stand.WAITING.value, calls.c.due_at <= now,
            calls.c.purpose != Purpose.DIGEST.value,
        )  # fmt: skip
        digest = and_(notifications.c.purpose == Purpose.DIGEST.value, ~waits.exists())
        unsent = notifications.c.state.in_([Stand.WAITING.value, Stand.SENDING.value])
        with self._engine.connect() as connection:  # so that nothing is locked four times a second for nothing
            if connection.execute(select(notifications.c.id).where(unsent, digest).limit(1)).first() is None:
                return []
        return self._claim(channel, 1, now, digest)

    def _claim(self, channel: str, limit: int, now: Instant, these: ColumnElement[bool]) -> list[Job]:
        columns = notifications.c
        lost = and_(columns.state == Stand.SENDING.value, columns.leased_until <= now)
        waiting = and_(columns.state == Stand.WAITING.value, columns.due_at <= now)
        wanted = (
            select(columns.id)
            .where(columns.channel == channel, or_(waiting, lost), these)
            .order_by(columns.purpose, columns.due_at, columns.id)
            .limit(limit)
        )
        leased_until = now + self._span(LEASE)
        jobs: list[Job] = []
        with (
            self._engine.connect() as connection
        ):  # mostly there is nothing, and to read that holds up nobody who writes
            if connection.execute(wanted.limit(1)).first() is None:
                return jobs
        with self._engine.begin() as connection:
            if connection.dialect.name == "postgresql":
                wanted = wanted.with_for_update(skip_locked=True)
            rows = connection.execute(
                update(notifications)
                .where(columns.id.in_(wanted.scalar_subquery()), or_(waiting, lost))
                .values(
                    state=Stand.SENDING.value, token=columns.token + 1, leased_until=leased_until,
                    attempts=columns.attempts + 1, resent=or_(columns.resent, columns.state == Stand.SENDING.value),
                )
                .returning(notifications)
            ).all()  # fmt: skip
            for row in rows:
                connection.execute(
                    update(attempts)
                    .where(attempts.c.notification == row.id, attempts.c.result.is_(None))
                    .values(result=How.UNKNOWN.value, detail="It was cut off, and nobody knows whether it arrived.")
                )
                connection.execute(insert(attempts).values(notification=row.id, number=row.attempts, began_at=now))
                jobs.append(
                    Job(row.id, row.key, row.token, row.attempts, row.alert, Purpose(row.purpose), row.channel,
                        row.recipient, bool(row.resent), row.made_at, leased_until, row.climb)
                )  # fmt: skip
        return sorted(jobs, key=lambda job: job.id)

    def sent(self, job: Job, detail: str, now: Instant) -> bool:
        """The provider has taken it over; False when somebody else has claimed it meanwhile, and nothing was written."""
        with self._engine.begin() as connection:
            if not self._settle(connection, job, {"state": Stand.SENT.value, "done_at": now, "error": ""}):
                return False
            self._record(connection, job, How.SENT, detail, now)
            columns = notifications.c
            row = connection.execute(select(notifications).where(columns.id == job.id)).one()
            # Whoever is told by one channel need not be told by the others that were to stand in for it, or it for them.
            connection.execute(
                update(notifications)
                .where(_of_the_same_call(row), columns.state == Stand.WAITING.value)
                .values(state=Stand.CANCELLED.value, done_at=now, error=_REACHED)
            )
        return True

    def failed(self, job: Job, how: How, sentence: str, now: Instant, retry_in: Span | None = None) -> bool:
        """It was not taken over: try again later, go to the next channel, or both; False as for ``sent``.

        ``retry_in`` is the provider's wish in real time.
        """
        for_good = how is How.PERMANENT
        pause = retry_in if retry_in is not None else min(LONGEST_PAUSE, FIRST_PAUSE << min(job.number - 1, 10))
        pause = min(pause, LONGEST_WISH)
        pause += _jitter(job, pause)
        patience = _PATIENCE.get(job.purpose, GIVEN_UP)
        for_good |= how is How.OVER_QUOTA and job.purpose is Purpose.DIGEST  # what is left of a quota is for calls
        over = for_good or now - job.made_at > self._span(patience)
        values: dict[str, object] = {"error": sentence[:500], "leased_until": None}
        if over:
            values |= {"state": Stand.FAILED.value, "done_at": now}
        else:
            values |= {"state": Stand.WAITING.value, "due_at": now + self._span(pause)}
        if how is How.UNKNOWN:
            values |= {"resent": True}
        with self._engine.begin() as connection:
            if not self._settle(connection, job, values):
                return False
            self._record(connection, job, how, sentence, now)
            row = connection.execute(select(notifications).where(notifications.c.id == job.id)).one()
            if self._was_reached(connection, row):
                if not over:  # nothing waits for this channel to be well again
                    values = {"state": Stand.CANCELLED.value, "done_at": now, "error": _REACHED}
                    connection.execute(update(notifications).where(notifications.c.id == job.id).values(**values))
            elif over or how is How.OVER_QUOTA:
                self._fall_through(connection, row, now)
        return True

    def dropped(self, job: Job, why: str, now: Instant) -> bool:
        """There is no need of it any more: nobody was asked to take it, and no other channel is; False as for ``sent``."""
        with self._engine.begin() as connection:
            values: dict[str, object] = {
                "state": Stand.CANCELLED.value,
                "done_at": now,
                "error": why,
                "leased_until": None,
            }
            this = and_(attempts.c.notification == job.id, attempts.c.number == job.number)
            if not self._settle(connection, job, values):
                return False
            connection.execute(delete(attempts).where(this))
        return True

    def released(self, job: Job, now: Instant) -> bool:
        """It was claimed and never begun: it waits again as if nothing had been; False as for ``sent``."""
        n, a = notifications.c, attempts.c
        values = {"state": Stand.WAITING.value, "due_at": now, "leased_until": None, "attempts": n.attempts - 1}
        with self._engine.begin() as connection:
            if not self._settle(connection, job, values):
                return False
            connection.execute(delete(attempts).where(a.notification == job.id, a.number == job.number))
        return True

    def fall_through(self, now: Instant) -> int:
        """Give what has waited too long to the next channel of its receiver; returns how many."""
        columns = notifications.c
        wanted = select(notifications).where(
            columns.state.in_([Stand.WAITING.value, Stand.SENDING.value]), columns.fell_through.is_(False),
            columns.made_at <= now - self._span(FALL_AFTER), or_(columns.attempts > 0, columns.due_at <= now),
            columns.fallbacks != "[]",
        )  # fmt: skip
        with self._engine.begin() as connection:
            return sum(self._fall_through(connection, row, now) for row in connection.execute(wanted).all())

    def draw_in(self, now: Instant) -> int:
        """Time went back: what was made in what is the future now is due at once, and no lease lasts longer than a lease.

        Returns how many rows that changed.
        """
        columns = notifications.c
        waiting = (columns.state == Stand.WAITING.value) & (columns.made_at > now)
        longest = now + self._span(LEASE)
        leased = (columns.state == Stand.SENDING.value) & (columns.leased_until > longest)
        with self._engine.begin() as connection:
            drawn = connection.execute(update(notifications).where(waiting).values(made_at=now, due_at=now)).rowcount
            drawn += connection.execute(
                update(notifications).where(leased).values(leased_until=longest, made_at=now)
            ).rowcount
        return drawn

    def next_due(self) -> Instant | None:
        """When something is to be sent next, or a lease runs out."""
        columns = notifications.c
        with self._engine.connect() as connection:
            waiting = connection.execute(
                select(func.min(columns.due_at)).where(columns.state == Stand.WAITING.value)
            ).scalar()
            leased = connection.execute(
                select(func.min(columns.leased_until)).where(columns.state == Stand.SENDING.value)
            ).scalar()
        return min((at for at in (waiting, leased) if at is not None), default=None)

    def _was_reached(self, connection: Connection, row: Any) -> bool:
        """Another channel told them while this one was being tried."""
        told = select(notifications.c.id).where(_of_the_same_call(row), notifications.c.state == Stand.SENT.value)
        return connection.execute(told.limit(1)).first() is not None

    def _fall_through(self, connection: Connection, row: Any, now: Instant) -> int:
        rest = json.loads(row.fallbacks)
        if not rest or row.fell_through:
            return 0
        columns = notifications.c
        connection.execute(update(notifications).where(columns.id == row.id).values(fell_through=True))
        notice = Notice(row.alert, Purpose(row.purpose), row.recipient, tuple(rest), now, row.climb, row.lap, row.rung)
        return _add(connection, notice, rest[0], rest[1:], now)

    def _settle(self, connection: Connection, job: Job, values: dict[str, object]) -> bool:
        columns = notifications.c
        mine = and_(columns.id == job.id, columns.token == job.token, columns.state == Stand.SENDING.value)
        return connection.execute(update(notifications).where(mine).values(**values)).rowcount == 1

    def _record(self, connection: Connection, job: Job, how: How, detail: str, now: Instant) -> None:
        this = and_(attempts.c.notification == job.id, attempts.c.number == job.number)
        connection.execute(update(attempts).where(this).values(ended_at=now, result=how.value, detail=detail[:500]))


def _of_the_same_call(row: Any) -> ColumnElement[bool]:
    """Every notification that is to tell one person of one rung, by whichever channel."""
    c = notifications.c
    return and_(
        c.alert == row.alert, c.purpose == row.purpose, c.climb == row.climb, c.lap == row.lap, c.rung == row.rung,
        c.recipient == row.recipient,
    )  # fmt: skip


def trials_of(connection: Connection, recipient: str, limit: int = 10) -> list[Delivery]:
    """What became of the last tests that somebody sent to themselves, the newest first."""
    n = notifications.c
    record = _deliveries(connection, (n.recipient == recipient) & (n.purpose == Purpose.TEST.value))
    return sorted(record, key=lambda delivery: (-delivery.made_at, -delivery.number))[:limit]


def deliveries(connection: Connection, alert: int) -> list[Delivery]:
    """The delivery record of an alert, in the order in which it was written."""
    return _deliveries(connection, notifications.c.alert == alert)


def _deliveries(connection: Connection, condition: Any) -> list[Delivery]:
    n, a = notifications.c, attempts.c
    wanted = (
        select(notifications, a.number, a.began_at, a.ended_at, a.result, a.detail)
        .outerjoin(attempts, a.notification == n.id)
        .where(condition)
        .order_by(n.id, a.number)
    )
    return [
        Delivery(
            r.id, Purpose(r.purpose), r.recipient, r.channel, Stand(r.state), r.number or 0, r.made_at, r.began_at,
            r.ended_at, How(r.result) if r.result else None, r.detail or r.error, bool(r.resent),
        )
        for r in connection.execute(wanted)
    ]  # fmt: skip


def _jitter(job: Job, pause: Span) -> Span:
    """Up to a fifth of the pause, another for each message: what failed together is not tried again together."""
    return pause * (int(job.key[:4], 16) % 200) // 1000 if pause else 0
