"""Who may do what: every page is asked by every role, inside and outside of its sight."""

from __future__ import annotations

import hashlib
import re
import secrets
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

import pytest
from fastapi import APIRouter, FastAPI
from fastapi.routing import APIRoute
from fastapi.testclient import TestClient
from httpx2 import Response
from sqlalchemy import insert
from starlette.routing import Mount

from alerts.duty_tables import notifications
from alerts.people import meant_by
from dashboard.access import PAGES, Need
from dashboard.app import create_app
from domain.ids import HomeId
from registry import tables
from registry.sight import EVERYWHERE, NOTHING, Sight, set_sight
from registry.staff import Role
from tests.dashboard.conftest import LOGIN, NOW, PASSWORD, Installation, fall
from tests.dashboard.test_security import routes_of

ROLES = {
    "v": Role.VIEWER, "s": Role.STAFF, "m": Role.MANAGER, "a": Role.ADMINISTRATOR, "u": Role.AUDITOR,
}  # fmt: skip
EVERYBODY, ALL_BUT_ADMINISTRATORS, WHO_READS, WHO_ANSWERS, WHO_OPERATES = "vsmau", "vsmu", "smu", "sm", "smau"
OPEN = "open"
LET_IN = {
    "GET /login": OPEN,
    "POST /login": OPEN,
    "GET /login/code": OPEN,
    "POST /login/code": OPEN,
    "POST /language": OPEN,
    "GET /healthz": OPEN,
    "GET /metrics": OPEN,
    "GET /answers/{token}": OPEN,
    "POST /answers/{token}": OPEN,
    "POST /line/{name}": OPEN,
    "GET /worker.js": OPEN,
    "GET /manifest.webmanifest": OPEN,
    "POST /logout": EVERYBODY,
    "GET /events": EVERYBODY,
    "GET /me": EVERYBODY,
    "POST /me/addresses": EVERYBODY,
    "POST /me/language": EVERYBODY,
    "POST /me/addresses/{number}/{action}": EVERYBODY,
    "POST /me/digest": WHO_READS,
    "GET /me/access": EVERYBODY,
    "POST /me/access/password": EVERYBODY,
    "POST /me/access/others": EVERYBODY,
    "POST /me/access/factor": EVERYBODY,
    "POST /me/access/factor/confirm": EVERYBODY,
    "POST /me/access/factor/codes": EVERYBODY,
    "POST /me/access/factor/remove": EVERYBODY,
    "GET /": ALL_BUT_ADMINISTRATORS,
    "GET /homes/{home}": ALL_BUT_ADMINISTRATORS,
    "GET /homes/{home}/outlook": WHO_READS,
    "GET /homes/{home}/week": WHO_READS,
    "GET /homes/{home}/rules": WHO_READS,
    "POST /homes/{home}/rules": "m",
    "POST /homes/{home}/rules/{number}/{action}": "m",
    "POST /homes/{home}/say/{word}": WHO_ANSWERS,
    "GET /alerts/{number}": ALL_BUT_ADMINISTRATORS,
    "POST /alerts/{number}/{action}": WHO_ANSWERS,
    "GET /handover": WHO_READS,
    "GET /calling": WHO_READS,
    "POST /calling/shifts": "m",
    "POST /calling/shifts/{number}/remove": "m",
    "POST /calling/covers": "m",
    "POST /calling/covers/{number}/end": "m",
    "POST /calling/staff/{login}": "m",
    "GET /calling/policy": WHO_READS,
    "POST /calling/policy": "m",
    "GET /calling/channels": "m",
    "POST /calling/channels/{name}/test": "m",
    "GET /silences": WHO_READS,
    "POST /silences": "m",
    "POST /silences/{number}/end": "m",
    "GET /ledger": WHO_READS,
    "GET /ledger.csv": WHO_READS,
    "GET /homes/{home}/looks": WHO_READS,
    "GET /audit": "au",
    "GET /audit.jsonl": "au",
    "GET /system": WHO_OPERATES,
}
"""Every page, and the first letters of the roles that are let in. Written down a second time on purpose: a slip in
``dashboard.access.PAGES`` must not carry over to here."""

FILLED = {"home": "home-1", "number": "1", "action": "comment", "word": "back", "login": "s", "token": "x"}
OTHER_ACTIONS = {
    "POST /me/addresses/{number}/{action}": "first",
    "POST /homes/{home}/rules/{number}/{action}": "approve",
}


def key_of(method: str, route: APIRoute) -> str:
    return f"{method} {route.path}"


