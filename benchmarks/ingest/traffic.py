"""The messages of a stream, made once; a session that waits for them; and a publisher that is faster than any reader."""

from __future__ import annotations

import random
import socket
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import insert

from domain.clock import HOUR, MILLISECOND, SECOND, SystemClock, monotonic
from domain.errors import KehaiError
from domain.wire import ClockState, Down, Up, down_topic, encode_hello, encode_readings, up_topic
from ingest.mqtt.packets import (
    Connack,
    Packet,
    Parser,
    Puback,
    Publish,
    Suback,
    Version,
    connect,
    disconnect,
    publish,
    subscribe,
)
from registry import tables
from registry.database import migrate, open_database
from registry.homes import Home, Homes
from simulators.load import DEVICES, gateway_id, home_id, value_of

GATEWAYS = 1_000
"""How many gateways a stream comes from: as in a ward, hardly two messages of one commit are of the same."""
ZONE = "Asia/Tokyo"
_CLOCK = ClockState("bench-boot", True, 1.0)
_EPOCH = "bench-epoch"
_AHEAD = 400
"""Messages that the publisher sends before the broker has acknowledged the first of them."""
_CHUNK = 50
_SECONDS = 60.0
_LAST_MID = 65_535
_ASK_AGAIN_SECONDS = 0.2


def enrol(folder: Path, homes: int, introduced: bool) -> Path:
    """A registry with so many homes of one gateway each, whose devices are known already or not; its file."""
    file = folder / "kehai.db"
    engine = open_database(f"sqlite:///{file}")
    migrate(engine)
    now = SystemClock().now()
    Homes(engine).add_all(
        [(Home(home_id(n), f"H-{n}", ZONE, f"area {n % 12}"), [gateway_id(n)]) for n in range(homes)], now
    )
    if introduced:
        known = [
            {"gateway": gateway_id(n), "id": d.id, "kind": d.kind.value, "room": d.room, "exit": d.exit,
             "check_in": d.check_in, "mains": d.mains, "announced_at": now}
            for n in range(homes) for d in DEVICES
        ]  # fmt: skip
        with engine.begin() as connection:
            connection.execute(insert(tables.devices), known)
    engine.dispose()
    return file


@dataclass(frozen=True, slots=True)
class Stream:
    """The PUBLISH packets (MQTT 5, QoS 1) of a hello of each gateway and then ``messages`` with readings."""

    frames: Sequence[bytes]
    messages: int
    readings: int
    gateways: int

    @property
    def hellos(self) -> int:
        """Messages without readings."""
        return len(self.frames) - self.messages


def stream(messages: int, pack: int, gateways: int = GATEWAYS) -> Stream:
    """``messages`` messages of ``pack`` readings, the gateways taking turns, each numbering its own without a gap."""
    chance, start = random.Random(1), SystemClock().now() - HOUR  # noqa: S311 (the same in every run)
    step = min(MILLISECOND, HOUR // (messages * pack + 1))
    names = [gateway_id(n) for n in range(gateways)]
    frames: list[bytes] = []

    def add(topic: str, payload: bytes) -> None:
        frames.append(publish(Version.V5, topic, payload, 1, len(frames) % _LAST_MID + 1))

    for name in names:
        add(up_topic(name, Up.HELLO), encode_hello(name, _EPOCH, start, _CLOCK, "bench", DEVICES))
    for number in range(messages):
        name, turn = names[number % gateways], number // gateways
        readings = []
        for place in range(number * pack, (number + 1) * pack):
            device = chance.choice(DEVICES)
            readings.append((str(device.id), device.kind, value_of(device, chance), start + place * step))
        sent_at = readings[-1][3]
        add(up_topic(name, Up.READINGS), encode_readings(name, _EPOCH, turn * pack + 1, sent_at, _CLOCK, readings))
    return Stream(frames, messages, messages * pack, gateways)


class _Line:
    """A blocking connection of MQTT 5."""

    def __init__(self, port: int, client_id: str, clean: bool) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), _SECONDS)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._parser = Parser(Version.V5)
        self.send(connect(Version.V5, client_id, 0, clean=clean, session_expiry=0 if clean else 86_400))
        answer = self.receive()[0]
        if not isinstance(answer, Connack) or answer.code:
            raise KehaiError(f"The broker does not let {client_id} in: {answer}.")

    def send(self, data: bytes) -> None:
        self._socket.sendall(data)

    def patience(self, seconds: float) -> None:
        """How long ``receive`` waits before it raises TimeoutError."""
        self._socket.settimeout(seconds)

    def receive(self) -> list[Packet]:
        """At least one packet."""
        packets: list[Packet] = []
        while not packets:
            data = self._socket.recv(65_536)
            if not data:
                raise KehaiError("The broker closed the connection: see its log.")
            self._parser.feed(data, packets)
        return packets

    def close(self) -> None:
        self.send(disconnect(Version.V5))
        self._socket.close()


def prepare_session(port: int, client_id: str, topics: Iterable[str]) -> None:
    """Make the broker keep what comes for ``client_id``, which will connect later."""
    line = _Line(port, client_id, clean=False)
    line.send(subscribe(Version.V5, 1, [(topic, 1) for topic in topics]))
    answer = line.receive()[0]
    if not isinstance(answer, Suback) or any(code >= 0x80 for code in answer.codes):
        raise KehaiError(f"The broker refuses a subscription: {answer}.")
    line.close()


def wait_until_answered(port: int, check: Callable[[], None]) -> None:
    """Return once ingest answers the first gateway's hello; ``check`` raises when there is no more hope."""
    name, deadline = gateway_id(0), monotonic() + int(_SECONDS * SECOND)
    line = _Line(port, "bench-asker", clean=True)
    line.send(subscribe(Version.V5, 1, [(down_topic(name, Down.ACK), 1)]))
    line.patience(_ASK_AGAIN_SECONDS)
    while monotonic() < deadline:
        check()
        hello = encode_hello(name, "bench-asker", SystemClock().now(), _CLOCK, "bench", DEVICES)
        line.send(publish(Version.V5, up_topic(name, Up.HELLO), hello, 1, 2))
        with suppress(TimeoutError):
            while not any(isinstance(packet, Publish) for packet in line.receive()):
                pass
            line.close()
            return
    raise KehaiError(f"Ingest did not answer within {_SECONDS:.0f} s: see its log.")


def pour(port: int, frames: Sequence[bytes]) -> None:
    """Publish all frames as fast as the broker acknowledges them; KehaiError when it refuses one."""
    line = _Line(port, "bench-publisher", clean=True)
    sent = acknowledged = 0
    while acknowledged < len(frames):
        while sent < len(frames) and sent + _CHUNK - acknowledged <= _AHEAD:
            line.send(b"".join(frames[sent : sent + _CHUNK]))
            sent = min(sent + _CHUNK, len(frames))
        for packet in line.receive():
            if isinstance(packet, Puback):
                acknowledged += 1
                if packet.code >= 0x80:
                    raise KehaiError(f"The broker refuses a message (code {packet.code:#04x}): see its log.")
    line.close()
