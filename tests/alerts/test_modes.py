"""What staff say about homes: the rows, and how the watch takes them up and writes their end."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from alerts.book import Book, MemoryBook
from alerts.modes import Modes
from alerts.sqlbook import SqlBook
from alerts.watch import ASK_EVERY, Watch
from domain.clock import DAY, HOUR, MINUTE, SECOND, Instant
from domain.modes import LONGEST, TAKES, Mode, ModeEnd, ModeKind
from domain.readings import Arrival, DoorState, Item, Mark
from registry.database import migrate, open_database
from tests.detectors.homes import DOOR, HOME, KITCHEN, LIVING, T0, Script

NOW = T0 + 10 * HOUR


@pytest.fixture
def sql(tmp_path: Path) -> Iterator[SqlBook]:
    engine = open_database(f"sqlite:///{tmp_path / 'kehai.db'}")
    migrate(engine)
    yield SqlBook(engine)
    engine.dispose()


@pytest.fixture
def modes(sql: SqlBook) -> Modes:
    return Modes(sql._engine)


def test_what_is_said_holds_a_little_later_and_is_listed_with_who_and_why(modes: Modes) -> None:
    said = modes.say(HOME, ModeKind.AWAY, NOW + 3 * DAY, "hana", NOW, "温泉")
    assert modes.of(HOME) == modes.holding() == [said]
    assert (said.since, said.by, said.why, said.end) == (NOW + TAKES, "hana", "温泉", None)


def test_a_second_absence_takes_the_place_of_the_first_and_a_visitor_stands_beside_it(modes: Modes) -> None:
    first = modes.say(HOME, ModeKind.AWAY, NOW + 3 * DAY, "hana", NOW)
    visitor = modes.say(HOME, ModeKind.VISITOR, NOW + DAY, "hana", NOW)
    second = modes.say(HOME, ModeKind.HOSPITAL, NOW + 9 * DAY, "jiro", NOW + HOUR)
    assert modes.holding() == [visitor, second]
    replaced = modes.of(HOME)[-1]
    assert replaced.id == first.id
    assert (replaced.end, replaced.ended_by, replaced.ended_at) == (ModeEnd.REPLACED, "jiro", NOW + HOUR + TAKES)


def test_back_ends_all_of_it_and_the_rows_stay(modes: Modes) -> None:
    modes.say(HOME, ModeKind.AWAY, NOW + 3 * DAY, "hana", NOW)
    modes.say(HOME, ModeKind.VISITOR, NOW + DAY, "hana", NOW)
    assert modes.back(HOME, "jiro", NOW + DAY // 2) == 2
    assert modes.back(HOME, "jiro", NOW + DAY) == 0
    assert modes.holding() == []
    assert {(m.end, m.ended_by) for m in modes.of(HOME)} == {(ModeEnd.BACK, "jiro")}


@pytest.mark.parametrize("until", [NOW - DAY, NOW, NOW + TAKES, NOW + LONGEST + 1])
def test_a_time_that_is_past_or_years_ahead_is_refused_in_one_sentence(modes: Modes, until: Instant) -> None:
    with pytest.raises(ValueError, match="choose"):
        modes.say(HOME, ModeKind.AWAY, until, "hana", NOW)
    assert modes.of(HOME) == []


def test_it_is_asked_for_before_it_holds() -> None:
    assert ASK_EVERY < TAKES


# ---- the watch ----------------------------------------------------------------------------------------------------------


def arrivals(days: int) -> Iterator[Arrival]:
    """Out from 10:00 of the first day, home at 9:00 of the last."""
    script = Script()
    script.check_in(T0, T0 + days * DAY)
    back = T0 + (days - 1) * DAY + 9 * HOUR
    for at in (*range(T0 + 7 * HOUR, NOW, 5 * MINUTE), *range(back + 4 * MINUTE, back + HOUR, 4 * MINUTE)):
        script.add(KITCHEN if at // MINUTE % 2 else LIVING, at)
    for at in (NOW, back):
        script.add(DOOR, at + SECOND, DoorState.MOVED)
    for offset, (now, items) in enumerate(script.items(T0 + days * DAY, period=5 * MINUTE), start=1):
        more: list[Item] = [Mark(now)]
        yield Arrival(offset, now, (*items, *more))


def watched(book: Book, days: int, *, restart_at: Instant | None = None, say: Mode | None = None) -> Watch:
    """``say`` is written by somebody while the watch runs, where the book is one in memory."""
    watch = Watch(book, save_every=6 * HOUR)
    for arrival in arrivals(days):
        if say is not None and isinstance(book, MemoryBook) and arrival.received_at >= say.written_at:
            book.said.setdefault(say.id, say)
        if restart_at is not None and arrival.received_at >= restart_at:
            watch.save(watch.now)
            watch, restart_at = Watch(book, save_every=6 * HOUR), None
        watch.step(arrival.received_at, arrival)
    watch.save(watch.now)
    return watch


@pytest.mark.parametrize(("until", "end"), [(2 * DAY, ModeEnd.EXPIRED), (5 * DAY, ModeEnd.CAME_BACK)])
def test_the_watch_reads_it_and_writes_down_how_it_ended(
    sql: SqlBook, modes: Modes, until: Instant, end: ModeEnd
) -> None:
    said = modes.say(HOME, ModeKind.AWAY, NOW + until, "hana", NOW - 10 * MINUTE)
    watched(sql, 4, restart_at=NOW + DAY)
    (row,) = modes.of(HOME)
    assert (row.id, row.end, row.ended_by) == (said.id, end, "kehai")
    if end is ModeEnd.EXPIRED:
        assert row.ended_at == said.until
        assert [f.finding.kind for f in sql.all_findings() if f.finding.kind == "not_returned"] == ["not_returned"]
    else:
        assert row.ended_at is not None
        assert T0 + 3 * DAY + 9 * HOUR < row.ended_at < T0 + 3 * DAY + 9 * HOUR + 15 * MINUTE
        assert not [f for f in sql.all_findings() if f.finding.kind == "not_returned"]


def test_when_it_is_read_makes_no_difference_to_what_is_found() -> None:
    """Live, the row appears while the watch runs; in a replay it is there from the start."""
    said = Mode(1, HOME, ModeKind.AWAY, NOW - 15 * MINUTE + TAKES, NOW + 2 * DAY, "", "hana", NOW - 15 * MINUTE)
    live, replay = MemoryBook(), MemoryBook()
    replay.said[1] = said
    watched(live, 4, say=said)
    watched(replay, 4)
    assert list(live.findings.values()) == list(replay.findings.values())
    assert live.said == replay.said
    assert "not_returned" in {row.finding.kind for row in live.findings.values()}
