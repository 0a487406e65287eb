"""The session with a real mosquitto: both versions of the protocol, TLS, a broker that is killed."""

from __future__ import annotations

import asyncio
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiomqtt
import pytest
import structlog

from domain.errors import ConfigurationError
from ingest.mqtt.connection import Patience
from ingest.subscriber import WINDOW, BrokerAddress, Subscriber
from tests.servers import Mosquitto, free_port
from tests.waiting import until

pytestmark = pytest.mark.server
UP = "kehai/1/gw/g1/up/readings"
QUICK = Patience(first_pause=0.05, longest_pause=0.2)


@asynccontextmanager
async def subscriber(address: BrokerAddress) -> AsyncIterator[Subscriber]:
    made = Subscriber(address, lambda: 1, patience=QUICK)
    made.start()
    try:
        await until(lambda: made.connected)
        yield made
    finally:
        await made.stop()


async def send(port: int, *payloads: bytes) -> None:
    async with aiomqtt.Client("127.0.0.1", port, max_inflight_messages=500) as client:
        await asyncio.gather(*(client.publish(UP, payload, qos=1) for payload in payloads))


def quickly(port: int, *more: str) -> str:
    """Settings of a mosquitto that sets no window of its own and writes nothing."""
    return "\n".join([f"listener {port} 127.0.0.1", "allow_anonymous true", "max_inflight_messages 0", *more, ""])


@pytest.mark.parametrize("protocol", ["5", "3.1.1"])
async def test_the_broker_sends_no_more_than_our_window_before_we_acknowledge(tmp_path: Path, protocol: str) -> None:
    port = free_port()
    with Mosquitto(tmp_path, port=port, settings=quickly(port, "max_queued_messages 0")):
        async with subscriber(BrokerAddress("127.0.0.1", port, protocol=protocol)) as session:
            await send(port, *(b"%d" % n for n in range(WINDOW + 300)))
            if protocol == "5":
                await until(lambda: len(session.inbox) == WINDOW)
                await asyncio.sleep(0.1)
                assert len(session.inbox) == WINDOW
            seen: list[bytes] = []
            while len(seen) < WINDOW + 300:
                await until(lambda: bool(session.inbox))
                taken = session.take(100)
                seen += [message.payload for message in taken]
                session.acknowledge([message.ticket for message in taken])
    assert seen == [b"%d" % n for n in range(WINDOW + 300)]


@pytest.mark.parametrize("protocol", ["5", "3.1.1"])
async def test_what_was_not_acknowledged_comes_again_after_the_broker_was_killed(tmp_path: Path, protocol: str) -> None:
    with Mosquitto(tmp_path) as mosquitto:
        async with subscriber(BrokerAddress("127.0.0.1", mosquitto.port, protocol=protocol)) as session:
            assert not session.session_present
            await send(mosquitto.port, b"1", b"2", b"3")
            await until(lambda: len(session.inbox) == 3)
            first = session.take(3)
            session.acknowledge([first[0].ticket])
            await asyncio.sleep(1.5)  # mosquitto writes its state at most once a second
            mosquitto.kill()
            await until(lambda: not session.connected)
            mosquitto.start()
            await until(lambda: len(session.inbox) == 2 and session.connected)
            await until(lambda: session.session_present is True)
            again = session.take(2)
            assert [message.payload for message in again] == [b"2", b"3"]
            assert again[0].ticket.connection > first[0].ticket.connection


def make_certificates(folder: Path) -> None:
    """An authority, and certificates of it for the broker at 127.0.0.1 and for ingest."""
    folder.mkdir(parents=True, exist_ok=True)

    def openssl(*arguments: str) -> None:
        subprocess.run(["openssl", *arguments], cwd=folder, check=True, capture_output=True)

    openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", "ca.key", "-out", "ca.crt", "-days", "2",
            "-subj", "/CN=authority of a test", "-addext", "basicConstraints=critical,CA:TRUE",
            "-addext", "keyUsage=critical,keyCertSign,cRLSign")  # fmt: skip
    for name in ("server", "ingest"):
        (folder / f"{name}.ext").write_text("subjectAltName=IP:127.0.0.1\n")
        openssl("req", "-newkey", "rsa:2048", "-nodes", "-keyout", f"{name}.key", "-out", f"{name}.csr",
                "-subj", f"/CN={name}")  # fmt: skip
        openssl("x509", "-req", "-in", f"{name}.csr", "-CA", "ca.crt", "-CAkey", "ca.key", "-CAcreateserial",
                "-out", f"{name}.crt", "-days", "2", "-extfile", f"{name}.ext")  # fmt: skip


async def test_over_tls_both_sides_show_their_certificates(tmp_path: Path) -> None:
    make_certificates(tmp_path)
    port = free_port()
    settings = quickly(
        port, f"cafile {tmp_path}/ca.crt", f"certfile {tmp_path}/server.crt", f"keyfile {tmp_path}/server.key",
        "require_certificate true", "use_identity_as_username true",
    ).replace("allow_anonymous true", "allow_anonymous false")  # fmt: skip
    files = {name: tmp_path / f"{name}" for name in ("ca.crt", "ingest.crt", "ingest.key")}
    with Mosquitto(tmp_path, port=port, settings=settings):
        address = BrokerAddress(
            "127.0.0.1", port, ca_file=files["ca.crt"], cert_file=files["ingest.crt"], key_file=files["ingest.key"]
        )
        async with subscriber(address) as session:
            session.publish("key", lambda: (UP, b"over TLS"))
            await until(lambda: len(session.inbox) == 1)
            session.acknowledge([message.ticket for message in session.take(1)])
        with structlog.testing.capture_logs() as told:
            unknown = Subscriber(BrokerAddress("127.0.0.1", port, ca_file=files["ingest.crt"]), lambda: 1)
            unknown.start()
            await until(lambda: bool(told))
            await unknown.stop()
    assert "a certificate that is not to be trusted" in told[0]["it"]


def test_a_certificate_that_is_not_there_is_a_wrong_configuration(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="ca_file"):
        Subscriber(BrokerAddress("127.0.0.1", 1, ca_file=tmp_path / "none.crt"), lambda: 1)
    (tmp_path / "bad.crt").write_text("no certificate")
    with pytest.raises(ConfigurationError, match="PEM"):
        Subscriber(BrokerAddress("127.0.0.1", 1, ca_file=tmp_path / "bad.crt"), lambda: 1)


async def test_mosquitto_tells_how_many_messages_it_dropped(tmp_path: Path) -> None:
    port = free_port()
    settings = quickly(port, "max_queued_messages 10", "sys_interval 1")
    with Mosquitto(tmp_path, port=port, settings=settings):
        address = BrokerAddress("127.0.0.1", port)
        async with subscriber(address):
            pass
        await send(port, *(b"%d" % n for n in range(50)))
        async with subscriber(address) as session:
            await until(lambda: (session.dropped or 0) >= 40)
