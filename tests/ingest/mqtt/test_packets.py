"""The packets of MQTT: the same whatever the pieces they come in, and the same as other people's."""

from __future__ import annotations

import asyncio
import itertools
import random
import socket
import threading
from collections.abc import Callable

import paho.mqtt.client as mqtt
import pytest
from amqtt.adapters import BufferReader
from amqtt.mqtt.connack import ConnackPacket
from amqtt.mqtt.connect import ConnectPacket
from amqtt.mqtt.puback import PubackPacket
from amqtt.mqtt.publish import PublishPacket
from amqtt.mqtt.suback import SubackPacket
from amqtt.mqtt.subscribe import SubscribePacket
from hypothesis import given, settings
from hypothesis import strategies as st
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from ingest.mqtt import packets
from ingest.mqtt.packets import (
    PINGREQ,
    Connack,
    Disconnect,
    Packet,
    Parser,
    Pingresp,
    ProtocolError,
    Puback,
    Publish,
    Reason,
    Suback,
    Version,
    connect,
    disconnect,
    pubacks,
    publish,
    subscribe,
)

VERSIONS = [Version.V311, Version.V5]
MIDS = st.integers(1, 65_535)
TOPICS = st.text(st.characters(codec="utf-8", exclude_characters="\0#+"), min_size=1, max_size=40)


def read(
    pieces: list[bytes], version: Version, make: Callable[[Version], Parser] = Parser
) -> tuple[list[Packet], Reason | None]:
    """What a parser makes of the pieces: the packets, and the reason why it gave up, if it did."""
    parser, found = make(version), list[Packet]()
    try:
        for piece in pieces:
            parser.feed(piece, found)
    except ProtocolError as error:
        return found, error.reason
    return found, None


def cut(stream: bytes, places: list[int]) -> list[bytes]:
    bounds = [0, *sorted(place % (len(stream) + 1) for place in places), len(stream)]
    return [stream[a:b] for a, b in itertools.pairwise(bounds)]


def properties(kind: int, **values: object) -> bytes:
    """MQTT 5 properties as paho writes them."""
    made = Properties(kind)  # type: ignore[no-untyped-call]  # the library's own gap
    for name, value in values.items():
        setattr(made, name, value)
    return bytes(made.pack())  # type: ignore[no-untyped-call]


@st.composite
def sent(draw: st.DrawFn, version: Version) -> tuple[bytes, Packet]:
    """One packet of a broker: its bytes, and what it says."""
    kind = draw(st.sampled_from(["publish", "puback", "suback", "pingresp", "connack", "disconnect"]))
    mid = draw(MIDS)
    if kind == "publish":
        qos = draw(st.integers(0, 1))
        topic, payload, dup = draw(TOPICS), draw(st.binary(max_size=300)), draw(st.booleans())
        return publish(version, topic, payload, qos, mid, dup=dup), Publish(topic, payload, qos, mid * qos, False, dup)
    if kind == "puback":
        return pubacks([mid]), Puback(mid)
    if kind == "suback":
        codes = draw(st.lists(st.sampled_from([0, 1, 2, 0x80]), min_size=1, max_size=4))
        body = mid.to_bytes(2) + (b"\0" if version is Version.V5 else b"") + bytes(codes)
        return bytes((0x90, len(body))) + body, Suback(mid, tuple(codes))
    if kind == "connack":
        present, code = draw(st.booleans()), draw(st.integers(0, 5))
        body = bytes((present, code)) + (b"\0" if version is Version.V5 else b"")
        return bytes((0x20, len(body))) + body, Connack(present, code)
    if kind == "disconnect" and version is Version.V5:
        code = draw(st.integers(0, 255))
        return bytes((0xE0, 1, code)), Disconnect(code)
    return b"\xd0\x00", Pingresp()


@given(st.data(), st.sampled_from(VERSIONS), st.lists(st.integers(0, 10_000), max_size=20))
@settings(max_examples=100, deadline=None)
def test_what_was_written_is_read_the_same_however_the_bytes_are_cut(
    data: st.DataObject, version: Version, places: list[int]
) -> None:
    wanted = data.draw(st.lists(sent(version), max_size=8))
    stream = b"".join(written for written, _ in wanted)
    assert read(cut(stream, places), version) == ([packet for _, packet in wanted], None)


@given(st.data(), st.sampled_from(VERSIONS), st.lists(st.integers(0, 10_000), max_size=20))
@settings(max_examples=200, deadline=None)
def test_a_damaged_stream_gives_the_same_packets_and_the_same_end_however_it_is_cut(
    data: st.DataObject, version: Version, places: list[int]
) -> None:
    stream = bytearray(b"".join(written for written, _ in data.draw(st.lists(sent(version), min_size=1, max_size=6))))
    for _ in range(data.draw(st.integers(0, 4))):
        stream[data.draw(st.integers(0, len(stream) - 1))] = data.draw(st.integers(0, 255))
    assert read(cut(bytes(stream), places), version) == read([bytes(stream)], version)


