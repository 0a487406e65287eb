"""The ladder: who is called when, until somebody goes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import time
from pathlib import Path

import pytest
from sqlalchemy import Engine, delete, insert, select, update

from alerts import silences, tables
from alerts.asking import owner_of
from alerts.desk import decide
from alerts.duty_tables import ladders, notifications
from alerts.ladder import TOO_OLD, Due, Ladder
from alerts.outbox import Outbox
from alerts.places import Place
from alerts.policy import EQUIPMENT_AREA, SYSTEM_AREA, Policy, Rung, write
from alerts.sqlbook import SqlBook
from domain.alerts import Alert, Outcome, Reason, Result, State, Step
from domain.clock import DAY, HOUR, MINUTE, SECOND, Instant
from domain.findings import Ended, EndReason, Finding, FindingEvent, Level, Subject
from domain.ids import INSTALLATION
from domain.localtime import LocalTime
from registry import rota
from registry.rota import Shift
from registry.tables import addresses
from tests.alerts.duty import HOME, SILENCE, T, installation, place

TOKYO = LocalTime("Asia/Tokyo")
PROMPT = replace(SILENCE, level=Level.PROMPT)
TICKET = replace(SILENCE, kind="device_silent", cause="device_silent:d1", subject=Subject.DEVICE, level=Level.PROMPT)
NIGHT = TOKYO.at(TOKYO.date(T), time(23))


class House:
    """One installation under a clock that the test moves."""

    def __init__(self, engine: Engine) -> None:
        self.engine, self.book, self.now = engine, SqlBook(engine), T
        self.ladder = Ladder(engine, TOKYO)

    def desk(self, *events: FindingEvent, catching_up: bool = False) -> None:
        with self.book.transaction() as page:
            decide(page, events, self.now, catching_up)

    def restart(self) -> None:
        self.ladder = Ladder(self.engine, TOKYO)

    def step(self) -> int:
        return self.ladder.step(self.now)

    def run(self, span: int) -> None:
        """Let time pass: whatever falls due happens at its instant."""
        until = self.now + span
        while (due := self.ladder.next_due()) is not None and due <= until:
            self.now = max(self.now, due)
            self.step()
        self.now = until

    def alert(self, number: int = 1) -> Alert:
        found = self.book.alert(number)
        assert found is not None
        return found

    def act(self, action: str, by: str = "suzuki", **more: object) -> None:
        self.book.act(1, self.alert().version, action, by, self.now, **more)  # type: ignore[arg-type]  # what ``act`` takes

    def place(self, number: int = 1) -> Place:
        found = place(self.engine, number)
        assert found is not None
        return found

    def called(self) -> list[tuple[int, str]]:
        """(minutes after T, login) of everybody who was told that somebody is needed, in order."""
        columns = notifications.c
        wanted = select(columns.made_at, columns.recipient).where(columns.purpose == "alert").order_by(columns.id)
        with self.engine.connect() as connection:
            return [((row.made_at - T) // MINUTE, row.recipient) for row in connection.execute(wanted)]

    def waiting(self) -> int:
        wanted = select(notifications.c.id).where(
            notifications.c.state == "waiting", notifications.c.purpose == "alert"
        )
        with self.engine.connect() as connection:
            return len(connection.execute(wanted).all())

    def reasons(self, number: int = 1) -> list[Reason]:
        return [row.reason for row in self.book.history(number)]


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    engine = installation(tmp_path)
    with engine.begin() as connection:
        rota.add_shift(connection, Shift("default", "tanaka", frozenset(range(7)), 0, 24 * 60))
        write(connection, "", Level.PAGE, Policy((Rung(("rota:default",), 3), Rung(("staff:sato",), 5))), "boss", "", T)
    yield House(engine)
    engine.dispose()


EVERYBODY = ["sato", "suzuki", "tanaka", "boss"]


def test_rung_after_rung_is_called_then_everybody_and_then_it_begins_anew(house: House) -> None:
    house.desk(SILENCE)
    house.run(30 * MINUTE)
    first = [(0, "tanaka"), (3, "sato"), *((8, login) for login in EVERYBODY)]
    assert house.called() == [*first, (23, "tanaka"), (26, "sato")]
    assert house.reasons() == [Reason.RAISED, *[Reason.ESCALATED] * 5]
    assert [row.note for row in house.book.history(1)][1:3] == ["tanaka", "sato"]


def test_a_claim_ends_every_call_at_once_and_those_who_were_told_are_told_that_it_is_taken(house: House) -> None:
    house.desk(SILENCE)
    house.step()
    outbox = Outbox(house.engine)
    (job,) = outbox.claim("mail", 10, house.now)
    outbox.sent(job, "", house.now)
    house.now += 3 * MINUTE
    house.step()
    assert house.waiting() == 1
    house.act("claim")
    assert house.waiting() == 0
    before = house.called()
    house.run(9 * MINUTE)
    assert house.called() == before
    with house.engine.connect() as connection:
        told = connection.execute(select(notifications.c.recipient).where(notifications.c.purpose == "over")).scalars()
        assert list(told) == ["tanaka"]


def test_a_claim_without_a_step_lapses_and_calls_from_the_first_rung(house: House) -> None:
    house.desk(SILENCE)
    house.act("claim")
    house.run(10 * MINUTE)
    assert house.alert().state is State.OPEN
    assert house.alert().owner is None
    assert house.reasons()[-2:] == [Reason.LAPSED, Reason.ESCALATED]
    assert house.called() == [(10, "tanaka")]


def test_a_step_gives_the_time_for_work_and_every_further_step_gives_it_again(house: House) -> None:
    house.desk(SILENCE)
    house.act("claim")
    house.run(9 * MINUTE)
    house.act("step", step=(Step.CALL_RESIDENT, Result.NO_ANSWER))
    house.run(59 * MINUTE)
    house.act("step", step=(Step.VISIT, Result.STARTED))
    house.run(59 * MINUTE)
    assert house.alert().state is State.WORKING
    house.run(MINUTE)
    assert house.alert().state is State.OPEN


def test_after_it_is_closed_nothing_is_ever_due_again(house: House) -> None:
    house.desk(SILENCE)
    house.step()
    house.act("close", outcome=Outcome.VISIT_SAFE)
    assert house.ladder.next_due() is None
    called = house.called()
    house.run(30 * DAY)
    assert house.called() == called


def test_an_escalation_survives_a_restart_and_time_that_nobody_was_there_for(house: House) -> None:
    """Grafana OnCall #1206: an escalation was lost over a restart."""
    house.desk(SILENCE)
    house.step()
    house.restart()
    house.run(3 * MINUTE)
    assert house.called() == [(0, "tanaka"), (3, "sato")]
    house.now += 6 * HOUR  # down, with the next rung due after five minutes
    house.restart()
    house.step()
    assert house.called()[2:] == [(363, login) for login in EVERYBODY], "one rung, not all that were missed"
    assert house.place().due_at == house.now + 15 * MINUTE


