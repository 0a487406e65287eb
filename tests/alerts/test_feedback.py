"""What people find: the rows, who writes which, and how the watch takes them up."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import cache
from pathlib import Path

import pytest
from sqlalchemy import Engine, insert

from alerts import feedback
from alerts.answers import Said, answer
from alerts.asking import Answer, ask, question_about
from alerts.book import Book, MemoryBook
from alerts.desk import decide
from alerts.duty_tables import feedback as table
from alerts.ledger import VERDICT, Verdict
from alerts.modes import Modes
from alerts.sqlbook import SqlBook
from alerts.watch import Watch
from domain.alerts import Alert, Outcome, Reason, Result, State, Step
from domain.clock import DAY, HOUR, MINUTE, SECOND, Instant, Span
from domain.feedback import LESSON, Feedback, Lesson, Means
from domain.findings import Finding, Level, Subject
from domain.modes import TAKES, ModeEnd, ModeKind
from domain.readings import Arrival, Mark
from registry.tables import addresses
from tests.alerts.duty import HOME, SILENCE, T, installation
from tests.detectors import homes
from tests.detectors.homes import KITCHEN, LIVING, T0, Script

NOW = T + 20 * MINUTE
LATER = NOW + HOUR
ONSET = SILENCE.onset


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    made = installation(tmp_path)
    yield made
    made.dispose()


@pytest.fixture
def book(engine: Engine) -> SqlBook:
    return SqlBook(engine)


def raised(book: SqlBook, finding: Finding = SILENCE) -> Alert:
    with book.transaction() as page:
        return page.open(finding, State.OPEN, Reason.RAISED, finding.raised_at, late=False)


def rows(book: SqlBook, after: int = 0) -> list[Feedback]:
    return book.feedback(after, LATER)


def close(book: SqlBook, outcome: Outcome, at: Instant = NOW, number: int = 1, by: str = "sato") -> None:
    alert = book.alert(number)
    assert alert is not None
    book.act(number, alert.version, "close", by, at, outcome=outcome)


def asked(book: SqlBook, engine: Engine) -> str:
    """The token of a question that the resident of the alert's home was asked."""
    alert = raised(book, replace(SILENCE, level=Level.PROMPT))
    with engine.begin() as connection:
        connection.execute(
            insert(addresses).values(owner=f"home:{HOME}", channel="mail", address="x", position=0, added_at=0)
        )
        assert ask(connection, alert, T + MINUTE, T + 11 * MINUTE)
        question = question_about(connection, alert.id)
    assert question is not None
    return question.token


# ---- who writes what -------------------------------------------------------------------------------------------------


def test_the_outcome_that_a_person_writes_is_a_row_that_counts_two_minutes_later(book: SqlBook) -> None:
    raised(book)
    close(book, Outcome.EMERGENCY)
    [row] = rows(book)
    assert (row.home, row.alert, row.cause, row.onset, row.level) == (HOME, 1, "inactivity", ONSET, Level.PAGE)
    assert (row.means, row.outcome, row.lesson, row.by) == (None, Outcome.EMERGENCY, Lesson.NOTHING, "sato")
    assert (row.at, row.written_at, row.since) == (NOW, NOW, NOW + TAKES)


def test_opening_again_takes_the_outcome_back_and_closing_again_writes_another(book: SqlBook) -> None:
    raised(book)
    close(book, Outcome.FALSE_ALARM)
    book.act(1, 2, "reopen", "suzuki", NOW + MINUTE)
    close(book, Outcome.DEATH, NOW + 2 * MINUTE)
    assert [(row.outcome, row.by) for row in rows(book)] == [
        (Outcome.FALSE_ALARM, "sato"), (None, "suzuki"), (Outcome.DEATH, "sato")
    ]  # fmt: skip


@pytest.mark.parametrize("subject", [Subject.DEVICE, Subject.SYSTEM])
def test_what_was_found_about_equipment_teaches_nothing_about_the_resident(book: SqlBook, subject: Subject) -> None:
    raised(book, replace(SILENCE, kind="device_silent", cause="device_silent:x", subject=subject))
    close(book, Outcome.DEVICE_FAULT)
    assert rows(book) == []


def test_what_the_system_closes_by_itself_is_no_word_of_a_person(book: SqlBook) -> None:
    alert = raised(book)
    with book.transaction() as page:
        page.change(alert, Reason.ACTIVITY, NOW, NOW, state=State.CLOSED, outcome=Outcome.RESUMED, ended_at=NOW)
    book.act(1, 2, "reopen", "suzuki", NOW + MINUTE)
    assert rows(book) == []


