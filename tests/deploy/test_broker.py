"""A real mosquitto with the configuration and the access list that ship with the project."""

from __future__ import annotations

import queue
import subprocess
from collections.abc import Iterator
from pathlib import Path

import paho.mqtt.client as mqtt
import pytest
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from domain.wire import Down, Up, down_topic, up_topic
from tests.servers import Mosquitto, free_port

pytestmark = pytest.mark.server
ROOT = Path(__file__).resolve().parents[2]
USERS = ("ingest", "gw-1", "gw-2")


@pytest.fixture(scope="module")
def port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """The project's own mosquitto.conf, with this test's paths and without TLS."""
    folder, port = tmp_path_factory.mktemp("broker"), free_port()
    passwords = folder / "passwords"
    passwords.touch()
    for user in USERS:
        subprocess.run(
            ["mosquitto_passwd", "-b", str(passwords), user, f"secret-{user}"], check=True, capture_output=True
        )
    lines = (ROOT / "mosquitto.conf").read_text().split("listener 1883")[1]
    settings = (
        f"listener {port} 127.0.0.1\n{lines}".replace("/mosquitto/secrets/passwords", str(passwords))
        .replace("/mosquitto/config/acl", str(ROOT / "deploy" / "mosquitto.acl"))
        .replace("/mosquitto/data/", f"{folder}/")
    )
    with Mosquitto(folder, port=port, settings=settings):
        yield port


class Person:
    """One MQTT 5 client that waits for the broker's own words."""

    def __init__(self, port: int, user: str, password: str | None = None, client_id: str = "") -> None:
        self.heard: queue.Queue[str] = queue.Queue()
        self.codes: queue.Queue[int] = queue.Queue()
        self.connections: queue.Queue[int] = queue.Queue()
        self.client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id=client_id, protocol=mqtt.MQTTv5)
        self.client.username_pw_set(user, f"secret-{user}" if password is None else password)
        self.client.on_connect = self._on_connect
        self.client.on_publish = self._on_publish
        self.client.on_subscribe = self._on_subscribe
        self.client.on_message = self._on_message
        self.client.connect("127.0.0.1", port)
        self.client.loop_start()
        self.connected = self.connections.get(timeout=10)

    def _on_connect(self, _c: mqtt.Client, _u: object, _f: object, code: ReasonCode, _p: Properties | None) -> None:
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


def test_a_gateway_speaks_for_itself_and_for_no_other(port: int) -> None:
    ingest, gateway = Person(port, "ingest"), Person(port, "gw-1")
    assert ingest.subscribe("kehai/1/gw/+/up/+") < 0x80
    assert gateway.publish(up_topic("gw-1", Up.READINGS)) < 0x80
    assert ingest.heard.get(timeout=10) == up_topic("gw-1", Up.READINGS)
    assert gateway.publish(up_topic("gw-2", Up.READINGS)) == 0x87
    assert gateway.publish(down_topic("gw-2", Down.ACK)) == 0x87
    assert gateway.publish("$SYS/broker/uptime") >= 0x80
    assert ingest.heard.empty()
    ingest.leave()
    gateway.leave()


def test_a_gateway_hears_its_own_acknowledgements_and_no_other_s(port: int) -> None:
    ingest, one, two = Person(port, "ingest"), Person(port, "gw-1"), Person(port, "gw-2")
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
def test_nobody_gets_in_unnamed(port: int, user: str, password: str) -> None:
    person = Person(port, user, password)
    assert person.connected >= 0x80
    person.leave()


def test_a_gateway_cannot_take_another_s_session_over_by_its_client_id(port: int) -> None:
    one = Person(port, "gw-1", client_id="gw-1")
    one.subscribe(down_topic("gw-1", Down.ACK))
    thief = Person(port, "gw-2", client_id="gw-1")
    ingest = Person(port, "ingest")
    ingest.publish(down_topic("gw-1", Down.ACK))
    assert one.heard.get(timeout=10) == down_topic("gw-1", Down.ACK)
    assert thief.heard.empty()
    for person in (one, thief, ingest):
        person.leave()
