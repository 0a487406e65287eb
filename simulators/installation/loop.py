"""An event loop that waits for nothing: when nobody has anything to do, its clock goes on to the next deadline.

What a thread would do (``asyncio.to_thread``) is done at once and told a moment later, as a disk takes its time.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import Executor
from contextvars import ContextVar
from typing import Any, Protocol

from domain.clock import SECOND, Span


class Mortal(Protocol):
    """Whoever may die at any step."""

    def step(self, what: str) -> None:
        """One step is about to be done. Raises what ends its life."""
        ...


LIFE: ContextVar[Mortal | None] = ContextVar("life", default=None)
"""Whose steps these are."""


class GoneError(Exception):
    """What a dead process is told by everything around it: nothing that it still does reaches anybody."""


class KilledError(BaseException):
    """Death in the middle of a step: no handler of the product's takes it for a failure of its own."""


class VirtualLoop(asyncio.BaseEventLoop):
    """Runs one simulation; ``time`` begins at 0."""

    def __init__(self, disk: Callable[[], float]) -> None:
        """``disk`` tells how many seconds the work of a thread takes."""
        super().__init__()
        self._passed, self._disk = 0.0, disk
        self._selector = self  # what the base class waits with
        self._clock_resolution = 1e-6

    def time(self) -> float:
        """Virtual seconds since the beginning."""
        return self._passed

    def ticks(self) -> Span:
        """The same in microseconds: see ``domain.clock.measured_by``."""
        return round(self._passed * SECOND)

    def select(self, timeout: float | None) -> list[Any]:
        """Let the time pass in which nobody has anything to do."""
        if timeout is None:
            raise RuntimeError("Nobody in this installation waits for anything: it would stand still for ever.")
        self._passed += timeout
        return []

    def run_in_executor(  # type: ignore[override]  # the base class's is an async-looking overload
        self, executor: Executor | None, func: Callable[..., Any], *args: Any
    ) -> asyncio.Future[Any]:
        """Do the work now, and tell of it when a disk would have."""
        del executor
        life, future = LIFE.get(), self.create_future()
        result: Any = None
        error: Exception | None = None
        try:
            if life is not None:
                life.step("before the work of a thread")
            result = func(*args)
            if life is not None:
                life.step("after the work of a thread")
        except KilledError:
            error = GoneError()
        except Exception as failure:  # noqa: BLE001 (whoever asked for the work is told)
            error = failure
        self.call_later(self._disk(), self._tell, future, result, error)
        return future

    @staticmethod
    def _tell(future: asyncio.Future[Any], result: Any, error: Exception | None) -> None:
        if future.done():
            return
        if error is None:
            future.set_result(result)
        else:
            future.set_exception(error)

    def _process_events(self, event_list: list[Any]) -> None:
        pass

    def _write_to_self(self) -> None:
        pass
