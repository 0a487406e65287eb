"""A broker and its lines, as ingest and gateways meet them: late, cut, doubled, torn, out of order, full and restarted."""

from __future__ import annotations

import asyncio
import itertools
from collections import deque
from collections.abc import AsyncIterator, Callable, Hashable, Sequence
from dataclasses import dataclass
from types import TracebackType

import aiomqtt

from domain.clock import MILLISECOND, SECOND, Instant, Span
from domain.ids import GatewayId
from domain.wire import Down, Up, down_topic, up_topic
from gateway.link import NotDeliveredError, UplinkAddress
from ingest.subscriber import WINDOW, Incoming, Ticket
from simulators.installation.loop import GoneError
from simulators.installation.world import Life, World

_TIMEOUT: Span = 10 * SECOND
_NO_SUBSCRIBER = 0x10
_ROOM = 5_000
"""Messages that the broker keeps for ingest; what comes when it is full is dropped, and nobody is told."""


@dataclass(slots=True)
class Manners:
    """How often a message meets what."""

    lost: float = 0.0
    """Neither it nor the connection survives."""
    unsaid: float = 0.0
    """It arrives, and the connection breaks before anybody is told so."""
    doubled: float = 0.0
    torn: float = 0.0
    """A part of it arrives first, from whatever sends like that; then all of it."""
    held_up: float = 0.0
    """It is overtaken by others, by up to a minute."""
    dropped: float = 0.0
    """The broker takes it and forgets it."""


@dataclass(frozen=True, slots=True)
class Heard:
    """See gateway.link.Heard."""

    payload: object
    retain: bool = False


class Broker:
    """One broker with a persistent session for ingest."""

    def __init__(self, world: World, manners: Manners) -> None:
        self.world, self.manners = world, manners
        self._chance = world.generator("broker")
        self.up = True
        self.refuses: set[str] = set()
        """Gateways whose line is cut."""
        self._links: dict[str, GatewayLink] = {}
        self._line: IngestLine | None = None
        self._subscribed = False
        """Ingest has a session here."""
        self._waiting: deque[tuple[int, str, bytes]] = deque()
        self._sent: dict[int, tuple[str, bytes]] = {}
        self._numbers = itertools.count(1)

    # ---- what befalls it ---------------------------------------------------------------------------------------------

    def stop(self, *, forgets: bool) -> None:
        """It is gone, and every connection with it; it may forget what it kept."""
        self.up = False
        for link in list(self._links.values()):
            link.cut()
        if self._line is not None:
            self._line.cut()
        if forgets:
            self._subscribed = False
            self._waiting.clear()
            self._sent.clear()

    def start(self) -> None:
        """It is there again."""
        self.up = True

    def cut_off(self, gateway: str) -> None:
        """A home's line is dead."""
        self.refuses.add(gateway)
        self.drop(gateway)

    def drop(self, gateway: str) -> None:
        """A gateway's connection breaks."""
        link = self._links.get(gateway)
        if link is not None:
            link.cut()

    def reconnect(self, gateway: str) -> None:
        """It works again."""
        self.refuses.discard(gateway)

    def cut_ingest(self) -> None:
        """Ingest's own connection breaks."""
        if self._line is not None:
            self._line.cut()

    def happens(self, share: float) -> bool:
        """True now and then; never in calm times."""
        return not self.world.calm and self._chance.random() < share

    def delay(self) -> Span:
        """How long a message is on its way."""
        usual = int(self._chance.expovariate(1 / 40) + 5) * MILLISECOND
        return usual + (self._chance.randint(0, 60) * SECOND if self.happens(self.manners.held_up) else 0)

    # ---- gateways ----------------------------------------------------------------------------------------------------

    def takes(self, gateway: str) -> bool:
        """True when a gateway gets through to it."""
        return self.up and gateway not in self.refuses

    def joined(self, link: GatewayLink) -> None:
        """A gateway has connected; an earlier connection under its name is over."""
        before = self._links.get(link.gateway)
        if before is not None:
            before.taken_over = True
            before.cut()
        self._links[link.gateway] = link

    def left(self, link: GatewayLink) -> None:
        """A connection is over."""
        if self._links.get(link.gateway) is link:
            del self._links[link.gateway]

    def publish(self, topic: str, payload: bytes) -> bool:
        """Take a message of a gateway; False when nobody is subscribed."""
        if not self._subscribed:
            return False
        manners = self.manners
        if len(self._waiting) + len(self._sent) >= _ROOM or self.happens(manners.dropped):
            return True
        if self.happens(manners.torn):
            self._arrive(topic, payload[: self._chance.randrange(len(payload))])
        for _ in range(2 if self.happens(manners.doubled) else 1):
            late = self._chance.randint(1, 60) * SECOND if self.happens(manners.held_up) else 0
            if late:
                self.world.later(late, self._arrive, topic, payload)
            else:
                self._arrive(topic, payload)
        return True

    def _arrive(self, topic: str, payload: bytes) -> None:
        if self._subscribed:
            self._waiting.append((next(self._numbers), topic, payload))
            self.push()

    # ---- ingest ------------------------------------------------------------------------------------------------------

    def subscribed(self, line: IngestLine) -> None:
        """Ingest has connected: what it never acknowledged comes again, before all else."""
        if self._line is not None and self._line is not line:
            self._line.cut()
        self._line, self._subscribed = line, True
        self._waiting.extendleft(reversed([(mid, *message) for mid, message in sorted(self._sent.items())]))
        self._sent.clear()
        self.push()

    def gone(self, line: IngestLine) -> None:
        """Ingest's connection is over."""
        if self._line is line:
            self._line = None

    def push(self) -> None:
        """Send ingest what waits, as far as it has room."""
        line = self._line
        while line is not None and line.connected and self._waiting and len(line.inbox) < WINDOW:
            mid, topic, payload = self._waiting.popleft()
            self._sent[mid] = (topic, payload)
            line.came(mid, topic, payload)

    def forget(self, mids: Sequence[int]) -> None:
        """Ingest has stored these."""
        for mid in mids:
            self._sent.pop(mid, None)

    def answer(self, topic: str, payload: bytes) -> None:
        """Pass a word of ingest's on to a gateway."""
        for link in list(self._links.values()):
            if topic == down_topic(link.gateway, Down.ACK) and link.listens:
                for _ in range(2 if self.happens(self.manners.doubled) else 1):
                    self.world.later(self.delay(), link.hear, payload)


