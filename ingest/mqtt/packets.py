"""The packets of MQTT 3.1.1 and 5 that a client of QoS 0 and 1 sends and receives, as bytes and back. No input or output.

``Parser`` takes the broker's bytes in pieces of any size and gives whole packets; the functions below it make what a client
sends. The section numbers are those of the OASIS standard, MQTT Version 5.0.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Sequence
from enum import IntEnum
from typing import TypeAlias

import msgspec

MAX_PACKET = 128 * 1024
"""Bytes of one packet that a parser keeps. Of a longer PUBLISH the end is thrown away, so that nobody's memory depends on
what a stranger sends and yet the message can be refused and acknowledged; any other packet of that length is an error."""
_LONGEST = 268_435_455
PINGREQ = b"\xc0\x00"

_CONNACK, _PUBLISH, _PUBACK, _SUBACK, _PINGRESP, _DISCONNECT = 0x20, 0x30, 0x40, 0x90, 0xD0, 0xE0


class Version(IntEnum):
    """The protocol level in CONNECT."""

    V311 = 4
    V5 = 5


class Reason(IntEnum):
    """Reason codes that we act on or send (2.4); a broker may use others."""

    SUCCESS = 0x00
    MALFORMED = 0x81
    PROTOCOL_ERROR = 0x82
    UNSUPPORTED_VERSION = 0x84
    RECEIVE_MAXIMUM_EXCEEDED = 0x93
    TOPIC_ALIAS_INVALID = 0x94
    PACKET_TOO_LARGE = 0x95
    QOS_NOT_SUPPORTED = 0x9B


class ProtocolError(Exception):
    """The peer sent what is no MQTT, or what it may not send; ``reason`` is the code to part with."""

    def __init__(self, sentence: str, reason: Reason = Reason.MALFORMED) -> None:
        super().__init__(sentence)
        self.reason = reason


class Publish(msgspec.Struct, frozen=True, gc=False):
    """An application message. ``mid`` is 0 with QoS 0."""

    topic: str
    """Bytes that are no UTF-8 stand in it as ``\\xNN``."""
    payload: bytes
    qos: int = 0
    mid: int = 0
    retain: bool = False
    dup: bool = False


class Connack(msgspec.Struct, frozen=True):
    """The broker's answer to CONNECT; from ``session_expiry`` on, what only MQTT 5 says."""

    session_present: bool
    code: int
    """0, else why not: below 0x80 a code of MQTT 3.1.1."""
    session_expiry: int | None = None
    """Seconds, where the broker grants another time than was asked for."""
    receive_maximum: int = 65_535
    """QoS 1 messages that the broker takes before it acknowledges."""
    maximum_qos: int = 2
    maximum_packet: int = _LONGEST
    """Bytes of the longest packet that the broker takes."""
    keep_alive: int | None = None
    """Seconds, in place of what the client asked for."""
    assigned_id: str | None = None
    why: str = ""


class Puback(msgspec.Struct, frozen=True):
    """The broker has a message of ours, or (code >= 0x80) does not want it; 0x10: nobody listens."""

    mid: int
    code: int = 0


class Suback(msgspec.Struct, frozen=True):
    """One code for each filter: the granted QoS, or >= 0x80."""

    mid: int
    codes: tuple[int, ...]


class Pingresp(msgspec.Struct, frozen=True):
    """The broker lives."""


class Disconnect(msgspec.Struct, frozen=True):
    """The broker ends the connection (MQTT 5)."""

    code: int = 0
    why: str = ""


Packet: TypeAlias = Publish | Connack | Puback | Suback | Pingresp | Disconnect

_BYTE, _TWO, _FOUR, _VARINT, _BINARY, _TEXT, _PAIR = range(7)
_SESSION_EXPIRY, _ASSIGNED_ID, _KEEP_ALIVE, _WHY, _RECEIVE_MAXIMUM, _ALIAS, _MAXIMUM_QOS, _MAXIMUM_PACKET = (
    0x11, 0x12, 0x13, 0x1F, 0x21, 0x23, 0x24, 0x27,
)  # fmt: skip
_SHAPES = {
    0x01: _BYTE, 0x02: _FOUR, 0x03: _TEXT, 0x08: _TEXT, 0x09: _BINARY, 0x0B: _VARINT, 0x11: _FOUR, 0x12: _TEXT, 0x13: _TWO,
    0x15: _TEXT, 0x16: _BINARY, 0x17: _BYTE, 0x18: _FOUR, 0x19: _BYTE, 0x1A: _TEXT, 0x1C: _TEXT, 0x1F: _TEXT, 0x21: _TWO,
    0x22: _TWO, 0x23: _TWO, 0x24: _BYTE, 0x25: _BYTE, 0x26: _PAIR, 0x27: _FOUR, 0x28: _BYTE, 0x29: _BYTE, 0x2A: _BYTE,
}  # fmt: skip
"""Property -> how its value is written (2.2.2.2)."""
_FIXED = {_BYTE: 1, _TWO: 2, _FOUR: 4}
_REPEATABLE = frozenset({0x0B, 0x26})

