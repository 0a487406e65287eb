"""The work of an alert on its page, by forms alone."""

from __future__ import annotations

import re

import pytest
from fastapi.testclient import TestClient

from alerts import silences
from alerts.answers import answer
from alerts.asking import HELP_CALLED, Answer, question_about
from alerts.channels.smtp.channel import Settings, Smtp
from alerts.desk import decide
from alerts.notices import Notice, Purpose
from alerts.outbox import Outbox, enqueue
from domain.alerts import Outcome, State
from domain.clock import MINUTE
from domain.findings import Ended, EndReason, Level
from domain.ids import HomeId
from registry import addresses
from tests.dashboard.conftest import LOGIN, NOW, Browser, Installation, fall
from tests.dashboard.test_pages import order


def test_a_step_is_one_tap_and_stands_in_the_history_with_its_second(
    installation: Installation, browser: Browser
) -> None:
    number = installation.raise_alert(fall(1))
    page = browser.get(f"/alerts/{number}").text
    assert order(page, "Call the resident", "tel:", "Call a contact", "Visit", "Call an ambulance (119)")
    assert browser.submit(f"/alerts/{number}/step", step="call_resident", result="no_answer").status_code == 200
    page = browser.get(f"/alerts/{number}").text
    assert "Call the resident – No answer" in page
    assert "職員 はな is going" in page
    assert installation.office.book.alert(number).state is State.WORKING  # type: ignore[union-attr]


def test_a_step_that_the_page_does_not_offer_is_refused_in_words(installation: Installation, browser: Browser) -> None:
    number = installation.raise_alert(fall(1))
    browser.get(f"/alerts/{number}")
    answer = browser.submit(f"/alerts/{number}/step", step="dance", result="reached")
    assert answer.status_code == 422
    assert "Choose what was done" in answer.text


def test_an_alert_is_handed_over_and_a_closed_one_opened_again(installation: Installation, browser: Browser) -> None:
    number = installation.raise_alert(fall(1))
    browser.get(f"/alerts/{number}")
    browser.submit(f"/alerts/{number}/assign", assignee="hana")
    assert installation.office.book.alert(number).owner == "hana"  # type: ignore[union-attr]
    browser.get(f"/alerts/{number}")
    browser.submit(f"/alerts/{number}/close", outcome="spoke_safe")
    page = browser.get(f"/alerts/{number}").text
    assert "Open it again" in page
    assert "Call the resident" not in page
    browser.submit(f"/alerts/{number}/reopen", note="the wrong one")
    assert order(browser.get(f"/alerts/{number}").text, "nobody is going yet", "Reopened", "the wrong one")


def test_the_page_says_what_comes_next_and_who_has_looked(installation: Installation, browser: Browser) -> None:
    number = installation.raise_alert(fall(1))
    page = browser.get(f"/alerts/{number}").text
    assert "Next:" in page
    assert "Seen by 職員 はな" in page
    browser.submit(f"/alerts/{number}/claim")
    assert "Without another step of 職員 はな by" in browser.get(f"/alerts/{number}").text


def test_the_page_shows_who_was_told_through_what_and_how_that_went(
    installation: Installation, browser: Browser
) -> None:
    number = installation.raise_alert(fall(1))
    engine = installation.office.engine
    with engine.begin() as connection:
        enqueue(connection, [Notice(number, Purpose.ALERT, "hana", ("post",), NOW)], NOW)
    outbox = Outbox(engine)
    outbox.sent(outbox.claim("post", 1, NOW)[0], "as 7", NOW + MINUTE)
    page = browser.get(f"/alerts/{number}").text
    assert order(page[page.index("Who was told") :], "職員 はな", "post", "Called", "Taken over by the provider")


def test_somebody_adds_an_address_tests_it_and_removes_it(installation: Installation, browser: Browser) -> None:
    installation.office.channels = {"post": Smtp(Settings(host="127.0.0.1", security="none", sender="k@kehai.test"))}
    assert "Nobody can call you" in browser.get("/me").text
    wrong = browser.submit("/me/addresses", channel="post", address="not an address")
    assert wrong.status_code == 422
    assert 'value="not an address"' in wrong.text
    assert "hana@example.org" in browser.submit("/me/addresses", channel="post", address=" hana@example.org ").text
    browser.submit("/me/addresses/1/test")
    outbox = Outbox(installation.office.engine)
    (job,) = outbox.claim("post", 5, NOW)
    assert (job.purpose, job.recipient) == (Purpose.TEST, "hana")
    outbox.sent(job, "", NOW)
    assert "Taken over by the provider" in browser.get("/me").text
    assert "Nobody can call you" in browser.submit("/me/addresses/1/remove").text


def test_nobody_removes_the_address_of_another(installation: Installation, browser: Browser) -> None:
    with installation.office.engine.begin() as connection:
        number = addresses.add(connection, "home:home-1", "post", "x@example.org", NOW)
    browser.get("/me")
    token = re.search(r'name="csrf" value="([^"]+)"', browser.get("/me").text)
    assert token is not None
    origin = {"origin": str(browser.client.base_url).rstrip("/")}
    answer = browser.client.post(f"/me/addresses/{number}/remove", data={"csrf": token[1]}, headers=origin)
    assert answer.status_code == 404


