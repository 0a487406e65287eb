"""Any sequence of alarms, claims, steps, handovers, answers, silences, restarts, downtime and clocks that jump.

Invariants, after every step: nobody is called about what somebody has taken or what is closed; the rungs of a climb are called
in their order, each once, and none before its time; nothing that is due stays undone; the auditor finds nothing. And in the
end every alert that is still open calls everybody, whatever has happened to it.

A long campaign: ``pytest tests/alerts/test_ladder_machine.py --rounds 2000``.
"""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from tempfile import mkdtemp
from typing import Any, ClassVar

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test
from sqlalchemy import Connection, delete, insert, select

from alerts import silences, tables
from alerts.answers import answer
from alerts.asking import Answer, owner_of, question_about
from alerts.auditor import alerts_without_a_step
from alerts.book import StaleError
from alerts.desk import decide
from alerts.duty_tables import ladders, notifications
from alerts.ladder import Ladder
from alerts.outbox import Outbox
from alerts.places import Due, Place, place_from, place_of, put
from alerts.policy import InForce, Policy, Rung, in_force, write
from alerts.sqlalerts import alert_numbered
from alerts.sqlbook import SqlBook
from domain.alerts import Alert, Outcome, Reason, Result, State, Step
from domain.clock import DAY, HOUR, MINUTE, SECOND, Instant
from domain.findings import Ended, EndReason, Finding, Level, Subject
from domain.ids import HomeId
from domain.localtime import LocalTime
from registry import rota
from registry.homes import Home, Homes
from registry.rota import Cover, Shift
from registry.tables import addresses
from tests.alerts.duty import HOME, PEOPLE, SILENCE, T, installation

TOKYO = LocalTime("Asia/Tokyo")
HOMES = (HOME, HomeId("h2"))
POLICY = Policy((Rung(("rota:default",), 3), Rung(("rota:default:all",), 5), Rung(("area",), 10)), claim_minutes=10)
LONGEST = 4 * HOUR
"""Nothing that the policies of this house say takes longer, but for a silence."""
Rows = Mapping[int, Any]
people = st.sampled_from(sorted(PEOPLE))
spans = st.one_of(st.integers(0, 40).map(lambda minutes: minutes * MINUTE), st.integers(0, 3 * HOUR))


class Watched(Ladder):
    """A ladder between whose look at what is due and whose transaction somebody acts."""

    between: Callable[[int], None] | None = None

    def meanwhile(self, alert: int) -> None:
        """Let it happen, once."""
        act, self.between = self.between, None
        if act is not None:
            act(alert)

    def _fire(self, connection: Connection, number: int, now: Instant) -> int:
        self.meanwhile(number)
        return super()._fire(connection, number, now)