_Properties: TypeAlias = dict[int, int | bytes]


class Parser:
    """Puts the packets of one connection together; after a ProtocolError it is of no more use."""

    def __init__(self, version: Version, max_packet: int = MAX_PACKET) -> None:
        self._five = version is Version.V5
        self._limit = max_packet
        self._rest = bytearray()
        self._need = 0
        """Bytes in ``_rest`` without which looking at it again is no use."""
        self._skip = 0
        """Bytes of an overlong PUBLISH, already handed out, that are still to come."""

    def feed(self, data: bytes, packets: list[Packet]) -> None:
        """Append the packets that ``data`` completes, each as soon as its last byte is there.

        Raises ProtocolError at the first packet that is wrong; those before it have been appended.
        """
        rest = self._rest
        if rest:
            rest += data
            if len(rest) < self._need:
                return
            data = bytes(rest)
            rest.clear()
        at, end, append = 0, len(data), packets.append
        if self._skip:
            at = min(self._skip, end)
            self._skip -= at
        while at < end:
            head = data[at]
            if at + 2 < end and data[at + 1] < 128:
                body, length = at + 2, data[at + 1]
            elif at + 3 < end and data[at + 2] < 128:
                body, length = at + 3, data[at + 1] & 127 | data[at + 2] << 7
            else:
                body, length = self._length(data, at + 1, end)
            if body == 0:
                self._need = end - at + 1
                break
            stop, over = body + length, 0
            if length > self._limit:
                self._must_be_publish(head, length)
                stop, over = body + self._limit, length - self._limit
            if stop > end:
                self._need = stop - at
                break
            append(
                self._publish(data, head, body, stop)
                if head & 0xF0 == _PUBLISH
                else self._other(data, head, body, stop)
            )
            at = stop
            if over:
                at = min(stop + over, end)
                self._skip = stop + over - at
        if at < end:
            rest += data[at:] if at else data

    @staticmethod
    def _must_be_publish(head: int, length: int) -> None:
        if head & 0xF0 != _PUBLISH:
            raise ProtocolError(f"a packet of type {head >> 4} is {length} bytes long", Reason.PACKET_TOO_LARGE)

    @staticmethod
    def _length(data: bytes, at: int, end: int) -> tuple[int, int]:
        """(where the packet's body begins, its length), (0, 0) when that is not there yet (2.1.4)."""
        if at < end:
            byte = data[at]
            if byte < 128:
                return at + 1, byte
            length, shift = byte & 127, 7
            for place in range(at + 1, min(at + 4, end)):
                byte = data[place]
                length |= (byte & 127) << shift
                if byte < 128:
                    return place + 1, length
                shift += 7
            if at + 4 <= end:
                raise ProtocolError("a length has more than four bytes")
        return 0, 0

    def _publish(self, data: bytes, head: int, at: int, stop: int) -> Publish:
        named = at + 2 + (data[at] << 8 | data[at + 1]) if at + 2 <= stop else stop + 1
        qos, mid, after = (head >> 1) & 3, 0, named
        if qos:
            after += 2
        if after > stop:
            raise ProtocolError("a PUBLISH ends before its topic does")
        if qos:
            mid = data[named] << 8 | data[named + 1]
            if qos > 1:
                raise ProtocolError(f"a PUBLISH has QoS {qos}, which nobody asked for", Reason.QOS_NOT_SUPPORTED)
            if mid == 0:
                raise ProtocolError("a PUBLISH with QoS 1 has packet identifier 0", Reason.PROTOCOL_ERROR)
        if self._five:
            if after < stop and data[after] == 0:
                after += 1
            else:
                properties, after = _properties(data, after, stop)
                if _ALIAS in properties:
                    raise ProtocolError(
                        "a PUBLISH uses a topic alias, and none was offered", Reason.TOPIC_ALIAS_INVALID
                    )
        if named == at + 2:
            raise ProtocolError("a PUBLISH has no topic", Reason.PROTOCOL_ERROR)
        topic = str(data[at + 2 : named], "utf-8", "backslashreplace")
        return Publish(topic, data[after:stop], qos, mid, head & 1 == 1, head & 8 == 8)

    def _other(self, data: bytes, head: int, at: int, stop: int) -> Packet:
        body = data[at:stop]
        if head == _PUBACK:
            return self._puback(body)
        if head == _PINGRESP and not body:
            return Pingresp()
        if head == _SUBACK:
            return self._suback(body)
        if head == _CONNACK:
            return self._connack(body)
        if head == _DISCONNECT and self._five:
            code, properties = self._code(body, 0)
            return Disconnect(code, _text(properties.get(_WHY)))
        raise ProtocolError(f"a broker does not send packets that begin with {head:#04x}")

    def _code(self, body: bytes, at: int) -> tuple[int, _Properties]:
        """The reason code and the properties at the end of a packet; both may be left out (3.4.2.1, 3.14.2.1)."""
        if len(body) <= at:
            return 0, {}
        properties: _Properties = {}
        if len(body) > at + 1:
            properties, end = _properties(body, at + 1, len(body))
            if end != len(body):
                raise ProtocolError("a packet goes on after its properties")
        return body[at], properties

    def _puback(self, body: bytes) -> Puback:
        if len(body) < 2 or (len(body) > 2 and not self._five):
            raise ProtocolError(f"a PUBACK has {len(body)} bytes")
        code = self._code(body, 2)[0] if len(body) > 2 else 0
        return Puback(body[0] << 8 | body[1], code)

    def _suback(self, body: bytes) -> Suback:
        if len(body) < 3:
            raise ProtocolError(f"a SUBACK has {len(body)} bytes")
        at = _properties(body, 2, len(body))[1] if self._five else 2
        if at >= len(body):
            raise ProtocolError("a SUBACK grants nothing")
        return Suback(body[0] << 8 | body[1], tuple(body[at:]))

    def _connack(self, body: bytes) -> Connack:
        if len(body) < 2 or body[0] > 1 or (len(body) > 2 and not self._five):
            raise ProtocolError(f"a CONNACK reads {body[:8].hex()}")
        # A broker that knows no MQTT 5 answers with the two bytes of an older CONNACK.
        code, properties = self._code(body, 1)
        told = {name: properties[number] for number, name in _CONNACK_WORDS.items() if number in properties}
        if (
            told.get("receive_maximum") == 0
            or told.get("maximum_packet") == 0
            or told.get("maximum_qos", 0) not in (0, 1)
        ):
            raise ProtocolError("a CONNACK sets a limit that may not be", Reason.PROTOCOL_ERROR)
        assigned, why = properties.get(_ASSIGNED_ID), properties.get(_WHY)
        return Connack(
            body[0] == 1,
            code,
            assigned_id=None if assigned is None else _text(assigned),
            why=_text(why),
            **{name: int(value) for name, value in told.items()},
        )


