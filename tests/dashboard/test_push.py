"""A browser that calls its owner: what the server gives it, takes from it, and forgets."""

from __future__ import annotations

import base64
import json
from pathlib import Path

import pytest
from py_vapid import Vapid02

from alerts.channels.webpush.channel import Settings, WebPush
from dashboard.routes.me import MOST, browser_of, push_of
from registry import addresses
from tests.conformance.test_channels import subscription
from tests.dashboard.conftest import LOGIN, NOW, Browser, Installation

ENDPOINT = "https://push.example.org/send/abc"


def push_channel(folder: Path, *, key: bool = True) -> WebPush:
    file = folder / "vapid.pem"
    if key:
        vapid = Vapid02()
        vapid.generate_keys()
        vapid.save_key(str(file))
    return WebPush(Settings(key_file=file, contact="mailto:k@kehai.test"))


@pytest.fixture
def me(installation: Installation, browser: Browser, tmp_path: Path) -> Browser:
    installation.office.channels = {"push": push_channel(tmp_path)}
    browser.get("/me")
    return browser


def own(installation: Installation) -> list[addresses.Address]:
    with installation.office.engine.connect() as connection:
        return addresses.of(connection, LOGIN)


def test_the_page_gives_the_browser_the_key_to_subscribe_with(me: Browser, installation: Installation) -> None:
    assert me.page is not None
    push = push_of(installation.office.channels)
    assert push is not None
    assert f'data-key="{push.key}"' in me.page.text
    point = base64.urlsafe_b64decode(push.key + "==")
    assert (len(point), point[0]) == (65, 4), "an uncompressed point, as PushManager wants it"


def test_a_key_that_cannot_be_read_offers_nothing_and_makes_no_new_one(
    installation: Installation, browser: Browser, tmp_path: Path
) -> None:
    installation.office.channels = {"push": push_channel(tmp_path, key=False)}
    page = browser.get("/me")
    assert page.status_code == 200
    assert "Let this browser call you" not in page.text
    assert not (tmp_path / "vapid.pem").exists()


def test_a_browser_is_an_address_with_a_name_that_its_owner_tests_and_removes(
    me: Browser, installation: Installation
) -> None:
    page = me.submit("/me/addresses", channel="push", address=subscription(ENDPOINT), name="Android · Chrome").text
    (address,) = own(installation)
    assert (address.name, json.loads(address.address)["endpoint"]) == ("Android · Chrome", ENDPOINT)
    assert "Android · Chrome" in page
    assert ENDPOINT not in page, "whoever looks over a shoulder learns no address"
    assert f'data-browser="{browser_of(address.address)}"' in page
    me.submit(f"/me/addresses/{address.id}/test")
    assert me.submit(f"/me/addresses/{address.id}/remove").status_code == 200
    assert own(installation) == []


def test_a_browser_without_a_name_gets_one(me: Browser, installation: Installation) -> None:
    me.submit("/me/addresses", channel="push", address=subscription(ENDPOINT), name="  ")
    assert own(installation)[0].name == "A browser"


ON_OUR_OWN = (
    "http://push.example.org/x", "https://127.0.0.1:6379/x", "http://127.0.0.1/x", "https://localhost/x",
    "https://10.0.0.1/x", "https://[::1]/x", "https://broker/x", "https://kehai.local/x", "https://a:b@example.org/x",
    "file:///etc/passwd", "https://push.example.org/" + "x" * 3000, "https://push.example.org/\n",
)  # fmt: skip


def test_nobody_makes_us_call_on_our_own_machines(me: Browser, installation: Installation) -> None:
    for endpoint in ON_OUR_OWN:
        answer = me.submit("/me/addresses", channel="push", address=subscription(endpoint), name="phone")
        assert answer.status_code == 422, endpoint
        assert 'name="name" value="phone"' in answer.text
    assert own(installation) == []


def test_a_subscription_whose_keys_are_none_is_refused(me: Browser, installation: Installation) -> None:
    wrong: list[object] = [{"p256dh": "QUJD", "auth": "QUJD"}, {"p256dh": "", "auth": ""}, {}, {"auth": 1}, None, []]
    for keys in wrong:
        said = json.dumps({"endpoint": ENDPOINT, "keys": keys})
        assert me.submit("/me/addresses", channel="push", address=said).status_code == 422, keys
    assert own(installation) == []


def test_nobody_has_more_than_ten(me: Browser, installation: Installation) -> None:
    for number in range(MOST):
        me.submit("/me/addresses", channel="push", address=subscription(f"{ENDPOINT}{number}"), name=f"n{number}")
    answer = me.submit("/me/addresses", channel="push", address=subscription(ENDPOINT))
    assert answer.status_code == 422
    assert len(own(installation)) == MOST


def test_a_form_from_another_site_subscribes_nobody(me: Browser, installation: Installation) -> None:
    data = {"channel": "push", "address": subscription(ENDPOINT), "csrf": "x"}
    assert me.client.post("/me/addresses", data=data).status_code == 403
    assert own(installation) == []


def test_a_browser_that_is_gone_is_told_on_the_page_and_on_the_board_until_it_is_removed(
    me: Browser, installation: Installation
) -> None:
    me.submit("/me/addresses", channel="push", address=subscription(ENDPOINT), name="phone")
    assert "reaches you no more" not in me.get("/").text
    with installation.office.engine.begin() as connection:
        addresses.mark_broken(connection, own(installation)[0].id, NOW)
    page = me.get("/me").text
    assert "This browser takes no calls any more" in page
    assert "data-broken" in page
    assert "reaches you no more" in me.get("/").text
    me.get("/me")
    me.submit("/me/addresses/1/remove")
    assert "reaches you no more" not in me.get("/").text


def test_the_worker_is_asked_for_anew_and_nothing_personal_is_in_it(installation: Installation) -> None:
    answer = installation.browser.client.get("/worker.js")
    assert answer.headers["content-type"].startswith("text/javascript")
    assert answer.headers["cache-control"] == "no-cache"
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    assert "fetch" not in answer.text, "it stands in the way of no page"
    assert "caches" not in answer.text


def test_the_page_can_be_put_on_a_home_screen(installation: Installation) -> None:
    client = installation.browser.client
    said = client.get("/manifest.webmanifest").json()
    assert (said["display"], said["scope"], said["name"]) == ("standalone", "/", "見守り室")
    for icon in said["icons"]:
        assert client.get(icon["src"]).content.startswith(b"\x89PNG")
    assert 'rel="manifest"' in client.get("/login").text
