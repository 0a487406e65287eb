"""Who is on call, on the wall clock that people live by."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, time
from pathlib import Path

import pytest
from sqlalchemy import Engine, insert

from domain.clock import DAY, HOUR, MINUTE, Instant
from domain.localtime import LocalTime
from registry import rota
from registry.database import migrate, open_database
from registry.rota import DEFAULT, BadShiftError, Cover, Shift
from registry.staff import Staff
from registry.tables import staff

DAYS = frozenset(range(7))
NIGHT = Shift(DEFAULT, "tanaka", DAYS, 22 * 60, 8 * 60)
BERLIN = LocalTime("Europe/Berlin")


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    made = open_database(f"sqlite:///{tmp_path / 'kehai.db'}")
    migrate(made)
    with made.begin() as connection:
        connection.execute(
            insert(staff),
            [
                {"login": login, "name": login, "password": "", "created_at": 0}
                for login in ("suzuki", "tanaka", "sato")
            ],
        )
    yield made
    made.dispose()


class Book:
    """Each call in a transaction of its own."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine

    def shift(self, shift: Shift) -> int:
        with self.engine.begin() as connection:
            return rota.add_shift(connection, shift)

    def cover(self, cover: Cover) -> int:
        with self.engine.begin() as connection:
            return rota.add_cover(connection, cover)

    def end_cover(self, number: int, now: Instant) -> bool:
        with self.engine.begin() as connection:
            return rota.end_cover(connection, number, now)

    def on_call(self, moment: Instant) -> list[str]:
        with self.engine.connect() as connection:
            return rota.on_call(connection, DEFAULT, moment, BERLIN)


@pytest.fixture
def book(engine: Engine) -> Book:
    return Book(engine)


def at(day: str, clock: str) -> Instant:
    return BERLIN.at(date.fromisoformat(day), time.fromisoformat(clock))


def test_a_shift_belongs_to_the_days_on_which_it_begins_and_its_last_instant_is_the_next_ones(book: Book) -> None:
    monday = frozenset({0})
    book.shift(Shift(DEFAULT, "suzuki", monday, 9 * 60, 8 * 60))
    book.shift(Shift(DEFAULT, "tanaka", monday, 17 * 60, 24 * 60))
    assert book.on_call(at("2026-11-23", "08:59:59")) == []
    assert book.on_call(at("2026-11-23", "09:00")) == ["suzuki"]
    assert book.on_call(at("2026-11-23", "17:00")) == ["tanaka"]
    assert book.on_call(at("2026-11-24", "16:59")) == ["tanaka"]  # Tuesday, and the shift began on Monday
    assert book.on_call(at("2026-11-24", "17:00")) == []


@pytest.mark.parametrize(
    ("night", "hours"), [("2026-03-28", 7), ("2026-10-24", 9), ("2026-11-24", 8)], ids=["spring", "autumn", "ordinary"]
)
def test_a_night_shift_ends_at_six_whatever_the_clocks_do_in_that_night(book: Book, night: str, hours: int) -> None:
    book.shift(NIGHT)
    begin = at(night, "22:00")
    minutes = [moment for moment in range(begin - HOUR, begin + 10 * HOUR, MINUTE) if book.on_call(moment)]
    assert minutes == list(range(begin, begin + hours * HOUR, MINUTE))


def test_shifts_that_meet_in_an_hour_that_is_skipped_or_repeated_leave_no_minute_to_nobody(book: Book) -> None:
    book.shift(Shift(DEFAULT, "suzuki", DAYS, 2 * 60 + 30, 12 * 60))
    book.shift(Shift(DEFAULT, "tanaka", DAYS, 14 * 60 + 30, 12 * 60))
    for day in ("2026-03-29", "2026-10-25"):
        begin = at(day, "00:00")
        assert all(len(book.on_call(moment)) == 1 for moment in range(begin, begin + 6 * HOUR, MINUTE))


def test_the_first_position_is_called_first_and_nobody_twice(book: Book) -> None:
    book.shift(Shift(DEFAULT, "suzuki", DAYS, 0, 24 * 60, position=1))
    book.shift(Shift(DEFAULT, "tanaka", DAYS, 0, 24 * 60, position=0))
    book.shift(Shift(DEFAULT, "tanaka", DAYS, 12 * 60, 60, position=2))
    assert book.on_call(at("2026-11-24", "12:30")) == ["tanaka", "suzuki"]