def test_every_outcome_that_people_write_has_the_lesson_that_its_verdict_in_the_ledger_asks_for() -> None:
    for outcome, verdict in VERDICT.items():
        lesson = LESSON.get(outcome)
        if outcome is Outcome.HOSPITAL:
            assert lesson is Lesson.HOSPITAL
        elif verdict is Verdict.UNKNOWN or outcome is Outcome.ANSWERED:  # which the system writes
            assert lesson is None
        else:
            assert lesson is (Lesson.FULL if verdict is Verdict.FALSE else Lesson.NOTHING)


# ---- words with the resident -----------------------------------------------------------------------------------------


def test_a_resident_who_answers_well_has_given_a_sign_of_life_at_that_instant(book: SqlBook, engine: Engine) -> None:
    token = asked(book, engine)
    with engine.begin() as connection:
        assert answer(connection, token, Answer.WELL, "mail", NOW) is Said.CLOSED
        assert answer(connection, token, Answer.WELL, "mail", NOW + MINUTE) is Said.UNKNOWN
    [row] = rows(book)
    assert (row.means, row.at, row.since, row.by, row.outcome) == (Means.ANSWER, NOW, NOW + TAKES, "resident", None)


def test_a_call_for_help_and_a_token_that_nobody_was_given_are_no_sign_that_all_is_well(
    book: SqlBook, engine: Engine
) -> None:
    token = asked(book, engine)
    with engine.begin() as connection:
        assert answer(connection, "guessed", Answer.WELL, "mail", NOW) is Said.UNKNOWN
        assert answer(connection, token, Answer.HELP, "mail", NOW) is Said.PAGED
    [row] = rows(book)
    assert (row.means, row.outcome, row.lesson, row.by) == (None, Outcome.HELP, Lesson.NOTHING, "resident")


@pytest.mark.parametrize(
    ("step", "result", "means"),
    [
        (Step.CALL_RESIDENT, Result.REACHED, Means.CALL),
        (Step.VISIT, Result.REACHED, Means.VISIT),
        (Step.CALL_RESIDENT, Result.NO_ANSWER, None),
        (Step.VISIT, Result.ENTERED, None),
        (Step.VISIT, Result.ARRIVED, None),
        (Step.CALL_KEYHOLDER, Result.REACHED, None),
        (Step.CALL_CONTACT, Result.REACHED, None),
        (Step.CALL_WELFARE, Result.REACHED, None),
        (Step.POLICE, Result.ENTERED, None),
        (Step.AMBULANCE, Result.ARRIVED, None),
    ],
)
def test_only_the_resident_in_person_is_a_sign_of_life(
    book: SqlBook, step: Step, result: Result, means: Means | None
) -> None:
    raised(book)
    book.act(1, 1, "step", "sato", NOW, step=(step, result))
    assert [(row.means, row.at) for row in rows(book)] == ([] if means is None else [(means, NOW)])


@pytest.mark.parametrize("outcome", list(Outcome))
def test_who_closes_with_a_word_with_the_resident_had_it_after_they_took_the_alert_and_not_when_they_wrote(
    book: SqlBook, outcome: Outcome
) -> None:
    raised(book)
    book.act(1, 1, "claim", "sato", T + 3 * MINUTE)
    close(book, outcome, NOW)
    spoken = [(row.means, row.at, row.since) for row in rows(book) if row.means is not None]
    heard = outcome in (Outcome.SPOKE_SAFE, Outcome.VISIT_SAFE)
    assert spoken == ([(Means.OUTCOME, T + 3 * MINUTE, NOW + TAKES)] if heard else [])


def test_where_nobody_took_it_the_word_counts_from_when_the_alert_was_opened(book: SqlBook) -> None:
    raised(book)
    close(book, Outcome.SPOKE_SAFE)
    assert [row.at for row in rows(book) if row.means is not None] == [T]


@pytest.mark.parametrize(("outcome", "quiet"), [(Outcome.SPOKE_SAFE, True), (Outcome.FAMILY_SAFE, False)])
@pytest.mark.parametrize(("kind", "listens"), [("inactivity", True), ("heat", False)])
def test_a_page_that_falls_due_before_the_watch_knows_of_the_word_calls_nobody(
    book: SqlBook, outcome: Outcome, quiet: bool, kind: str, listens: bool
) -> None:
    prompt = replace(SILENCE, kind=kind, cause=kind, level=Level.PROMPT)
    raised(book, prompt)
    close(book, outcome)
    for delay, called in ((TAKES, not (quiet and listens)), (TAKES + SECOND, True)):
        page_due = replace(prompt, level=Level.PAGE, raised_at=NOW + delay, onset=prompt.onset)
        with book.transaction() as page:
            current = page.current(HOME, kind)
            if current is not None:
                return
            [made] = decide(page, [page_due], NOW + delay, catching_up=False)
        assert (made.reason is Reason.REOPENED) is called
        if not called:
            return


