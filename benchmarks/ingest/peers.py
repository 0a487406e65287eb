"""What people write today to get readings from MQTT into InfluxDB: one point a write, and with the library's own batching.

python -m benchmarks.ingest.peers tutorial|batching PORT STORE COUNT
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from typing import Any

import paho.mqtt.client as mqtt
from influxdb_client.client.influxdb_client import InfluxDBClient
from influxdb_client.client.write.point import Point
from influxdb_client.client.write_api import SYNCHRONOUS, WriteOptions
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from benchmarks.ingest.child import say, wait_for_word

_TOPIC = "kehai/1/gw/+/up/readings"
_WORDS = {"closed": 0.0, "open": 1.0, "moved": 2.0}


def points(payload: bytes | bytearray) -> Iterator[Point]:
    """One point for each record of a message."""
    body = json.loads(payload)
    base = body["senml"][0]["bt"]
    for record in body["senml"]:
        device, quantity = record["n"].split("/")
        value = _WORDS[record["vs"]] if "vs" in record else float(record.get("v", record.get("vb")))
        at = round((base + record.get("t", 0.0)) * 1e9)
        point = Point(quantity).tag("gateway", body["gateway"])
        yield point.tag("device", device).field("value", value).time(at)


def _listen(port: int, name: str, count: int, write: Callable[[Point], Any]) -> None:
    """Subscribe with a persistent session; return after ``count`` points."""
    written = 0

    def on_connect(client: mqtt.Client, *_: Any) -> None:
        client.subscribe(_TOPIC, qos=1)

    def on_message(client: mqtt.Client, _: Any, message: mqtt.MQTTMessage) -> None:
        nonlocal written
        for point in points(message.payload):
            write(point)
            written += 1
        if written >= count:
            client.disconnect()

    client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id=name, protocol=mqtt.MQTTv5)
    client.on_connect, client.on_message = on_connect, on_message
    properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]  # the library's own gap
    properties.SessionExpiryInterval = 86_400
    client.connect("127.0.0.1", port, clean_start=False, properties=properties)
    client.loop_forever()


def tutorial(port: int, store: str, count: int) -> None:
    """Each point written, and its answer awaited, before the next message is looked at."""
    with InfluxDBClient(url=store, token="none", org="home") as influx:  # noqa: S106 (the store asks for none)
        writer = influx.write_api(write_options=SYNCHRONOUS)
        _listen(port, "tutorial", count, lambda point: writer.write(bucket="home", record=point))


def batching(port: int, store: str, count: int) -> None:
    """Points gather to a thousand, or for a second, in the library's own thread."""
    options = WriteOptions(batch_size=1_000, flush_interval=1_000)
    with (
        InfluxDBClient(url=store, token="none", org="home") as influx,  # noqa: S106
        influx.write_api(write_options=options) as writer,
    ):
        _listen(port, "batching", count, lambda point: writer.write(bucket="home", record=point))


def main() -> None:
    """See the module's own words."""
    script = {"tutorial": tutorial, "batching": batching}[sys.argv[1]]
    say("ready")
    if wait_for_word():
        script(int(sys.argv[2]), sys.argv[3], int(sys.argv[4]))
        say("done")


if __name__ == "__main__":
    main()
