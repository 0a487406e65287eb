"""``history``: one home-day out of millions of readings, asked as a page asks it.

Two journals in turn: one in which every reading came in its hour, and one in which every twentieth home-day came a day late,
as after an outage, into hours that were long written. Each hour's readings are written in the order in which they
would come, so the pages are as full, and as mixed, as a real journal's.
"""

from __future__ import annotations

import os
import random
import sqlite3
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing, nullcontext
from dataclasses import dataclass
from pathlib import Path

from benchmarks.ingest.tables import Figure, Result, progress
from domain.clock import DAY, HOUR, MILLISECOND, SECOND, Instant, from_iso, monotonic
from domain.errors import KehaiError
from ingest.history import JournalHistory
from ingest.journal import Journal
from simulators.load import DEVICES, gateway_id, home_id

_START = from_iso("2026-08-01T00:00:00Z")
_PER_DAY = 3_000
_PER_HOUR = _PER_DAY // 24
_LONGEST = 30
"""Days; more rows are more homes."""
_LATE = 0.05
_COLUMNS = "hour, series, observed_at, stream, seq, value, flags, received_at"
_INSERT = f"INSERT INTO readings ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, 0, ?)"  # noqa: S608 (of the line above)
_Row = tuple[int, int, int, int, int, float, int]


@dataclass(frozen=True, slots=True)
class _Plan:
    """How many homes for how many days."""

    homes: int
    days: int
    late: float

    @property
    def rows(self) -> int:
        return self.homes * self.days * _PER_DAY


def _plan(rows: int, late: float) -> _Plan:
    homes = max(1, round(rows / (_PER_DAY * _LONGEST)))
    return _Plan(homes, max(1, round(rows / (_PER_DAY * homes))), late)


def _is_late(plan: _Plan, home: int, day: int) -> bool:
    return plan.late > 0 and random.Random(home * 1_000 + day).random() < plan.late  # noqa: S311


