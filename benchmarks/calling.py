"""How soon somebody is told: from the finding to the first attempt on a channel.

    python -m benchmarks.calling [--homes 1000] [--alerts 100] [--days 30]

The desk, the ladder, the outbox and the caller's threads are the product's own, on a database on disk; the channel writes down
when it was asked. Measured with nothing else going on; while one gateway's backlog of ``--days`` days drains through the
watch in the same process; and with a second channel that hangs.
"""

from __future__ import annotations

import argparse
import tempfile
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import ClassVar

from sqlalchemy import Engine, insert

from alerts import policy
from alerts.caller import Caller
from alerts.channels.channel import Message, Receipt, UnknownError
from alerts.desk import decide
from alerts.ladder import Ladder
from alerts.messages import Messages
from alerts.overseer import Overseer
from alerts.policy import Policy, Rung
from alerts.sqlbook import RoleMark, SqlBook
from alerts.watch import Watch
from domain.clock import DAY, MILLISECOND, MINUTE, SECOND, Instant, Span, SystemClock, monotonic
from domain.findings import Finding, Level, Subject
from domain.ids import DeviceId, GatewayId, HomeId
from domain.localtime import LocalTime
from domain.readings import Arrival, Device, Hello, Item, Mark, Quantity, Reading, Vouch
from registry import addresses, tables
from registry.database import migrate, open_database

TARGET_SECONDS = 2.0


class Notebook:
    """A channel that writes down when it was asked."""

    honours_key: ClassVar[bool] = True
    workers = 4

    def __init__(self, hangs: float = 0.0) -> None:
        self.asked: dict[str, Span] = {}
        self._hangs = threading.Event() if hangs else None
        self._seconds = hangs

    def check_address(self, address: str) -> str:
        """See Channel.check_address."""
        return address

    def send(self, _address: str, message: Message) -> Receipt:
        """See Channel.send."""
        self.asked.setdefault(message.tag, monotonic())
        if self._hangs is not None:
            self._hangs.wait(self._seconds)
            raise UnknownError("It hangs.")
        return Receipt()

    def let_go(self) -> None:
        """Hang no more."""
        if self._hangs is not None:
            self._hangs.set()

    def close(self) -> None:
        """See Channel.close."""


def prepare(engine: Engine) -> None:
    """Two people, one on each channel, and a policy that calls both at once."""
    migrate(engine)
    now = SystemClock().now()
    with engine.begin() as connection:
        for login, channel in (("yama", "good"), ("kawa", "bad")):
            connection.execute(insert(tables.staff).values(login=login, name=login, password="x", created_at=now))  # noqa: S106
            addresses.add(connection, login, channel, login, now)
        both = Policy((Rung(("staff:yama", "staff:kawa"), 600.0),))
        policy.write(connection, "", Level.PAGE, both, "benchmark", "both at once", now)


def backlog(homes: int, days: int, now: Instant) -> Iterator[Arrival]:
    """``homes`` gateways greet; then one of them delivers ``days`` days, 200 readings at a time, while the others go on."""
    devices = (Device(DeviceId("hall"), Quantity.MOTION, "hall"), Device(DeviceId("bed"), Quantity.MOTION, "bedroom"))
    everybody: list[Item] = [Mark(now)]
    everybody += [
        Hello(HomeId(f"h{number}"), GatewayId(f"g{number}"), "Asia/Tokyo", devices, now) for number in range(homes)
    ]
    offset = 1
    yield Arrival(offset, now, tuple(everybody))
    at, seq = now - days * DAY, 0
    while at < now:
        items: list[Item] = []
        for _ in range(200):
            at, seq = at + 90 * SECOND, seq + 1
            items.append(
                Reading(HomeId("h0"), devices[seq % 2].id, Quantity.MOTION, 1.0, at, now, GatewayId("g0"), "e", seq)
            )
        items.append(Vouch(HomeId("h0"), GatewayId("g0"), at, ((at - 5 * 3600 * SECOND, at),), (), at, now))
        offset += 1
        yield Arrival(offset, now, tuple(items))
        for number in range(1, homes, 50):
            home, gateway = HomeId(f"h{number}"), GatewayId(f"g{number}")
            offset += 1
            yield Arrival(offset, now, (Vouch(home, gateway, now, ((now - MINUTE, now),), (), now, now),))


