"""One week of a home: its days beside the weeks before, and nothing that is not stored."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest
from sqlalchemy import Engine

from alerts.desk import decide
from alerts.week import Measure, Week, week_of
from domain.alerts import Outcome
from domain.clock import DAY, HOUR, MINUTE
from domain.findings import Finding, Level, Subject
from domain.localtime import LocalTime
from domain.modes import ModeKind
from tests.alerts.duty import installation
from tests.alerts.weeks import MONDAY, NOW, Life, opened
from tests.detectors.homes import AIR, BATH, KITCHEN, LIVING

TOKYO = LocalTime("Asia/Tokyo")
WEDNESDAY = date(2026, 2, 25)


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    engine = installation(tmp_path)
    yield engine
    engine.dispose()


def read(engine: Engine, folder: Path, life: Life, day: date = WEDNESDAY, now: int = NOW) -> Week:
    life.write(engine, folder / "journal.db")
    book, history, modes = opened(engine, folder / "journal.db")
    week = week_of(book, history, modes, life.home, day, TOKYO, now)
    history.close()
    return week


def test_days_like_those_before_are_as_usual_and_a_late_morning_and_a_restless_night_are_not(
    engine: Engine, tmp_path: Path
) -> None:
    week = read(engine, tmp_path, Life(rises={2: 9}, visits={4: 5}))
    assert (week.start, week.end, week.compared_with) == (MONDAY, MONDAY + 7 * DAY, 28)
    odd = {day.date.weekday(): {(odd.measure, odd.more) for odd in day.odd} for day in week.days if day.odd}
    assert (Measure.RISE, True) in odd[2]
    assert (Measure.VISITS, True) in odd[4]
    assert odd.keys() == {2, 4}
    assert sum(day.usual for day in week.days) == 5
    assert len(week.outings) == 7
    assert {round((one.back - one.left) / (30 * MINUTE)) for one in week.outings} == {3}


def test_a_day_that_was_not_seen_and_a_night_elsewhere_are_compared_with_nothing(
    engine: Engine, tmp_path: Path
) -> None:
    hole = (MONDAY + 8 * HOUR, MONDAY + 14 * HOUR)
    week = read(engine, tmp_path, Life(stays_out={3}, holes=(hole,)))
    monday, *_ = week.days
    assert (monday.unseen, monday.compared, monday.usual) == (6 * HOUR, False, False)
    assert week.unseen == 6 * HOUR
    thursday = week.days[3]
    assert (thursday.away, thursday.compared) == (True, False)
    assert week.days[4].kept[Measure.RISE] == -1, "who came home in the morning did not get up then"
    assert len(week.outings) == 6, "what left while nothing was heard is not known to be an outing"
    assert max(one.back - one.left for one in week.outings) == 22 * HOUR


def test_of_a_home_that_is_new_its_days_are_told_and_compared_with_nothing(engine: Engine, tmp_path: Path) -> None:
    week = read(engine, tmp_path, Life(days_before=10))
    assert week.compared_with == 10
    assert [day.compared for day in week.days] == [False] * 7
    assert all(day.kept[Measure.RISE] >= 7 * 12 for day in week.days)


def test_without_a_sensor_at_toilet_or_door_nothing_is_said_of_visits_and_outings(
    engine: Engine, tmp_path: Path
) -> None:
    week = read(engine, tmp_path, Life(devices=(LIVING, KITCHEN, AIR)))
    assert (week.knows_toilet, week.knows_door, week.outings) == (False, False, ())
    assert {day.kept[Measure.VISITS] for day in week.days} == {day.kept[Measure.OUT] for day in week.days} == {-1}
    with_bath = Life(devices=(LIVING, KITCHEN, BATH))
    with_bath.write(engine, tmp_path / "other.db")
    book, history, modes = opened(engine, tmp_path / "other.db")
    assert week_of(book, history, modes, with_bath.home, WEDNESDAY, TOKYO, NOW).knows_toilet
    history.close()


def test_a_week_that_goes_on_tells_of_the_days_so_far_and_judges_none_whose_night_is_not_over(
    engine: Engine, tmp_path: Path
) -> None:
    week = read(engine, tmp_path, Life(), now=MONDAY + 2 * DAY + 12 * HOUR)
    assert [(day.over, day.compared) for day in week.days] == [(True, True), (True, True), (False, False)]
    assert week.unseen == 0


def test_alerts_what_called_nobody_and_the_word_on_the_routine_each_have_their_place(
    engine: Engine, tmp_path: Path
) -> None:
    life = Life()

    def finding(at: int, kind: str, level: Level, subject: Subject = Subject.PERSON) -> Finding:
        return Finding(life.home, kind, f"{kind}/1", kind, subject, level, at - HOUR, at)

    book, _, modes = opened(engine, tmp_path / "journal.db")
    found = [
        finding(MONDAY - HOUR, "heat", Level.PAGE), finding(MONDAY + HOUR, "inactivity", Level.PAGE),
        finding(MONDAY + DAY, "battery_low", Level.PROMPT, Subject.DEVICE),
        finding(MONDAY + 2 * DAY, "door_at_night", Level.DIGEST),
        finding(MONDAY + 12 * HOUR, "routine_drift", Level.DIGEST),
        finding(MONDAY + 7 * DAY + 12 * HOUR, "routine_drift", Level.DIGEST),
    ]  # fmt: skip
    for one in found:
        with book.transaction() as page:
            decide(page, [one], one.raised_at, catching_up=False)
    book.act(2, 1, "close", "sato", NOW, outcome=Outcome.SUPPORT, note="x")
    modes.say(life.home, ModeKind.AWAY, MONDAY - DAY, "sato", MONDAY - 3 * DAY)
    modes.say(life.home, ModeKind.VISITOR, MONDAY + DAY, "sato", MONDAY - 2 * HOUR)
    week = read(engine, tmp_path, life)
    assert [(alert.kind, alert.outcome) for alert in week.alerts] == [("inactivity", Outcome.SUPPORT)]
    assert [alert.kind for alert in week.equipment] == ["battery_low"]
    assert [one.kind for one in week.noticed] == ["door_at_night"]
    assert [one.raised_at for one in week.changes] == [MONDAY + 7 * DAY + 12 * HOUR], "the one that judged this week"
    assert [mode.kind for mode in week.modes] == [ModeKind.VISITOR]


def test_of_a_home_of_which_nothing_was_ever_heard_no_day_is_told(engine: Engine, tmp_path: Path) -> None:
    book, history, modes = opened(engine, tmp_path / "journal.db")
    week = week_of(book, history, modes, Life().home, WEDNESDAY, TOKYO, NOW)
    assert (week.days, week.compared_with, week.unseen) == ((), 0, 7 * DAY)


def test_a_week_whose_single_readings_have_been_cut_tells_no_days(engine: Engine, tmp_path: Path) -> None:
    life = Life(days_before=3)
    life.write(engine, tmp_path / "journal.db")
    book, history, modes = opened(engine, tmp_path / "journal.db")

    class Cut(type(history)):  # type: ignore[misc]  # the same history, in which retention has been
        def raw_since(self) -> int:
            return MONDAY + DAY

    week = week_of(book, Cut(tmp_path / "journal.db"), modes, life.home, WEDNESDAY, TOKYO, NOW)
    assert week.days == ()
    history.close()
