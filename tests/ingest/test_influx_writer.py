"""The order of attempts, and what each answer of a store means."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from email.utils import formatdate
from pathlib import Path

import pytest

from domain.clock import SECOND, VirtualClock
from ingest.influx.answers import Answer, Verdict, judge
from ingest.influx.writer import Refused
from tests.ingest.pretend_store import ASKED_SECONDS, DATE_SECONDS, Bench, Order, PretendStores, bench, split
from tests.ingest.projecting import Notes, Patience, T, http_store, writer
from tests.servers import free_port


@pytest.fixture(scope="module")
def stores() -> Iterator[PretendStores]:
    with PretendStores() as listening:
        yield listening


@pytest.fixture
def clock() -> VirtualClock:
    return VirtualClock(T)


def lines(count: int, first: int = 0) -> list[str]:
    return [f"motion,home=h1 value={number}.0 {number}" for number in range(first, first + count)]


def write(
    stores: PretendStores, clock: VirtualClock, kept: Bench, wanted: Sequence[str], name: str = "a"
) -> tuple[list[Refused], Patience, Notes]:
    wait, notes = Patience(clock, 200), Notes()
    refused = writer(http_store(stores.add(name, kept), clock, 0.1), wait, clock, notes).write(wanted)
    assert refused is not None, f"gave up: {kept.requests[-10:]}"
    return refused, wait, notes


def test_the_points_that_a_store_never_takes_are_found_and_the_others_stored(
    stores: PretendStores, clock: VirtualClock
) -> None:
    kept = bench(clock=clock)
    kept.poison = {"value=17.0": "400", "value=500.0": "422", "value=501.0": "413"}
    refused, wait, notes = write(stores, clock, kept, lines(1_000))
    assert [(r.line, r.status, r.words) for r in refused] == [
        (lines(1, number)[0], status, f"these are the store's words for {status}")
        for number, status in ((17, 400), (500, 422), (501, 413))
    ]
    assert len(kept.points) == 997
    assert notes.written == 997
    assert wait.waited == []
    assert len(kept.requests) < 70, "a search by halves"


@pytest.mark.parametrize("order", ["500", "hang", "drop", "garbage"])
def test_one_point_at_which_the_store_fails_without_refusing_it_holds_nothing_up(
    stores: PretendStores, clock: VirtualClock, order: Order
) -> None:
    kept = bench(clock=clock)
    kept.poison = {"value=3.0": order}
    wanted = lines(5)
    refused, wait, _ = write(stores, clock, kept, wanted, f"poison-{order}")
    assert [r.line for r in refused] == [wanted[3]]
    assert {split(line)[::2] for line in wanted if line != wanted[3]} <= set(kept.points)
    assert sum(wait.waited) < 120
    assert refused[0].status == (500 if order == "500" else 0)
    assert refused[0].words


def test_a_single_point_at_which_the_store_fails_is_refused_only_because_the_store_takes_another_meanwhile(
    stores: PretendStores, clock: VirtualClock
) -> None:
    kept = bench(clock=clock)
    kept.poison = {"value=0.0": "500"}
    refused, _, _ = write(stores, clock, kept, lines(1), "lone")
    assert len(refused) == 1
    assert [series for series, _ in kept.points] == ["projection"] * len(kept.points)


def test_a_store_that_fails_at_everything_is_waited_for_and_nothing_is_refused(
    stores: PretendStores, clock: VirtualClock
) -> None:
    kept = bench(["500"] * 60, clock)
    refused, wait, _ = write(stores, clock, kept, lines(10), "ill")
    assert refused == []
    assert len([series for series, _ in kept.points if series != "projection"]) == 10
    assert max(wait.waited) <= 30


def test_the_pauses_grow_to_half_a_minute_and_no_further(stores: PretendStores, clock: VirtualClock) -> None:
    _, wait, _ = write(stores, clock, bench(["drop"] * 12, clock), lines(1), "pauses")
    assert wait.waited[0] <= 0.5
    assert all(0.25 <= seconds <= 30 for seconds in wait.waited)
    assert wait.waited[-1] > 10


def test_retry_after_is_honoured_as_seconds_and_as_a_date(stores: PretendStores, clock: VirtualClock) -> None:
    refused, wait, notes = write(stores, clock, bench(["429", "503"], clock), lines(3), "told")
    assert refused == []
    seconds, date = wait.waited
    assert ASKED_SECONDS <= seconds <= 1.1 * ASKED_SECONDS
    assert DATE_SECONDS - 1 <= date <= 1.1 * DATE_SECONDS
    assert [answer.verdict for answer, _ in notes.waits] == [Verdict.BUSY, Verdict.BUSY]


@pytest.mark.parametrize("order", ["401", "404", "captive", "200"])
def test_what_is_no_store_of_ours_is_never_taken_for_one(
    stores: PretendStores, clock: VirtualClock, order: Order
) -> None:
    kept = bench([order] * 3, clock)
    refused, wait, _ = write(stores, clock, kept, lines(2), f"strange-{order}")
    assert refused == []
    assert len(kept.points) == 2
    assert len(wait.waited) == 3


def test_a_store_that_is_not_there_is_waited_for(clock: VirtualClock) -> None:
    wait, notes = Patience(clock, 3), Notes()
    store = http_store(f"http://127.0.0.1:{free_port()}", clock)
    assert writer(store, wait, clock, notes).write(lines(1)) is None
    assert [answer.words for answer, _ in notes.waits] == ["nothing answers there"] * 3


def test_a_token_that_was_mended_is_used_without_a_restart(
    stores: PretendStores, clock: VirtualClock, tmp_path: Path
) -> None:
    token = tmp_path / "token"
    kept = bench(clock=clock)
    kept.token = "right"
    store = http_store(stores.add("token", kept), clock, secret_file=token)
    assert store.write(b"motion value=1.0 1").verdict is Verdict.DENIED
    token.write_text("wrong\n")
    assert store.write(b"motion value=1.0 1").status == 401
    token.write_text("right\n")
    assert store.write(b"motion value=1.0 1").verdict is Verdict.STORED


@pytest.mark.parametrize("api", ["v2", "v1"])
def test_a_secret_never_stands_in_what_is_told(
    stores: PretendStores, clock: VirtualClock, tmp_path: Path, api: str
) -> None:
    (tmp_path / "secret").write_text("s3cr3t-of-ours")
    for url in (
        stores.add(f"secret-{api}", bench(["401", "500", "garbage", "drop"], clock)),
        f"http://127.0.0.1:{free_port()}",
    ):
        store = http_store(url, clock, api=api, username="kehai", secret_file=tmp_path / "secret")
        for _ in range(4):
            assert "s3cr3t" not in str(store.write(b"motion value=1.0 1"))


@pytest.mark.parametrize(
    ("status", "headers", "body", "wanted"),
    [
        (204, {}, b"", Answer(Verdict.STORED, 204)),
        (200, {}, b"", Answer(Verdict.UNKNOWN, 200)),
        (400, {}, b'{"error":"partial write:\\n dropped=1"}', Answer(Verdict.REFUSED, 400, "partial write: dropped=1")),
        (400, {"content-type": "text/html"}, b"<html>", Answer(Verdict.DENIED, 400, "<html>")),
        (413, {"content-type": "text/html"}, b"<html>", Answer(Verdict.REFUSED, 413, "<html>")),
        (422, {}, b'{"code":"x","message":"y"}', Answer(Verdict.REFUSED, 422, "y")),
        (422, {}, b"[1]\xff", Answer(Verdict.REFUSED, 422, "[1]\ufffd")),
        (301, {}, b"", Answer(Verdict.DENIED, 301)),
        (502, {}, b"", Answer(Verdict.UNKNOWN, 502)),
        (429, {"retry-after": "2.5"}, b"", Answer(Verdict.BUSY, 429, "", 2.5)),
        (429, {"retry-after": "soon"}, b"", Answer(Verdict.BUSY, 429)),
        (429, {"retry-after": "-1"}, b"", Answer(Verdict.BUSY, 429)),
        (429, {"retry-after": "inf"}, b"", Answer(Verdict.BUSY, 429)),
        (503, {"retry-after": formatdate(T / SECOND + 60, usegmt=True)}, b"", Answer(Verdict.BUSY, 503, "", 60.0)),
        (503, {"retry-after": formatdate(T / SECOND - 60, usegmt=True)}, b"", Answer(Verdict.BUSY, 503)),
        (401, {"x-influxdb-error": "no"}, b"", Answer(Verdict.DENIED, 401, "no")),
    ],
)
def test_what_an_answer_means(status: int, headers: dict[str, str], body: bytes, wanted: Answer) -> None:
    assert judge(status, headers, body, T) == wanted
