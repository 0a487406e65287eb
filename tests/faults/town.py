"""Alerts that somebody must hear of, in one process: what is killed while it claims, sends and writes down that it has sent.

    python -m tests.faults.town FOLDER --smtp PORT --hook URL [--alerts N] [--careless]

The steps are the product's own: the desk opens alerts, the ladder's first rung puts one notification for each of two people
into the outbox, the caller's threads send them by e-mail and by a signed call. It ends when nothing is left to send. The clock
runs five times too fast, and a run begins an hour after the one before: so the leases of the dead have run out, and no lease
does while its message is on its way, however slow the machine.

``--careless`` is the control: it marks a notification as sent before it sends it.
"""

from __future__ import annotations

import argparse
import threading
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from sqlalchemy import Engine, func, insert, select, update

from alerts import caller as calling
from alerts import policy
from alerts.caller import Caller
from alerts.channels.catalogue import build
from alerts.desk import decide
from alerts.duty_tables import notifications
from alerts.ladder import Ladder
from alerts.messages import Messages
from alerts.outbox import Job, Outbox, Stand
from alerts.policy import Policy, Rung
from alerts.sqlbook import SqlBook
from alerts.tables import transitions
from domain.clock import SECOND, Clock, Instant, ScaledClock, SystemClock
from domain.findings import Finding, Level, Subject
from domain.ids import HomeId
from domain.localtime import LocalTime
from registry import addresses, rota, tables
from registry.database import migrate, open_database

T: Instant = 1_790_000_000 * SECOND
SPEED = 5.0
PEOPLE = {"yama": ("post", "yama@example.org"), "kawa": ("hook", "kawa")}
"""Who is on call, and how each is reached."""


class CarelessOutbox(Outbox):
    """The control: sent is what has been claimed."""

    def __init__(self, engine: Engine) -> None:
        super().__init__(engine)
        self._database = engine

    def claim(self, channel: str, limit: int, now: Instant) -> list[Job]:
        """See Outbox.claim."""
        jobs = super().claim(channel, limit, now)
        with self._database.begin() as connection:
            for job in jobs:
                connection.execute(
                    update(notifications)
                    .where(notifications.c.id == job.id)
                    .values(state=Stand.SENT.value, done_at=now)
                )
        return jobs


def prepare(engine: Engine) -> None:
    """The people and their rota, once."""
    with engine.begin() as connection:
        if connection.execute(select(func.count()).select_from(tables.staff)).scalar():
            return
        for position, (login, (channel, address)) in enumerate(PEOPLE.items()):
            connection.execute(insert(tables.staff).values(login=login, name=login, password="x", created_at=T))
            rota.add_shift(connection, rota.Shift("default", login, frozenset(range(7)), 0, 24 * 60, position))
            addresses.add(connection, login, channel, address, T)
        both = Policy((Rung(tuple(f"staff:{login}" for login in PEOPLE), 600.0),))
        policy.write(connection, "", Level.PAGE, both, "manager", "both at once", T)


def raise_all(book: SqlBook, count: int, clock: Clock) -> None:
    """Open every alert that is not open yet."""
    for number in range(count):
        at = clock.now()
        finding = Finding(
            HomeId(f"h{number}"),
            "inactivity",
            "inactivity/2",
            "inactivity",
            Subject.PERSON,
            Level.PAGE,
            T - number - 1,
            at,
        )
        with book.transaction() as page:
            if page.current(finding.home, finding.cause) is None:
                decide(page, [replace(finding, raised_at=at)], at, catching_up=False)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run until nothing is left to send."""
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("--smtp", type=int, required=True)
    parser.add_argument("--hook", required=True)
    parser.add_argument("--alerts", type=int, default=2)
    parser.add_argument("--careless", action="store_true")
    wanted = parser.parse_args(arguments)
    wanted.folder.mkdir(exist_ok=True)
    secret = wanted.folder / "secret"
    secret.write_text("not so secret")
    engine = open_database(f"sqlite:///{wanted.folder / 'kehai.db'}")
    migrate(engine)
    clock = ScaledClock(SystemClock().now(), max(T, last_instant(engine)), SPEED)
    local = LocalTime("Asia/Tokyo")
    prepare(engine)
    raise_all(SqlBook(engine), wanted.alerts, clock)
    Ladder(engine, local).step(clock.now())
    channels = build(
        {
            "post": {
                "kind": "smtp",
                "host": "127.0.0.1",
                "port": wanted.smtp,
                "security": "none",
                "sender": "k@kehai.test",
            },
            "hook": {"kind": "webhook", "url": wanted.hook, "secret_file": secret},
        }
    )
    outbox = CarelessOutbox(engine) if wanted.careless else Outbox(engine)
    caller = Caller(engine, clock, [], channels, Messages(engine, local), outbox=outbox)
    pause = threading.Event()
    while left(engine):
        caller.look()
        pause.wait(calling.LOOK / SECOND / 25)
    caller.stop()
    engine.dispose()
    return 0


def left(engine: Engine) -> int:
    """How many notifications are not settled."""
    wanted = select(func.count()).where(notifications.c.state.in_([Stand.WAITING.value, Stand.SENDING.value]))
    with engine.connect() as connection:
        return int(connection.execute(wanted).scalar() or 0)


def last_instant(engine: Engine) -> Instant:
    """Where an earlier run's clock had come to, as far as it wrote anything down, and an hour more."""
    with engine.connect() as connection:
        leased = connection.execute(select(func.max(notifications.c.leased_until))).scalar() or 0
        written = connection.execute(select(func.max(transitions.c.logged_at))).scalar() or 0
    return int(max(leased, written)) + 3600 * SECOND


if __name__ == "__main__":
    raise SystemExit(main())