@given(st.binary(max_size=400), st.sampled_from(VERSIONS))
@settings(max_examples=200, deadline=None)
def test_noise_raises_nothing_but_the_protocol_error(noise: bytes, version: Version) -> None:
    assert read([noise], version) == read([noise[n : n + 1] for n in range(len(noise))], version)


def test_a_parser_that_forgets_the_beginning_of_a_packet_is_caught() -> None:
    """The control: the comparison above must be able to fail."""

    class Forgetful(Parser):
        def feed(self, data: bytes, packets: list[Packet]) -> None:
            super().feed(data, packets)
            self._rest.clear()

    stream = publish(Version.V5, "a/b", b"hello", 1, 7) * 3
    assert read(cut(stream, [5, 30]), Version.V5, Forgetful) != read([stream], Version.V5)


@pytest.mark.parametrize("version", VERSIONS)
def test_of_an_overlong_message_the_beginning_is_kept_and_the_next_one_is_read(
    version: Version, chance: random.Random
) -> None:
    long = publish(version, "a/b", b"x" * 5_000, 1, 3)
    after = publish(version, "a/b", b"next", 1, 4)
    for _ in range(20):
        places = [chance.randrange(len(long) + len(after)) for _ in range(chance.randrange(30))]
        found, reason = read(cut(long + after, places), version, lambda v: Parser(v, max_packet=1_000))
        assert reason is None
        assert [(p.mid, len(p.payload) > 900) for p in found if isinstance(p, Publish)] == [(3, True), (4, False)]


def test_memory_does_not_follow_a_length_that_somebody_claims() -> None:
    parser, found = Parser(Version.V5, max_packet=1_000), list[Packet]()
    head = publish(Version.V5, "a/b", b"x" * 2_000_000, 1, 3)[:20]
    parser.feed(head, found)
    for _ in range(1_000):
        parser.feed(b"x" * 1_000, found)
    assert len(found) == 1
    assert len(parser._rest) == 0
    with pytest.raises(ProtocolError, match="bytes long"):
        Parser(Version.V5, max_packet=1_000).feed(b"\x90\xff\x7f", found)


@pytest.mark.parametrize(
    ("stream", "reason"),
    [
        (b"\x34\x08\0\x01a\0\x01\0xx", Reason.QOS_NOT_SUPPORTED),
        (b"\x32\x06\0\x01a\0\0\0", Reason.PROTOCOL_ERROR),
        (b"\x30\x03\0\0\0", Reason.PROTOCOL_ERROR),
        (b"\x30\x07\0\x01a\x03\x23\0\x01", Reason.TOPIC_ALIAS_INVALID),
        (b"\x30\x02\0\x05", Reason.MALFORMED),
        (b"\x30\xff\xff\xff\xff\x01", Reason.MALFORMED),
        (b"\x20\x06\0\0\x03\x21\0\0", Reason.PROTOCOL_ERROR),
        (b"\x20\x09\0\0\x06\x21\0\x05\x21\0\x05", Reason.PROTOCOL_ERROR),
        (b"\x62\x02\0\x01", Reason.MALFORMED),
        (b"\xf0\x00", Reason.MALFORMED),
        (b"\x10\x00", Reason.MALFORMED),
    ],
)
def test_what_a_broker_may_not_send_ends_with_the_reason_for_it(stream: bytes, reason: Reason) -> None:
    assert read([stream], Version.V5) == ([], reason)


def test_packets_before_the_wrong_one_are_handed_out() -> None:
    found, reason = read([publish(Version.V5, "a", b"1", 1, 1) + b"\xf0\0"], Version.V5)
    assert (len(found), reason) == (1, Reason.MALFORMED)


def test_a_topic_that_is_no_text_is_kept_readable() -> None:
    found, _ = read([b"\x30\x05\0\x02\xff\xfe!"], Version.V311)
    assert found == [Publish("\\xff\\xfe", b"!")]


def test_every_property_of_a_connack_is_understood_or_passed_over() -> None:
    body = bytes((1, 0)) + properties(
        PacketTypes.CONNACK, SessionExpiryInterval=60, ReceiveMaximum=20, MaximumQoS=1, RetainAvailable=1,
        MaximumPacketSize=65_536, AssignedClientIdentifier="broker-made", TopicAliasMaximum=10, ReasonString="välkommen",
        UserProperty=[("a", "b"), ("c", "d")], WildcardSubscriptionAvailable=1, SubscriptionIdentifierAvailable=1,
        SharedSubscriptionAvailable=1, ServerKeepAlive=30, ResponseInformation="r", ServerReference="s",
        AuthenticationMethod="m", AuthenticationData=b"\0\1",
    )  # fmt: skip
    assert read([bytes((0x20, 0x80 | len(body) & 127, len(body) >> 7)) + body], Version.V5) == (
        [Connack(True, 0, 60, 20, 1, 65_536, 30, "broker-made", "välkommen")], None,
    )  # fmt: skip