def question(installation: Installation) -> tuple[int, str]:
    """The resident of a prompt was asked by a link."""
    number = installation.raise_alert(fall(1, level=Level.PROMPT))
    with installation.office.engine.begin() as connection:
        addresses.add(connection, "home:home-1", "post", "x@example.org", NOW)
    installation.office.ladder.step(NOW)
    with installation.office.engine.connect() as connection:
        asked = question_about(connection, number)
    assert asked is not None
    return number, asked.token


def test_a_resident_says_by_a_link_that_all_is_well_and_the_alert_is_closed(installation: Installation) -> None:
    number, token = question(installation)
    anybody = Browser(TestClient(installation.browser.client.app, base_url=str(installation.browser.client.base_url)))
    page = anybody.get(f"/answers/{token}")
    assert "だいじょうぶ" in page.text
    assert "home-1" not in page.text
    assert "ありがとうございます" in anybody.submit(f"/answers/{token}", answer="well").text
    after = installation.office.book.alert(number)
    assert after is not None
    assert (after.state, after.outcome) == (State.CLOSED, Outcome.ANSWERED)
    assert installation.office.book.history(number)[-1].by == "resident"


def test_a_robot_that_heard_a_call_for_help_makes_it_a_page_at_once(installation: Installation) -> None:
    _, token = question(installation)
    client = TestClient(installation.browser.client.app, base_url=str(installation.browser.client.base_url))
    said = client.post(f"/answers/{token}?via=robot", data={"answer": "help"}, headers={"accept": "application/json"})
    assert said.json() == {"done": "paged"}
    (page,) = installation.office.book.open_alerts()
    assert (page.kind, page.state, page.level) == ("help_called", State.OPEN, Level.PAGE)
    assert installation.office.ladder.next_due() == NOW
    again = client.post(f"/answers/{token}", data={"answer": "well"}, headers={"accept": "application/json"})
    assert again.json() == {"done": "unknown"}  # the first answer counts
    assert installation.office.book.open_alerts() == [page]


@pytest.mark.parametrize("before", ["seen moving", "in somebody's hand", "answered that all is well"])
def test_a_call_for_help_calls_people_whatever_became_of_the_question(installation: Installation, before: str) -> None:
    number, token = question(installation)
    book = installation.office.book
    client = TestClient(installation.browser.client.app, base_url=str(installation.browser.client.base_url))
    asked = book.alert(number)
    assert asked is not None
    if before == "seen moving":  # on the way to the telephone
        with book.transaction() as page:
            decide(page, [Ended(asked.home, asked.cause, asked.finding, NOW, EndReason.ACTIVITY)], NOW, False)
    elif before == "in somebody's hand":
        book.act(number, asked.version, "claim", LOGIN, NOW)
    else:
        assert 'value="help"' in client.post(f"/answers/{token}", data={"answer": "well"}).text
    assert client.post(f"/answers/{token}", data={"answer": "help"}).status_code == 200
    help_alert = next(alert for alert in book.open_alerts() if alert.kind == "help_called")
    assert (help_alert.state, help_alert.level) == (State.OPEN, Level.PAGE)
    assert installation.office.ladder.next_due() == NOW


def test_who_called_for_help_and_moves_is_not_taken_for_well(installation: Installation) -> None:
    number, token = question(installation)
    book = installation.office.book
    client = TestClient(installation.browser.client.app, base_url=str(installation.browser.client.base_url))
    client.post(f"/answers/{token}", data={"answer": "help"})
    asked = book.alert(number)
    assert asked is not None
    with book.transaction() as page:
        decide(page, [Ended(asked.home, asked.cause, asked.finding, NOW, EndReason.ACTIVITY)], NOW, False)
    assert [alert.kind for alert in book.open_alerts()] == ["help_called"]
    said_later = client.post(f"/answers/{token}", data={"answer": "well"})
    assert 'value="help"' not in said_later.text, "the page still says that somebody is being called"
    assert len(book.open_alerts()) == 1


def test_without_an_answer_in_time_a_prompt_becomes_a_page(installation: Installation) -> None:
    number, _ = question(installation)
    installation.office.ladder.step(NOW + 11 * MINUTE)
    after = installation.office.book.alert(number)
    assert after is not None
    assert after.level is Level.PAGE
    assert "unanswered" in [row.reason for row in installation.office.book.history(number)]


def test_a_token_that_is_none_says_nothing(installation: Installation) -> None:
    client = TestClient(installation.browser.client.app, base_url=str(installation.browser.client.base_url))
    assert client.get("/answers/nothing").status_code == 404
    assert client.post("/answers/nothing", data={"answer": "well"}).status_code == 404
    assert client.post("/answers/nothing", data={"answer": "maybe"}).status_code == 422


def test_no_silence_covers_a_call_for_help(installation: Installation) -> None:
    _, token = question(installation)
    with installation.office.engine.begin() as connection:
        silences.add(connection, HomeId("home-1"), None, None, NOW + MINUTE * 60, "the family is there", "hana", NOW)
        answer(connection, token, Answer.HELP, "link", NOW)
    (called,) = [alert for alert in installation.office.book.open_alerts() if alert.cause == HELP_CALLED]
    with installation.office.engine.connect() as connection:
        assert silences.covering(connection, called, NOW) is None