def every_page(app: FastAPI) -> dict[str, APIRoute]:
    return {key_of(method, route): route for route in routes_of(app.router) for method in route.methods or ()}


@dataclass
class People:
    """One person for each role, each with a browser of their own."""

    installation: Installation
    tokens: dict[str, str] = field(default_factory=dict)

    def let(self, who: str, role: Role, sight: Sight = EVERYWHERE) -> None:
        """Straight into the tables: a password that is hashed and checked for each of them would take the longest."""
        now = self.installation.office.real.now()
        with self.installation.office.engine.begin() as connection:
            account = {"login": who, "name": who, "password": "-", "created_at": now, "role": role.value}
            connection.execute(insert(tables.staff).values(account))
            set_sight(connection, who, sight)

    def log_in(self, who: str) -> str:
        token, now = secrets.token_urlsafe(32), self.installation.office.real.now()
        digest = hashlib.sha256(token.encode()).hexdigest()
        row = {"token": digest, "login": who, "csrf": "c" * 32, "created_at": now, "seen_at": now}
        with self.installation.office.engine.begin() as connection:
            connection.execute(insert(tables.sessions).values(row))
        return token

    def ask(self, who: str, method: str, path: str, **fields: str) -> Response:
        """What somebody is answered who is logged in and sends the right token with every form."""
        staff, now = self.installation.office.staff, self.installation.office.real.now()
        session = staff.session(self.tokens[who], now) if who in self.tokens else None
        if session is None:
            self.tokens[who] = self.log_in(who)
            session = staff.session(self.tokens[who], now)
        assert session is not None
        client = self.installation.browser.client
        client.cookies.clear()
        client.cookies.set("kehai_session", self.tokens[who])
        data = {"csrf": session.csrf, "version": "1", "note": "-", **fields} if method == "POST" else None
        return client.request(method, path, data=data, follow_redirects=False)


@pytest.fixture
def people(installation: Installation) -> Iterator[People]:
    installation.office.remembered = 0
    installation.raise_alert(fall(1))
    yield People(installation)
    installation.browser.client.cookies.clear()


def address_of(key: str) -> tuple[str, str]:
    method, _, path = key.partition(" ")
    values = FILLED | ({"action": OTHER_ACTIONS[key]} if key in OTHER_ACTIONS else {})
    return method, re.sub(r"\{(\w+)\}", lambda name: values.get(name[1], "1"), path)


def test_every_page_is_listed_here_with_the_roles_that_it_lets_in(installation: Installation) -> None:
    for key in every_page(create_app(installation.office)):
        assert key in PAGES, (
            f"{key!r} is new and therefore refused to everybody: say what it needs in dashboard/access.py, "
            f"as in PAGES[{key!r}] = Need.READ."
        )
        assert key in LET_IN, (
            f"{key!r} is new: write into LET_IN in tests/dashboard/test_access.py whom it lets in, as in "
            f"{key!r}: WHO_READS, and the matrix tests it with every role."
        )


def test_no_page_is_listed_that_is_not_there(installation: Installation) -> None:
    pages = every_page(create_app(installation.office)).keys()
    assert PAGES.keys() - pages == set()
    assert LET_IN.keys() - pages == set()


def test_nothing_but_the_static_files_is_served_past_the_door(installation: Installation) -> None:
    app = create_app(installation.office)
    assert [route.path for route in app.routes if isinstance(route, Mount)] == ["/static"]
    assert all(isinstance(route, APIRoute | Mount) or hasattr(route, "original_router") for route in app.routes)


def one_of_each(people: People) -> None:
    for letter, role in ROLES.items():
        people.let(letter, role, Sight(areas=frozenset({"見本町"})) if role is Role.VIEWER else EVERYWHERE)


def let_in_wrongly(people: People, keys: Iterable[str]) -> list[str]:
    """Whom these pages let in who should not be, or refuse who should."""
    wrong = []
    for key in keys:
        letters = LET_IN[key]
        method, path = address_of(key)
        if key == "GET /events":  # it never ends; the door is the same
            continue
        for letter, role in ROLES.items():
            answer = people.ask(letter, method, path)
            refused = answer.status_code in (401, 403) or answer.headers.get("location") in ("/system", "/login")
            refused = refused and letters != OPEN and key != "POST /logout"
            if refused is not (letters != OPEN and letter not in letters):
                wrong.append(f"{role.value}: {method} {path} was answered with {answer.status_code}")
            assert answer.status_code < 500, f"{role.value}: {method} {path}"
    return wrong


def test_every_page_lets_in_the_roles_that_it_should_and_no_others(people: People) -> None:
    one_of_each(people)
    assert let_in_wrongly(people, LET_IN) == []