# ---- hospital --------------------------------------------------------------------------------------------------------


def test_in_hospital_is_said_of_the_home_without_a_date_until_staff_say_that_it_is_over(
    book: SqlBook, engine: Engine
) -> None:
    raised(book)
    close(book, Outcome.HOSPITAL)
    [said] = Modes(engine).holding()
    assert (said.home, said.kind, said.since, said.by, said.alert) == (HOME, ModeKind.HOSPITAL, NOW + TAKES, "sato", 1)
    assert said.without_date
    Modes(engine).back(HOME, "boss", NOW + 9 * DAY)
    assert Modes(engine).holding() == []


def test_a_date_that_staff_have_said_stays_and_an_absence_gives_way(book: SqlBook, engine: Engine) -> None:
    raised(book)
    said = Modes(engine).say(HOME, ModeKind.HOSPITAL, NOW + 5 * DAY, "boss", T)
    close(book, Outcome.HOSPITAL)
    assert Modes(engine).holding() == [said]
    assert not said.without_date
    Modes(engine).back(HOME, "boss", NOW)
    Modes(engine).say(HOME, ModeKind.AWAY, NOW + 5 * DAY, "boss", NOW)
    book.act(1, 2, "reopen", "suzuki", NOW + MINUTE)
    close(book, Outcome.HOSPITAL, NOW + 2 * MINUTE)
    assert [mode.kind for mode in Modes(engine).holding()] == [ModeKind.HOSPITAL]


def test_an_outcome_that_is_taken_back_takes_the_hospital_back_and_nobody_else_s_word(
    book: SqlBook, engine: Engine
) -> None:
    raised(book)
    Modes(engine).say(HOME, ModeKind.VISITOR, NOW + DAY, "boss", T)
    close(book, Outcome.HOSPITAL)
    book.act(1, 2, "reopen", "suzuki", NOW + MINUTE)
    assert [mode.kind for mode in Modes(engine).holding()] == [ModeKind.VISITOR]
    over = Modes(engine).of(HOME)[0]
    assert (over.end, over.ended_by, over.ended_at) == (ModeEnd.REPLACED, "suzuki", NOW + MINUTE + TAKES)


# ---- reading ---------------------------------------------------------------------------------------------------------


def test_the_watch_reads_on_from_what_it_has_read_and_a_little_before_that(book: SqlBook, engine: Engine) -> None:
    raised(book)
    values = {"home": HOME, "alert": 1, "cause": "x", "onset": 0, "level": "page", "means": "call", "at": NOW,
              "since": NOW, "by": "sato", "written_at": NOW}  # fmt: skip
    with engine.begin() as connection:
        connection.execute(insert(table), [values] * 300)
    assert [row.id for row in rows(book)] == list(range(1, 301))
    assert [row.id for row in rows(book, 300)] == list(range(201, 301))
    assert book.feedback(0, NOW + feedback.REMEMBERED) == []
    assert [row.id for row in book.feedback_of(HOME, NOW)][:2] == [300, 299]


MORNING = T0 + 8 * DAY + 7 * HOUR
SPOKE = MORNING + 3 * HOUR + 30 * MINUTE


