"""Homes, and the directory that ingest asks."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine
from sqlalchemy.exc import IntegrityError

from domain.clock import HOUR
from domain.ids import DeviceId, GatewayId, HomeId
from domain.readings import Device, Quantity
from registry.database import migrate, open_database
from registry.homes import Contact, Home, Homes, SqlDirectory

HOME = Home(
    HomeId("h1"), "A-101", "Asia/Tokyo", resident_name="試験 太郎", contacts=(Contact("試験 花子", "娘", "000", True),)
)
LAMP = Device(DeviceId("hall"), Quantity.MOTION, "hall", check_in=HOUR)


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


def test_a_revoked_gateway_is_unknown_once_the_directory_has_been_read_again(engine: Engine) -> None:
    directory = SqlDirectory(engine, refresh=0)
    assert directory.gateway("g1") is not None
    Homes(engine).revoke(GatewayId("g1"), at=9)
    assert directory.gateway("g1") is None
