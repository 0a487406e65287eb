"""A browser that calls its owner: the worker, what it shows, and what the page says. No push service takes part."""

from __future__ import annotations

import base64
import json
import shutil
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import http_ece
import pytest
import uvicorn
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from playwright.sync_api import Browser, BrowserContext, CDPSession, Page, expect, sync_playwright
from py_vapid import Vapid02
from sqlalchemy import delete

from alerts.caller import Caller
from alerts.channels.catalogue import build
from alerts.messages import Messages
from dashboard.app import create_app
from dashboard.office import Office
from domain.clock import SystemClock
from domain.localtime import LocalTime
from ingest.history import JournalHistory
from registry import addresses, tables
from registry.database import migrate, open_database
from tests.dashboard.conftest import LOGIN, PASSWORD
from tests.programs import until
from tests.receivers import Hook
from tests.servers import free_port

pytestmark = [pytest.mark.browser, pytest.mark.server]

_PRETEND = """
  const [endpoint, p256dh, auth, key] = %s;
  const bytes = Uint8Array.from(atob(key), (letter) => letter.charCodeAt(0));
  const made = { endpoint, options: { applicationServerKey: bytes.buffer },
                 unsubscribe: async () => { held = null; return true; },
                 toJSON: () => ({ endpoint, expirationTime: null, keys: { p256dh, auth } }) };
  let held = sessionStorage.getItem("held") ? made : null;
  PushManager.prototype.getSubscription = async () => held;
  PushManager.prototype.subscribe = async (wish) => {
    const asked = new Uint8Array(wish.applicationServerKey);
    if (!wish.userVisibleOnly || asked.some((byte, place) => byte !== bytes[place])) throw new Error("not our key");
    sessionStorage.setItem("held", "yes");
    return held = made;
  };
"""
"""Stands in for the browser maker's push service, which no test reaches: everything else is the browser's own."""


@dataclass
class Phone:
    """One person's browser, the dashboard that it looks at, and the server that is its push service."""

    page: Page
    context: BrowserContext
    url: str
    office: Office
    hook: Hook
    private: ec.EllipticCurvePrivateKey
    secret: bytes

    def subscribes(self) -> None:
        """From now on the browser has a push service: our hook."""
        point = self.private.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
        coded = [base64.urlsafe_b64encode(part).decode().rstrip("=") for part in (point, self.secret)]
        channel: Any = self.office.channels["push"]
        key = base64.b64encode(base64.urlsafe_b64decode(channel.public_key() + "==")).decode()
        self.context.add_init_script(_PRETEND % json.dumps([f"{self.hook.url}/phone", *coded, key]))

    def log_in(self) -> None:
        token = self.office.staff.log_in(LOGIN, PASSWORD, "127.0.0.1", self.office.real.now())
        self.context.add_cookies([{"name": "kehai_session", "value": str(token), "url": self.url}])
        self.page.goto(f"{self.url}/me")
        expect(self.page.locator("#ways")).to_be_visible()

    def push(self, data: str) -> None:
        """Let the browser believe that its push service brought ``data``."""
        session: CDPSession = self.context.new_cdp_session(self.page)
        seen: list[dict[str, Any]] = []
        session.on("ServiceWorker.workerRegistrationUpdated", lambda told: seen.extend(told["registrations"]))
        session.send("ServiceWorker.enable")
        self.page.wait_for_function("navigator.serviceWorker.ready.then(() => true)")
        assert seen, "the worker is registered"
        told = {"origin": self.url, "registrationId": seen[-1]["registrationId"], "data": data}
        session.send("ServiceWorker.deliverPushMessage", told)
        session.detach()

    def shown(self, count: int = 1, title: str = "") -> list[dict[str, Any]]:
        """The notifications that stand on the screen, once there are ``count``, and one of them says ``title``."""
        script = """async ([count, title]) => {
          const worker = await navigator.serviceWorker.ready;
          for (let turn = 0; turn < 400; turn += 1) {
            const all = await worker.getNotifications();
            if (all.length >= count && (!title || all.some((one) => one.title === title)))
              return all.map(({title, body, tag, data, requireInteraction}) =>
              ({title, body, tag, path: data.path, urgent: requireInteraction}));
            await new Promise((go) => setTimeout(go, 10));
          }
          return [];
        }"""
        return list(self.page.evaluate(script, [count, title]))

    def decrypted(self) -> str:
        """What the push service was given last, as the browser reads it."""
        _, _, body = self.hook.calls[-1]
        plain: bytes = http_ece.decrypt(body, private_key=self.private, auth_secret=self.secret, version="aes128gcm")
        return plain.decode()


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    folder = tmp_path_factory.mktemp("office")
    engine = open_database(f"sqlite:///{folder / 'kehai.db'}")
    migrate(engine)
    vapid = Vapid02()
    vapid.generate_keys()
    vapid.save_key(str(folder / "vapid.pem"))
    push = {"kind": "webpush", "key_file": folder / "vapid.pem", "contact": "mailto:k@kehai.test", "loopback": True}
    office = Office(
        engine, JournalHistory(folder / "journal.db"), SystemClock(), "見守り室", LocalTime("Asia/Tokyo"), https=False,
        channels=build({"push": push}),
    )  # fmt: skip
    office.staff.add(LOGIN, "職員 はな", PASSWORD, office.real.now())
    yield office
    engine.dispose()


