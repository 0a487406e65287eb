"""The sheet for a change of shift: since when, about which homes, and what it says."""

from __future__ import annotations

import pytest

from dashboard.views.handover import BadStartError, Start, chosen, usual
from domain.alerts import Outcome, Result, Step
from domain.clock import DAY, HOUR, MINUTE
from domain.findings import Level
from domain.ids import HomeId
from domain.localtime import LocalTime
from domain.modes import ModeKind
from domain.status import Observability, Resident
from registry import rota
from registry.rota import Shift
from tests.dashboard.conftest import LOGIN, NOW, Browser, Installation, fall, status

TOKYO = LocalTime("Asia/Tokyo")
HOURS = [Start("8", NOW - 8 * HOUR), Start("12", NOW - 12 * HOUR), Start("24", NOW - 24 * HOUR)]


def test_everything_that_the_next_shift_must_know_stands_on_one_sheet(
    browser: Browser, installation: Installation
) -> None:
    office = installation.office
    installation.watch_says(status(1), status(2, Resident.UNKNOWN, Observability.PARTIAL), status(3))
    installation.raise_alert(fall(1))
    office.book.act(1, 1, "step", LOGIN, NOW, note="応答なし", step=(Step.CALL_RESIDENT, Result.NO_ANSWER))
    installation.raise_alert(fall(2, level=Level.PROMPT))
    office.book.act(2, 1, "close", LOGIN, NOW, outcome=Outcome.SPOKE_SAFE, note="元気でした")
    office.modes.say(HomeId("home-3"), ModeKind.HOSPITAL, NOW + 3 * DAY, LOGIN, NOW - HOUR)
    page = browser.get("/handover").text
    shown = page.partition("<main")[2]
    assert "1 in which nobody was reached" in shown
    assert "Without another step of 職員 はな by 11:00, others are called." in shown
    assert "応答なし" in shown
    assert "Door (玄関)" in shown, "which device is silent, as somebody who goes there looks for it"
    assert "In hospital" in shown
    assert "until 5 Mar 10:00" in shown
    assert "Spoke with the resident: safe" in shown
    assert "元気でした" in shown
    assert "2 alerts came up since then." in shown


def test_a_reader_with_areas_sees_their_own_homes_first_and_all_when_they_ask(
    browser: Browser, installation: Installation
) -> None:
    installation.raise_alert(fall(1))
    installation.raise_alert(fall(3))
    assert "見本 3子" in browser.get("/handover").text
    installation.office.staff.set_areas(LOGIN, ["見本町"])
    own = browser.get("/handover").text
    assert "見本 1子" in own
    assert "見本 3子" not in own
    assert "見本 3子" in browser.get("/handover?of=all").text
    other = browser.get("/handover?of=area:架空町").text
    assert "見本 3子" in other
    assert "見本 1子" not in other
    assert "見本 3子" not in browser.get("/handover?of=area:nowhere").text, "what is not there is nobody's wish"


def test_the_shift_begins_with_the_rota_and_within_its_first_hour_the_sheet_is_of_the_one_before(
    browser: Browser, installation: Installation
) -> None:
    with installation.office.engine.begin() as connection:
        for begins in (9 * 60 + 30, 17 * 60):
            rota.add_shift(connection, Shift("default", LOGIN, frozenset(range(7)), begins, 450))
    page = browser.get("/handover").text
    assert '<option value="before" selected>The shift before, 1 Mar 17:00' in page, (
        "the present one is half an hour old"
    )
    assert '<option value="shift" selected>' in browser.get("/handover?since=shift").text
    assert usual([Start("shift", NOW - 2 * HOUR), *HOURS], NOW).key == "shift"
    assert usual([Start("shift", NOW - 3 * DAY), *HOURS], NOW).key == "12", "a shift of a week is no change of shift"
    assert usual(HOURS, NOW).key == "12"


def test_a_beginning_that_was_written_down_comes_before_one_that_was_chosen() -> None:
    assert chosen(HOURS, "8", "2026-03-01T22:00", NOW, TOKYO) == Start("at", NOW - 12 * HOUR)
    assert chosen(HOURS, "8", "", NOW, TOKYO).key == "8"
    for written in ("soon", "2026-03-02T10:01", "2026-01-01T00:00", "2026-03-01T22:00+09:00"):
        with pytest.raises(BadStartError):
            chosen(HOURS, "8", written, NOW, TOKYO)


def test_a_beginning_that_cannot_be_is_said_and_kept(browser: Browser) -> None:
    answer = browser.get("/handover?at=2026-03-09T10:00")
    assert answer.status_code == 422
    assert "Choose a time within the last 31 days" in answer.text
    assert 'value="2026-03-09T10:00"' in answer.text


def test_what_was_closed_before_the_shift_began_is_not_on_it(browser: Browser, installation: Installation) -> None:
    installation.raise_alert(fall(1, NOW - 9 * HOUR))
    installation.office.book.act(1, 1, "close", LOGIN, NOW - 9 * HOUR + MINUTE, outcome=Outcome.SPOKE_SAFE, note="元気")
    assert "元気" not in browser.get("/handover?since=8").text
    assert "元気" in browser.get("/handover?since=12").text


def test_nobody_reads_it_without_a_log_in(installation: Installation) -> None:
    answer = installation.browser.client.get("/handover", follow_redirects=False)
    assert (answer.status_code, answer.headers["location"]) == (303, "/login?next=%2Fhandover")
