"""The caller: the threads that make what is due happen, and send what stands in the outbox.

One thread looks: it steps whatever has deadlines on the clock of people (ladder, overseer), and claims what is to be sent.
Each channel has threads of its own, so one that hangs delays no other. An attempt that does not come back is given up: its row
waits again, another thread takes its place, and what it may say at last changes nothing. Everything that must outlive a crash
is in the database; here is nothing that anybody would miss.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor, Future, wait
from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol

import structlog
from sqlalchemy import Engine

from alerts.channels.channel import (
    Channel,
    ChannelError,
    Message,
    OverQuotaError,
    PermanentError,
    Receipt,
    TransientError,
    UnknownError,
)
from alerts.notices import Purpose
from alerts.outbox import How, Job, Outbox
from domain.clock import MILLISECOND, SECOND, Clock, Instant, Span, monotonic
from registry import addresses
from registry.addresses import Address

LOOK: Span = 250 * MILLISECOND
"""How often the database is looked at for what other processes wrote into it, in real time."""
_LONGEST_ROUND: Span = 20 * SECOND
"""No further address of somebody is tried after that: one attempt stays well below its lease."""
GIVEN_UP_AFTER: Span = 45 * SECOND
"""An attempt that lasts longer, in real time, is given up: somebody's addresses take less together, and a lease is longer."""
LOST_FOR_EACH = 4
"""As many times more attempts than it has workers may a channel leave hanging before it is asked for nothing any more."""
_HOPE = ((UnknownError, 4), (TransientError, 3), (OverQuotaError, 2), (PermanentError, 1), (ChannelError, 0))
log = structlog.get_logger("caller")


class Stepper(Protocol):
    """Something with deadlines on the clock of people."""

    def next_due(self) -> Instant | None:
        """The next deadline, or None."""
        ...

    def step(self, now: Instant) -> int:
        """Make happen what is due."""
        ...


Compose = Callable[[Job], Message | None]
"""What a notification says; None when it is not worth saying any more."""


@dataclass(slots=True)
class _Line:
    """One channel and its threads."""

    channel: Channel
    pool: Executor
    busy: int = 0
    aside: int = 0
    """Digests on their way: one at most, beside the workers, so that it takes no call's place."""
    lost: int = 0
    """Attempts that were given up and have not ended yet."""
    closed_until: Instant = 0
    """Over its quota, it is not asked until then."""

    @property
    def free(self) -> int:
        """How many more attempts may begin."""
        return 0 if self.lost >= LOST_FOR_EACH * self.channel.workers else self.channel.workers - self.busy


@dataclass(slots=True)
class _Flight:
    """One attempt."""

    line: _Line
    job: Job
    began: Instant
    """By the clock that never jumps."""
    given_up: bool = False

    @property
    def aside(self) -> bool:
        """True for a digest."""
        return self.job.purpose is Purpose.DIGEST

    def begin(self) -> None:
        """It takes its place."""
        if self.aside:
            self.line.aside += 1
        else:
            self.line.busy += 1

    def give_up(self) -> None:
        """Nobody waits for it any more. A digest keeps its place: while it hangs, no other hangs beside it."""
        self.given_up = True
        if not self.aside:
            self.line.busy -= 1
            self.line.lost += 1

    def end(self) -> None:
        """It has ended, in whatever way."""
        if self.aside:
            self.line.aside -= 1
        elif self.given_up:
            self.line.lost -= 1
        else:
            self.line.busy -= 1


class _Threads(Executor):
    """A thread for each message: one that hangs takes nobody's place, and as a daemon keeps no process from its end."""

    def __init__(self, name: str) -> None:
        self._name = name

    def submit(self, work: Callable[..., Any], /, *arguments: Any, **more: Any) -> Future[Any]:
        """See Executor.submit."""
        future: Future[Any] = Future()
        future.set_running_or_notify_cancel()

        def run() -> None:
            try:
                future.set_result(work(*arguments, **more))
            except BaseException as error:  # noqa: BLE001 (as every executor: whoever looks at the future is told)
                future.set_exception(error)

        threading.Thread(target=run, name=f"channel-{self._name}", daemon=True).start()
        return future


def _threads(name: str, _workers: int) -> Executor:
    return _Threads(name)


