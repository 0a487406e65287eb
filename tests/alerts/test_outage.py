"""Ingest is down for two hours over two hundred homes: one alert about us, none about anybody's stillness but the real one.

The watch, the overseer and the ladder run together on one virtual clock, as the watch process runs them on the real one.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from alerts.ladder import Ladder
from alerts.overseer import Overseer
from alerts.sqlbook import RoleMark, SqlBook
from alerts.watch import Watch
from domain.alerts import Alert, Reason
from domain.clock import HOUR, MINUTE, SECOND, Instant, VirtualClock
from domain.findings import Level, Subject
from domain.ids import INSTALLATION, DeviceId, GatewayId, HomeId
from domain.localtime import LocalTime
from domain.readings import Arrival, Device, Hello, Item, Mark, Quantity, Reading, Vouch
from registry.database import open_database
from tests.alerts.duty import installation, post

START: Instant = 1_790_035_200_000_000  # 08:00 in Tokyo
HOMES = 200
FALLEN = 7
FELL = START + HOUR
_STEP = 5 * MINUTE
_ROOMS = ("kitchen", "living")


@dataclass
class Town:
    """Two hundred homes that move every five minutes, but for one."""

    watch: Watch
    ladder: Ladder
    overseer: Overseer
    book: SqlBook
    real: VirtualClock
    offset: int = 0
    waiting: list[tuple[int, Instant]] = field(default_factory=list)
    """What the gateways hold while nobody listens: (home, when)."""
    down_since: Instant | None = None
    seq: Counter[int] = field(default_factory=Counter)

    def live(self, start: Instant, end: Instant, listening: bool = True, says_so: bool = True) -> None:
        """Let time pass; ``listening`` is ingest, and ``says_so`` its word, once it runs again, that it had been down."""
        for now in range(start, end, _STEP):
            self.real.advance_to(now)
            self.waiting += [(number, now) for number in range(HOMES)]
            if listening:
                self._deliver(now, says_so)
                self.book.mark(RoleMark("ingest", now, 0, "connected"))
            elif self.down_since is None:
                self.down_since = now
            self.book.mark(RoleMark("watch", now, 0))
            for later in range(now, now + _STEP, 10 * SECOND if now == start else MINUTE):
                self.real.advance_to(later)
                if listening:  # ingest's own mark moves the watch's time on
                    self._arrive(later, [Mark(later)])
                    self.book.mark(RoleMark("ingest", later, 0, "connected"))
                self.overseer.step(later)
                self.ladder.step(later)
                post(self.overseer._engine, later)

    def _deliver(self, now: Instant, says_so: bool) -> None:
        self._arrive(now, [Mark(now, self.down_since if says_so else None)])
        self.down_since = None
        by_home: dict[int, list[Instant]] = {}
        for number, at in self.waiting:
            by_home.setdefault(number, []).append(at)
        self.waiting.clear()
        for number, instants in by_home.items():
            self._arrive(now, self._told(number, instants, now))

    def _told(self, number: int, instants: list[Instant], now: Instant) -> list[Item]:
        home, gateway = HomeId(f"home-{number}"), GatewayId(f"gw-{number}")
        items: list[Item] = []
        if not self.seq[number]:
            devices = tuple(Device(DeviceId(room), Quantity.MOTION, room) for room in _ROOMS)
            items.append(Hello(home, gateway, "Asia/Tokyo", devices, now))
        for at in instants:
            if number == FALLEN and at >= FELL:
                continue
            self.seq[number] += 1
            room = DeviceId(_ROOMS[self.seq[number] % 2])
            items.append(Reading(home, room, Quantity.MOTION, 1.0, at, now, gateway, "e", self.seq[number]))
        return [*items, Vouch(home, gateway, now, ((instants[0] - _STEP, now),), (), now, now)]

    def _arrive(self, now: Instant, items: list[Item]) -> None:
        while (due := self.watch.next_due()) is not None and due < now and self.down_since is None:
            self.watch.step(due, None)
        self.offset += 1
        self.watch.step(now, Arrival(self.offset, now, tuple(items)))

    def alerts(self) -> list[Alert]:
        return [alert for number in range(1, 2000) if (alert := self.book.alert(number)) is not None]


@pytest.fixture
def town(tmp_path: Path) -> Iterator[Town]:
    installation(tmp_path).dispose()
    engine = open_database(f"sqlite:///{tmp_path / 'kehai.db'}")
    book, real = SqlBook(engine), VirtualClock(START)
    local = LocalTime("Asia/Tokyo")
    yield Town(
        Watch(book, save_every=HOUR), Ladder(engine, local), Overseer(engine, real, local, ("ingest",)), book, real
    )
    engine.dispose()


DOWN, HEAL = FELL + 150 * MINUTE, FELL + 270 * MINUTE


def test_an_outage_of_ingest_over_two_hundred_homes_is_one_alert_and_the_real_collapse_in_it_is_told_at_the_heal(
    town: Town,
) -> None:
    town.live(START, DOWN)
    assert {alert.level for alert in town.alerts()} <= {Level.PROMPT}
    town.live(DOWN, HEAL, listening=False)
    assert [alert.cause for alert in town.alerts() if alert.level is Level.PAGE] == ["service_down:ingest"]
    town.live(HEAL, HEAL + HOUR)
    assert {alert.home for alert in town.alerts()} == {INSTALLATION, f"home-{FALLEN}"}
    assert [alert.cause for alert in town.alerts() if alert.home == INSTALLATION] == ["service_down:ingest"]
    (page,) = [alert for alert in town.alerts() if alert.home != INSTALLATION]
    assert (page.level, page.subject, page.late) == (Level.PAGE, Subject.PERSON, True)
    assert DOWN < page.raised_at < HEAL
    (risen,) = [row for row in town.book.history(page.id) if row.reason is Reason.LEVEL_UP]
    assert risen.logged_at - HEAL <= 10 * SECOND


def test_an_ingest_that_does_not_say_that_it_was_down_is_caught_raising_what_nobody_needs(town: Town) -> None:
    """The control: without the word about the hole, its silence is everybody's."""
    town.live(START, DOWN)
    town.live(DOWN, HEAL, listening=False)
    town.live(HEAL, HEAL + 10 * MINUTE, says_so=False)
    causes = {alert.cause for alert in town.alerts() if alert.subject is not Subject.PERSON}
    assert causes - {"service_down:ingest"}
