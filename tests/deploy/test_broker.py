"""A real mosquitto with the configuration and the access list that ship with the project, TLS and all."""

from __future__ import annotations

import queue
import socket
import ssl
from collections.abc import Iterator
from pathlib import Path

import paho.mqtt.client as mqtt
import pytest
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from domain.wire import Down, Up, down_topic, up_topic
from ingest.subscriber import DROPPED
from tests.certificates import Issued
from tests.programs import until
from tests.shipped import Shipped

pytestmark = pytest.mark.server
USERS = ("ingest", "gw-1", "gw-2")


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shipped]:
    made = Shipped(tmp_path_factory.mktemp("broker"))
    made.admit({user: f"secret-{user}" for user in USERS})
    with made.broker:
        yield made


class Person:
    """One MQTT 5 client that waits for the broker's own words."""

    def __init__(
        self,
        site: Shipped,
        user: str,
        password: str | None = None,
        client_id: str = "",
        certificate: Issued | None = None,
    ) -> None:
        self.heard: queue.Queue[str] = queue.Queue()
        self.codes: queue.Queue[int] = queue.Queue()
        self.connections: queue.Queue[int] = queue.Queue()
        self.lost: queue.Queue[int] = queue.Queue()
        self.client = mqtt.Client(
            CallbackAPIVersion.VERSION2, client_id=client_id, protocol=mqtt.MQTTv5, reconnect_on_failure=False
        )
        port = site.inner
        if certificate is not None:
            port = site.certificates
            self.client.tls_set(str(site.authority.certificate), str(certificate.certificate), str(certificate.key))
        else:
            self.client.username_pw_set(user, f"secret-{user}" if password is None else password)
            if user != "ingest":
                port = site.tls
                self.client.tls_set(str(site.authority.certificate))
        self.client.on_connect = self._on_connect
        self.client.on_disconnect = self._on_disconnect
        self.client.on_publish = self._on_publish
        self.client.on_subscribe = self._on_subscribe
        self.client.on_message = self._on_message
        self.client.connect("localhost", port)
        self.client.loop_start()
        self.connected = self.connections.get(timeout=10)

    def _on_connect(self, _c: mqtt.Client, _u: object, _f: object, code: ReasonCode, _p: Properties | None) -> None:
        self.connections.put(code.value)

    def _on_disconnect(self, _c: mqtt.Client, _u: object, _f: object, code: ReasonCode, _p: object) -> None:
        self.lost.put(code.value)
        self.connections.put(code.value)

    def _on_publish(self, _c: mqtt.Client, _u: object, _mid: int, code: ReasonCode, _p: Properties | None) -> None:
        self.codes.put(code.value)

    def _on_subscribe(
        self, _c: mqtt.Client, _u: object, _mid: int, codes: list[ReasonCode], _p: Properties | None
    ) -> None:
        self.codes.put(codes[0].value)

    def _on_message(self, _c: mqtt.Client, _u: object, message: mqtt.MQTTMessage) -> None:
        self.heard.put(message.topic)

    def publish(self, topic: str) -> int:
        self.client.publish(topic, b"{}", qos=1)
        return self.codes.get(timeout=10)

    def subscribe(self, topic: str) -> int:
        self.client.subscribe(topic, qos=1)
        return self.codes.get(timeout=10)

    def leave(self) -> None:
        self.client.disconnect()
        self.client.loop_stop()


def test_a_gateway_speaks_for_itself_and_for_no_other(site: Shipped) -> None:
    ingest, gateway = Person(site, "ingest"), Person(site, "gw-1")
    assert ingest.subscribe("kehai/1/gw/+/up/+") < 0x80
    assert gateway.publish(up_topic("gw-1", Up.READINGS)) < 0x80
    assert ingest.heard.get(timeout=10) == up_topic("gw-1", Up.READINGS)
    gateway.leave()
    for topic in (up_topic("gw-2", Up.READINGS), down_topic("gw-2", Down.ACK), "$SYS/broker/uptime"):
        gateway = Person(site, "gw-1")
        assert gateway.publish(topic) == 0x87
        gateway.lost.get(timeout=10)  # with max_queued_messages 0 mosquitto 2.0 then ends the connection as well
    assert ingest.heard.empty()
    ingest.leave()


def test_a_gateway_hears_its_own_acknowledgements_and_no_other_s(site: Shipped) -> None:
    ingest, one, two = Person(site, "ingest"), Person(site, "gw-1"), Person(site, "gw-2")
    one.subscribe(down_topic("gw-1", Down.ACK))
    two.subscribe(down_topic("gw-1", Down.ACK))
    two.subscribe("kehai/1/gw/+/down/#")
    assert ingest.publish(down_topic("gw-1", Down.ACK)) < 0x80
    assert one.heard.get(timeout=10) == down_topic("gw-1", Down.ACK)
    ingest.publish(down_topic("gw-2", Down.ACK))
    assert two.heard.get(timeout=10) == down_topic("gw-2", Down.ACK)
    assert two.heard.empty()
    for person in (ingest, one, two):
        person.leave()


@pytest.mark.parametrize(("user", "password"), [("gw-1", "wrong"), ("stranger", "x"), ("", "")])
def test_nobody_gets_in_unnamed(site: Shipped, user: str, password: str) -> None:
    person = Person(site, user, password)
    assert person.connected >= 0x80
    person.leave()


