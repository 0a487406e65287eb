"""The uplink: from the spool to the broker, and the server's acknowledgements back to the spool.

After each connection: hello, and nothing else before the server has answered it, because it refuses devices that it does not
know. Then what is new, and only then what is old, so that a month of backlog never delays a live reading. A PUBACK of the
broker deletes nothing. What the server has not acknowledged in good time is sent again.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import socket
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import aiomqtt
import structlog

from domain.clock import SECOND, Clock, Span, monotonic
from domain.wire import (
    MAX_RECORDS,
    ClockState,
    Down,
    Up,
    decode_ack,
    down_topic,
    encode_readings,
    up_topic,
)
from gateway.spool import Spool
from gateway.tasks import end

_FIRST_PAUSE = 0.5
_LONGEST_PAUSE = 60.0
_RESEND: Span = 20 * SECOND
_HELLO_AGAIN_SECONDS = 5.0
_WINDOW = 8 * MAX_RECORDS
"""Backlog readings under way without an acknowledgement."""
_PACK = 250

log = structlog.get_logger("gateway")


@dataclass(frozen=True, slots=True)
class UplinkAddress:
    """Where and how to reach the broker."""

    host: str
    port: int
    username: str | None = None
    password: str | None = None
    ca_file: Path | None = None
    protocol: str = "auto"


class Uplink:
    """One gateway's connection; ``run`` keeps it up until cancelled."""

    def __init__(
        self,
        gateway: str,
        spool: Spool,
        clock: Clock,
        address: UplinkAddress,
        hello: Callable[[], bytes],
        clock_state: Callable[[], ClockState],
    ) -> None:
        self._gateway, self._spool, self._clock, self._address = gateway, spool, clock, address
        self._hello, self._clock_state = hello, clock_state
        self._wake = asyncio.Event()
        self._beat: bytes | None = None
        self._live = self._backlog = self._backlog_end = self._acked = 0
        self._progress_at: Span = 0
        self._welcome = asyncio.Event()
        self.connected = asyncio.Event()
        self.acknowledged = asyncio.Condition()

    def new_readings(self) -> None:
        """The spool has grown."""
        self._wake.set()

    def send_heartbeat(self, payload: bytes) -> None:
        """Send this heartbeat when connected; one that was not sent yet is forgotten, the newest says it all."""
        self._beat = payload
        self._wake.set()

    async def run(self) -> None:
        """Connect, serve, and connect again, with a growing, jittered pause."""
        protocols = {
            "auto": (aiomqtt.ProtocolVersion.V5, aiomqtt.ProtocolVersion.V311),
            "5": (aiomqtt.ProtocolVersion.V5,),
            "3.1.1": (aiomqtt.ProtocolVersion.V311,),
        }[self._address.protocol]
        turn, pause, told = 0, _FIRST_PAUSE, False
        while True:
            served = False
            try:
                async with self._client(protocols[turn % len(protocols)]) as client:
                    served, pause, told = True, _FIRST_PAUSE, False
                    await self._serve(client)
            except (aiomqtt.MqttError, OSError) as error:
                if not served:
                    turn += 1
                if not told and turn != 1:
                    where = f"{self._address.host}:{self._address.port}"
                    log.warning("no connection to the broker, trying on; readings are kept", at=where, why=str(error))
                    told = True
            finally:
                self.connected.clear()
            await asyncio.sleep(pause * random.uniform(0.5, 1.0))  # noqa: S311 (jitter, not a secret)
            pause = min(pause * 2, _LONGEST_PAUSE) if turn > 1 else pause

    def _client(self, protocol: aiomqtt.ProtocolVersion) -> aiomqtt.Client:
        address = self._address
        tls = aiomqtt.TLSParameters(ca_certs=str(address.ca_file)) if address.ca_file else None
        return aiomqtt.Client(
            address.host,
            address.port,
            username=address.username,
            password=address.password,
            identifier=self._gateway,
            protocol=protocol,
            tls_params=tls,
            keepalive=30,
            timeout=10,
            max_queued_outgoing_messages=100,
            socket_options=[(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)],
        )

    async def _serve(self, client: aiomqtt.Client) -> None:
        self._backlog = self._acked = 0
        await client.subscribe(down_topic(self._gateway, Down.ACK), qos=1)
        self._welcome.clear()
        self.connected.set()
        tasks = [asyncio.create_task(self._listen(client)), asyncio.create_task(self._write(client))]
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        finally:
            await end(tasks)

    async def _listen(self, client: aiomqtt.Client) -> None:
        async for message in client.messages:
            payload = message.payload
            if message.retain or not isinstance(payload, bytes | bytearray):
                continue
            ack = decode_ack(bytes(payload))
            if ack is None or ack.epoch != self._spool.epoch:
                continue
            self._spool.acknowledge(ack.epoch, ack.stored_through)
            if ack.stored_through > self._acked:
                self._acked = ack.stored_through
                self._progress_at = monotonic()
            self._welcome.set()
            self._wake.set()
            async with self.acknowledged:
                self.acknowledged.notify_all()

    async def _write(self, client: aiomqtt.Client) -> None:
        while not self._welcome.is_set():
            await client.publish(up_topic(self._gateway, Up.HELLO), self._hello(), qos=1)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_HELLO_AGAIN_SECONDS):
                    await self._welcome.wait()
        self._live = self._backlog_end = self._spool.last_seq
        self._progress_at = monotonic()
        while True:
            self._wake.clear()
            if await self._send_next(client):
                continue
            self._send_again_if_unanswered()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_RESEND / SECOND / 4):
                    await self._wake.wait()

    async def _send_next(self, client: aiomqtt.Client) -> bool:
        """Send one message: live readings, else a heartbeat, else backlog; False when there is none to send."""
        sent = await self._send_pack(client, self._live, None)
        if sent is not None:
            self._live = sent
            return True
        if self._beat is not None:
            beat, self._beat = self._beat, None
            await client.publish(up_topic(self._gateway, Up.HEARTBEAT), beat, qos=1)
            return True
        start = max(self._backlog, self._acked)
        if start < self._backlog_end and start - self._acked < _WINDOW:
            sent = await self._send_pack(client, start, self._backlog_end)
            self._backlog = self._backlog_end if sent is None else sent
            return True
        return False

    async def _send_pack(self, client: aiomqtt.Client, after: int, end: int | None) -> int | None:
        """Send the run of readings above ``after`` (up to ``end``); the last number sent, or None when there is none."""
        run = self._spool.after(after, _PACK)
        if end is not None:
            run = [reading for reading in run if reading.seq <= end]
        if not run:
            return None
        readings = [(r.device, r.quantity, r.value, r.at) for r in run]
        payload = encode_readings(
            self._gateway, self._spool.epoch, run[0].seq, self._clock.now(), self._clock_state(), readings
        )
        await client.publish(up_topic(self._gateway, Up.READINGS), payload, qos=1)
        return run[-1].seq

    def _send_again_if_unanswered(self) -> None:
        """Everything was sent and nothing comes back: what the server lacks becomes backlog, to be sent anew."""
        if self._spool.depth == 0:
            self._progress_at = monotonic()
        elif monotonic() - self._progress_at > _RESEND:
            self._backlog, self._backlog_end = self._acked, self._live
            self._progress_at = monotonic()
            self._wake.set()
