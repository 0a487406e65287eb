"""Load: many gateways in one process, each with an MQTT connection of its own and the payloads of a real one.

A gateway here has neither spool nor driver: it makes readings at an even rate, numbers them, greets the server before the
first, and vouches for them every so often. What is lost with a connection is not sent again, so a server that is
restarted under load misses some for good; the agent of ``gateway`` is the one that loses nothing.
"""

from __future__ import annotations

import asyncio
import random
import resource
import secrets
from collections import deque
from dataclasses import dataclass, field
from itertools import cycle
from typing import Self

from domain.clock import MINUTE, SECOND, Clock, Instant, Span, monotonic
from domain.errors import ConfigurationError, KehaiError
from domain.ids import DeviceId, GatewayId, HomeId
from domain.readings import Device, DoorState, Quantity
from domain.wire import (
    ClockState,
    Down,
    Up,
    decode_ack,
    down_topic,
    encode_heartbeat,
    encode_hello,
    encode_readings,
    up_topic,
)
from ingest.mqtt.packets import (
    Connack,
    Packet,
    Parser,
    ProtocolError,
    Publish,
    Version,
    connect,
    pubacks,
    publish,
    subscribe,
)
from simulators.broker import BrokerUrl

DEVICES = (
    Device(DeviceId("hall-motion"), Quantity.MOTION, "hall", check_in=60 * MINUTE),
    Device(DeviceId("kitchen-motion"), Quantity.MOTION, "kitchen", check_in=60 * MINUTE),
    Device(DeviceId("bedroom-motion"), Quantity.MOTION, "bedroom", check_in=60 * MINUTE),
    Device(DeviceId("front-door"), Quantity.DOOR, "front door", exit=True, check_in=60 * MINUTE),
    Device(DeviceId("living-air"), Quantity.TEMPERATURE, "living room", check_in=60 * MINUTE),
)
"""What stands in each home."""

_TICK_SECONDS = 0.01
_GREET_AGAIN: Span = 5 * SECOND
_KEEP_ALIVE = 120
_ANSWER_SECONDS = 10.0
_SPARE_FILES = 200
_PAUSE_SECONDS = 1.0
_UNDER_WAY = 200
"""Connections that are being made at the same time."""


def gateway_id(number: int) -> GatewayId:
    """The id of the gateway with this number, from 0 on."""
    return GatewayId(f"load-{number:06}")


def home_id(number: int) -> HomeId:
    """The id of its home."""
    return HomeId(f"load-home-{number:06}")


def value_of(device: Device, chance: random.Random) -> float:
    """Something that this device might say."""
    if device.kind is Quantity.DOOR:
        return float(chance.choice((DoorState.OPEN, DoorState.CLOSED)))
    if device.kind is Quantity.TEMPERATURE:
        return round(chance.gauss(21.0, 2.0), 2)
    return 1.0


@dataclass(frozen=True, slots=True)
class Load:
    """How many gateways do how much."""

    gateways: int
    rate: float
    """Readings a second of all of them together, one reading a message."""
    heartbeat: Span = 30 * SECOND
    version: Version = Version.V5


@dataclass(slots=True)
class Tally:
    """What happened so far."""

    readings: int = 0
    heartbeats: int = 0
    stored: int = 0
    """Readings that the server has acknowledged."""
    lost: int = 0
    """Connections that ended by themselves."""
    behind: Span = 0
    """How late the latest reading was against the wanted rate: a generator that cannot keep up shows it here."""
    refused: str = ""
    """Why the broker did not let a gateway in, once it did not."""


@dataclass(slots=True)
class _Shared:
    """What all gateways of one fleet have in common."""

    url: BrokerUrl
    load: Load
    clock: Clock
    tally: Tally
    lost: deque[LoadGateway]
    boot: str = field(default_factory=lambda: secrets.token_hex(8))

    def state(self) -> ClockState:
        return ClockState(self.boot, True, round(monotonic() / SECOND, 3))


