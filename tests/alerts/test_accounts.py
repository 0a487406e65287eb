"""How true alerts were and how soon somebody acted, by area, rule and home."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import Engine

from alerts.accounts import Milestone, Raised, Times, by_kind, by_place, raised
from alerts.answers import answer
from alerts.asking import Answer, ask, question_about
from alerts.desk import decide
from alerts.ledger import MONTH, Verdict
from alerts.sqlalerts import alert_numbered
from alerts.sqlbook import SqlBook
from domain.alerts import Outcome, Result, Step
from domain.clock import HOUR, MINUTE, SECOND
from domain.findings import Finding, Level
from domain.ids import HomeId
from kehai.commands.ledger import plain
from registry import addresses
from tests.alerts.duty import HOME, SILENCE, T, installation

OTHER = HomeId("h2")
WATCHED = {HOME: 2 * MONTH, OTHER: MONTH}
NOW = T + 3 * HOUR


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    engine = installation(tmp_path)
    yield engine
    engine.dispose()


def take(book: SqlBook, finding: Finding, now: int = T) -> None:
    with book.transaction() as page:
        decide(page, [finding], now, catching_up=False)


def read(engine: Engine) -> Raised:
    with engine.connect() as connection:
        return raised(connection, T - HOUR, NOW, WATCHED)


def test_each_milestone_is_timed_from_when_the_alert_stood_open(engine: Engine) -> None:
    book = SqlBook(engine)
    take(book, SILENCE)
    book.see(1, "sato", T + 20 * SECOND)
    book.act(1, 1, "claim", "sato", T + 50 * SECOND)
    book.act(1, 2, "step", "sato", T + 2 * MINUTE, step=(Step.CALL_RESIDENT, Result.NO_ANSWER))
    book.act(1, 3, "step", "sato", T + 30 * MINUTE, step=(Step.VISIT, Result.ARRIVED))
    book.act(1, 4, "step", "sato", T + 35 * MINUTE, step=(Step.VISIT, Result.ENTERED))
    assert read(engine).met[1] == {
        Milestone.SEEN: 20 * SECOND, Milestone.CLAIMED: 50 * SECOND, Milestone.REACHED: 35 * MINUTE,
        Milestone.VISITED: 30 * MINUTE,
    }  # fmt: skip


def test_a_page_is_timed_from_when_it_became_one_and_not_from_its_prompt(engine: Engine) -> None:
    book = SqlBook(engine)
    take(book, replace(SILENCE, level=Level.PROMPT, raised_at=T - MINUTE), T - MINUTE)
    take(book, SILENCE, T + 10 * MINUTE)
    book.act(1, 2, "claim", "sato", T + 11 * MINUTE)
    assert read(engine).met[1][Milestone.CLAIMED] == MINUTE


def test_an_alert_that_nobody_took_makes_the_figures_worse_and_not_better() -> None:
    times = Times((10 * SECOND, None, 90 * SECOND, None))
    assert (times.met, times.quantile(0.5), times.quantile(0.9)) == (2, 90 * SECOND, None)
    assert (times.within(60 * SECOND), times.within(180 * SECOND)) == (0.25, 0.5)


def test_of_no_alerts_no_time_is_told() -> None:
    assert (Times(()).quantile(0.5), Times(()).within(60 * SECOND)) == (None, None)


def test_a_place_without_alerts_has_a_line_too_and_its_home_months_count(engine: Engine) -> None:
    book = SqlBook(engine)
    take(book, SILENCE)
    book.act(1, 1, "close", "sato", T + MINUTE, outcome=Outcome.SPOKE_SAFE, note="well")
    south, west = by_place(read(engine), Level.PAGE, T - HOUR, NOW, WATCHED, {HOME: "南", OTHER: "西"})
    assert (south.name, south.ledger.rate, south.ledger.verdicts[Verdict.FALSE]) == ("南", 0.5, 1)
    assert (west.name, west.ledger.months, west.ledger.pages) == ("西", 1.0, 0)
    (line,) = by_kind(read(engine), Level.PAGE, T - HOUR, NOW, WATCHED)
    assert (line.name, line.ledger.months, line.ledger.pages) == ("inactivity", 3.0, 1)


@pytest.mark.parametrize(("said", "verdict"), [(Answer.WELL, Verdict.FALSE), (Answer.HELP, Verdict.TRUE)])
def test_a_prompt_to_which_the_resident_answered_that_they_need_help_was_true(
    engine: Engine, said: Answer, verdict: Verdict
) -> None:
    take(SqlBook(engine), replace(SILENCE, level=Level.PROMPT))
    with engine.begin() as connection:
        addresses.add(connection, f"home:{HOME}", "mail", "x@example.org", T)
        alert = alert_numbered(connection, 1)
        assert alert is not None
        assert ask(connection, alert, T, T + 10 * MINUTE)
        question = question_about(connection, 1)
        assert question is not None
        answer(connection, question.token, said, "link", T + MINUTE)
    found = read(engine)
    (prompt,) = by_kind(found, Level.PROMPT, T - HOUR, NOW, WATCHED)
    assert prompt.ledger.verdicts == {**dict.fromkeys(Verdict, 0), verdict: 1}
    pages = by_kind(found, Level.PAGE, T - HOUR, NOW, WATCHED)
    assert [(line.name, line.ledger.pages) for line in pages] == ([("help_called", 1)] if said is Answer.HELP else [])


def test_prompts_have_lines_of_their_own_and_drills_none(engine: Engine) -> None:
    book = SqlBook(engine)
    take(book, replace(SILENCE, level=Level.PROMPT))
    take(book, replace(SILENCE, home=OTHER))
    book.act(2, 1, "close", "sato", T + MINUTE, outcome=Outcome.DRILL, note="drill")
    found = read(engine)
    place = {HOME: "h1", OTHER: "h2"}
    pages = by_place(found, Level.PAGE, T - HOUR, NOW, WATCHED, place)
    prompts = by_place(found, Level.PROMPT, T - HOUR, NOW, WATCHED, place)
    assert [line.ledger.pages for line in pages] == [0, 0]
    assert [line.ledger.pages for line in prompts] == [1, 0]


@pytest.mark.parametrize("cell", ['=HYPERLINK("x")', "+1", "-1", "@x", "\t=1", "\r=1"])
def test_no_name_becomes_a_formula_in_a_spreadsheet(cell: str) -> None:
    assert plain(cell) == f"'{cell}"
    assert plain("南町") == "南町"
