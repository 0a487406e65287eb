"""The uplink: from the spool to the broker, and the server's acknowledgements back to the spool.

After each connection: hello, and nothing else before the server has answered it, because it refuses devices that it does not
know, because its answer says what it lacks, and because a gateway without NTP learns the time from it. Then what is new, and
only then what is old, so that a month of backlog never delays a live reading. A PUBACK of the broker deletes nothing. When
nothing is acknowledged any more, sending ends, and the greeting is said again until somebody answers.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Sequence
from typing import Protocol

import aiomqtt
import structlog

from domain.chance import between
from domain.clock import MINUTE, SECOND, Instant, Span, monotonic
from domain.wire import AckPayload, ClockState, Down, Up, decode_ack, down_topic, encode_readings, up_topic
from gateway.dating import Dating
from gateway.link import Connect, Link, NotDeliveredError, Rivalry, Room, UplinkAddress, Versions, make_client
from gateway.sent import Sent
from gateway.spool import TOLD_LOST, Greeting, Spool, Spooled, SpoolError
from gateway.tasks import end

__all__ = ["Uplink", "UplinkAddress"]
_FIRST_PAUSE = 0.5
_LONGEST_PAUSE = 15.0
"""With the time-outs of a connection before it, half a minute at most after the network is back."""
_STEADY: Span = 10 * SECOND
"""A connection that lasted this long was no part of a fight; the next pause is short again."""
_UNANSWERED: Span = 20 * SECOND
_HOLE: Span = 5 * SECOND
"""A server that goes on answering and still lacks what it was sent so long ago will never get it: the broker dropped it."""
_HELLO_AGAIN_SECONDS = (2.0, 5.0, 10.0, 20.0)
_SILENT: Span = MINUTE
_WINDOW = 4_000
"""Readings under way without an acknowledgement."""
_PACK = 400
_AHEAD = 2_000
"""Readings that are read from the spool at once."""

log = structlog.get_logger("gateway")


class Voice(Protocol):
    """What the uplink asks of the agent."""

    def now(self) -> Instant:
        """The present instant."""
        ...

    def hello(self) -> bytes:
        """The greeting."""
        ...

    def clock_state(self, dated: Dating) -> ClockState:
        """What dates a message."""
        ...

    def want_beat(self) -> None:
        """A heartbeat is wanted now."""
        ...

    async def set_by(self, ack: AckPayload) -> None:
        """Learn the time from an answer. Raises SpoolError."""
        ...

    async def note(self, code: str) -> None:
        """Remember something that somebody should look at."""
        ...


class Uplink:
    """One gateway's connection; ``run`` keeps it up until cancelled."""

    def __init__(
        self, gateway: str, spool: Spool, address: UplinkAddress, voice: Voice, connect: Connect = make_client
    ) -> None:
        self._gateway, self._spool, self._address, self._voice = gateway, spool, address, voice
        self._connect = connect
        self._wake = asyncio.Event()
        self._beat: tuple[bytes, int | None] | None = None
        self._beat_asked = False
        self._live = self._backlog = self._backlog_end = self._acked = 0
        self._horizon: int | None = None
        self._ahead: list[Spooled] = []
        self._progress_at: Span = 0
        self._welcome = asyncio.Event()
        self._told: set[str] = set()
        self._rivalry = Rivalry()
        self._room = Room(_PACK)
        self._sent, self._sent_epoch = Sent(), ""
        self._leaving = False
        self._stuck_at: int | None = None
        self._under_way: tuple[int, int, int] | None = None
        self._broke_at: int | None = None
        self._greeting_since: Span | None = None
        self.connected = asyncio.Event()

    def new_readings(self) -> None:
        """The spool has grown."""
        self._wake.set()

    def send_heartbeat(self, payload: bytes, lost: Sequence[tuple[int, int, str]] = ()) -> None:
        """Send this heartbeat when connected; one that was not sent yet is forgotten, the newest says it all.

        ``lost`` is what it tells as lost: when that is not all, backlog waits behind the last number of it.
        """
        self._beat = payload, lost[-1][1] if len(lost) >= TOLD_LOST else None
        self._wake.set()

    # ---- connecting --------------------------------------------------------------------------------------------------

    async def run(self) -> None:
        """Connect, serve, and connect again, with a growing, jittered pause."""
        versions, pause = Versions(self._address.protocol), _FIRST_PAUSE
        while True:
            began, client, served, again = monotonic(), None, False, False
            try:
                client = self._connect(self._gateway, self._address, versions.present)
                async with client:
                    served = True
                    versions.served()
                    self._told.discard("away")
                    await self._serve(client)
            except (aiomqtt.MqttError, OSError, ValueError) as error:
                if not served:
                    again = versions.failed(reached=client is not None and client.reached, code=_code(error))
                    if not again:
                        self._say("away", "no connection to the broker, trying on; readings are kept", why=str(error))
            finally:
                self.connected.clear()
            lasted = monotonic() - began
            answered = served and self._greeting_since is None
            if not served:
                self._rivalry.away()
            elif (
                answered
                and client is not None
                and self._rivalry.ended(monotonic(), taken_over=client.taken_over, lasted=lasted)
            ):
                await self._tell_rivalry()
            again = self._look_for_what_broke_it() or again
            pause = _FIRST_PAUSE if again or (served and lasted >= _STEADY) else pause
            await asyncio.sleep(pause * between(0.5, 1.0))
            pause = min(pause * 2, _LONGEST_PAUSE)

    async def _tell_rivalry(self) -> None:
        log.warning(
            "the connection is cut off again and again: look for a second gateway that runs from a copy of this card",
            gateway=self._gateway,
        )
        with contextlib.suppress(SpoolError):
            await self._voice.note("taken_over")

    def _say(self, what: str, words: str, **more: object) -> None:
        """Log one sentence, once until it is true no more."""
        if what not in self._told:
            self._told.add(what)
            log.warning(words, gateway=self._gateway, at=f"{self._address.host}:{self._address.port}", **more)

    async def _serve(self, client: Link) -> None:
        self._welcome.clear()
        try:
            await client.listen_to(down_topic(self._gateway, Down.ACK))
        except NotDeliveredError as refusal:
            self._say(
                "deaf", "the broker lets us hear no acknowledgement, trying on; readings are kept", why=str(refusal)
            )
            await asyncio.sleep(_HELLO_AGAIN_SECONDS[0])
            return
        self._told.discard("deaf")
        self.connected.set()
        tasks = [asyncio.create_task(self._listen(client)), asyncio.create_task(self._write(client))]
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        finally:
            await end(tasks)
            for task in tasks:  # one of them has told it already; asyncio complains when nobody looks at the other
                if not task.cancelled():
                    task.exception()

    # ---- hearing -----------------------------------------------------------------------------------------------------

    async def _listen(self, client: Link) -> None:
        async for message in client.messages:
            payload = message.payload
            if message.retain or not isinstance(payload, bytes | bytearray):
                continue
            ack = decode_ack(bytes(payload))
            if ack is None or ack.epoch != self._spool.epoch:
                continue
            try:
                await self._take(ack)
            except (
                SpoolError
            ) as error:  # what was not taken is acknowledged again, after the next greeting at the latest
                self._say("spool", "an acknowledgement cannot be kept, trying on", why=str(error))
            else:
                self._told.discard("spool")
            self._wake.set()

    async def _take(self, ack: AckPayload) -> None:
        spool, through = self._spool, ack.stored_through
        if ack.at is not None or not self._welcome.is_set():
            await self._voice.set_by(ack)
        if not self._welcome.is_set():
            await self._take_answer(ack)
            return
        known = await asyncio.to_thread(spool.settle, ack.epoch, through, self._sent)
        if not self._leaving and (through < self._acked or not known):
            self._welcome.clear()  # one of us has another past: the greeting settles it
            return
        if spool.acked > self._acked:
            self._acked, self._progress_at = spool.acked, monotonic()
        elif spool.depth and monotonic() - self._progress_at > _HOLE:
            self._ask_what_it_has()
        if self._leaving and self._acked >= spool.inherited:
            self._welcome.clear()

    async def _take_answer(self, ack: AckPayload) -> None:
        spool = self._spool
        if self._sent_epoch != spool.epoch:
            self._sent, self._sent_epoch = Sent(), spool.epoch
        answer = await asyncio.to_thread(spool.greeted, ack.epoch, ack.stored_through, self._voice.now(), self._sent)
        self._leaving = answer is Greeting.LEAVING
        if answer is Greeting.NEW_EPOCH:
            log.warning(
                "the server has numbers that this spool never sent: one of two is a copy, and a new epoch begins here",
                gateway=self._gateway, epoch=spool.epoch,
            )  # fmt: skip
            return
        self._acked, self._progress_at = spool.acked, monotonic()
        self._welcome.set()

    # ---- speaking ----------------------------------------------------------------------------------------------------

    async def _write(self, client: Link) -> None:
        while True:
            try:
                if not self._welcome.is_set():
                    await self._greet(client)
                self._wake.clear()
                if await self._send_next(client):
                    self._told = {what for what in self._told if not what.startswith("refused")}
                    continue
                self._look_at_progress()
                if self._spool.depth == 0:
                    await self._wake.wait()
                    self._progress_at = monotonic()
                else:
                    await self._wait(self._wake, _UNANSWERED / SECOND / 4)
            except NotDeliveredError as refusal:
                self._say(
                    f"refused: {refusal}",
                    "the broker passes our messages on to nobody, trying on; readings are kept",
                    why=str(refusal),
                )
                await asyncio.sleep(_HELLO_AGAIN_SECONDS[0])
            except SpoolError as error:
                self._say("unread", "the spool cannot be read, trying on", why=str(error))
                await asyncio.sleep(_HELLO_AGAIN_SECONDS[0])

    async def _greet(self, client: Link) -> None:
        """Say hello until the server has answered; then all that it lacks is backlog."""
        turn = 0
        if self._greeting_since is None:  # else the connection before broke on it
            self._greeting_since = monotonic()
        while not self._welcome.is_set():
            epoch = self._spool.epoch
            if monotonic() - self._greeting_since > _SILENT:
                self._say(
                    "silent",
                    "the broker takes our greeting and the server does not answer: see that ingest runs, and that the broker's"
                    " access list allows this gateway (over MQTT 3.1.1 it does not say why it denies)",
                )
            await client.deliver(up_topic(self._gateway, Up.HELLO), self._voice.hello())
            seconds = _HELLO_AGAIN_SECONDS[min(turn, len(_HELLO_AGAIN_SECONDS) - 1)]
            turn += 1
            deadline = monotonic() + int(seconds * SECOND)
            while not self._welcome.is_set() and epoch == self._spool.epoch and (left := deadline - monotonic()) > 0:
                self._wake.clear()
                await self._wait(self._wake, left / SECOND)
        self._greeting_since = None
        self._told.discard("silent")
        self._look_for_a_lower_limit()
        last = self._spool.inherited if self._leaving else self._spool.last_seq
        if (
            last - self._acked <= self._room.readings and not self._leaving
        ):  # one message delays nobody, and so all of it stays in its order
            last = self._acked
        self._live = self._backlog_end = last
        self._backlog, self._ahead, self._progress_at = self._acked, [], monotonic()
        lost = self._spool.lost()
        self._horizon = lost[0][0] if len(lost) >= TOLD_LOST else None
        self._ask_for_beat()

    def _look_for_what_broke_it(self) -> bool:
        """Some brokers hang up on what is too large for them. Twice on the same message is no accident: then True, and smaller
        messages come next."""
        if self._under_way is None:
            return False
        (seq, count, size), self._under_way = self._under_way, None
        twice, self._broke_at = self._broke_at == seq, seq
        if not (twice and self._room.narrow(count)):
            return False
        self._say(
            "breaking",
            f"the connection breaks on a message of {size} bytes, so smaller ones are sent: see the broker's size limit",
        )
        return True

    def _look_for_a_lower_limit(self) -> None:
        """The server answers, and got nothing of what followed its answer before: large messages may be dropped in silence."""
        stuck_at, self._stuck_at = self._stuck_at, None
        if stuck_at is not None and stuck_at == self._acked and self._room.narrow(self._room.readings):
            self._say(
                "narrow",
                "the server answers, and what we send does not reach it: smaller messages are sent; see the broker's limits of"
                " message size and queue",
            )

    @staticmethod
    async def _wait(event: asyncio.Event, seconds: float) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await event.wait()

    async def _send_next(self, client: Link) -> bool:
        """Send one message: live readings, else a heartbeat, else backlog; False when there is none to send."""
        if not self._leaving and self._live - max(self._acked, self._backlog_end) < _WINDOW:
            most = self._room.readings
            run = _run(self._spool.waiting(self._live, self._spool.last_seq, most), most)
            if run:
                if await self._send_run(client, run):
                    self._live = run[-1].seq
                return True
        if self._beat is not None and not self._leaving:
            beat = self._beat
            await client.deliver(up_topic(self._gateway, Up.HEARTBEAT), beat[0])
            if self._beat is beat:
                self._beat = None
            self._horizon, self._beat_asked = beat[1], False
            return True
        return await self._send_backlog(client)

    async def _send_backlog(self, client: Link) -> bool:
        start = max(self._backlog, self._acked)
        last = self._backlog_end if self._horizon is None else min(self._backlog_end, self._horizon)
        if start >= last or start - self._acked >= _WINDOW:
            if self._acked >= last < self._backlog_end:
                self._ask_for_beat()
            return False
        self._ahead = [reading for reading in self._ahead if reading.seq > start]
        if not self._ahead:
            self._ahead = self._spool.waiting(start, last, _AHEAD)
        run = _run(self._ahead, self._room.readings)
        reached = run[-1].seq if run else last
        more = self._ahead[len(run) :] or self._spool.waiting(reached, last, 1)
        if not run or await self._send_run(client, run):
            self._backlog = reached if more else last
        return True

    def _ask_for_beat(self) -> None:
        if not self._beat_asked:
            self._beat_asked = True
            self._voice.want_beat()

    async def _send_run(self, client: Link, run: Sequence[Spooled]) -> bool:
        """Send one message; False when it has to be tried again as smaller ones.

        Raises NotDeliveredError, aiomqtt.MqttError.
        """
        readings = [(r.device, r.quantity, r.value, r.at) for r in run]
        payload = encode_readings(
            self._gateway,
            self._spool.epoch,
            run[0].seq,
            self._voice.now(),
            self._voice.clock_state(run[0].dated),
            readings,
        )
        self._under_way = run[0].seq, len(run), len(payload)
        self._sent.add(run[0].seq, run[-1].seq)  # before it is: the server's acknowledgement may overtake the broker's
        try:
            await client.deliver(up_topic(self._gateway, Up.READINGS), payload)
        except NotDeliveredError as refusal:
            self._under_way = None
            if not (refusal.too_large and self._room.narrow(len(run))):
                raise
            self._say(
                "large",
                f"the broker takes no message of {len(payload)} bytes, so smaller ones are sent: raise its message size limit",
            )
            return False
        self._under_way = None
        return True

    def _look_at_progress(self) -> None:
        """Everything was sent and nothing comes back: send nothing more, and ask the server what it has."""
        if self._spool.depth == 0:
            self._progress_at = monotonic()
        elif monotonic() - self._progress_at > _UNANSWERED:
            self._ask_what_it_has()

    def _ask_what_it_has(self) -> None:
        """Greet again before anything else is sent."""
        self._stuck_at = self._acked
        self._welcome.clear()


def _run(readings: Sequence[Spooled], most: int) -> list[Spooled]:
    """The readings that fit into one message, ``most`` at most: numbers without a gap, dated in the same way."""
    run: list[Spooled] = []
    for reading in readings[:most]:
        if run and (reading.seq != run[-1].seq + 1 or reading.dated != run[0].dated):
            break
        run.append(reading)
    return run


def _code(error: Exception) -> int | None:
    """What the broker answered to our connection, if it did answer."""
    code = error.rc if isinstance(error, aiomqtt.MqttCodeError) else None
    value = getattr(code, "value", code)
    return value if isinstance(value, int) else None