class LoadGateway(asyncio.Protocol):
    """One gateway: ``greeted`` once the server has answered its hello."""

    def __init__(self, shared: _Shared, number: int) -> None:
        self._shared = shared
        self.id = gateway_id(number)
        self._epoch = secrets.token_hex(8)
        self._topics = {word: up_topic(self.id, word) for word in Up}
        self._seq = self._mid = self._stored = 0
        self._parser = Parser(shared.load.version)
        self._packets: list[Packet] = []
        self._transport: asyncio.Transport | None = None
        self._greet_at: Span = 0
        self._started: Instant = 0
        self._heard: dict[str, Instant] = {}
        self.greeted = False

    # ---- the connection ----------------------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Say who we are."""
        assert isinstance(transport, asyncio.Transport)  # noqa: S101 (what create_connection makes)
        self._transport = transport
        url, version = self._shared.url, self._shared.load.version
        self._parser = Parser(version)
        transport.write(
            connect(version, self.id, _KEEP_ALIVE, clean=True, username=url.username, password=url.password)
        )

    def connection_lost(self, _error: Exception | None) -> None:
        """Ask to be connected again, unless we left ourselves."""
        if self._transport is not None:
            self._transport, self.greeted = None, False
            self._shared.tally.lost += 1
            self._shared.lost.append(self)

    def leave(self) -> None:
        """Close the connection for good."""
        transport, self._transport = self._transport, None
        if transport is not None:
            transport.abort()

    def data_received(self, data: bytes) -> None:
        """What the broker says."""
        try:
            self._parser.feed(data, self._packets)
        except ProtocolError as error:
            self._refuse(str(error))
        for packet in self._packets:
            if isinstance(packet, Publish):
                self._told(packet)
            elif isinstance(packet, Connack):
                self._welcomed(packet)
        self._packets.clear()

    def _refuse(self, why: str) -> None:
        self._shared.tally.refused = why
        if self._transport is not None:
            self._transport.abort()

    def _welcomed(self, answer: Connack) -> None:
        if answer.code:
            self._refuse(f"code {answer.code}{': ' + answer.why if answer.why else ''}")
            return
        if self._transport is not None:
            topic = down_topic(self.id, Down.ACK)
            self._transport.write(subscribe(self._shared.load.version, 1, [(topic, 1)]))
        self._started = self._started or self._shared.clock.now()
        self.greet()

    def _told(self, packet: Publish) -> None:
        if packet.qos and self._transport is not None:
            self._transport.write(pubacks([packet.mid]))
        ack = decode_ack(packet.payload)
        if ack is not None and ack.epoch == self._epoch:
            self._shared.tally.stored += max(0, ack.stored_through - self._stored)
            self._stored = max(self._stored, ack.stored_through)
            self.greeted = True

    # ---- what a gateway says -----------------------------------------------------------------------------------------

    def greet(self) -> None:
        """Send the hello, unless it was sent a moment ago."""
        if self._transport is None or self.greeted or monotonic() < self._greet_at:
            return
        self._greet_at = monotonic() + _GREET_AGAIN
        shared = self._shared
        self._send(
            Up.HELLO, encode_hello(self.id, self._epoch, shared.clock.now(), shared.state(), "kehai load", DEVICES)
        )

    def observe(self, device: Device, value: float) -> None:
        """One reading, now."""
        shared, now = self._shared, self._shared.clock.now()
        self._seq += 1
        self._heard[device.id] = now
        self._send(
            Up.READINGS,
            encode_readings(
                self.id, self._epoch, self._seq, now, shared.state(), [(device.id, device.kind, value, now)]
            ),
        )
        shared.tally.readings += 1

    def beat(self) -> None:
        """One heartbeat, vouching for all that was sent."""
        shared, now = self._shared, self._shared.clock.now()
        heard = {device: round((now - at) / SECOND, 3) for device, at in self._heard.items()}
        self._send(
            Up.HEARTBEAT,
            encode_heartbeat(
                self.id, self._epoch, self._seq, now, shared.state(), now, [(self._started, now)], heard,
                depth=self._seq - self._stored,
            ),
        )  # fmt: skip
        shared.tally.heartbeats += 1

    def _send(self, word: Up, payload: bytes) -> None:
        if self._transport is not None:
            self._mid = self._mid % 65_535 + 1
            self._transport.write(publish(self._shared.load.version, self._topics[word], payload, 1, self._mid))


