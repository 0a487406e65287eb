"""Who is on call and whom alerts call: everybody sees it, managers decide it."""

from __future__ import annotations

import re

import pytest
from sqlalchemy import delete, insert

from alerts.duty_tables import ladders
from alerts.policy import in_force
from domain.clock import HOUR
from domain.findings import Level
from registry import rota
from registry.staff import Role
from registry.tables import addresses
from tests.dashboard.conftest import LOGIN, NOW, PASSWORD, Browser, Installation, fall


@pytest.fixture
def manager(installation: Installation) -> Browser:
    office = installation.office
    office.staff.set_role(LOGIN, Role.MANAGER)
    office.staff.add("ken", "職員 けん", PASSWORD, NOW)
    with office.engine.begin() as connection:
        connection.execute(insert(addresses).values(owner="ken", channel="mail", address="k", position=0, added_at=0))
    installation.browser.log_in()
    return installation.browser


def on_call(installation: Installation, at: int = NOW) -> list[str]:
    with installation.office.engine.connect() as connection:
        return rota.on_call(connection, "default", at, installation.office.zone)


def test_without_a_rota_the_page_says_that_nobody_is_on_call_and_who_is_called_instead(
    browser: Browser, installation: Installation
) -> None:
    page = browser.get("/calling").text
    assert "Nobody is on call now" in page
    assert "this policy reaches nobody" in page, "nobody has an address"
    assert "<form method" not in page.partition("<main")[2], "only a manager decides"
    assert "<form method" not in browser.get("/calling/policy?level=page").text.partition("<main")[2]
    csrf = {"csrf": re.findall('name="csrf" value="([^"]*)"', page)[0]}
    origin = {"origin": str(browser.client.base_url).rstrip("/")}
    for path in ("shifts", "shifts/1/remove", "covers", "covers/1/end", "policy", "staff/hana"):
        answer = browser.client.post(f"/calling/{path}", data=csrf, headers=origin)
        assert answer.status_code == 403, path
    assert on_call(installation) == []


def test_a_manager_writes_a_shift_and_takes_it_away(manager: Browser, installation: Installation) -> None:
    manager.get("/calling")
    page = manager.submit("/calling/shifts", name="default", login="ken", days="0", begins="09:00", ends="17:00").text
    assert "Now on call: <strong>職員 けん</strong>" in " ".join(page.split())
    assert "Others from 17:00." in page
    assert on_call(installation) == ["ken"]
    manager.submit("/calling/shifts/1/remove")
    assert on_call(installation) == []


def test_what_was_typed_stays_when_it_cannot_be(manager: Browser, installation: Installation) -> None:
    manager.get("/calling")
    answer = manager.submit("/calling/shifts", name="default", login="ken", days="0", begins="late", ends="17:00")
    assert answer.status_code == 422
    assert "A time or a number is missing" in answer.text
    assert 'name="ends" value="17:00"' in answer.text
    answer = manager.submit("/calling/shifts", name="a:b", login="ken", days="1", begins="09:00", ends="17:00")
    assert answer.status_code == 422
    assert 'value="a:b"' in answer.text
    answer = manager.submit("/calling/covers", name="default", login="ken", until="2026-03-01T09:00", why="旅行")
    assert "lies before its beginning" in answer.text
    assert 'value="旅行"' in answer.text
    assert on_call(installation) == []


def test_somebody_stands_in_until_the_cover_ends(manager: Browser, installation: Installation) -> None:
    manager.get("/calling")
    page = manager.submit("/calling/covers", name="default", login="ken", until="2026-03-02T15:00", why="急用").text
    assert "急用" in page
    assert on_call(installation) == ["ken"]
    assert on_call(installation, NOW + 5 * HOUR) == []
    manager.submit("/calling/covers/1/end")
    assert on_call(installation) == []


def test_a_manager_tries_a_policy_puts_it_in_force_and_takes_it_back(
    manager: Browser, installation: Installation
) -> None:
    manager.get("/calling/policy?level=page&area=見本町")
    assert manager.page is not None
    fields = dict(re.findall(r'name="(repeat|claim|work|answer|unasked|quiet_from|quiet_to)"[^>]*value="([^"]*)"',
                             manager.page.text))  # fmt: skip
    mine = {**fields, "whom": "staff:ken", "minutes": "2", "channels": "", "waits": "no"}
    page = manager.submit("/calling/policy", **mine, do="try").text
    assert "This would be called if you saved it now" in page
    assert "職員 けん" in page.partition("<ol>")[2].partition("</ol>")[0]

    def in_the_town() -> tuple[str, ...]:
        with installation.office.engine.connect() as connection:
            return in_force(connection, "見本町", Level.PAGE).policy.rungs[0].whom

    assert in_the_town() == ("rota:default",)
    page = manager.submit("/calling/policy", **mine, do="save", why="近い").text
    assert in_the_town() == ("staff:ken",)
    assert "近い" in page
    manager.get("/calling/policy?level=page&area=見本町")
    manager.submit("/calling/policy", **mine, do="drop")
    assert in_the_town() == ("rota:default",)
    answer = manager.get("/calling/policy?level=page&area=見本町")
    answer = manager.submit("/calling/policy", **{**mine, "whom": "the doctor"}, do="save")
    assert answer.status_code == 422
    assert "the doctor" in answer.text
    assert in_the_town() == ("rota:default",)


def test_a_policy_of_an_area_or_a_level_that_is_none_is_not_found(manager: Browser) -> None:
    assert manager.get("/calling/policy?level=digest").status_code == 404
    assert manager.get("/calling/policy?level=page&area=nowhere").status_code == 404


def test_what_the_auditor_finds_stands_on_the_system_page_and_in_the_metrics(
    browser: Browser, installation: Installation
) -> None:
    installation.raise_alert(fall(1))
    with installation.office.engine.begin() as connection:
        connection.execute(delete(ladders))
    page = browser.get("/system").text
    assert '<a href="/alerts/1">Alert 1</a>: Nothing is due about it' in page
    assert "見本町</a>: Nobody who would be called has an address" in page
    metrics = browser.get("/metrics").text
    assert 'kehai_calling_faults{what="no_next_step"} 1.0' in metrics
    assert 'kehai_calling_faults{what="overdue"} 0.0' in metrics


def test_a_manager_says_about_which_areas_somebody_is_called(manager: Browser, installation: Installation) -> None:
    manager.get("/calling")
    page = manager.submit("/calling/staff/ken", areas="見本町").text
    assert installation.office.staff.areas() == {"ken": ("見本町",)}
    form = page.partition('action="/calling/staff/ken"')[2].partition("</form>")[0]
    assert re.search('value="見本町" checked', form)
    assert not re.search('value="架空町" checked', form)
    manager.submit("/calling/staff/ken")
    assert installation.office.staff.areas() == {}
