"""What everybody in a simulated installation shares: time, chance, what went wrong, and lives that may end at any step."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Coroutine
from contextvars import copy_context
from typing import Any

from domain.clock import MINUTE, SECOND, Instant, Span
from simulators.installation.loop import LIFE, GoneError, KilledError, VirtualLoop


class BrokenRuleError(Exception):
    """Something happened that must never happen; ``str`` says what, and when."""


class World:
    """One simulated world; ``now`` is its true time, whatever anybody's clock shows."""

    def __init__(self, start: Instant, seed: str) -> None:
        self.start, self.seed = start, seed
        self.chance = random.Random(seed)  # noqa: S311 (a simulation)
        self.loop = VirtualLoop(lambda: self.chance.uniform(0.001, 0.02))
        self.context = copy_context()
        """What everybody who is no process runs in."""
        self.calm = False
        """True once nothing goes wrong any more: what was begun comes to its end."""
        self.wrong: list[str] = []
        """What must never happen and did."""

    def settle_in(self) -> None:
        """What is called later runs with the time and chance of whoever calls this."""
        self.context = copy_context()

    def now(self) -> Instant:
        """The present instant: this is a Clock."""
        return self.start + self.loop.ticks()

    def generator(self, name: str) -> random.Random:
        """A source of chance of its own, which nobody else's draws change."""
        return random.Random(f"{self.seed}/{name}")  # noqa: S311 (a simulation)

    async def sleep(self, span: Span) -> None:
        """Wait."""
        await asyncio.sleep(max(0, span) / SECOND)

    async def until(self, at: Instant) -> None:
        """Wait for an instant."""
        await self.sleep(at - self.now())

    def later(self, span: Span, what: Callable[..., object], *args: Any) -> None:
        """Call ``what`` after ``span``, whoever asks for it now, as nobody's step."""
        self.loop.call_later(max(0, span) / SECOND, what, *args, context=self.context)

    def broken(self, words: str) -> None:
        """Write down that something happened that must not."""
        at = (self.now() - self.start) // SECOND
        self.wrong.append(f"{at // 86_400}d {at // 3600 % 24:02}:{at // 60 % 60:02}:{at % 60:02} {words}")


class Life:
    """One life of a process, from its start to its end."""

    def __init__(self, process: Process) -> None:
        self.process = process
        self.dead = False
        self.ends_in: int | None = None
        """After so many steps it ends, in the middle of whatever that is."""

    def step(self, what: str) -> None:
        """See Mortal.step."""
        del what
        if self.dead:
            raise GoneError
        if self.ends_in is not None:
            self.ends_in -= 1
            if self.ends_in < 0:
                self.process.kill()
                raise KilledError


class Process:
    """One process of the installation: it is started, does ``main``, and may be killed at any of its steps."""

    gives_up: tuple[type[Exception], ...] = ()
    """With these it ends by itself, and its supervisor starts it again."""

    def __init__(self, world: World, name: str) -> None:
        self.world, self.name = world, name
        self.chance = world.generator(name)
        self.life: Life | None = None
        self.lives = self.deaths = 0
        self._task: asyncio.Task[None] | None = None
        self.away = self.chance.uniform(1, 20)
        """Seconds until its supervisor starts it again, about."""
        self.may_start_at: Instant = 0

    async def main(self, life: Life) -> None:
        """What it does until it is cancelled."""
        raise NotImplementedError

    def died(self, life: Life) -> None:
        """Its connections break, whatever it was doing."""

    @property
    def runs(self) -> bool:
        """True while it lives."""
        return self.life is not None and not self.life.dead

    def start(self) -> None:
        """Begin to live."""
        if self.runs:
            return
        if self.world.now() < self.may_start_at:
            self.world.later(self.may_start_at - self.world.now(), self.start)
            return
        self.lives += 1
        life = self.life = Life(self)
        context = self.world.context.copy()
        context.run(LIFE.set, life)
        self._task = self.world.loop.create_task(self._live(life), context=context)

    async def _live(self, life: Life) -> None:
        try:
            await self.main(life)
        except (GoneError, KilledError, asyncio.CancelledError):
            pass
        except self.gives_up:
            if not life.dead:
                self.kill()
        except Exception as error:  # noqa: BLE001 (a process that breaks down has broken a rule)
            if not life.dead:
                self.world.broken(f"{self.name} broke down: {type(error).__name__}: {error}")
        finally:
            if not life.dead:  # it ended in good order
                life.dead = True
                self.died(life)

    def kill(self) -> None:
        """End its life now, in the middle of whatever it does; it is started again after a while."""
        if not self.runs or self.life is None:
            return
        self.deaths += 1
        self._end(self.life)

    def _end(self, life: Life) -> None:
        life.dead = True
        self.died(life)
        if self._task is not None:
            self.world.loop.call_soon(self._task.cancel)
        self.world.later(int(self.chance.expovariate(1 / self.away) * SECOND), self.start)

    def kill_soon(self) -> None:
        """End its life at one of its next steps."""
        if self.life is not None:
            self.life.ends_in = self.chance.randint(0, 40)

    async def stop(self) -> None:
        """End in good order, and start again."""
        if self._task is None or not self.runs:
            return
        self._task.cancel()
        await asyncio.wait({self._task}, timeout=2 * MINUTE / SECOND)
        self.world.later(int(self.chance.expovariate(1 / self.away) * SECOND), self.start)


def spawn(world: World, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
    """Run something that is nobody's process."""
    return world.loop.create_task(work, context=world.context.copy())
