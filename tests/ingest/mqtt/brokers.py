"""Brokers that no test could buy: what they send is written by the test, byte for byte."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

CONNACK = b"\x20\x03\x00\x00\x00"
SUBACK = b"\x90\x04\x00\x01\x00\x01"


@dataclass
class Guest:
    """One client, as a broker of ours sees it."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    acknowledged: list[int] = field(default_factory=list)

    async def packet(self) -> tuple[int, bytes]:
        """The next packet: its first byte and its body."""
        first = (await self.reader.readexactly(1))[0]
        length, shift = 0, 0
        while True:
            byte = (await self.reader.readexactly(1))[0]
            length |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                return first, await self.reader.readexactly(length)

    async def until(self, kind: int) -> bytes:
        """The body of the next packet of this kind; acknowledgements before it are noted."""
        while True:
            first, body = await self.packet()
            if first & 0xF0 == 0x40:
                self.acknowledged.append(int.from_bytes(body[:2]))
            if first & 0xF0 == kind:
                return body

    async def send(self, data: bytes) -> None:
        """Write; raises ConnectionError when the client is gone, which ends the guest."""
        self.writer.write(data)
        await self.writer.drain()

    async def welcome(self) -> None:
        """Take a client's greeting and its first subscription as MQTT 5 has them."""
        await self.until(0x10)
        await self.send(CONNACK)
        body = await self.until(0x80)
        await self.send(b"\x90\x04" + body[:2] + b"\x00\x01")


Manner = Callable[[Guest], Awaitable[None]]


@asynccontextmanager
async def broker(manner: Manner) -> AsyncIterator[int]:
    """A broker with these manners towards each client; its port."""
    guests: set[asyncio.Task[None]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        guests.add(task)
        with suppress(ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            await manner(Guest(reader, writer))
        writer.close()
        guests.discard(task)

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        for task in list(guests):
            task.cancel()
        if guests:
            await asyncio.wait(set(guests))
        await server.wait_closed()