@pytest.mark.parametrize("taken", [False, True], ids=["open", "claimed"])
def test_a_very_old_alert_never_calls_and_stays_on_the_board(house: House, taken: bool) -> None:
    """Grafana OnCall #3111: an alert that was acknowledged months ago escalated."""
    house.desk(SILENCE)
    if taken:
        house.act("claim")
    house.now += TOO_OLD + 11 * MINUTE
    house.restart()
    house.run(90 * DAY)
    assert house.called() == []
    assert house.alert() in house.book.open_alerts()
    assert house.alert().state is (State.CLAIMED if taken else State.OPEN)
    assert house.place().what is Due.OLD


def test_an_old_alert_calls_again_as_soon_as_something_new_is_said_of_it(house: House) -> None:
    house.desk(PROMPT)
    house.now += TOO_OLD + MINUTE
    house.run(DAY)
    house.act("comment", note="still nobody")
    house.run(2 * DAY)
    assert house.called() == []
    house.desk(replace(SILENCE, raised_at=house.now))
    house.step()
    assert [login for _, login in house.called()] == ["tanaka"]


def test_a_rung_calls_when_it_is_due_and_not_thirty_times_as_late(house: House) -> None:
    """ThingsBoard #6821: a rule that was to fire after a minute fired after half an hour."""
    house.desk(SILENCE)
    fired: list[Instant] = []
    for _ in range(30 * 60):
        if house.step():
            fired.append(house.now)
        house.now += SECOND
    assert fired == [T, T + 3 * MINUTE, T + 8 * MINUTE, T + 23 * MINUTE, T + 26 * MINUTE]


