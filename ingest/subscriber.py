"""The MQTT side of ingest: messages in, and acknowledgement only when somebody says that they are stored.

A message is named by the connection that brought it, because packet identifiers mean nothing in the next one.
"""

from __future__ import annotations

import asyncio
import ssl
from collections import deque
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import msgspec
import structlog

from domain.chance import between
from domain.clock import Instant, Span, monotonic
from domain.errors import ConfigurationError
from domain.wire import UP_FILTER
from ingest.mqtt.connection import Connection, ConnectionEndedError, Greeting, Patience
from ingest.mqtt.packets import Connack, Publish, Reason, Version

DROPPED = "$SYS/broker/publish/messages/dropped"
"""Where mosquitto tells how many messages it has thrown away since it was started."""
WINDOW = 2_000
"""Messages that the broker may send ahead of our acknowledgements: one group on its way to the disk, and the next."""
ROOM = 32 * 1024 * 1024
"""Bytes of payload in the inbox beyond which no more is read, however few messages they are."""
_SESSION_SECONDS = 7 * 86_400
_STEADY = 30.0
"""Seconds after which a connection counts as good, and the next one need not wait."""

log = structlog.get_logger("ingest")


@dataclass(frozen=True, slots=True)
class BrokerAddress:
    """Where and how to reach the broker."""

    host: str
    port: int
    username: str | None = None
    password: str | None = None
    ca_file: Path | None = None
    """Given: TLS, and the broker's certificate must be signed by one in this file, for ``host``."""
    protocol: str = "auto"
    """``auto``, ``5`` or ``3.1.1``."""
    client_id: str = "ingest"
    persistent: bool = True
    """True: the broker keeps what comes while we are away. False, for a replay: it forgets us when we go."""
    cert_file: Path | None = None
    """Our own certificate, where the broker asks for one; only with ``ca_file``."""
    key_file: Path | None = None


class Ticket(msgspec.Struct, frozen=True, gc=False):
    """Names one received message for its acknowledgement."""

    connection: int
    mid: int
    qos: int
    received: Span = 0
    """When it came, on the monotonic clock."""


class Incoming(msgspec.Struct, frozen=True, gc=False):
    """One message from the broker."""

    topic: str
    payload: bytes
    retained: bool
    received_at: Instant
    ticket: Ticket


class Line(Protocol):
    """What ingest asks of its side of the broker; see Subscriber, which is the only one that meets a network."""

    inbox: deque[Incoming]
    connected: bool
    dropped: int | None

    def start(self) -> None:
        """See Subscriber.start."""
        ...

    async def stop(self) -> None:
        """See Subscriber.stop."""
        ...

    def take(self, limit: int) -> list[Incoming]:
        """See Subscriber.take."""
        ...

    def acknowledge(self, tickets: Sequence[Ticket]) -> None:
        """See Subscriber.acknowledge."""
        ...

    def publish(self, key: Hashable, make: Callable[[], tuple[str, bytes]]) -> None:
        """See Subscriber.publish."""
        ...


class _RefusedError(Exception):
    """The broker answers and does not want us, or not in this version of the protocol."""

    def __init__(self, why: str, *, protocol: bool = False) -> None:
        super().__init__(why)
        self.protocol = protocol


