"""Admit: what a gateway sent, checked; or why it may not come in.

Nothing here raises and nothing here stores. A message that cannot be used as a whole is a ``Refusal``; one bad record in a
pack is refused alone and its sequence number counts as dealt with, so that the gateway does not send it for ever.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from typing import TypeVar

import msgspec
import structlog

from domain.clock import DAY, MINUTE, SECOND, Instant, Span
from domain.ids import BadIdError, DeviceId, check_id
from domain.readings import Device, Flag, Quantity, RoomType
from domain.wire import (
    MAX_PAYLOAD,
    MAX_RECORDS,
    VERSION,
    ClockState,
    Condition,
    HeartbeatPayload,
    HelloPayload,
    UnitError,
    Up,
    from_senml,
    instant_of,
    parse_up_topic,
)
from registry.directory import Directory, GatewayEntry

SKEW = 5 * SECOND
"""A stamp this far ahead of us is taken as it is; beyond it, it is moved back to ``received_at`` and flagged."""
FAR_FUTURE = 366 * DAY
STRANGE_CLOCK = MINUTE
"""A clock that nobody has set and that is further off than this dates nothing: see ``_shift``."""
_MAX_SEQ = 2**62
_CLAMPED, _UNSYNCED = int(Flag.CLAMPED), int(Flag.UNSYNCED)
_MAX_VALUE = 1e9
_MAX_SECONDS = 1e12
_MAX_SPELLS = 50
_MAX_DEVICES = 200
_MAX_REMARKS = 20

log = structlog.get_logger("ingest")


class Why(StrEnum):
    """Reason code of a dead letter."""

    NOT_JSON = "not_json"
    WRONG_SHAPE = "wrong_shape"
    UNKNOWN_VERSION = "unknown_version"
    UNKNOWN_TOPIC = "unknown_topic"
    UNKNOWN_GATEWAY = "unknown_gateway"
    WRONG_GATEWAY = "wrong_gateway"
    UNKNOWN_DEVICE = "unknown_device"
    BAD_VALUE = "bad_value"
    BAD_TIME = "bad_time"
    FAR_FUTURE = "far_future"
    OVERSIZED = "oversized"
    RETAINED = "retained"
    SCATTERED = "scattered"
    KEY_CONFLICT = "key_conflict"
    FAULT = "fault"
    """Not the sender's: this program could not judge it. After a mend, ``kehai dead-letters retry``."""
    LOST = "lost"
    """Not refused: the gateway says that it no longer has these readings."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """A message, or one record of it, that is kept as a dead letter."""

    reason: Why
    detail: str = ""
    seq: int | None = None
    """The record's number; None for a whole message."""


class AdmittedReading(msgspec.Struct, frozen=True, gc=False):
    """One record that may be stored."""

    seq: int
    device: DeviceId
    quantity: Quantity
    value: float
    observed_at: Instant
    stamp: Instant
    """As the gateway wrote it; ``observed_at`` unless it was moved."""
    flags: int


class AdmittedReadings(msgspec.Struct, frozen=True):
    """A readings message."""

    entry: GatewayEntry
    epoch: str
    first: int
    last: int
    readings: list[AdmittedReading]
    refused: list[Refusal]


@dataclass(frozen=True, slots=True)
class AdmittedHeartbeat:
    """A heartbeat; nothing in it lies in the future."""

    entry: GatewayEntry
    epoch: str
    seq: int
    sent_at: Instant
    through: Instant
    spells: list[tuple[Instant, Instant]]
    heard: list[tuple[DeviceId, Instant]]
    lost: list[tuple[int, int, str]]
    depth: int
    synced: bool = True
    """True once NTP has set the gateway's clock."""
    condition: Condition | None = None
    """What the gateway tells of itself; None from one that does not."""


@dataclass(frozen=True, slots=True)
class AdmittedHello:
    """A gateway's own description of its devices."""

    entry: GatewayEntry
    epoch: str
    devices: list[Device]
    software: str
    condition: Condition | None = None