def test_a_cover_stands_in_the_place_of_the_other_and_one_for_nobody_comes_before_all(book: Book) -> None:
    book.shift(Shift(DEFAULT, "suzuki", DAYS, 0, 24 * 60))
    book.shift(Shift(DEFAULT, "tanaka", DAYS, 0, 24 * 60, position=1))
    noon = at("2026-11-24", "12:00")
    number = book.cover(Cover(DEFAULT, "sato", noon, noon + HOUR, "boss", instead_of="suzuki"))
    assert book.on_call(noon - 1) == ["suzuki", "tanaka"]
    assert book.on_call(noon) == ["sato", "tanaka"]
    assert book.on_call(noon + HOUR) == ["suzuki", "tanaka"]
    assert book.end_cover(number, noon + MINUTE)
    assert book.on_call(noon + MINUTE) == ["suzuki", "tanaka"]
    assert not book.end_cover(number, noon + MINUTE)
    book.cover(Cover(DEFAULT, "sato", noon, noon + HOUR, "boss"))
    assert book.on_call(noon + MINUTE) == ["sato", "suzuki", "tanaka"]


def test_whose_account_is_closed_is_not_called(book: Book) -> None:
    book.shift(Shift(DEFAULT, "suzuki", DAYS, 0, 24 * 60))
    Staff(book.engine).disable("suzuki", 1)
    assert book.on_call(at("2026-11-24", "12:00")) == []


def test_a_shift_holds_only_between_its_two_dates(book: Book) -> None:
    book.shift(
        Shift(DEFAULT, "suzuki", DAYS, 22 * 60, 8 * 60, valid_from=date(2026, 11, 24), valid_to=date(2026, 11, 24))
    )
    assert book.on_call(at("2026-11-24", "05:00")) == []
    assert book.on_call(at("2026-11-25", "05:00")) == ["suzuki"]
    assert book.on_call(at("2026-11-25", "23:00")) == []


def test_the_next_change_is_when_somebody_elses_turn_begins(book: Book) -> None:
    book.shift(NIGHT)
    with book.engine.connect() as connection:
        noon = at("2026-11-24", "12:00")
        assert rota.next_change(connection, DEFAULT, noon, BERLIN) == at("2026-11-24", "22:00")
        assert rota.next_change(connection, "another", noon, BERLIN) is None


@pytest.mark.parametrize(
    ("shift", "why"),
    [
        (Shift(DEFAULT, "suzuki", frozenset(), 0, 60), "at least one day"),
        (Shift(DEFAULT, "suzuki", DAYS, 24 * 60, 60), "between 00:00 and 23:59"),
        (Shift(DEFAULT, "suzuki", DAYS, 0, 0), "from a minute to a week"),
        (Shift(DEFAULT, "nobody", DAYS, 0, 60), "no open account 'nobody'"),
        (Shift("a:b", "suzuki", DAYS, 0, 60), "no ':'"),
        (Shift(DEFAULT, "suzuki", DAYS, 0, 60, 0, date(2026, 2, 1), date(2026, 1, 1)), "exchange them"),
    ],
)
def test_a_shift_that_cannot_be_is_refused_in_one_sentence(book: Book, shift: Shift, why: str) -> None:
    with pytest.raises(BadShiftError, match=why):
        book.shift(shift)
    with book.engine.connect() as connection:
        assert rota.all_shifts(connection) == []


@pytest.mark.parametrize(
    ("cover", "why"),
    [
        (Cover(DEFAULT, "sato", 5, 5, "boss"), "exchange them"),
        (Cover(DEFAULT, "sato", 0, DAY, "boss", instead_of="sato"), "for themselves"),
        (Cover(DEFAULT, "sato", 0, 400 * DAY, "boss"), "a year at most"),
        (Cover(DEFAULT, "sato", 0, DAY, "boss", instead_of="nobody"), "no open account"),
    ],
)
def test_a_cover_that_cannot_be_is_refused_in_one_sentence(book: Book, cover: Cover, why: str) -> None:
    with pytest.raises(BadShiftError, match=why):
        book.cover(cover)
    with book.engine.connect() as connection:
        assert rota.coming_covers(connection, 0) == []
