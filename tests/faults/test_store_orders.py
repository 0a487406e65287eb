"""Every order in which a store can answer, up to three in a row: what was sent is stored or kept with the store's words.

An outside ledger is compared, key and value, with what the store really holds and what was refused. At the first pause the
projection's process ends, and another one starts from the saved cursor.
"""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from sqlalchemy import Engine

from domain.clock import MILLISECOND, SECOND, VirtualClock
from ingest.influx.answers import Answer, Store, Verdict
from ingest.influx.cursor import passed
from ingest.influx.projection import Projection
from ingest.influx.refused import refused_points
from ingest.influx.store import HttpStore
from tests.ingest.pretend_store import Bench, Order, PretendStores, bench, split
from tests.ingest.projecting import Keeper, T, database, hello, http_store, projection, reading, vouch

ORDERS: tuple[Order, ...] = ("204", "400", "413", "422", "429", "500", "503", "hang")
WORSE: tuple[Order, ...] = ("drop", "garbage", "401", "404", "200", "captive")
EVERY = [order for length in (1, 2, 3) for order in itertools.product(ORDERS, repeat=length)]
POISON = "value=13.0"
TIMEOUT = 0.15
MOST_REQUESTS = 40


@dataclass(frozen=True)
class Sent:
    journal: Path
    points: dict[tuple[str, str], str]
    """The outside ledger, written down by hand: (series, timestamp) -> fields."""
    last: int


@pytest.fixture(scope="module")
def sent(tmp_path_factory: pytest.TempPathFactory) -> Sent:
    """Two commits: two readings in one microsecond among them, a heartbeat, and one point that the store never takes."""
    keeper = Keeper(tmp_path_factory.mktemp("orders") / "journal.db")
    keeper.commit(hello(), reading(1, T), reading(2, T, 0.0), reading(3, T + 5 * SECOND))
    last = keeper.commit(
        reading(4, T + 6 * SECOND, 13.0), reading(5, T + 7 * SECOND, 0.5), vouch(T + 9 * SECOND, T + 8 * SECOND)
    )
    keeper.journal.close()
    hall = "motion,device=hall,epoch=e1,gateway=g1,home=h1,room=hall"
    milliseconds = T // MILLISECOND
    return Sent(
        keeper.path,
        {
            (hall, f"{milliseconds}000001"): "value=1.0",
            (hall, f"{milliseconds}000002"): "value=0.0",
            (hall, f"{milliseconds + 5_000}000003"): "value=1.0",
            (hall, f"{milliseconds + 6_000}000004"): "value=13.0",
            (hall, f"{milliseconds + 7_000}000005"): "value=0.5",
            ("heartbeat,gateway=g1,home=h1", f"{milliseconds + 9_000}00000{last}"): "lag=1.0",
        },
        last,
    )


@pytest.fixture(scope="module")
def stores() -> Iterator[PretendStores]:
    with PretendStores() as listening:
        yield listening


def faults(sent: Sent, kept: Bench, engine: Engine, waits: int) -> Iterator[str]:
    """What is wrong after a run, by comparing the outside ledger with the store and the refused points."""
    refused = {split(point.line)[::2]: point for point in refused_points(engine)}
    points = {key: fields for key, fields in kept.points.items() if not key[0].startswith("projection")}
    for key, fields in sent.points.items():
        if key not in points and key not in refused:
            yield f"lost: {key}"
        if key in points and points[key] != fields:
            yield f"another value: {key} {points[key]}"
    if extra := (points.keys() | refused.keys()) - sent.points.keys():
        yield f"never sent: {extra}"
    if astray := refused.keys() - kept.refused_alone:  # the other way round it may have been taken after a restart
        yield f"kept as refused, but never refused alone: {astray}"
    for point in refused.values():
        if point.words != f"these are the store's words for {point.status}":
            yield f"not the store's words: {point}"
    if passed(engine) != sent.last:
        yield f"the cursor stands at {passed(engine)}"
    if len(kept.requests) > MOST_REQUESTS or waits > MOST_REQUESTS:
        yield f"{len(kept.requests)} requests and {waits} waits"


def run(
    stores: PretendStores, sent: Sent, orders: Sequence[Order], kind: type[Projection] = Projection,
    around: type[Store] | None = None, api: str = "v2",
) -> list[str]:  # fmt: skip
    """One order of answers; what was wrong in the end."""
    clock = VirtualClock(T + 60 * SECOND)
    kept = bench(orders, clock)
    kept.poison[POISON] = "422"
    store: Store = http_store(stores.add(f"{api}-{'-'.join(orders)}", kept), clock, TIMEOUT, api=api)
    store = around(store) if around else store  # type: ignore[call-arg]  # a broken one, for the controls
    engine, waits = database(), 0
    for most in (1, 100):  # the first process ends at its first pause
        made, wait = projection(sent.journal, engine, store, clock, most=most)
        made.__class__ = kind
        made.run(lambda: False)
        waits += len(wait.waited)
        made.close()
    found = list(faults(sent, kept, engine, waits))
    engine.dispose()
    return found


def campaign(
    stores: PretendStores, sent: Sent, every: Sequence[Sequence[Order]], kind: type[Projection] = Projection,
    around: type[Store] | None = None, api: str = "v2",
) -> dict[Sequence[Order], list[str]]:  # fmt: skip
    """The orders in which something went wrong; several run at once, because a hanging connection takes its time."""
    with ThreadPoolExecutor(8) as pool:
        found = pool.map(lambda orders: run(stores, sent, orders, kind, around, api), every)
        return {orders: wrong for orders, wrong in zip(every, found, strict=True) if wrong}


def test_there_are_584_orders() -> None:
    assert len(EVERY) == 8 + 64 + 512


def test_in_every_order_of_answers_every_point_is_stored_or_kept_with_the_store_s_words(
    stores: PretendStores, sent: Sent
) -> None:
    assert campaign(stores, sent, EVERY) == {}


def test_the_same_holds_for_the_wire_form_of_influxdb_1(stores: PretendStores, sent: Sent) -> None:
    assert campaign(stores, sent, EVERY[: len(ORDERS)], api="v1") == {}


def test_longer_orders_with_lost_and_senseless_answers_by_chance(
    stores: PretendStores, sent: Sent, rounds: int | None, chance: random.Random
) -> None:
    every = [chance.choices((*ORDERS, *WORSE), k=chance.randint(4, 8)) for _ in range(rounds or 40)]
    assert campaign(stores, sent, [tuple(orders) for orders in every]) == {}


class CursorFirst(Projection):
    """Broken on purpose: moves the cursor before the write."""

    def step(self) -> bool | None:
        newest = self._journal.last()
        if newest is not None:
            self._ledger.save(newest[0])
        return super().step()


class Careless:
    """Broken on purpose: takes a 500 for stored."""

    def __init__(self, store: HttpStore) -> None:
        self._store = store

    def write(self, lines: bytes) -> Answer:
        answer = self._store.write(lines)
        return replace(answer, verdict=Verdict.STORED) if answer.status == 500 else answer


def test_the_control_that_moves_the_cursor_before_the_write_is_caught(stores: PretendStores, sent: Sent) -> None:
    wrong = campaign(stores, sent, [("503",), ("500",)], kind=CursorFirst)
    assert all(any("lost" in fault for fault in wrong[orders]) for orders in (("503",), ("500",)))


def test_the_control_that_takes_a_500_for_stored_is_caught(stores: PretendStores, sent: Sent) -> None:
    wrong = campaign(stores, sent, [("500",), ("204", "500")], around=Careless)
    assert any("lost" in fault for fault in wrong["500",])
