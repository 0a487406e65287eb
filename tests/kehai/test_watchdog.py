"""The watchdog's judge, its complaints and its listener: without a server, on a clock of the test's own."""

from __future__ import annotations

import json
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar

import pytest

from alerts.channels.channel import Message, Receipt, TransientError, UnknownError
from domain.clock import MINUTE, SECOND, Span
from domain.errors import ConfigurationError
from kehai.settings import WatchdogSection
from kehai.watchdog.complaints import Complaints, Where, compose
from kehai.watchdog.judge import Judge, Verdict, Word
from kehai.watchdog.listener import Listener
from kehai.watchdog.outside import Outside
from kehai.watchdog.state import State
from tests.programs import until
from tests.receivers import Hook

T: Span = 1_000 * SECOND


def through(judge: Judge, start: Span, end: Span, lost: tuple[Span, Span] = (0, 0)) -> list[tuple[Span, Verdict]]:
    """Minutes of the watchdog's life, looked at each second: what is sent within ``lost`` never comes back."""
    said = []
    for at in range(start, end, SECOND):
        if (at - T) % MINUTE == 0:
            judge.sent(at, at)
        if (at - T) % MINUTE == 2 * SECOND and not lost[0] <= at - 2 * SECOND < lost[1]:
            judge.arrived(at - 2 * SECOND, at)
        word = judge.look(at)
        if word is not None:
            said.append((at, word.verdict))
    return said


def test_while_everything_comes_through_nothing_is_said() -> None:
    assert through(Judge(T), T, T + 60 * MINUTE) == []


def test_a_stop_is_said_once_its_patience_is_over_and_the_end_of_it_as_soon_as_one_comes_through() -> None:
    judge = Judge(T)
    said = through(judge, T, T + 20 * MINUTE, lost=(T + 5 * MINUTE, T + 12 * MINUTE))
    stopped = T + 4 * MINUTE + 3 * MINUTE + SECOND  # the last that came through was sent at minute 4
    assert said == [(stopped, Verdict.STOPPED), (T + 12 * MINUTE + 2 * SECOND, Verdict.WELL)]


def test_a_stop_that_lasts_is_said_again_every_half_hour() -> None:
    said = through(Judge(T), T, T + 70 * MINUTE, lost=(T, T + 70 * MINUTE))
    assert [verdict for _, verdict in said] == [Verdict.STOPPED, Verdict.STILL, Verdict.STILL]
    assert said[1][0] - said[0][0] == 30 * MINUTE


def test_a_backlog_that_drains_proves_nothing_of_the_present() -> None:
    judge = Judge(T)
    for minute in range(10):
        judge.sent(minute, T + minute * MINUTE)
    at = T + 10 * MINUTE
    assert [word.verdict for s in range(600) if (word := judge.look(T + s * SECOND))] == [Verdict.STOPPED]
    assert judge.arrived(3, at)
    assert judge.look(at + SECOND) is None
    assert judge.complaining
    assert judge.arrived(9, at + 2 * SECOND)
    word = judge.look(at + 3 * SECOND)
    assert word is not None
    assert word.verdict is Verdict.WELL


def test_a_number_that_nobody_waits_for_and_one_that_came_before_count_for_nothing() -> None:
    judge = Judge(T)
    judge.sent(1, T)
    assert not judge.arrived(2, T + SECOND)
    assert judge.arrived(1, T + SECOND)
    assert not judge.arrived(1, T + 2 * SECOND)
    assert judge.took == SECOND


def test_a_watchdog_that_stood_still_itself_begins_its_patience_anew() -> None:
    judge = Judge(T)
    judge.sent(1, T)
    judge.arrived(1, T + SECOND)
    assert judge.look(T + 2 * SECOND) is None
    assert judge.look(T + 60 * MINUTE) is None, "it was this process that slept"
    words = [judge.look(T + 60 * MINUTE + s * SECOND) for s in range(1, 200)]
    assert words.index(next(filter(None, words))) == 3 * 60, "and then it looks as closely as ever"


@dataclass
class Paper:
    """A channel that writes down what it takes; ``troubles`` are thrown first, one at each attempt."""

    troubles: list[Exception] = field(default_factory=list)
    taken: list[tuple[str, str]] = field(default_factory=list)
    honours_key: ClassVar[bool] = False
    workers: int = 1

    def check_address(self, address: str) -> str:
        return address

    def send(self, address: str, message: Message) -> Receipt:
        if self.troubles:
            raise self.troubles.pop(0)
        self.taken.append((address, message.subject))
        return Receipt()

    def close(self) -> None:
        """Nothing is held open."""


@pytest.fixture
def paper() -> Paper:
    return Paper()


@pytest.fixture
def complaints(paper: Paper) -> Iterator[Complaints]:
    made = Complaints({"paper": (paper, ["a", "b"])}, pause=0.01)
    yield made
    made.close()


def test_every_address_is_told_and_told_that_it_is_over(complaints: Complaints, paper: Paper) -> None:
    complaints.say(True, "en", "it stopped", "")
    until(lambda: len(paper.taken) == 2, 5, "both told")
    complaints.say(False, "en", "it is well", "")
    until(lambda: len(paper.taken) == 4, 5, "both told that it is over")
    assert sorted(paper.taken[2:]) == [("a", "it is well"), ("b", "it is well")]


