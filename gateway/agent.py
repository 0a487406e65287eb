"""The agent: drivers -> spool -> uplink, and a heartbeat that says what all of it is worth.

Several agents may live in one process. Nothing that a driver does, and no broker that is away, stops another driver or loses
what was seen.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import structlog

from domain.clock import MINUTE, SECOND, Clock, Instant, Span, to_iso
from domain.ids import DeviceId, GatewayId
from domain.readings import Device, Quantity
from domain.wire import AckPayload, ClockState, Condition, encode_heartbeat, encode_hello
from gateway.dating import Dating
from gateway.drivers.driver import Driver
from gateway.link import Connect, make_client
from gateway.memory import Memory
from gateway.spool import Observation, Spool, SpoolError
from gateway.tasks import end, through
from gateway.timekeeping import Timekeeper, sleep
from gateway.uplink import Uplink, UplinkAddress

GROUP = 50
_CHECK_IN_NOTED: Span = 10 * MINUTE
_FULL_LINK = 255.0
_FIRST_PAUSE: Span = SECOND
_LONGEST_PAUSE: Span = 5 * MINUTE

log = structlog.get_logger("gateway")


@dataclass(frozen=True, slots=True)
class Timing:
    """How often the agent does what, by its own clock."""

    heartbeat: Span = 30 * SECOND
    commit: Span = SECOND
    tidy: Span = MINUTE


class Agent:
    """One gateway."""

    def __init__(
        self,
        gateway: GatewayId,
        drivers: Sequence[Driver],
        spool: Spool,
        clock: Clock,
        address: UplinkAddress,
        software: str = "kehai",
        timing: Timing | None = None,
        running_since: Instant | None = None,
        *,
        keeper: Timekeeper | None = None,
        memory: Memory | None = None,
        connect: Connect = make_client,
    ) -> None:
        """``running_since`` is for a simulation whose sensors have been there before this process: None means from now on."""
        self._gateway, self._drivers, self._spool = gateway, tuple(drivers), spool
        self._keeper = keeper or Timekeeper(clock)
        self.clock = self._keeper.clock
        self._timing = timing or Timing()
        self._software = software
        self._memory = memory or Memory()
        self._flushing = asyncio.Lock()
        self._hurry = asyncio.Event()
        self._beat_wanted = asyncio.Event()
        self._heard: dict[DeviceId, Instant] = {}
        self._noted: dict[DeviceId, Instant] = {}
        self._refused = False
        self._aside: Path | None = None
        self._started = running_since
        self._through: Instant | None = None
        self.uplink = Uplink(gateway, spool, address, self, connect)

    @property
    def devices(self) -> tuple[Device, ...]:
        """Every device of every driver."""
        return tuple(device for driver in self._drivers for device in driver.devices)

    # ---- Outlet ------------------------------------------------------------------------------------------------------

    async def sleep(self, span: Span) -> None:
        """See Outlet.sleep."""
        await sleep(self.clock, span)

    def observe(self, device: DeviceId, quantity: Quantity, value: float, at: Instant | None = None) -> None:
        """See Outlet.observe."""
        stamp = self.clock.now() if at is None else at
        self._heard[device] = max(stamp, self._heard.get(device, stamp))
        self._noted[device] = self._heard[device]
        label, mono = self._keeper.label(stamp), self._keeper.to_mono(stamp)
        self._memory.append(stamp, Observation(device, quantity, value, label, mono))
        if len(self._memory) >= GROUP or quantity is Quantity.BUTTON:
            self._hurry.set()

    def heard(self, device: DeviceId, at: Instant | None = None) -> None:
        """See Outlet.heard. A device that only checks in is noted now and then, so that its health survives an outage."""
        stamp = self.clock.now() if at is None else at
        if stamp - self._noted.get(device, stamp - _CHECK_IN_NOTED) >= _CHECK_IN_NOTED:
            self.observe(device, Quantity.LINK, _FULL_LINK, stamp)
        self._heard[device] = max(stamp, self._heard.get(device, stamp))

    # ---- running -----------------------------------------------------------------------------------------------------

    async def run(self) -> None:
        """Run drivers, spool and uplink until cancelled; then what is in memory goes to the disk."""
        if self._started is None:
            self._started = self.clock.now()
        if self._keeper.real:
            with contextlib.suppress(SpoolError):  # the disk refuses already: the first commit says so
                await asyncio.to_thread(self._spool.begin_boot, self._keeper.boot)
        work = [self._commit_regularly(), self._beat_regularly(), self._tidy_regularly(), self.uplink.run()]
        tasks = [asyncio.create_task(part) for part in (*work, *(self._keep_running(d) for d in self._drivers))]
        vital = tasks[: len(work)]  # a driver may come to its end, these may not
        try:
            done, _ = await asyncio.wait(vital, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        finally:
            await end(tasks)
            await self.flush()

    async def _keep_running(self, driver: Driver) -> None:
        pause, told = _FIRST_PAUSE, ""
        while True:
            began = self.clock.now()
            try:
                await driver.run(self)
            except Exception as error:
                words = f"{type(error).__name__}: {error}"
                if words != told:
                    log.exception("a driver failed and is started again", driver=type(driver).__module__)
                    told = words
            else:
                return
            if self.clock.now() - began > _LONGEST_PAUSE:
                pause = _FIRST_PAUSE
            await self.sleep(pause)
            pause = min(2 * pause, _LONGEST_PAUSE)

    async def _commit_regularly(self) -> None:
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._timing.commit / SECOND):
                    await self._hurry.wait()
            self._hurry.clear()
            await self._ask_ntp()
            await self.flush()
            await self._look_aside()

    async def flush(self) -> None:
        """Write what was observed to the spool; on a refusing disk it stays in memory for the next time."""
        async with self._flushing:
            if len(self._memory) and await through(self._write()):
                self.uplink.new_readings()

    async def _write(self) -> bool:
        group = self._memory.hand_out()
        self._spool.lose(self._memory.losses())
        try:
            await asyncio.to_thread(self._spool.add, group)
        except SpoolError as error:
            self._memory.refused()
            self._say_refused("readings are kept in memory", error)
            return False
        self._memory.written()
        self._refused = False
        return True

    def _say_refused(self, words: str, error: SpoolError) -> None:
        if not self._refused:
            log.warning(words, gateway=self._gateway, why=str(error))
            self._refused = True

    async def _look_aside(self) -> None:
        """A spool that was found broken, at the start or since, is something that somebody should look at."""
        aside = self._spool.moved_aside
        if aside == self._aside:
            return
        log.warning("the spool was broken; a new one was begun", gateway=self._gateway, aside=str(aside))
        with contextlib.suppress(SpoolError):
            await self.note("spool_broken")
            self._aside = aside

    async def note(self, code: str) -> None:
        """Remember something that somebody should look at. Raises SpoolError."""
        await asyncio.to_thread(self._spool.note, code, self.now())

    async def _tidy_regularly(self) -> None:
        while True:
            await self.sleep(self._timing.tidy)
            with contextlib.suppress(SpoolError):  # it is tried again, and the commits say what is wrong
                await asyncio.to_thread(self._spool.tidy, self.now())

    # ---- time --------------------------------------------------------------------------------------------------------

    def now(self) -> Instant:
        """The present instant, as well as it is known."""
        return self._keeper.instant(self.clock.now(), self._spool.anchor)

    async def _ask_ntp(self) -> None:
        anchor = self._keeper.by_ntp(self._spool.anchor)
        if anchor is not None:
            with contextlib.suppress(SpoolError):  # the next second tries again
                await asyncio.to_thread(self._spool.set_anchor, anchor)

    async def set_by(self, ack: AckPayload) -> None:
        """Learn the time from the server's word, where there is nothing better. Raises SpoolError."""
        anchor = self._keeper.by_server(ack.at, self._spool.anchor)
        if anchor is not None:
            await asyncio.to_thread(self._spool.set_anchor, anchor)

    # ---- what is told of all this ------------------------------------------------------------------------------------

    async def _beat_regularly(self) -> None:
        while True:
            await self.beat()
            waits = [
                asyncio.create_task(self.sleep(self._timing.heartbeat)),
                asyncio.create_task(self._wait_for_wish()),
            ]
            try:
                await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
            finally:
                await end(waits)

    async def _wait_for_wish(self) -> None:
        await self._beat_wanted.wait()

    def want_beat(self) -> None:
        """Send a heartbeat now: what it says has changed."""
        self._beat_wanted.set()

    async def beat(self) -> None:
        """Vouch for everything up to now that the drivers have handed over and that is on the disk."""
        self._beat_wanted.clear()
        now = self.clock.now()
        produced = min([now, *(driver.produced(now) for driver in self._drivers)])
        await self.flush()
        try:
            await self._vouch(produced)
            if self._through is None or (self._keeper.real and self._spool.anchor is None):
                return  # nothing is known to be on the disk, or nobody knows what time it is
            self._send_beat(now, self._through)
        except SpoolError as error:
            if not self._refused:
                log.warning(
                    "no heartbeat while the spool cannot be read or written", gateway=self._gateway, why=str(error)
                )
                self._refused = True

    async def _vouch(self, produced: Instant) -> None:
        """Move on what is vouched for; while the disk refuses it stays where it was."""
        if len(self._memory):
            return
        started = produced if self._started is None else min(self._started, produced)
        blind = self._memory.blind_until
        if blind is not None:  # what was seen up to then is lost
            started, self._memory.blind_until = min(max(started, blind + 1), produced), None
        self._started, self._through = started, max(produced, self._through or produced)
        begin, finish = self._keeper.to_mono(started), self._keeper.to_mono(self._through)
        if begin is None or finish is None:
            await asyncio.to_thread(self._spool.run_through, started, self._through)
        else:
            await asyncio.to_thread(self._spool.run_through, begin, finish, in_monotonic=True)

    def _send_beat(self, now: Instant, through: Instant) -> None:
        spool, anchor = self._spool, self._spool.anchor
        present = self._keeper.instant(now, anchor)
        heard = {str(device): max(0.0, (now - at) / SECOND) for device, at in self._heard.items()}
        lost = spool.lost()
        self.uplink.send_heartbeat(
            encode_heartbeat(
                self._gateway, spool.epoch, spool.last_seq, present, self._keeper.state(anchor),
                self._keeper.instant(through, anchor), spool.spells(present), heard, lost, spool.depth,
                condition=self._condition(),
            ),
            lost,
        )  # fmt: skip

    def hello(self) -> bytes:
        """The greeting."""
        anchor = self._spool.anchor
        return encode_hello(
            self._gateway, self._spool.epoch, self.now(), self._keeper.state(anchor), self._software, self.devices,
            self._condition(),
        )  # fmt: skip

    def clock_state(self, dated: Dating) -> ClockState:
        """What dates a message of readings that were all dated like this."""
        return self._keeper.state(self._spool.anchor, dated)

    def _condition(self) -> Condition:
        spool = self._spool
        state = self._keeper.state(spool.anchor)
        return Condition(
            self._software, state.anchor if self._keeper.real else "ntp", spool.capacity, spool.kept, len(self._memory),
            spool.free_bytes, spool.losses(), spool.epochs(), [(code, to_iso(at)) for code, at in spool.events()],
        )  # fmt: skip
