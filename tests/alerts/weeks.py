"""A home that has lived five weeks, in a journal and in the watch's state: what the tests of its week share."""

from __future__ import annotations

import random
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from sqlalchemy import Engine

from alerts.book import WatchedHome
from alerts.modes import Modes
from alerts.records import encode_status
from alerts.sqlbook import SqlBook
from detectors.home import HomeWatch
from domain.clock import DAY, HOUR, MINUTE, SECOND, Instant, from_iso
from domain.ids import GatewayId, HomeId
from domain.readings import Device, Vouch
from domain.status import HomeStatus, Observability, Resident
from ingest.history import JournalHistory
from ingest.journal import Batch, Journal
from tests.detectors.homes import BATH, DEVICES, DOOR, GATEWAY, KITCHEN, LIVING, ZONE, Script, hello

MONDAY: Instant = from_iso("2026-02-23T00:00:00+09:00")
"""The week that is looked at."""
NOW: Instant = MONDAY + 7 * DAY + 13 * HOUR
WEEKS_BEFORE = 28
HOME_1 = HomeId("home-1")


@dataclass
class Life:
    """Ordinary days, up from 7 to 22 o'clock with a way out from 10 to 11:30, and what was otherwise on some of them."""

    home: HomeId = HOME_1
    devices: tuple[Device, ...] = DEVICES
    days_before: int = WEEKS_BEFORE
    rises: Mapping[int, int] = field(default_factory=dict)
    """Day of the week (0 is Monday) -> the hour at which the resident rose, where it was not 7."""
    visits: Mapping[int, int] = field(default_factory=dict)
    """-> visits to the toilet in the night after it, where it was not one."""
    stays_out: Collection[int] = ()
    """Days on which they went out at 10 and came back in the morning of the next."""
    holes: tuple[tuple[Instant, Instant], ...] = ()
    """When nothing was heard."""

    def script(self) -> Script:
        """Every reading."""
        script, rng = Script(), random.Random(3)
        back_at = 0
        for day in range(-self.days_before, 8):
            start = MONDAY + day * DAY
            at = max(start + self.rises.get(day, 7) * HOUR + rng.randrange(10) * MINUTE, back_at)
            while at < start + 22 * HOUR:
                if start + 10 * HOUR <= at < start + 11 * HOUR:
                    script.add(DOOR, start + 10 * HOUR)
                    back_at = start + (DAY + 8 * HOUR if day in self.stays_out else 11 * HOUR + 30 * MINUTE)
                    script.add(DOOR, back_at)
                    at = back_at + MINUTE
                    continue
                script.add(rng.choice((LIVING, KITCHEN)), at)
                at += rng.randrange(60, 360) * SECOND
            for visit in range(self.visits.get(day, 1) if day not in self.stays_out else 0):
                script.add(BATH, start + 23 * HOUR + visit * 30 * MINUTE)
        script.readings = [
            one._replace(home=self.home) for one in script.readings
            if one.observed_at < NOW and not any(a <= one.observed_at < b for a, b in self.holes)
        ]  # fmt: skip
        return script

    def write(self, engine: Engine, journal_file: Path) -> None:
        """Put it into the journal and into what the watch saved."""
        begin = MONDAY - self.days_before * DAY
        edges = [begin, *(edge for hole in self.holes for edge in hole), NOW]
        spells = tuple(zip(edges[::2], edges[1::2], strict=True))
        vouch = Vouch(self.home, GatewayId(GATEWAY), NOW, spells, (), NOW, NOW)
        watch = HomeWatch(self.home, ZONE)
        watch.take([replace(hello(self.devices, begin), home=self.home)])
        watch.take([vouch])
        status = HomeStatus(self.home, Resident.ACTIVE, Observability.CLEAR, NOW, NOW, None, None, None, 28)
        with SqlBook(engine).transaction() as page:
            page.save(WatchedHome(self.home, 1, watch.snapshot(), encode_status(status)))
        journal = Journal(journal_file)
        stream = journal.stream(GATEWAY, "e")
        readings = self.script().readings
        journal.append(Batch([*readings, vouch], {stream.id: stream}, {(GATEWAY, "e"): stream.id}), NOW)
        journal.close()


def opened(engine: Engine, journal_file: Path) -> tuple[SqlBook, JournalHistory, Modes]:
    """What a week is read from."""
    return SqlBook(engine), JournalHistory(journal_file), Modes(engine)
