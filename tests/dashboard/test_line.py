"""What LINE brings back: signed, once, and only from residents who are known."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from httpx2 import Response
from sqlalchemy import func, select

from alerts.asking import question_about
from alerts.caller import Caller
from alerts.channels.line.channel import Line, Settings
from alerts.duty_tables import line_events
from alerts.lineevents import REMEMBERED, forget
from alerts.messages import Messages
from domain.alerts import Outcome, State
from domain.clock import DAY, HOUR, MILLISECOND, MINUTE, VirtualClock
from domain.feedback import Means
from domain.findings import Level
from domain.ids import HomeId
from registry import addresses
from tests.dashboard.conftest import LOGIN, NOW, Installation, fall
from tests.dashboard.test_answers import interfere, stranger
from tests.receivers import Hook

SECRET = "a channel secret of nobody"
RESIDENT, STRANGER, MEMBER = ("U" + letter * 32 for letter in "abc")


@dataclass
class Platform:
    """LINE, as it calls."""

    client: TestClient
    numbers: Iterator[int] = field(default_factory=count)

    def bring(self, *events: dict[str, Any], secret: str = SECRET, to: str = "line") -> Response:
        body = json.dumps({"destination": "U" + "0" * 32, "events": events}).encode()
        return self.send(body, base64.b64encode(hmac.new(secret.encode(), body, hashlib.sha256).digest()).decode(), to)

    def send(self, body: bytes, signature: str, to: str = "line") -> Response:
        return self.client.post(f"/line/{to}", content=body, headers=[(b"x-line-signature", signature.encode())])

    def event(self, kind: str, user: str = RESIDENT, **more: Any) -> dict[str, Any]:
        number = f"01HZ{next(self.numbers):022}"
        source = {"type": "user", "userId": user}
        return {"type": kind, "mode": "active", "timestamp": 1, "source": source, "webhookEventId": number,
                "deliveryContext": {"isRedelivery": False}, **more}  # fmt: skip

    def press(self, data: str, user: str = RESIDENT) -> dict[str, Any]:
        return self.event("postback", user, postback={"data": data})

    def write(self, text: str, user: str = RESIDENT) -> dict[str, Any]:
        return self.event("message", user, message={"type": "text", "id": "1", "text": text})


@pytest.fixture
def platform(installation: Installation, tmp_path: Path) -> Platform:
    (tmp_path / "secret").write_text(SECRET)
    (tmp_path / "token").write_text("token")
    token = tmp_path / "token"
    both = Settings(token_file=token, secret_file=tmp_path / "secret")
    installation.office.channels = {"line": Line(both), "old": Line(Settings(token_file=token))}
    with installation.office.engine.begin() as connection:
        addresses.add(connection, "home:home-1", "line", RESIDENT, NOW)
        addresses.add(connection, LOGIN, "line", MEMBER, NOW)
    return Platform(stranger(installation))


def asked(installation: Installation, home: int = 1) -> tuple[int, str]:
    """The resident of a prompt was asked by LINE."""
    number = installation.raise_alert(fall(home, level=Level.PROMPT))
    installation.office.ladder.step(NOW)
    with installation.office.engine.connect() as connection:
        question = question_about(connection, number)
    assert question is not None
    return number, question.token


def stands(installation: Installation) -> list[str]:
    return sorted(alert.kind for alert in installation.office.book.open_alerts())


def remembered(installation: Installation) -> int:
    with installation.office.engine.connect() as connection:
        return int(connection.execute(select(func.count()).select_from(line_events)).scalar_one())


def test_the_question_carries_two_buttons_and_each_answers_it(installation: Installation, platform: Platform) -> None:
    number, token = asked(installation)
    office = installation.office
    with Hook() as hook:
        channel = office.channels["line"]
        assert isinstance(channel, Line)
        settings = channel._settings.model_copy(update={"url": hook.url.removesuffix("/hook")})
        caller = Caller(office.engine, office.clock, [], {"line": Line(settings)}, Messages(office.engine, office.zone))
        caller.look()
        caller.stop()
        (message,) = json.loads(hook.calls[0][2])["messages"]
    assert message["type"] == "template"
    assert "おかわりありませんか" in message["altText"]
    assert len(message["template"]["text"]) <= 160
    well, help_me = message["template"]["actions"]
    assert (well["label"], well["data"]) == ("だいじょうぶ", f"well {token}")
    assert (help_me["label"], help_me["data"]) == ("たすけて", f"help {token}")
    assert platform.bring(platform.press(well["data"])).status_code == 200
    after = office.book.alert(number)
    assert after is not None
    assert (after.state, after.outcome) == (State.CLOSED, Outcome.ANSWERED)
    assert platform.bring(platform.press(help_me["data"])).status_code == 200
    assert stands(installation) == ["help_called"], "a call for help always counts"


def test_without_a_secret_there_are_no_buttons_and_no_events(installation: Installation, platform: Platform) -> None:
    _, token = asked(installation)
    assert platform.bring(platform.press(f"help {token}"), to="old").status_code == 404
    assert platform.bring(platform.press(f"help {token}"), to="nowhere").status_code == 404
    assert stands(installation) == ["inactivity"]


def test_what_line_did_not_sign_does_nothing(installation: Installation, platform: Platform) -> None:
    _, token = asked(installation)
    event = platform.press(f"well {token}")
    body = json.dumps({"events": [event]}).encode()
    right = base64.b64encode(hmac.new(SECRET.encode(), body, hashlib.sha256).digest()).decode()
    answers = [platform.send(body, forged) for forged in ("", "AAAA", "ü", right[:-1], right.lower())]
    answers += [platform.bring(event, secret="another"), platform.send(body + b" ", right)]
    assert [answer.status_code for answer in answers] == [404] * 7
    assert stands(installation) == ["inactivity"]
    assert platform.bring(event).status_code == 200, "the control: the same event, signed"
    assert stands(installation) == []


def test_an_event_that_is_brought_again_is_taken_once(installation: Installation, platform: Platform) -> None:
    asked(installation)
    event = platform.write("助けて")
    assert platform.bring(event, event).status_code == 200
    (alert,) = installation.office.book.open_alerts()
    installation.office.book.act(alert.id, alert.version, "close", LOGIN, NOW, outcome=Outcome.SPOKE_SAFE)
    again = {**event, "deliveryContext": {"isRedelivery": True}}
    assert platform.bring(again).status_code == 200
    assert stands(installation) == [], "what somebody saw to is not opened again by an old word"
    clock = installation.office.clock
    assert isinstance(clock, VirtualClock)
    clock.advance_to(NOW + MINUTE)
    platform.bring(platform.write("助けて"))
    assert stands(installation) == ["help_called"], "a new word is"


def test_an_event_that_meets_somebody_else_s_change_is_taken_or_is_to_be_brought_again(
    installation: Installation, platform: Platform
) -> None:
    _, token = asked(installation)
    event = platform.press(f"help {token}")
    interfere(installation, 5 + 2)
    assert platform.bring(event).status_code == 503
    assert remembered(installation) == 0, "so that the next time counts"
    assert platform.bring(event).status_code == 200
    assert stands(installation) == ["help_called"]


@pytest.mark.parametrize(
    ("text", "left"),
    [("大丈夫", []), (" だいじょうぶです。", []), ("助けて!!", ["help_called"]), ("たすけて", ["help_called"]),
     ("大丈夫じゃない", ["inactivity"]), ("こんにちは", ["inactivity"]), ("大丈夫" * 100, ["inactivity"]),
     ("", ["inactivity"])],
)  # fmt: skip
def test_a_word_answers_the_one_question_that_stands_open(
    installation: Installation, platform: Platform, text: str, left: list[str]
) -> None:
    asked(installation)
    platform.bring(platform.write(text))
    assert stands(installation) == left


def test_with_two_questions_or_none_well_answers_nothing_and_a_call_for_help_still_calls(
    installation: Installation, platform: Platform
) -> None:
    platform.bring(platform.write("大丈夫"))
    assert stands(installation) == []
    with installation.office.engine.begin() as connection:  # one account for a couple in two flats
        addresses.add(connection, "home:home-2", "line", RESIDENT, NOW)
    asked(installation), asked(installation, 2)
    platform.bring(platform.write("大丈夫"))
    assert stands(installation) == ["inactivity", "inactivity"]
    platform.bring(platform.write("助けて"))
    assert stands(installation) == ["help_called", "help_called", "inactivity", "inactivity"]
    (alert, _) = (each for each in installation.office.book.open_alerts() if each.kind == "help_called")
    assert "連絡がありました" in alert.text_ja, "it does not say that anybody was asked"


def test_a_call_for_help_that_nobody_asked_for_is_a_page(installation: Installation, platform: Platform) -> None:
    platform.bring(platform.write("助けて"))
    (alert,) = installation.office.book.open_alerts()
    assert (alert.kind, alert.home, alert.level) == ("help_called", "home-1", Level.PAGE)


def test_who_is_no_resident_of_ours_gets_nothing_and_leaves_no_trace(
    installation: Installation, platform: Platform
) -> None:
    _, token = asked(installation)
    for user in (STRANGER, "U123", "", None):
        assert platform.bring(platform.press(f"well {token}", user), platform.write("助けて", user)).status_code == 200  # type: ignore[arg-type]
    assert remembered(installation) == 0
    platform.bring(platform.press(f"well {token}", MEMBER), platform.write("助けて", MEMBER))
    assert stands(installation) == ["inactivity"]


def test_a_resident_answers_no_question_of_another_home(installation: Installation, platform: Platform) -> None:
    with installation.office.engine.begin() as connection:
        addresses.add(connection, "home:home-2", "line", STRANGER, NOW)
    _, token = asked(installation, 2)
    platform.bring(platform.press(f"well {token}"))
    assert stands(installation) == ["inactivity"]
    platform.bring(platform.press(f"well {token}", STRANGER))
    assert stands(installation) == []


def test_an_account_that_blocks_us_is_struck_out_until_it_comes_back(
    installation: Installation, platform: Platform
) -> None:
    def broken() -> bool:
        with installation.office.engine.connect() as connection:
            return addresses.is_cut_off(connection, "home:home-1")

    late = platform.event("unfollow")
    platform.bring({**late, "deliveryContext": {"isRedelivery": True}})
    assert not broken(), "they may have come back since"
    platform.bring(platform.event("unfollow"))
    assert broken()
    platform.bring(platform.event("follow"))
    assert not broken()


def test_nonsense_with_a_good_signature_is_refused_and_breaks_nothing(platform: Platform) -> None:
    for body in (b"", b"{", b"[]", b"null", b'{"events": 3}', b"\xff", b"[" * 100_000):
        signature = base64.b64encode(hmac.new(SECRET.encode(), body, hashlib.sha256).digest()).decode()
        assert platform.send(body, signature).status_code == 400, body[:20]


def test_nonsense_among_events_keeps_no_other_from_being_taken(installation: Installation, platform: Platform) -> None:
    _, token = asked(installation)
    good = platform.press(f"well {token}")
    odd: list[Any] = [3, None, [], {}, {**good, "webhookEventId": "x" * 65}, {**good, "webhookEventId": 3},
                      {**good, "source": None}, {**good, "mode": "standby"}, {**good, "webhookEventId": "p1", "postback": 7},
                      {**good, "webhookEventId": "p2", "postback": {"data": "well"}},
                      {**good, "webhookEventId": "p3", "postback": {"data": f"maybe {token}"}}]  # fmt: skip
    assert platform.bring(*odd).status_code == 200
    assert stands(installation) == ["inactivity"]
    assert platform.bring(*odd, good).status_code == 200
    assert stands(installation) == []
    assert platform.bring().status_code == 200, "LINE tries an address with no event at all"


def test_what_is_too_large_is_not_read(platform: Platform) -> None:
    assert platform.send(b"x" * (1024 * 1024 + 1), "x").status_code == 413

    def parts() -> Iterator[bytes]:
        for _ in range(1025):
            yield b"x" * 1024

    answer = platform.client.post("/line/line", content=parts(), headers={"x-line-signature": "x"})
    assert answer.status_code == 413


def test_old_ids_are_forgotten(installation: Installation, platform: Platform) -> None:
    platform.bring(platform.write("こんにちは"))
    forget(installation.office.engine, NOW + REMEMBERED - HOUR)
    assert remembered(installation) == 1
    forget(installation.office.engine, NOW + REMEMBERED + HOUR)
    assert remembered(installation) == 0


@pytest.mark.parametrize(
    ("set_out", "counts_for"),
    [
        (NOW + 10 * MINUTE, NOW + 10 * MINUTE),
        (NOW + DAY, NOW + HOUR),
        (NOW - DAY, NOW),
        ("x", NOW),
        (-1, NOW),
        (10**40, NOW),
    ],
)
def test_an_answer_that_line_brings_late_is_a_sign_of_life_of_when_it_was_given(
    installation: Installation, platform: Platform, set_out: Any, counts_for: int
) -> None:
    """Never of before the question, nor of what is still to come: what LINE writes there nobody has to believe."""
    _, token = asked(installation)
    clock = installation.office.clock
    assert isinstance(clock, VirtualClock)
    clock.advance_to(NOW + HOUR)
    stamp = set_out // MILLISECOND if isinstance(set_out, int) else set_out
    assert platform.bring(platform.press(f"well {token}") | {"timestamp": stamp}).status_code == 200
    [row] = installation.office.book.feedback_of(HomeId("home-1"), NOW)
    assert (row.means, row.at, row.written_at) == (Means.ANSWER, counts_for, NOW + HOUR)
