"""Topics and payloads between a gateway and the server: the only place that knows either.

Payloads are JSON objects with ``"v": 1``. The dataclasses below are their shapes; which JSON parser fills them is the
caller's choice (the gateway uses the standard library, ingest a faster one). Readings travel as SenML (RFC 8428), one
record per sequence number: record *i* of a message has the sequence number ``seq + i``.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Protocol

from domain.clock import SECOND, Instant, from_iso, to_iso
from domain.readings import Device, DoorState, Quantity

VERSION = 1
ROOT = "kehai/1/gw"
MAX_PAYLOAD = 65_536
"""Bytes; a larger payload is a dead letter, and the broker is told to refuse it."""
MAX_RECORDS = 500
"""Readings in one message."""


class Up(StrEnum):
    """Last word of a topic from a gateway."""

    READINGS = "readings"
    HEARTBEAT = "heartbeat"
    HELLO = "hello"


class Down(StrEnum):
    """Last word of a topic to a gateway."""

    ACK = "ack"
    CONFIG = "config"
    COMMAND = "command"


def up_topic(gateway: str, word: Up) -> str:
    """The topic on which ``gateway`` publishes ``word``."""
    return f"{ROOT}/{gateway}/up/{word.value}"


def down_topic(gateway: str, word: Down) -> str:
    """The topic on which ``gateway`` is told ``word``."""
    return f"{ROOT}/{gateway}/down/{word.value}"


_BRANCH = f"{ROOT}/"
_UP_WORDS = {word.value: word for word in Up}
UP_FILTER = f"{ROOT}/+/up/+"
"""What ingest subscribes to."""


def parse_up_topic(topic: str) -> tuple[str, Up] | None:
    """(gateway, word) of an upward topic, or None when it is none of ours."""
    if not topic.startswith(_BRANCH):
        return None
    gateway, _, last = topic[len(_BRANCH) :].partition("/up/")
    word = _UP_WORDS.get(last)
    return None if word is None or not gateway or "/" in gateway else (gateway, word)


@dataclass(frozen=True, slots=True)
class ClockState:
    """What a gateway knows about its clock."""

    boot: str
    """Names one boot of the machine."""
    synced: bool
    """True once NTP has set the clock in this boot."""
    mono: float = 0.0
    """Seconds since that boot on the monotonic clock, at ``sent_at``."""
    anchor: str = ""
    """What dates this message, as in Condition; empty where the gateway only writes down its own wall clock."""


@dataclass(frozen=True, slots=True)
class SenmlRecord:
    """One record of RFC 8428; times in seconds since the Unix epoch (``bt`` is added to ``t``, ``bn`` put before ``n``)."""

    n: str = ""
    u: str | None = None
    v: float | None = None
    vb: bool | None = None
    vs: str | None = None
    t: float = 0.0
    bn: str | None = None
    bt: float | None = None


@dataclass(frozen=True, slots=True)
class ReadingsPayload:
    """``up/readings``: sequence numbers ``seq`` to ``seq + len(senml) - 1``."""

    v: int
    gateway: str
    epoch: str
    seq: int
    sent_at: str
    clock: ClockState
    senml: list[SenmlRecord]


@dataclass(frozen=True, slots=True)
class Condition:
    """What a gateway tells of itself besides its readings; for staff, never for a detector."""

    software: str = ""
    anchor: str = ""
    """What dates its readings: ``ntp``, ``server`` (the ``at`` of an ack), ``own`` (neither is there); empty: nothing."""
    capacity: int = 0
    """Readings that its spool may hold."""
    kept: int = 0
    """Readings in the spool that the server has stored, kept in case that it must be restored from a backup."""
    unwritten: int = 0
    """Readings in memory that its disk refuses."""
    free_bytes: int | None = None
    """Room on the spool's disk; None where it cannot be told."""
    losses: dict[str, int] = field(default_factory=dict)
    """Reason -> readings lost for that reason since the spool was made, those that never had a number included."""
    epochs: int = 1
    """How many epochs this spool has begun; each after the first has an event that says why."""
    events: list[tuple[str, str]] = field(default_factory=list)
    """(code, ISO time) of the newest few things that somebody should look at, oldest first."""


