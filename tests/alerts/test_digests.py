"""Digests: at the policy's hours, once, without a name, and never in the way of a call."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import ClassVar

import msgspec
import pytest
from sqlalchemy import Engine, insert, select, update

from alerts.caller import Caller
from alerts.channels.channel import Message, OverQuotaError, Receipt
from alerts.desk import decide
from alerts.digests import LATE, MOST, Choice, Digests, Occasion, choose, figures
from alerts.duty_tables import notifications
from alerts.messages import Messages
from alerts.modes import Modes
from alerts.notices import Notice, Purpose
from alerts.outbox import Job, Outbox, enqueue
from alerts.policy import BUILT_IN, Policy, write
from alerts.sqlbook import SqlBook
from domain.alerts import Outcome, Result, Step
from domain.clock import DAY, HOUR, MINUTE, SECOND, Instant, VirtualClock, from_iso
from domain.findings import Level, Subject
from domain.ids import HomeId
from domain.localtime import LocalTime
from domain.modes import ModeKind
from registry import rota
from registry.homes import Home, Homes
from registry.rota import Cover, Shift
from registry.sight import EVERYWHERE, Sight, set_sight
from registry.tables import addresses, staff, staff_areas
from tests.alerts.duty import HOME, SILENCE, installation
from tests.programs import until

TOKYO = LocalTime("Asia/Tokyo")
EIGHT = from_iso("2026-03-02T08:00:00+09:00")
"""A Monday; the policy that comes with the program is quiet from 21 to 8 o'clock."""
MORNING = Choice(Occasion.MORNING, "mail")
SHIFT = Choice(Occasion.SHIFT, "mail")


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    engine = installation(tmp_path, [("suzuki", "南")])
    yield engine
    engine.dispose()


def ask(engine: Engine, login: str, choice: Choice = MORNING, now: Instant = EIGHT - DAY) -> None:
    with engine.begin() as connection:
        choose(connection, login, choice, now)


def quiet(begin: int, end: int) -> Policy:
    return msgspec.structs.replace(BUILT_IN[Level.PROMPT], quiet_from=begin, quiet_to=end)


def told(engine: Engine, at: Instant, stepper: Digests | None = None) -> list[str]:
    """Who is sent a digest in a look at ``at``, by a program that has just begun."""
    before = sent_so_far(engine)
    (stepper or Digests(engine, TOKYO, ["mail"])).step(at)
    return sent_so_far(engine)[len(before) :]


def sent_so_far(engine: Engine) -> list[str]:
    with engine.connect() as connection:
        wanted = select(notifications.c.recipient).where(notifications.c.purpose == Purpose.DIGEST.value)
        return list(connection.execute(wanted.order_by(notifications.c.id)).scalars())


def test_a_digest_goes_out_when_the_quiet_hours_end_once_a_morning_and_over_restarts(engine: Engine) -> None:
    ask(engine, "sato")
    assert told(engine, EIGHT - SECOND) == []
    assert told(engine, EIGHT) == ["sato"]
    assert told(engine, EIGHT + SECOND) == told(engine, EIGHT + HOUR) == []
    assert told(engine, EIGHT + DAY + 5 * MINUTE) == ["sato"], "the next morning"
    assert told(engine, EIGHT + 2 * DAY + LATE + SECOND) == [], "too late: the next one tells what stands then"


def test_nobody_is_told_who_did_not_ask_or_cannot_be_reached_as_they_asked(engine: Engine) -> None:
    for login in ("sato", "tanaka", "suzuki", "boss"):
        ask(engine, login, Choice(Occasion.MORNING, "fax") if login == "boss" else MORNING)
    with engine.begin() as connection:
        connection.execute(update(staff).where(staff.c.login == "tanaka").values(disabled_at=1))
        connection.execute(addresses.delete().where(addresses.c.owner == "suzuki"))
        choose(connection, "sato", None, EIGHT)
    assert told(engine, EIGHT) == []


def test_somebody_who_asks_in_the_morning_is_told_from_the_next_one_on(engine: Engine) -> None:
    ask(engine, "sato", now=EIGHT + MINUTE)
    assert told(engine, EIGHT + 2 * MINUTE) == []
    assert told(engine, EIGHT + DAY) == ["sato"]


def test_the_quiet_hours_of_the_receiver_s_own_areas_hold(engine: Engine) -> None:
    ask(engine, "sato")
    ask(engine, "suzuki")
    with engine.begin() as connection:
        connection.execute(insert(staff_areas).values(login="suzuki", area="西"))
        longer = quiet(20 * 60, 9 * 60 + 30)
        write(connection, "西", Level.PROMPT, longer, "boss", "", EIGHT - DAY)
    assert told(engine, EIGHT) == ["sato"]
    assert told(engine, EIGHT + 90 * MINUTE) == ["suzuki"], "the longest of them all"


def test_without_quiet_hours_the_morning_is_at_eight(engine: Engine) -> None:
    ask(engine, "sato")
    with engine.begin() as connection:
        write(connection, "", Level.PROMPT, quiet(0, 0), "boss", "", EIGHT - DAY)
    assert told(engine, EIGHT - HOUR) == []
    assert told(engine, EIGHT) == ["sato"]


