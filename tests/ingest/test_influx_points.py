"""Keys and names of points."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.clock import MILLISECOND, SECOND, Instant
from domain.ids import WATCHDOG, DeviceId, HomeId
from domain.readings import Hello, Mark, Quantity, Reading
from ingest.influx.points import SCHEMA, Lines, probe, tag_room
from tests.ingest.pretend_store import split
from tests.ingest.projecting import T, hello, reading, vouch


def line(of: Reading, room: str = "") -> str:
    (made,) = Lines(lambda _gateway, _device: room).of(of, 1)
    return made


def key(of: Reading) -> tuple[str, str]:
    return split(line(of))[::2]


def test_a_reading_is_one_line_whose_last_six_digits_are_its_sequence_number() -> None:
    made = line(reading(42, 1_790_000_000_123_456, 21.5, quantity=Quantity.TEMPERATURE), "kitchen")
    assert made == ("temperature,device=hall,epoch=e1,gateway=g1,home=h1,room=kitchen value=21.5 1790000000123000042")


def test_what_ingest_noted_is_a_field_only_where_there_is_something_to_note() -> None:
    assert line(reading(1, T, flags=3)).split(" ")[1] == "value=1.0,flags=3i"


def test_a_heartbeat_is_dated_by_its_receipt_and_tells_the_gateway_s_lag() -> None:
    (made,) = Lines(lambda *_: "").of(vouch(T + 2_500 * MILLISECOND, T), 7)
    assert made == f"heartbeat,gateway=g1,home=h1 lag=2.5 {(T + 2_500 * MILLISECOND) // MILLISECOND}000007"


def test_greetings_and_marks_are_no_points() -> None:
    lines = Lines(lambda *_: "")
    nothing: tuple[Hello | Mark, ...] = (hello(), Mark(T))
    assert [made for item in nothing for made in lines.of(item, 1)] == []


def test_the_watchdog_s_readings_and_heartbeats_are_no_points() -> None:
    lines, home = Lines(lambda *_: ""), HomeId(WATCHDOG)
    assert list(lines.of(reading(1, T)._replace(home=home), 1)) == []
    assert list(lines.of(replace(vouch(T, T), home=home), 1)) == []


readings = st.builds(
    reading,
    st.integers(1, 2**62) | st.integers(1, 3_000_000),
    st.integers(T, T + 3 * MILLISECOND),
    epoch=st.sampled_from(["e1", "e2"]),
    device=st.sampled_from([DeviceId("hall"), DeviceId("door")]),
)


@given(readings, readings)
def test_two_readings_share_a_key_only_when_they_are_the_same(one: Reading, other: Reading) -> None:
    same = (one.gateway, one.epoch, one.seq) == (other.gateway, other.epoch, other.seq)
    if key(one) == key(other):
        assert same


@given(st.sets(st.integers(0, 5_000_000), min_size=2), st.integers(0, 10**15))
def test_readings_of_one_instant_stay_apart_however_many_there_are(seqs: set[int], at: Instant) -> None:
    assert len({key(reading(seq, at)) for seq in seqs}) == len(seqs)


@given(readings, st.floats(-1e9, 1e9), st.integers(0, 3))
def test_a_key_rests_on_the_reading_alone(one: Reading, value: float, flags: int) -> None:
    again = reading(one.seq, one.observed_at, value, epoch=one.epoch, device=one.device, flags=flags)
    assert key(one) == key(again)


@given(readings)
def test_the_time_of_a_point_is_the_reading_s_to_the_millisecond(one: Reading) -> None:
    assert int(key(one)[1]) // 1_000_000 == one.observed_at // MILLISECOND


@pytest.mark.parametrize(
    ("room", "tag"),
    [
        (None, ""), ("", ""), ("kitchen", "kitchen"), ("living room, 1st=2", "living room, 1st=2"), ("台所", "台所"),
        ("a\nb\tc\x00", "a b c"), ("attic\\", "attic/"), ("  ", ""),
    ],
)  # fmt: skip
def test_a_room_s_name_becomes_a_tag_that_hides_no_line_and_no_value(room: str | None, tag: str) -> None:
    assert tag_room(room) == tag
    series, fields, _ = split(line(reading(1, T), tag_room(room)))
    assert fields == "value=1.0"
    assert ("room=" in series) == bool(tag)


@settings(max_examples=30)
@given(st.text(max_size=80))
def test_no_room_can_break_a_line(room: str) -> None:
    made = line(reading(1, T), tag_room(room))
    assert "\n" not in made
    assert split(made)[1] == "value=1.0"


def test_every_name_that_is_written_is_in_the_list_of_names() -> None:
    made = [line(reading(2_000_000, T, flags=1, quantity=quantity), "hall") for quantity in Quantity]
    made += [*Lines(lambda *_: "").of(vouch(T, T - SECOND), 1), probe(T)]
    for text in made:
        series, fields, _ = split(text)
        measurement, *tags = re.split(r"(?<!\\),", series)
        assert {tag.split("=")[0] for tag in tags} == SCHEMA[measurement][0]
        assert {field.split("=")[0] for field in fields.split(",")} == SCHEMA[measurement][1]
    assert {text.split(",")[0].split(" ")[0] for text in made} == set(SCHEMA)
