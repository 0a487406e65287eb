"""The uplink over a link that a test holds in its hands, on a clock that waits for nothing."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from pathlib import Path

import aiomqtt

from domain.clock import SECOND, Instant, measured_by
from domain.ids import DeviceId
from domain.readings import Quantity
from domain.wire import AckPayload, ClockState, Up, encode_ack, encode_hello, up_topic
from gateway.dating import Dating
from gateway.link import UplinkAddress
from gateway.spool import Observation, Spool
from gateway.uplink import Uplink
from simulators.installation.broker import Heard
from simulators.installation.loop import VirtualLoop

T: Instant = 1_790_000_000 * SECOND
HELLO, READINGS = up_topic("gw-1", Up.HELLO), up_topic("gw-1", Up.READINGS)
CLOCK = ClockState("boot", True)
MANY = 900
"""More than go into one message."""


class HandHeldLink:
    """Takes everything, and says what the test says."""

    reached = taken_over = False

    def __init__(self) -> None:
        self.said: asyncio.Queue[bytes] = asyncio.Queue()
        self.published: list[str] = []
        self._news = asyncio.Event()
        self.answer: bytes | None = None
        """What each greeting is answered with; None: as the test says."""

    async def __aenter__(self) -> object:
        return self

    async def __aexit__(self, *_: object) -> None:
        pass

    @property
    def messages(self) -> AsyncIterator[Heard]:
        return self._messages()

    async def _messages(self) -> AsyncIterator[Heard]:
        while True:
            yield Heard(await self.said.get())

    async def listen_to(self, topic: str) -> None:
        pass

    async def deliver(self, topic: str, payload: bytes) -> None:
        del payload
        self.published.append(topic)
        self._news.set()
        if topic == HELLO and self.answer is not None:
            self.said.put_nowait(self.answer)
        await asyncio.sleep(0.01)

    async def until_published(self, topic: str, times: int) -> None:
        async with asyncio.timeout(120):
            while self.published.count(topic) < times:
                self._news.clear()
                await self._news.wait()


class Speaker:
    """What the uplink asks of its agent."""

    def __init__(self, spool: Spool) -> None:
        self._spool = spool

    def now(self) -> Instant:
        return T

    def hello(self) -> bytes:
        return encode_hello("gw-1", self._spool.epoch, T, CLOCK, "test", [])

    def clock_state(self, dated: Dating) -> ClockState:
        del dated
        return CLOCK

    def want_beat(self) -> None:
        pass

    async def set_by(self, ack: AckPayload) -> None:
        pass

    async def note(self, code: str) -> None:
        pass


def readings(count: int) -> list[Observation]:
    return [Observation(DeviceId("m"), Quantity.MOTION, 1.0, T) for _ in range(count)]


def run(spool: Spool, story: Callable[[HandHeldLink, Uplink], Coroutine[None, None, None]]) -> None:
    """Let the uplink live through a story, at once."""
    link, loop = HandHeldLink(), VirtualLoop(lambda: 0.001)

    def connect(_gateway: str, _address: UplinkAddress, _version: aiomqtt.ProtocolVersion) -> HandHeldLink:
        return link

    async def both() -> None:
        uplink = Uplink("gw-1", spool, UplinkAddress("nowhere", 1), Speaker(spool), connect)
        running = asyncio.create_task(uplink.run())
        await story(link, uplink)
        running.cancel()
        await asyncio.wait({running})

    with measured_by(loop.ticks):
        loop.run_until_complete(both())
    loop.close()


def test_readings_that_a_greeting_has_overtaken_were_sent_by_nobody_else(tmp_path: Path) -> None:
    """A broker keeps the order within a topic and not between two. What arrives after all is ours, and no copy's."""
    spool = Spool(tmp_path / "spool.db")
    spool.add(readings(MANY))
    epoch = spool.epoch

    async def story(link: HandHeldLink, _uplink: Uplink) -> None:
        await link.until_published(HELLO, 1)
        link.said.put_nowait(encode_ack(epoch, 0, T))
        await link.until_published(READINGS, 3)
        await link.until_published(HELLO, 2)  # nothing was acknowledged: it asks what the server has
        link.said.put_nowait(encode_ack(epoch, 0, T))
        link.said.put_nowait(encode_ack(epoch, MANY, T))  # the readings of before have arrived meanwhile
        await asyncio.sleep(1)
        link.said.put_nowait(encode_ack(epoch, MANY, T))
        await asyncio.sleep(60)

    run(spool, story)
    assert (spool.epoch, spool.acked, spool.depth) == (epoch, MANY, 0)
    assert [code for code, _ in spool.events()] == []
    spool.close()


def test_a_live_reading_that_went_ahead_of_the_backlog_was_sent_by_nobody_else(tmp_path: Path) -> None:
    """What an earlier process had under way arrives after all, before this one has come to the end of its backlog."""
    earlier = Spool(tmp_path / "spool.db")
    earlier.add(readings(MANY))
    earlier.close()
    spool = Spool(tmp_path / "spool.db")
    epoch = spool.epoch

    async def story(link: HandHeldLink, uplink: Uplink) -> None:
        await link.until_published(HELLO, 1)
        link.said.put_nowait(encode_ack(epoch, 0, T))
        await link.until_published(READINGS, 1)  # backlog
        spool.add(readings(1))
        uplink.new_readings()
        await link.until_published(READINGS, 2)  # live
        link.answer = encode_ack(epoch, MANY + 1, T)
        link.said.put_nowait(link.answer)
        await asyncio.sleep(60)
        link.said.put_nowait(link.answer)
        await asyncio.sleep(60)

    run(spool, story)
    assert (spool.epoch, spool.acked, spool.depth) == (epoch, MANY + 1, 0)
    assert [code for code, _ in spool.events()] == []
    spool.close()