class GatewayLink:
    """See gateway.link.Link."""

    def __init__(self, broker: Broker, life: Life, gateway: str) -> None:
        self._broker, self._life, self.gateway = broker, life, GatewayId(gateway)
        self.reached = self.taken_over = self.listens = False
        self._open = False
        self._heard: asyncio.Queue[Heard | None] = asyncio.Queue()

    async def __aenter__(self) -> object:
        """See Link."""
        broker, world = self._broker, self._broker.world
        await world.sleep(broker.delay())
        if self._life.dead:
            raise GoneError
        if not broker.takes(self.gateway):
            if self.gateway in broker.refuses:
                await world.sleep(_TIMEOUT)
            raise aiomqtt.MqttError("nobody answers")
        self.reached = self._open = True
        broker.joined(self)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """See Link."""
        self.cut()

    def cut(self) -> None:
        """The connection is over."""
        if self._open:
            self._open = False
            self._broker.left(self)
            self._heard.put_nowait(None)

    def hear(self, payload: bytes) -> None:
        """Something comes for the gateway."""
        if self._open:
            self._heard.put_nowait(Heard(payload))

    @property
    def messages(self) -> AsyncIterator[Heard]:
        """See Link."""
        return self._messages()

    async def _messages(self) -> AsyncIterator[Heard]:
        while (heard := await self._heard.get()) is not None:
            yield heard
        raise aiomqtt.MqttError("the connection is lost")

    async def listen_to(self, topic: str) -> None:
        """See Link."""
        await self._on_its_way()
        self.listens = topic == down_topic(self.gateway, Down.ACK)

    async def deliver(self, topic: str, payload: bytes) -> None:
        """See Link."""
        broker = self._broker
        self._life.step("before a publication")
        if topic not in {up_topic(self.gateway, word) for word in Up}:
            broker.world.broken(f"{self.gateway} publishes on {topic}, which is not its own")
        await self._on_its_way()
        if broker.happens(broker.manners.lost):
            await self._breaks(_TIMEOUT)
        taken = broker.publish(topic, payload)
        if broker.happens(broker.manners.unsaid):
            await self._breaks(SECOND)
        await self._on_its_way()
        self._life.step("after a publication")
        if not taken:
            raise NotDeliveredError(_NO_SUBSCRIBER)

    async def _on_its_way(self) -> None:
        await self._broker.world.sleep(self._broker.delay())
        if self._life.dead:
            raise GoneError
        if not self._open:
            raise aiomqtt.MqttError("the connection is lost")

    async def _breaks(self, after: Span) -> None:
        await self._broker.world.sleep(after)
        self.cut()
        raise aiomqtt.MqttError("the connection is lost")