def test_a_rung_that_reaches_nobody_is_not_waited_for(house: House) -> None:
    with house.engine.begin() as connection:
        connection.execute(update(addresses).where(addresses.c.owner.in_(["tanaka", "sato"])).values(broken_at=T))
    house.desk(SILENCE)
    house.step()
    assert house.called() == [(0, "suzuki"), (0, "boss")]
    assert house.book.history(1)[-1].note == "suzuki boss (sato tanaka)"


def test_where_nobody_at_all_can_be_reached_the_ladder_goes_on_and_says_so_once(house: House) -> None:
    with house.engine.begin() as connection:
        connection.execute(delete(addresses))
    house.desk(SILENCE)
    house.run(2 * HOUR)
    assert house.called() == []
    assert house.reasons() == [Reason.RAISED, Reason.ESCALATED]
    assert house.place().due_at > house.now
    with house.engine.begin() as connection:
        connection.execute(insert(addresses).values(owner="boss", channel="mail", address="b", position=0, added_at=0))
    house.run(15 * MINUTE)
    assert [login for _, login in house.called()] == ["boss"]


def test_a_change_of_rota_counts_from_the_next_rung_and_so_does_one_of_the_policy(house: House) -> None:
    house.desk(SILENCE)
    house.step()
    with house.engine.begin() as connection:
        write(
            connection, "南", Level.PAGE, Policy((Rung(("staff:boss",), 1), Rung(("staff:suzuki",), 1))), "boss", "", T
        )
    house.run(3 * MINUTE)
    assert house.called() == [(0, "tanaka"), (3, "suzuki")]


def test_the_resident_is_asked_first_and_no_answer_is_a_page(house: House) -> None:
    with house.engine.begin() as connection:
        connection.execute(
            insert(addresses).values(owner=owner_of(HOME), channel="line", address="U1", position=0, added_at=0)
        )
    house.desk(PROMPT)
    house.run(9 * MINUTE)
    assert house.called() == []
    assert house.reasons() == [Reason.RAISED, Reason.ASKED]
    house.run(MINUTE)
    assert house.alert().level is Level.PAGE
    assert house.called() == [(10, "tanaka")]
    assert house.book.history(1)[-2].reason is Reason.UNANSWERED


def test_a_prompt_about_which_nobody_can_be_asked_calls_staff_and_pages_after_its_time(house: House) -> None:
    house.desk(PROMPT)
    house.run(4 * HOUR - MINUTE)
    assert house.called()[0] == (0, "tanaka")
    assert house.alert().level is Level.PROMPT
    house.run(MINUTE)
    assert house.alert().level is Level.PAGE
    assert house.called()[-1] == (240, "tanaka")


def test_a_prompt_that_was_given_back_asks_nobody_again_and_has_all_of_its_time(house: House) -> None:
    house.desk(PROMPT)
    house.run(3 * HOUR)
    house.act("claim")
    house.run(5 * MINUTE)
    house.act("release")
    house.run(3 * HOUR)
    assert house.alert().level is Level.PROMPT
    house.run(HOUR)
    assert house.alert().level is Level.PAGE


def test_a_ticket_waits_for_the_day_never_pages_and_comes_once_a_day(house: House) -> None:
    house.now = NIGHT
    house.desk(TICKET)
    house.run(8 * HOUR)
    assert house.called() == []
    assert house.ladder.next_due() == NIGHT + 9 * HOUR
    house.run(HOUR)
    assert {login for _, login in house.called()} == {"suzuki", "tanaka", "sato"}
    before = len(house.called())
    house.run(23 * HOUR)
    assert len(house.called()) == before
    house.run(10 * DAY)
    assert house.alert().level is Level.PROMPT