Admitted = AdmittedReadings | AdmittedHeartbeat | AdmittedHello


class _RefusedError(Exception):
    def __init__(self, reason: Why, detail: str = "") -> None:
        super().__init__(detail)
        self.refusal = Refusal(reason, detail[:300])


class _Version(msgspec.Struct):
    v: int


class Clock(msgspec.Struct, frozen=True, gc=False):
    """``wire.ClockState`` as the hot path reads it."""

    boot: str
    synced: bool
    mono: float = 0.0
    anchor: str = ""


class Record(msgspec.Struct, frozen=True, gc=False):
    """``wire.SenmlRecord`` as the hot path reads it."""

    n: str = ""
    u: str | None = None
    v: float | None = None
    vb: bool | None = None
    vs: str | None = None
    t: float = 0.0
    bn: str | None = None
    bt: float | None = None


class Readings(msgspec.Struct, frozen=True):
    """``wire.ReadingsPayload`` as the hot path reads it: a Struct is filled three times as fast as a dataclass."""

    v: int
    gateway: str
    epoch: str
    seq: int
    sent_at: str
    clock: Clock
    senml: list[Record]


_readings = msgspec.json.Decoder(Readings)
_heartbeat = msgspec.json.Decoder(HeartbeatPayload)
_hello = msgspec.json.Decoder(HelloPayload)
_version = msgspec.json.Decoder(_Version)


def admit(
    topic: str, payload: bytes, received_at: Instant, directory: Directory, retained: bool = False
) -> Admitted | Refusal:
    """Check one message; never raises for anything that a sender could have written."""
    try:
        if retained:
            raise _RefusedError(Why.RETAINED, "a retained message is no sign of life")
        parsed = parse_up_topic(topic)
        if parsed is None:
            raise _RefusedError(Why.UNKNOWN_TOPIC, topic)
        gateway, word = parsed
        if len(payload) > MAX_PAYLOAD:
            raise _RefusedError(Why.OVERSIZED, f"{len(payload)} bytes")
        entry = directory.gateway(gateway)
        if entry is None:
            raise _RefusedError(Why.UNKNOWN_GATEWAY, gateway)
        return _judged(entry, word, payload, received_at)
    except _RefusedError as refused:
        return refused.refusal


def _judged(entry: GatewayEntry, word: Up, payload: bytes, received_at: Instant) -> Admitted:
    """What is in the message. A fault of ours costs this message and not everybody's: each new start would meet it again."""
    try:
        if word is Up.READINGS:
            return _admit_readings(entry, payload, received_at)
        if word is Up.HEARTBEAT:
            return _admit_heartbeat(entry, payload, received_at)
        return _admit_hello(entry, payload)
    except _RefusedError:
        raise
    except Exception as error:
        log.exception("a message could not be judged and is kept as a dead letter: please report it", gateway=entry.id)
        raise _RefusedError(Why.FAULT, f"{type(error).__name__}: {error}") from error


_Payload = TypeVar("_Payload", Readings, HeartbeatPayload, HelloPayload)


def _decode(decoder: msgspec.json.Decoder[_Payload], payload: bytes, entry: GatewayEntry) -> _Payload:
    try:
        message = decoder.decode(payload)
    except msgspec.ValidationError as error:
        try:
            version = _version.decode(payload).v
        except msgspec.MsgspecError:
            version = VERSION
        if version != VERSION:
            raise _RefusedError(Why.UNKNOWN_VERSION, str(version)) from error
        raise _RefusedError(Why.WRONG_SHAPE, str(error)) from error
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise _RefusedError(Why.NOT_JSON, str(error)) from error
    if message.v != VERSION:
        raise _RefusedError(Why.UNKNOWN_VERSION, str(message.v))
    if message.gateway != entry.id:
        raise _RefusedError(Why.WRONG_GATEWAY, f"topic says {entry.id}, payload says {message.gateway[:64]}")
    try:
        _check_epoch(message.epoch)
    except BadIdError as error:
        raise _RefusedError(Why.WRONG_SHAPE, str(error)) from error
    return message


