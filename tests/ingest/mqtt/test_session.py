"""The session with a broker that behaves badly: ended, begun again, and nothing acknowledged that was not."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from functools import partial

import pytest
import structlog
from structlog.typing import EventDict

from ingest.mqtt.connection import Connection, Greeting, Patience
from ingest.mqtt.packets import Publish, Version, publish
from ingest.subscriber import WINDOW, BrokerAddress, Subscriber, Ticket
from tests import waiting
from tests.ingest.mqtt.brokers import CONNACK, Guest, Manner, broker

QUICK = Patience(connect=2.0, keep_alive=0.2, answer=0.2, first_pause=0.01, longest_pause=0.05)
UP = "kehai/1/gw/g1/up/readings"


until = partial(waiting.until, seconds=20)


@pytest.fixture
def told() -> Iterator[list[EventDict]]:
    with structlog.testing.capture_logs() as lines:
        yield lines


@asynccontextmanager
async def subscriber(port: int, patience: Patience = QUICK, protocol: str = "5") -> AsyncIterator[Subscriber]:
    made = Subscriber(BrokerAddress("127.0.0.1", port, protocol=protocol), lambda: 1, patience=patience)
    made.start()
    try:
        yield made
    finally:
        await made.stop()


async def rest(guest: Guest) -> None:
    """Answer pings and nothing else, for ever."""
    while True:
        first, body = await guest.packet()
        if first == 0xC0:
            await guest.send(b"\xd0\x00")
        elif first & 0xF0 == 0x40:
            guest.acknowledged.append(int.from_bytes(body[:2]))


async def test_a_broker_that_says_nothing_any_more_is_given_up_and_connected_to_again(told: list[EventDict]) -> None:
    greeted = 0

    async def mute(guest: Guest) -> None:
        nonlocal greeted
        await guest.welcome()
        greeted += 1
        await asyncio.Event().wait()  # the socket stays open: only the silence tells

    async with broker(mute) as port, subscriber(port):
        await until(lambda: greeted >= 2)
    assert "has said nothing for" in next(line["why"] for line in told if "is lost" in line["event"])


async def test_a_broker_that_answers_pings_is_kept_however_long_nothing_else_comes() -> None:
    greeted, pings = 0, 0

    async def quiet(guest: Guest) -> None:
        nonlocal greeted, pings
        await guest.welcome()
        greeted += 1
        while True:
            await guest.until(0xC0)
            pings += 1
            await guest.send(b"\xd0\x00")

    async with broker(quiet) as port, subscriber(port) as session:
        await until(lambda: pings >= 10)
        assert session.connected
    assert greeted == 1


async def test_a_broker_that_accepts_and_never_answers_is_not_waited_for_for_ever(told: list[EventDict]) -> None:
    met = 0

    async def deaf(_guest: Guest) -> None:
        nonlocal met
        met += 1
        await asyncio.Event().wait()

    hurried = Patience(connect=0.1, first_pause=0.01, longest_pause=0.02)
    async with broker(deaf) as port, subscriber(port, hurried) as session:
        await until(lambda: met >= 3)
        assert not session.connected
    assert [line["it"] for line in told if "cannot reach" in line["event"]] == ["does not answer our greeting in time"]


@pytest.mark.parametrize("when", ["before the answer", "after the subscription"])
async def test_garbage_ends_the_connection_and_the_next_one_serves(when: str, chance: random.Random) -> None:
    met, seen = 0, list[int]()

    async def mad(guest: Guest) -> None:
        nonlocal met
        met += 1
        if met <= 3:
            if when == "after the subscription":
                await guest.welcome()
            await guest.send(bytes([0xF0, 0x00]) + chance.randbytes(1_000))
            await guest.reader.read()
            return
        await guest.welcome()
        await guest.send(publish(Version.V5, UP, b"sane", 1, 9))
        await rest(guest)

    async with broker(mad) as port, subscriber(port) as session:
        await until(lambda: len(session.inbox) == 1)
        seen = [message.ticket.connection for message in session.take(10)]
    assert seen == [4]


class Careless(Subscriber):
    """The control: acknowledges by number alone, whatever connection the message came by."""

    def acknowledge(self, tickets: Sequence[Ticket]) -> None:
        assert self._connection is not None
        self._connection.acknowledge([ticket.mid for ticket in tickets])


async def acknowledged_in_the_second(kind: type[Subscriber]) -> list[int]:
    """Two connections bring a message of number 7 each; only the first message is stored. What does the second broker hear?"""
    guests: list[Guest] = []

    async def forgetful(guest: Guest) -> None:
        guests.append(guest)
        await guest.welcome()
        await guest.send(publish(Version.V5, UP, str(len(guests)).encode(), 1, 7))
        if len(guests) == 1:
            await asyncio.sleep(0.05)
            return
        await rest(guest)

    async with broker(forgetful) as port:
        session = kind(BrokerAddress("127.0.0.1", port, protocol="5"), lambda: 1, patience=QUICK)
        session.start()
        await until(lambda: len(session.inbox) == 2 and session.connected)
        first, second = session.take(10)
        assert (first.payload, second.payload) == (b"1", b"2")
        session.acknowledge([first.ticket])
        await session.stop()
        await until(guests[1].reader.at_eof)
    assert guests[0].acknowledged == []
    return guests[1].acknowledged


async def test_acknowledgements_of_an_earlier_connection_are_dropped() -> None:
    """A packet identifier names another message by now: acknowledging it would lose that one."""
    assert await acknowledged_in_the_second(Subscriber) == []


async def test_a_session_that_acknowledges_by_number_alone_is_caught() -> None:
    assert await acknowledged_in_the_second(Careless) == [7]


async def test_acknowledgements_leave_in_the_order_of_receipt_also_through_a_socket_that_was_full() -> None:
    guest_of: list[Guest] = []
    let_go = asyncio.Event()

    async def slow(guest: Guest) -> None:
        guest_of.append(guest)
        await guest.welcome()
        await guest.send(b"".join(publish(Version.V5, UP, b"x", 1, n) for n in range(1, 401)))
        await let_go.wait()
        await rest(guest)

    async with broker(slow) as port, subscriber(port, Patience(connect=5)) as session:
        await until(lambda: len(session.inbox) == 400)
        taken = session.take(400)
        connection = session._connection
        assert connection is not None
        for n in range(30_000):
            session.publish(n, lambda: ("kehai/1/gw/g1/down/ack", b"a" * 200))
        for start in range(0, 400, 7):
            session.acknowledge([message.ticket for message in taken[start : start + 7]])
        assert len(connection._under_way) < 30_000
        let_go.set()
        await until(lambda: len(guest_of[0].acknowledged) == 400)
    assert guest_of[0].acknowledged == list(range(1, 401))


def answer_to(number: int) -> tuple[str, bytes]:
    return f"kehai/1/gw/g{number % 4}/down/ack", b"%d" % number


async def test_answers_wait_for_the_broker_s_window_and_only_the_newest_of_each_gateway_waits() -> None:
    got: list[tuple[str, bytes]] = []
    answer = asyncio.Event()

    async def narrow(guest: Guest) -> None:
        await guest.until(0x10)
        await guest.send(b"\x20\x06\x00\x00\x03\x21\x00\x02")  # Receive Maximum 2
        body = await guest.until(0x80)
        await guest.send(b"\x90\x04" + body[:2] + b"\x00\x01")
        owed = b""
        while True:
            first, body = await guest.packet()
            if first & 0xF0 == 0x30:
                length = int.from_bytes(body[:2])
                got.append((body[2 : 2 + length].decode(), body[5 + length :]))
                owed += b"\x40\x02" + body[2 + length : 4 + length]
                if len(got) >= 2:
                    await answer.wait()
                    await guest.send(owed)
                    owed = b""

    async with broker(narrow) as port, subscriber(port, Patience(connect=5)) as session:
        await until(lambda: session.connected)
        for n in range(1_000):
            session.publish(n % 4, partial(answer_to, n))
            if n == 1:
                await until(lambda: len(got) == 2)
        connection = session._connection
        assert connection is not None
        assert len(connection._waiting) == 4, "a thousand answers, four gateways"
        answer.set()
        await until(lambda: len(got) == 6)
    assert sorted(payload for _, payload in got[2:]) == [b"996", b"997", b"998", b"999"]


async def test_a_broker_that_floods_is_not_read_while_the_journal_stands_still() -> None:
    sent = 0

    async def flood(guest: Guest) -> None:
        nonlocal sent
        await guest.welcome()
        pack = b"".join(publish(Version.V5, UP, b"x" * 1_000, 1, 1 + n) for n in range(100))
        while True:
            await guest.send(pack)
            sent += 100

    async with broker(flood) as port, subscriber(port, QUICK) as session:
        await until(lambda: len(session.inbox) >= WINDOW)
        stands, before = 0, -1
        while stands < 20:  # it has come to rest, and it is still the same connection: the silence is our own
            stands, before = (stands + 1, before) if sent == before else (0, sent)
            await asyncio.sleep(0.02)
        assert len(session.inbox) < WINDOW + 500
        assert session._serial == 1
        taken = len(session.take(10_000))
        await until(lambda: len(session.inbox) >= WINDOW)
        assert taken < WINDOW + 500


async def test_only_a_broker_that_knows_no_mqtt_5_is_spoken_to_in_3_1_1() -> None:
    versions: list[int] = []

    async def old(guest: Guest) -> None:
        body = await guest.until(0x10)
        versions.append(body[6])
        if body[6] == 5:
            await guest.send(b"\x20\x02\x00\x01")
            return
        await guest.send(b"\x20\x02\x00\x00")
        body = await guest.until(0x80)
        await guest.send(b"\x90\x03" + body[:2] + b"\x01")
        await rest(guest)

    async with broker(old) as port, subscriber(port, protocol="auto") as session:
        await until(lambda: session.connected)
    assert versions == [5, 4]


async def test_a_version_that_has_served_is_not_given_up_for_a_refusal_of_another_kind() -> None:
    versions: list[int] = []

    async def moody(guest: Guest) -> None:
        body = await guest.until(0x10)
        versions.append(body[6])
        if len(versions) in (2, 3):
            await guest.send(b"\x20\x03\x00\x88\x00")  # not ready
            return
        await guest.send(CONNACK)
        body = await guest.until(0x80)
        await guest.send(b"\x90\x04" + body[:2] + b"\x00\x01")
        if len(versions) > 3:
            await rest(guest)

    async with broker(moody) as port, subscriber(port, protocol="auto") as session:
        await until(lambda: len(versions) >= 4 and session.connected)
    assert versions == [5, 5, 5, 5]


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (b"\x20\x03\x00\x86\x00", "does not know this user name and password"),
        (b"\x20\x03\x00\x87\x00", "does not let us in"),
        (b"\x20\x03\x00\x97\x00", "refuses us with code 0x97"),
    ],
)
async def test_a_refusal_is_told_once_in_one_sentence(answer: bytes, words: str, told: list[EventDict]) -> None:
    met = 0

    async def strict(guest: Guest) -> None:
        nonlocal met
        met += 1
        await guest.until(0x10)
        await guest.send(answer)

    async with broker(strict) as port, subscriber(port):
        await until(lambda: met >= 4)
    assert [line["it"] for line in told if "cannot reach" in line["event"]] == [words]


async def test_a_denied_subscription_is_told_and_tried_again(told: list[EventDict]) -> None:
    met = 0

    async def grudging(guest: Guest) -> None:
        nonlocal met
        met += 1
        await guest.until(0x10)
        await guest.send(CONNACK)
        body = await guest.until(0x80)
        await guest.send(b"\x90\x04" + body[:2] + b"\x00" + (b"\x87" if met < 3 else b"\x01"))
        await rest(guest)

    async with broker(grudging) as port, subscriber(port) as session:
        await until(lambda: session.connected)
    assert [line["event"] for line in told][1:] == ["the broker answers again"]
    assert "grant it in its ACL" in told[0]["it"]


@pytest.mark.parametrize("manner", ["refuses", "hangs up"])
async def test_a_broker_that_denies_its_own_figures_loses_nothing_by_it(manner: str) -> None:
    asked: list[bytes] = []

    async def private(guest: Guest) -> None:
        await guest.welcome()
        while True:
            first, body = await guest.packet()
            if first & 0xF0 == 0x80:
                asked.append(body)
                if manner == "hangs up":
                    return
                await guest.send(b"\x90\x04" + body[:2] + b"\x00\x87")
                await guest.send(publish(Version.V5, UP, b"x", 1, 1))
            if first == 0xC0:
                await guest.send(b"\xd0\x00" + publish(Version.V5, UP, b"x", 1, 1))

    async with broker(private) as port, subscriber(port) as session:
        await until(lambda: len(session.inbox) >= 1)
        assert session.connected
        assert session.dropped is None
    assert len(asked) == 1


async def test_a_rise_of_the_broker_s_dropped_messages_is_a_warning(told: list[EventDict]) -> None:
    async def careless(guest: Guest) -> None:
        await guest.welcome()
        body = await guest.until(0x80)
        await guest.send(b"\x90\x04" + body[:2] + b"\x00\x00")
        for count in (b"4", b"4", b"no number", b"9"):
            await guest.send(publish(Version.V5, "$SYS/broker/publish/messages/dropped", count))
        await rest(guest)

    async with broker(careless) as port, subscriber(port) as session:
        await until(lambda: session.dropped == 9)
        assert not session.inbox
    assert [line["in_all"] for line in told if "dropped" in line["event"]] == [9]


async def test_a_session_that_the_broker_has_lost_is_told(told: list[EventDict]) -> None:
    met = 0

    async def lossy(guest: Guest) -> None:
        nonlocal met
        met += 1
        await guest.until(0x10)
        await guest.send(b"\x20\x03" + (b"\x01" if met == 2 else b"\x00") + b"\x00\x00")
        body = await guest.until(0x80)
        await guest.send(b"\x90\x04" + body[:2] + b"\x00\x01")
        if met > 2:
            await rest(guest)

    async with broker(lossy) as port, subscriber(port) as session:
        await until(lambda: met == 3 and session.connected)
        assert session.session_present is False
    assert [line["event"] for line in told if "lost our session" in line["event"]] == [
        "the broker has lost our session; gateways send again what was not acknowledged"
    ]


async def test_another_ingest_under_our_name_is_named(told: list[EventDict]) -> None:
    async def taken_over(guest: Guest) -> None:
        await guest.welcome()
        await guest.send(b"\xe0\x01\x8e")
        await guest.reader.read()

    async with broker(taken_over) as port, subscriber(port):
        await until(lambda: any("let only one ingest run" in str(line.get("why")) for line in told))


async def test_nothing_is_left_running_when_it_is_stopped_in_the_middle_of_a_connect() -> None:
    async def deaf(_guest: Guest) -> None:
        await asyncio.Event().wait()

    manner: Manner = deaf
    async with broker(manner) as port:
        async with subscriber(port):
            await asyncio.sleep(0.02)
        assert [task for task in asyncio.all_tasks() if task.get_name() == "mqtt"] == []


async def test_messages_before_the_broker_s_answer_end_the_connection() -> None:
    heard: list[Publish] = []

    async def hasty(guest: Guest) -> None:
        await guest.send(publish(Version.V5, UP, b"x", 1, 1))
        await guest.reader.read()

    async with broker(hasty) as port:
        greeting = Greeting(Version.V5, "c", True, 0, 10)
        connection = Connection(greeting, QUICK, lambda _c, messages: heard.extend(messages))
        await asyncio.get_running_loop().create_connection(lambda: connection, "127.0.0.1", port)
        why = await asyncio.wait_for(connection.ended, 10)
    assert "before its answer" in why
    assert heard == []
