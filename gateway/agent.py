"""The agent: drivers -> spool -> uplink, and a heartbeat that says what all of it is worth.

Several agents may live in one process. Nothing that a driver does, and no broker that is away, stops another driver or loses
what was seen.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Sequence
from dataclasses import dataclass

import structlog

from domain.clock import MINUTE, SECOND, Clock, Instant, Span
from domain.ids import DeviceId, GatewayId
from domain.readings import Device, Quantity
from domain.wire import encode_heartbeat, encode_hello
from gateway.drivers.driver import Driver
from gateway.spool import Observation, Spool, SpoolError
from gateway.tasks import end
from gateway.timekeeping import ClockKeeper, sleep
from gateway.uplink import Uplink, UplinkAddress

GROUP = 50
_CHECK_IN_NOTED: Span = 10 * MINUTE
_FULL_LINK = 255.0
_FIRST_PAUSE: Span = SECOND
_LONGEST_PAUSE: Span = 5 * MINUTE
_BUFFER = 100_000

log = structlog.get_logger("gateway")


@dataclass(frozen=True, slots=True)
class Timing:
    """How often the agent does what, by its own clock."""

    heartbeat: Span = 30 * SECOND
    commit: Span = SECOND


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
    ) -> None:
        """``running_since`` is for a simulation whose sensors have been there before this process: None means from now on."""
        self._gateway, self._drivers, self._spool, self.clock = gateway, tuple(drivers), spool, clock
        self._timing = timing or Timing()
        self._keeper = ClockKeeper()
        self._software = software
        self._buffer: list[Observation] = []
        self._flushing = asyncio.Lock()
        self._hurry = asyncio.Event()
        self._heard: dict[DeviceId, Instant] = {}
        self._noted: dict[DeviceId, Instant] = {}
        self._told_full = False
        self._started = running_since
        self.uplink = Uplink(gateway, spool, clock, address, self._hello, self._keeper.state)

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
        if len(self._buffer) >= _BUFFER:  # the disk has refused for hours: keep the newest
            del self._buffer[: _BUFFER // 10]
        self._buffer.append(Observation(device, quantity, value, stamp))
        if len(self._buffer) >= GROUP or quantity is Quantity.BUTTON:
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
        if self._spool.moved_aside is not None:
            log.warning(
                "the spool was broken; a new one was begun", gateway=self._gateway, aside=str(self._spool.moved_aside)
            )
        work = [self._commit_regularly(), self._beat_regularly(), self.uplink.run()]
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
            await self.flush()

    async def flush(self) -> None:
        """Write what was observed to the spool; on a refusing disk it stays in memory for the next time."""
        async with self._flushing:
            if not self._buffer:
                return
            group = list(self._buffer)
            try:
                await asyncio.to_thread(self._spool.add, group)
            except SpoolError as error:
                if not self._told_full:
                    log.warning("readings are kept in memory", why=str(error))
                    self._told_full = True
                return
            self._told_full = False
            del self._buffer[: len(group)]
        self.uplink.new_readings()

    async def _beat_regularly(self) -> None:
        while True:
            await self.beat()
            await self.sleep(self._timing.heartbeat)

    async def beat(self) -> None:
        """Vouch for everything up to now that the drivers have handed over, once it is on the disk."""
        now = self.clock.now()
        through = min([now, *(driver.produced(now) for driver in self._drivers)])
        await self.flush()
        if self._buffer:
            return  # the disk refused: nothing may be vouched for
        started = through if self._started is None else min(self._started, through)
        self._started = started
        self._spool.run_through(started, through)
        heard = {str(device): max(0.0, (now - at) / SECOND) for device, at in self._heard.items()}
        self.uplink.send_heartbeat(
            encode_heartbeat(
                self._gateway, self._spool.epoch, self._spool.last_seq, now, self._keeper.state(), through,
                self._spool.spells(now), heard, self._spool.lost(), self._spool.depth,
            )
        )  # fmt: skip

    def _hello(self) -> bytes:
        return encode_hello(
            self._gateway, self._spool.epoch, self.clock.now(), self._keeper.state(), self._software, self.devices
        )
