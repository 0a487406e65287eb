"""Two hundred homes, and three hours in which nothing reaches the server."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from alerts.book import Book, MemoryBook
from alerts.watch import Watch
from domain.alerts import Alert, Reason, State
from domain.clock import DAY, HOUR, MINUTE, SECOND, Instant
from domain.findings import Level, Subject
from domain.ids import INSTALLATION, DeviceId, GatewayId, HomeId
from domain.readings import Arrival, Device, Hello, Item, Mark, Quantity, Reading, Vouch
from domain.stage import ListFeed, drive
from tests.detectors.homes import T0, ZONE

LIVING = Device(DeviceId("living"), Quantity.MOTION, "living")
CUT = T0 + 14 * DAY + 11 * HOUR
BACK = CUT + 3 * HOUR
END = BACK + HOUR // 2
BEAT = 3 * MINUTE


def said(home: HomeId, seq: int, at: Instant, received_at: Instant) -> Reading:
    return Reading(home, LIVING.id, Quantity.MOTION, 1.0, at, received_at, GatewayId(f"gw-{home}"), "e", seq)


def vouched(home: HomeId, start: Instant, now: Instant) -> Vouch:
    return Vouch(home, GatewayId(f"gw-{home}"), now, ((start, now),), (), now, now)


class Fleet:
    """Homes in which somebody moves every twelve minutes by day; the first one's resident falls as the outage begins."""

    def __init__(self, count: int, *, dead: int = 0) -> None:
        self.homes = [HomeId(f"h{number:03}") for number in range(count)]
        self.dead = frozenset(self.homes[count - dead :])
        """Homes whose gateways do not come back."""

    def arrivals(self) -> Iterator[Arrival]:
        for offset, (now, items) in enumerate(self._batches(), start=1):
            yield Arrival(offset, now, tuple(items))

    def _batches(self) -> Iterator[tuple[Instant, list[Item]]]:
        yield (
            T0,
            [Mark(T0), *(Hello(home, GatewayId(f"gw-{home}"), ZONE, (LIVING,), T0) for home in self.homes)],
        )
        first, seq, start = self.homes[0], 0, CUT - HOUR
        past: list[Item] = []
        for at in range(T0, start, 12 * MINUTE):  # one home has a past
            if 7 * HOUR <= (at - T0) % DAY < 22 * HOUR:
                seq += 1
                past.append(said(first, seq, at + at // MINUTE * 7 % 11 * 37 * SECOND, start))
        yield start, [*past, vouched(first, T0, start)]
        heard = dict.fromkeys(self.homes, start)
        for now in range(start, END + 1, BEAT):
            items: list[Item] = [Mark(now)]
            for number, home in enumerate(self.homes):
                if CUT <= now < BACK or (now >= BACK and home in self.dead):
                    continue
                for at in range(heard[home] // (12 * MINUTE) * (12 * MINUTE), now, 12 * MINUTE):
                    if at >= heard[home] and not (home == first and at > CUT):
                        seq += 1
                        items.append(said(home, seq, at + (number + at // MINUTE) * 7 % 11 * 10 * SECOND, now))
                items.append(vouched(home, heard[home], now))
                heard[home] = now
            yield now, items


def watched(arrivals: Iterable[Arrival], book: Book) -> Watch:
    watch = Watch(book, default_zone=ZONE)
    drive(ListFeed(arrivals), watch)
    watch.save(watch.now)
    return watch


def alerts(book: MemoryBook, subject: Subject) -> list[Alert]:
    return [alert for alert in book.alerts.values() if alert.subject is subject]


def test_three_hours_without_the_broker_are_one_alert_and_a_fall_in_them_is_paged_right_after_marked_late() -> None:
    book = MemoryBook()
    watched(Fleet(200).arrivals(), book)
    (outage,) = alerts(book, Subject.SYSTEM)
    assert (outage.home, outage.kind, outage.state) == (INSTALLATION, "fleet_outage", State.CLOSED)
    assert CUT < outage.opened_at < CUT + 15 * MINUTE
    assert outage.ended_at == BACK
    (fall,) = [alert for alert in alerts(book, Subject.PERSON) if alert.kind == "inactivity"]
    assert (fall.home, fall.level, fall.late) == (HomeId("h000"), Level.PAGE, True)
    assert CUT < fall.raised_at < BACK <= fall.opened_at <= BACK + BEAT
    silent = [row for row in book.findings.values() if row.finding.kind == "gateway_silent"]
    assert len(silent) == 200, "each home's own finding is written down all the same"
    assert all(row.ended_at is not None for row in silent)


def test_a_home_that_stays_silent_after_the_heal_has_its_own_alert_then() -> None:
    fleet, book = Fleet(30, dead=2), MemoryBook()
    watched(fleet.arrivals(), book)
    own = [alert for alert in alerts(book, Subject.SYSTEM) if alert.home != INSTALLATION]
    assert {(alert.home, alert.kind, alert.state) for alert in own} == {
        (home, "gateway_silent", State.OPEN) for home in fleet.dead
    }
    assert all(alert.opened_at == BACK for alert in own)
    assert [t.reason for t in book.transitions if t.alert in {alert.id for alert in own}] == [Reason.OUTLASTED] * 2


def test_a_restart_in_the_middle_of_it_changes_nothing() -> None:
    whole, fleet = MemoryBook(), Fleet(30, dead=2)
    watched(fleet.arrivals(), whole)
    everything = list(fleet.arrivals())
    for minutes in (5, 11, 60, 121):
        book = MemoryBook()
        watched((a for a in everything if a.received_at < CUT + minutes * MINUTE), book)
        watched((a for a in everything if a.offset > book.cursor()), book)
        assert book.findings.keys() == whole.findings.keys(), minutes
        assert [(a.home, a.cause, a.state) for a in book.alerts.values()] == [
            (a.home, a.cause, a.state) for a in whole.alerts.values()
        ]


def test_without_a_handful_of_homes_each_speaks_for_itself() -> None:
    """The control: it is the fleet that holds the others back."""
    fleet, book = Fleet(4), MemoryBook()
    watched(fleet.arrivals(), book)
    assert sorted(alert.home for alert in alerts(book, Subject.SYSTEM)) == fleet.homes
