"""The connection to the broker: who we are, which MQTT it speaks, and what it said to each publication."""

from __future__ import annotations

import socket
from collections import deque
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Protocol

import aiomqtt

from domain.clock import HOUR, MINUTE, SECOND, Span, monotonic

_UNSUPPORTED = 0x84
_TAKEN_OVER = 0x8E
_NO_SUBSCRIBER = 0x10
_TOO_LARGE = 0x95
_FAILURE = 0x80
_REFUSALS = {
    0x10: "nobody takes such messages there: see that ingest has connected to this broker",
    0x87: "it does not allow this gateway to: see its access list, and that this gateway is enrolled under this name",
    0x97: "a quota is used up: see its limits",
    0x95: "it is too large: see its message size limit",
}
_FIGHT: Span = 10 * MINUTE
_SHORT: Span = 60 * SECOND


@dataclass(frozen=True, slots=True)
class UplinkAddress:
    """Where and how to reach the broker."""

    host: str
    port: int
    username: str | None = None
    password: str | None = None
    ca_file: Path | None = None
    """With it, or with a certificate of our own, the connection is TLS."""
    protocol: str = "auto"
    cert_file: Path | None = None
    key_file: Path | None = None


class NotDeliveredError(Exception):
    """The broker took a publication and said that it goes nowhere; ``str`` is the rest of a sentence."""

    def __init__(self, code: int) -> None:
        super().__init__(_REFUSALS.get(code, f"it says 0x{code:02x}"))
        self.too_large = code == _TOO_LARGE


class Heard(Protocol):
    """A message from the broker."""

    @property
    def payload(self) -> object:
        """Bytes, where it is one of ours."""
        ...

    @property
    def retain(self) -> bool:
        """True for one that the broker had kept."""
        ...


class Link(Protocol):
    """One connection to the broker, open within ``async with``; see Client."""

    reached: bool
    taken_over: bool

    async def __aenter__(self) -> object:
        """Connect. Raises aiomqtt.MqttError."""
        ...

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Disconnect."""
        ...

    @property
    def messages(self) -> AsyncIterator[Heard]:
        """What comes. Raises aiomqtt.MqttError once the connection is lost."""
        ...

    async def deliver(self, topic: str, payload: bytes) -> None:
        """See Client.deliver."""
        ...

    async def listen_to(self, topic: str) -> None:
        """See Client.listen_to."""
        ...


Connect = Callable[[str, UplinkAddress, aiomqtt.ProtocolVersion], Link]
"""Makes a link that is not open yet, under the gateway's name. May raise OSError."""


class Client(aiomqtt.Client):
    """aiomqtt's client, which also hears what the broker says to a publication and at the end of a connection."""

    reached = False
    """True once something listened at the address, whatever it answered."""
    taken_over = False
    """True when the broker said that somebody else has connected under our name."""
    _said = 0

    async def deliver(self, topic: str, payload: bytes) -> None:
        """Publish with QoS 1, one at a time; returns once the broker has it. Raises NotDeliveredError, aiomqtt.MqttError."""
        self._said = 0
        await self.publish(topic, payload, qos=1)
        if self._said >= _FAILURE or self._said == _NO_SUBSCRIBER:
            raise NotDeliveredError(self._said)

    async def listen_to(self, topic: str) -> None:
        """Subscribe with QoS 1; raises NotDeliveredError when the broker refuses."""
        for code in await self.subscribe(topic, qos=1):
            said = getattr(code, "value", code)
            if isinstance(said, int) and said >= _FAILURE:
                raise NotDeliveredError(said)

    def _on_publish(self, client: Any, userdata: Any, mid: int, reason_code: Any, properties: Any) -> None:
        self._said = int(getattr(reason_code, "value", 0))
        super()._on_publish(client, userdata, mid, reason_code, properties)

    def _on_disconnect(self, client: Any, userdata: Any, flags: Any, reason_code: Any, properties: Any = None) -> None:
        self.taken_over = self.taken_over or getattr(reason_code, "value", 0) == _TAKEN_OVER
        super()._on_disconnect(client, userdata, flags, reason_code, properties)

    def _on_socket_open(self, client: Any, userdata: Any, sock: Any) -> None:
        self.reached = True
        super()._on_socket_open(client, userdata, sock)