def test_the_properties_of_a_message_are_passed_over() -> None:
    more = properties(
        PacketTypes.PUBLISH, PayloadFormatIndicator=1, MessageExpiryInterval=9, ContentType="json", ResponseTopic="r",
        CorrelationData=b"\0", SubscriptionIdentifier=[200], UserProperty=[("a", "b")],
    )  # fmt: skip
    body = b"\0\x01t\0\x09" + more + b"payload"
    assert read([bytes((0x32, len(body))) + body], Version.V5) == ([Publish("t", b"payload", 1, 9)], None)


def test_reasons_in_acknowledgements_and_partings_are_read() -> None:
    puback = b"\0\x05\x97" + properties(PacketTypes.PUBACK, ReasonString="too much")
    parting = b"\x8e" + properties(PacketTypes.DISCONNECT, ReasonString="taken over")
    stream = bytes((0x40, len(puback))) + puback + b"\x40\x03\0\x06\x10" + bytes((0xE0, len(parting))) + parting
    assert read([stream], Version.V5) == ([Puback(5, 0x97), Puback(6, 0x10), Disconnect(0x8E, "taken over")], None)


def test_an_old_broker_s_refusal_is_understood_by_a_client_of_mqtt_5() -> None:
    assert read([b"\x20\x02\0\x01"], Version.V5) == ([Connack(False, 1)], None)


@given(TOPICS, st.binary(max_size=200), MIDS, st.integers(0, 1), st.booleans())
@settings(max_examples=60, deadline=None)
def test_a_message_has_the_bytes_that_amqtt_gives_it(topic: str, payload: bytes, mid: int, qos: int, dup: bool) -> None:
    theirs = PublishPacket.build(topic, payload, mid if qos else None, dup, qos, False).to_bytes()
    assert publish(Version.V311, topic, payload, qos, mid, dup=dup) == theirs


def test_acknowledgements_and_answers_have_the_bytes_that_amqtt_gives_them() -> None:
    assert pubacks([1, 500, 65_535]) == b"".join(PubackPacket.build(n).to_bytes() for n in (1, 500, 65_535))
    assert pubacks([]) == b""
    filters = [("a/+/b", 1), ("$SYS/x", 0)]
    assert subscribe(Version.V311, 300, filters) == SubscribePacket.build(filters, 300).to_bytes()
    assert read([SubackPacket.build(300, [1, 0x80]).to_bytes()], Version.V311) == ([Suback(300, (1, 0x80))], None)
    assert read([ConnackPacket.build(1, 5).to_bytes()], Version.V311) == ([Connack(True, 5)], None)


async def test_amqtt_reads_our_greeting() -> None:
    made = connect(Version.V311, "ingest", 30, clean=False, username="u", password="p" * 200)
    read_by_amqtt = await asyncio.wait_for(ConnectPacket.from_stream(BufferReader(made)), 5)
    header, payload = read_by_amqtt.variable_header, read_by_amqtt.payload
    assert (header.keep_alive, header.clean_session_flag, header.will_flag) == (30, False, False)
    assert (payload.client_id, payload.username, payload.password) == ("ingest", "u", "p" * 200)


@pytest.mark.parametrize("version", VERSIONS)
def test_our_greeting_has_the_bytes_that_paho_gives_it(version: Version) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        kind = MQTTProtocolVersion(int(version))
        client = mqtt.Client(
            CallbackAPIVersion.VERSION2, client_id="ingest", protocol=kind, clean_session=None if kind == 5 else False
        )
        client.username_pw_set("u", "päss")
        more = None
        if version is Version.V5:
            more = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]  # the library's own gap
            more.SessionExpiryInterval, more.ReceiveMaximum, more.MaximumPacketSize = 604_800, 500, 70_000
        options = {"clean_start": False, "properties": more} if version is Version.V5 else {}
        client.connect("127.0.0.1", server.getsockname()[1], 30, **options)  # type: ignore[arg-type]  # one dict for both
        other, _ = server.accept()
        thread = threading.Thread(target=client.loop_write)
        thread.start()
        other.settimeout(10)
        theirs = other.recv(1_000)
        thread.join()
        other.close()
        client._sock_close()
    assert theirs == connect(
        version, "ingest", 30, clean=False, username="u", password="päss", session_expiry=604_800, receive_maximum=500,
        maximum_packet=70_000,
    )  # fmt: skip


def test_the_small_packets_are_what_the_standard_says() -> None:
    assert PINGREQ == b"\xc0\x00"
    assert disconnect(Version.V311, Reason.MALFORMED) == disconnect(Version.V5) == b"\xe0\x00"
    assert disconnect(Version.V5, Reason.PROTOCOL_ERROR) == b"\xe0\x01\x82"
    assert subscribe(Version.V5, 1, [("a", 1)]) == b"\x82\x07\0\x01\0\0\x01a\x01"
    with pytest.raises(ValueError, match="longer than MQTT allows"):
        packets._number(268_435_456)