def test_a_shift_s_digest_comes_when_it_begins_or_when_the_quiet_hours_end_within_it(engine: Engine) -> None:
    for login, begins, minutes in (("sato", 17 * 60, 480), ("tanaka", 6 * 60, 480), ("suzuki", 22 * 60, 480)):
        ask(engine, login, SHIFT)
        with engine.begin() as connection:
            rota.add_shift(connection, Shift("default", login, frozenset(range(7)), begins, minutes))
    assert told(engine, EIGHT - HOUR) == []
    assert told(engine, EIGHT) == ["tanaka"], "the night shift ended at 6, before anybody may be disturbed"
    assert told(engine, EIGHT + 9 * HOUR) == ["sato"]
    assert told(engine, EIGHT + 14 * HOUR) == [], "22 o'clock is quiet"
    ask(engine, "boss", SHIFT)
    with engine.begin() as connection:
        rota.add_cover(connection, Cover("default", "boss", EIGHT + 30 * HOUR, EIGHT + 33 * HOUR, "boss"))
    assert told(engine, EIGHT + 30 * HOUR) == ["boss"], "who stands in has a shift too"


def test_a_clock_that_goes_back_silences_nobody_for_long(engine: Engine) -> None:
    ask(engine, "sato")
    assert told(engine, EIGHT + 900 * DAY) == ["sato"]
    assert told(engine, EIGHT) == ["sato"]
    assert told(engine, EIGHT + MINUTE) == []


def test_many_digests_are_made_a_few_at_each_look(engine: Engine) -> None:
    number = 2 * MOST + 1
    with engine.begin() as connection:
        for n in range(number):
            login = f"w{n:02}"
            connection.execute(insert(staff).values(login=login, name=login, password="", created_at=0, role="staff"))
            connection.execute(
                insert(addresses).values(owner=login, channel="mail", address="x", position=0, added_at=0)
            )
            choose(connection, login, MORNING, EIGHT - DAY)
    stepper = Digests(engine, TOKYO, ["mail"])
    looks = [len(told(engine, EIGHT + n, stepper)) for n in range(4)]
    assert looks == [MOST, MOST, 1, 0]
    assert len(set(sent_so_far(engine))) == number


# ---- what it says ----------------------------------------------------------------------------------------------------


def job(engine: Engine, login: str) -> Job:
    (found,) = Outbox(engine).claim_digest("mail", EIGHT)
    assert found.recipient == login
    return found


def test_it_tells_figures_of_the_receiver_s_areas_and_nothing_of_anybody(engine: Engine) -> None:
    book = SqlBook(engine)
    Homes(engine).add(Home(HomeId("h2"), "赤", "Asia/Tokyo", area="西", resident_name="見本 太郎"), [], 0)
    rows = [
        replace(SILENCE, onset=EIGHT - 3 * HOUR, raised_at=EIGHT - 2 * HOUR),
        replace(SILENCE, kind="heat", cause="heat", level=Level.PROMPT, onset=EIGHT - HOUR, raised_at=EIGHT - HOUR),
        replace(SILENCE, kind="cold", cause="cold", onset=EIGHT - HOUR, raised_at=EIGHT - HOUR),
        replace(SILENCE, kind="battery_low", cause="battery_low", subject=Subject.DEVICE, level=Level.PROMPT,
                onset=EIGHT - HOUR, raised_at=EIGHT - HOUR),
        replace(SILENCE, home=HomeId("h2"), onset=EIGHT - HOUR, raised_at=EIGHT - HOUR),
    ]  # fmt: skip
    for finding in rows:
        with book.transaction() as page:
            decide(page, [finding], finding.raised_at, catching_up=False)
    book.act(1, 1, "step", "suzuki", EIGHT - HOUR, step=(Step.CALL_RESIDENT, Result.NO_ANSWER))
    book.act(3, 1, "close", "suzuki", EIGHT - HOUR, outcome=Outcome.SPOKE_SAFE)
    Modes(engine).say(HOME, ModeKind.HOSPITAL, EIGHT + DAY, "sato", EIGHT - DAY)
    ask(engine, "suzuki")
    with engine.begin() as connection:
        for login in ("suzuki", "sato"):
            set_sight(connection, login, EVERYWHERE)
        set_sight(connection, "tanaka", Sight(homes=frozenset({HOME})))
        south, all_, one = (figures(connection, login, EIGHT) for login in ("suzuki", "sato", "tanaka"))
        none = figures(connection, "boss", EIGHT)
    assert (south.pages, south.prompts, south.unowned, south.unreached) == (1, 1, 1, 1)
    assert (south.equipment, south.away, south.closed) == (1, 1, 1)
    assert (all_.pages, all_.unowned, one.pages, none.pages) == (2, 2, 1, 0), "what lies out of sight is not counted"
    assert told(engine, EIGHT) == ["suzuki"]
    messages = Messages(engine, TOKYO, "https://kehai.example", VirtualClock(EIGHT))
    found = job(engine, "suzuki")
    message = messages(found)
    assert message is not None
    assert message.subject == "【まとめ】対応が必要な通知 2件"
    assert "至急対応 1件、確認 1件。" in message.body
    assert message.link == "https://kehai.example/handover"
    with engine.begin() as connection:
        connection.execute(update(staff).values(language="en"))
    english = messages(found)
    assert english is not None
    assert english.subject == "[summary] open alerts: 2"
    for text in (message, english):
        assert not any(name in text.subject + text.body for name in ("見本", "青", "h1", "南", "suzuki"))


