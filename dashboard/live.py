"""Live pages: one look at the book for all listeners, told on as server-sent events.

An event says only that something changed; the page then asks for itself again. So a missed event costs nothing, and no event
carries anything personal.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable

from domain.clock import SECOND, monotonic

_LOOK_SECONDS = 0.4
_BEAT_SECONDS = 3.0
_LONGEST = 600 * SECOND
"""After this the browser must connect, and so prove its session, again."""


class Bell:
    """Looks at the change count while anybody listens, and rings when it has grown."""

    def __init__(self, count: Callable[[], int]) -> None:
        self._count = count
        self._seen = -1
        self._listeners = 0
        self._rung = asyncio.Condition()
        self._looking: asyncio.Task[None] | None = None
        self.closing = asyncio.Event()

    async def _look(self) -> None:
        while self._listeners:
            with contextlib.suppress(Exception):  # a database that is away for a moment: the next look will tell
                count = await asyncio.to_thread(self._count)
                if count != self._seen:
                    async with self._rung:
                        self._seen = count
                        self._rung.notify_all()
            await asyncio.sleep(_LOOK_SECONDS)

    async def listen(self, known: int) -> AsyncIterator[tuple[str, int]]:
        """Yield ("change", count) whenever the count is another than the listener's, ("beat", count) in quiet times."""
        self._listeners += 1
        if self._looking is None or self._looking.done():
            self._looking = asyncio.create_task(self._look())
        until = monotonic() + _LONGEST
        try:
            while monotonic() < until and not self.closing.is_set():
                await self._wait_for_news(known)
                if self._seen not in (-1, known):
                    known = self._seen
                    yield "change", known
                else:
                    yield "beat", max(known, 0)
        finally:
            self._listeners -= 1

    async def _wait_for_news(self, known: int) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_BEAT_SECONDS), self._rung:
                await self._rung.wait_for(lambda: self._seen not in (-1, known) or self.closing.is_set())

    async def close(self) -> None:
        """Let every listener go."""
        self.closing.set()
        async with self._rung:
            self._rung.notify_all()


async def events(bell: Bell, known: int) -> AsyncIterator[bytes]:
    """The body of an event stream for a page that shows the state at change ``known``."""
    yield b"retry: 1000\n\n"
    async for name, count in bell.listen(known):
        yield f"id: {count}\nevent: {name}\ndata: {count}\n\n".encode()