@pytest.mark.parametrize(
    ("key", "slip", "found"),
    [
        ("POST /calling/shifts", Need.READ, {"staff", "auditor"}),
        ("GET /audit", Need.READ, {"staff", "manager", "administrator"}),
        ("POST /alerts/{number}/{action}", Need.LOOK, {"viewer", "auditor"}),
        ("GET /homes/{home}", Need.ADMINISTER, {"viewer", "staff", "manager", "administrator", "auditor"}),
    ],
)
def test_the_matrix_catches_a_page_that_says_the_wrong_need(
    people: People, key: str, slip: Need, found: set[str]
) -> None:
    """The control: with one slip in the table, the same questions find whom it lets in or shuts out."""
    one_of_each(people)
    app = create_app(people.installation.office, dict(PAGES) | {key: slip})
    with TestClient(app, base_url="http://kehai.test") as client:
        people.installation.browser.client = client
        assert {line.partition(":")[0] for line in let_in_wrongly(people, [key])} == found


def test_a_page_that_declares_nothing_is_refused_to_everybody(people: People) -> None:
    router = APIRouter()

    @router.get("/homes/{home}/diary")
    def diary(home: str) -> str:
        return f"the diary of {home}"

    app = create_app(people.installation.office)
    app.include_router(router)
    people.let("m", Role.MANAGER)
    with TestClient(app, base_url="http://kehai.test") as client:
        people.installation.browser.client = client
        answer = people.ask("m", "GET", "/homes/home-1/diary")
    assert answer.status_code == 403
    assert "the diary" not in answer.text


OF_A_HOME = [key for key in LET_IN if "{home}" in key or key.split()[1].startswith("/alerts/{number}")]


@pytest.mark.parametrize("letter", "vsmu")
def test_outside_of_one_s_sight_there_is_no_such_page_whatever_the_page(people: People, letter: str) -> None:
    people.let("near", ROLES[letter], Sight(areas=frozenset({"見本町"})))
    people.let("far", ROLES[letter], Sight(areas=frozenset({"架空町"})))
    people.let("nowhere", ROLES[letter], NOTHING)
    for key in OF_A_HOME:
        method, path = address_of(key)
        if letter not in LET_IN[key]:
            continue
        for who in ("far", "nowhere"):
            answer = people.ask(who, method, path)
            assert answer.status_code == 404, f"{who}: {method} {path}"
            assert "見本 1子" not in answer.text
        assert people.ask("near", method, path).status_code in (200, 303, 404, 409, 422)
    assert people.ask("near", "GET", "/homes/home-1").status_code == 200, "the control: a home in sight"


def test_the_board_and_the_sheet_show_what_is_in_sight_and_nothing_of_the_rest(people: People) -> None:
    people.installation.raise_alert(fall(3))
    people.let("far", Role.STAFF, Sight(areas=frozenset({"架空町"})))
    people.let("single", Role.STAFF, Sight(homes=frozenset({HomeId("home-2")})))
    people.let("nowhere", Role.STAFF, NOTHING)
    for who, seen in (("far", {"3"}), ("single", {"2"}), ("nowhere", set[str]())):
        for path in ("/?every=1", "/handover?of=all"):
            page = people.ask(who, "GET", path).text
            shown = set(re.findall(r"見本 (\d)子", page)) | set(re.findall(r"/homes/home-(\d)", page))
            assert shown <= seen, f"{who} {path}"
        assert set(re.findall(r"見本 (\d)子", people.ask(who, "GET", "/?every=1").text)) == seen
        assert ("/alerts/1" in people.ask(who, "GET", "/").text) is False
    assert "/alerts/2" in people.ask("far", "GET", "/").text


def test_a_viewer_sees_how_somebody_is_and_no_telephone_number(people: People) -> None:
    people.let("niece", Role.VIEWER, Sight(homes=frozenset({HomeId("home-1")})))
    for path in ("/homes/home-1", "/alerts/1", "/"):
        page = people.ask("niece", "GET", path).text
        assert "見本 1子" in page
        assert "000-" not in page
        assert "<form" not in page.partition("<main")[2].partition("</main>")[0]
    people.let("m", Role.MANAGER)
    assert "000-1111-0000" in people.ask("m", "GET", "/homes/home-1").text, "the control: staff see it"


