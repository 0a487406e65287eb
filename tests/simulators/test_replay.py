"""One code for live, replay and restart: the same facts give the same alert log, to the byte."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from alerts.book import Book, MemoryBook
from alerts.log import alert_log
from alerts.sqlbook import SqlBook
from alerts.watch import Watch
from domain.clock import DAY, HOUR, MINUTE, SECOND
from domain.ids import HomeId
from domain.localtime import LocalTime
from domain.readings import Arrival, Reading
from domain.stage import ListFeed, drive
from ingest.feed import JournalFeed
from ingest.journal import Journal
from registry.database import migrate, open_database
from simulators.broker import BrokerUrl
from simulators.incidents import collapse, sensor_dead
from simulators.player import arrivals
from simulators.recording import Recording, read_recording
from simulators.replay import Replay
from simulators.simulate import write_recording
from simulators.through_broker import through_broker
from tests.servers import Mosquitto
from tests.simulators.homes import recorded, with_outage, with_readings


def eventful() -> Recording:
    """A fall, a thermometer that dies, an afternoon without the gateway."""
    home = recorded()
    fall = collapse(home.home, home.readings, home.start + 12 * DAY + 9 * HOUR, 6 * HOUR)
    assert fall is not None
    dead = home.start + 10 * DAY
    device = home.home.devices["living-climate"].id
    changed = replace(home, home=replace(home.home, silent_from={device: dead}))
    changed = with_readings(changed, sensor_dead(fall[0], device, dead))
    return with_outage(changed, home.start + 14 * DAY + 13 * HOUR, home.start + 14 * DAY + 17 * HOUR)


@pytest.fixture(scope="module")
def recording() -> Recording:
    return eventful()


@pytest.fixture(scope="module")
def log(recording: Recording) -> str:
    run = Replay(recording)
    run.full()
    return run.log()


def log_of(book: MemoryBook | SqlBook, recording: Recording) -> str:
    rows = book.findings.values() if isinstance(book, MemoryBook) else book.all_findings()
    return alert_log(rows, lambda _home: recording.home.zone)


def test_the_log_tells_of_everything_that_happened(log: str) -> None:
    kinds = {'"inactivity"', '"device_silent"', '"gateway_silent"'}
    assert all(kind in log for kind in kinds)


def test_twice_gives_the_same_bytes(recording: Recording, log: str) -> None:
    again = Replay(recording)
    again.full()
    assert again.log() == log


def test_the_short_way_of_backtests_gives_the_same_bytes(recording: Recording, log: str) -> None:
    short = Replay(recording)
    short.short()
    assert short.log() == log


@pytest.mark.parametrize("seed", range(4))
def test_any_split_into_runs_gives_the_same_bytes(recording: Recording, log: str, seed: int) -> None:
    every = list(arrivals(recording))
    rng = random.Random(seed)
    cuts = sorted(rng.sample(range(1, len(every)), 15))
    book = MemoryBook()
    for start, end in zip([0, *cuts], [*cuts, len(every)], strict=True):
        watch = Watch(book, save_every=30 * MINUTE)
        drive(ListFeed(every[start:end]), watch)
        watch.save(watch.now)
    assert log_of(book, recording) == log


@pytest.mark.parametrize("seed", range(3))
def test_a_watch_that_is_killed_at_any_moment_says_nothing_twice_and_forgets_nothing(
    recording: Recording, log: str, tmp_path: Path, seed: int
) -> None:
    """Killed: what was not committed is gone; the next one reads the unread tail again."""
    every = [a for a in arrivals(recording) if a.received_at > recording.start + 9 * DAY]
    engine = open_database(f"sqlite:///{tmp_path / 'book.db'}")
    migrate(engine)
    book = SqlBook(engine)
    early = [a for a in arrivals(recording) if a.received_at <= recording.start + 9 * DAY]
    watch = Watch(book, save_every=2 * HOUR)
    drive(ListFeed(early), watch)
    watch.save(watch.now)
    rng = random.Random(seed)
    at = early[-1].offset
    while at < every[-1].offset:
        watch = Watch(book, save_every=2 * HOUR)
        tail = [a for a in every if a.offset > watch.offset]
        stop = rng.randint(1, 250)
        drive(ListFeed(tail[:stop]), watch)  # and then it is killed: no save
        at = max(at, tail[:stop][-1].offset)
        if at == every[-1].offset:
            watch.save(watch.now)
    assert log_of(book, recording) == log
    engine.dispose()


@pytest.mark.parametrize("seed", range(3))
def test_any_jitter_below_the_lateness_bound_gives_the_same_bytes(recording: Recording, log: str, seed: int) -> None:
    rng = random.Random(seed)

    def jittered() -> Iterator[Arrival]:
        offset = 0
        for arrival in arrivals(recording):
            delay = rng.randint(0, 110) * SECOND
            readings = tuple(item for item in arrival.items if isinstance(item, Reading))
            rest = tuple(item for item in arrival.items if not isinstance(item, Reading))
            mixed = rng.sample(readings, len(readings))
            for items in (mixed[: len(mixed) // 2], mixed[len(mixed) // 2 :], rest):
                offset += 1
                yield Arrival(offset, arrival.received_at + delay, tuple(items))

    book = MemoryBook()
    drive(ListFeed(jittered()), Watch(book, save_every=DAY))
    assert log_of(book, recording) == log


def test_messages_that_never_come_do_change_the_log(recording: Recording, log: str) -> None:
    """The control: a comparison that cannot fail proves nothing."""
    gap = [arrival for arrival in arrivals(recording) if not 1500 < arrival.offset < 1520]
    book = MemoryBook()
    drive(ListFeed(gap), Watch(book, save_every=DAY))
    assert log_of(book, recording) != log


def test_a_journal_that_was_read_live_gives_the_same_bytes_when_it_is_replayed(
    recording: Recording, log: str, tmp_path: Path
) -> None:
    journal = Journal(tmp_path / "journal.db", durable=False)
    live, replay = Replay(recording), MemoryBook()
    feed = JournalFeed(journal)
    for arrival in live.through_ingest(journal):
        drive(feed, live.watch)  # each commit as soon as it is there
        assert live.watch.offset == arrival.offset
    assert live.log() == log
    drive(JournalFeed(journal), Watch(replay, save_every=DAY))
    journal.close()
    assert log_of(replay, recording) == log


def test_what_an_earlier_run_held_opens_after_the_restart(recording: Recording) -> None:
    every = list(arrivals(recording))
    book: Book = MemoryBook()
    catching_up = Watch(book, save_every=DAY, catching_up=lambda _now: True)
    fall_is_open = next(n for n, a in enumerate(every) if a.received_at > recording.start + 12 * DAY + 11 * HOUR)
    drive(ListFeed(every[:fall_is_open]), catching_up)
    catching_up.save(catching_up.now)
    with book.transaction() as page:
        assert page.held(), "the fall was found while the backlog was being read"
    restarted = Watch(book, save_every=DAY)
    drive(ListFeed(every[fall_is_open : fall_is_open + 1]), restarted)
    with book.transaction() as page:
        assert not page.held()
        alert = page.current(HomeId("home"), "inactivity")
    assert alert is not None
    assert alert.late


def test_a_recording_survives_being_written_and_read(recording: Recording, log: str, tmp_path: Path) -> None:
    write_recording(tmp_path / "home", recording.home, recording.readings)
    rows = "\n".join(f"{recording.home.zone.iso(a)},{recording.home.zone.iso(b)}" for a, b in recording.outages)
    (tmp_path / "home" / "outages.csv").write_text(f"start,end\n{rows}\n")
    again = read_recording(tmp_path / "home")
    assert again.bad.count == 0
    run = Replay(again)
    run.short()
    assert run.log() == log


@pytest.mark.server
def test_through_a_real_broker_the_gateway_s_own_code_gives_the_same_bytes(tmp_path: Path) -> None:
    """Eleven days, so that it takes seconds: a fall and an hour without the gateway."""
    home = recorded(days=11)
    fall = collapse(home.home, home.readings, home.start + 9 * DAY + 9 * HOUR, 14 * HOUR)
    assert fall is not None
    home = with_readings(home, [r for r in fall[0] if r.at > home.start + 8 * DAY])
    home = with_outage(home, home.start + DAY, home.start + DAY + 2 * HOUR)
    direct, broker_run = Replay(home), Replay(home)
    direct.full()
    with Mosquitto(tmp_path) as broker:
        asyncio.run(through_broker(broker_run, BrokerUrl("127.0.0.1", broker.port), lambda _now: None))
    assert '"gateway_silent"' in direct.log()
    assert '"page"' in direct.log()
    assert broker_run.log() == direct.log()


def test_local_time_of_a_log_is_the_home_s(log: str) -> None:
    assert "+09:00" in log
    assert LocalTime("Asia/Tokyo").name == "Asia/Tokyo"
