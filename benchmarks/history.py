"""How long one home's day takes out of a large journal, and what retention costs: figures of one run, printed.

``python -m benchmarks.history [--rows 10000000] [--folder DIR] [--year]``. The journal is built with the homes
interleaved as they come in. Of every twentieth home the readings of half the days come last, into hours that are long
written, as those of a gateway do that was away. Days are read through JournalHistory, as the pages do.
"""

from __future__ import annotations

import argparse
import random
import sqlite3
import statistics
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from domain.clock import DAY, HOUR, MILLISECOND, SECOND, Instant, monotonic
from domain.ids import DeviceId, GatewayId, HomeId
from domain.readings import Quantity, Reading
from ingest.history import JournalHistory
from ingest.journal import Batch, Journal
from ingest.retention import Keep, Retention

START: Instant = 1_790_000_000 * SECOND // DAY * DAY
SERIES = (
    *(Quantity.MOTION,) * 5, *(Quantity.DOOR,) * 2, *(Quantity.TEMPERATURE,) * 2, Quantity.HUMIDITY,
)  # fmt: skip
PER_HOUR = 125
"""Readings of one home in one hour: 3,000 a day."""
_INSERT = "INSERT INTO readings VALUES (?, ?, ?, ?, ?, ?, ?, ?)"

_Row = tuple[int, int, int, int, int, float, int, int]


@dataclass(frozen=True, slots=True)
class Built:
    """A journal made for measuring."""

    path: Path
    homes: int
    days: int
    rows: int
    late_homes: tuple[int, ...]
    live_rows_s: float
    """Rows stored a second, in commits of 1,000 that reach the disk, into the present hour."""
    late_rows_s: float
    """The same into old hours."""


def _hour_of(home: int, hour: int, chance: random.Random) -> list[_Row]:
    first = home * len(SERIES)
    base = START // HOUR + hour
    return [
        (base, first + chance.randrange(len(SERIES)) + 1, base * HOUR + chance.randrange(HOUR), home + 1,
         hour * PER_HOUR + n + 1, float(n % 2), 0, base * HOUR)
        for n in range(PER_HOUR)
    ]  # fmt: skip


