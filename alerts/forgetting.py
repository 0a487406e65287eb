"""How long the record of who was told through what is kept; the alerts and their histories stay.

A slice is a transaction of a few milliseconds, a second apart: nobody waits for it. It goes through the record from its oldest
row to what is young enough, and each hour from there again, so what was still in use is met later.
"""

from __future__ import annotations

from sqlalchemy import Engine, delete, select

from alerts.duty_tables import notifications
from alerts.outbox import Stand
from alerts.tables import alerts
from domain.alerts import State
from domain.clock import HOUR, SECOND, Instant, Span

SLICE = 500
_SETTLED = frozenset({Stand.SENT.value, Stand.FAILED.value, Stand.CANCELLED.value})


class Forgetting:
    """Takes old rows out of the outbox, with their attempts; one of the caller's steppers."""

    def __init__(self, engine: Engine, keep: Span, pace: float = 1.0) -> None:
        """``keep`` is reckoned on the installation's clock, the pauses in the world's time (see ``alerts.outbox.Outbox``)."""
        self._engine, self._keep, self._pace = engine, keep, pace
        self._due: Instant | None = None
        self._stepped: Instant | None = None
        self._after = 0
        """Up to which number the record has been gone through this time."""

    def next_due(self) -> Instant | None:
        """See Stepper.next_due."""
        return self._due

    def step(self, now: Instant) -> int:
        """Take a slice away, if it is time to; returns how many rows."""
        set_back = self._stepped is not None and now < self._stepped
        self._stepped = now
        if self._due is not None and now < self._due and not set_back:
            return 0
        gone, more = self._slice(now - self._keep)
        self._due = now + int((SECOND if more else HOUR) * self._pace)
        return gone

    def _slice(self, horizon: Instant) -> tuple[int, bool]:
        """Look at the next rows; how many of them were taken away, and whether there are more as old as that."""
        n = notifications.c
        wanted = (
            select(n.id, n.state, n.done_at, n.made_at, alerts.c.state.label("stands"))
            .outerjoin(alerts, alerts.c.id == n.alert)
            .where(n.id > self._after)
            .order_by(n.id)
            .limit(SLICE)
        )
        with self._engine.connect() as connection:
            seen = connection.execute(wanted).all()
        old = [row for row in seen if row.made_at < horizon]
        over = [
            row.id for row in old
            if row.state in _SETTLED and (row.done_at or 0) < horizon and row.stands in (None, State.CLOSED.value)
        ]  # fmt: skip
        if over:
            with self._engine.begin() as connection:
                connection.execute(delete(notifications).where(n.id.in_(over), n.state.in_(_SETTLED)))
        more = len(old) == SLICE
        self._after = old[-1].id if more else 0
        return len(over), more