_CONNACK_WORDS = {
    _SESSION_EXPIRY: "session_expiry",
    _RECEIVE_MAXIMUM: "receive_maximum",
    _MAXIMUM_QOS: "maximum_qos",
    _MAXIMUM_PACKET: "maximum_packet",
    _KEEP_ALIVE: "keep_alive",
}


def _text(value: int | bytes | None) -> str:
    return str(value, "utf-8", "backslashreplace") if isinstance(value, bytes) else ""


def _varint(data: bytes, at: int, stop: int) -> tuple[int, int]:
    """(value, where it ends) of a variable byte integer (1.5.5)."""
    value = 0
    for place in range(4):
        if at + place >= stop:
            break
        byte = data[at + place]
        value |= (byte & 127) << (7 * place)
        if byte < 128:
            return value, at + place + 1
    raise ProtocolError("a number of variable length does not end")


def _properties(data: bytes, at: int, stop: int) -> tuple[_Properties, int]:
    """The properties whose length stands at ``at``, and where they end."""
    length, at = _varint(data, at, stop)
    end = at + length
    if end > stop:
        raise ProtocolError("properties are longer than their packet")
    found: _Properties = {}
    while at < end:
        number, at = _varint(data, at, end)
        shape = _SHAPES.get(number)
        if shape is None:
            raise ProtocolError(f"there is no property {number:#04x}")
        if number in found and number not in _REPEATABLE:
            raise ProtocolError(f"property {number:#04x} stands twice", Reason.PROTOCOL_ERROR)
        found[number], at = _value(data, shape, at, end)
    return found, end


