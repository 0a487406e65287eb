"""Homes, and the directory that ingest asks."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine, delete, event
from sqlalchemy.exc import IntegrityError

from domain.clock import HOUR
from domain.ids import WATCHDOG, DeviceId, GatewayId, HomeId
from domain.readings import Device, Quantity, RoomType
from registry import tables
from registry.database import migrate, open_database
from registry.homes import Contact, Home, Homes, SqlDirectory

HOME = Home(
    HomeId("h1"), "A-101", "Asia/Tokyo", resident_name="試験 太郎", contacts=(Contact("試験 花子", "娘", "000", True),)
)
LAMP = Device(DeviceId("hall"), Quantity.MOTION, "hall", check_in=HOUR, room_type=RoomType.HALL, model="RTCGQ11LM")


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    made = open_database(f"sqlite:///{tmp_path / 'kehai.db'}")
    migrate(made)
    Homes(made).add(HOME, [GatewayId("g1")], at=1)
    yield made
    made.dispose()


def test_a_home_is_read_back_as_it_was_enrolled(engine: Engine) -> None:
    assert Homes(engine).get("h1") == HOME
    assert Homes(engine).get("h2") is None


def test_enrolling_is_all_or_nothing(engine: Engine) -> None:
    other = Home(HomeId("h2"), "A-102", "Asia/Tokyo")
    with pytest.raises(IntegrityError):
        Homes(engine).add_all([(other, [GatewayId("g2")]), (HOME, [])], at=2)
    assert set(Homes(engine).all()) == {"h1"}


def test_announced_devices_survive_a_restart_of_ingest(engine: Engine) -> None:
    directory = SqlDirectory(engine)
    assert directory.gateway("g1") is not None
    directory.introduce(GatewayId("g1"), [LAMP], at=5)
    again = SqlDirectory(engine).gateway("g1")
    assert again is not None
    assert again.devices == {"hall": LAMP}
    assert again.home == "h1"


def test_a_revoked_gateway_is_unknown_at_the_next_look(engine: Engine) -> None:
    directory = SqlDirectory(engine, refresh=0)
    assert directory.gateway("g1") is not None
    Homes(engine).revoke(GatewayId("g1"), at=9)
    assert directory.gateway("g1") is None


def test_a_new_gateway_is_known_at_the_next_look_and_the_others_keep_their_devices(engine: Engine) -> None:
    directory = SqlDirectory(engine, refresh=0)
    assert directory.gateway("g1") is not None
    directory.introduce(GatewayId("g1"), [LAMP], at=5)
    before = directory.gateway("g1")
    Homes(engine).add_gateway(GatewayId("g2"), HomeId("h1"), at=6)
    added = directory.gateway("g2")
    assert added is not None
    assert added.home == "h1"
    assert directory.gateway("g1") is before, "what did not change is not read again"


def test_a_look_that_finds_nothing_new_reads_one_number(engine: Engine) -> None:
    directory = SqlDirectory(engine, refresh=0)
    directory.gateway("g1")
    said: list[str] = []

    def hear(_connection: object, _cursor: object, statement: str, *_more: object) -> None:
        said.append(statement)

    event.listen(engine, "before_cursor_execute", hear)
    directory.gateway("g1")
    assert len(said) == 1
    assert "max(" in said[0]


def test_a_registry_that_was_put_back_from_a_backup_is_read_as_a_whole(engine: Engine) -> None:
    directory = SqlDirectory(engine, refresh=0)
    Homes(engine).add_gateway(GatewayId("g2"), HomeId("h1"), at=6)
    assert directory.gateway("g2") is not None
    with engine.begin() as connection:
        connection.execute(delete(tables.gateway_changes).where(tables.gateway_changes.c.gateway == "g2"))
        connection.execute(delete(tables.gateways).where(tables.gateways.c.id == "g2"))
    assert directory.gateway("g2") is None
    assert directory.gateway("g1") is not None


def test_a_revoked_gateway_keeps_no_password_and_gets_no_other(engine: Engine) -> None:
    homes = Homes(engine)
    assert homes.renew(GatewayId("g1"), "a hash")
    assert homes.credentials() == {"g1": "a hash"}
    homes.revoke(GatewayId("g1"), at=9)
    assert homes.credentials() == {}
    assert not homes.renew(GatewayId("g1"), "another")
    assert homes.credentials() == {}


def test_the_watchdog_is_known_to_ingest_and_on_no_list_of_homes(engine: Engine) -> None:
    directory = SqlDirectory(engine)
    entry = directory.gateway(WATCHDOG)
    assert entry is not None
    assert (entry.home, list(entry.devices)) == (WATCHDOG, ["probe"])
    assert directory.introduce(entry.id, [LAMP], at=2) is entry
    assert WATCHDOG not in Homes(engine).all()
    assert WATCHDOG not in Homes(engine).gateways()