@dataclass(frozen=True, slots=True)
class HeartbeatPayload:
    """``up/heartbeat``: "I am alive; everything up to sequence ``seq`` and time ``through`` is produced"."""

    v: int
    gateway: str
    epoch: str
    seq: int
    """The last sequence number produced in this epoch; 0 when none was."""
    sent_at: str
    clock: ClockState
    through: str
    """Every reading observed up to this instant has a number <= ``seq``."""
    spells: list[tuple[str, str]] = field(default_factory=list)
    """When the gateway was running, newest last, each (start, end); the last one ends at ``through``. Earlier spells are
    repeated until an ack shows that ingest has what lies in them."""
    heard: dict[str, float] = field(default_factory=dict)
    """Device -> seconds before ``sent_at`` since it last said anything at all."""
    lost: list[tuple[int, int, str]] = field(default_factory=list)
    """Sequence ranges (first, last, reason) that the gateway no longer has; ingest stops waiting for them."""
    depth: int = 0
    """Readings in the spool that no ack has covered."""
    condition: Condition | None = None


@dataclass(frozen=True, slots=True)
class DevicePayload:
    """A device in ``up/hello``."""

    id: str
    kind: str
    room: str | None = None
    exit: bool = False
    check_in_s: float | None = None
    mains: bool = False
    room_type: str | None = None
    """A RoomType; left out where nobody has said, and a word that the server does not know counts as left out."""
    model: str = ""


@dataclass(frozen=True, slots=True)
class HelloPayload:
    """``up/hello``: sent after each connection, before anything else."""

    v: int
    gateway: str
    epoch: str
    sent_at: str
    clock: ClockState
    software: str
    devices: list[DevicePayload]
    condition: Condition | None = None


@dataclass(frozen=True, slots=True)
class AckPayload:
    """``down/ack``: no number of ``epoch`` up to ``stored_through`` is missing from durable storage."""

    v: int
    epoch: str
    stored_through: int
    at: Instant | None = None
    """The server's clock when it answered; a gateway without NTP sets its own by the answer to its hello."""


class Measured(Protocol):
    """The values of a SenML record, whoever parsed it."""

    @property
    def v(self) -> float | None:
        """A number."""
        ...

    @property
    def vb(self) -> bool | None:
        """Yes or no."""
        ...

    @property
    def vs(self) -> str | None:
        """A word."""
        ...


class UnitError(ValueError):
    """A SenML record that names no known device quantity, or carries no usable value; ``str`` says which and why."""


_encoder = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), allow_nan=False, check_circular=False)
_UNITS: dict[Quantity, str] = {
    Quantity.TEMPERATURE: "Cel",
    Quantity.HUMIDITY: "%RH",
    Quantity.POWER: "W",
    Quantity.BATTERY: "%EL",
}
_BOOLEAN = frozenset({Quantity.MOTION, Quantity.BUTTON, Quantity.BED})
_QUANTITIES = {quantity.value: quantity for quantity in Quantity}
_DOOR_WORDS = {DoorState.CLOSED: "closed", DoorState.OPEN: "open", DoorState.MOVED: "moved"}
_DOOR_STATES = {word: float(state) for state, word in _DOOR_WORDS.items()}


def to_senml(device: str, quantity: Quantity, value: float, at: Instant, base: Instant) -> dict[str, object]:
    """One reading as a SenML record relative to base time ``base``."""
    record: dict[str, object] = {"n": f"{device}/{quantity.value}"}
    if quantity is Quantity.DOOR:
        record["vs"] = _DOOR_WORDS[DoorState(int(value))]
    elif quantity in _BOOLEAN:
        record["vb"] = bool(value)
    else:
        if quantity in _UNITS:
            record["u"] = _UNITS[quantity]
        record["v"] = value
    if at != base:
        record["t"] = (at - base) / SECOND
    return record


def from_senml(name: str, record: Measured) -> tuple[str, Quantity, float]:
    """(device, quantity, value) of a record whose full name, without the gateway's base name, is ``name``.

    Raises UnitError. NaN and infinities are refused by the caller, who knows how each parser spells them.
    """
    device, _, word = name.rpartition("/")
    quantity = _QUANTITIES.get(word)
    if quantity is None or not device:
        raise UnitError(f"{name!r} is not of the form device/quantity with a known quantity")
    if quantity is Quantity.DOOR:
        state = _DOOR_STATES.get(record.vs or "")
        if state is None:
            raise UnitError(f"{name!r} needs vs = open, closed or moved")
        return device, quantity, state
    if quantity in _BOOLEAN:
        if record.vb is None:
            raise UnitError(f"{name!r} needs vb = true or false")
        return device, quantity, float(record.vb)
    if record.v is None:
        raise UnitError(f"{name!r} needs a number in v")
    return device, quantity, record.v