def _value(data: bytes, shape: int, at: int, end: int) -> tuple[int | bytes, int]:
    if shape == _VARINT:
        return _varint(data, at, end)
    size = _FIXED.get(shape)
    if size is not None:
        if at + size > end:
            raise ProtocolError("a property is cut short")
        return int.from_bytes(data[at : at + size]), at + size
    for _ in range(2 if shape == _PAIR else 1):
        start = at + 2
        at = start + (data[at] << 8 | data[at + 1]) if start <= end else end + 1
        if at > end:
            raise ProtocolError("a property is cut short")
    return data[start:at], at


# ---- what a client sends ---------------------------------------------------------------------------------------------------


def connect(
    version: Version,
    client_id: str,
    keep_alive: int,
    *,
    clean: bool,
    username: str | None = None,
    password: str | None = None,
    session_expiry: int = 0,
    receive_maximum: int = 65_535,
    maximum_packet: int | None = None,
) -> bytes:
    """CONNECT without a will; ``keep_alive`` and ``session_expiry`` in seconds, and from there on for MQTT 5 alone."""
    flags = (0x02 if clean else 0) | (0x80 if username is not None else 0) | (0x40 if password is not None else 0)
    body = _string("MQTT") + bytes((version, flags)) + keep_alive.to_bytes(2)
    if version is Version.V5:
        properties = bytes((_SESSION_EXPIRY,)) + session_expiry.to_bytes(4)
        properties += bytes((_RECEIVE_MAXIMUM,)) + receive_maximum.to_bytes(2)
        if maximum_packet is not None:
            properties += bytes((_MAXIMUM_PACKET,)) + maximum_packet.to_bytes(4)
        body += _number(len(properties)) + properties
    body += _string(client_id)
    for text in (username, password):
        body += b"" if text is None else _string(text)
    return b"\x10" + _number(len(body)) + body


def publish(version: Version, topic: str, payload: bytes, qos: int = 0, mid: int = 0, *, dup: bool = False) -> bytes:
    """PUBLISH; ``mid`` is 1 to 65,535 with QoS 1 and is not looked at with QoS 0."""
    name = topic.encode()
    head = len(name).to_bytes(2) + name
    if qos:
        head += mid.to_bytes(2)
    if version is Version.V5:
        head += b"\x00"
    first = _PUBLISH | qos << 1 | (8 if dup else 0)
    return bytes((first,)) + _number(len(head) + len(payload)) + head + payload


def pubacks(mids: Sequence[int]) -> bytes:
    """A PUBACK with success for each identifier, in this order; in both versions the same."""
    words = [0x4002] * (2 * len(mids))
    words[1::2] = mids
    return struct.pack(f">{len(words)}H", *words)


def subscribe(version: Version, mid: int, filters: Iterable[tuple[str, int]]) -> bytes:
    """SUBSCRIBE to each (filter, QoS)."""
    body = mid.to_bytes(2) + (b"\x00" if version is Version.V5 else b"")
    for text, qos in filters:
        body += _string(text) + bytes((qos,))
    return b"\x82" + _number(len(body)) + body


def disconnect(version: Version, reason: Reason = Reason.SUCCESS) -> bytes:
    """DISCONNECT; only MQTT 5 can say why."""
    if version is Version.V5 and reason is not Reason.SUCCESS:
        return bytes((_DISCONNECT, 1, reason))
    return b"\xe0\x00"


def _string(text: str) -> bytes:
    """A UTF-8 string with its length; raises OverflowError beyond 65,535 bytes."""
    encoded = text.encode()
    return len(encoded).to_bytes(2) + encoded


def _number(value: int) -> bytes:
    """A variable byte integer; raises ValueError beyond what MQTT can say."""
    if value > _LONGEST:
        raise ValueError(f"A packet of {value} bytes is longer than MQTT allows.")
    out = bytearray()
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    out.append(value)
    return bytes(out)