class Duty(RuleBasedStateMachine):
    kind: ClassVar[type[Watched]] = Watched

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(mkdtemp())
        self.engine = installation(self.folder)
        Homes(self.engine).add(Home(HOMES[1], "白", "Asia/Tokyo", area="北"), [], T)
        with self.engine.begin() as connection:
            for position, login in enumerate(("tanaka", "suzuki")):
                rota.add_shift(connection, Shift("default", login, frozenset(range(7)), 0, 24 * 60, position))
            for level in (Level.PAGE, Level.PROMPT):
                write(connection, "", level, POLICY, "boss", "", T)
            connection.execute(
                insert(addresses).values(owner=owner_of(HOME), channel="line", address="U1", position=0, added_at=0)
            )
        self.book, self.now = SqlBook(self.engine), T
        self.ladder = self.kind(self.engine, TOKYO)
        self.epoch = 0
        """Counts how often the clock was set back."""
        self.seen: dict[int, int] = {}
        """Notification -> epoch in which it was first seen."""
        self.fresh = False
        """The ladder has just been stepped."""

    # ---- what happens --------------------------------------------------------------------------------------------------

    def standing(self) -> list[Alert]:
        return sorted(self.book.open_alerts(), key=lambda alert: alert.id)

    def some(self, choice: int) -> Alert | None:
        """One of the alerts, closed ones too."""
        last = self.book.alert(choice % 6 + 1)
        return None if last is None or last.state is State.HELD else last

    def act(self, choice: int, action: str, by: str, **more: object) -> None:
        alert = self.some(choice)
        if alert is not None:
            with suppress(StaleError):
                self.book.act(alert.id, alert.version, action, by, self.now, **more)  # type: ignore[arg-type]  # as ``act`` takes it

    @rule(home=st.sampled_from(HOMES), level=st.sampled_from([Level.PAGE, Level.PROMPT]), late=st.booleans())
    def alarm(self, home: HomeId, level: Level, late: bool) -> None:
        raised = self.now - (HOUR if late else 0)
        finding = replace(SILENCE, home=home, level=level, onset=raised - HOUR, raised_at=raised)
        with self.book.transaction() as page:
            current = page.current(home, finding.cause)
            decide(page, [finding if current is None else replace(finding, onset=current.onset)], self.now, False)
        self.fresh = False

    @rule(home=st.sampled_from(HOMES))
    def another_matter(self, home: HomeId) -> None:
        finding: Finding = replace(
            SILENCE, home=home, kind="heat", cause="heat", subject=Subject.PERSON, onset=self.now, raised_at=self.now
        )
        with self.book.transaction() as page:
            decide(page, [finding], self.now, False)
        self.fresh = False

    @rule(choice=st.integers(0, 5))
    def activity(self, choice: int) -> None:
        alert = self.some(choice)
        if alert is not None and alert.state is not State.CLOSED:
            with self.book.transaction() as page:
                ended = Ended(alert.home, alert.cause, alert.finding, self.now, EndReason.ACTIVITY)
                decide(page, [ended], self.now, False)

    @rule(choice=st.integers(0, 5), by=people)
    def claim(self, choice: int, by: str) -> None:
        self.act(choice, "claim", by)

    @rule(choice=st.integers(0, 5), by=people)
    def release(self, choice: int, by: str) -> None:
        self.act(choice, "release", by)
        self.fresh = False

    @rule(choice=st.integers(0, 5), by=people, to=people)
    def assign(self, choice: int, by: str, to: str) -> None:
        self.act(choice, "assign", by, assignee=to)

    @rule(choice=st.integers(0, 5), by=people)
    def take_a_step(self, choice: int, by: str) -> None:
        self.act(choice, "step", by, step=(Step.CALL_RESIDENT, Result.NO_ANSWER))

    @rule(choice=st.integers(0, 5), by=people)
    def comment(self, choice: int, by: str) -> None:
        self.act(choice, "comment", by, note="…")

    @rule(choice=st.integers(0, 5), by=people)
    def close(self, choice: int, by: str) -> None:
        self.act(choice, "close", by, outcome=Outcome.VISIT_SAFE)

    @rule(choice=st.integers(0, 5), by=people)
    def reopen(self, choice: int, by: str) -> None:
        self.act(choice, "reopen", by)
        self.fresh = False

    @rule(choice=st.integers(0, 5), said=st.sampled_from(list(Answer)))
    def resident_answers(self, choice: int, said: Answer) -> None:
        alert = self.some(choice)
        if alert is None:
            return
        with self.engine.begin() as connection:
            question = question_about(connection, alert.id)
            if question is not None:
                answer(connection, question.token, said, "line", self.now)
        self.fresh = False

    @rule(by=people, span=spans)
    def handover(self, by: str, span: int) -> None:
        with self.engine.begin() as connection, suppress(rota.BadShiftError):
            rota.add_cover(connection, Cover("default", by, self.now, self.now + span, "boss", instead_of="tanaka"))

    @rule(home=st.sampled_from([*HOMES, None]), span=spans.filter(bool))
    def silence(self, home: HomeId | None, span: int) -> None:
        with self.engine.begin() as connection:
            silences.add(connection, home, None, None, self.now + span, "so that it is quiet", "boss", self.now)

    @rule()
    def sound(self) -> None:
        with self.engine.begin() as connection:
            for silence in silences.all_of(connection, self.now):
                silences.end(connection, silence.id, "boss", self.now)
        self.fresh = False

    @rule()
    def deliver(self) -> None:
        outbox = Outbox(self.engine)
        for channel in ("mail", "line"):
            for job in outbox.claim(channel, 10, self.now):
                outbox.sent(job, "", self.now)

    # ---- time ----------------------------------------------------------------------------------------------------------

    def step(self) -> None:
        self.ladder.step(self.now)
        self.fresh = True

    @rule(span=spans)
    def time_passes(self, span: int) -> None:
        """The caller is there: whatever falls due happens at its instant."""
        until = self.now + span
        while (due := self.ladder.next_due()) is not None and due <= until:
            self.now = max(self.now, due)
            self.step()
        self.now = until
        self.step()

    @rule(span=st.one_of(spans, st.integers(0, 3 * DAY)))
    def down(self, span: int) -> None:
        """Nobody is there, or the clock leaps ahead."""
        self.now += span
        self.ladder = self.kind(self.engine, TOKYO)
        self.step()

    @rule(span=st.integers(SECOND, DAY), restarted=st.booleans())
    def clock_is_set_back(self, span: int, restarted: bool) -> None:
        self.now -= span
        self.epoch += 1
        if restarted:
            self.ladder = self.kind(self.engine, TOKYO)
        self.step()

    @precondition(lambda self: self.ladder.next_due() is not None)
    @rule(by=people, action=st.sampled_from(["claim", "close", "step", "comment"]))
    def somebody_acts_at_the_very_moment(self, by: str, action: str) -> None:
        """Between the ladder's look at what is due and its transaction."""

        more: dict[str, object] = {"outcome": Outcome.VISIT_SAFE} if action == "close" else {}
        more |= {"step": (Step.VISIT, Result.STARTED)} if action == "step" else {}

        def meanwhile(number: int) -> None:
            self.act(number - 1, action, by, **more)

        due = self.ladder.next_due()
        assert due is not None
        self.now = max(self.now, due)
        self.ladder.between = meanwhile
        self.step()
        self.ladder.between = None

    # ---- what holds ----------------------------------------------------------------------------------------------------

    @invariant()
    def everything_holds(self) -> None:
        with self.engine.connect() as connection:
            states = {row.id: row for row in connection.execute(select(tables.alerts))}
            history = connection.execute(select(tables.transitions).order_by(*tables.transitions.primary_key)).all()
            calls = connection.execute(
                select(notifications).where(notifications.c.purpose == "alert").order_by(notifications.c.id)
            ).all()
            assert alerts_without_a_step(connection, self.now if self.fresh else 0) == [], "the auditor finds nothing"
            if self.fresh:
                self.nothing_is_stuck(connection)
        self.nobody_is_called_about_what_is_taken_or_closed(states, history, calls)
        self.rungs_are_called_in_order_each_once_and_not_before_their_time(history, calls)
        self.the_history_is_one_chain(history)

    def nothing_is_stuck(self, connection: Connection) -> None:
        for row in connection.execute(select(ladders)).all():
            place = place_from(row)
            assert place.due_at > self.now, "it is due, and the ladder was there"
            if place.due_at > self.now + LONGEST and place.what is not Due.OLD:
                alert = alert_numbered(connection, row.alert)
                assert alert is not None
                assert silences.covering(connection, alert, self.now) is not None

    def nobody_is_called_about_what_is_taken_or_closed(
        self, states: Rows, history: Sequence[Any], calls: Sequence[Any]
    ) -> None:
        for row in calls:
            if row.state == "waiting":
                state = State(states[row.alert].state)
                assert state is State.OPEN or (state.taken and row.recipient == states[row.alert].owner)
        for row in history:
            if row.reason in (Reason.ESCALATED.value, Reason.ASKED.value, Reason.UNANSWERED.value):
                assert row.from_state == State.OPEN.value

    def rungs_are_called_in_order_each_once_and_not_before_their_time(
        self, history: Sequence[Any], calls: Sequence[Any]
    ) -> None:
        named = Counter(
            (row.alert, row.logged_at, row.assignee)
            for row in history
            if row.reason == Reason.ASSIGNED.value and row.by != row.assignee
        )
        climbs: dict[tuple[int, int], list[tuple[int, int, int, int]]] = {}
        for row in calls:
            epoch = self.seen.setdefault(row.id, self.epoch)
            if named[row.alert, row.made_at, row.recipient]:
                named[row.alert, row.made_at, row.recipient] -= 1
                continue  # no rung: they were told that it is theirs now
            climb = climbs.setdefault((row.alert, row.climb), [])
            if not climb or climb[-1][:2] != (row.lap, row.rung):
                climb.append((row.lap, row.rung, row.made_at, epoch))
        rungs = POLICY.climb
        for climb in climbs.values():
            assert climb[0][:2] == (0, 0)
            for (lap, rung, at, epoch), (next_lap, next_rung, next_at, next_epoch) in pairwise(climb):
                assert next_lap * len(rungs) + next_rung == lap * len(rungs) + rung + 1
                if epoch == next_epoch:
                    assert next_at - at >= rungs[rung].minutes * MINUTE

    def the_history_is_one_chain(self, history: Sequence[Any]) -> None:
        last: dict[int, tuple[int, str | None]] = {}
        for row in history:
            version, state = last.get(row.alert, (0, None))
            assert (row.version, row.from_state) == (version + 1, state)
            last[row.alert] = (row.version, row.to_state)
            assert (row.outcome is not None) <= (row.to_state == State.CLOSED.value)

    def teardown(self) -> None:
        try:
            self.sound()
            self.step()
            # A claim lapses within the hour, its prompt ripens into a page after that, which climbs from the first rung on.
            climb = sum(int(rung.minutes) for rung in POLICY.climb) * MINUTE
            self.time_passes(HOUR + LONGEST + climb)
            self.everything_holds()
            with self.engine.connect() as connection:
                for alert in self.standing():
                    place = place_of(connection, alert.id)
                    assert place is not None
                    if place.what is Due.OLD:
                        continue
                    assert alert.state is State.OPEN, "every claim has lapsed by now"
                    columns = notifications.c
                    told = select(columns.recipient).where(
                        columns.alert == alert.id, columns.purpose == "alert", columns.climb == place.since
                    )
                    assert set(connection.execute(told).scalars()) == set(PEOPLE), "everybody has been called"
        finally:
            self.engine.dispose()
            shutil.rmtree(self.folder)


