"""A home's week on its page and from the command line, in plain words."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from domain.alerts import Outcome
from domain.clock import DAY, HOUR, MINUTE, VirtualClock
from tests.alerts.weeks import HOME_1, MONDAY, NOW, Life
from tests.dashboard.conftest import LOGIN, Browser, Installation, fall
from tests.kehai.test_calling_cli import kehai


@pytest.fixture
def week(installation: Installation, browser: Browser, tmp_path: Path) -> Browser:
    """Monday noon after a week in which the resident rose late on a Wednesday; there was one alert."""
    Life(rises={2: 9}, holes=((MONDAY + 8 * HOUR, MONDAY + 14 * HOUR),)).write(
        installation.office.engine, tmp_path / "journal.db"
    )
    installation.raise_alert(fall(1, MONDAY + 3 * DAY))
    installation.office.book.act(1, 1, "close", LOGIN, MONDAY + 3 * DAY + 9 * MINUTE, outcome=Outcome.EMERGENCY)
    clock = installation.office.clock
    assert isinstance(clock, VirtualClock)
    clock.advance_to(NOW)
    return browser


def words(page: str) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", page.partition("<main")[2]).split())


def test_the_page_says_what_the_week_was_and_leads_to_those_around_it(week: Browser) -> None:
    assert 'href="/homes/home-1/week"' in week.get("/homes/home-1").text
    answer = week.get("/homes/home-1/week").text
    said = words(answer)
    assert "Mon 23 Feb – Sun 1 Mar" in said, "the last whole week"
    assert "Days as usual 5 of 6 days 1 day not compared" in said
    assert "Nights at home 6 of 6 nights" in said
    assert re.search(r"up later than before: 09:\d\d \(07:\d\d–07:\d\d\)", said)
    assert "not seen for 6 h" in said
    assert "No sign of life (Act now): Taken to hospital by ambulance" in said
    assert "Nothing was wrong with it." in said
    assert "Nothing was said of a change of routine." in said
    assert 'href="/homes/home-1/week?day=2026-02-16"' in answer
    assert 'href="/homes/home-1/week?day=2026-03-02"' in answer
    this = words(week.get("/homes/home-1/week?day=2026-03-04").text)
    assert "so far" in this
    assert "Whether the routine has changed is judged" in this
    assert "its days cannot be told" in words(week.get("/homes/home-2/week").text)
    assert week.get("/homes/home-1/week?day=0001-01-01").status_code == 404
    assert week.get("/homes/home-9/week").status_code == 404


def test_the_week_is_japanese_for_who_asks_for_it(week: Browser) -> None:
    page = week.client.get("/homes/home-1/week", headers={"accept-language": "ja"}).text
    said = words(page.partition("</main>")[0])
    assert "起床が遅め" in said
    assert set(re.findall(r"[A-Za-z]{3,}", said)) <= {"main"}


def test_the_command_line_tells_the_same(week: Browser, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert week.page is not None
    config = tmp_path / "kehai.toml"
    config.write_text(f'[installation]\nname = "t"\nzone = "Asia/Tokyo"\ndata = "{tmp_path}"\n')
    asked = ("week", HOME_1, "--config", config)
    assert kehai(*asked, "--day", "2026-02-25", "--language", "en") == 0
    said = capsys.readouterr().out
    assert "Days as usual: 5 of 6 days (1 day not compared)" in said
    assert "- 26 Feb 00:00 No sign of life (Act now): Taken to hospital by ambulance" in said
    assert kehai(*asked, "--day", "2026-02-25", "--language", "ja") == 0
    assert "起床が遅め" in capsys.readouterr().out
    for wrong in (("--day", "soon"), ("--day", "2999-01-01"), ("--language", "fr")):
        assert kehai(*asked, *wrong) == 2
        assert wrong[1] in capsys.readouterr().err
    assert kehai("week", "nowhere", "--config", config) == 2