def build(path: Path, rows: int, days: int = 30, seed: int = 1) -> Built:
    """A journal of about ``rows`` readings over ``days`` days at ``path``."""
    chance, homes = random.Random(seed), max(20, rows // (days * 24 * PER_HOUR))  # noqa: S311 (no secrets)
    Journal(path).close()
    late = tuple(range(0, homes, 20))
    away = range(days // 4 * 24, days * 3 // 4 * 24)
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("PRAGMA cache_size = -200000")
        connection.executemany(
            "INSERT INTO series (home, device, quantity) VALUES (?, ?, ?)",
            [(f"h{home}", f"d{n}", quantity.value) for home in range(homes) for n, quantity in enumerate(SERIES)],
        )
        connection.execute("PRAGMA synchronous = OFF")
        for hour in range(days * 24):
            there = [home for home in range(homes) if hour not in away or home not in late]
            present = [row for home in there for row in _hour_of(home, hour, chance)]
            present.sort(key=lambda row: row[2])
            connection.execute("BEGIN")
            connection.executemany(_INSERT, present)
            connection.execute("COMMIT")
        connection.execute("PRAGMA synchronous = FULL")
        live = _timed(connection, [row for n in range(20, 60) for row in _hour_of(n % homes, days * 24, chance)])
        stored = _timed(connection, [row for home in late for hour in away for row in _hour_of(home, hour, chance)])
        count = connection.execute("SELECT count(*) FROM readings").fetchone()[0]
    return Built(path, homes, days, count, late, live, stored)


def _timed(connection: sqlite3.Connection, rows: Sequence[_Row]) -> float:
    began = monotonic()
    for at in range(0, len(rows), 1000):
        connection.execute("BEGIN")
        connection.executemany(_INSERT, rows[at : at + 1000])
        connection.execute("COMMIT")
    return len(rows) / ((monotonic() - began) / SECOND)


def home_days(built: Built, count: int = 200, seed: int = 2, late: bool = False) -> list[tuple[float, float]]:
    """Wall and CPU milliseconds of each of ``count`` home-days; ``late``: only days whose readings came late."""
    chance, history = random.Random(seed), JournalHistory(built.path)  # noqa: S311 (no secrets)
    days = range(built.days // 4, built.days * 3 // 4) if late else range(built.days)
    homes = built.late_homes if late else [home for home in range(built.homes) if home not in built.late_homes]
    took = []
    for _ in range(count):
        start = START + chance.choice(days) * DAY
        home, cpu, began = HomeId(f"h{chance.choice(homes)}"), time.thread_time(), monotonic()
        found = history.readings(home, start, start + DAY)
        took.append(((monotonic() - began) / MILLISECOND, (time.thread_time() - cpu) * 1000))
        assert len(found) == 24 * PER_HOUR, len(found)  # noqa: S101 (a wrong answer has no time)
    history.close()
    return took


def months(built: Built, count: int = 20, seed: int = 3) -> list[float]:
    """Milliseconds that the hourly summaries of a home's month took."""
    chance, history = random.Random(seed), JournalHistory(built.path)  # noqa: S311 (no secrets)
    took = []
    for _ in range(count):
        began = monotonic()
        found = history.hourly(HomeId(f"h{chance.randrange(built.homes)}"), START, START + built.days * DAY)
        took.append((monotonic() - began) / MILLISECOND)
        assert found  # noqa: S101
    history.close()
    return took


def slices(built: Built, days: int = 1) -> Iterator[tuple[int, float]]:
    """Cut the oldest ``days``: for each slice the rows and the milliseconds that a commit would have waited for it."""
    journal = Journal(built.path)
    retention = Retention(journal, Keep(raw=(built.days - days) * DAY), lambda: 0)
    now = START + built.days * DAY
    retention.step(now)
    while retention.working:
        before, began = retention.cut.get("readings", 0), monotonic()
        retention.step(now)
        rows = retention.cut.get("readings", 0) - before
        if rows:
            yield rows, (monotonic() - began) / MILLISECOND
    journal.close()


def year(path: Path, days: int = 365, keep: Keep | None = None) -> Iterator[tuple[int, int, int, int]]:
    """One home, a commit every hour, retention once a day: after each day (day, bytes of the file, readings, summaries)."""
    keep = keep or Keep()
    journal, chance = Journal(path), random.Random(4)  # noqa: S311 (no secrets)
    stream, seq = journal.stream("g1", "e1"), 0
    retention = Retention(journal, keep, lambda: 2**62)
    for day in range(days):
        for hour in range(24):
            now = START + day * DAY + (hour + 1) * HOUR
            batch = Batch(streams={stream.id: stream}, stream_of={("g1", "e1"): stream.id})
            for at in sorted(chance.sample(range(HOUR), PER_HOUR)):
                seq, kind = seq + 1, chance.randrange(len(SERIES))
                batch.items.append(
                    Reading(HomeId("h1"), DeviceId(f"d{kind}"), SERIES[kind], float(seq % 2), now - HOUR + at, now,
                            GatewayId("g1"), "e1", seq)
                )  # fmt: skip
            stream.add(seq - PER_HOUR + 1, seq)
            journal.append(batch, now)
        retention.step(now)
        while retention.working:
            retention.step(now)
        with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as look:
            pages, raw, summaries = (
                look.execute(question).fetchone()[0]
                for question in ("PRAGMA page_count", "SELECT count(*) FROM readings", "SELECT count(*) FROM summaries")
            )
        yield day + 1, pages * 4096, raw, summaries
    journal.close()


def _line(what: str, values: Sequence[float]) -> None:
    ordered = sorted(values)
    print(f"{what}: median {statistics.median(ordered):.1f} ms, p95 {ordered[int(len(ordered) * 0.95)]:.1f}, "
          f"most {ordered[-1]:.1f}")  # fmt: skip


def main() -> None:
    """Build, measure, print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rows", type=int, default=10_000_000)
    parser.add_argument("--folder", type=Path, default=None, help="where the journal is made; by default thrown away")
    parser.add_argument("--year", action="store_true", help="only a year of one home, with retention")
    chosen = parser.parse_args()
    if chosen.year:
        with tempfile.TemporaryDirectory(prefix="kehai-year-") as folder:
            for day, size, raw, summaries in year(Path(folder) / "journal.db"):
                if day % 30 == 0 or day == 365:
                    print(f"day {day}: {size / 1e6:.1f} MB, {raw} readings, {summaries} summaries")
        return
    with tempfile.TemporaryDirectory(prefix="kehai-history-") as folder:
        built = build((chosen.folder or Path(folder)) / "journal.db", chosen.rows)
        size = built.path.stat().st_size
        print(
            f"{built.rows} readings of {built.homes} homes in {size / 1e6:.0f} MB ({size / built.rows:.0f} bytes each)"
        )
        print(f"into the present hour {built.live_rows_s:.0f} rows/s, into old hours {built.late_rows_s:.0f} rows/s "
              f"(x {built.late_rows_s / built.live_rows_s:.2f})")  # fmt: skip
        for what, late in (("a home-day of 3000 readings", False), ("one that came late", True)):
            found = home_days(built, late=late)
            _line(what, [wall for wall, _ in found])
            _line("  of it CPU", [cpu for _, cpu in found])
        _line("a home's month by the hour, all raw", months(built))
        cuts = list(slices(built))
        _line("one slice of retention", [took for _, took in cuts])
        rows, took = sum(n for n, _ in cuts), sum(ms for _, ms in cuts)
        print(f"{rows} rows cut in {len(cuts)} slices, {rows / took * 1000:.0f} rows/s")
        with closing(sqlite3.connect(built.path)) as connection:
            free = connection.execute("PRAGMA freelist_count").fetchone()[0] * 4096
            summaries = connection.execute("SELECT count(*) FROM summaries").fetchone()[0]
        print(f"{free / 1e6:.1f} MB of the file are free for what comes; {summaries} hourly summaries")


if __name__ == "__main__":
    main()