@pytest.mark.parametrize("door", ["a password", "a certificate"])
def test_a_gateway_cannot_take_another_s_session_over_by_its_client_id(site: Shipped, door: str) -> None:
    certificate = site.client_certificate("gw-2") if door == "a certificate" else None
    one = Person(site, "gw-1", client_id="gw-1")
    one.subscribe(down_topic("gw-1", Down.ACK))
    thief = Person(site, "gw-2", client_id="gw-1", certificate=certificate)
    ingest = Person(site, "ingest")
    ingest.publish(down_topic("gw-1", Down.ACK))
    assert one.heard.get(timeout=10) == down_topic("gw-1", Down.ACK)
    assert thief.heard.empty()
    assert one.lost.empty()
    for person in (one, thief, ingest):
        person.leave()


def test_a_gateway_with_a_certificate_is_who_the_certificate_says_and_no_other(site: Shipped) -> None:
    ingest, certificate = Person(site, "ingest"), site.client_certificate("gw-7")
    ingest.subscribe("kehai/1/gw/+/up/+")
    assert Person(site, "", client_id="gw-1", certificate=certificate).publish(up_topic("gw-1", Up.READINGS)) == 0x87
    gateway = Person(site, "", client_id="gw-1", certificate=certificate)
    assert gateway.publish(up_topic("gw-7", Up.READINGS)) < 0x80
    assert ingest.heard.get(timeout=10) == up_topic("gw-7", Up.READINGS)
    gateway.leave()
    ingest.leave()


def test_a_certificate_of_another_authority_or_none_does_not_get_in(site: Shipped) -> None:
    stranger = site.authority.issue("gw-1")
    for files in ((str(stranger.certificate), str(stranger.key)), ()):
        client = mqtt.Client(CallbackAPIVersion.VERSION2, protocol=mqtt.MQTTv5, reconnect_on_failure=False)
        came: queue.Queue[str] = queue.Queue()
        client.on_connect = lambda *_, came=came: came.put("in")
        client.on_disconnect = lambda *_, came=came: came.put("out")
        client.tls_set(str(site.authority.certificate), *files)
        try:
            client.connect("localhost", site.certificates)
        except (ssl.SSLError, OSError):
            continue
        client.loop_start()
        assert came.get(timeout=10) == "out"
        client.loop_stop()


def test_a_password_that_is_taken_out_of_the_list_ends_the_connection_when_the_list_is_read(tmp_path: Path) -> None:
    site = Shipped(tmp_path)
    everybody = {user: f"secret-{user}" for user in USERS}
    site.admit(everybody)
    with site.broker:
        gone, changed, stays = (Person(site, user) for user in ("gw-1", "gw-2", "ingest"))
        site.admit({"gw-2": "another", "ingest": "secret-ingest"})
        site.reload()
        assert gone.lost.get(timeout=10) >= 0
        assert changed.lost.get(timeout=10) >= 0
        assert stays.publish(down_topic("gw-1", Down.ACK)) < 0x80
        assert Person(site, "gw-1").connected >= 0x80
        assert Person(site, "gw-2").connected >= 0x80
        assert Person(site, "gw-2", "another").connected == 0
        assert stays.lost.empty()
        stays.leave()


def test_a_certificate_that_is_withdrawn_does_not_come_back(tmp_path: Path) -> None:
    site = Shipped(tmp_path, watched=True)
    site.admit({"ingest": "secret-ingest"})
    certificate, other = site.client_certificate("gw-1"), site.client_certificate("gw-2")
    with site.broker:
        Person(site, "", certificate=certificate).leave()
        site.gateways.revoke(certificate)

        def refused() -> bool:
            try:
                return Person(site, "", certificate=certificate).connected >= 0x80
            except OSError:
                return True

        until(refused, 10, "refusal")
        Person(site, "", certificate=other).leave()


def test_a_renewed_certificate_is_shown_to_whoever_comes_and_puts_nobody_out(tmp_path: Path) -> None:
    site = Shipped(tmp_path, watched=True)
    site.admit({"ingest": "secret-ingest", "gw-1": "secret-gw-1"})

    def ends() -> str:
        context = ssl.create_default_context(cafile=str(site.authority.certificate))
        with (
            socket.create_connection(("localhost", site.tls), timeout=10) as plain,
            context.wrap_socket(plain, server_hostname="localhost") as secured,
        ):
            return str((secured.getpeercert() or {})["notAfter"])

    with site.broker:
        before, guest = ends(), Person(site, "gw-1")
        site.renew(days=60)
        until(lambda: ends() != before, 10, "new certificate")
        assert guest.publish(up_topic("gw-1", Up.READINGS)) < 0x80
        assert guest.lost.empty()
        guest.leave()


def test_ingest_hears_how_many_messages_the_broker_dropped(site: Shipped) -> None:
    ingest = Person(site, "ingest")
    assert ingest.subscribe(DROPPED) < 0x80
    assert ingest.heard.get(timeout=10) == DROPPED
    ingest.leave()


def test_the_script_reads_a_changed_list_within_seconds_and_ends_with_its_broker(tmp_path: Path) -> None:
    site = Shipped(tmp_path, watched=True)
    site.admit({"ingest": "secret-ingest"})
    with site.broker:
        site.admit({"ingest": "secret-ingest", "gw-9": "secret-gw-9"})
        until(lambda: Person(site, "gw-9").connected == 0, 10, "admission")
    assert site.broker.process is not None
    assert site.broker.process.returncode == 0
    with pytest.raises(OSError, match="refused"):
        Person(site, "ingest")