def test_a_page_does_not_wait_for_the_day(house: House) -> None:
    house.now = NIGHT
    house.desk(SILENCE)
    house.step()
    assert [login for _, login in house.called()] == ["tanaka"]


def test_a_silence_holds_the_calls_back_and_its_end_lets_them_go(house: House) -> None:
    with house.engine.begin() as connection:
        number = silences.add(connection, HOME, None, None, T + 2 * HOUR, "the plumber is in", "boss", T)
    house.desk(SILENCE)
    house.run(HOUR)
    assert house.called() == []
    with house.engine.connect() as connection:
        coming = house.ladder.next_for(connection, house.alert(), house.now)
    assert coming is not None
    assert coming.silence is not None
    assert (coming.at, coming.what) == (T + 2 * HOUR, Due.HELD)
    with house.engine.begin() as connection:
        assert silences.end(connection, number, "boss", house.now)
    house.step()
    assert house.called() == [(60, "tanaka")]


def test_a_silence_that_expires_lets_the_calls_go_at_its_instant(house: House) -> None:
    with house.engine.begin() as connection:
        silences.add(connection, None, "南", None, T + 20 * DAY, "moving", "boss", T)
    house.desk(SILENCE)
    house.run(21 * DAY)
    assert house.called()[0] == (20 * 24 * 60, "tanaka")


def test_what_follows_from_another_alert_waits_for_it_and_is_called_about_when_it_is_over(house: House) -> None:
    gateway = replace(TICKET, kind="gateway_silent", cause="gateway_silent", subject=Subject.SYSTEM)
    noon = TOKYO.at(TOKYO.date(T), time(12))
    house.now = noon
    house.desk(gateway)
    house.desk(TICKET)
    house.run(HOUR)
    assert house.place(2).what is Due.HELD
    about = set()
    with house.engine.connect() as connection:
        about = set(connection.execute(select(notifications.c.alert)).scalars())
    assert about == {1}
    house.desk(Ended(HOME, "gateway_silent", gateway.id, house.now, EndReason.ACTIVITY))
    house.step()
    with house.engine.connect() as connection:
        about = set(connection.execute(select(notifications.c.alert)).scalars())
    assert about == {1, 2}


def test_alerts_about_ourselves_go_to_the_managers_first(house: House) -> None:
    house.desk(replace(SILENCE, home=INSTALLATION, kind="fleet_outage", cause="fleet", subject=Subject.SYSTEM))
    house.step()
    assert [login for _, login in house.called()] == ["boss"]


def test_a_clock_that_is_set_back_delays_no_call_by_more_than_the_policy_says(house: House) -> None:
    house.desk(SILENCE)
    house.step()
    house.now -= 5 * HOUR
    house.step()
    assert house.ladder.next_due() == house.now + 3 * MINUTE
    house.run(3 * MINUTE)
    assert [login for _, login in house.called()] == ["tanaka", "sato"]
    house.act("claim")
    house.now -= DAY
    house.restart()
    house.step()
    house.run(10 * MINUTE)
    assert house.alert().state is State.OPEN


def test_a_clock_that_is_set_back_to_before_a_silence_began_lets_the_calls_go(house: House) -> None:
    with house.engine.begin() as connection:
        silences.add(connection, None, None, None, T + 20 * HOUR, "so that it is quiet", "boss", T)
    house.desk(SILENCE)
    house.step()
    house.now -= HOUR
    house.step()
    assert [login for _, login in house.called()] == ["tanaka"]


def test_an_alert_that_nobody_was_called_about_yet_is_called_at_once_after_the_clock_was_set_back(
    house: House,
) -> None:
    house.desk(SILENCE)
    house.now -= MINUTE
    house.restart()
    house.step()
    assert [login for _, login in house.called()] == ["tanaka"]


def test_a_leap_of_the_clock_fires_each_rung_once(house: House) -> None:
    house.desk(SILENCE)
    house.step()
    house.now += DAY
    assert house.step() == 1
    assert house.place().due_at == house.now + 5 * MINUTE


