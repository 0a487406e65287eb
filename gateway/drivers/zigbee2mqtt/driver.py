"""Listens to Zigbee2MQTT on the broker in the home and tells what is new in its messages."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import aiomqtt
import structlog
from pydantic import BaseModel, ConfigDict, Field, field_validator

from domain.clock import MINUTE, SECOND, Instant
from domain.ids import DeviceId
from domain.readings import Device, Quantity, RoomType
from gateway.drivers.driver import Driver, DriverSettingsError, Outlet, Sight, read_settings, valid_id
from gateway.drivers.zigbee2mqtt.payload import Said, parse

_MOTION_AGAIN = 20 * SECOND
"""A repeated ``occupancy: true`` this soon says nothing new; later it does: Zigbee2MQTT keeps it for 90 seconds at most."""
_SAME = {Quantity.TEMPERATURE: 0.1, Quantity.HUMIDITY: 1.0, Quantity.BATTERY: 0.5}
_AT_LEAST_EVERY = 20 * MINUTE

log = structlog.get_logger("gateway")


class ZigbeeDevice(BaseModel):
    """One sensor."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    """Its friendly name in Zigbee2MQTT."""
    device: str
    kind: Literal["motion", "door", "temperature", "button"]
    room: str | None = None
    room_type: RoomType | None = None
    model: str = ""
    exit: bool = False
    check_in_minutes: float = Field(default=60, gt=0, le=1440)

    _device_is_valid = field_validator("device")(valid_id)


class Zigbee2MqttSettings(BaseModel):
    """One ``[[driver]]`` table."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    host: str = "127.0.0.1"
    port: int = Field(default=1883, ge=1, le=65535)
    username: str | None = None
    password: str | None = None
    base_topic: str = "zigbee2mqtt"
    device: list[ZigbeeDevice] = Field(min_length=1)


class Zigbee2Mqtt:
    """Every sensor of one Zigbee2MQTT.

    Zigbee2MQTT repeats all that it remembers of a device in each message. So a door that says what it said before has not
    moved: it was heard. Retained messages tell where things stand, and are no sign of life.
    """

    def __init__(self, settings: Zigbee2MqttSettings) -> None:
        self._settings = settings
        self._by_topic = {f"{settings.base_topic}/{entry.name}": _device(entry) for entry in settings.device}
        self._last: dict[tuple[DeviceId, Quantity], tuple[float, Instant]] = {}
        self._sight = Sight()
        self._unread: set[str] = set()

    @property
    def devices(self) -> tuple[Device, ...]:
        """See Driver.devices."""
        return tuple(self._by_topic.values())

    def produced(self, now: Instant) -> Instant:
        """See Driver.produced: without its broker this driver sees nothing."""
        return self._sight.produced(now)

    async def run(self, outlet: Outlet) -> None:
        """See Driver.run."""
        settings = self._settings
        async with aiomqtt.Client(
            settings.host, settings.port, username=settings.username, password=settings.password, keepalive=30
        ) as client:
            for topic in self._by_topic:
                await client.subscribe(topic, qos=1)
            with self._sight.working(outlet.clock):
                async for message in client.messages:
                    payload = message.payload
                    if isinstance(payload, bytes | bytearray):
                        self.take(str(message.topic), bytes(payload), bool(message.retain), outlet)

    def take(self, topic: str, payload: bytes, retained: bool, outlet: Outlet) -> None:
        """One message."""
        device = self._by_topic.get(topic)
        if device is None:
            return
        said = parse(payload)
        if said is None:
            if topic not in self._unread:
                self._unread.add(topic)
                log.warning("a message of Zigbee2MQTT is no JSON object and was left out", topic=topic)
            return
        now = outlet.clock.now()
        told = False
        for one in said:
            if retained:
                self._last.setdefault((device.id, one.quantity), (one.value, now - _AT_LEAST_EVERY))
            elif self._is_news(device.id, one, now):
                self._last[device.id, one.quantity] = (one.value, now)
                outlet.observe(device.id, one.quantity, one.value)
                told = True
        if not told and not retained:
            outlet.heard(device.id)

    def _is_news(self, device: DeviceId, one: Said, now: Instant) -> bool:
        before = self._last.get((device, one.quantity))
        if one.quantity is Quantity.BUTTON:
            return True
        if one.quantity is Quantity.MOTION:
            return self._is_motion(device, one, before, now)
        if one.quantity is Quantity.DOOR:
            # The first word after a start may be hours old: it says where the door stands, not that it moved.
            self._last[device, one.quantity] = (one.value, now)
            return before is not None and before[0] != one.value
        return before is None or abs(one.value - before[0]) >= _SAME[one.quantity] or now - before[1] >= _AT_LEAST_EVERY

    def _is_motion(self, device: DeviceId, one: Said, before: tuple[float, Instant] | None, now: Instant) -> bool:
        if not one.value:
            if before is not None:
                self._last[device, one.quantity] = (0.0, before[1])
            return False
        return before is None or not before[0] or now - before[1] >= _MOTION_AGAIN


def _device(entry: ZigbeeDevice) -> Device:
    check_in = int(entry.check_in_minutes * MINUTE)
    return Device(
        DeviceId(entry.device),
        Quantity(entry.kind),
        entry.room,
        entry.exit,
        check_in,
        False,
        entry.room_type,
        entry.model,
    )


def build(table: Mapping[str, object]) -> Driver:
    """A driver for one ``[[driver]]`` table; raises DriverSettingsError."""
    settings = read_settings(Zigbee2MqttSettings, table, "zigbee2mqtt")
    names = [entry.name for entry in settings.device]
    doubled = sorted({name for name in names if names.count(name) > 1})
    if doubled:
        raise DriverSettingsError(f"device: {doubled[0]!r} stands there twice: remove one.")
    return Zigbee2Mqtt(settings)
