"""The page of a home's rules: what is live, what runs in silence, and the manager who decides."""

from __future__ import annotations

import pytest

from alerts.shadowbook import ShadowHome
from dashboard.security import HEADERS
from domain.clock import HOUR
from domain.ids import HomeId
from domain.rules import Action, InForce
from registry.staff import Role
from tests.dashboard.conftest import LOGIN, NOW, Browser, Installation, fall, status

HOME = HomeId("home-1")


def watch_reads(installation: Installation) -> InForce:
    """What the watch does with every decision that waits."""
    rules = installation.office.rules
    for change in rules.waiting(NOW):
        rules.take_up(change, 10 + change.id, void=False)
    return rules.standing()[0]


@pytest.fixture
def manager(installation: Installation) -> Browser:
    installation.office.staff.set_role(LOGIN, Role.MANAGER)
    installation.browser.log_in()
    installation.watch_says(status(1))
    return installation.browser


def test_without_a_decision_the_installation_s_own_budget_is_shown(
    browser: Browser, installation: Installation
) -> None:
    installation.watch_says(status(1))
    assert "Accepted: 1 pages for nothing in a month." in browser.get("/homes/home-1").text
    page = browser.get("/homes/home-1/rules").text
    assert "own setting; nobody has decided otherwise" in page
    assert "<form method" not in page.partition("<main")[2].partition("</main>")[0], "only a manager decides"


def test_a_manager_tries_a_budget_in_silence_and_approves_it(manager: Browser, installation: Installation) -> None:
    manager.get("/homes/home-1/rules")
    page = manager.submit("/homes/home-1/rules", budget="0.5", why="ご家族の希望").text
    assert "In silence: home:home-1/1" in page
    assert "It begins with the home&#39;s next message." in page
    page = manager.submit("/homes/home-1/rules/1/approve", why="二週間の試行で差なし").text
    assert watch_reads(installation).live["home:home-1"].id == 1
    for path in ("/homes/home-1", "/homes/home-1/rules"):
        page = manager.get(path).text
        assert "Accepted: 0.5 pages for nothing in a month." in page
        assert "home:home-1/1, approved by 職員 はな, since 10:00" in page
    assert "二週間の試行で差なし" in page
    [_, approval] = installation.office.rules.changes()
    assert (approval.by, approval.action, approval.at) == (LOGIN, Action.APPROVE, NOW)


def test_a_candidate_is_compared_with_the_live_rules_over_its_own_time(
    manager: Browser, installation: Installation
) -> None:
    office = installation.office
    office.rules.propose("home:home-1", {"inactivity": {"page_budget": 4}}, "hana", "", NOW, NOW)
    watch_reads(installation)
    office.shadows.save(1, [ShadowHome(HOME, 1, NOW - 720 * HOUR, b"")], [fall(1)], NOW)
    page = manager.get("/homes/home-1/rules").text
    assert "nobody was called" in page
    assert '<th scope="row">Act now: No sign of life</th><td>0</td><td>1</td>' in page
    assert "1.01 (0.05–4.81)" in page
    assert "1 matter differs." in page
    assert "No sign of life for 50 min" not in manager.get("/").text, "it is no alert"


def test_who_is_no_manager_decides_nothing_whatever_form_they_send(
    browser: Browser, installation: Installation
) -> None:
    office = installation.office
    office.rules.propose("home:home-1", {"inactivity": {"page_budget": 4}}, "hana", "", NOW, NOW)
    browser.get("/homes/home-1")
    csrf = {"csrf": browser.page.text.partition('name="csrf" value="')[2].partition('"')[0]} if browser.page else {}
    origin = {"origin": str(browser.client.base_url).rstrip("/")}
    for path in ("/homes/home-1/rules", "/homes/home-1/rules/1/approve"):
        answer = browser.client.post(path, data=csrf | {"budget": "9"}, headers=origin)
        assert answer.status_code == 403
        assert "Only a manager" in answer.text
    assert len(office.rules.changes()) == 1
    assert answer.headers["content-security-policy"] == HEADERS["Content-Security-Policy"]


@pytest.mark.parametrize(
    ("budget", "said"), [("much", "as a number"), ("0", "use a number from"), ("1000", "use a number from")]
)
def test_a_budget_that_cannot_be_is_refused_in_words(manager: Browser, budget: str, said: str) -> None:
    manager.get("/homes/home-1/rules")
    page = manager.submit("/homes/home-1/rules", budget=budget)
    assert page.status_code in (409, 422)
    assert said in page.text


def test_a_decision_that_came_too_late_is_refused_in_words(manager: Browser, installation: Installation) -> None:
    office = installation.office
    office.rules.propose("home:home-1", {"inactivity": {"page_budget": 4}}, "hana", "", NOW, NOW)
    watch_reads(installation)
    manager.get("/homes/home-1/rules")
    office.rules.decide(1, Action.REJECT, "sato", "", NOW, NOW)
    watch_reads(installation)
    assert "does not run" in manager.submit("/homes/home-1/rules/1/reject").text
    assert manager.get("/homes/nobody/rules").status_code == 404