class IngestLine:
    """See ingest.subscriber.Line."""

    def __init__(self, broker: Broker, life: Life, now: Callable[[], Instant], arrived: Callable[[int], None]) -> None:
        self._broker, self._life, self._now, self._arrived = broker, life, now, arrived
        self.inbox: deque[Incoming] = deque()
        self.connected = False
        self.dropped: int | None = None
        self._serial = 0
        self._waits: dict[Hashable, Callable[[], tuple[str, bytes]]] = {}
        self._task: asyncio.Task[None] | None = None
        self._lost = asyncio.Event()

    def start(self) -> None:
        """See Line.start."""
        self._task = asyncio.create_task(self._keep_connected())

    async def _keep_connected(self) -> None:
        broker = self._broker
        while not self._life.dead:
            await broker.world.sleep(broker.delay())
            if not broker.up:
                await broker.world.sleep(10 * SECOND)
                continue
            self._serial += 1
            self.connected = True
            self._lost.clear()
            broker.subscribed(self)
            await self._lost.wait()

    def cut(self) -> None:
        """The connection is over."""
        if self.connected:
            self.connected = False
            self._waits.clear()
            self._broker.gone(self)
            self._lost.set()

    async def stop(self) -> None:
        """See Line.stop."""
        self.cut()
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait({self._task})

    def came(self, mid: int, topic: str, payload: bytes) -> None:
        """A message of the broker's."""
        self.inbox.append(Incoming(topic, payload, False, self._now(), Ticket(self._serial, mid, 1)))
        self._arrived(len(self.inbox))

    def take(self, limit: int) -> list[Incoming]:
        """See Line.take."""
        taken = [self.inbox.popleft() for _ in range(min(limit, len(self.inbox)))]
        self._broker.push()
        return taken

    def acknowledge(self, tickets: Sequence[Ticket]) -> None:
        """See Line.acknowledge."""
        self._life.step("an acknowledgement to the broker")
        if self.connected:
            if self._broker.happens(self._broker.manners.unsaid):
                self.cut()
                return
            self._broker.forget([ticket.mid for ticket in tickets if ticket.connection == self._serial])

    def publish(self, key: Hashable, make: Callable[[], tuple[str, bytes]]) -> None:
        """See Line.publish."""
        self._life.step("an acknowledgement to a gateway")
        if not self.connected:
            return
        fresh = key not in self._waits
        self._waits[key] = make
        if fresh:
            self._broker.world.later(self._broker.delay(), self._send, key)

    def _send(self, key: Hashable) -> None:
        make = self._waits.pop(key, None)
        if make is None or self._life.dead or not self.connected:
            return
        if not self._broker.happens(self._broker.manners.lost):
            self._broker.answer(*make())


def connect_by(broker: Broker, life: Life) -> Callable[[str, UplinkAddress, aiomqtt.ProtocolVersion], GatewayLink]:
    """See gateway.link.Connect."""
    return lambda gateway, _address, _version: GatewayLink(broker, life, gateway)
