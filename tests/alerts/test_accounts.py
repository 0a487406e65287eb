"""How true alerts were and how soon somebody acted, by area, rule and home."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from random import Random

import pytest
from sqlalchemy import Engine

from alerts.accounts import Milestone, Raised, Times, by_kind, by_place, raised
from alerts.answers import answer
from alerts.asking import Answer, ask, question_about
from alerts.desk import decide
from alerts.ledger import MONTH, Verdict
from alerts.ledgertable import plain
from alerts.sqlalerts import alert_numbered
from alerts.sqlbook import SqlBook
from domain.alerts import Outcome, Result, Step
from domain.clock import HOUR, MINUTE, SECOND
from domain.findings import Ended, EndReason, Finding, Level
from domain.ids import HomeId
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


def waits(*spans: int | None, ended: tuple[int, ...] = ()) -> Times:
    met = tuple(span * SECOND for span in spans if span is not None)
    return Times(met, spans.count(None), tuple(span * SECOND for span in ended))


def test_an_alert_that_nobody_took_makes_the_figures_worse_and_not_better() -> None:
    times = waits(10, None, 90, None)
    assert (times.met, times.quantile(0.5), times.quantile(0.9)) == (2, 90 * SECOND, None)
    assert (times.within(60 * SECOND), times.within(180 * SECOND)) == (0.25, 0.5)


def test_an_alert_that_ended_by_itself_counts_as_long_as_it_stood_and_no_longer() -> None:
    times = waits(20, 100, 170, ended=(30,))
    assert (times.met, times.quantile(0.5), times.within(60 * SECOND)) == (3, 100 * SECOND, 0.25)
    assert times.within(180 * SECOND) == 1.0, "all that still stood were taken by then"
    assert times.quantile(0.9) == 170 * SECOND, "what was over after half a minute says nothing of three"
    neglected = waits(20, ended=(5000,))
    assert (neglected.quantile(0.9), neglected.within(180 * SECOND)) == (None, 0.5), "nobody came while it stood"


def test_times_are_told_of_alerts_that_stood_until_somebody_could_have_come() -> None:
    assert (waits().quantile(0.5), waits().within(60 * SECOND)) == (None, None)
    only = waits(ended=(10, 70))
    assert (only.quantile(0.5), only.within(60 * SECOND), only.within(180 * SECOND)) == (None, 0.0, None)


@pytest.mark.parametrize("seed", range(3))
def test_without_alerts_that_ended_by_themselves_a_share_is_a_plain_share(seed: int) -> None:
    chance = Random(seed)
    spans = [chance.choice([None, chance.randrange(300)]) for _ in range(chance.randrange(1, 40))]
    times = waits(*spans)
    for limit in (0, 60, 180, 299):
        plain_share = sum(span is not None and span <= limit for span in spans) / len(spans)
        assert times.within(limit * SECOND) == pytest.approx(plain_share)


def test_what_ended_before_anybody_went_is_counted_apart(engine: Engine) -> None:
    book = SqlBook(engine)
    take(book, SILENCE)
    with book.transaction() as page:
        ended = Ended(HOME, SILENCE.cause, SILENCE.id, T + 40 * SECOND, EndReason.ACTIVITY)
        decide(page, [ended], T + 40 * SECOND, catching_up=False)
    take(book, replace(SILENCE, home=OTHER))
    book.act(2, 1, "step", "sato", T + 2 * MINUTE, step=(Step.CALL_RESIDENT, Result.REACHED))
    book.act(2, 2, "close", "sato", T + 3 * MINUTE, outcome=Outcome.SPOKE_SAFE)
    (line,) = by_kind(read(engine), Level.PAGE, T - HOUR, NOW, WATCHED)
    claimed, visited = line.times[Milestone.CLAIMED], line.times[Milestone.VISITED]
    assert (claimed.spans, claimed.never, claimed.ended) == ((2 * MINUTE,), 0, (40 * SECOND,))
    assert (claimed.quantile(0.5), claimed.within(180 * SECOND)) == (2 * MINUTE, 1.0)
    assert (visited.spans, visited.never, visited.ended) == ((), 1, (40 * SECOND,)), "a call was enough: nobody went"


def test_who_went_to_an_alert_that_ended_meanwhile_is_timed_and_a_visit_that_was_not_needed_is_not(
    engine: Engine,
) -> None:
    book = SqlBook(engine)
    take(book, SILENCE)
    book.act(1, 1, "claim", "sato", T + 30 * SECOND)
    with book.transaction() as page:
        ended = Ended(HOME, SILENCE.cause, SILENCE.id, T + MINUTE, EndReason.ACTIVITY)
        decide(page, [ended], T + MINUTE, catching_up=False)
    book.act(1, 3, "close", "sato", T + HOUR, outcome=Outcome.VISITOR)
    (line,) = by_kind(read(engine), Level.PAGE, T - HOUR, NOW, WATCHED)
    assert line.times[Milestone.CLAIMED].spans == (30 * SECOND,)
    assert (line.times[Milestone.VISITED].never, line.times[Milestone.VISITED].ended) == (0, (MINUTE,))


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


@pytest.mark.parametrize("cell", ['=HYPERLINK("x")', "+1", "-1", "@x", "\t=1", "\r=1", " =1", "＝1"])
def test_no_name_becomes_a_formula_in_a_spreadsheet(cell: str) -> None:
    assert plain(cell) == f"'{cell}"
    assert plain("南町") == "南町"