class Subscriber:
    """Keeps one persistent session with the broker; reconnects for ever, with a growing, jittered pause.

    Raises ConfigurationError when a certificate cannot be read. Everything runs in one event loop.
    """

    def __init__(
        self,
        address: BrokerAddress,
        now: Callable[[], Instant],
        on_arrival: Callable[[int], None] = lambda _waiting: None,
        patience: Patience | None = None,
    ) -> None:
        """``now`` stamps what comes; ``on_arrival`` is told how many messages wait in the inbox, each time some came."""
        self._address, self._now, self._on_arrival = address, now, on_arrival
        self._patience = patience or Patience()
        self._tls = _tls(address)
        self._task: asyncio.Task[None] | None = None
        self._connection: Connection | None = None
        self._serial = 0
        self._turn = 0
        self._served: Version | None = None
        self._ask_dropped = True
        self._told = self._declined = self._stopping = False
        self.inbox: deque[Incoming] = deque()
        """In the order of receipt. Bounded: with a window or ``ROOM`` in it, no more is read from the broker."""
        self._held_bytes = 0
        self.connected = False
        """True while what gateways send comes in."""
        self.session_present: bool | None = None
        """Whether the broker still knew our session at the last connect; None before the first."""
        self.dropped: int | None = None
        """Messages that the broker says it has thrown away since it was started; None where it does not say."""

    def start(self) -> None:
        """Begin to connect; returns at once."""
        self._task = asyncio.create_task(self._keep_connected(), name="mqtt")

    async def stop(self) -> None:
        """Disconnect; what was acknowledged before is still sent."""
        if self._task is None:
            return
        self._stopping = True
        connection = self._connection
        if connection is not None and self.connected:
            connection.part("stopped")
            await asyncio.wait({connection.ended}, timeout=1)
        self._task.cancel()
        await asyncio.wait({self._task})

    def take(self, limit: int) -> list[Incoming]:
        """Up to ``limit`` messages out of the inbox."""
        inbox = self.inbox
        taken = [inbox.popleft() for _ in range(min(limit, len(inbox)))]
        self._held_bytes -= sum([len(message.payload) for message in taken])
        if len(inbox) < WINDOW // 2 and self._held_bytes < ROOM // 2 and self._connection is not None:
            self._connection.resume()
        return taken

    def acknowledge(self, tickets: Sequence[Ticket]) -> None:
        """Tell the broker that these messages are stored, in the order of receipt; those of an earlier connection are passed
        over: their numbers may name other messages by now, and the broker sends them again."""
        connection, serial = self._connection, self._serial
        if connection is not None:
            mids = [ticket.mid for ticket in tickets if ticket.connection == serial and ticket.qos > 0]
            if mids:
                connection.acknowledge(mids)

    def publish(self, key: Hashable, make: Callable[[], tuple[str, bytes]]) -> None:
        """Send with QoS 1 the (topic, payload) that ``make`` gives when its turn comes, if there is a connection; a gateway
        that misses an answer asks again. Of what waits under one ``key`` only the newest is sent.
        """
        if self._connection is not None:
            self._connection.publish(key, make)

    # ---- one connection after the other ----------------------------------------------------------------------------------

    async def _keep_connected(self) -> None:
        choice = {"auto": (Version.V5, Version.V311), "5": (Version.V5,), "3.1.1": (Version.V311,)}[
            self._address.protocol
        ]
        pause, loop = self._patience.first_pause, asyncio.get_running_loop()
        while True:
            began, version = loop.time(), choice[self._turn % len(choice)]
            outcome = ""
            try:
                outcome = await self._one_connection(version)
            except _RefusedError as refused:
                # A version that has served is given up only when the broker says that it knows it no more.
                if refused.protocol or self._served is not version:
                    self._turn += 1
                if self._turn >= len(choice) or self._served is version:
                    self._complain(str(refused))
            except (OSError, TimeoutError, ConnectionEndedError) as error:
                self._complain(_network(error))
            finally:
                self.connected = False
                self._connection = None
            if outcome and not self._stopping:
                log.warning("the connection to the broker is lost; connecting again", why=outcome)
                if loop.time() - began > _STEADY:
                    pause = self._patience.first_pause
            await asyncio.sleep(pause * between(0.5, 1.0))
            pause = min(pause * 2, self._patience.longest_pause)

    def _complain(self, why: str) -> None:
        """Say once that there is no connection, until there was one."""
        if not self._told:
            self._told = True
            log.warning(
                "cannot reach the broker, trying on: see that it runs and that broker.* is right",
                at=f"{self._address.host}:{self._address.port}",
                it=why,
            )

    async def _one_connection(self, version: Version) -> str:
        """Serve one connection to its end, and say why it ended. Raises what kept it from being served."""
        address, loop = self._address, asyncio.get_running_loop()
        self._serial += 1
        greeting = Greeting(
            version, address.client_id, not address.persistent, _SESSION_SECONDS if address.persistent else 0, WINDOW,
            address.username, address.password,
        )  # fmt: skip
        connection = Connection(greeting, self._patience, self._receive)
        self._connection = connection
        reached = False
        try:
            async with asyncio.timeout(self._patience.connect):
                await loop.create_connection(lambda: connection, address.host, address.port, ssl=self._tls)
                reached = True
                welcome = await self._welcome(connection)
                granted = await connection.subscribe(UP_FILTER, 1)
            if granted >= 0x80:
                raise _RefusedError(
                    f"does not let us subscribe to {UP_FILTER} (code {granted:#04x}): grant it in its ACL"
                )
            self._greeted(version, welcome)
            await self._watch_drops(connection)
            return await asyncio.shield(connection.ended)
        except TimeoutError as error:
            connection.abort("given up")
            if reached:  # amqtt holds its tongue when it is greeted in MQTT 5
                raise _RefusedError("does not answer our greeting in time") from error
            raise
        except BaseException:
            connection.abort("given up")
            raise

    async def _welcome(self, connection: Connection) -> Connack:
        try:
            welcome = await asyncio.shield(connection.welcomed)
        except ConnectionEndedError as error:
            raise _RefusedError(f"does not answer our greeting: {error}") from error
        if welcome.code:
            wrong_version = welcome.code in (1, Reason.UNSUPPORTED_VERSION)
            raise _RefusedError(_refusal(welcome), protocol=wrong_version)
        return welcome

    def _greeted(self, version: Version, welcome: Connack) -> None:
        if self._told:
            log.info("the broker answers again")
        self._served, self._told, self.connected, self._declined = version, False, True, False
        if self.session_present is not None and self._address.persistent and not welcome.session_present:
            log.warning("the broker has lost our session; gateways send again what was not acknowledged")
        self.session_present = welcome.session_present

    async def _watch_drops(self, connection: Connection) -> None:
        """Ask for the count of dropped messages; a broker that denies it, even by hanging up, is not asked again."""
        if not self._ask_dropped:
            return
        try:
            granted = await connection.subscribe(DROPPED, 0)
        except ConnectionEndedError:
            self._ask_dropped = False
        else:
            self._ask_dropped = granted < 0x80

    # ---- what comes ------------------------------------------------------------------------------------------------------

    def _receive(self, connection: Connection, messages: list[Publish]) -> None:
        if connection is not self._connection:
            return
        serial, at, received, inbox = self._serial, self._now(), monotonic(), self.inbox
        for message in messages:
            if message.topic == DROPPED:
                self._count_drops(message)
                continue
            ticket = Ticket(serial, message.mid, message.qos, received)
            inbox.append(Incoming(message.topic, message.payload, message.retain, at, ticket))
            self._held_bytes += len(message.payload)
        if len(inbox) >= WINDOW or self._held_bytes >= ROOM:
            connection.pause()
        self._on_arrival(len(inbox))
        if connection.refused_code and not self._declined:
            self._declined = True
            log.warning(
                "the broker does not take our answers to gateways: let ingest write kehai/1/gw/+/down/#",
                code=f"{connection.refused_code:#04x}",
            )

    def _count_drops(self, message: Publish) -> None:
        try:
            count = int(message.payload)
        except ValueError:
            return
        before, self.dropped = self.dropped, count
        if before is not None and count not in (0, before):
            log.warning(
                "the broker dropped messages; gateways send them again: give it room (max_queued_bytes)", in_all=count
            )


