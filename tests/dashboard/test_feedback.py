"""What the home's page tells of what was learnt from what people found."""

from __future__ import annotations

from dataclasses import replace

import pytest

from domain.alerts import Outcome, Result, Step
from domain.clock import MINUTE
from domain.ids import HomeId
from domain.modes import ModeKind
from tests.dashboard.conftest import NOW, Browser, Installation, fall, status

HOME = HomeId("home-1")


def test_the_page_says_what_each_outcome_taught_and_that_it_counts_from_the_night_on(
    installation: Installation, browser: Browser
) -> None:
    installation.watch_says(replace(status(1), false_pages=2))
    assert "Learnt from what was found" in browser.get("/homes/home-1").text
    number = installation.raise_alert(fall(1))
    browser.get(f"/alerts/{number}")
    browser.submit(f"/alerts/{number}/close", outcome="visit_safe")
    text = browser.get("/homes/home-1").text
    assert "2 pages of the last two months were for nothing" in text
    assert "A habit: the silence is learnt in full, and staff are called later from the next night on." in text
    assert "Somebody had spoken with the resident" in text
    browser.client.headers["accept-language"] = "ja"
    assert "この2か月に空振りの緊急通知が2件ありました" in browser.get("/homes/home-1").text


@pytest.mark.parametrize(
    ("outcome", "said"),
    [
        (Outcome.EMERGENCY, "No habit: the silence is not learnt."),
        (Outcome.DEVICE_FAULT, "No habit: the silence is not learnt."),
        (Outcome.HOSPITAL, "Nothing is learnt from when it began until the resident is back."),
    ],
)
def test_of_a_corrected_outcome_only_the_last_word_is_shown(
    installation: Installation, browser: Browser, outcome: Outcome, said: str
) -> None:
    installation.watch_says(status(1))
    number, book = installation.raise_alert(fall(1)), installation.office.book
    book.act(number, 1, "close", "hana", NOW, outcome=Outcome.FALSE_ALARM)
    book.act(number, 2, "reopen", "hana", NOW + MINUTE)
    text = browser.get("/homes/home-1").text
    assert "The silence is learnt as if nobody had come." in text
    assert "A habit" not in text
    book.act(number, 3, "close", "hana", NOW + 2 * MINUTE, outcome=outcome)
    text = browser.get("/homes/home-1").text
    assert said in text
    assert "as if nobody had come" not in text


def test_a_stay_in_hospital_stands_on_the_page_without_a_date_and_with_the_alert_that_said_so(
    installation: Installation, browser: Browser
) -> None:
    installation.watch_says(status(1))
    number = installation.raise_alert(fall(1))
    browser.get(f"/alerts/{number}")
    browser.submit(f"/alerts/{number}/close", outcome="hospital")
    text = browser.get("/homes/home-1").text
    assert [mode.kind for mode in installation.office.modes.holding()] == [ModeKind.HOSPITAL]
    assert "until somebody says that it is over, or is seen at home" in text
    assert f'<a href="/alerts/{number}">written when the alert was closed</a>' in text
    browser.submit("/homes/home-1/say/back")
    assert installation.office.modes.holding() == []


def test_a_visit_on_which_the_resident_was_met_is_one_tap_and_counts_as_a_sign_of_life(
    installation: Installation, browser: Browser
) -> None:
    installation.watch_says(status(1))
    number = installation.raise_alert(fall(1))
    page = browser.get(f"/alerts/{number}").text
    assert "reached" in page
    version = 1
    installation.office.book.act(number, version, "step", "hana", NOW, step=(Step.VISIT, Result.REACHED))
    text = browser.get("/homes/home-1").text
    assert "The resident was met on a visit" in text
    assert "The silence counted anew from 10:00." in text


def test_a_home_of_which_nothing_was_found_says_nothing_of_it(installation: Installation, browser: Browser) -> None:
    installation.watch_says(status(1))
    assert "Learnt from what was found" not in browser.get("/homes/home-1").text
