"""The work of an alert on its page, by forms alone."""

from __future__ import annotations

from alerts.notices import Notice, Purpose
from alerts.outbox import Outbox, enqueue
from domain.alerts import State
from domain.clock import MINUTE
from tests.dashboard.conftest import NOW, Browser, Installation, fall
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