class Fleet:
    """All gateways; ``async with Fleet(...) as fleet`` connects them, greets the server, and parts at the end."""

    def __init__(self, url: BrokerUrl, load: Load, clock: Clock, seed: int = 1) -> None:
        self.tally = Tally()
        self._shared = _Shared(url, load, clock, self.tally, deque())
        self._chance = random.Random(seed)  # noqa: S311 (a simulation)
        self._gateways = [LoadGateway(self._shared, number) for number in range(load.gateways)]
        self._beating = cycle(self._gateways)
        order = list(self._gateways)
        self._chance.shuffle(order)
        self._seeing = cycle(order)
        self._returning: asyncio.Task[None] | None = None

    @property
    def greeted(self) -> int:
        """Gateways that are connected and answered."""
        return sum(gateway.greeted for gateway in self._gateways)

    async def __aenter__(self) -> Self:
        """Connect all; they greet as soon as they are in."""
        allow_files(self._shared.load.gateways)
        gate = asyncio.Semaphore(_UNDER_WAY)
        try:
            await asyncio.gather(*(self._connect(gateway, gate) for gateway in self._gateways))
        except BaseException:
            self._part()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        """Close all connections."""
        self._part()

    def _part(self) -> None:
        if self._returning is not None:
            self._returning.cancel()
        for gateway in self._gateways:
            gateway.leave()

    async def _connect(self, gateway: LoadGateway, gate: asyncio.Semaphore) -> None:
        url = self._shared.url
        async with gate:
            try:
                async with asyncio.timeout(_ANSWER_SECONDS):
                    await asyncio.get_running_loop().create_connection(lambda: gateway, url.host, url.port)
            except (OSError, TimeoutError) as error:
                raise KehaiError(
                    f"The broker at {url.host}:{url.port} does not take {self._shared.load.gateways} connections "
                    f"({str(error) or 'no answer'}): see that it runs and may open so many files."
                ) from error

    async def settle(self, seconds: float) -> None:
        """Return once the server has answered every hello; raises KehaiError when it does not within ``seconds``."""
        deadline = monotonic() + int(seconds * SECOND)
        while self.greeted < len(self._gateways):
            if self.tally.refused:
                raise KehaiError(f"The broker refuses a gateway ({self.tally.refused}): let the load in.")
            if monotonic() > deadline:
                raise KehaiError(
                    f"Of {len(self._gateways)} gateways {self.greeted} were answered within {seconds:.0f} s: "
                    "see that ingest runs and that they are enrolled."
                )
            for gateway in self._gateways:
                gateway.greet()
            await asyncio.sleep(0.05)

    async def run(self, stop: asyncio.Event) -> None:
        """Readings at the wanted rate and heartbeats, spread evenly, until ``stop``; lost gateways come back."""
        load, began = self._shared.load, monotonic()
        wanted_readings = wanted_beats = 0.0
        readings = beats = 0
        while not stop.is_set():
            passed = (monotonic() - began) / SECOND
            wanted_readings, wanted_beats = passed * load.rate, passed * load.gateways * SECOND / load.heartbeat
            self.tally.behind = int(
                max(0.0, wanted_readings - readings - load.rate * _TICK_SECONDS) / load.rate * SECOND
            )
            while readings < wanted_readings:
                readings += 1
                gateway = next(self._seeing)
                if gateway.greeted:
                    device = self._chance.choice(DEVICES)
                    gateway.observe(device, value_of(device, self._chance))
            while beats < wanted_beats:
                beats += 1
                gateway = next(self._beating)
                if gateway.greeted:
                    gateway.beat()
                else:
                    gateway.greet()
            if self._shared.lost and (self._returning is None or self._returning.done()):
                self._returning = asyncio.create_task(self._bring_back())
            await asyncio.sleep(_TICK_SECONDS)

    async def _bring_back(self) -> None:
        """Connect again those that were lost; those that the broker does not take ask once more later."""
        gate = asyncio.Semaphore(_UNDER_WAY)
        back = [self._shared.lost.popleft() for _ in range(len(self._shared.lost))]
        outcomes = await asyncio.gather(*(self._connect(gateway, gate) for gateway in back), return_exceptions=True)
        self._shared.lost.extend(gateway for gateway, error in zip(back, outcomes, strict=True) if error is not None)
        await asyncio.sleep(_PAUSE_SECONDS)


def allow_files(count: int) -> None:
    """Let this process, and those that it starts, open ``count`` connections; ConfigurationError when it may not."""
    wanted = count + _SPARE_FILES
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY or soft >= wanted:
        return
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
    except (ValueError, OSError) as error:
        raise ConfigurationError(
            f"{count} connections need {wanted} open files and this user may have {hard}: raise the hard limit of open files."
        ) from error
