"""Dead letters: kept whole, taken up again once the cause is mended, stored exactly once."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import msgspec
import pytest

from domain.clock import DAY, HOUR, SECOND
from domain.ids import DeviceId, GatewayId, HomeId
from domain.readings import Device, Quantity, Reading
from domain.wire import MAX_PAYLOAD, Up, up_topic
from ingest.chores import Chores
from ingest.history import JournalHistory
from ingest.intake import Intake
from ingest.journal import Journal, read_all
from ingest.letters import DeadLetter, LetterBox, LetterState, Selection, Wish, apart
from ingest.retention import Keep, Retention
from registry.directory import MemoryDirectory
from tests.ingest.gateways import DEVICES, GATEWAY, HELLO, READINGS, T, directory, hello, motions, record, twisted

CELLAR = Device(DeviceId("cellar"), Quantity.MOTION, "cellar")
STRANGER = up_topic("g9", Up.READINGS)


class Desk:
    """An ingest without a broker, and an operator at its letters."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "journal.db"
        self.directory: MemoryDirectory = directory()
        self.now = T
        self.start()

    def start(self) -> None:
        self.journal = Journal(self.path)
        self.intake: Intake[str] = Intake(self.journal, self.directory)
        self.chores = Chores(self.journal, self.intake, Retention(self.journal, Keep(), lambda: 0))

    def crash(self) -> None:
        """End without the commit, as a killed process does."""
        self.journal._connection.close()
        self.start()

    def receive(self, payload: bytes, topic: str = READINGS) -> None:
        self.intake.take(topic, payload, self.now, "m")
        self.intake.commit(self.now)

    def letters(self) -> list[DeadLetter]:
        box = LetterBox(self.path)
        try:
            return list(reversed(box.select(Selection(), payloads=True)))
        finally:
            box.close()

    def ask(self, *ids: int, wish: Wish = Wish.RETRY) -> list[int]:
        box = LetterBox(self.path)
        try:
            return box.ask(Selection(ids), wish, self.now)
        finally:
            box.close()

    def take_up(self) -> None:
        """What ingest does at its next chance."""
        self.now += HOUR
        self.chores._due = 0
        self.chores.step(self.now)
        self.intake.commit(self.now)

    def retry(self, *ids: int) -> None:
        self.ask(*ids)
        self.take_up()

    def stored(self) -> list[tuple[str, int, int, int]]:
        found = [i for a in read_all(self.journal) for i in a.items if isinstance(i, Reading)]
        assert len(found) == self.journal.count("readings")
        return [(i.device, i.seq, i.observed_at, i.received_at) for i in found]


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


def pack(*devices: str, first: int = 1) -> bytes:
    """A readings message with one motion of each device."""
    body = json.loads(motions(first, *(T + n * SECOND for n in range(len(devices)))))
    for device, one in zip(devices, body["senml"], strict=True):
        one["n"] = f"{device}/motion"
    return json.dumps(body).encode()


def test_a_record_of_a_device_that_is_announced_later_is_stored_under_its_own_number(desk: Desk) -> None:
    desk.now = T + DAY
    desk.receive(pack("hall", "cellar", "hall"))
    assert [seq for _, seq, _, _ in desk.stored()] == [1, 3]
    desk.retry()
    assert [(x.state, x.reason, x.tries) for x in desk.letters()] == [(LetterState.KEPT, "unknown_device", 1)]
    desk.receive(hello(*DEVICES, CELLAR), HELLO)
    desk.retry()
    assert [(x.state, x.outcome) for x in desk.letters()] == [(LetterState.STORED, "1 stored")]
    assert desk.stored()[-1] == ("cellar", 2, T + SECOND, T + DAY), "with the instant at which it came"
    desk.receive(pack("hall", "cellar", "hall"))
    assert len(desk.stored()) == 3
    assert len(desk.letters()) == 1, "what its gateway sends again is a duplicate and no conflict"