def make_client(gateway: str, address: UplinkAddress, version: aiomqtt.ProtocolVersion) -> Link:
    """A client that is not connected yet; raises OSError when a TLS file cannot be used."""
    tls = None
    if address.ca_file is not None or address.cert_file is not None:
        tls = aiomqtt.TLSParameters(
            ca_certs=_text(address.ca_file), certfile=_text(address.cert_file), keyfile=_text(address.key_file)
        )
    return Client(
        address.host,
        address.port,
        username=address.username,
        password=address.password,
        identifier=gateway,
        protocol=version,
        tls_params=tls,
        keepalive=30,
        timeout=10,
        max_queued_outgoing_messages=100,
        socket_options=[(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)],
    )


def _text(path: Path | None) -> str | None:
    return None if path is None else str(path)


class Versions:
    """Which MQTT to speak: 5, and 3.1.1 only where the broker does not know 5. What has worked is kept."""

    def __init__(self, protocol: str) -> None:
        self._choice = {
            "auto": (aiomqtt.ProtocolVersion.V5, aiomqtt.ProtocolVersion.V311),
            "5": (aiomqtt.ProtocolVersion.V5,),
            "3.1.1": (aiomqtt.ProtocolVersion.V311,),
        }[protocol]
        self._turn = 0
        self._worked = False
        self._mute = 0

    @property
    def present(self) -> aiomqtt.ProtocolVersion:
        """The version to try now."""
        return self._choice[self._turn % len(self._choice)]

    def served(self) -> None:
        """The broker took us in with it."""
        self._worked, self._mute = True, 0

    def failed(self, *, reached: bool, code: int | None) -> bool:
        """The broker did not take us in: ``code`` is its answer, None when it gave none. True when another version is next.

        A broker that is away, or that refuses us by name, says nothing about versions.
        """
        self._mute = self._mute + 1 if reached and code is None else 0
        unknown = code == _UNSUPPORTED or self._mute >= (3 if self._worked else 1)
        if not unknown or len(self._choice) == 1:
            return False
        self._turn, self._worked, self._mute = self._turn + 1, False, 0
        return True


class Room:
    """How many readings go into one message: fewer where the broker's limit is lower than ours."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._readings = most
        self._narrowed_at: Span = 0

    @property
    def readings(self) -> int:
        """At most so many. An hour after it was narrowed the whole is tried again: limits are mended, outages end."""
        if self._readings < self._most and monotonic() - self._narrowed_at > HOUR:
            self._readings = self._most
        return self._readings

    def narrow(self, failed: int) -> bool:
        """A message with ``failed`` readings did not come through; False when there are no smaller ones."""
        if failed <= 1:
            return False
        self._readings, self._narrowed_at = min(self._readings, failed // 2), monotonic()
        return True


class Rivalry:
    """Finds out that somebody else lives under our name: a copy of this card, as a rule."""

    def __init__(self) -> None:
        self._taken: deque[Span] = deque(maxlen=3)
        self._short: deque[Span] = deque(maxlen=6)
        self._told: Span | None = None

    def away(self) -> None:
        """The broker could not be reached: what was cut off before that was no rival's doing."""
        self._short.clear()

    def ended(self, now: Span, *, taken_over: bool, lasted: Span) -> bool:
        """A connection came to its end at ``now``; True when this should be said (once an hour).

        Over MQTT 3.1.1 no broker gives a reason, and some give none over MQTT 5 (mosquitto 2.0.11): then it takes six short
        connections in ten minutes to a broker that was there all the time.
        """
        if taken_over:
            self._taken.append(now)
        if lasted < _SHORT:
            self._short.append(now)
        often = any(len(ends) == ends.maxlen and now - ends[0] <= _FIGHT for ends in (self._taken, self._short))
        again = often and (self._told is None or now - self._told > HOUR)
        if again:
            self._told = now
        return again