def test_a_viewer_who_was_given_nothing_sees_nothing_even_if_the_account_once_saw_all(people: People) -> None:
    people.installation.office.staff.add("new", "new", PASSWORD, NOW, Role.VIEWER)
    assert people.ask("new", "GET", "/homes/home-1").status_code == 404
    people.let("lower", Role.STAFF, EVERYWHERE)
    assert people.ask("lower", "GET", "/homes/home-1").status_code == 200
    people.installation.office.staff.set_role("lower", Role.VIEWER)
    assert people.ask("lower", "GET", "/homes/home-1").status_code == 404


@pytest.mark.parametrize("role", [Role.STAFF, Role.ADMINISTRATOR, Role.VIEWER])
def test_whoever_was_called_about_an_alert_may_answer_it_until_it_is_closed(people: People, role: Role) -> None:
    """A rota may name somebody whose usual area is another one: the alert must not be a page that they cannot open."""
    people.let("far", role, Sight(areas=frozenset({"架空町"})))
    assert people.ask("far", "GET", "/alerts/1").status_code in (403, 404)
    _tell(people, "far")
    assert "000-1111-0000" in people.ask("far", "GET", "/alerts/1").text
    assert "000-1111-0000" in people.ask("far", "GET", "/homes/home-1").text
    assert people.ask("far", "GET", "/homes/home-2").status_code in (403, 404), "and no other home"
    assert people.ask("far", "POST", "/alerts/1/claim").status_code == 303
    done = people.ask("far", "POST", "/alerts/1/close", version="2", outcome="visit_safe")
    assert (done.status_code, done.headers["location"]) == (303, "/")
    assert people.ask("far", "GET", "/alerts/1").status_code in (403, 404)


def test_a_manager_of_one_area_decides_for_that_area_only(people: People) -> None:
    people.let("m", Role.MANAGER, Sight(areas=frozenset({"見本町"})))
    people.installation.office.staff.add("ken", "ken", PASSWORD, NOW)
    people.installation.office.staff.set_areas("ken", ["架空町"])
    assert people.ask("m", "POST", "/calling/staff/ken", areas="見本町").status_code == 303
    assert people.installation.office.staff.areas()["ken"] == ("架空町", "見本町")
    assert people.ask("m", "POST", "/calling/staff/ken", areas="架空町").status_code == 404
    assert people.ask("m", "POST", "/calling/policy", area="架空町", do="drop").status_code == 404
    assert people.ask("m", "POST", "/calling/policy", area="", do="drop").status_code == 403
    assert people.ask("m", "POST", "/calling/policy", area="見本町", do="drop").status_code == 303
    wish = {"until": "2h", "why": "改修工事"}
    assert people.ask("m", "POST", "/silences", home="home-3", **wish).status_code == 422, "there is no such home"
    assert people.ask("m", "POST", "/silences", kind="inactivity", **wish).status_code == 403
    assert people.ask("m", "POST", "/silences", area="見本町", **wish).status_code == 303
    people.let("all", Role.MANAGER)
    assert people.ask("all", "POST", "/silences", home="home-3", **wish).status_code == 303
    assert people.ask("m", "POST", "/silences/2/end").status_code == 404
    assert "架空町" not in people.ask("m", "GET", "/silences").text
    assert people.ask("m", "POST", "/silences/1/end").status_code == 303


def test_an_area_calls_those_who_answer_and_never_a_viewer_or_an_auditor(people: People) -> None:
    for letter, role in ROLES.items():
        people.let(letter, role)
        people.installation.office.staff.set_areas(letter, ["見本町"])
    with people.installation.office.engine.connect() as connection:
        called = meant_by(connection, ["area"], "見本町", NOW, people.installation.office.zone)
    assert sorted(set(called) - {LOGIN}) == ["m", "s"]


def _tell(people: People, login: str) -> None:
    row = {
        "key": "1", "alert": 1, "purpose": "alert", "climb": 0, "lap": 0, "rung": 0, "channel": "mail",
        "recipient": login, "made_at": NOW, "due_at": NOW, "state": "sent",
    }  # fmt: skip
    with people.installation.office.engine.begin() as connection:
        connection.execute(notifications.insert().values(row))


def test_the_office_of_a_request_is_never_somebody_else_s(people: People) -> None:
    """Two people ask the same application in turn: neither is shown what the other may see."""
    people.let("m", Role.MANAGER)
    people.let("far", Role.STAFF, Sight(areas=frozenset({"架空町"})))
    for _ in range(3):
        assert "見本 1子" in people.ask("m", "GET", "/").text
        assert "見本 1子" not in people.ask("far", "GET", "/").text
    assert isinstance(people.installation.office.all_homes(), dict)
    assert len(people.installation.office.all_homes()) == 3
