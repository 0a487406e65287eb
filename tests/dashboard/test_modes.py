"""The switch on a home's page: away, in hospital, a visitor, back. Without JavaScript."""

from __future__ import annotations

import pytest

from domain.clock import DAY, HOUR, from_iso
from domain.ids import HomeId
from domain.modes import TAKES, ModeEnd, ModeKind
from tests.dashboard.conftest import LOGIN, NOW, Browser, Installation, status

HOME = HomeId("home-1")


def test_staff_say_that_a_resident_is_away_until_a_date_on_the_home_s_own_clock(
    installation: Installation, browser: Browser
) -> None:
    installation.watch_says(status(1))
    browser.get("/homes/home-1")
    page = browser.submit("/homes/home-1/say/away", until="2026-03-06T18:00", why="at her daughter's <b>").text
    (said,) = installation.office.modes.holding()
    assert (said.home, said.kind, said.by) == (HOME, ModeKind.AWAY, LOGIN)
    assert said.until == from_iso("2026-03-06T18:00:00+09:00")
    assert said.since == NOW + TAKES
    assert "6 Mar 18:00" in page
    assert "職員 はな: at her daughter&#39;s &lt;b&gt;" in page


@pytest.mark.parametrize(("word", "kind"), [("hospital", ModeKind.HOSPITAL), ("visitor", ModeKind.VISITOR)])
def test_the_other_buttons_of_the_form_say_something_else(
    installation: Installation, browser: Browser, word: str, kind: ModeKind
) -> None:
    page = browser.get("/homes/home-1").text
    assert f'formaction="/homes/home-1/say/{word}"' in page
    data = {"csrf": page.partition('name="csrf" value="')[2].partition('"')[0], "until": "2026-03-03"}
    assert browser.client.post(f"/homes/home-1/say/{word}", data=data).status_code == 200
    assert [mode.kind for mode in installation.office.modes.holding()] == [kind]


def test_back_ends_it_and_the_page_keeps_who_said_what(installation: Installation, browser: Browser) -> None:
    assert 'action="/homes/home-1/say/back"' not in browser.get("/homes/home-1").text
    browser.submit("/homes/home-1/say/away", until="2026-03-06")
    page = browser.submit("/homes/home-1/say/back").text
    assert installation.office.modes.holding() == []
    (said,) = installation.office.modes.of(HOME)
    assert (said.end, said.ended_by) == (ModeEnd.BACK, LOGIN)
    assert "Said to be over (職員 はな)" in page


@pytest.mark.parametrize("until", ["", "tomorrow", "2026-03-01T10:00", "2028-01-01T00:00"])
def test_a_time_that_cannot_be_is_refused_and_what_was_written_stays(
    installation: Installation, browser: Browser, until: str
) -> None:
    browser.get("/homes/home-1")
    answer = browser.submit("/homes/home-1/say/away", until=until, why="holiday")
    assert answer.status_code == 422
    assert "within a year" in answer.text
    assert 'value="holiday"' in answer.text
    assert installation.office.modes.of(HOME) == []


def test_a_form_without_the_session_s_token_changes_nothing(installation: Installation, browser: Browser) -> None:
    for word in ("away", "back"):
        data = {"csrf": "guessed", "until": "2026-03-06"}
        assert browser.client.post(f"/homes/home-1/say/{word}", data=data).status_code == 403
    assert installation.office.modes.of(HOME) == []


def test_a_home_or_a_word_that_does_not_exist_is_not_found(browser: Browser) -> None:
    page = browser.get("/homes/home-1").text
    data = {"csrf": page.partition('name="csrf" value="')[2].partition('"')[0], "until": "2026-03-06"}
    assert browser.client.post("/homes/nowhere/say/away", data=data).status_code == 404
    assert browser.client.post("/homes/home-1/say/asleep", data=data).status_code == 404


def test_what_ended_by_itself_is_shown_with_its_reason_in_japanese(
    installation: Installation, browser: Browser
) -> None:
    said = installation.office.modes.say(HOME, ModeKind.AWAY, NOW + DAY, LOGIN, NOW)
    with installation.office.book.transaction() as page:
        page.end_mode(said.id, NOW + HOUR, ModeEnd.CAME_BACK)
    browser.client.headers["accept-language"] = "ja"
    text = browser.get("/homes/home-1").text
    assert "留守宅で動きがあり終了" in text
    assert "外出・外泊として登録" in text
