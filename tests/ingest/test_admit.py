"""Admit: what comes in, and why the rest does not."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from domain.clock import DAY, HOUR, SECOND
from domain.ids import DeviceId
from domain.readings import Device, Flag
from domain.wire import MAX_PAYLOAD, Condition, Up, up_topic
from ingest.admit import AdmittedHeartbeat, AdmittedHello, AdmittedReadings, Refusal, Why, admit
from registry.directory import MemoryDirectory
from tests.ingest.gateways import HEARTBEAT, HELLO, READINGS, T, beat, directory, hello, motions, record, twisted


def refusal(topic: str, payload: bytes, retained: bool = False) -> Why | None:
    admitted = admit(topic, payload, T, directory(), retained)
    return admitted.reason if isinstance(admitted, Refusal) else None


@pytest.mark.parametrize(
    ("topic", "payload", "why"),
    [
        (READINGS, b"", Why.NOT_JSON),
        (READINGS, b"\xff\xfe{}", Why.NOT_JSON),
        (READINGS, b'{"v":1,', Why.NOT_JSON),
        (READINGS, b"[" * 10_000, Why.WRONG_SHAPE),
        (READINGS, b"[]", Why.WRONG_SHAPE),
        (READINGS, b'{"v":1}', Why.WRONG_SHAPE),
        (READINGS, b'{"v":2}', Why.UNKNOWN_VERSION),
        (READINGS, twisted(motions(1, T), v=7), Why.UNKNOWN_VERSION),
        (READINGS, twisted(motions(1, T), seq=0), Why.WRONG_SHAPE),
        (READINGS, twisted(motions(1, T), seq=2**63), Why.WRONG_SHAPE),
        (READINGS, twisted(motions(1, T), seq="1"), Why.WRONG_SHAPE),
        (READINGS, twisted(motions(1, T), epoch="a/b"), Why.WRONG_SHAPE),
        (READINGS, twisted(motions(1, T), senml=[]), Why.OVERSIZED),
        (READINGS, twisted(motions(1, T), sent_at="soon"), Why.BAD_TIME),
        (READINGS, twisted(motions(1, T), gateway="g2"), Why.WRONG_GATEWAY),
        (READINGS, b" " * (MAX_PAYLOAD + 1), Why.OVERSIZED),
        (up_topic("g9", Up.READINGS), motions(1, T), Why.UNKNOWN_GATEWAY),
        ("kehai/1/gw/g1/up/gossip", b"{}", Why.UNKNOWN_TOPIC),
        ("kehai/1/gw//up/readings", b"{}", Why.UNKNOWN_TOPIC),
        (HEARTBEAT, beat(-1, T), Why.WRONG_SHAPE),
        (HEARTBEAT, beat(0, T + 400 * DAY), Why.FAR_FUTURE),
        (HEARTBEAT, twisted(beat(0, T), spells=[["2026-01-02T00:00:00Z", "2026-01-01T00:00:00Z"]]), Why.BAD_TIME),
        (HEARTBEAT, twisted(beat(0, T), through="2026-01-01T00:00:00"), Why.BAD_TIME),
        (HELLO, twisted(hello(), devices=[{"id": "a b", "kind": "motion"}]), Why.WRONG_SHAPE),
        (HELLO, twisted(hello(), devices=[{"id": "a", "kind": "smell"}]), Why.WRONG_SHAPE),
        (HELLO, twisted(hello(), devices=[{"id": "a", "kind": "motion", "check_in_s": -5}]), Why.WRONG_SHAPE),
    ],
)
def test_a_message_that_cannot_be_used_is_refused_with_its_reason(topic: str, payload: bytes, why: Why) -> None:
    assert refusal(topic, payload) is why


def test_a_retained_message_is_never_a_sign_of_life() -> None:
    assert refusal(READINGS, motions(1, T), retained=True) is Why.RETAINED
    assert refusal(HEARTBEAT, beat(0, T), retained=True) is Why.RETAINED


@pytest.mark.parametrize(
    ("payload", "why"),
    [
        (record(n="attic/motion"), Why.UNKNOWN_DEVICE),
        (record(bn="g2/"), Why.WRONG_GATEWAY),
        (record(n="hall/mood"), Why.BAD_VALUE),
        (record(vb=None), Why.BAD_VALUE),
        (record(n="air/temperature", vb=None, v=1e300), Why.BAD_VALUE),
        (record(n="door/door", vb=None, vs="ajar"), Why.BAD_VALUE),
        (record(t=400 * 86_400.0), Why.FAR_FUTURE),
        (record(bt=-1.0), Why.BAD_TIME),
        (record(bt=1e308), Why.BAD_TIME),
        (record(bt=1e308, t=-1e308), Why.BAD_TIME),
    ],
)
def test_one_bad_record_is_refused_alone_and_its_number_counts_as_dealt_with(payload: bytes, why: Why) -> None:
    admitted = admit(READINGS, payload, T, directory())
    assert isinstance(admitted, AdmittedReadings)
    assert admitted.readings == []
    assert [refused.reason for refused in admitted.refused] == [why]
    assert (admitted.first, admitted.last) == (1, 1)


def test_not_a_number_is_no_json_and_infinity_is_no_measurement() -> None:
    nan = record(n="air/temperature", vb=None, v=20.5).replace(b"20.5", b"NaN")
    assert refusal(READINGS, nan) is Why.NOT_JSON
    assert refusal(READINGS, nan.replace(b"NaN", b"1e400")) is Why.WRONG_SHAPE


def test_a_stamp_from_the_future_is_moved_back_to_when_it_came_and_flagged() -> None:
    admitted = admit(READINGS, motions(1, T + SECOND, T + DAY), T, directory())
    assert isinstance(admitted, AdmittedReadings)
    near, far = admitted.readings
    assert (near.observed_at, near.flags) == (T, 0), "a small skew is nobody's fault"
    assert (far.observed_at, far.stamp, far.flags) == (T, T + DAY, Flag.CLAMPED)


def test_nothing_in_a_heartbeat_may_lie_in_the_future() -> None:
    admitted = admit(HEARTBEAT, beat(3, T + DAY, (T - HOUR, T + DAY)), T, directory())
    assert isinstance(admitted, AdmittedHeartbeat)
    assert admitted.through == T
    assert admitted.spells == [(T - HOUR, T)]


def test_a_gateway_whose_clock_nobody_has_set_is_dated_by_when_its_message_came() -> None:
    boot = DAY  # a Pi without a battery: the second of January 1970
    payload = twisted(motions(1, boot - HOUR, boot), clock={"boot": "b", "synced": False})
    admitted = admit(READINGS, payload, T, directory())
    assert isinstance(admitted, AdmittedReadings)
    assert [reading.observed_at for reading in admitted.readings] == [T - HOUR, T], "one hour apart, as they were"
    assert [reading.stamp for reading in admitted.readings] == [boot - HOUR, boot]
    assert {reading.flags for reading in admitted.readings} == {Flag.UNSYNCED}


def test_a_clock_that_runs_far_ahead_and_was_never_set_loses_no_order() -> None:
    payload = twisted(motions(1, T + 800 * DAY, T + 801 * DAY), clock={"boot": "b", "synced": False})
    admitted = admit(READINGS, payload, T, directory())
    assert isinstance(admitted, AdmittedReadings)
    assert [reading.observed_at for reading in admitted.readings] == [T - DAY, T]


@pytest.mark.parametrize("clock", [{"synced": True}, {"synced": False, "anchor": "server"}])
def test_what_was_dated_by_an_anchor_keeps_its_date_however_long_it_was_on_its_way(clock: dict[str, object]) -> None:
    admitted = admit(READINGS, twisted(motions(1, T - DAY), clock={"boot": "b"} | clock), T, directory())
    assert isinstance(admitted, AdmittedReadings)
    assert admitted.readings[0].observed_at == T - DAY
    near = admit(READINGS, twisted(motions(1, T - 50 * SECOND), clock={"boot": "b", "synced": False}), T, directory())
    assert isinstance(near, AdmittedReadings)
    assert near.readings[0].observed_at == T - 50 * SECOND, "a minute is as well the broker's doing"


def test_a_heartbeat_by_a_clock_that_nobody_has_set_vouches_for_its_own_run_only() -> None:
    payload = twisted(beat(3, DAY, (HOUR, 2 * HOUR), (DAY - HOUR, DAY)), clock={"boot": "b", "synced": False})
    admitted = admit(HEARTBEAT, payload, T, directory())
    assert isinstance(admitted, AdmittedHeartbeat)
    assert (admitted.through, admitted.spells) == (T, [(T - HOUR, T)])


def test_what_a_gateway_tells_of_itself_is_passed_on_cut_to_size() -> None:
    told = Condition(
        "kehai 1" * 50, "server", 2_000_000, kept=-5, losses={"spool full": 7, "nothing": 0, "x" * 999: 1},
        events=[(f"event-{n}", "2026-01-01T00:00:00Z") for n in range(500)],
    )  # fmt: skip
    for topic, payload in ((HEARTBEAT, beat(0, T, condition=told)), (HELLO, hello(condition=told))):
        admitted = admit(topic, payload, T, directory())
        assert isinstance(admitted, AdmittedHeartbeat | AdmittedHello)
        condition = admitted.condition
        assert condition is not None
        assert (condition.anchor, condition.capacity, condition.kept) == ("server", 2_000_000, 0)
        assert condition.losses == {"spool full": 7, "x" * 80: 1}
        assert len(condition.software) == 80
        assert [code for code, _ in condition.events] == [f"event-{n}" for n in range(480, 500)]
    silent = admit(HEARTBEAT, beat(0, T), T, directory())
    assert isinstance(silent, AdmittedHeartbeat)
    assert silent.condition is None


def test_a_stamp_survives_the_wire_to_the_microsecond() -> None:
    stamps = [T - 7 * SECOND + n for n in (0, 1, 123_457, 999_999)]
    admitted = admit(READINGS, motions(1, *stamps), T, directory())
    assert isinstance(admitted, AdmittedReadings)
    assert [reading.observed_at for reading in admitted.readings] == stamps


@given(st.sampled_from([READINGS, HEARTBEAT, HELLO, "kehai/1/gw/g1/up/x", ""]), st.binary(max_size=200))
@example(READINGS, b'{"v":1,"gateway":"g1","epoch":"","seq":1,"sent_at":"","clock":{},"senml":[{}]}')
def test_no_bytes_make_admit_raise(topic: str, payload: bytes) -> None:
    outcome = admit(topic, payload, T, directory())
    assert isinstance(outcome, Refusal)
    assert outcome.reason is not Why.FAULT


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=6,
)


@given(st.data())
def test_no_json_in_the_place_of_any_field_makes_admit_raise(data: st.DataObject) -> None:
    topic, payload = data.draw(st.sampled_from([(READINGS, motions(1, T)), (HEARTBEAT, beat(1, T)), (HELLO, hello())]))
    fields = (
        "v",
        "gateway",
        "epoch",
        "seq",
        "sent_at",
        "clock",
        "senml",
        "through",
        "spells",
        "heard",
        "lost",
        "devices",
    )
    key = data.draw(st.sampled_from(fields))
    admitted = admit(topic, twisted(payload, **{key: data.draw(JSON)}), T, directory())
    assert isinstance(admitted, AdmittedReadings | AdmittedHeartbeat | AdmittedHello | Refusal)


class Brittle(dict[DeviceId, Device]):
    """Stands for a fault of ours that nobody has found yet."""

    def __contains__(self, key: object) -> bool:
        raise ZeroDivisionError("nobody thought of this")


def test_a_fault_of_ours_costs_one_message_and_stops_nobody() -> None:
    known = directory()
    broken = MemoryDirectory([replace(known._entries["g1"], devices=Brittle(known._entries["g1"].devices))])
    outcome = admit(READINGS, motions(1, T), T, broken)
    assert isinstance(outcome, Refusal)
    assert (outcome.reason, outcome.detail) == (Why.FAULT, "ZeroDivisionError: nobody thought of this")