@cache
def arrivals() -> list[Arrival]:
    """Eight ordinary days, a silence from nine until two, and an ordinary day."""
    script = Script()
    script.live(8)
    for at in (
        *range(MORNING, MORNING + 2 * HOUR, 6 * MINUTE),
        *range(MORNING + 7 * HOUR, MORNING + 15 * HOUR, 6 * MINUTE),
    ):
        script.add(KITCHEN if at // MINUTE % 4 else LIVING, at)
    script.check_in(T0 + 8 * DAY, T0 + 9 * DAY + 10 * HOUR)
    messages = script.items(T0 + 9 * DAY + 10 * HOUR, period=10 * MINUTE)
    return [Arrival(offset, now, (*items, Mark(now))) for offset, (now, items) in enumerate(messages, start=1)]


def lived(book: Book, found: list[Feedback], *, at_once: bool = False, restart_at: Instant | None = None) -> Watch:
    assert isinstance(book, MemoryBook)
    watch, journal = Watch(book, save_every=3 * HOUR), arrivals()
    waiting = iter(journal)
    while (arrival := next(waiting, None)) is not None:
        book.found = [row for row in found if at_once or row.written_at <= arrival.received_at]
        if restart_at is not None and arrival.received_at >= restart_at:
            watch, restart_at = Watch(book, save_every=3 * HOUR), None
            waiting = iter(journal[watch.offset :])  # what was not saved is read again
            continue
        watch.step(arrival.received_at, arrival)
    watch.save(watch.now)
    return watch


def test_live_in_a_replay_and_after_a_death_the_same_rows_make_the_same_findings_and_the_same_state() -> None:
    closed = MORNING + 10 * HOUR
    found = [
        Feedback(1, homes.HOME, 1, "inactivity", MORNING, Level.PROMPT, Means.CALL, None, SPOKE, SPOKE + TAKES, "sato", SPOKE),
        Feedback(2, homes.HOME, 1, "inactivity", MORNING + 2 * HOUR - 6 * MINUTE, Level.PAGE, None, Outcome.EMERGENCY, closed,
                 closed + TAKES, "sato", closed),
    ]  # fmt: skip
    runs = [
        (MemoryBook(), {}),
        (MemoryBook(), {"at_once": True}),
        (MemoryBook(), {"restart_at": SPOKE + 4 * MINUTE}),
        (MemoryBook(), {"restart_at": closed + HOUR}),
    ]
    for book, how in runs:
        lived(book, found, **how)  # type: ignore[arg-type]  # passed on as given
    first, *others = [book for book, _ in runs]
    assert any(row.finding.onset == SPOKE for row in first.findings.values()), "the word was heard"
    for other in others:
        assert {name: row.finding for name, row in other.findings.items()} == {
            name: row.finding for name, row in first.findings.items()
        }
        assert [home.state for home in other.watched()] == [home.state for home in first.watched()]
    plain = MemoryBook()
    lived(plain, [])
    assert [home.state for home in plain.watched()] != [home.state for home in first.watched()]


# ---- the whole way ---------------------------------------------------------------------------------------------------------


def through_the_book(book: SqlBook, *acts: tuple[Instant, Callable[[], object]]) -> Watch:
    """The same days on the book in SQL; each act is done by somebody as soon as it is that late."""
    watch, waiting = Watch(book, save_every=3 * HOUR), list(acts)
    for arrival in arrivals():
        while waiting and waiting[0][0] <= arrival.received_at:
            waiting.pop(0)[1]()
        watch.step(arrival.received_at, arrival)
    watch.save(watch.now)
    return watch


def of_the_morning(book: SqlBook) -> list[Alert]:
    found = [one for one in book.alerts_of(homes.HOME) if one.kind == "inactivity"]
    return sorted((one for one in found if MORNING < one.onset < MORNING + 7 * HOUR), key=lambda one: one.id)


@cache
def untouched() -> tuple[Instant, Instant, Span]:
    """Where nobody does anything: when the resident is asked, when staff are paged, and the next day's limits, summed."""
    book = MemoryBook()
    watch = lived(book, [])
    found = [row.finding for row in book.findings.values() if row.finding.kind == "inactivity"]
    raised_at = {one.level: one.raised_at for one in found if MORNING < one.onset < MORNING + 7 * HOUR}
    return raised_at[Level.PROMPT], raised_at[Level.PAGE], sum(watch._homes[homes.HOME].inactivity.limits())


def test_a_resident_who_answers_is_not_paged_about_and_is_asked_again_when_the_silence_goes_on(
    book: SqlBook, engine: Engine
) -> None:
    asked_at, paged_at, _ = untouched()
    answered_at = asked_at + 10 * MINUTE
    assert answered_at + TAKES < paged_at

    def says_well() -> None:
        [alert] = of_the_morning(book)
        with engine.begin() as connection:
            connection.execute(
                insert(addresses).values(
                    owner=f"home:{homes.HOME}", channel="mail", address="x", position=0, added_at=0
                )
            )
            assert ask(connection, alert, asked_at, answered_at + MINUTE)
            question = question_about(connection, alert.id)
            assert question is not None
            assert answer(connection, question.token, Answer.WELL, "mail", answered_at) is Said.CLOSED

    through_the_book(book, (answered_at, says_well))
    first, *then = of_the_morning(book)
    assert (first.level, first.raised_at, first.outcome) == (Level.PROMPT, asked_at, Outcome.ANSWERED)
    assert [one.onset for one in then] == [answered_at], "a silence that goes on is asked about again"
    assert then[0].raised_at > paged_at


def test_a_page_that_staff_close_as_false_moves_the_home_s_limits_in_the_night_and_its_status_says_so(
    book: SqlBook,
) -> None:
    def goes_there() -> None:
        [alert] = of_the_morning(book)
        assert alert.level is Level.PAGE
        book.act(alert.id, alert.version, "claim", "sato", MORNING + 6 * HOUR)

    def finds_nothing() -> None:
        close(book, Outcome.VISIT_SAFE, MORNING + 9 * HOUR, of_the_morning(book)[0].id)

    watch = through_the_book(book, (MORNING + 6 * HOUR, goes_there), (MORNING + 9 * HOUR, finds_nothing))
    status = book.status(homes.HOME)
    assert status is not None
    assert status.false_pages == 1
    assert sum(watch._homes[homes.HOME].inactivity.limits()) > untouched()[2]