def test_a_record_that_its_gateway_sends_again_after_mending_is_stored_and_settles_its_letter(desk: Desk) -> None:
    desk.receive(pack("cellar"))
    desk.receive(pack("cellar"))
    assert len(desk.letters()) == 1, "the same refusal again is no second letter"
    desk.receive(hello(*DEVICES, CELLAR), HELLO)
    desk.receive(pack("cellar"))
    assert [x.state for x in desk.letters()] == [LetterState.STORED]
    assert desk.ask() == [], "nothing is left to ask for"
    desk.retry(1)
    assert [seq for _, seq, _, _ in desk.stored()] == [1]


def test_a_message_of_a_gateway_that_is_enrolled_later_is_taken_in_whole(desk: Desk) -> None:
    body = twisted(motions(1, T, T + SECOND), gateway="g9").replace(b'"bn": "g1/"', b'"bn": "g9/"')
    desk.receive(body, STRANGER)
    assert [(x.gateway, x.reason) for x in desk.letters()] == [("g9", "unknown_gateway")]
    desk.directory.enrol(GatewayId("g9"), HomeId("h9"), "Asia/Tokyo")
    desk.directory.introduce(GatewayId("g9"), DEVICES, T)
    desk.retry(1)
    assert [(x.state, x.outcome) for x in desk.letters()] == [(LetterState.STORED, "2 stored")]
    assert [seq for _, seq, _, _ in desk.stored()] == [1, 2]
    desk.receive(body, STRANGER)
    assert len(desk.stored()) == 2


def test_a_message_of_which_some_records_are_refused_again_leaves_a_letter_for_each(desk: Desk) -> None:
    body = pack("hall", "cellar").replace(b"g1", b"g9")
    desk.receive(body, STRANGER)
    desk.directory.enrol(GatewayId("g9"), HomeId("h9"), "Asia/Tokyo")
    desk.directory.introduce(GatewayId("g9"), DEVICES, T)
    desk.retry(1)
    first, second = desk.letters()
    assert (first.state, first.outcome) == (LetterState.STORED, "1 stored, 1 refused again, each a letter of its own")
    assert (second.state, second.reason, second.seq) == (LetterState.KEPT, "unknown_device", 2)
    desk.directory.introduce(GatewayId("g9"), (*DEVICES, CELLAR), T)
    desk.retry(2)
    assert [seq for _, seq, _, _ in desk.stored()] == [1, 2]


def test_a_letter_retried_twice_stores_once(desk: Desk) -> None:
    desk.receive(pack("cellar"))
    desk.directory.introduce(GATEWAY, (*DEVICES, CELLAR), T)
    desk.ask(1)
    desk.ask(1)
    desk.take_up()
    desk.retry(1)
    assert len(desk.stored()) == 1
    letter = desk.letters()[0]
    desk.intake.retry(letter, desk.now)
    desk.intake.commit(desk.now)
    assert len(desk.stored()) == 1


def test_a_crash_before_the_commit_of_a_retry_leaves_the_request_and_doubles_nothing(desk: Desk) -> None:
    desk.receive(pack("cellar"))
    desk.directory.introduce(GATEWAY, (*DEVICES, CELLAR), T)
    desk.ask(1)
    desk.chores.step(desk.now)
    desk.crash()
    assert desk.stored() == []
    desk.take_up()
    assert len(desk.stored()) == 1
    desk.crash()
    desk.take_up()
    assert len(desk.stored()) == 1


def test_a_conflict_stays_and_another_body_never_fills_a_number_that_is_taken(desk: Desk) -> None:
    desk.receive(motions(1, T))
    desk.receive(motions(1, T - HOUR))
    desk.retry(1)
    assert [(x.state, x.reason, x.seq) for x in desk.letters()] == [(LetterState.KEPT, "key_conflict", 1)]
    assert "another reading" in desk.letters()[0].outcome
    desk.receive(pack("cellar", first=2))
    desk.receive(motions(2, T + SECOND))  # a copied card was quicker
    desk.directory.introduce(GATEWAY, (*DEVICES, CELLAR), T)
    body = pack("cellar", first=2)
    desk.intake.retry(
        replace(desk.letters()[0], id=2, reason="unknown_device", payload=body, size=len(body), kept=len(body)),
        desk.now,
    )
    desk.intake.commit(desk.now)
    assert [(device, seq) for device, seq, _, _ in desk.stored()] == [("hall", 1), ("hall", 2)]
    assert desk.letters()[1].reason == "key_conflict"