@pytest.fixture(scope="module")
def url(office: Office) -> Iterator[str]:
    port = free_port()
    server = uvicorn.Server(uvicorn.Config(create_app(office), host="127.0.0.1", port=port, log_config=None))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    until(lambda: server.started, 20, "dashboard")
    yield f"http://127.0.0.1:{port}"
    server.should_exit = True
    thread.join(10)


@pytest.fixture
def phone(office: Office, url: str, chromium: Browser) -> Iterator[Phone]:
    context = chromium.new_context(locale="en-GB")
    context.grant_permissions(["notifications"], origin=url)
    context.set_default_timeout(10_000)
    with Hook() as hook:
        yield Phone(
            context.new_page(), context, url, office, hook, ec.generate_private_key(ec.SECP256R1()), b"0123456789abcdef"
        )
    context.close()
    with office.engine.begin() as connection:
        connection.execute(delete(tables.addresses))


def switch_on(phone: Phone) -> None:
    phone.subscribes()
    phone.log_in()
    expect(phone.page.locator("#device")).not_to_have_value("")
    phone.page.click("#browser button")
    expect(phone.page.locator(".here")).to_be_visible()


def test_from_the_tap_to_the_notification(phone: Phone) -> None:
    switch_on(phone)
    expect(phone.page.locator("#browser-said")).to_contain_text("calls you already")
    expect(phone.page.locator("#browser")).to_be_hidden()
    with phone.office.engine.connect() as connection:
        (address,) = addresses.of(connection, LOGIN)
    assert "Chrome" in address.name
    phone.page.click("form[action$='/test'] button")
    caller = Caller(phone.office.engine, phone.office.clock, [], phone.office.channels,
                    Messages(phone.office.engine, phone.office.zone))  # fmt: skip
    caller.start()
    try:
        until(lambda: bool(phone.hook.calls), 20, "message at the push service")
    finally:
        caller.stop()
    phone.push(phone.decrypted())
    (shown,) = phone.shown()
    assert (shown["title"], shown["tag"], shown["path"]) == ("【試験】連絡の確認", "test", "/")


def test_what_a_push_shows_and_where_a_tap_leads(phone: Phone) -> None:
    switch_on(phone)
    alert = {"title": "【緊急】302 動きがありません", "body": "09:05 から。", "tag": "alert-7", "urgent": True}
    phone.push(json.dumps({**alert, "link": "https://kehai.example.org/alerts/7"}))
    assert phone.shown() == [
        {"title": alert["title"], "body": alert["body"], "tag": "alert-7", "path": "/alerts/7", "urgent": True}
    ]
    # A later word about the same matter takes its place, and no message leads to another site.
    leads = {"": "/alerts/7", "https://evil.example/alerts/8?x=1#y": "/alerts/8?x=1", "javascript:alert(1)": "/alerts/7",
             "//evil.example": "/"}  # fmt: skip
    for link, path in leads.items():
        phone.push(json.dumps({**alert, "link": link, "title": f"to {link}"}))
        (shown,) = phone.shown(title=f"to {link}")
        assert shown["path"] == path
    for nonsense in ("", "{", "[]", "null", '{"title": 3}'):
        phone.push(nonsense)
    assert phone.shown(2)[-1]["path"] == "/", "whatever came, something is shown"
    worker = phone.context.service_workers[0]
    opened = worker.evaluate("""async () => {
      const asked = [];
      self.clients.openWindow = async (url) => { asked.push(url); };
      for (const notification of await self.registration.getNotifications({ tag: "alert-7" }))
        self.dispatchEvent(new NotificationEvent("notificationclick", { notification }));
      for (let turn = 0; turn < 200 && !asked.length; turn += 1) await new Promise((go) => setTimeout(go, 10));
      return asked;
    }""")
    assert opened == [f"{phone.url}/"], "the last one led nowhere, so the board opens"


def test_a_push_service_that_cannot_be_reached_is_told_and_nothing_is_stored(phone: Phone) -> None:
    phone.log_in()
    phone.page.click("#browser button")
    expect(phone.page.locator("#browser-said")).to_contain_text("could not reach its push service")
    with phone.office.engine.connect() as connection:
        assert addresses.of(connection, LOGIN) == []
    expect(phone.page.locator("#browser button")).to_be_enabled()


def test_a_browser_that_forbids_notifications_says_so(phone: Phone) -> None:
    phone.context.clear_permissions()
    phone.subscribes()
    phone.log_in()
    phone.page.click("#browser button")
    expect(phone.page.locator("#browser-said")).to_contain_text("forbidden")


def test_the_worker_outlives_the_log_out(phone: Phone) -> None:
    switch_on(phone)
    phone.page.click("form[action='/logout'] button")
    expect(phone.page.locator("#login")).to_be_visible()
    assert phone.page.evaluate("navigator.serviceWorker.getRegistration('/').then(w => Boolean(w && w.active))")


def test_a_browser_that_was_struck_out_subscribes_anew(phone: Phone) -> None:
    switch_on(phone)
    with phone.office.engine.begin() as connection:
        (address,) = addresses.of(connection, LOGIN)
        addresses.mark_broken(connection, address.id, phone.office.clock.now())
    phone.page.reload()
    expect(phone.page.locator(".gone")).to_be_visible()
    phone.page.click("#browser button")
    expect(phone.page.locator("#browser-said")).to_contain_text("calls you already")
    expect(phone.page.locator(".gone")).to_have_count(0)
