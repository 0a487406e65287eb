"""Ending tasks for certain."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Iterable
from typing import Any, TypeVar

Result = TypeVar("Result")


async def end(tasks: Iterable[asyncio.Task[None]]) -> None:
    """Cancel tasks and return once none of them runs.

    ``asyncio.wait_for`` before Python 3.12, also inside libraries, can swallow a cancellation that comes at the very moment at
    which what it waits for is done: so ask again until it is heard.
    """
    left = [task for task in tasks if not task.done()]
    while left:
        for task in left:
            task.cancel()
        await asyncio.wait(left, timeout=0.5)
        left = [task for task in left if not task.done()]


async def through(work: Coroutine[Any, Any, Result]) -> Result:
    """Await work that must not be left half done: a cancellation is heard once it has ended."""
    task = asyncio.ensure_future(work)
    cancelled = False
    while not task.done():
        try:
            await asyncio.wait({task})
        except asyncio.CancelledError:
            cancelled = True
    result = task.result()
    if cancelled:
        raise asyncio.CancelledError
    return result