class Hasty(Watched):
    """Goes by what it read before somebody acted."""

    def _fire(self, connection: Connection, number: int, now: Instant) -> int:
        place = place_of(connection, number)
        self.meanwhile(number)
        alert = alert_numbered(connection, number)
        if place is None or alert is None or place.what is not Due.RUNG or place.due_at > now:
            return super()._fire(connection, number, now)
        self._call(connection, alert, place, in_force(connection, "", alert.level), now)
        return 1


class Forgetful(Watched):
    """Keeps the next rung in memory, as a sleeping task would."""

    def _call(self, connection: Connection, alert: Alert, place: Place, found: InForce, now: Instant) -> None:
        super()._call(connection, alert, place, found, now)
        connection.execute(delete(ladders).where(ladders.c.alert == alert.id))


class Skipping(Watched):
    """After time that it was not there for, it goes on where it would have been."""

    def _call(self, connection: Connection, alert: Alert, place: Place, found: InForce, now: Instant) -> None:
        super()._call(connection, alert, place, found, now)
        after = place_of(connection, alert.id)
        if after is not None and now > place.due_at and after.rung:
            put(connection, replace(after, rung=after.rung + 1))


def broken(kind: type[Watched]) -> Duty:
    """The machine with another ladder, at the instant of a page."""
    machine: Duty = type("Broken", (Duty,), {"kind": kind})()
    machine.alarm(home=HOME, level=Level.PAGE, late=False)
    return machine