def measure(
    book: SqlBook, caller: Caller, channel: Notebook, alerts: int, name: str, work: Callable[[], bool]
) -> list[float]:
    """Seconds from the finding to the channel, for each alert; ``work`` is what the process does beside."""
    raised: dict[str, Span] = {}
    pause, clock = threading.Event(), SystemClock()
    for number in range(alerts):
        until = monotonic() + 100 * MILLISECOND
        while monotonic() < until:
            if not work():
                pause.wait(0.02)
        now = clock.now()
        finding = Finding(
            HomeId(f"{name}-{number}"), "inactivity", "inactivity/2", "inactivity", Subject.PERSON, Level.PAGE,
            now - 3600 * SECOND, now,
        )  # fmt: skip
        began = monotonic()
        with book.transaction() as page:
            (made,) = decide(page, [replace(finding)], now, catching_up=False)
        caller.wake()
        if made.alert is not None:
            raised[f"alert-{made.alert.id}"] = began
    deadline = monotonic() + 30 * SECOND
    while not raised.keys() <= channel.asked.keys() and monotonic() < deadline:
        pause.wait(0.05)
    return sorted((channel.asked.get(tag, deadline) - began) / SECOND for tag, began in raised.items())


def line(name: str, seconds: Sequence[float]) -> str:
    """A row of the table."""
    p99 = seconds[min(len(seconds) - 1, int(0.99 * len(seconds)))]
    asked = f"p99 <= {TARGET_SECONDS:g} s: {'met' if p99 <= TARGET_SECONDS else 'MISSED'}"
    return f"| {name} | {seconds[len(seconds) // 2]:.3f} | {p99:.3f} | {seconds[-1]:.3f} | {asked} |"


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--homes", type=int, default=1000)
    parser.add_argument("--alerts", type=int, default=100)
    parser.add_argument("--days", type=int, default=30)
    wanted = parser.parse_args()
    print("| what else goes on | median, s | p99, s | slowest, s | asked |\n|---|---|---|---|---|")
    for name, hangs, drains in (
        ("nothing", 0.0, False),
        ("a backlog drains", 0.0, True),
        ("a channel hangs", 10.0, False),
    ):
        with tempfile.TemporaryDirectory() as folder:
            print(line(name, run(Path(folder), wanted, hangs, drains)), flush=True)


def run(folder: Path, wanted: argparse.Namespace, hangs: float, drains: bool) -> list[float]:
    """One row."""
    engine = open_database(f"sqlite:///{folder / 'kehai.db'}")
    prepare(engine)
    clock, local, book = SystemClock(), LocalTime("Asia/Tokyo"), SqlBook(engine)
    good, bad = Notebook(), Notebook(hangs)
    book.mark(RoleMark("ingest", clock.now(), 0))
    caller = Caller(
        engine, clock, [Ladder(engine, local), Overseer(engine, clock, local, ())], {"good": good, "bad": bad},
        Messages(engine, local),
    )  # fmt: skip
    watch = Watch(book, default_zone="Asia/Tokyo", save_every=5 * SECOND, on_decisions=lambda _made: caller.wake())
    arrivals = backlog(wanted.homes, wanted.days, clock.now()) if drains else iter(())

    def work() -> bool:
        arrival = next(arrivals, None)
        if arrival is not None:
            watch.step(clock.now(), arrival)
        return arrival is not None

    caller.start()
    seconds = measure(book, caller, good, wanted.alerts, "home", work)
    bad.let_go()
    caller.stop()
    engine.dispose()
    return seconds


if __name__ == "__main__":
    main()