def test_one_that_waited_into_the_quiet_hours_or_is_not_wanted_any_more_is_not_sent(engine: Engine) -> None:
    ask(engine, "sato")
    assert told(engine, EIGHT) == ["sato"]
    found = job(engine, "sato")
    assert Messages(engine, TOKYO, "", VirtualClock(EIGHT + 13 * HOUR))(found) is None, "21 o'clock"
    assert Messages(engine, TOKYO, "", VirtualClock(EIGHT + HOUR))(found) is not None
    with engine.begin() as connection:
        choose(connection, "sato", None, EIGHT)
    assert Messages(engine, TOKYO, "", VirtualClock(EIGHT + HOUR))(found) is None


# ---- never in the way of a call --------------------------------------------------------------------------------------


@dataclass
class OnePlace:
    """A channel with one worker; what is for ``sato`` hangs in it until it is let go, or is refused."""

    honours_key: ClassVar[bool] = True
    workers: int = 1
    refuses: bool = False
    hanging: threading.Event = field(default_factory=threading.Event)
    let_go: threading.Event = field(default_factory=threading.Event)
    others: list[str] = field(default_factory=list)

    def check_address(self, address: str) -> str:
        return address

    def send(self, address: str, _message: Message) -> Receipt:
        if not address.startswith("sato"):
            self.others.append(address)
        elif self.refuses:
            self.hanging.set()
            raise OverQuotaError("No more this month.", 3600.0)
        else:
            self.hanging.set()
            assert self.let_go.wait(20)
        return Receipt()

    def close(self) -> None:
        self.let_go.set()


class Careless(Outbox):
    """The control: it hands a digest out as if it were a call."""

    def claim(self, channel: str, limit: int, now: Instant) -> list[Job]:
        jobs = super().claim(channel, limit, now) or super().claim_digest(channel, now)
        return [replace(job, purpose=Purpose.TEST) for job in jobs]

    def claim_digest(self, channel: str, now: Instant) -> list[Job]:
        return []


def goes_out_beside_a_digest(engine: Engine, channel: OnePlace, outbox: Outbox) -> bool:
    """Whether somebody is called while a digest is on its way through the same channel, or has just been refused."""
    ask(engine, "sato")
    told(engine, EIGHT)
    clock = VirtualClock(EIGHT)
    caller = Caller(engine, clock, [], {"mail": channel}, Messages(engine, TOKYO, "", clock), outbox=outbox)
    try:
        caller.look()
        assert channel.hanging.wait(10)
        if channel.refuses:
            until(lambda: caller.on_their_way == 0, 10, "end of the refused digest")
        with engine.begin() as connection:
            enqueue(connection, [Notice(None, Purpose.TEST, "tanaka", ("mail",), EIGHT, climb=EIGHT)], EIGHT)
        if caller.look() == 0:
            return False
        until(lambda: bool(channel.others), 10, "call")
        return True
    finally:
        channel.let_go.set()
        caller.stop()


def test_a_digest_that_hangs_delays_no_call(engine: Engine) -> None:
    assert goes_out_beside_a_digest(engine, OnePlace(), Outbox(engine))


def test_a_digest_that_is_over_the_quota_closes_its_channel_to_no_call(engine: Engine) -> None:
    assert goes_out_beside_a_digest(engine, OnePlace(refuses=True), Outbox(engine))


@pytest.mark.parametrize("refuses", [False, True])
def test_control_a_digest_that_is_handed_out_like_a_call_is_seen_to_delay_one(engine: Engine, refuses: bool) -> None:
    assert not goes_out_beside_a_digest(engine, OnePlace(refuses=refuses), Careless(engine))


def test_no_digest_is_handed_out_while_a_call_waits_and_only_one_at_a_time(engine: Engine) -> None:
    for login in ("sato", "tanaka"):
        ask(engine, login)
    assert told(engine, EIGHT) == ["sato", "tanaka"]
    outbox = Outbox(engine)
    with engine.begin() as connection:
        enqueue(connection, [Notice(None, Purpose.TEST, "boss", ("mail",), EIGHT, climb=EIGHT)], EIGHT)
    assert outbox.claim_digest("mail", EIGHT) == []
    (call,) = outbox.claim("mail", 9, EIGHT)
    assert call.recipient == "boss"
    assert [one.recipient for one in outbox.claim_digest("mail", EIGHT)] == ["sato"]
    assert outbox.claim("mail", 9, EIGHT) == []