def claimed_at_the_very_moment(machine: Duty) -> None:
    machine.somebody_acts_at_the_very_moment(by="suzuki", action="claim")
    machine.everything_holds()


def left_alone(machine: Duty) -> None:
    machine.time_passes(span=HOUR)
    machine.everything_holds()


def away_twice(machine: Duty) -> None:
    machine.time_passes(span=MINUTE)
    for _ in range(2):
        machine.down(span=10 * MINUTE)
        machine.everything_holds()


@pytest.mark.parametrize(
    ("kind", "story"), [(Hasty, claimed_at_the_very_moment), (Forgetful, left_alone), (Skipping, away_twice)]
)
def test_a_ladder_that_is_broken_is_caught_by_what_is_watched(
    kind: type[Watched], story: Callable[[Duty], None]
) -> None:
    """The controls, each by a story that is short enough to tell: the same watching lets the sound ladder pass."""
    for ladder in (Watched, kind):
        machine = broken(ladder)
        try:
            if ladder is Watched:
                story(machine)
            else:
                with pytest.raises(AssertionError):
                    story(machine)
        finally:
            machine.engine.dispose()
            shutil.rmtree(machine.folder)


def test_whatever_happens_every_alert_keeps_its_next_step_and_nobody_is_called_too_much(rounds: int | None) -> None:
    wanted = settings(max_examples=rounds or 20, stateful_step_count=25, deadline=None)
    run_state_machine_as_test(Duty, settings=wanted)
