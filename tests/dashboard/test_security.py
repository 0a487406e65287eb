"""Who may see a page, and what a browser may do with it."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from fastapi import APIRouter
from fastapi.routing import APIRoute

from alerts.sqlbook import RoleMark
from dashboard.app import create_app
from dashboard.security import own_path
from domain.clock import HOUR
from tests.dashboard.conftest import LOGIN, PASSWORD, Browser, Installation, fall

OPEN_TO_ALL = {
    "/login",
    "/language",
    "/healthz",
    "/metrics",
    "/answers/{token}",
    "/line/{name}",
    "/worker.js",
    "/manifest.webmanifest",
}


def routes_of(router: APIRouter) -> Iterator[APIRoute]:
    """Every page that a router answers, those of the routers that it includes as well."""
    for route in router.routes:
        if isinstance(route, APIRoute):
            yield route
        elif isinstance(inner := getattr(route, "original_router", None), APIRouter):
            yield from routes_of(inner)


def test_every_page_but_the_ones_listed_here_asks_for_a_log_in(installation: Installation) -> None:
    """A new route fails here until somebody has decided whether it is open to all."""
    client = installation.browser.client
    paths = set()
    for route in routes_of(create_app(installation.office).router):
        if route.path in OPEN_TO_ALL:
            continue
        path = re.sub(r"\{\w+\}", "1", route.path)
        for method in route.methods or ():
            answer = client.request(method, path, follow_redirects=False)
            assert answer.status_code in (303, 401), f"{method} {path} answered {answer.status_code}"
        paths.add(route.path)
    assert {"/", "/homes/{home}", "/alerts/{number}", "/system", "/events"} <= paths


def test_a_log_in_leads_back_to_the_page_that_was_asked_for(installation: Installation) -> None:
    browser = installation.browser
    page = browser.get("/homes/home-1")
    assert page.url.path == "/login"
    done = browser.submit("/login", login=LOGIN, password=PASSWORD)
    assert done.url.path == "/homes/home-1"


@pytest.mark.parametrize(
    ("wanted", "allowed"),
    [("/homes/h1?day=2026-03-01", "/homes/h1?day=2026-03-01"), ("https://evil.example", "/"), ("//evil.example", "/"),
     ("/\\evil.example", "/"), ("javascript:alert(1)", "/"), ("", "/"), (None, "/")],
)  # fmt: skip
def test_a_log_in_never_leads_to_another_site(wanted: str | None, allowed: str) -> None:
    assert own_path(wanted) == allowed


def test_a_wrong_password_and_a_wrong_name_look_the_same_and_the_name_stays(installation: Installation) -> None:
    one = installation.browser.log_in(password="wrong wrong wrong")
    other = installation.browser.log_in(login="nobody")
    assert one.status_code == other.status_code == 401
    assert "Name or password is wrong" in one.text
    assert f'value="{LOGIN}"' in one.text


def test_many_wrong_passwords_make_the_next_wait(installation: Installation) -> None:
    for _ in range(5):
        installation.browser.log_in(password="wrong wrong wrong")
    page = installation.browser.log_in()
    assert page.status_code == 429
    assert "wait" in page.text


def test_log_out_ends_the_session_and_clears_what_the_browser_kept(browser: Browser) -> None:
    browser.get("/")
    done = browser.submit("/logout")
    assert done.url.path == "/login"
    told = done.history[0].headers["clear-site-data"]
    assert told == '"cache"', "with its storage the browser would drop the service worker that calls this person"
    assert browser.get("/").url.path == "/login"


def test_a_form_without_the_session_s_token_does_nothing(installation: Installation, browser: Browser) -> None:
    number = installation.raise_alert(fall(1))
    for data in ({}, {"csrf": "x" * 32, "version": "1"}):
        assert browser.client.post(f"/alerts/{number}/claim", data=data).status_code == 403
    alert = installation.office.book.alert(number)
    assert alert is not None
    assert alert.owner is None


def test_a_form_from_another_site_does_nothing(installation: Installation, browser: Browser) -> None:
    number = installation.raise_alert(fall(1))
    page = browser.get(f"/alerts/{number}").text
    token = re.search(r'name="csrf" value="([^"]+)"', page)
    assert token is not None
    data = {"csrf": token[1], "version": "1"}
    for headers in ({"origin": "https://evil.example"}, {"origin": "null", "sec-fetch-site": "cross-site"}):
        assert browser.client.post(f"/alerts/{number}/claim", data=data, headers=headers).status_code == 403
    assert browser.client.post(f"/alerts/{number}/claim", data=data).status_code == 200, (
        "the control: the same, from here"
    )


def test_a_log_in_that_did_not_come_from_our_form_does_nothing(installation: Installation) -> None:
    answer = installation.browser.client.post("/login", data={"login": LOGIN, "password": PASSWORD})
    assert answer.status_code == 403


def test_pages_forbid_everything_that_they_do_not_need(browser: Browser) -> None:
    headers = browser.get("/").headers
    policy = headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert "http" not in policy
    assert headers["cache-control"] == "no-store"
    assert headers["x-content-type-options"] == "nosniff"


def test_no_page_holds_an_inline_style_or_script(installation: Installation, browser: Browser) -> None:
    installation.raise_alert(fall(1))
    for path in ("/", "/alerts/1", "/homes/home-1", "/system", "/login"):
        page = browser.get(path).text
        assert not re.search(r"<[^>]+\sstyle=", page), path
        assert not re.search(r"<script(?![^>]*\ssrc=)", page), path
        assert not re.search(r"\son\w+=", page), path


def test_the_cookie_is_for_this_host_and_not_for_scripts(installation: Installation) -> None:
    installation.browser.log_in()
    set_cookie = installation.browser.page.history[0].headers["set-cookie"] if installation.browser.page else ""
    assert "HttpOnly" in set_cookie
    assert "SameSite=lax" in set_cookie
    installation.office.https = True
    page = installation.browser.client.get("/login")
    assert "Secure" in page.headers["set-cookie"]
    assert page.headers["strict-transport-security"].startswith("max-age=")


def test_a_form_that_is_far_too_large_is_refused(browser: Browser) -> None:
    answer = browser.client.post("/login", data={"login": "x" * 100_000})
    assert answer.status_code == 413


def test_health_and_metrics_tell_nothing_personal(installation: Installation, browser: Browser) -> None:
    installation.raise_alert(fall(1))
    for path in ("/healthz", "/metrics"):
        page = browser.get(path)
        assert page.status_code == 200
        assert "見本" not in page.text
        assert "home-1" not in page.text
    assert 'kehai_open_alerts{level="page",state="open"} 1.0' in browser.get("/metrics").text


def test_health_fails_when_a_role_is_gone(installation: Installation, browser: Browser) -> None:
    installation.office.book.mark(RoleMark("ingest", installation.office.real.now() - HOUR, 0))
    page = browser.get("/healthz")
    assert page.status_code == 503
    assert page.json()["roles"]["ingest"]["state"] == "stale"
