"""My log-in: the second factor, its recovery codes, where I am logged in; and what a session survives and what not."""

from __future__ import annotations

import re
import threading
from pathlib import Path

import pyotp
import pytest

from domain.clock import MINUTE, SECOND, SystemClock, VirtualClock
from registry.audit import rows
from registry.factors import CODES
from registry.staff import PENDING, SESSION_ABSOLUTE, SESSION_IDLE, Refused, Role
from tests.dashboard.conftest import LOGIN, PASSWORD, Browser, Installation

STEP = 30 * SECOND


@pytest.fixture
def clock(installation: Installation) -> VirtualClock:
    """Real time, to be moved on."""
    clock = VirtualClock(SystemClock().now())
    installation.office.real = clock
    return clock


@pytest.fixture
def browser(installation: Installation, clock: VirtualClock) -> Browser:
    installation.browser.log_in()
    return installation.browser


def on(clock: VirtualClock, span: int) -> None:
    clock.advance_to(clock.now() + span)


def set_up(browser: Browser, clock: VirtualClock) -> tuple[pyotp.TOTP, list[str]]:
    """Give this person a second factor as they do: by the key on the page, and the digits that it makes."""
    browser.get("/me/access")
    page = browser.submit("/me/access/factor", password=PASSWORD).text
    secret = re.search(r"<code>([A-Z2-7]{32})</code>", page)
    assert secret is not None
    totp = pyotp.TOTP(secret[1])
    done = browser.submit("/me/access/factor/confirm", code=code_at(totp, clock)).text
    codes = re.findall(r"<code>([a-z2-7-]{19})</code>", done)
    on(clock, STEP)
    return totp, codes