class Caller:
    """Runs until ``stop``; ``wake`` makes it look at once."""

    def __init__(
        self,
        engine: Engine,
        clock: Clock,
        steppers: Sequence[Stepper],
        channels: Mapping[str, Channel],
        compose: Compose,
        pace: float = 1.0,
        *,
        outbox: Outbox | None = None,
        hands: Callable[[str, int], Executor] = _threads,
        longest: Span = GIVEN_UP_AFTER,
    ) -> None:
        """``hands`` gives a channel of a name what so many of its messages are sent with at once."""
        self._engine, self._clock, self._steppers, self._compose = engine, clock, steppers, compose
        self._outbox, self._pace = outbox or Outbox(engine, pace), pace
        self._lines = {name: _Line(channel, hands(name, channel.workers)) for name, channel in channels.items()}
        self._lock = threading.Lock()
        self._longest = longest
        self._flying: dict[Future[None], _Flight] = {}
        """What this process has claimed and is sending, or will."""
        self._wake, self._stop = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._run, name="caller", daemon=True)
        self._failing: set[str] = set()
        self._looked_at: Instant | None = None

    @property
    def on_their_way(self) -> int:
        """How many messages this process has claimed, and knows nothing of yet."""
        with self._lock:
            return sum(not flight.given_up for flight in self._flying.values())

    @property
    def lost(self) -> int:
        """How many attempts were given up and still hang."""
        with self._lock:
            return sum(line.lost for line in self._lines.values())

    @property
    def failing(self) -> frozenset[str]:
        """The parts that failed when they were last asked to work, and are tried again."""
        return frozenset(self._failing)

    def start(self) -> None:
        """Begin to look."""
        self._thread.start()

    def wake(self) -> None:
        """Something was written a moment ago that may be due now."""
        self._wake.set()

    def stop(self, timeout: float = 15.0) -> None:
        """Look no more; what is on its way is waited for as long as ``timeout`` seconds, and is claimed again otherwise."""
        self._stop.set()
        self._wake.set()
        if self._thread.is_alive():
            self._thread.join(timeout)
        with self._lock:
            flying = {future: flight.job for future, flight in self._flying.items() if not flight.given_up}
        for future, job in flying.items():
            if future.cancel():  # nobody has begun to send it: the next process need not wonder whether it arrived
                self._isolated("giving back", partial(self._outbox.released, job, self._clock.now()))
        wait(flying, timeout)
        for line in self._lines.values():
            line.pool.shutdown(wait=False, cancel_futures=True)
            line.channel.close()

    def look(self) -> int:
        """Step what is due and hand out what is to be sent; returns how many messages went on their way."""
        for stepper in self._steppers:
            self._isolated(type(stepper).__name__, partial(self._step, stepper))
        now = self._clock.now()
        if self._looked_at is None or now < self._looked_at:
            self._isolated("drawing in", partial(self._outbox.draw_in, now))
            for line in self._lines.values():
                line.closed_until = 0
        self._looked_at = now
        self._isolated("giving up", self.give_up)
        self._isolated("fall through", partial(self._outbox.fall_through, now))
        return sum(self._isolated(f"channel {name}", partial(self._hand_out, name)) for name in self._lines)

    def _step(self, stepper: Stepper) -> int:
        return stepper.step(self._clock.now())

    def _run(self) -> None:
        while not self._stop.is_set():
            self.look()
            self._wake.wait(LOOK / SECOND)
            self._wake.clear()

    def _isolated(self, what: str, work: Callable[[], int]) -> int:
        """One part that fails keeps no other from its work; the first failure of a row is told, and that it is over."""
        try:
            done = work()
        except Exception:  # whatever it is: this thread is the one that calls people, and it must not end
            if what not in self._failing:
                self._failing.add(what)
                log.exception("a part of calling people failed; it is tried again", part=what)
            return 0
        if what in self._failing:
            self._failing.discard(what)
            log.info("a part of calling people works again", part=what)
        return done

    def _hand_out(self, name: str) -> int:
        line = self._lines[name]
        with self._lock:
            free = line.free
            if free <= 0 or line.closed_until > self._clock.now():
                return 0
        jobs = self._outbox.claim(name, free, self._clock.now())
        if not line.aside:
            jobs += self._outbox.claim_digest(name, self._clock.now())
        return sum(self._isolated(f"sending off by {name}", partial(self._send_off, line, job)) for job in jobs)

    def _send_off(self, line: _Line, job: Job) -> int:
        flight = _Flight(line, job, monotonic())
        with self._lock:
            flight.begin()
        try:
            future = line.pool.submit(self._deliver, line, job)
        except Exception:  # the machine has no thread left: the place is free again, and the message waits as before
            with self._lock:
                flight.end()
            self._outbox.released(job, self._clock.now())
            raise
        with self._lock:
            self._flying[future] = flight
        future.add_done_callback(self._landed)
        return 1

    def _deliver(self, line: _Line, job: Job) -> None:
        self._isolated(f"channel {job.channel}", partial(self._send, line, job))

    def _landed(self, future: Future[None]) -> None:
        with self._lock:
            flight = self._flying.pop(future)
            flight.end()
        self._wake.set()

    def give_up(self) -> int:
        """Take back what attempts hold that should have ended long ago, as ``look`` does; returns how many."""
        last = monotonic() - self._longest
        with self._lock:
            overdue = [flight for flight in self._flying.values() if flight.began < last and not flight.given_up]
            for flight in overdue:
                flight.give_up()
        for flight in overdue:
            job, sentence = flight.job, "The provider neither answered nor let go in time."
            log.error("an attempt did not come back and was given up", channel=job.channel, lost=flight.line.lost)
            self._outbox.failed(job, How.UNKNOWN, sentence, self._clock.now())
        return len(overdue)

    def _send(self, line: _Line, job: Job) -> int:
        with self._engine.connect() as connection:
            ways = addresses.through(connection, job.recipient, job.channel)
        message = self._compose(job) if ways else None
        if not ways:
            why = "They have no address on this channel any more."
            self._outbox.failed(job, How.PERMANENT, why, self._clock.now())
            return 0
        if message is None:
            self._outbox.dropped(job, "There is nothing to say any more.", self._clock.now())
            return 0
        try:
            receipt = self._reach(line.channel, ways, message)
        except ChannelError as error:
            self._failed(line, job, error)
            return 0
        except Exception:  # a channel is a plugin: whatever it throws, the message waits and the others go on
            log.exception("a channel threw what it may not", channel=job.channel)
            self._outbox.failed(job, How.UNKNOWN, "The channel broke down; see the log.", self._clock.now())
            return 0
        self._outbox.sent(job, receipt.detail, self._clock.now())
        return 1

    def _reach(self, channel: Channel, ways: Sequence[Address], message: Message) -> Receipt:
        """Give a message to the first of somebody's addresses that takes it, or to all of them where the channel does that.

        Raises what gives most hope of those failures when none took it. An address that is gone is struck out.
        """
        everywhere, began = getattr(channel, "every_address", False), monotonic()
        taken: Receipt | None = None
        failed: list[ChannelError] = []
        for way in ways:
            try:
                taken = channel.send(way.address, message)
            except PermanentError as error:
                failed.append(error)
                if error.address_gone:
                    with self._engine.begin() as connection:
                        addresses.mark_broken(connection, way.id, self._clock.now())
            except ChannelError as error:
                failed.append(error)
                if not everywhere:
                    break
            else:
                if not everywhere:
                    break
            if monotonic() - began > _LONGEST_ROUND:
                break
        if taken is not None:
            return taken
        raise max(failed, key=lambda error: next(hope for kind, hope in _HOPE if isinstance(error, kind)))

    def _failed(self, line: _Line, job: Job, error: ChannelError) -> None:
        now, wait = self._clock.now(), None
        if isinstance(error, PermanentError):
            how = How.PERMANENT
        elif isinstance(error, OverQuotaError):
            how = How.OVER_QUOTA
            if job.purpose is not Purpose.DIGEST:  # a call finds out for itself
                with self._lock:
                    line.closed_until = now + int((error.until or 1.0) * SECOND * self._pace)
        else:
            how = How.UNKNOWN if isinstance(error, UnknownError) else How.TRANSIENT
            if isinstance(error, TransientError) and error.retry_after is not None:
                wait = int(error.retry_after * SECOND)
        self._outbox.failed(job, how, str(error), now, wait)
