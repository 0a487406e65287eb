"""The resident's answer, when somebody else decides at the same moment, and when somebody tries tokens."""

from __future__ import annotations

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import event
from sqlalchemy.engine.interfaces import DBAPICursor

from dashboard.throttle import FREE, IN_ALL, LONGEST, WINDOW, Throttle
from domain.alerts import Outcome, State
from domain.clock import SECOND
from tests.dashboard.conftest import NOW, Installation
from tests.dashboard.test_alert_page import question


def stranger(installation: Installation) -> TestClient:
    """Nobody who is logged in; a fault of ours would be a page, as it is for people."""
    app, url = installation.browser.client.app, str(installation.browser.client.base_url)
    return TestClient(app, base_url=url, headers={"accept-language": "en"}, raise_server_exceptions=False)


def interfere(installation: Installation, times: int) -> None:
    """Somebody else changes the alert between the look at it and its change, ``times`` times."""
    left = [times]

    def meanwhile(_connection: object, cursor: DBAPICursor, statement: str, *_more: object) -> None:
        if statement.startswith("UPDATE alerts ") and left[0]:
            left[0] -= 1
            cursor.execute("UPDATE alerts SET version = version + 1")

    event.listen(installation.office.engine, "before_cursor_execute", meanwhile)


@pytest.mark.parametrize("said", ["well", "help"])
def test_an_answer_that_meets_somebody_else_s_change_is_taken_all_the_same(
    installation: Installation, said: str
) -> None:
    number, token = question(installation)
    interfere(installation, 2)
    answer = stranger(installation).post(f"/answers/{token}", data={"answer": said})
    assert answer.status_code == 200
    assert "Thank you" in answer.text
    after = installation.office.book.alert(number)
    assert after is not None
    assert (after.state, after.outcome) == (State.CLOSED, Outcome.ANSWERED if said == "well" else Outcome.HELP)
    assert [alert.kind for alert in installation.office.book.open_alerts()] == ["help_called"] * (said == "help")


def test_an_answer_that_never_gets_through_asks_to_be_given_once_more_and_leaves_nothing_half_done(
    installation: Installation,
) -> None:
    number, token = question(installation)
    before = installation.office.book.alert(number)
    interfere(installation, 1000)
    client = stranger(installation)
    answer = client.post(f"/answers/{token}", data={"answer": "help"})
    assert answer.status_code == 503
    assert "press it once more" in answer.text
    assert 'value="help"' in answer.text, "the buttons are there"
    robot = client.post(f"/answers/{token}", data={"answer": "help"}, headers={"accept": "application/json"})
    assert robot.status_code == 503
    assert robot.json()["done"] == "again"
    assert installation.office.book.alert(number) == before
    assert "Thank you" not in client.get(f"/answers/{token}").text


def test_who_tries_tokens_has_to_wait_and_a_resident_never_has(installation: Installation) -> None:
    _, token = question(installation)
    client = stranger(installation)
    codes = [client.post(f"/answers/guess{turn}", data={"answer": "well"}).status_code for turn in range(FREE + 5)]
    assert codes == [404] * FREE + [404] + [429] * 4, (
        "the first over the free ones is answered, and then a pause begins"
    )
    slow = client.get("/answers/another")
    assert slow.status_code == 429
    assert int(slow.headers["retry-after"]) >= 1
    assert client.get(f"/answers/{token}").status_code == 200, (
        "half a country may share one telephone company's address"
    )
    assert client.post(f"/answers/{token}", data={"answer": "help"}).status_code == 200
    assert [alert.kind for alert in installation.office.book.open_alerts()] == ["help_called"]


def test_a_pause_doubles_with_each_try_and_is_forgotten_after_a_while() -> None:
    throttle = Throttle()
    for _ in range(FREE):
        assert throttle.count("a", NOW) == 0
    assert throttle.count("b", NOW) == 0, "another address is another matter"
    at, pauses = NOW, []
    for _ in range(10):
        assert throttle.count("a", at) == 0
        pauses.append(throttle.count("a", at))
        at += pauses[-1]
    assert pauses == [min(LONGEST, SECOND << turn) for turn in range(10)]
    assert throttle.count("a", at + WINDOW) == 0
    assert throttle.count("a", at + WINDOW) == 0


def test_tries_from_everywhere_are_slowed_together_and_take_no_more_memory() -> None:
    throttle = Throttle(most=100)
    answers = [throttle.count(f"10.0.{turn // 250}.{turn % 250}", NOW) for turn in range(IN_ALL + 10)]
    assert answers[:IN_ALL] == [0] * IN_ALL
    assert all(answers[IN_ALL + 1 :])
    assert throttle.remembered <= 101
