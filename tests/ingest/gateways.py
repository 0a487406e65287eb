"""One enrolled gateway for the tests of ingest, and what it would send."""

from __future__ import annotations

import json
from typing import Any

from domain.clock import SECOND, Instant, to_iso
from domain.ids import DeviceId, GatewayId, HomeId
from domain.readings import Device, Quantity
from domain.wire import ClockState, Condition, Up, encode_heartbeat, encode_hello, encode_readings, up_topic
from registry.directory import MemoryDirectory

T = 1_790_000_000 * SECOND
GATEWAY = GatewayId("g1")
CLOCK = ClockState("boot-1", True)
DEVICES = (
    Device(DeviceId("hall"), Quantity.MOTION, "hall"),
    Device(DeviceId("door"), Quantity.DOOR, "front door", exit=True),
    Device(DeviceId("air"), Quantity.TEMPERATURE, "living"),
)
READINGS = up_topic("g1", Up.READINGS)
HEARTBEAT = up_topic("g1", Up.HEARTBEAT)
HELLO = up_topic("g1", Up.HELLO)


def directory() -> MemoryDirectory:
    """A directory in which g1 stands in home h1 and has announced its devices."""
    made = MemoryDirectory()
    made.enrol(GATEWAY, HomeId("h1"), "Asia/Tokyo")
    made.introduce(GATEWAY, DEVICES, 0)
    return made


def motions(first: int, *at: Instant, epoch: str = "e1", value: float = 1.0) -> bytes:
    """A readings message of the hall's motion sensor from sequence number ``first`` on."""
    readings = [(str(DeviceId("hall")), Quantity.MOTION, value, instant) for instant in at]
    return encode_readings("g1", epoch, first, at[-1], CLOCK, readings)


def beat(seq: int, through: Instant, *spells: tuple[Instant, Instant], epoch: str = "e1", **more: Any) -> bytes:
    """A heartbeat."""
    return encode_heartbeat(
        "g1", epoch, seq, through, CLOCK, through, spells or ((T, through),), more.pop("heard", {}), **more
    )


def hello(*devices: Device, epoch: str = "e1", condition: Condition | None = None) -> bytes:
    """A hello."""
    return encode_hello("g1", epoch, T, CLOCK, "kehai 0", devices or DEVICES, condition)


def twisted(payload: bytes, **changes: Any) -> bytes:
    """The payload with some of its keys replaced."""
    return json.dumps(json.loads(payload) | changes).encode()


def record(**fields: Any) -> bytes:
    """A readings message with one SenML record made of ``fields``."""
    body = {"bn": "g1/", "bt": T / SECOND, "n": "hall/motion", "vb": True} | fields
    return twisted(motions(1, T), senml=[{k: v for k, v in body.items() if v is not None}])


NOW = to_iso(T)