def test_a_channel_that_fails_or_breaks_down_is_tried_until_it_takes_the_word(paper: Paper) -> None:
    paper.troubles = [TransientError("away"), UnknownError("no answer"), ValueError("a bug"), TransientError("away")]
    complaints = Complaints({"paper": (paper, ["a"])}, pause=0.01)
    complaints.say(True, "en", "it stopped", "")
    until(lambda: paper.taken == [("a", "it stopped")], 5, "word")
    complaints.close()


def test_nobody_is_told_that_what_they_never_heard_of_is_over() -> None:
    paper, gate = Paper(), threading.Event()

    class Shut(Paper):
        def send(self, address: str, message: Message) -> Receipt:
            if not gate.is_set():
                raise TransientError("away")
            return paper.send(address, message)

    complaints = Complaints({"shut": (Shut(), ["a"])}, pause=0.01)
    complaints.say(True, "en", "it stopped", "")
    complaints.say(False, "en", "it is well", "")
    gate.set()
    complaints.say(True, "en", "it stopped again", "")
    until(lambda: bool(paper.taken), 5, "word")
    complaints.close()
    assert paper.taken == [("a", "it stopped again")]


def test_the_words_say_how_long_and_how_far_it_gets_in_both_languages() -> None:
    stopped, well = Word(Verdict.STOPPED, 95 * MINUTE), Word(Verdict.WELL, 7 * MINUTE)
    assert "1 h 35 min" in compose(stopped, Where.INGEST, "Ward", "en")[1]
    assert "ingest" in compose(stopped, Where.INGEST, "Ward", "en")[1]
    assert "1時間35分" in compose(stopped, Where.CALLING, "区", "ja")[1]
    assert compose(well, None, "Ward", "en")[0].startswith("[well again]")
    assert "7分" in compose(well, None, "区", "ja")[1]


class Moving:
    """A monotonic clock that a test moves."""

    now: Span = T

    def __call__(self) -> Span:
        return self.now


@pytest.fixture
def mono() -> Moving:
    return Moving()


def test_the_complaint_names_the_first_part_that_does_not_answer(mono: Moving) -> None:
    def after(connected: bool, waiting: int) -> Where:
        mono.now = T
        state = State(Judge(T), mono, lambda: None)
        found = None
        for _ in range(200):
            mono.now += SECOND
            found = found or state.look(connected, waiting)
        assert found is not None
        return found[1]

    assert after(connected=False, waiting=3) is Where.BROKER
    assert after(connected=True, waiting=3) is Where.INGEST
    assert after(connected=True, waiting=0) is Where.CALLING


def test_the_listener_takes_a_number_and_shows_how_it_goes(mono: Moving) -> None:
    wells: list[Span] = []
    state = State(Judge(T), mono, lambda: wells.append(mono.now))
    listener = Listener("127.0.0.1", 0, state)

    def ask(path: str, body: bytes | None = None) -> tuple[int, bytes]:
        request = urllib.request.Request(f"http://127.0.0.1:{listener.port}{path}", body)
        try:
            with urllib.request.urlopen(request, timeout=5) as answer:  # noqa: S310
                return answer.status, answer.read()
        except urllib.error.HTTPError as error:
            return error.code, error.read()

    try:
        state.sent(7)
        mono.now += SECOND
        assert [
            ask("/came", body)[0] for body in (b"", b"x" * 2000, b"[]", b'{"number": "7"}', b'{"number": true}')
        ] == [400] * 5
        assert ask("/came", b'{"number": 8}')[0] == 202
        assert wells == []
        assert ask("/came", b'{"number": 7}')[0] == 204
        assert wells == [mono.now]
        assert json.loads(ask("/healthz")[1]) == {"ok": True, "detail": "the last came through in 1.00 s"}
        mono.now += 20 * SECOND
        state.look(connected=False, waiting=1)
        for _ in range(200):
            mono.now += SECOND
            state.look(connected=False, waiting=1)
        status, body = ask("/healthz")
        assert (status, json.loads(body)["ok"]) == (503, False)
        assert b"kehai_watchdog_up 0.0" in ask("/metrics")[1]
        assert ask("/elsewhere")[0] == 404
        with pytest.raises(ConfigurationError, match=r"watchdog\.host or port"):
            Listener("127.0.0.1", listener.port, state)
    finally:
        listener.close()


def test_the_dead_man_s_switch_is_asked_at_each_success_and_its_trouble_is_no_trouble_of_ours(tmp_path: Path) -> None:
    file = tmp_path / "url"
    outside = Outside(file)
    outside.well()  # there is no file: that is said in the log, and nothing ends
    with Hook(pages={"/hook/secret": b""}) as hook:
        file.write_text(hook.url + "/secret\n")
        until(lambda: _told(outside, hook), 5, "word to the dead man's switch")
        assert hook.gets[0] == "/hook/secret"
    outside.close()


def _told(outside: Outside, hook: Hook) -> bool:
    outside.well()
    return bool(hook.gets)


def test_a_patience_that_one_slow_reading_would_use_up_is_refused() -> None:
    with pytest.raises(ValueError, match="twice every_seconds"):
        WatchdogSection(every_seconds=60, patience_seconds=100)
