"""Attempts that do not come back: each is given up, and what waited behind it goes on."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, select

from alerts.caller import LOST_FOR_EACH, Caller
from alerts.channels.catalogue import build
from alerts.channels.channel import Message
from alerts.duty_tables import attempts, notifications
from alerts.notices import Notice, Purpose
from alerts.outbox import How, Job, Stand, enqueue
from domain.clock import MILLISECOND, ScaledClock, SystemClock
from registry import addresses
from tests.alerts.duty import T, installation
from tests.programs import until
from tests.receivers import Dripper, Hook


def words(job: Job) -> Message:
    """What is sent here."""
    return Message(job.key, "en", "[test] Can you be reached?", "Again." if job.resent else "First.", "")


def tell(engine: Engine, login: str, address: str) -> None:
    with engine.begin() as connection:
        addresses.add(connection, login, "chat", address, T)
        enqueue(connection, [Notice(None, Purpose.TEST, login, ("chat",), T)], T)


@contextmanager
def calling(folder: Path, speed: float = 40.0) -> Iterator[tuple[Engine, Caller]]:
    """The caller with one channel of one worker, on a clock that runs so fast that no pause is long."""
    engine, clock = installation(folder), ScaledClock(SystemClock().now(), T, speed)
    channels = build({"chat": {"kind": "apprise", "workers": 1}})
    caller = Caller(engine, clock, [], channels, words, longest=300 * MILLISECOND)
    caller.start()
    try:
        yield engine, caller
    finally:
        caller.stop(0.1)
        engine.dispose()


def stand(engine: Engine, login: str) -> tuple[str, int, bool]:
    """(state, attempts, may have come before) of what somebody is to be told."""
    n = notifications.c
    with engine.connect() as connection:
        row = connection.execute(select(n.state, n.attempts, n.resent).where(n.recipient == login)).one()
    return row.state, row.attempts, bool(row.resent)


def test_an_attempt_that_a_dripping_provider_holds_is_given_up_and_keeps_no_other_message_waiting(
    tmp_path: Path,
) -> None:
    with Dripper(b"HTTP/1.1 200 OK\r\nX: ") as dripper, Hook() as hook, calling(tmp_path, 1.0) as (engine, _):
        tell(engine, "suzuki", f"json://127.0.0.1:{dripper.port}/suzuki")
        until(lambda: dripper.dripping > 0, 10, "attempt that hangs")
        tell(engine, "tanaka", f"json://127.0.0.1:{hook.port}/tanaka")
        until(lambda: stand(engine, "tanaka")[0] == Stand.SENT.value, 10, "message past it")
        assert stand(engine, "suzuki")[2], "it may have arrived, and the next attempt says so"


def test_no_more_threads_are_left_hanging_than_may_be_and_the_channel_goes_on_when_they_end(tmp_path: Path) -> None:
    with calling(tmp_path) as (engine, caller), Hook() as hook:
        with Dripper(b"HTTP/1.1 200 OK\r\nX: ") as dripper:
            tell(engine, "suzuki", f"json://127.0.0.1:{dripper.port}/suzuki")
            until(lambda: dripper.dripping == LOST_FOR_EACH and caller.on_their_way == 0, 20, "last attempt")
            tell(engine, "tanaka", f"json://127.0.0.1:{hook.port}/tanaka")
            until(lambda: stand(engine, "suzuki")[0] == Stand.WAITING.value, 10, "end of the attempt")
            assert (dripper.dripping, stand(engine, "tanaka")[1]) == (LOST_FOR_EACH, 0)
        until(lambda: stand(engine, "tanaka")[0] == Stand.SENT.value, 10, "message after it")


def test_what_an_attempt_that_was_given_up_says_at_last_changes_nothing(tmp_path: Path) -> None:
    with Hook() as hook, calling(tmp_path) as (engine, caller):
        held = hook.hang = threading.Event()
        tell(engine, "suzuki", f"json://127.0.0.1:{hook.port}/suzuki")
        until(lambda: stand(engine, "suzuki")[1] == 2, 10, "second attempt")
        hook.hang = None
        held.set()
        until(lambda: stand(engine, "suzuki")[0] == Stand.SENT.value and caller.on_their_way == 0, 10, "message")
        with engine.connect() as connection:
            results = connection.execute(select(attempts.c.result).order_by(attempts.c.number)).scalars().all()
        assert results[0] == How.UNKNOWN.value
        assert results.count(How.SENT.value) == 1


class NoThreads(Executor):
    """A machine that has no thread left, until it has."""

    def __init__(self) -> None:
        self.full, self._own = True, ThreadPoolExecutor(1)

    def submit(self, work: Callable[..., Any], /, *arguments: Any, **more: Any) -> Future[Any]:
        if self.full:
            raise RuntimeError("can't start new thread")
        return self._own.submit(work, *arguments, **more)


def test_a_message_for_which_there_is_no_thread_waits_as_before_and_keeps_nobody_s_place(tmp_path: Path) -> None:
    engine, machine = installation(tmp_path), NoThreads()
    clock = ScaledClock(SystemClock().now(), T, 1.0)
    with Hook() as hook:
        channels = build({"chat": {"kind": "apprise", "workers": 1}})
        caller = Caller(engine, clock, [], channels, words, hands=lambda _name, _workers: machine)
        tell(engine, "sato", f"json://127.0.0.1:{hook.port}/")
        assert [caller.look() for _ in range(3)] == [0, 0, 0]
        machine.full = False
        assert caller.look() == 1, "the channel's one place is free, and no lease has to run out first"
        until(lambda: stand(engine, "sato")[0] == Stand.SENT, 10, "message")
        assert stand(engine, "sato")[2] is False, "nobody had begun to send it"
        caller.stop(5)
    engine.dispose()
