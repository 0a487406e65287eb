"""A small installation with people to call: what the tests of the ladder share."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

from sqlalchemy import Engine, insert, select

from alerts.duty_tables import ladders
from alerts.outbox import Outbox
from alerts.places import Place, place_from
from domain.clock import HOUR, Instant
from domain.findings import Finding, Level, Subject
from domain.ids import HomeId
from registry.database import migrate, open_database
from registry.homes import Home, Homes
from registry.tables import addresses, staff, staff_areas

T: Instant = 1_790_000_000_000_000
HOME = HomeId("h1")
PEOPLE = {"suzuki": "staff", "tanaka": "staff", "sato": "staff", "boss": "manager"}
SILENCE = Finding(HOME, "inactivity", "inactivity/1", "inactivity", Subject.PERSON, Level.PAGE, T - HOUR, T, "kitchen")


@cache
def empty_database() -> bytes:
    """A database of the newest schema with nothing in it: migrating takes longer than most tests."""
    with TemporaryDirectory() as folder:
        file = Path(folder) / "kehai.db"
        engine = open_database(f"sqlite:///{file}")
        migrate(engine)
        engine.dispose()
        return file.read_bytes()


def installation(folder: Path, areas: Sequence[tuple[str, str]] = ()) -> Engine:
    """A database with one home, ``h1`` in the area 南, and four people, each with an address on the channel ``mail``."""
    file = folder / "kehai.db"
    file.write_bytes(empty_database())
    engine = open_database(f"sqlite:///{file}")
    Homes(engine).add(Home(HOME, "青", "Asia/Tokyo", area="南"), [], T)
    with engine.begin() as connection:
        for login, role in PEOPLE.items():
            connection.execute(insert(staff).values(login=login, name=login, password="", created_at=0, role=role))
            connection.execute(
                insert(addresses).values(
                    owner=login, channel="mail", address=f"{login}@example.org", position=0, added_at=0
                )
            )
        for login, area in areas:
            connection.execute(insert(staff_areas).values(login=login, area=area))
    return engine


def place(engine: Engine, alert: int = 1) -> Place | None:
    """Where an alert stands on its ladder."""
    with engine.connect() as connection:
        row = connection.execute(select(ladders).where(ladders.c.alert == alert)).first()
    return None if row is None else place_from(row)


def post(engine: Engine, now: Instant, channel: str = "mail") -> int:
    """Send everything that waits; returns how much that was."""
    outbox, done = Outbox(engine), 0
    while jobs := outbox.claim(channel, 100, now):
        done += sum(outbox.sent(job, "", now) for job in jobs)
    return done