def test_a_second_climb_in_the_same_microsecond_calls_anew(house: House) -> None:
    house.desk(SILENCE)
    house.step()
    house.act("claim")
    house.act("release")
    house.step()
    assert [login for _, login in house.called()] == ["tanaka", "tanaka"]


def test_where_the_clock_runs_faster_people_have_as_much_longer(house: House) -> None:
    house.ladder = Ladder(house.engine, TOKYO, pace=60.0)
    house.book = SqlBook(house.engine, 60.0)
    house.desk(SILENCE)
    house.run(9 * HOUR)
    assert [minute for minute, _ in house.called()[:3]] == [0, 180, 480]
    house.act("claim")
    assert house.place().due_at == house.now + 10 * HOUR


def test_one_alert_whose_step_fails_keeps_no_other_waiting(house: House) -> None:
    house.desk(SILENCE, replace(SILENCE, kind="heat", cause="heat"))
    with house.engine.begin() as connection:
        connection.execute(update(tables.alerts).where(tables.alerts.c.id == 1).values(evidence="no JSON"))
    assert house.step() == 1
    assert house.called() == [(0, "tanaka")]
    with house.engine.begin() as connection:
        connection.execute(update(tables.alerts).where(tables.alerts.c.id == 1).values(evidence="{}"))
    house.run(MINUTE)
    assert len(house.called()) == 2


def test_late_activity_closes_it_and_whoever_is_on_the_way_has_the_last_word(house: House) -> None:
    house.desk(SILENCE)
    house.act("claim")
    house.now += MINUTE
    house.desk(Ended(HOME, "inactivity", SILENCE.id, T + SECOND, EndReason.ACTIVITY))
    assert house.alert().state is State.CLAIMED
    house.act("release")
    house.step()
    assert house.alert().state is State.CLOSED
    assert house.called() == []


def test_the_pages_are_told_whom_the_next_rung_calls_and_what_a_whole_lap_would_be(house: House) -> None:
    house.desk(SILENCE)
    house.step()
    with house.engine.connect() as connection:
        coming = house.ladder.next_for(connection, house.alert(), house.now)
        assert coming is not None
        assert coming.call is not None
        assert (coming.at, coming.what, coming.call.logins) == (T + 3 * MINUTE, Due.RUNG, ("sato",))
        policy = Policy(
            (Rung(("staff:sato",), 5, waits_for_day=True), Rung(("staff:nobody",), 5), Rung(("staff:boss",)))
        )
        lap = house.ladder.lap(connection, policy, "南", NIGHT)
    day = NIGHT + 9 * HOUR
    assert [(at, call.logins) for at, call in lap[:3]] == [
        (day, ("sato",)), (day + 5 * MINUTE, ()), (day + 5 * MINUTE, ("boss",)),
    ]  # fmt: skip


def test_policies_of_equipment_and_of_ourselves_are_their_own(house: House) -> None:
    with house.engine.begin() as connection:
        write(connection, EQUIPMENT_AREA, Level.PROMPT, Policy((Rung(("staff:boss",), 60),)), "boss", "", T)
        write(connection, SYSTEM_AREA, Level.PAGE, Policy((Rung(("staff:sato",), 60),)), "boss", "", T)
    house.desk(TICKET)
    house.desk(replace(SILENCE, home=INSTALLATION, kind="disk_full", cause="disk_full", subject=Subject.SYSTEM))
    house.step()
    assert [login for _, login in house.called()] == ["boss", "sato"]


def test_a_row_of_an_alert_that_is_closed_is_cleared_away(house: House) -> None:
    house.desk(SILENCE)
    with house.engine.begin() as connection:
        connection.execute(update(tables.alerts).values(state="closed"))
    house.step()
    with house.engine.connect() as connection:
        assert connection.execute(select(ladders)).all() == []
    assert house.called() == []


def test_a_finding_of_another_matter_is_called_about_on_its_own(house: House) -> None:
    other: Finding = replace(SILENCE, kind="heat", cause="heat")
    house.desk(SILENCE, other)
    house.step()
    with house.engine.connect() as connection:
        assert connection.execute(select(notifications.c.alert)).scalars().all() == [1, 2]