def _hour(home: int, hour: int, delay: int) -> Iterator[_Row]:
    """One home's readings of one hour, in their order."""
    chance = random.Random(home * 100_000 + hour)  # noqa: S311
    start = _START + hour * HOUR
    offsets = sorted(chance.sample(range(HOUR // 1_000), _PER_HOUR))
    for place, offset in enumerate(offsets):
        at = start + offset * 1_000
        series = home * len(DEVICES) + int(chance.random() * len(DEVICES)) + 1
        yield at // HOUR, series, at, home + 1, hour * _PER_HOUR + place + 1, 1.0, at + delay


def _build(file: Path, plan: _Plan) -> None:
    """Make the journal by its real schema, its rows by direct inserts."""
    Journal(file).close()
    with closing(sqlite3.connect(file, isolation_level=None)) as connection:
        connection.execute("PRAGMA synchronous = OFF")
        connection.execute("PRAGMA cache_size = -200000")
        connection.execute("BEGIN")
        for home in range(plan.homes):
            for place, device in enumerate(DEVICES):
                row = (home * len(DEVICES) + place + 1, home_id(home), device.id, device.kind.value)
                connection.execute("INSERT INTO series (id, home, device, quantity) VALUES (?, ?, ?, ?)", row)
            through = (home + 1, gateway_id(home), "bench", plan.days * _PER_DAY)
            connection.execute(
                "INSERT INTO streams (id, gateway, epoch, through, islands) VALUES (?, ?, ?, ?, '[]')", through
            )
        connection.execute("COMMIT")
        for day in range(plan.days):
            late = [home for home in range(plan.homes) if _is_late(plan, home, day)]
            _write_day(connection, day, [home for home in range(plan.homes) if home not in late], 0)
            if day:
                before = [home for home in range(plan.homes) if _is_late(plan, home, day - 1)]
                _write_day(connection, day - 1, before, DAY)
        _write_day(connection, plan.days - 1, [h for h in range(plan.homes) if _is_late(plan, h, plan.days - 1)], DAY)
        found = connection.execute("SELECT count(*) FROM readings").fetchone()[0]
    if found != plan.rows:
        raise KehaiError(f"{file} has {found} readings in place of {plan.rows}: remove it and measure again.")


def _write_day(connection: sqlite3.Connection, day: int, homes: list[int], delay: int) -> None:
    connection.execute("BEGIN")
    for hour in range(day * 24, day * 24 + 24):
        rows = [row for home in homes for row in _hour(home, hour, delay)]
        rows.sort(key=lambda row: row[2])  # as they come
        connection.executemany(_INSERT, rows)
    connection.execute("COMMIT")


def _journal(folder: Path, name: str, plan: _Plan) -> Path:
    """The journal of this plan, made unless it is there."""
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / f"{name}-{plan.rows}.db"
    if not file.exists():
        began, unfinished = monotonic(), file.with_suffix(".unfinished")
        for left in folder.glob(f"{unfinished.name}*"):
            left.unlink()
        progress(f"making {plan.rows:,} readings ({name})")
        _build(unfinished, plan)
        unfinished.rename(file)
        progress(f"made in {(monotonic() - began) / SECOND:.0f} s, {file.stat().st_size / 1e6:.0f} MB")
    return file


def _forget(file: Path) -> None:
    """Ask the system to drop what it holds of the file in memory."""
    with file.open("rb") as opened:
        os.fsync(opened.fileno())
        os.posix_fadvise(opened.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def _ask(history: JournalHistory, home: int, start: Instant) -> tuple[float, float]:
    """Milliseconds of one home-day, by the clock and of the processor; KehaiError when it is not whole."""
    cpu, began = time.thread_time(), monotonic()
    found = history.readings(home_id(home), start, start + DAY)
    taken = (monotonic() - began) / MILLISECOND, (time.thread_time() - cpu) * 1_000
    if len(found) != _PER_DAY:
        raise KehaiError(f"A day of {_PER_DAY} readings was {len(found)}: remove the journal and measure again.")
    return taken


def history(rows: int, days: int, rounds: int, scratch: Path | None) -> Result:
    """``days`` random home-days in all, each first from the disk and then from memory, both journals in turn."""
    chance = random.Random(1)  # noqa: S311
    with nullcontext(str(scratch)) if scratch else tempfile.TemporaryDirectory(prefix="kehai-bench-") as made:
        plans = {"in order": _plan(rows, 0.0), "late": _plan(rows, _LATE)}
        files = {name: _journal(Path(made), name.replace(" ", "-"), plan) for name, plan in plans.items()}
        taken: dict[str, list[tuple[float, float]]] = {
            f"{name}, {how}": [] for name in plans for how in ("cold", "warm")
        }
        for number in range(rounds):
            for name, file in files.items():
                plan = plans[name]
                asked = [
                    (chance.randrange(plan.homes), chance.randrange(plan.days)) for _ in range(max(1, days // rounds))
                ]
                for home, day in asked:
                    _forget(file)
                    with closing(JournalHistory(file)) as past:
                        for how in ("cold", "warm"):
                            taken[f"{name}, {how}"].append(_ask(past, home, _START + day * DAY))
            progress(f"{number + 1}/{rounds} history")
        sizes = ", ".join(f"{name} {file.stat().st_size / 1e6:.0f} MB" for name, file in files.items())
    plan = plans["in order"]
    return Result(
        "history", f"one home-day of {_PER_DAY:,} out of {plan.rows:,} readings ({plan.homes} homes, {plan.days} days)",
        [
            *(Figure(name, [ms for ms, _ in asked], "ms", must=10, at_least=False, digits=1) for name, asked in taken.items()),
            *(Figure(name, [ms for _, ms in asked], "ms of the processor", digits=1) for name, asked in taken.items()),
        ],
        [
            (f"{_LATE:.0%} of the home-days of 'late' came a day late. {sizes}. Cold: the system was asked to forget the file "
            "(a virtual machine's host may still hold it).")
        ],
    )  # fmt: skip
