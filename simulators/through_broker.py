"""Replay through a real broker: the gateway's own spool and uplink, MQTT, ingest's own service, on the virtual clock.

The clock stands still while a step is on its way. So every message of a step is received at the step's instant, however long
the broker took, and the alerts are those of a direct replay.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory

from alerts.watch import Watch
from domain.clock import Instant, VirtualClock
from domain.errors import KehaiError
from domain.readings import Device
from domain.stage import drive
from gateway.agent import Agent
from gateway.drivers.driver import Outlet
from gateway.spool import Spool
from gateway.tasks import end
from gateway.uplink import UplinkAddress
from ingest.feed import JournalFeed
from ingest.intake import Intake
from ingest.journal import Journal
from ingest.service import IngestService
from ingest.subscriber import BrokerAddress, Ticket
from simulators.broker import BrokerUrl
from simulators.player import Step, gateway_of, steps
from simulators.recording import Recording
from simulators.replay import Pace, Replay, directory_of, throw_away_journal

_ANSWER_SECONDS = 60.0
_REACH_SECONDS = 10.0
_NEVER_SECONDS = 1e6


class _Played:
    """The driver of a replayed gateway: its devices; what they see is handed to the agent from outside."""

    def __init__(self, devices: tuple[Device, ...]) -> None:
        self.devices = devices

    async def run(self, outlet: Outlet) -> None:  # noqa: ARG002 (the protocol's signature)
        """See Driver.run."""
        await asyncio.Event().wait()

    def produced(self, now: Instant) -> Instant:
        """See Driver.produced."""
        return now


async def through_broker(replay: Replay, url: BrokerUrl, pace: Pace) -> None:
    """Run ``replay`` through the broker at ``url``; raises KehaiError when it does not answer."""
    if replay.recording.clock:
        raise KehaiError("A gateway's wrong clock cannot be played through a broker: replay the recording without one.")
    await _reach(url)
    with throw_away_journal() as journal, TemporaryDirectory(prefix="kehai-gateway-") as folder:
        await _Passage(replay.recording, journal, Path(folder), url).play(replay.watch, pace)


async def _reach(url: BrokerUrl) -> None:
    """Find out at once that nothing listens there; later, a gateway would patiently try again."""
    try:
        async with asyncio.timeout(_REACH_SECONDS):
            _, writer = await asyncio.open_connection(url.host, url.port)
    except (OSError, TimeoutError) as error:
        raise _no_answer(url) from error
    writer.close()
    with suppress(OSError):
        await writer.wait_closed()


def _no_answer(url: BrokerUrl) -> KehaiError:
    return KehaiError(f"The broker at {url.host}:{url.port} does not answer: start it, then replay again.")


class _Passage:
    """One recording on its way through one broker."""

    def __init__(self, recording: Recording, journal: Journal, folder: Path, url: BrokerUrl) -> None:
        self._recording, self._journal, self._url = recording, journal, url
        self._spool_file = folder / "spool.db"
        self._clock = VirtualClock(recording.start)
        self._stored = asyncio.Event()
        self._beats = 0
        self._intake: Intake[Ticket] = Intake(journal, directory_of(recording))
        address = BrokerAddress(
            url.host,
            url.port,
            url.username,
            url.password,
            client_id=f"replay-{gateway_of(recording)}",
            persistent=False,
        )
        self._ingest = IngestService(
            self._intake, self._clock, address, _NEVER_SECONDS, linger_seconds=0, on_stored=self._stored.set
        )

    async def play(self, watch: Watch, pace: Pace) -> None:
        """Step by step: through the broker, then from the journal into the watch."""
        serving = asyncio.create_task(self._ingest.run())
        cursor = 0
        try:
            for spell in _spells(self._recording):
                self._clock.advance_to(spell[0].now)
                async with self._gateway() as agent:
                    for step in spell:
                        pace(step.now)
                        await self._send(agent, step, serving)
                        feed = JournalFeed(self._journal, cursor)
                        await asyncio.to_thread(drive, feed, watch)
                        cursor = feed.cursor
        finally:
            self._ingest.stop()
            await asyncio.wait([serving])
        serving.result()

    @asynccontextmanager
    async def _gateway(self) -> AsyncIterator[Agent]:
        """The gateway from one start to the next stop: its spool is what outlives it."""
        url, recording = self._url, self._recording
        spool = Spool(self._spool_file, durable=False)
        agent = Agent(
            gateway_of(recording), [_Played(tuple(recording.home.devices.values()))], spool, self._clock,
            UplinkAddress(url.host, url.port, url.username, url.password), "replay",
        )  # fmt: skip
        uplink = asyncio.create_task(agent.uplink.run())
        try:
            yield agent
        finally:
            await end([uplink])
            spool.close()

    async def _send(self, agent: Agent, step: Step, serving: asyncio.Task[None]) -> None:
        """Hand one step to the gateway and return once ingest has stored and vouched for all of it."""
        self._clock.advance_to(step.now)
        for reading in step.readings:
            agent.observe(reading.device, reading.quantity, reading.value, reading.at)
        await agent.beat()
        self._beats += 1
        await self._until(
            lambda: self._intake.counters["heartbeats"] >= self._beats and not self._intake.pending, serving
        )
        before = self._journal.last()
        self._ingest.mark()
        await self._until(lambda: self._journal.last() != before, serving)

    async def _until(self, true: Callable[[], bool], serving: asyncio.Task[None]) -> None:
        try:
            async with asyncio.timeout(_ANSWER_SECONDS):
                while not true():
                    self._stored.clear()
                    stored = asyncio.create_task(self._stored.wait())
                    await asyncio.wait([stored, serving], return_when=asyncio.FIRST_COMPLETED)
                    stored.cancel()
                    if serving.done():
                        serving.result()
                        raise KehaiError("Ingest ended in the middle of the replay: run it with --debug.")
        except TimeoutError as error:
            raise _no_answer(self._url) from error


def _spells(recording: Recording) -> list[list[Step]]:
    """The steps of each run of the gateway."""
    spells: list[list[Step]] = []
    for step in steps(recording):
        if not spells or spells[-1][0].running_since != step.running_since:
            spells.append([])
        spells[-1].append(step)
    return spells