def _tls(address: BrokerAddress) -> ssl.SSLContext | None:
    if address.ca_file is None:
        return None
    try:
        context = ssl.create_default_context(cafile=str(address.ca_file))
        if address.cert_file is not None:
            context.load_cert_chain(address.cert_file, address.key_file)
    except (OSError, ssl.SSLError) as error:
        raise ConfigurationError(
            f"The certificates of [broker] cannot be used ({error}): see that ca_file, cert_file and key_file are PEM files"
            " that this user may read."
        ) from error
    return context


def _refusal(welcome: Connack) -> str:
    known = {
        1: "does not know this version of MQTT",
        Reason.UNSUPPORTED_VERSION: "does not know this version of MQTT",
        2: "does not take our client id",
        0x85: "does not take our client id",
        3: "is not ready",
        0x88: "is not ready",
        4: "does not know this user name and password",
        0x86: "does not know this user name and password",
        5: "does not let us in",
        0x87: "does not let us in",
    }
    said = known.get(welcome.code, f"refuses us with code {welcome.code:#04x}")
    return f"{said} ({welcome.why})" if welcome.why else said


def _network(error: Exception) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"has a certificate that is not to be trusted: {error.verify_message}"
    if isinstance(error, ssl.SSLError):
        return f"does not speak TLS with us: {error.reason}"
    if isinstance(error, TimeoutError):
        return "does not answer in time"
    return f"does not answer: {error}"
