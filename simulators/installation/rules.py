"""What must always hold, looked at from outside while a simulation runs and when it is over."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from sqlalchemy import Engine, func, select

from alerts import tables
from alerts.book import MemoryBook
from alerts.duty_tables import ladders, notifications
from alerts.notices import Purpose
from alerts.outbox import Stand
from alerts.places import Due, place_from
from alerts.sqlalerts import alert_of
from alerts.sqlbook import SqlBook
from alerts.watch import Watch
from domain.alerts import Alert, State
from domain.clock import DAY, HOUR, MINUTE, Instant, Span
from domain.findings import Level, Subject
from domain.ids import INSTALLATION
from domain.readings import Reading
from domain.stage import drive
from ingest.feed import JournalFeed
from ingest.journal import Journal
from simulators.installation.gateways import Gateway
from simulators.installation.ledger import Ledger
from simulators.installation.people import MANAGER, WORKERS, People
from simulators.installation.population import ZONE, known
from simulators.installation.world import World

_SOON: Span = 20 * MINUTE
"""In calm times nothing is on its way for longer."""
_WAVE: Span = 30 * MINUTE
_OURS = frozenset({"service_down", "help_called"})
"""Kinds of finding that do not come from the journal."""


class Inspector:
    """Reads the journal as it grows, and the book."""

    def __init__(
        self, world: World, engine: Engine, journal: Path, ledger: Ledger, gateways: Sequence[Gateway], people: People
    ) -> None:
        self._world, self._engine, self._path = world, engine, journal
        self._ledger, self._gateways, self._people = ledger, gateways, people
        self._journal: Journal | None = None
        self._cursor = 0
        self._last: Instant = 0
        self._heard: Counter[str] = Counter()

    # ---- while it runs -------------------------------------------------------------------------------------------------

    def look(self) -> None:
        """Nothing that a gateway was told is stored is missing, nothing stands there twice, and time goes on."""
        if self._journal is None:
            if not self._path.exists():
                return
            self._journal = Journal(self._path, read_only=True)
            if not self._journal.is_made():
                self._journal = None
                return
        while batch := self._journal.read(self._cursor):
            for arrival in batch:
                if arrival.offset <= self._cursor or arrival.received_at < self._last:
                    self._world.broken(f"commit {arrival.offset} of the journal is out of order")
                self._cursor, self._last = arrival.offset, arrival.received_at
                for item in arrival.items:
                    if isinstance(item, Reading):
                        self._ledger.found(item)
        for gateway in self._gateways:
            told = gateway.acknowledged()
            if told is not None:
                self._ledger.acknowledged(gateway.name, *told)

    # ---- at the end ----------------------------------------------------------------------------------------------------

    def finish(self, lag: Span) -> None:
        """After the calm: all of it arrived, every alert has its owner or calls, and each message is what it says it is."""
        self._everything_arrived()
        if lag > _SOON:
            self._world.broken(f"the watch is {lag // MINUTE} minutes behind in calm times")
        self._what_was_found_is_what_the_journal_says()
        self._what_is_sent_was_sent()
        self._nobody_is_forgotten()
        self._no_wave()
        if self._journal is not None:
            self._journal.close()

    def _everything_arrived(self) -> None:
        now = self._world.now()
        gone: dict[tuple[str, str], list[tuple[int, int, str]]] = {}
        for gateway in self._gateways:
            if gateway.spool is not None:
                gone[gateway.name, gateway.spool.epoch] = gateway.spool.lost()
        for (name, epoch), held in self._ledger.outstanding.items():
            excused = gone.get((name, epoch), [])
            for seq, accepted in held.items():
                if now - accepted.at > _SOON and not any(first <= seq <= last for first, last, _ in excused):
                    self._world.broken(f"number {seq} of {name} never arrived")

    def _what_was_found_is_what_the_journal_says(self) -> None:
        """A watch that was never interrupted finds in the same journal what the one that died again and again wrote down.

        Homes of which people have said what they found are left out: a watch that was down when they said it counts it later.
        """
        again, book = MemoryBook(), SqlBook(self._engine)
        told = {row.home for row in book.feedback(0, self._world.now())}
        for gateway in self._gateways:
            again.save(known(gateway.tenant.number))
        journal = Journal(self._path, read_only=True)
        try:
            watch = Watch(again, save_every=10_000 * DAY, default_zone=ZONE)
            drive(JournalFeed(journal), watch)
        finally:
            journal.close()
        written = {
            row.finding.id: row
            for row in book.all_findings()
            if row.finding.kind not in _OURS and row.finding.home not in told
        }
        found = {number: row for number, row in again.findings.items() if row.finding.home not in told}
        for finding in sorted(set(found) - set(written)):
            self._world.broken(f"the finding {finding} is lost")
        for finding in sorted(set(written) - set(found)):
            self._world.broken(f"the finding {finding} does not follow from the journal")
        for number in sorted(set(written) & set(found)):
            if (written[number].ended_at is None) != (found[number].ended_at is None):
                self._world.broken(f"the finding {number} is over for one watch and not for the other")

    def _what_is_sent_was_sent(self) -> None:
        arrived = Counter[str]()
        for provider in self._people.channels.values():
            arrived.update(provider.arrived)
            if provider.honours_key:
                for key, times in provider.arrived.items():
                    if times > 1:
                        self._world.broken(f"{provider.name} delivered {key} {times} times")
        n, now = notifications.c, self._world.now()
        known_keys = set[str]()
        with self._engine.connect() as connection:
            for row in connection.execute(select(notifications).order_by(n.id)):
                known_keys.add(row.key)
                if row.state == Stand.SENT.value and row.key not in arrived:
                    self._world.broken(f"notification {row.id} is marked as sent and reached nobody")
                waits = row.state in (Stand.WAITING.value, Stand.SENDING.value)
                if waits and now - row.due_at > _SOON:
                    self._world.broken(f"notification {row.id} to {row.recipient} is stuck")
        for key in sorted(set(arrived) - known_keys):
            self._world.broken(f"the message {key} reached somebody and stands nowhere")

    def _nobody_is_forgotten(self) -> None:
        """Whatever is open and climbs has called everybody by the end of the calm."""
        now, everybody = self._world.now(), {*WORKERS, MANAGER}
        a, n = tables.alerts.c, notifications.c
        climbing = select(ladders, a.level, a.home).join(tables.alerts, a.id == ladders.c.alert)
        open_pages = (a.state == State.OPEN.value) & (a.level == Level.PAGE.value)
        with self._engine.connect() as connection:
            for row in connection.execute(climbing.where(open_pages)).all():
                place = place_from(row)
                if place.what is not Due.RUNG or now - place.since < HOUR or row.home == INSTALLATION:
                    continue
                wanted = select(n.recipient).where(
                    n.alert == place.alert, n.purpose == Purpose.ALERT.value, n.climb == place.since
                )
                missing = everybody - set(connection.execute(wanted).scalars())
                if missing:
                    self._world.broken(f"alert {place.alert} has called everybody but {', '.join(sorted(missing))}")

    def _no_wave(self) -> None:
        """However much is cut off together, nobody is called about many homes at once in which nothing happened."""
        homes = {gateway.home for gateway in self._gateways if gateway.tenant.incidents}
        opened = sorted(
            (alert.opened_at, alert.home)
            for alert in self._alerts()
            if alert.subject is Subject.PERSON and alert.level is Level.PAGE and alert.kind not in _OURS
            and alert.home not in homes
        )  # fmt: skip
        few = max(3, len(self._gateways) // 4)
        for place, (at, _) in enumerate(opened):
            together = {home for when, home in opened[place:] if when - at <= _WAVE}
            if len(together) >= few:
                self._world.broken(f"a wave: {len(together)} homes at once in which nothing happened")
                return

    def _alerts(self) -> list[Alert]:
        with self._engine.connect() as connection:
            return [alert_of(row._mapping) for row in connection.execute(select(tables.alerts))]  # noqa: SLF001 (SQLAlchemy's public name)

    def counts(self) -> dict[str, int]:
        """What there was of everything."""
        ways = {"notifications": notifications, "alerts": tables.alerts, "transitions": tables.transitions}
        with self._engine.connect() as connection:
            found = {
                name: int(connection.execute(select(func.count()).select_from(table)).scalar_one())
                for name, table in ways.items()
            }
            kinds = select(tables.alerts.c.kind, func.count()).group_by(tables.alerts.c.kind)
            found |= {f"alerts: {kind}": int(many) for kind, many in connection.execute(kinds)}
            reached = sum(sum(provider.arrived.values()) for provider in self._people.channels.values())
        return {
            "accepted": self._ledger.accepted, "stored": self._ledger.stored, "on their way": self._ledger.rest(),
            "messages": reached, "acts": self._people.acts, **found,
            "deaths": sum(gateway.deaths for gateway in self._gateways),
        }  # fmt: skip
