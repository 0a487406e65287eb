"""About what nobody is called: everybody sees it, managers decide it."""

from __future__ import annotations

import re

import pytest
from sqlalchemy import select

from alerts import silences
from alerts.duty_tables import ladders
from alerts.silences import Silence
from dashboard.views.silences import area_of
from domain.alerts import Reason
from domain.clock import DAY, HOUR, MINUTE
from domain.findings import Finding, Level, Subject
from domain.ids import INSTALLATION, HomeId
from registry.staff import Role
from tests.dashboard.conftest import LOGIN, NOW, Browser, Installation, fall

SOON = "2026-03-02T15:00"


@pytest.fixture
def manager(installation: Installation) -> Browser:
    installation.office.staff.set_role(LOGIN, Role.MANAGER)
    installation.browser.log_in()
    installation.browser.get("/silences")
    return installation.browser


def known(installation: Installation) -> list[Silence]:
    with installation.office.engine.connect() as connection:
        return silences.all_of(connection, NOW)


def add(manager: Browser, **fields: str) -> str:
    return manager.submit("/silences", **({"until": SOON, "why": "工事中"} | fields)).text


def test_only_a_manager_silences_and_everybody_sees_it(installation: Installation, browser: Browser) -> None:
    number = installation.raise_alert(fall(1))
    with installation.office.engine.begin() as connection:
        silences.add(connection, HomeId("home-1"), None, None, NOW + HOUR, "引っ越し", LOGIN, NOW)
    page = browser.get("/silences").text
    assert "引っ越し" in page
    assert f'href="/alerts/{number}"' in page, "what it covers now"
    assert "<form method" not in page.partition("<main")[2]
    csrf = {"csrf": re.findall('name="csrf" value="([^"]*)"', page)[0]}
    for path in ("/silences", "/silences/1/end"):
        assert browser.client.post(path, data=csrf).status_code == 403
    assert len(known(installation)) == 1
    assert known(installation)[0].ended_at is None


def test_a_silence_holds_back_the_calls_stands_on_the_board_and_its_end_makes_them_at_once(
    manager: Browser, installation: Installation
) -> None:
    before = installation.office.book.change_count()
    page = add(manager, home="A-1", kind="inactivity")
    assert installation.office.book.change_count() > before, "boards that stand open show it"
    (silence,) = known(installation)
    assert (silence.home, silence.area, silence.cause, silence.by) == ("home-1", None, "inactivity", LOGIN)
    assert silence.until == NOW + 5 * HOUR
    assert "No sign of life" in page
    number = installation.raise_alert(fall(1))
    installation.office.ladder.step(NOW + MINUTE)
    assert [row.reason for row in installation.office.book.history(number)] == [Reason.RAISED]
    board = manager.get("/").text
    assert "1 silence is in force" in board
    assert "Nobody is called until 15:00: silenced (工事中)" in board
    manager.get("/silences")
    page = manager.submit("/silences/1/end").text
    assert "Nothing is silenced" in page
    assert "ended by 職員 はな" in page
    with installation.office.engine.connect() as connection:
        assert connection.execute(select(ladders.c.due_at)).scalar_one() <= NOW
    assert "silenced" not in manager.get("/").text


def test_ending_twice_keeps_who_ended_it_first(manager: Browser, installation: Installation) -> None:
    add(manager, area="見本町")
    manager.submit("/silences/1/end")
    (ended,) = known(installation)
    csrf = {"csrf": re.findall('name="csrf" value="([^"]*)"', manager.get("/silences").text)[0]}
    assert manager.client.post("/silences/1/end", data=csrf).status_code == 200
    assert known(installation) == [ended]


REFUSED: tuple[tuple[dict[str, str], str], ...] = (
    ({}, "the whole installation is never silent"),
    ({"home": "nowhere"}, "There is no such home"),
    ({"area": "どこか"}, "No home lies in that area"),
    ({"home": "home-1", "area": "見本町"}, "not both"),
    ({"kind": "help_called"}, "from what the page offers"),
    ({"home": "home-1", "until": "2026-03-01T09:00"}, "That time is past"),
    ({"home": "home-1", "until": "2026-05-01T09:00"}, "30 days at most"),
    ({"home": "home-1", "until": "soon"}, "cannot be read"),
    ({"home": "home-1", "until": ""}, "cannot be read"),
    ({"home": "home-1", "why": "  "}, "Say why"),
)


def test_what_cannot_be_is_refused_and_what_was_typed_stays(manager: Browser, installation: Installation) -> None:
    for fields, said in REFUSED:
        page = add(manager, **fields)
        assert manager.page is not None
        assert manager.page.status_code == 422
        assert said in page
        if "home" in fields:
            assert f'name="home" value="{fields["home"]}"' in page
        if "why" not in fields:
            assert ">工事中</textarea>" in page
        if fields.get("area") == "見本町":
            assert "<option selected>見本町</option>" in page
    assert known(installation) == []


def test_the_japanese_page_says_in_japanese_what_cannot_be(manager: Browser) -> None:
    manager.client.headers["accept-language"] = "ja"
    assert "これからの時刻" in add(manager, home="home-1", until="2026-03-01T09:00")


def test_a_reason_is_text_and_nothing_else(manager: Browser) -> None:
    page = add(manager, home="home-1", why="<script>alert(1)</script>")
    assert "<script>alert" not in page
    assert "<script>alert" not in manager.get("/").text


def test_the_board_says_the_same_as_the_ladder_about_what_is_covered(
    manager: Browser, installation: Installation
) -> None:
    """One silence of each sort against one alert of each sort: the page's rule and the database's."""
    office = installation.office
    ours = Finding(INSTALLATION, "overseer", "overseer/1", "service_down", Subject.SYSTEM, Level.PAGE, NOW, NOW)
    help_called = Finding(
        HomeId("home-2"), "help_called", "help_called/1", "help_called", Subject.PERSON, Level.PAGE, NOW, NOW
    )
    found = [fall(1), fall(3), fall(2, level=Level.PROMPT), ours, help_called]
    numbers = [installation.raise_alert(finding) for finding in found]
    alerts = [office.book.alert(number) for number in numbers]
    scopes = [(home, area, cause) for home in (None, HomeId("home-1")) for area in (None, "見本町", "架空町")
              for cause in (None, "inactivity", "help_called", "service_down")]  # fmt: skip
    seen = set()
    for home, area, cause in scopes:
        with office.engine.begin() as connection:
            number = silences.add(connection, home, area, cause, NOW + DAY, "because", LOGIN, NOW)
            (one,) = silences.holding(connection, NOW)
            for alert in alerts:
                assert alert is not None
                covered = silences.covering(connection, alert, NOW) is not None
                assert one.covers(alert, area_of(alert, office.all_homes())) is covered, (
                    home,
                    area,
                    cause,
                    alert.cause,
                )
                seen.add((alert.cause, covered))
            silences.end(connection, number, LOGIN, NOW)
    assert ("help_called", True) not in seen
    assert {("inactivity", True), ("inactivity", False), ("service_down", True)} <= seen


def test_a_manager_comes_from_the_home_s_page_with_the_home_filled_in(manager: Browser) -> None:
    assert 'href="/silences?home=home-1"' in manager.get("/homes/home-1").text
    assert 'name="home" value="home-1"' in manager.get("/silences?home=home-1").text
