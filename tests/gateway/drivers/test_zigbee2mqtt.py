"""Zigbee2MQTT: messages with the keys that real devices send, and a real broker."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import aiomqtt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.clock import MINUTE, SECOND
from domain.readings import DoorState, Quantity
from gateway.drivers.driver import DriverSettingsError
from gateway.drivers.zigbee2mqtt.driver import Zigbee2Mqtt, build
from gateway.drivers.zigbee2mqtt.payload import parse
from gateway.tasks import end
from tests.gateway.bench import NINE, Bench
from tests.servers import Mosquitto

MOTION, DOOR, TEMPERATURE, HUMIDITY, BATTERY = (
    Quantity.MOTION, Quantity.DOOR, Quantity.TEMPERATURE, Quantity.HUMIDITY, Quantity.BATTERY,
)  # fmt: skip
# Keys and types as the devices' pages at zigbee2mqtt.io list them.
AQARA_MOTION = {"battery": 100, "device_temperature": 24, "illuminance": 12, "linkquality": 156, "occupancy": True,
                "power_outage_count": 3, "voltage": 3035}  # fmt: skip
IKEA_MOTION = {"battery": 74, "illuminance_above_threshold": False, "linkquality": 98, "occupancy": True,
               "requested_brightness_level": 254, "requested_brightness_percent": 100,
               "update": {"state": "idle"}}  # fmt: skip
SONOFF_MOTION = {"battery": 91, "battery_low": False, "linkquality": 120, "occupancy": True, "tamper": False,
                 "voltage": 2900}  # fmt: skip
AQARA_DOOR = {"battery": 97, "contact": True, "device_temperature": 25, "linkquality": 87, "power_outage_count": 9,
              "trigger_count": 0, "voltage": 2995}  # fmt: skip
IKEA_DOOR = {"battery": 88, "contact": True, "linkquality": 102, "update": {"state": "idle"}}
SONOFF_DOOR = {
    "battery": 100,
    "battery_low": False,
    "contact": True,
    "linkquality": 134,
    "tamper": False,
    "voltage": 3100,
}
AQARA_CLIMATE = {"battery": 85, "humidity": 47.32, "linkquality": 110, "power_outage_count": 2, "pressure": 1008.9,
                 "temperature": 21.54, "voltage": 2985}  # fmt: skip
IKEA_CLIMATE = {"humidity": 47, "linkquality": 130, "pm25": 4, "temperature": 22, "voc_index": 99}
SONOFF_CLIMATE = {"battery": 100, "humidity": 51.2, "linkquality": 141, "temperature": 20.9, "voltage": 3000}


def driver(kind: str = "motion", **more: object) -> Zigbee2Mqtt:
    made = build({"device": [{"name": "hall", "device": "hall", "kind": kind}], **more})
    assert isinstance(made, Zigbee2Mqtt)
    return made


def say(one: Zigbee2Mqtt, bench: Bench, body: dict[str, Any], retained: bool = False) -> None:
    one.take("zigbee2mqtt/hall", json.dumps(body).encode(), retained, bench)


@pytest.mark.parametrize("body", [AQARA_MOTION, IKEA_MOTION, SONOFF_MOTION], ids=["aqara", "ikea", "sonoff"])
def test_motion_is_told_with_the_battery_and_the_chip_s_own_heat_is_not(body: dict[str, Any]) -> None:
    bench, one = Bench(), driver()
    say(one, bench, body)
    assert bench.seen == [("hall", MOTION, 1.0), ("hall", BATTERY, float(body["battery"]))]


@pytest.mark.parametrize("body", [AQARA_DOOR, IKEA_DOOR, SONOFF_DOOR], ids=["aqara", "ikea", "sonoff"])
def test_contact_true_means_closed(body: dict[str, Any]) -> None:
    bench, one = Bench(), driver("door")
    say(one, bench, body)
    assert (DOOR, 0.0) not in [entry[1:] for entry in bench.seen], "its first word tells where it stands"
    say(one, bench, body | {"contact": False})
    say(one, bench, body)
    told = [value for _, quantity, value in bench.seen if quantity is DOOR]
    assert told == [DoorState.OPEN, DoorState.CLOSED]


@pytest.mark.parametrize("body", [AQARA_CLIMATE, IKEA_CLIMATE, SONOFF_CLIMATE], ids=["aqara", "ikea", "sonoff"])
def test_temperature_and_humidity_are_told(body: dict[str, Any]) -> None:
    bench, one = Bench(), driver("temperature")
    say(one, bench, body)
    assert ("hall", TEMPERATURE, float(body["temperature"])) in bench.seen
    assert ("hall", HUMIDITY, float(body["humidity"])) in bench.seen


def test_what_is_repeated_unchanged_is_heard_and_not_told() -> None:
    bench, one = Bench(), driver("door")
    say(one, bench, AQARA_DOOR)
    told = len(bench.seen)
    for _ in range(5):
        say(one, bench, AQARA_DOOR)
    assert len(bench.seen) == told
    assert bench.alive == ["hall"] * 5


async def test_a_lasting_movement_is_told_again_and_its_end_is_not_a_movement() -> None:
    bench, one = Bench(), driver()
    say(one, bench, AQARA_MOTION)
    await bench.advance(5 * SECOND)
    say(one, bench, AQARA_MOTION)
    await bench.advance(60 * SECOND)
    say(one, bench, AQARA_MOTION)
    await bench.advance(90 * SECOND)
    say(one, bench, AQARA_MOTION | {"occupancy": False})
    assert [entry for entry in bench.seen if entry[1] is MOTION] == [("hall", MOTION, 1.0)] * 2
    say(one, bench, AQARA_MOTION)
    assert [entry for entry in bench.seen if entry[1] is MOTION] == [("hall", MOTION, 1.0)] * 3


def test_a_retained_message_is_no_sign_of_life_but_tells_where_a_door_stands() -> None:
    bench, one = Bench(), driver("door")
    say(one, bench, AQARA_DOOR, retained=True)
    assert bench.seen == []
    assert bench.alive == []
    say(one, bench, AQARA_DOOR | {"contact": False})
    assert ("hall", DOOR, float(DoorState.OPEN)) in bench.seen


async def test_a_temperature_that_stays_is_told_now_and_then() -> None:
    bench, one = Bench(), driver("temperature")
    for _ in range(4):
        say(one, bench, {"temperature": 21.0})
        await bench.advance(10 * MINUTE)
    assert len(bench.seen) == 2


@pytest.mark.parametrize(
    "payload",
    [b"", b"not json", b"[1]", b"null", b"\xff\xfe", b'{"occupancy":"yes","contact":1,"temperature":"warm","battery":null}',
     b'{"temperature":NaN}', b'{"temperature":true}', b"[" * 5000],
)  # fmt: skip
def test_nonsense_tells_nothing(payload: bytes) -> None:
    bench, one = Bench(), driver()
    one.take("zigbee2mqtt/hall", payload, False, bench)
    assert bench.seen == []


@given(
    st.recursive(st.none() | st.booleans() | st.floats() | st.text(), lambda inner: st.dictionaries(st.text(), inner))
)
def test_no_message_whatsoever_makes_it_fail(body: object) -> None:
    parse(json.dumps(body).encode())


def test_a_name_that_stands_there_twice_is_refused() -> None:
    entry = {"name": "hall", "device": "hall", "kind": "motion"}
    with pytest.raises(DriverSettingsError, match="twice"):
        build({"device": [entry, entry | {"device": "other"}]})


@pytest.mark.server
async def test_it_listens_to_a_real_broker_and_vouches_only_while_it_does(tmp_path: Path) -> None:
    bench = Bench()
    with Mosquitto(tmp_path) as broker:
        one = driver(port=broker.port)
        assert one.produced(NINE) == NINE
        task = asyncio.create_task(one.run(bench))
        async with aiomqtt.Client("127.0.0.1", broker.port) as client, asyncio.timeout(20):
            while not bench.seen:  # until its subscription stands
                await client.publish("zigbee2mqtt/hall", json.dumps(AQARA_MOTION), qos=1)
                await asyncio.sleep(0.01)
        assert one.produced(NINE + MINUTE) == NINE + MINUTE
        broker.stop()
        await asyncio.wait([task], timeout=20)
        assert isinstance(task.exception(), aiomqtt.MqttError), "the agent starts it again"
    assert one.produced(NINE + MINUTE) == NINE
    await end([])
