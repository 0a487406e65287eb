"""The ledger's page: the period, the lines, the figures in words, and the file for a spreadsheet."""

from __future__ import annotations

import csv

import pytest

from alerts.accounts import Times
from dashboard.language import Speech
from dashboard.views.ledger import BadPeriodError, met, middle, period, shares
from domain.alerts import Outcome
from domain.clock import DAY, MINUTE, SECOND, from_iso
from domain.findings import Level
from domain.ids import HomeId
from domain.localtime import LocalTime
from registry.homes import Home
from tests.dashboard.conftest import LOGIN, NOW, Browser, Installation, fall, home

TOKYO = LocalTime("Asia/Tokyo")


def test_pages_and_prompts_are_counted_with_what_was_found_and_how_soon_somebody_was_there(
    browser: Browser, installation: Installation
) -> None:
    book = installation.office.book
    installation.raise_alert(fall(1))
    book.see(1, LOGIN, NOW + 20 * SECOND)
    book.act(1, 1, "claim", LOGIN, NOW + 50 * SECOND)
    book.act(1, 2, "close", LOGIN, NOW + 9 * MINUTE, outcome=Outcome.EMERGENCY)
    installation.raise_alert(fall(3, level=Level.PROMPT))
    page = browser.get("/ledger").text
    pages, prompts = page.partition('id="found-prompt"')[::2]
    assert "No sign of life" in pages
    assert '<td data-label="True">1</td>' in pages
    assert "50 s / 50 s" in " ".join(pages.split())
    assert "100% / 100%" in pages
    assert "1 of 1" in pages
    assert '<td data-label="Not known">1</td>' in prompts
    assert "Months in which a gateway of a home vouched" in page, "each figure is explained"
    assert '<td data-label="False a month (range)">–</td>' in page, "no gateway has vouched: no rate is made up"
    assert browser.get("/ledger?by=street&of=area:nowhere&period=never").status_code == 200


def test_of_homes_only_those_with_an_alert_have_a_line_and_areas_all(
    browser: Browser, installation: Installation
) -> None:
    installation.raise_alert(fall(3))
    homes = browser.get("/ledger?by=home").text
    assert 'href="/homes/home-3"' in homes
    assert 'href="/homes/home-1"' not in homes
    areas = browser.get("/ledger?by=area").text
    assert '<th scope="row">架空町</th>' in areas
    assert '<th scope="row">見本町</th>' in areas
    installation.office.staff.set_areas(LOGIN, ["見本町"])
    assert 'href="/homes/home-3"' not in browser.get("/ledger?by=home").text, "the reader's own areas come first"


def test_the_file_has_every_line_and_no_name_in_it_is_a_formula(browser: Browser, installation: Installation) -> None:
    odd = home(4, "=HYPERLINK(1)")
    installation.office.homes.add(Home(HomeId("home-4"), odd.alias, odd.zone, odd.area), [], NOW)
    installation.raise_alert(fall(1))
    page = browser.get("/ledger?by=area&first=2026-03-01").text
    link = "/ledger.csv?by=area&amp;period=dates&amp;of=all&amp;first=2026-03-01&amp;last="
    assert f'href="{link}"' in page
    answer = browser.get(link.replace("&amp;", "&"))
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    assert answer.headers["content-disposition"] == 'attachment; filename="kehai-ledger-2026-03-01-2026-03-02.csv"'
    assert answer.text.startswith("\ufeff"), "or a Japanese spreadsheet shows signs that nobody can read"
    rows = list(csv.DictReader(answer.text.removeprefix("\ufeff").splitlines()))
    assert [(row["of"], row["level"], row["raised"]) for row in rows] == [
        ("'=HYPERLINK(1)", "page", "0"), ("架空町", "page", "0"), ("見本町", "page", "1"),
        ("'=HYPERLINK(1)", "prompt", "0"), ("架空町", "prompt", "0"), ("見本町", "prompt", "0"),
    ]  # fmt: skip
    assert browser.get("/ledger.csv?first=soon").status_code == 422


def test_a_period_that_cannot_be_is_said_and_kept(browser: Browser) -> None:
    answer = browser.get("/ledger?first=2026-03-05&last=2026-03-01")
    assert answer.status_code == 422
    assert "Give a first and a last day" in answer.text
    assert 'value="2026-03-05"' in answer.text


def test_months_and_dates_are_those_of_the_wall_clock() -> None:
    last_month = period("last_month", "", "", NOW, TOKYO)
    assert (last_month.since, last_month.until) == (
        from_iso("2026-02-01T00:00:00+09:00"), from_iso("2026-03-01T00:00:00+09:00"),
    )  # fmt: skip
    assert period("month", "", "", NOW, TOKYO).since == from_iso("2026-03-01T00:00:00+09:00")
    assert period("never", "", "", NOW, TOKYO).since == NOW - 30 * DAY
    dates = period("7", "2026-02-27", "2026-02-28", NOW, TOKYO)
    assert (dates.key, dates.until - dates.since) == ("dates", 2 * DAY)
    assert period("7", "2026-03-01", "2026-03-31", NOW, TOKYO).until == NOW, "what is to come is not counted"
    for first, last in (
        ("", "2026-03-01"),
        ("2026-03-03", ""),
        ("1.3.2026", ""),
        ("2000-01-01", ""),
        ("2026-03-01", "9999-12-31"),
    ):
        with pytest.raises(BadPeriodError):
            period("7", first, last, NOW, TOKYO)


def test_the_figures_are_said_with_a_dash_where_nothing_can_be_said() -> None:
    speech = Speech("en", NOW, TOKYO)
    assert (middle(Times(()), speech), shares(Times(())), met(Times(()), speech)) == ("–", "", "")
    times = Times((10 * SECOND, 4 * MINUTE), never=1, ended=(5 * SECOND,))
    assert (middle(times, speech), shares(times), met(times, speech)) == (
        "4 min / –", "33% / 33%", "2 of 4; 1 ended before",
    )  # fmt: skip
