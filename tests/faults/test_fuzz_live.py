"""The live fuzzer: mutated messages through a real broker into the real ingest, between the readings of gateways at work.

python -m pytest tests/faults/test_fuzz_live.py -s --rounds 100000
"""

from __future__ import annotations

import random
import sqlite3
import threading
from collections import Counter
from contextlib import closing
from pathlib import Path

import paho.mqtt.client as mqtt
import pytest
from paho.mqtt.enums import CallbackAPIVersion

from domain.clock import SystemClock
from domain.wire import ROOT as TOPICS
from domain.wire import Up
from ingest.admit import Refusal, admit
from tests.faults.house import House, tell
from tests.faults.mutations import MASK, ROGUE, Message, clear, directory, mutated, sound
from tests.programs import until

pytestmark = pytest.mark.server
_UNDER_WAY = 200
_KEPT = 2_000
"""Bytes of a payload by which its dead letter is known again."""
_SECONDS = 60.0

Name = tuple[str, bytes]


class Tongue:
    """An MQTT client that says what it is told and keeps few messages under way."""

    def __init__(self, port: int) -> None:
        self._room = threading.Semaphore(_UNDER_WAY)
        self._client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id="fuzzer", protocol=mqtt.MQTTv5)
        self._client.max_inflight_messages_set(_UNDER_WAY)
        self._client.on_publish = lambda *_: self._room.release()
        self._client.connect("127.0.0.1", port)
        self._client.loop_start()

    def say(self, message: Message) -> None:
        """Publish; waits while too much is under way."""
        assert self._room.acquire(timeout=_SECONDS), "the broker takes no more"
        self._client.publish(message.topic, message.payload, message.qos, message.retain)

    def finish(self) -> None:
        """Return once the broker has taken everything."""
        for _ in range(_UNDER_WAY):
            assert self._room.acquire(timeout=_SECONDS), "the broker takes no more"
        self._client.disconnect()
        self._client.loop_stop()


def name_of(topic: str, payload: bytes) -> Name:
    return topic[:300], payload[:_KEPT]


class Letters:
    """Follows the dead letters of a journal, by what was sent and by reason; none is without one."""

    def __init__(self, journal: Path) -> None:
        self._journal, self._last = journal, 0
        self.names, self.reasons = Counter[Name](), Counter[str]()

    def read(self) -> Counter[Name]:
        """Everything up to now."""
        with closing(sqlite3.connect(f"file:{self._journal}?mode=ro", uri=True, timeout=30)) as connection:
            rows = connection.execute(
                "SELECT id, topic, coalesce(substr(payload, 1, ?), x''), reason FROM dead_letters WHERE id > ? ORDER BY id",
                (_KEPT, self._last),
            )
            for self._last, topic, payload, reason in rows:
                assert reason
                self.names[name_of(topic, payload)] += 1
                self.reasons[reason] += 1
        return self.names


def heard_by_ingest(topic: str) -> bool:
    parts = topic.split("/")
    return topic.startswith(f"{TOPICS}/") and len(parts) == 6 and parts[4] == "up"


def fuzz(house: House, chance: random.Random, count: int) -> Counter[str]:
    """Send ``count`` mutated messages while the gateways work; the dead letters by reason.

    Raises AssertionError when ingest ended, when a bad message has no dead letter, or when a reading of a gateway is lost.
    """
    process, judge, clock = house.ingest.process, directory(), SystemClock()
    tongue, bad, letters = Tongue(house.port), Counter[Name](), Letters(house.journal)
    for gateway in (ROGUE, MASK):
        hello = sound(chance, clock.now(), Up.HELLO)
        topic, payload = hello.topic.replace(MASK, gateway), hello.payload.replace(MASK.encode(), gateway.encode())
        tongue.say(Message("sound", topic, payload))
    for _ in range(count):
        message = mutated(chance, clock.now())
        tongue.say(message)
        # A message with quality 0 may be lost on its way: nobody promised anything.
        if message.qos > 0 and heard_by_ingest(message.topic):
            outcome = admit(message.topic, message.payload, clock.now(), judge)
            if isinstance(outcome, Refusal):
                bad[name_of(message.topic, message.payload)] += 1
    tongue.finish()

    def all_buried() -> bool:
        assert house.ingest.alive, f"ingest ended: {house.ingest.log[-2000:]}"
        return not bad - letters.read()

    try:
        until(all_buried, _SECONDS, "dead letter for each bad message")
    except AssertionError:
        for (topic, payload), number in list((bad - letters.read()).items())[:5]:
            tell(f"no dead letter ({number}): {clear(topic)} {len(payload)} {payload[:200]!r}")
        raise
    account = house.account()
    assert house.ingest.process is process
    assert house.ingest.alive
    # What the fuzzer said and ingest let in was never taken by a gateway.
    account.strange = [key for key in account.strange if key[0] not in {ROGUE, MASK}]
    assert account.whole, account
    reasons = letters.reasons
    tell(f"{count} mutated messages, {bad.total()} of them surely heard and bad; {account}")
    tell(", ".join(f"{number} {reason}" for reason, number in reasons.most_common()))
    return reasons


@pytest.mark.parametrize("protocol", ["5"])
def test_mutated_messages_never_stop_ingest_each_becomes_a_dead_letter_and_every_reading_is_stored(
    tmp_path: Path, protocol: str, rounds: int | None, chance: random.Random
) -> None:
    with House(tmp_path, rate=20, protocol=protocol, bystanders=(ROGUE, MASK)) as house:
        reasons = fuzz(house, chance, rounds or 2_000)
    assert set(reasons) >= {"not_json", "wrong_shape", "wrong_gateway", "unknown_topic", "unknown_gateway", "bad_time"}
    assert "fault" not in reasons
    assert "Traceback" not in house.ingest.log


def test_an_ingest_that_fails_on_one_kind_of_mutation_is_caught(tmp_path: Path, chance: random.Random) -> None:
    """The control: the real ingest with a directory that fails on names that are not ASCII."""
    with (
        House(tmp_path, ingest=("tests.faults.fragile",), gateways=("g1",), rate=5, bystanders=(ROGUE, MASK)) as house,
        pytest.raises(AssertionError, match="ingest ended"),
    ):
        fuzz(house, chance, 500)
