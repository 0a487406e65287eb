"""Which sequence numbers are stored."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from ingest.streams import MAX_ISLANDS, Stream

RANGES = st.lists(st.tuples(st.integers(1, 60), st.integers(0, 8)).map(lambda r: (r[0], r[0] + r[1])), max_size=40)


@given(RANGES)
def test_a_stream_is_the_set_of_its_numbers_in_whatever_order_they_come(ranges: list[tuple[int, int]]) -> None:
    stream, model = Stream(1, "g", "e"), set[int]()
    for first, last in ranges:
        stream.add(first, last)
        model |= set(range(first, last + 1))
    assert {n for n in range(1, 80) if n in stream} == model
    prefix = 0
    while prefix + 1 in model:
        prefix += 1
    assert stream.through == prefix
    assert all(b + 1 < c for (_, b), (c, _) in zip(stream.islands, stream.islands[1:], strict=False))


def test_a_sender_of_scattered_numbers_is_noticed_before_it_fills_the_memory() -> None:
    stream = Stream(1, "g", "e")
    for n in range(MAX_ISLANDS):
        assert not stream.would_scatter(3 + 2 * n)
        stream.add(3 + 2 * n, 3 + 2 * n)
    assert stream.would_scatter(10 * MAX_ISLANDS)
    assert not stream.would_scatter(1), "what closes a gap is always welcome"