def encode_readings(
    gateway: str,
    epoch: str,
    seq: int,
    sent_at: Instant,
    clock: ClockState,
    readings: Sequence[tuple[str, Quantity, float, Instant]],
) -> bytes:
    """The payload for consecutive sequence numbers from ``seq`` on; each reading is (device, quantity, value, observed_at)."""
    base = readings[0][3]
    records = [to_senml(device, quantity, value, at, base) for device, quantity, value, at in readings]
    records[0] = {"bn": f"{gateway}/", "bt": base / SECOND, **records[0]}
    return _encode(
        {"v": VERSION, "gateway": gateway, "epoch": epoch, "seq": seq, "sent_at": to_iso(sent_at),
         "clock": _clock(clock), "senml": records}
    )  # fmt: skip


def encode_heartbeat(
    gateway: str,
    epoch: str,
    seq: int,
    sent_at: Instant,
    clock: ClockState,
    through: Instant,
    spells: Iterable[tuple[Instant, Instant]],
    heard: dict[str, float],
    lost: Iterable[tuple[int, int, str]] = (),
    depth: int = 0,
    *,
    condition: Condition | None = None,
) -> bytes:
    """The payload of one heartbeat; see HeartbeatPayload for the meaning of each field."""
    return _encode(
        {"v": VERSION, "gateway": gateway, "epoch": epoch, "seq": seq, "sent_at": to_iso(sent_at),
         "clock": _clock(clock), "through": to_iso(through), "spells": [[to_iso(a), to_iso(b)] for a, b in spells],
         "heard": heard, "lost": list(lost), "depth": depth, **_condition(condition)}
    )  # fmt: skip


def encode_hello(
    gateway: str,
    epoch: str,
    sent_at: Instant,
    clock: ClockState,
    software: str,
    devices: Iterable[Device],
    condition: Condition | None = None,
) -> bytes:
    """The payload of a hello that announces ``devices``."""
    described = [
        {"id": d.id, "kind": d.kind.value, "room": d.room, "exit": d.exit, "mains": d.mains,
         "check_in_s": None if d.check_in is None else d.check_in / SECOND,
         **({} if d.room_type is None else {"room_type": d.room_type.value}), **({"model": d.model} if d.model else {})}
        for d in devices
    ]  # fmt: skip
    return _encode(
        {"v": VERSION, "gateway": gateway, "epoch": epoch, "sent_at": to_iso(sent_at), "clock": _clock(clock),
         "software": software, "devices": described, **_condition(condition)}
    )  # fmt: skip


def encode_ack(epoch: str, stored_through: int, at: Instant | None = None) -> bytes:
    """The payload of an ack; ``at`` is the server's clock now."""
    when = {} if at is None else {"at": to_iso(at)}
    return _encode({"v": VERSION, "epoch": epoch, "stored_through": stored_through, **when})


def decode_ack(payload: bytes) -> AckPayload | None:
    """The ack in ``payload``, or None when it is none: a gateway keeps what it has until it gets a readable one."""
    try:
        raw = json.loads(payload)
        ack = AckPayload(int(raw["v"]), str(raw["epoch"]), int(raw["stored_through"]), _moment(raw.get("at")))
    except (ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError):
        return None
    return ack if ack.v == VERSION and ack.stored_through >= 0 else None


def _moment(text: object) -> Instant | None:
    """The instant in a key that may be left out; an unreadable one counts as left out."""
    try:
        return from_iso(text) if isinstance(text, str) else None
    except (ValueError, OverflowError):
        return None


def instant_of(text: str) -> Instant:
    """The instant of an ISO 8601 text in a payload; raises ValueError when it has no offset or is no time."""
    return from_iso(text)


def _clock(state: ClockState) -> dict[str, object]:
    told: dict[str, object] = {"boot": state.boot, "synced": state.synced, "mono": state.mono}
    if state.anchor:
        told["anchor"] = state.anchor
    return told


def _condition(condition: Condition | None) -> dict[str, object]:
    return {} if condition is None else {"condition": asdict(condition)}


def _encode(payload: dict[str, object]) -> bytes:
    return _encoder.encode(payload).encode()
