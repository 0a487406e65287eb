"""Topics and payloads, as both sides of the wall see them."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.clock import MINUTE, SECOND, from_iso
from domain.ids import BadIdError, DeviceId, check_id, make_id
from domain.readings import Device, DoorState, Quantity, RoomType
from domain.wire import (
    ClockState,
    Condition,
    SenmlRecord,
    UnitError,
    Up,
    decode_ack,
    encode_ack,
    encode_heartbeat,
    encode_hello,
    encode_readings,
    from_senml,
    parse_up_topic,
    to_senml,
    up_topic,
)

AT = from_iso("2026-11-23T01:02:03Z")
CLOCK = ClockState(boot="b1", synced=True, mono=12.5)


def test_a_topic_is_read_as_it_was_written() -> None:
    assert parse_up_topic(up_topic("gw-1", Up.HEARTBEAT)) == ("gw-1", Up.HEARTBEAT)


@pytest.mark.parametrize(
    "topic",
    ["", "kehai/1/gw/gw-1/up", "kehai/1/gw/gw-1/up/readings/x", "kehai/2/gw/g/up/hello", "kehai/1/gw//up/hello",
     "kehai/1/gw/g/down/ack", "kehai/1/gw/g/up/other", "$SYS/broker/uptime"],
)  # fmt: skip
def test_a_foreign_topic_is_none_of_ours(topic: str) -> None:
    assert parse_up_topic(topic) is None


@given(
    st.sampled_from(list(Quantity)),
    st.floats(allow_nan=False, allow_infinity=False, width=32),
    st.integers(0, 10 * MINUTE),
)
def test_every_quantity_survives_senml(quantity: Quantity, value: float, later: int) -> None:
    if quantity is Quantity.DOOR:
        value = float(DoorState(int(abs(value)) % 3))
    elif quantity in {Quantity.MOTION, Quantity.BUTTON, Quantity.BED}:
        value = float(value > 0)
    written = to_senml("hall-1", quantity, value, AT + later, AT)
    record = SenmlRecord(**json.loads(json.dumps(written)))
    assert from_senml(record.n, record) == ("hall-1", quantity, value)
    assert round(record.t * SECOND) == later


@pytest.mark.parametrize(
    "record",
    [SenmlRecord(n="door/door", vs="ajar"), SenmlRecord(n="door/door", vb=True), SenmlRecord(n="m/motion", v=1.0),
     SenmlRecord(n="t/temperature"), SenmlRecord(n="t/taste", v=1.0), SenmlRecord(n="motion", vb=True)],
)  # fmt: skip
def test_a_record_without_a_usable_value_is_refused_with_its_name(record: SenmlRecord) -> None:
    with pytest.raises(UnitError, match=record.n):
        from_senml(record.n, record)


def test_a_readings_message_is_senml_with_its_base_in_the_first_record() -> None:
    payload = json.loads(
        encode_readings(
            "gw-1", "e1", 7, AT + SECOND, CLOCK,
            [("hall", Quantity.MOTION, 1.0, AT), ("bed", Quantity.TEMPERATURE, 21.5, AT + 2 * SECOND)],
        )
    )  # fmt: skip
    assert payload["seq"] == 7
    assert payload["sent_at"] == "2026-11-23T01:02:04Z"
    assert payload["senml"] == [
        {"bn": "gw-1/", "bt": AT / SECOND, "n": "hall/motion", "vb": True},
        {"n": "bed/temperature", "u": "Cel", "v": 21.5, "t": 2.0},
    ]


def test_a_number_that_json_cannot_carry_never_leaves_the_gateway() -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        encode_readings("gw-1", "e1", 1, AT, CLOCK, [("bed", Quantity.TEMPERATURE, float("nan"), AT)])


def test_a_heartbeat_says_what_was_produced_and_what_was_heard() -> None:
    payload = json.loads(
        encode_heartbeat("gw-1", "e1", 9, AT, CLOCK, AT, [(AT - MINUTE, AT)], {"hall": 3.5}, [(4, 5, "full")], 2)
    )
    assert payload["through"] == "2026-11-23T01:02:03Z"
    assert payload["spells"] == [["2026-11-23T01:01:03Z", "2026-11-23T01:02:03Z"]]
    assert payload["lost"] == [[4, 5, "full"]]


def test_a_hello_announces_devices_with_their_check_in_in_seconds() -> None:
    door = Device(id=DeviceId("front"), kind=Quantity.DOOR, room="entrance", exit=True, check_in=60 * MINUTE)
    payload = json.loads(encode_hello("gw-1", "e1", AT, CLOCK, "0.1.0", [door]))
    assert payload["devices"] == [
        {"id": "front", "kind": "door", "room": "entrance", "exit": True, "mains": False, "check_in_s": 3600.0}
    ]


def test_a_hello_says_what_a_room_is_for_and_which_model_a_device_is_where_somebody_has_said_so() -> None:
    tub = Device(DeviceId("tub"), Quantity.MOTION, "ふろ", room_type=RoomType.BATHROOM, model="RTCGQ11LM")
    (told,) = json.loads(encode_hello("gw-1", "e1", AT, CLOCK, "0.1.0", [tub]))["devices"]
    assert (told["room_type"], told["model"]) == ("bathroom", "RTCGQ11LM")


@pytest.mark.parametrize("payload", [b"", b"{}", b"[1]", b'{"v":2,"epoch":"e","stored_through":1}',
                                     b'{"v":1,"epoch":"e","stored_through":-1}', b"\xff"])  # fmt: skip
def test_an_unreadable_ack_is_no_ack(payload: bytes) -> None:
    assert decode_ack(payload) is None


def test_an_ack_is_read_as_it_was_written() -> None:
    ack = decode_ack(encode_ack("e1", 12))
    assert ack is not None
    assert (ack.epoch, ack.stored_through) == ("e1", 12)


def test_an_ack_tells_the_server_s_time_and_one_without_a_readable_time_is_still_an_ack() -> None:
    ack = decode_ack(encode_ack("e1", 12, AT))
    assert ack is not None
    assert ack.at == AT
    for odd in (b"7", b'"soon"', b"null", b'"2026-11-23T01:02:03"'):
        late = decode_ack(b'{"v":1,"epoch":"e1","stored_through":12,"at":' + odd + b"}")
        assert late is not None
        assert (late.stored_through, late.at) == (12, None)


def test_what_a_gateway_tells_of_itself_is_one_key_that_may_be_left_out() -> None:
    plain = json.loads(encode_heartbeat("gw-1", "e1", 9, AT, CLOCK, AT, [], {}))
    assert "condition" not in plain
    assert plain["clock"] == {"boot": "b1", "synced": True, "mono": 12.5}
    told = Condition(
        "kehai 1", "server", 1_000, losses={"spool full": 3}, events=[("spool_broken", "2026-11-23T01:02:03Z")]
    )
    full = json.loads(
        encode_heartbeat("gw-1", "e1", 9, AT, ClockState("b1", False, 1.0, "server"), AT, [], {}, condition=told)
    )
    assert full["clock"]["anchor"] == "server"
    assert full["condition"]["losses"] == {"spool full": 3}
    assert full["condition"]["events"] == [["spool_broken", "2026-11-23T01:02:03Z"]]


@pytest.mark.parametrize("text", ["", "a/b", "a b", "+", "#", "a.b", "-a", "x" * 65, "気配"])
def test_an_id_that_cannot_travel_is_refused(text: str) -> None:
    with pytest.raises(BadIdError, match="gateway id"):
        check_id(text, "gateway")


@given(st.text(min_size=1))
def test_any_label_becomes_a_valid_id_and_the_same_one_each_time(label: str) -> None:
    made = make_id(label)
    assert check_id(made, "device") == made == make_id(label)