def code_at(totp: pyotp.TOTP, clock: VirtualClock, steps: int = 0) -> str:
    return totp.at((clock.now() + steps * STEP) // SECOND)


def half_in(browser: Browser) -> None:
    browser.get("/me/access")
    browser.submit("/logout")
    browser.log_in()
    assert browser.page is not None
    assert browser.page.url.path == "/login/code"


def test_with_a_second_factor_the_password_alone_shows_nothing(browser: Browser, clock: VirtualClock) -> None:
    totp, codes = set_up(browser, clock)
    assert len(set(codes)) == CODES
    half_in(browser)
    assert browser.client.get("/").url.path == "/login"
    wrong = browser.submit("/login/code", code="000000" if code_at(totp, clock) != "000000" else "111111")
    assert wrong.status_code == 401
    assert "is not good" in wrong.text
    assert browser.submit("/login/code", code=code_at(totp, clock)).url.path == "/"


def test_the_code_leads_to_the_page_that_was_asked_for(browser: Browser, clock: VirtualClock) -> None:
    totp, _ = set_up(browser, clock)
    browser.get("/me/access")
    browser.submit("/logout")
    browser.get("/homes/home-1?day=2026-03-01")
    browser.submit("/login", login=LOGIN, password=PASSWORD)
    assert str(browser.submit("/login/code", code=code_at(totp, clock)).url).endswith("/homes/home-1?day=2026-03-01")


def test_the_picture_for_the_authenticator_is_drawn_in_the_page_and_without_a_style(
    browser: Browser, clock: VirtualClock
) -> None:
    browser.get("/me/access")
    page = browser.submit("/me/access/factor", password=PASSWORD).text
    picture = re.search(r'<svg[^>]*class="qr".*?</svg>', page, re.DOTALL)
    assert picture is not None
    assert "style" not in picture[0]
    assert "http" not in picture[0]


@pytest.mark.parametrize("steps", [-1, 0, 1])
def test_a_code_is_good_once_even_within_its_half_minute(browser: Browser, clock: VirtualClock, steps: int) -> None:
    totp, _ = set_up(browser, clock)
    on(clock, 2 * STEP)
    code = code_at(totp, clock, steps)
    half_in(browser)
    assert browser.submit("/login/code", code=code).url.path == "/"
    half_in(browser)
    assert browser.submit("/login/code", code=code).status_code == 401
    assert browser.submit("/login/code", code=code_at(totp, clock, -1)).status_code == 401, "nor is one before it"
    on(clock, 2 * STEP)
    assert browser.submit("/login/code", code=code_at(totp, clock)).url.path == "/"


@pytest.mark.parametrize("steps", [-3, 3])
def test_a_code_of_another_time_is_not_good(browser: Browser, clock: VirtualClock, steps: int) -> None:
    totp, _ = set_up(browser, clock)
    on(clock, 10 * STEP)
    half_in(browser)
    assert browser.submit("/login/code", code=code_at(totp, clock, steps)).status_code == 401


def test_of_two_who_send_one_code_at_once_one_gets_in(
    installation: Installation, browser: Browser, clock: VirtualClock
) -> None:
    totp, _ = set_up(browser, clock)
    staff, now, code = installation.office.staff, clock.now(), code_at(totp, clock)
    tokens = [staff.log_in(LOGIN, PASSWORD, f"192.0.2.{n}", now) for n in range(4)]
    results: list[str | Refused] = []
    start = threading.Barrier(len(tokens))

    def send(token: str | Refused) -> None:
        assert isinstance(token, str)
        start.wait(10)
        results.append(staff.complete(token, code, "192.0.2.9", now))

    threads = [threading.Thread(target=send, args=(token,)) for token in tokens]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert sum(isinstance(result, str) for result in results) == 1
    assert len(results) == len(tokens)


def test_a_recovery_code_lets_in_once_however_it_is_typed(browser: Browser, clock: VirtualClock) -> None:
    _, codes = set_up(browser, clock)
    half_in(browser)
    assert browser.submit("/login/code", code=codes[0].upper().replace("-", " ")).url.path == "/"
    half_in(browser)
    assert browser.submit("/login/code", code=codes[0]).status_code == 401
    assert browser.submit("/login/code", code=codes[1]).url.path == "/"
    assert f"{CODES - 2} recovery codes are left" in browser.get("/me/access").text
    renewed = browser.submit("/me/access/factor/codes", password=PASSWORD).text
    assert codes[2] not in renewed
    half_in(browser)
    assert browser.submit("/login/code", code=codes[2]).status_code == 401


def test_recovery_codes_are_not_kept_as_they_are(
    installation: Installation, browser: Browser, clock: VirtualClock
) -> None:
    _, codes = set_up(browser, clock)
    database = installation.office.engine.url.database
    assert database is not None
    kept = b"".join(file.read_bytes() for file in Path(database).parent.glob("kehai.db*"))
    assert not any(code.encode() in kept or code.replace("-", "").encode() in kept for code in codes)


def test_guessing_codes_is_slowed_down_and_a_new_log_in_does_not_help(browser: Browser, clock: VirtualClock) -> None:
    totp, _ = set_up(browser, clock)
    half_in(browser)
    for _ in range(5):
        assert browser.submit("/login/code", code="not it").status_code == 401
    assert browser.submit("/login/code", code=code_at(totp, clock)).status_code == 429
    browser.log_in()
    assert browser.submit("/login/code", code=code_at(totp, clock)).status_code == 429
    on(clock, 20 * MINUTE)
    browser.log_in()
    assert browser.submit("/login/code", code=code_at(totp, clock)).url.path == "/"


def test_a_password_without_its_code_is_forgotten_after_a_while(browser: Browser, clock: VirtualClock) -> None:
    totp, _ = set_up(browser, clock)
    half_in(browser)
    on(clock, PENDING + SECOND)
    assert browser.submit("/login/code", code=code_at(totp, clock)).url.path == "/login"


def test_the_code_s_form_needs_its_own_token(browser: Browser, clock: VirtualClock) -> None:
    totp, _ = set_up(browser, clock)
    half_in(browser)
    assert browser.client.post("/login/code", data={"code": code_at(totp, clock)}).status_code == 403


def test_a_role_that_must_have_a_second_factor_sees_nothing_before_it_has_one(
    installation: Installation, browser: Browser, clock: VirtualClock
) -> None:
    installation.office.staff.set_role(LOGIN, Role.MANAGER)
    assert browser.get("/homes/home-1").status_code == 200, "the control: nothing is asked of managers"
    installation.office.second_factor = frozenset({Role.MANAGER})
    for path in ("/", "/homes/home-1", "/calling", "/events"):
        assert browser.get(path).url.path == "/me/access"
    assert "Your role needs a second factor" in browser.get("/me/access").text
    set_up(browser, clock)
    assert browser.get("/homes/home-1").status_code == 200
    browser.get("/me/access")
    assert "/me/access/factor/remove" not in browser.get("/me/access").text
    data = {"csrf": re.findall(r'name="csrf" value="([^"]+)"', browser.get("/me/access").text)[0], "password": PASSWORD}
    assert browser.client.post("/me/access/factor/remove", data=data).status_code == 422
    assert installation.office.factors.has(LOGIN)


def test_a_second_factor_is_taken_away_with_the_password_only(
    installation: Installation, browser: Browser, clock: VirtualClock
) -> None:
    set_up(browser, clock)
    browser.get("/me/access")
    assert "not your password" in browser.submit("/me/access/factor/remove", password="wrong wrong wrong").text
    assert installation.office.factors.has(LOGIN)
    browser.submit("/me/access/factor/remove", password=PASSWORD)
    assert not installation.office.factors.has(LOGIN)
    browser.submit("/logout")
    assert browser.log_in().url.path == "/"


def test_a_secret_that_nobody_confirmed_is_asked_of_nobody(browser: Browser, clock: VirtualClock) -> None:
    browser.get("/me/access")
    browser.submit("/me/access/factor", password=PASSWORD)
    assert browser.submit("/me/access/factor/confirm", code="000000x").status_code == 422
    browser.submit("/logout")
    assert browser.log_in().url.path == "/"


def test_the_sessions_are_listed_and_the_others_can_be_ended(
    installation: Installation, browser: Browser, clock: VirtualClock
) -> None:
    staff = installation.office.staff
    other = staff.log_in(LOGIN, PASSWORD, "192.0.2.1", clock.now(), "Firefox on a telephone")
    assert isinstance(other, str)
    page = browser.get("/me/access").text
    assert "Firefox on a telephone" in page
    assert page.count("this one") == 1
    browser.submit("/me/access/others")
    assert staff.session(other, clock.now()) is None
    assert browser.get("/").url.path == "/"


def test_another_password_ends_the_other_sessions_and_is_asked_for_the_old_one(
    installation: Installation, browser: Browser, clock: VirtualClock
) -> None:
    other = installation.office.staff.log_in(LOGIN, PASSWORD, "192.0.2.1", clock.now())
    assert isinstance(other, str)
    new = {"new": "another long one", "again": "another long one"}
    browser.get("/me/access")
    assert "not your password" in browser.submit("/me/access/password", old="wrong wrong wrong", **new).text
    assert "typed alike" in browser.submit("/me/access/password", old=PASSWORD, new="x" * 12, again="y" * 12).text
    assert "at least 10" in browser.submit("/me/access/password", old=PASSWORD, new="x", again="x").text
    assert browser.submit("/me/access/password", old=PASSWORD, **new).status_code == 200
    assert installation.office.staff.session(other, clock.now()) is None
    browser.submit("/logout")
    assert browser.log_in().status_code == 401
    assert browser.log_in(password="another long one").url.path == "/"


# ---- sessions ----------------------------------------------------------------------------------------------------------


def cookie(browser: Browser) -> str:
    return str(browser.client.cookies["kehai_session"])


def test_a_token_that_somebody_planted_before_the_log_in_is_never_the_session_s(
    installation: Installation, clock: VirtualClock
) -> None:
    browser = installation.browser
    browser.client.cookies.set("kehai_session", "planted", domain="kehai.test", path="/")
    browser.log_in()
    values = [one.value for one in browser.client.cookies.jar if one.name == "kehai_session" and one.value]
    assert "planted" not in values
    assert installation.office.staff.session("planted", clock.now()) is None


def test_the_token_changes_when_the_second_factor_is_given(
    installation: Installation, browser: Browser, clock: VirtualClock
) -> None:
    totp, _ = set_up(browser, clock)
    half_in(browser)
    before = cookie(browser)
    browser.submit("/login/code", code=code_at(totp, clock))
    assert cookie(browser) != before
    assert installation.office.staff.session(before, clock.now()) is None
    assert installation.office.staff.pending(before, clock.now()) is None


def test_after_log_out_the_token_is_dead_wherever_it_was_copied_to(
    installation: Installation, browser: Browser, clock: VirtualClock
) -> None:
    copied = cookie(browser)
    assert installation.office.staff.session(copied, clock.now()) is not None, "the control"
    browser.get("/")
    browser.submit("/logout")
    assert installation.office.staff.session(copied, clock.now()) is None


def test_a_log_out_that_another_site_sends_does_nothing(browser: Browser) -> None:
    assert browser.client.post("/logout", headers={"origin": "https://evil.example"}).status_code == 403
    assert browser.get("/").url.path == "/"


def test_a_session_ends_when_it_is_idle_and_when_it_is_old(browser: Browser, clock: VirtualClock) -> None:
    began = clock.now()
    on(clock, SESSION_IDLE - SECOND)
    assert browser.get("/").url.path == "/", "still there"
    on(clock, SESSION_IDLE + SECOND)
    assert browser.get("/").url.path == "/login"
    browser.log_in()
    began = clock.now()
    while clock.now() + SESSION_IDLE - MINUTE < began + SESSION_ABSOLUTE:
        on(clock, SESSION_IDLE - MINUTE)
        assert browser.get("/").url.path == "/"
    clock.advance_to(began + SESSION_ABSOLUTE + SECOND)
    assert browser.get("/").url.path == "/login", "however busy it was"


def test_wrong_codes_stand_in_the_audit_log(installation: Installation, browser: Browser, clock: VirtualClock) -> None:
    totp, _ = set_up(browser, clock)
    half_in(browser)
    browser.submit("/login/code", code="not it")
    browser.submit("/login/code", code=code_at(totp, clock))
    with installation.office.engine.connect() as connection:
        found = [(row.what, row.detail.partition(",")[0]) for row in rows(connection)]
    assert ("log_in_failed", "code") in found
    assert found[-1][0] == "logged_in"
