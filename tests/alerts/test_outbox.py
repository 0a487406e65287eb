"""The outbox: each notification once, whoever dies or comes late, and the next channel where one fails."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine

from alerts.notices import Notice, Purpose
from alerts.outbox import (
    FALL_AFTER,
    GIVEN_UP,
    LEASE,
    LONGEST_PAUSE,
    LONGEST_WISH,
    How,
    Job,
    Outbox,
    Stand,
    cancel,
    deliveries,
    enqueue,
)
from alerts.sqlbook import SqlBook
from domain.alerts import Reason, State
from domain.clock import HOUR, MINUTE, SECOND, Instant
from tests.alerts.duty import SILENCE, T, installation


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    made = installation(tmp_path)
    with SqlBook(made).transaction() as page:
        page.note(SILENCE, T)
        page.open(SILENCE, State.OPEN, Reason.RAISED, T, late=False)
    yield made
    made.dispose()


def tell(engine: Engine, *channels: str, to: str = "suzuki", rung: int = 0, now: Instant = T) -> int:
    with engine.begin() as connection:
        return enqueue(connection, [Notice(1, Purpose.ALERT, to, channels or ("mail",), now, climb=T, rung=rung)], now)


def stands(engine: Engine) -> list[tuple[str, str, Stand]]:
    with engine.connect() as connection:
        return [(d.recipient, d.channel, d.stand) for d in deliveries(connection, 1)]


def one(outbox: Outbox, now: Instant = T, channel: str = "mail") -> Job:
    (job,) = outbox.claim(channel, 10, now)
    return job


def test_the_same_notice_twice_is_one_notification(engine: Engine) -> None:
    assert (tell(engine), tell(engine)) == (1, 0)
    assert len(Outbox(engine).claim("mail", 10, T)) == 1


def test_what_is_claimed_is_not_claimed_again_while_its_lease_holds(engine: Engine) -> None:
    tell(engine)
    outbox = Outbox(engine)
    assert not one(outbox).resent
    assert outbox.claim("mail", 10, T + LEASE - SECOND) == []


def test_a_lease_that_ran_out_is_claimed_again_under_the_same_id_and_marked(engine: Engine) -> None:
    tell(engine)
    outbox = Outbox(engine)
    first = one(outbox)
    second = one(outbox, T + LEASE)
    assert (second.key, second.resent, second.number) == (first.key, True, 2)
    with engine.connect() as connection:
        assert [d.how for d in deliveries(connection, 1)] == [How.UNKNOWN, None]


def test_who_comes_back_late_with_an_old_token_changes_nothing(engine: Engine) -> None:
    tell(engine)
    outbox = Outbox(engine)
    late = one(outbox)
    now = one(outbox, T + LEASE)
    assert not outbox.failed(late, How.PERMANENT, "No.", T + LEASE)
    assert not outbox.sent(late, "", T + LEASE)
    assert outbox.sent(now, "", T + LEASE)
    assert stands(engine)[-1] == ("suzuki", "mail", Stand.SENT)


def test_what_was_on_its_way_when_another_channel_reached_them_is_not_tried_again(engine: Engine) -> None:
    tell(engine, "line", "mail")
    outbox = Outbox(engine)
    outbox.failed(one(outbox, channel="line"), How.OVER_QUOTA, "No more.", T)
    slow = one(outbox, T + 2 * SECOND, "line")
    assert outbox.sent(one(outbox, T + 2 * SECOND), "", T + 2 * SECOND)
    assert outbox.failed(slow, How.OVER_QUOTA, "No more.", T + 3 * SECOND)
    assert outbox.claim("line", 10, T + MINUTE) == []
    assert stands(engine)[0] == ("suzuki", "line", Stand.CANCELLED)


def test_what_was_claimed_and_never_begun_waits_again_as_if_nothing_had_been(engine: Engine) -> None:
    tell(engine)
    outbox = Outbox(engine)
    assert outbox.released(one(outbox), T)
    again = one(outbox)
    assert (again.number, again.resent) == (1, False)


def test_pauses_grow_and_end_at_a_quarter_of_a_minute(engine: Engine) -> None:
    tell(engine)
    outbox, now, pauses = Outbox(engine), T, []
    for _ in range(10):
        outbox.failed(one(outbox, now), How.TRANSIENT, "Not now.", now)
        due = outbox.next_due()
        assert due is not None
        pauses.append(due - now)
        now = due
    assert pauses[0] < 2 * SECOND
    assert LONGEST_PAUSE <= max(pauses) <= LONGEST_PAUSE * 6 // 5


def test_the_provider_s_wish_to_wait_is_kept_to_for_a_minute_at_most(engine: Engine) -> None:
    tell(engine)
    outbox = Outbox(engine)
    outbox.failed(one(outbox), How.TRANSIENT, "Not now.", T, HOUR)
    assert outbox.claim("mail", 10, T + LONGEST_WISH - SECOND) == []
    assert one(outbox, T + LONGEST_WISH * 6 // 5).number == 2


def test_a_provider_that_asks_for_an_hour_keeps_nobody_from_the_next_channel(engine: Engine) -> None:
    tell(engine, "line", "mail")
    outbox = Outbox(engine)
    outbox.failed(one(outbox, channel="line"), How.TRANSIENT, "Not now.", T, HOUR)
    assert outbox.fall_through(T + FALL_AFTER) == 1


def test_a_clock_that_is_set_back_keeps_nothing_waiting(engine: Engine) -> None:
    tell(engine)
    tell(engine, to="tanaka")
    outbox = Outbox(engine)
    (claimed,) = outbox.claim("mail", 1, T)
    early = T - 2 * HOUR
    assert outbox.claim("mail", 10, early) == []
    assert outbox.draw_in(early) == 2
    assert one(outbox, early).recipient != claimed.recipient
    assert claimed.id in [job.id for job in outbox.claim("mail", 10, early + LEASE)]
    assert outbox.draw_in(early + LEASE) == 0


@pytest.mark.parametrize("how", [How.PERMANENT, How.OVER_QUOTA])
def test_what_is_refused_goes_to_the_next_channel_at_once(engine: Engine, how: How) -> None:
    tell(engine, "line", "mail")
    outbox = Outbox(engine)
    outbox.failed(one(outbox, channel="line"), how, "No.", T)
    assert one(outbox).recipient == "suzuki"


def test_what_is_slow_goes_to_the_next_channel_after_a_minute_and_who_is_reached_is_not_called_by_the_first(
    engine: Engine,
) -> None:
    tell(engine, "line", "mail")
    outbox = Outbox(engine)
    outbox.failed(one(outbox, channel="line"), How.TRANSIENT, "Not now.", T)
    assert outbox.fall_through(T + FALL_AFTER - SECOND) == 0
    assert outbox.fall_through(T + FALL_AFTER) == 1
    assert outbox.fall_through(T + FALL_AFTER) == 0
    outbox.sent(one(outbox, T + FALL_AFTER), "", T + FALL_AFTER)
    assert outbox.claim("line", 10, T + HOUR) == []
    assert stands(engine) == [("suzuki", "line", Stand.CANCELLED), ("suzuki", "mail", Stand.SENT)]


def test_a_later_call_takes_the_place_of_one_that_waits_so_that_nobody_gets_an_hour_s_messages(engine: Engine) -> None:
    for rung in range(5):
        tell(engine, rung=rung, now=T + rung * MINUTE)
    assert len(Outbox(engine).claim("mail", 10, T + HOUR)) == 1


def test_a_claim_cancels_what_waits_and_tells_those_who_were_told_but_not_the_claimer(engine: Engine) -> None:
    tell(engine)
    tell(engine, to="tanaka")
    tell(engine, to="sato")
    outbox = Outbox(engine)
    for job in outbox.claim("mail", 2, T):
        outbox.sent(job, "", T)
    with engine.begin() as connection:
        cancel(connection, 1, T + MINUTE, "suzuki")
        cancel(connection, 1, T + MINUTE, "suzuki")
    (over,) = outbox.claim("mail", 10, T + MINUTE)
    assert (over.purpose, over.recipient) == (Purpose.OVER, "tanaka")
    assert ("sato", "mail", Stand.CANCELLED) in stands(engine)


def test_after_a_day_nobody_is_told_any_more(engine: Engine) -> None:
    tell(engine)
    outbox = Outbox(engine)
    outbox.failed(one(outbox, T + GIVEN_UP + SECOND), How.TRANSIENT, "Not now.", T + GIVEN_UP + SECOND)
    assert stands(engine) == [("suzuki", "mail", Stand.FAILED)]


def test_leases_and_pauses_are_the_world_s_where_the_clock_runs_faster(engine: Engine) -> None:
    tell(engine)
    outbox = Outbox(engine, pace=60.0)
    one(outbox)
    assert outbox.claim("mail", 10, T + 59 * LEASE) == []
    assert one(outbox, T + 60 * LEASE).resent
