"""mosquitto's password list, as kehai writes it."""

from __future__ import annotations

import stat
import threading
from pathlib import Path

import pytest

from domain.errors import ConfigurationError
from domain.ids import GatewayId, HomeId
from kehai.access import DOCTOR, Access, Told
from kehai.passwordlist import hashed, new_password, read, write
from kehai.settings import BrokerSection, GatewaysSection, InstallationSection, Settings
from registry.database import migrate, open_database
from registry.homes import Home, Homes


def test_a_list_is_read_back_as_it_was_written_and_is_nobody_else_s_to_read(tmp_path: Path) -> None:
    users = {"gw-1": hashed("one"), "gw-2": hashed("two")}
    write(tmp_path / "passwords", users)
    assert read(tmp_path / "passwords") == users
    assert stat.S_IMODE((tmp_path / "passwords").stat().st_mode) == 0o640
    assert [file.name for file in tmp_path.iterdir()] == ["passwords"]


def test_the_same_password_is_never_written_twice_alike() -> None:
    assert hashed("secret") != hashed("secret")
    assert new_password() != new_password()
    assert len(new_password()) >= 43


def test_a_list_that_cannot_be_written_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="cannot be written") as caught:
        write(tmp_path / "none" / "passwords", {})
    assert len(str(caught.value).splitlines()) == 1


def test_many_commands_at_once_lose_no_gateway_from_the_list(tmp_path: Path) -> None:
    settings = Settings(
        installation=InstallationSection(data=tmp_path),
        broker=BrokerSection(port=1),
        gateways=GatewaysSection(passwords=tmp_path / "passwords"),
    )
    engine = open_database(settings.database_url)
    migrate(engine)
    homes = Homes(engine)
    homes.add(Home(HomeId("h1"), "A", "Asia/Tokyo"), [], at=1)
    gateways = [f"gw-{n}" for n in range(16)]
    told: list[Told] = []

    def command(gateway: str) -> None:
        homes.add_gateway(GatewayId(gateway), HomeId("h1"), 2, hashed("x"))
        told.append(Access(settings, engine).sync())

    threads = [threading.Thread(target=command, args=(gateway,)) for gateway in gateways]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(told) == len(gateways)
    assert set(read(tmp_path / "passwords")) == {*gateways, DOCTOR}
    engine.dispose()
