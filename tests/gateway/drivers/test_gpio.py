"""The wired sensors, on gpiozero's mock pins."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from gpiozero import Device as GpioDevice
from gpiozero.pins.mock import MockFactory

from domain.clock import MINUTE, SECOND
from domain.readings import DoorState, Quantity
from gateway.drivers.driver import Driver, DriverSettingsError
from gateway.drivers.gpio_door.driver import build as gpio_door
from gateway.drivers.gpio_motion.driver import build as gpio_motion
from gateway.tasks import end
from tests.gateway.bench import NINE, Bench

MOTION, DOOR = Quantity.MOTION, Quantity.DOOR


@pytest.fixture
def pins() -> Iterator[Any]:
    before = GpioDevice.pin_factory
    GpioDevice.pin_factory = MockFactory()
    yield GpioDevice.pin_factory
    GpioDevice.pin_factory.reset()
    GpioDevice.pin_factory = before


@asynccontextmanager
async def running(driver: Driver, bench: Bench) -> AsyncIterator[None]:
    task = asyncio.create_task(driver.run(bench))
    for _ in range(20):
        await asyncio.sleep(0)
    try:
        yield
    finally:
        await end([task])


async def test_somebody_who_walks_by_is_one_reading(pins: Any) -> None:
    bench, driver = Bench(), gpio_motion({"device": "hall", "pin": 17})
    async with running(driver, bench):
        pins.pin(17).drive_high()
        await bench.happens()
        pins.pin(17).drive_low()
        await bench.advance(5 * MINUTE)
    assert bench.seen == [("hall", MOTION, 1.0)]


async def test_somebody_who_keeps_moving_is_told_again_and_again(pins: Any) -> None:
    bench, driver = Bench(), gpio_motion({"device": "hall", "pin": 17, "repeat_seconds": 60})
    async with running(driver, bench):
        pins.pin(17).drive_high()
        await bench.happens()
        for _ in range(3):
            await bench.advance(MINUTE)
    assert bench.seen == [("hall", MOTION, 1.0)] * 4


async def test_a_door_tells_each_change_and_not_where_it_stands_at_the_start(pins: Any) -> None:
    bench, driver = Bench(), gpio_door({"device": "front", "pin": 22, "exit": True})
    async with running(driver, bench):
        assert bench.seen == []
        pins.pin(22).drive_low()
        await bench.happens()
        pins.pin(22).drive_high()
        await bench.happens()
    assert bench.seen == [("front", DOOR, DoorState.CLOSED), ("front", DOOR, DoorState.OPEN)]
    assert driver.devices[0].exit


async def test_a_driver_that_does_not_run_vouches_for_nothing_later(pins: Any) -> None:
    bench, driver = Bench(), gpio_motion({"device": "hall", "pin": 17})
    assert driver.produced(NINE) == NINE
    assert driver.produced(NINE + MINUTE) == NINE, "it has not begun to look"
    async with running(driver, bench):
        assert driver.produced(NINE + MINUTE) == NINE + MINUTE
        await bench.advance(10 * SECOND)
    assert driver.produced(NINE + MINUTE) == NINE + 10 * SECOND
    assert pins.pin(17)


async def test_two_drivers_on_one_pin_fail_instead_of_sharing_it(pins: Any) -> None:
    bench = Bench()
    async with running(gpio_motion({"device": "hall", "pin": 17}), bench):
        with pytest.raises(Exception, match="17"):
            await gpio_motion({"device": "other", "pin": 17}).run(bench)
    assert pins.pin(17)


@pytest.mark.parametrize(
    ("table", "word"),
    [({}, "device"), ({"device": "hall"}, "pin"), ({"device": "a b", "pin": 3}, "a b"), ({"device": "a", "pin": 99}, "pin"),
     ({"device": "a", "pin": 3, "colour": "red"}, "colour")],
)  # fmt: skip
def test_a_wrong_table_is_one_sentence_that_names_the_key(table: dict[str, object], word: str) -> None:
    with pytest.raises(DriverSettingsError, match=word) as raised:
        gpio_motion(table)
    assert "\n" not in str(raised.value)
