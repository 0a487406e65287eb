"""Retention: readings one by one for some months, by the hour for years; what roles have read, only for some days.

The writer of the journal does it in slices of a few milliseconds between its commits. Each slice is one transaction that
adds rows to their summaries and deletes the same rows, so a crash at any point repeats nothing, and a reading that comes
for an hour that was cut long ago joins that hour's summary at the next look.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from dataclasses import dataclass

from domain.clock import DAY, HOUR, MILLISECOND, MINUTE, Instant, Span, monotonic
from domain.readings import SIGNS_OF_LIFE
from ingest.journal import Journal

_YEAR: Span = int(365.25 * DAY)
_LOOK_EVERY: Span = MINUTE
_ENOUGH: Span = 3 * MILLISECOND
"""What the work of one slice may take; how many rows it has follows from what the last one took. Its commit comes on top."""
_FEWEST, _MOST = 100, 5_000
_LARGE = {"log": 4, "dead_letters": 4}
"""Tables whose rows may be large: with how few of them a slice begins, and may end up."""
_FAR_STAMP: Span = 400 * DAY
"""A stamp lies no further ahead than this, so after it nothing can be asked of a clamped reading any more."""

CUT = "raw_cut"
"""Name in table ``kept``: hours before this one have no raw rows but those that came late and wait for the next slice."""
_EVENTS = ", ".join(f"'{quantity.value}'" for quantity in sorted(SIGNS_OF_LIFE))

SUMMARISED = (
    "count(*) AS count,"
    f" sum(CASE WHEN r.value >= 1 AND s.quantity IN ({_EVENTS}) THEN 1 ELSE 0 END) AS events,"
    " sum(r.value) AS total, min(r.value) AS low, max(r.value) AS high,"
    " min(r.observed_at) AS first_at, max(r.observed_at) AS last_at"
)
"""The columns of a summary, from readings ``r`` of series ``s``."""


@dataclass(frozen=True, slots=True)
class Keep:
    """How long what is kept."""

    raw: Span = 90 * DAY
    """Readings one by one."""
    log: Span = 14 * DAY
    """Commits that every role has read."""
    letters: Span = 365 * DAY
    summaries: Span | None = None
    """Hourly summaries and coverage; None: for ever."""

    @classmethod
    def of(cls, raw_days: float, log_days: float, dead_letter_days: float, summaries_years: float) -> Keep:
        """From the units of the settings; no ``summaries_years`` (0) is for ever."""
        return cls(
            int(raw_days * DAY), int(log_days * DAY), int(dead_letter_days * DAY),
            int(summaries_years * _YEAR) if summaries_years else None,
        )  # fmt: skip


Cut = Callable[[sqlite3.Connection, int], int]
"""Deletes up to so many rows; how many it did: fewer than asked for means that no more are due."""


class Retention:
    """Cuts one journal; ``passed`` tells up to which offset every role has read it."""

    def __init__(self, journal: Journal, keep: Keep, passed: Callable[[], int]) -> None:
        self._journal, self._keep, self._passed = journal, keep, passed
        self._due: list[Cut] = []
        self._rows: dict[str, int] = {}
        self._looked_at: Instant | None = None
        self._clamped_after: tuple[int, int] = (-1, -1)
        self._clamped_on = -1
        self.cut: dict[str, int] = {}
        """Rows deleted since the start, by table."""

    @property
    def working(self) -> bool:
        """True while there is more to cut."""
        return bool(self._due)

    def step(self, now: Instant) -> None:
        """Look whether something is due, at most once a minute; then cut one slice. Raises JournalError."""
        if not self._due:
            if self._looked_at is not None and abs(now - self._looked_at) < _LOOK_EVERY:
                return
            self._looked_at = now
            self._due = self._plan(now)
            return
        cut = self._due[-1]
        name = cut.__name__
        fewest = _LARGE.get(name, _FEWEST)
        wanted = self._rows.get(name, fewest)

        def work(connection: sqlite3.Connection) -> tuple[int, Span]:
            began = monotonic()
            return cut(connection, wanted), monotonic() - began

        began = monotonic()
        done, took = self._journal.tidy(work)
        if name in _LARGE:  # here the commit costs more than the work: what is freed is overwritten
            took = (monotonic() - began) // 2
        self.cut[name] = self.cut.get(name, 0) + done
        if done < wanted:
            self._due.pop()
        elif took > _ENOUGH:
            self._rows[name] = max(fewest, int(wanted * max(0.25, _ENOUGH / took)))
        elif took < _ENOUGH // 2:
            self._rows[name] = min(_MOST, wanted * 2)

    def _plan(self, now: Instant) -> list[Cut]:
        keep, passed = self._keep, self._passed()
        # A clock of ours that jumped ahead must not cut what is young: the homes' own clocks have a say.
        newest = self._journal.newest_hour()
        seen = now if newest is None else min(now, (newest + 1) * HOUR)
        hour = (seen - keep.raw) // HOUR

        def readings(connection: sqlite3.Connection, most: int) -> int:
            return _summarise(connection, hour, most)

        def log(connection: sqlite3.Connection, most: int) -> int:
            # The newest row stays: the next offset and the hole of a restart are reckoned from it.
            return connection.execute(
                "DELETE FROM log WHERE offset IN (SELECT offset FROM log WHERE offset <= ?"
                " AND offset < (SELECT max(offset) FROM log) ORDER BY offset LIMIT ?) AND received_at < ?",
                (passed, most, now - keep.log),
            ).rowcount

        def dead_letters(connection: sqlite3.Connection, most: int) -> int:
            return _forget_letters(connection, now - keep.letters, most)

        def clamped(connection: sqlite3.Connection, most: int) -> int:
            return self._forget_clamped(connection, hour * HOUR - _FAR_STAMP, most)

        due: list[Cut] = [dead_letters, log]
        if newest is None:
            return due
        due.append(readings)
        if now // DAY != self._clamped_on:
            self._clamped_on = now // DAY
            due.insert(0, clamped)
        if keep.summaries is not None:
            oldest = (seen - max(keep.summaries, keep.raw)) // HOUR

            def summaries(connection: sqlite3.Connection, most: int) -> int:
                return connection.execute(
                    "DELETE FROM summaries WHERE (hour, series) IN"
                    " (SELECT hour, series FROM summaries WHERE hour < ? ORDER BY hour, series LIMIT ?)",
                    (oldest, most),
                ).rowcount

            def coverage(connection: sqlite3.Connection, most: int) -> int:
                return connection.execute(
                    "DELETE FROM coverage WHERE (gateway, start) IN"
                    " (SELECT gateway, start FROM coverage WHERE through < ? LIMIT ?)",
                    (oldest * HOUR, most),
                ).rowcount

            due = [coverage, summaries, *due]
        return due

    def _forget_clamped(self, connection: sqlite3.Connection, before: Instant, most: int) -> int:
        """Walk the clamped readings by their key, a slice at a time, and drop those of long ago."""
        seen = connection.execute(
            "SELECT stream, seq, observed_at FROM clamped WHERE (stream, seq) > (?, ?) ORDER BY stream, seq LIMIT ?",
            (*self._clamped_after, most),
        ).fetchall()
        connection.executemany(
            "DELETE FROM clamped WHERE stream = ? AND seq = ?", [row[:2] for row in seen if row[2] < before]
        )
        self._clamped_after = seen[-1][:2] if len(seen) == most else (-1, -1)
        return len(seen)


def _summarise(connection: sqlite3.Connection, before_hour: int, most: int) -> int:
    """Add the oldest rows, up to ``most`` of them, to their summaries and delete exactly these."""
    connection.execute(
        "INSERT INTO kept VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value"
        " WHERE excluded.value > value",
        (CUT, before_hour),
    )
    key = "SELECT hour, series, observed_at, stream, seq FROM readings WHERE hour < ?"
    last = (
        connection.execute(
            f"{key} ORDER BY hour, series, observed_at, stream, seq LIMIT 1 OFFSET ?", (before_hour, most - 1)
        ).fetchone()
        or connection.execute(
            f"{key} ORDER BY hour DESC, series DESC, observed_at DESC, stream DESC, seq DESC LIMIT 1", (before_hour,)
        ).fetchone()
    )
    if last is None:
        return 0
    these = "(r.hour, r.series, r.observed_at, r.stream, r.seq) <= (?, ?, ?, ?, ?)"
    connection.execute(
        f"INSERT INTO summaries SELECT r.hour, r.series, {SUMMARISED} FROM readings r"  # noqa: S608 (constants)
        f" CROSS JOIN series s ON s.id = r.series WHERE {these} GROUP BY r.hour, r.series"
        " ON CONFLICT (hour, series) DO UPDATE SET count = count + excluded.count, events = events + excluded.events,"
        " total = total + excluded.total, low = min(low, excluded.low), high = max(high, excluded.high),"
        " first_at = min(first_at, excluded.first_at), last_at = max(last_at, excluded.last_at)",
        last,
    )
    return connection.execute(f"DELETE FROM readings AS r WHERE {these}", last).rowcount  # noqa: S608 (constants)


def _forget_letters(connection: sqlite3.Connection, before: Instant, most: int) -> int:
    old = connection.execute(
        "SELECT id FROM (SELECT id, received_at FROM dead_letters WHERE id < (SELECT max(id) FROM dead_letters)"
        " ORDER BY id LIMIT ?) WHERE received_at < ?",
        (most, before),
    ).fetchall()
    for table, column in (("refused", "letter"), ("letter_requests", "letter"), ("dead_letters", "id")):
        connection.executemany(f"DELETE FROM {table} WHERE {column} = ?", old)  # noqa: S608 (constants)
    return len(old)
