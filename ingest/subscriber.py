"""The MQTT side of ingest: messages in, and acknowledgement only when somebody says that they are stored.

paho-mqtt's network loop runs in its own thread; what it receives is handed to the event loop. A message is named by the
connection that brought it, because packet identifiers mean nothing in the next one.
"""

from __future__ import annotations

import asyncio
import socket
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import paho.mqtt.client as mqtt
import structlog
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from domain.wire import UP_FILTER

_SESSION_SECONDS = 7 * 86_400
_WINDOW = 500
"""Messages that the broker may send ahead of our acknowledgements: the bound on what we hold in memory."""
_KEEPALIVE = 30
_FIRST_PAUSE = 0.2
_LONGEST_PAUSE = 15.0

log = structlog.get_logger("ingest")


@dataclass(frozen=True, slots=True)
class BrokerAddress:
    """Where and how to reach the broker."""

    host: str
    port: int
    username: str | None = None
    password: str | None = None
    ca_file: Path | None = None
    protocol: str = "auto"
    """``auto``, ``5`` or ``3.1.1``."""
    client_id: str = "ingest"
    persistent: bool = True
    """True: the broker keeps what comes while we are away. False, for a replay: it forgets us when we go."""


@dataclass(frozen=True, slots=True)
class Ticket:
    """Names one received message for its acknowledgement."""

    connection: int
    mid: int
    qos: int


@dataclass(frozen=True, slots=True)
class Incoming:
    """One message from the broker."""

    topic: str
    payload: bytes
    retained: bool
    ticket: Ticket


class Subscriber:
    """Keeps one persistent session with the broker; reconnects for ever, with a growing pause."""

    def __init__(self, address: BrokerAddress, loop: asyncio.AbstractEventLoop) -> None:
        self._address = address
        self._loop = loop
        self._client: mqtt.Client | None = None
        self._connection = 0
        self._stop = threading.Event()
        self._lost = threading.Event()
        self._thread = threading.Thread(target=self._keep_connected, name="mqtt", daemon=True)
        self.inbox: asyncio.Queue[Incoming] = asyncio.Queue()
        """Bounded by the window above: the broker sends no more before it is acknowledged."""
        self.connected = False

    def start(self) -> None:
        """Begin to connect; returns at once."""
        self._thread.start()

    def stop(self) -> None:
        """Disconnect and return once the network thread has ended."""
        self._stop.set()
        self._lost.set()
        self._thread.join(10)

    def acknowledge(self, ticket: Ticket) -> None:
        """Tell the broker that this message is stored; nothing happens when its connection is gone."""
        client = self._client
        if client is not None and ticket.connection == self._connection and ticket.qos > 0:
            client.ack(ticket.mid, ticket.qos)

    def publish(self, topic: str, payload: bytes) -> None:
        """Send with QoS 1 if connected; a gateway that misses an answer asks again."""
        client = self._client
        if client is not None and self.connected:
            client.publish(topic, payload, qos=1)

    def _keep_connected(self) -> None:
        versions = {"auto": (mqtt.MQTTv5, mqtt.MQTTv311), "5": (mqtt.MQTTv5,), "3.1.1": (mqtt.MQTTv311,)}
        choice = versions[self._address.protocol]
        turn, pause, told = 0, _FIRST_PAUSE, False
        while not self._stop.is_set():
            self._lost.clear()
            outcome = self._one_connection(choice[turn % len(choice)])
            if self._stop.is_set():
                return
            if outcome == "served":
                pause, told = _FIRST_PAUSE, False
                log.warning("the connection to the broker is lost; connecting again")
            else:
                if outcome == "refused":
                    turn += 1
                if not told and (outcome != "refused" or turn >= len(choice)):
                    where = f"{self._address.host}:{self._address.port}"
                    log.warning(
                        "cannot reach the broker, trying on: see that it runs and that broker.* is right",
                        at=where,
                        it=outcome,
                    )
                    told = True
                self._stop.wait(pause)
                pause = min(pause * 2, _LONGEST_PAUSE)

    def _one_connection(self, version: int) -> str:
        """Serve one connection to its end: 'served', 'refused' or 'does not answer'."""
        client = self._make(version)
        welcome = threading.Event()

        def on_connect(c: mqtt.Client, _data: Any, _flags: Any, reason: Any, _properties: Any) -> None:
            if reason.is_failure:
                self._lost.set()
                return
            self._connection += 1
            c.subscribe(UP_FILTER, qos=1)
            self.connected = True
            welcome.set()

        def on_disconnect(*_: Any) -> None:
            self.connected = False
            self._lost.set()

        client.on_socket_open = _send_at_once
        client.on_connect = on_connect
        client.on_disconnect = on_disconnect
        client.on_message = self._receive
        properties = None
        if version == mqtt.MQTTv5:
            properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]  # the library's own gap
            properties.SessionExpiryInterval = _SESSION_SECONDS if self._address.persistent else 0
            properties.ReceiveMaximum = _WINDOW
        self._client = client
        try:
            if version == mqtt.MQTTv5:
                client.connect(
                    self._address.host,
                    self._address.port,
                    _KEEPALIVE,
                    clean_start=not self._address.persistent,
                    properties=properties,
                )
            else:
                client.connect(self._address.host, self._address.port, _KEEPALIVE)
        except (OSError, ValueError):
            self._client = None
            return "does not answer"
        client.loop_start()
        self._lost.wait()
        if self._stop.is_set():
            client.disconnect()
        client.loop_stop()
        self.connected = False
        self._client = None
        return "served" if welcome.is_set() else "refused"

    def _make(self, version: int) -> mqtt.Client:
        address = self._address
        kind = MQTTProtocolVersion(version)
        clean = None if version == mqtt.MQTTv5 else not address.persistent
        client = mqtt.Client(
            CallbackAPIVersion.VERSION2,
            client_id=address.client_id,
            clean_session=clean,
            protocol=kind,
            manual_ack=True,
            reconnect_on_failure=False,
        )
        if address.username is not None:
            client.username_pw_set(address.username, address.password)
        if address.ca_file is not None:
            client.tls_set(str(address.ca_file))
        return client

    def _receive(self, _client: mqtt.Client, _data: Any, message: mqtt.MQTTMessage) -> None:
        try:
            topic = message.topic
        except UnicodeDecodeError:
            topic = "(not UTF-8)"
        ticket = Ticket(self._connection, message.mid, message.qos)
        incoming = Incoming(topic, bytes(message.payload), bool(message.retain), ticket)
        try:
            self._loop.call_soon_threadsafe(self._offer, incoming)
        except RuntimeError:  # the event loop has ended: nothing was acknowledged, so nothing is lost
            return

    def _offer(self, incoming: Incoming) -> None:
        """Into the inbox; what was sent without any wish for delivery (QoS 0) is dropped when the inbox is full."""
        if incoming.ticket.qos == 0 and self.inbox.qsize() > 2 * _WINDOW:
            return
        self.inbox.put_nowait(incoming)


def _send_at_once(_client: mqtt.Client, _data: Any, sock: Any) -> None:
    """Without this an acknowledgement waits up to 40 ms for the one before it (Nagle's algorithm)."""
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