def test_a_large_payload_is_kept_whole_and_an_oversized_one_says_that_it_is_cut(desk: Desk) -> None:
    large = b"x" * MAX_PAYLOAD
    desk.receive(large)
    desk.receive(large + b"x")
    whole, cut = desk.letters()
    assert whole.payload == large
    assert (whole.whole, cut.whole, cut.size) == (True, False, MAX_PAYLOAD + 1)
    desk.retry(cut.id)
    assert "only the first 8192 bytes" in desk.letters()[1].outcome


def test_a_discarded_letter_stays_to_be_seen_and_is_not_taken_up_again(desk: Desk) -> None:
    desk.receive(pack("cellar"))
    desk.ask(1, wish=Wish.DISCARD)
    desk.take_up()
    assert [x.state for x in desk.letters()] == [LetterState.DISCARDED]
    assert JournalHistory(desk.path).dead_letter_count() == 0
    desk.directory.introduce(GATEWAY, (*DEVICES, CELLAR), T)
    assert desk.ask() == []


def test_a_selection_is_by_id_reason_gateway_and_time(desk: Desk) -> None:
    desk.receive(b"no")
    desk.now = T + DAY
    desk.receive(b"no", STRANGER)
    desk.receive(pack("cellar"))
    box = LetterBox(desk.path)

    def ids(**which: object) -> list[int]:
        return [x.id for x in box.select(Selection(**which))]  # type: ignore[arg-type]  # named below

    assert ids() == [3, 2, 1]
    assert ids(reason="not_json") == [1]
    assert ids(gateway="g9") == [2]
    assert ids(since=T + DAY) == [3, 2]
    assert ids(ids=(1, 3), since=T + DAY) == [3]
    assert ids(state=LetterState.STORED) == []
    box.close()


def test_an_old_greeting_does_not_undo_a_newer_one(desk: Desk) -> None:
    desk.receive(hello(CELLAR).replace(b'"g1"', b'"g9"'), up_topic("g9", Up.HELLO))
    desk.directory.enrol(GatewayId("g9"), HomeId("h9"), "Asia/Tokyo")
    desk.directory.introduce(GatewayId("g9"), DEVICES, T)
    desk.retry(1)
    entry = desk.directory.gateway("g9")
    assert entry is not None
    assert "cellar" not in entry.devices
    assert desk.letters()[0].state is LetterState.DISCARDED


@pytest.mark.parametrize("extra", [{}, {"x": 1}, {"bn": "g1/", "bt": 5}, {"bn": None}, {"bt": 1e300, "t": -0.0}])
def test_a_record_alone_says_what_it_said_in_its_pack(extra: dict[str, object]) -> None:
    senml = [{"bn": "g1/", "bt": T / SECOND, "n": "hall/motion", "vb": True}, {"n": "hall/motion", "vb": False} | extra]
    body = twisted(motions(7, T), senml=[*senml, {}], more="unknown to us")
    alone = json.loads(apart(body, [8])[8])
    assert alone["seq"] == 8
    said = {key: value for key, value in senml[1].items() if value is not None}
    assert alone["senml"] == [{"bn": "g1/", "bt": T / SECOND} | said]
    assert json.loads(apart(body, [9])[9])["senml"] == [{"bn": "g1/", "bt": extra.get("bt", T / SECOND)}]
    assert {key: alone[key] for key in ("epoch", "clock")} == {key: json.loads(body)[key] for key in ("epoch", "clock")}


def test_a_record_with_an_impossible_number_is_kept_to_the_byte(desk: Desk) -> None:
    body = record(n="air/temperature", vb=None, v=1e9).replace(b"1000000000.0", b"1e12")
    desk.receive(body)
    letter = desk.letters()[0]
    assert letter.reason == "bad_value"
    assert b"1e12" in letter.payload
    assert msgspec.json.decode(letter.payload)["senml"][0]["v"] == 1e12
