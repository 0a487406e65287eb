"""The DS18B20, from files like those of the kernel."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from domain.clock import MINUTE
from domain.readings import Quantity
from gateway.drivers.driver import DriverSettingsError
from gateway.drivers.onewire.driver import build
from gateway.tasks import end
from tests.gateway.bench import Bench

ADDRESS = "28-0316a2795aff"
GOOD = "57 01 4b 46 7f ff 0c 10 1c : crc=1c YES\n57 01 4b 46 7f ff 0c 10 1c t={}\n"
BAD = "57 01 4b 46 7f ff 0c 10 1c : crc=1c NO\n57 01 4b 46 7f ff 0c 10 1c t={}\n"


class Bus:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.file = folder / ADDRESS / "w1_slave"
        self.file.parent.mkdir()

    def says(self, text: str) -> None:
        self.file.write_text(text)


@pytest.fixture
def bus(tmp_path: Path) -> Bus:
    return Bus(tmp_path)


@asynccontextmanager
async def running(bus: Bus) -> AsyncIterator[Bench]:
    bench = Bench()
    driver = build({"device": "air", "address": ADDRESS, "bus": str(bus.folder), "every_seconds": 60})
    task = asyncio.create_task(driver.run(bench))
    try:
        yield bench
    finally:
        await end([task])


async def measured(bench: Bench) -> None:
    """The driver has read, told what there was to tell, and sleeps."""
    await bench.happens()


async def test_a_temperature_is_told_in_degrees(bus: Bus) -> None:
    bus.says(GOOD.format(21437))
    async with running(bus) as bench:
        await measured(bench)
    assert bench.seen == [("air", Quantity.TEMPERATURE, 21.44)]


async def test_below_zero_too(bus: Bus) -> None:
    bus.says(GOOD.format(-1250))
    async with running(bus) as bench:
        await measured(bench)
    assert bench.seen == [("air", Quantity.TEMPERATURE, -1.25)]


async def test_what_has_hardly_changed_is_heard_and_told_again_after_ten_minutes(bus: Bus) -> None:
    bus.says(GOOD.format(21400))
    async with running(bus) as bench:
        await measured(bench)
        bus.says(GOOD.format(21460))
        for _ in range(9):
            await bench.advance(MINUTE)
            await measured(bench)
        assert len(bench.seen) == 1
        assert bench.alive == ["air"] * 9
        await bench.advance(MINUTE)
        await measured(bench)
    assert [value for _, _, value in bench.seen] == [21.4, 21.46]


@pytest.mark.parametrize(
    "text", [BAD.format(21437), GOOD.format(85000), GOOD.format(126000), "", "nonsense", GOOD.format("x")]
)
async def test_what_cannot_be_is_thrown_away_and_is_no_sign_of_health(bus: Bus, text: str) -> None:
    bus.says(text)
    async with running(bus) as bench:
        await measured(bench)
    assert bench.seen == []
    assert bench.alive == []


async def test_a_sensor_that_is_gone_is_tried_again(bus: Bus) -> None:
    async with running(bus) as bench:
        await measured(bench)
        bus.says(GOOD.format(20000))
        await bench.advance(MINUTE)
        await measured(bench)
    assert bench.seen == [("air", Quantity.TEMPERATURE, 20.0)]


def test_an_address_of_another_family_is_refused(bus: Bus) -> None:
    with pytest.raises(DriverSettingsError, match="10-000802b4ba0e"):
        build({"device": "air", "address": "10-000802b4ba0e", "bus": str(bus.folder)})
