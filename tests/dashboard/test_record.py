"""What a request leaves in the audit log: looks with their purpose, what was done, who was refused, who came and went."""

from __future__ import annotations

import json
import re

import pytest
from sqlalchemy import text

from dashboard.access import PAGES, PURPOSES
from domain.ids import HomeId
from registry.audit import Row, check, check_rows, rows
from registry.sight import Sight
from registry.staff import Role
from tests.dashboard.conftest import LOGIN, Browser, Installation, fall
from tests.dashboard.test_access import People, people

__all__ = ["people"]  # the fixture


def log_of(installation: Installation) -> list[Row]:
    with installation.office.engine.connect() as connection:
        assert check(connection).broken is None
        return list(rows(connection))


def said(installation: Installation) -> list[tuple[str, str, str, str]]:
    return [(row.who, row.what, row.about, row.detail) for row in log_of(installation)]


def test_every_look_at_a_home_is_written_down_with_what_for(installation: Installation, browser: Browser) -> None:
    number = installation.raise_alert(fall(1))
    for path in ("/", "/homes/home-1", f"/alerts/{number}", "/homes/home-2/outlook", "/homes/home-2/rules", "/system"):
        assert browser.get(path).status_code == 200
    assert [row for row in said(installation) if row[1] == "looked"] == [
        (LOGIN, "looked", "list", "/"),
        (LOGIN, "looked", "home:home-1", "day"),
        (LOGIN, "looked", "home:home-1", "alert"),
        (LOGIN, "looked", "home:home-2", "outlook"),
        (LOGIN, "looked", "home:home-2", "rules"),
    ]


def test_a_page_that_asks_for_itself_again_is_one_look(installation: Installation, browser: Browser) -> None:
    for _ in range(5):
        browser.get("/homes/home-1")
        browser.get("/homes/home-2")
    assert [row[2] for row in said(installation) if row[1] == "looked" and row[2] != "list"] == [
        "home:home-1",
        "home:home-2",
    ]


def test_every_page_of_one_home_says_what_for_it_is_looked_at() -> None:
    pages = {
        key.split()[1] for key in PAGES if key.startswith("GET") and ("{home}" in key or "/alerts/{number}" in key)
    }
    assert pages - PURPOSES.keys() == set(), (
        "this page of a home has no purpose yet: give it one in dashboard.access.PURPOSES, and the words for it in "
        "dashboard.words.LOOKED_FOR"
    )


def test_who_comes_who_goes_and_who_may_not_are_written_down(installation: Installation) -> None:
    browser = installation.browser
    browser.log_in(password="wrong wrong wrong")
    browser.log_in(login="my secret passphrase")
    browser.log_in()
    browser.submit("/logout")
    assert [row[:3] for row in said(installation) if row[1] not in ("looked", "did")] == [
        ("~", "log_in_failed", f"staff:{LOGIN}"),
        ("~", "log_in_failed", "staff:~"),
        (LOGIN, "logged_in", f"staff:{LOGIN}"),
        (LOGIN, "logged_out", f"staff:{LOGIN}"),
    ]
    assert "passphrase" not in str(said(installation)), "what is typed into the wrong field is not kept"


def test_what_somebody_did_and_what_they_were_refused_are_written_down(people: People) -> None:
    people.let("m", Role.MANAGER)
    people.let("far", Role.STAFF, Sight(areas=frozenset({"架空町"})))
    assert people.ask("m", "POST", "/homes/home-1/rules", budget="0.5", why="ご家族の希望").status_code == 303
    assert people.ask("m", "POST", "/homes/home-1/rules", budget="many").status_code == 422
    assert people.ask("far", "GET", "/homes/home-1").status_code == 404
    assert people.ask("far", "POST", "/calling/covers").status_code == 403
    assert people.ask("m", "GET", "/ledger.csv").status_code == 200
    found = said(people.installation)
    assert found == [
        ("m", "did", "home:home-1", "POST /homes/home-1/rules"),
        ("far", "refused", "home:home-1", "GET /homes/home-1"),
        ("far", "refused", "", "POST /calling/covers"),
        ("m", "exported", "", "GET /ledger.csv"),
    ]
    assert "ご家族" not in str(found), "the log holds no words of people"


def test_a_look_that_only_a_call_allows_says_so(people: People) -> None:
    people.let("far", Role.STAFF, Sight(areas=frozenset({"架空町"})))
    with people.installation.office.engine.begin() as connection:
        connection.execute(text("UPDATE alerts SET owner = 'far'"))
    people.ask("far", "GET", "/homes/home-1")
    assert said(people.installation)[-1][3] == "day, called"


def test_a_home_is_not_shown_when_the_look_cannot_be_written_down(installation: Installation, browser: Browser) -> None:
    number = installation.raise_alert(fall(1))
    browser.get(f"/alerts/{number}")
    with installation.office.engine.begin() as connection:
        connection.execute(text("DROP TABLE audit"))
    page = browser.client.get("/homes/home-1")
    assert page.status_code == 503
    assert "見本" not in page.text
    assert page.headers["cache-control"] == "no-store"
    done = browser.submit(f"/alerts/{number}/claim")
    assert done.history[0].status_code == 303, "who answers an alert is not held up: its own history has it"
    alert = installation.office.book.alert(number)
    assert alert is not None
    assert alert.owner == LOGIN


def test_a_resident_can_be_shown_who_looked_when_and_why(people: People) -> None:
    people.let("m", Role.MANAGER)
    people.let("niece", Role.VIEWER, Sight(homes=frozenset({HomeId("home-1")})))
    people.let("u", Role.AUDITOR)
    people.ask("niece", "GET", "/homes/home-1")
    people.ask("m", "GET", "/alerts/1")
    people.ask("m", "GET", "/homes/home-2")
    page = people.ask("u", "GET", "/homes/home-1/looks").text
    table = re.sub(r"<[^>]+>", " ", page.partition("<tbody>")[2].partition("</tbody>")[0])
    assert re.findall(r"(niece|m|u) +(Viewer|Manager|Auditor) +(.+?) *(?=$|\w+day,)", table) == [
        ("m", "Manager", "To answer an alert, or to look it up"),
        ("niece", "Viewer", "To see how the day goes"),
    ]
    again = people.ask("u", "GET", "/homes/home-1/looks").text
    assert "To see who looked" in again, "and whoever looks here is seen as well"


@pytest.mark.parametrize("role", [Role.AUDITOR, Role.ADMINISTRATOR])
def test_an_auditor_reads_the_log_and_takes_it_along(people: People, role: Role) -> None:
    people.let("m", Role.MANAGER)
    people.let("u", role)
    people.ask("m", "GET", "/homes/home-2")
    page = people.ask("u", "GET", "/audit?about=home:home-2").text
    assert "home:home-2" in page
    assert "are whole" in page
    body = people.ask("u", "GET", "/audit.jsonl").text
    exported = [Row(**json.loads(line)) for line in body.splitlines()]
    assert check_rows(exported).broken is None
    assert said(people.installation)[-1] == ("u", "exported", "", "GET /audit.jsonl")


def test_a_log_that_was_tampered_with_shows_on_the_pages(people: People) -> None:
    people.let("u", Role.AUDITOR)
    people.ask("u", "GET", "/homes/home-1")
    people.ask("u", "GET", "/homes/home-2")
    with people.installation.office.engine.begin() as connection:
        connection.execute(text("DROP TRIGGER audit_is_not_changed"))
        connection.execute(text("UPDATE audit SET who = 'm' WHERE number = 1"))
    for path in ("/audit", "/system"):
        assert "row 1 was changed or taken out" in people.ask("u", "GET", path).text