@lru_cache(maxsize=65_536)  # a gateway says the same one for years
def _check_epoch(epoch: str) -> None:
    check_id(epoch, "epoch")


def _instant(text: str) -> Instant:
    try:
        return instant_of(text)
    except (ValueError, OverflowError) as error:
        raise _RefusedError(Why.BAD_TIME, str(error)) from error


def _admit_readings(entry: GatewayEntry, payload: bytes, received_at: Instant) -> AdmittedReadings:
    message = _decode(_readings, payload, entry)
    count = len(message.senml)
    if not 1 <= count <= MAX_RECORDS:
        raise _RefusedError(Why.OVERSIZED, f"{count} records; 1 to {MAX_RECORDS} are allowed")
    if not 1 <= message.seq <= _MAX_SEQ:
        raise _RefusedError(Why.WRONG_SHAPE, f"seq {message.seq} is out of range")
    shift = _shift(message.clock, _instant(message.sent_at), received_at)
    unsynced = 0 if message.clock.synced else _UNSYNCED
    admitted = AdmittedReadings(entry, message.epoch, message.seq, message.seq + count - 1, [], [])
    base_name, base_time, prefix = "", 0.0, f"{entry.id}/"
    for seq, record in enumerate(message.senml, start=message.seq):
        if record.bn is not None:
            base_name = record.bn
        if record.bt is not None:
            base_time = record.bt
        try:
            name = base_name + record.n
            if not name.startswith(prefix):
                raise _RefusedError(Why.WRONG_GATEWAY, f"{name[:80]!r} does not begin with {prefix!r}")
            admitted.readings.append(
                _admit_record(entry, seq, name[len(prefix) :], base_time, record, received_at, unsynced, shift)
            )
        except _RefusedError as refused:
            admitted.refused.append(Refusal(refused.refusal.reason, f"seq {seq}: {refused.refusal.detail}", seq))
    return admitted


def _shift(clock: Clock | ClockState, sent_at: Instant, received_at: Instant) -> Span:
    """What to add to the stamps of a clock that nobody has set; 0 for every other.

    Our own gateways name the anchor that dates what they send, however long it was on its way. For any other gateway without
    synchronised time the best guess is that the message was sent when it came.
    """
    if clock.synced or clock.anchor or abs(received_at - sent_at) <= STRANGE_CLOCK:
        return 0
    return received_at - sent_at


def _admit_record(
    entry: GatewayEntry, seq: int, name: str, base_time: float, record: Record, received_at: Instant, flags: int,
    shift: Span,
) -> AdmittedReading:  # fmt: skip
    try:
        device, quantity, value = from_senml(name, record)
    except UnitError as error:
        raise _RefusedError(Why.BAD_VALUE, str(error)) from error
    if device not in entry.devices:
        raise _RefusedError(Why.UNKNOWN_DEVICE, device[:64])
    if not abs(value) <= _MAX_VALUE:  # so that NaN is refused too
        raise _RefusedError(Why.BAD_VALUE, f"{value} is no measurement")
    seconds = base_time + record.t
    if not (seconds >= 0 and abs(base_time) <= _MAX_SECONDS and abs(record.t) <= _MAX_SECONDS):
        raise _RefusedError(Why.BAD_TIME, f"bt {base_time:g} and t {record.t:g} are no time since 1970")
    # Base and offset are rounded apart: their sum as a float would lose the last microsecond of today's instants.
    stamp = round(base_time * SECOND) + round(record.t * SECOND)
    observed_at = stamp + shift
    if observed_at < 0:
        raise _RefusedError(Why.BAD_TIME, f"{-observed_at // SECOND} s before 1970 by a clock that was never set")
    if observed_at > received_at:
        if observed_at > received_at + FAR_FUTURE:
            raise _RefusedError(Why.FAR_FUTURE, f"{(observed_at - received_at) // DAY} days ahead")
        if observed_at > received_at + SKEW:
            flags |= _CLAMPED
        observed_at = received_at
    return AdmittedReading(seq, DeviceId(device), quantity, value, observed_at, stamp, flags)


