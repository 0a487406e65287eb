"""One connection to a broker, from its greeting to its end: an asyncio protocol over ``packets``.

What it holds in memory is bounded on both sides: reading stops while whoever receives has enough to do, and what waits to be
sent is one message for each key, the newest.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass

from ingest.mqtt import packets
from ingest.mqtt.packets import Connack, Disconnect, Packet, Parser, ProtocolError, Puback, Publish, Suback, Version

_TOGETHER = 100
"""Messages that are written at once, before a look at whether the socket still takes more."""
_NOBODY_LISTENS = 0x10


class ConnectionEndedError(Exception):
    """The connection is over; ``str`` says why in a few words."""


@dataclass(frozen=True, slots=True)
class Patience:
    """How long to wait for a broker, in seconds."""

    connect: float = 10.0
    """From the first attempt to the granted subscription."""
    keep_alive: float = 30.0
    """A broker may end a connection on which it hears nothing for one and a half times this. We ask after half of it."""
    answer: float = 10.0
    """A broker that says nothing for so long after it was asked is gone, whatever the socket says."""
    first_pause: float = 0.2
    longest_pause: float = 15.0


@dataclass(frozen=True, slots=True)
class Greeting:
    """What a connection introduces itself with."""

    version: Version
    client_id: str
    clean: bool
    session_seconds: int
    window: int
    """QoS 1 messages that the broker may send ahead of our acknowledgements (MQTT 5)."""
    username: str | None = None
    password: str | None = None


class Connection(asyncio.Protocol):
    """Use it once: hand it to ``create_connection``, await ``welcomed``, then ``ended``."""

    def __init__(
        self, greeting: Greeting, patience: Patience, on_messages: Callable[[Connection, list[Publish]], None]
    ) -> None:
        """``on_messages`` is called in the event loop with what one look at the socket brought, in order."""
        self._greeting, self._patience, self._on_messages = greeting, patience, on_messages
        self._loop = asyncio.get_running_loop()
        self._parser = Parser(greeting.version)
        self._transport: asyncio.Transport | None = None
        self._limits = Connack(False, 0)
        self._interval = patience.keep_alive / 2
        self._timer: asyncio.TimerHandle | None = None
        self._heard_at = self._sent_at = self._loop.time()
        self._asked_at: float | None = None
        self._reading = self._writable = True
        self._why = ""
        self._last_mid = 0
        self._subscribing: dict[int, asyncio.Future[tuple[int, ...]]] = {}
        self._under_way: set[int] = set()
        self._waiting: OrderedDict[Hashable, Callable[[], tuple[str, bytes]]] = OrderedDict()
        self._pumping = False
        self._acknowledgements: list[int] = []
        self.refused_code = 0
        """The last code with which the broker declined a message of ours; 0 in good times."""
        self.welcomed: asyncio.Future[Connack] = self._loop.create_future()
        """The broker's answer, whatever its code; raises ConnectionEndedError when there is none."""
        self.ended: asyncio.Future[str] = self._loop.create_future()
        """Why it ended."""

    # ---- what the owner does -------------------------------------------------------------------------------------------

    async def subscribe(self, topic: str, qos: int) -> int:
        """The granted QoS, or the code (>= 0x80) of the refusal; raises ConnectionEndedError."""
        mid = self._next_mid()
        answer: asyncio.Future[tuple[int, ...]] = self._loop.create_future()
        self._subscribing[mid] = answer
        self._write(packets.subscribe(self._greeting.version, mid, [(topic, qos)]))
        return (await answer)[0]

    def acknowledge(self, mids: Sequence[int]) -> None:
        """Tell the broker that these messages are stored, in this order, which is to be the order of receipt."""
        if self._writable and not self._acknowledgements:
            self._write(packets.pubacks(mids))
        else:
            self._acknowledgements += mids

    def publish(self, key: Hashable, make: Callable[[], tuple[str, bytes]]) -> None:
        """Send with QoS 1 the (topic, payload) that ``make`` gives, as soon as broker and socket take it; an older one of
        this ``key`` that is still waiting gives way, at its place in the queue."""
        self._waiting[key] = make
        if not self._pumping:  # many are published at once, and travel in one piece
            self._pumping = True
            self._loop.call_soon(self._pump)

    def pause(self) -> None:
        """Read no more for now."""
        if self._reading and self._transport is not None and not self._transport.is_closing():
            self._reading = False
            self._transport.pause_reading()

    def resume(self) -> None:
        """Read on."""
        if not self._reading and self._transport is not None and not self._transport.is_closing():
            self._reading = True
            self._heard_at = self._loop.time()
            self._transport.resume_reading()

    def part(self, why: str, reason: packets.Reason = packets.Reason.SUCCESS) -> None:
        """End it politely: what is in the socket's buffer is still sent."""
        if self._transport is not None and not self._transport.is_closing():
            self._why = self._why or why
            self._write(packets.disconnect(self._greeting.version, reason))
            self._transport.close()

    def abort(self, why: str) -> None:
        """End it at once."""
        self._why = self._why or why
        if self._transport is not None:
            self._transport.abort()

    # ---- what asyncio calls --------------------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Greet. asyncio's own sockets send at once (TCP_NODELAY), so an acknowledgement does not wait for the one before."""
        assert isinstance(transport, asyncio.Transport)  # noqa: S101 (what create_connection makes)
        self._transport = transport
        hello = self._greeting
        self._write(
            packets.connect(
                hello.version, hello.client_id, max(1, round(self._patience.keep_alive)), clean=hello.clean,
                username=hello.username, password=hello.password, session_expiry=hello.session_seconds,
                receive_maximum=hello.window,
            )
        )  # fmt: skip
        self._look()

    def data_received(self, data: bytes) -> None:
        """Hand on what came; what is no MQTT ends the connection, and only that."""
        self._heard_at, self._asked_at = self._loop.time(), None
        found: list[Packet] = []
        try:
            self._parser.feed(data, found)
        except ProtocolError as error:
            self._receive(found)
            self._why = self._why or f"the broker sent what is no MQTT: {error}"
            self.part(self._why, error.reason)
        else:
            self._receive(found)

    def pause_writing(self) -> None:
        """The socket takes no more for now."""
        self._writable = False

    def resume_writing(self) -> None:
        """The socket takes more: acknowledgements first, they are what the broker waits for."""
        self._writable = True
        if self._acknowledgements:
            held, self._acknowledgements = self._acknowledgements, []
            self._write(packets.pubacks(held))
        self._pump()

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell everybody who waits."""
        if self._timer is not None:
            self._timer.cancel()
        why = self._why or (f"the network failed: {exc}" if exc else "the broker closed the connection")
        if not self.welcomed.done():
            self.welcomed.set_exception(ConnectionEndedError(why))
            self.welcomed.exception()  # whoever awaited it may be gone
        for waiting in self._subscribing.values():
            if not waiting.done():
                waiting.set_exception(ConnectionEndedError(why))
                waiting.exception()
        self._subscribing.clear()
        self._waiting.clear()
        if not self.ended.done():
            self.ended.set_result(why)

    # ---- inside --------------------------------------------------------------------------------------------------------

    def _receive(self, found: list[Packet]) -> None:
        messages = [packet for packet in found if type(packet) is Publish]
        if len(messages) != len(found):
            for packet in found:
                if type(packet) is not Publish:
                    self._handle(packet)
            self._pump()
        if messages:
            if not self.welcomed.done():
                self.part("the broker sent a message before its answer", packets.Reason.PROTOCOL_ERROR)
                return
            self._on_messages(self, messages)

    def _handle(self, packet: Packet) -> None:
        if isinstance(packet, Puback):
            self._under_way.discard(packet.mid)
            if packet.code >= 0x80:
                self.refused_code = packet.code
        elif isinstance(packet, Connack):
            if self.welcomed.done():
                self.part("the broker answered twice", packets.Reason.PROTOCOL_ERROR)
                return
            self._limits = packet
            if packet.keep_alive:
                self._interval = min(self._interval, packet.keep_alive / 2)
            self.welcomed.set_result(packet)
        elif isinstance(packet, Suback):
            answer = self._subscribing.pop(packet.mid, None)
            if answer is not None and not answer.done():
                answer.set_result(packet.codes)
        elif isinstance(packet, Disconnect):
            self._why = self._why or _parting(packet)
            self.abort(self._why)

    def _look(self) -> None:
        """Now and then: ask a broker that is silent, or that has not heard us; give a dead one up."""
        now = self._loop.time()
        if not self._reading:
            self._asked_at = None  # it may have answered: we did not look
        elif self._asked_at is not None and now - self._asked_at >= self._patience.answer:
            self.abort(f"the broker has said nothing for {now - self._heard_at:.0f} s")
            return
        if self._asked_at is None and now - min(self._heard_at, self._sent_at) >= self._interval:
            self._asked_at = now
            self._write(packets.PINGREQ)
        self._timer = self._loop.call_later(min(self._interval, self._patience.answer) / 4, self._look)

    def _next_mid(self) -> int:
        while True:
            self._last_mid = self._last_mid % 65_535 + 1
            if self._last_mid not in self._under_way and self._last_mid not in self._subscribing:
                return self._last_mid

    def _pump(self) -> None:
        """Send what waits, as far as the broker's Receive Maximum and the socket's buffer go."""
        self._pumping = False
        version, limits, under_way = self._greeting.version, self._limits, self._under_way
        qos = min(1, limits.maximum_qos)
        room = min(limits.receive_maximum, 32_000) if self.welcomed.done() else 0
        while self._waiting and self._writable and len(under_way) < room:
            out = []
            for _ in range(min(_TOGETHER, len(self._waiting), room - len(under_way))):
                topic, payload = self._waiting.popitem(last=False)[1]()
                mid = self._next_mid() if qos else 0
                packet = packets.publish(version, topic, payload, qos, mid)
                if len(packet) <= limits.maximum_packet:
                    out.append(packet)
                    if qos:
                        under_way.add(mid)
            self._write(b"".join(out))

    def _write(self, data: bytes) -> None:
        if data and self._transport is not None and not self._transport.is_closing():
            self._sent_at = self._loop.time()
            self._transport.write(data)


def _parting(packet: Disconnect) -> str:
    known = {
        0x8B: "the broker is shutting down",
        0x8D: "the broker did not hear us for too long",
        0x8E: "another client has connected under our client id: let only one ingest run",
        0x98: "an administrator closed the connection",
    }
    said = known.get(packet.code, f"the broker ended the connection with code {packet.code:#04x}")
    return f"{said} ({packet.why})" if packet.why else said