def _admit_heartbeat(entry: GatewayEntry, payload: bytes, received_at: Instant) -> AdmittedHeartbeat:
    message = _decode(_heartbeat, payload, entry)
    if not 0 <= message.seq <= _MAX_SEQ or len(message.spells) > _MAX_SPELLS:
        raise _RefusedError(Why.WRONG_SHAPE, f"seq {message.seq} or {len(message.spells)} spells are out of range")
    sent_at, through, told = _instant(message.sent_at), _instant(message.through), message.spells
    shift = _shift(message.clock, sent_at, received_at)
    if shift:  # of the earlier spells nobody knows by what clock they were told
        through, told = through + shift, told[-1:]
    if through > received_at + FAR_FUTURE:
        raise _RefusedError(Why.FAR_FUTURE, f"{(through - received_at) // DAY} days ahead")
    spells = []
    for first, last in told:
        start, end = min(_instant(first) + shift, received_at), min(_instant(last) + shift, received_at)
        if start < 0 or end < start:
            raise _RefusedError(Why.BAD_TIME, "a spell ends before it starts")
        spells.append((start, end))
    heard = []
    for device, ago in message.heard.items():
        if device in entry.devices and math.isfinite(ago) and ago >= 0:
            heard.append((DeviceId(device), min(received_at, sent_at + shift) - round(min(ago, 1e9) * SECOND)))
    lost = [(a, b, why[:80]) for a, b, why in message.lost if 1 <= a <= b <= _MAX_SEQ][:1000]
    return AdmittedHeartbeat(
        entry,
        message.epoch,
        message.seq,
        sent_at,
        min(through, received_at),
        spells,
        heard,
        lost,
        max(0, message.depth),
        message.clock.synced,
        _condition(message.condition),
    )


def _admit_hello(entry: GatewayEntry, payload: bytes) -> AdmittedHello:
    message = _decode(_hello, payload, entry)
    if len(message.devices) > _MAX_DEVICES:
        raise _RefusedError(Why.OVERSIZED, f"{len(message.devices)} devices; {_MAX_DEVICES} are allowed")
    devices = []
    for raw in message.devices:
        try:
            check_id(raw.id, "device")
            kind = Quantity(raw.kind)
        except ValueError as error:
            raise _RefusedError(Why.WRONG_SHAPE, str(error)) from error
        period = raw.check_in_s
        if period is not None and not (math.isfinite(period) and 0 < period <= 30 * 86_400):
            raise _RefusedError(Why.WRONG_SHAPE, f"device {raw.id} checks in every {period} s")
        check_in = None if period is None else round(period * SECOND)
        room = None if raw.room is None else raw.room[:80]
        devices.append(Device(DeviceId(raw.id), kind, room, raw.exit, check_in, raw.mains,
                              RoomType.of(raw.room_type), raw.model[:80]))  # fmt: skip
    return AdmittedHello(entry, message.epoch, devices, message.software[:80], _condition(message.condition))


def _condition(told: Condition | None) -> Condition | None:
    """What a gateway tells of itself, cut to a size that may be stored and shown."""
    if told is None:
        return None
    losses = {reason[:80]: min(count, _MAX_SEQ) for reason, count in told.losses.items() if count > 0}
    return Condition(
        told.software[:80],
        told.anchor[:20],
        _count(told.capacity),
        _count(told.kept),
        _count(told.unwritten),
        None if told.free_bytes is None else _count(told.free_bytes),
        dict(list(losses.items())[:_MAX_REMARKS]),
        _count(told.epochs),
        [(code[:40], at[:40]) for code, at in told.events[-_MAX_REMARKS:]],
    )


def _count(number: int) -> int:
    return max(0, min(number, _MAX_SEQ))
