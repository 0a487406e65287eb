"""How the channels do, as managers see it."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from alerts.channelhealth import LOOKS_BACK, Health, health
from alerts.channels.line.channel import Line, Settings
from alerts.channels.smtp import channel as smtp
from alerts.notices import Notice, Purpose
from alerts.outbox import How, Outbox, enqueue
from dashboard import words
from dashboard.language import Speech
from dashboard.quotas import Quotas
from dashboard.views.duty import sentence_of
from domain.clock import DAY, HOUR, MINUTE, SECOND, Instant
from domain.localtime import LocalTime
from registry import addresses
from registry.staff import Role
from tests.dashboard.conftest import LOGIN, NOW, Browser, Installation
from tests.receivers import Hook
from tests.servers import free_port

CHANNELS = Path(__file__).resolve().parents[2] / "alerts" / "channels"
SECRET = "a token of nobody"


@pytest.fixture
def manager(installation: Installation, tmp_path: Path) -> Browser:
    installation.office.staff.set_role(LOGIN, Role.MANAGER)
    (tmp_path / "token").write_text(SECRET)
    installation.office.channels = {
        "post": smtp.make(smtp.Settings(host="127.0.0.1", security="none", sender="k@kehai.test")),
        "line": Line(Settings(token_file=tmp_path / "token", url=f"http://127.0.0.1:{free_port()}", timeout_seconds=2)),
    }
    installation.browser.log_in()
    return installation.browser


def attempt(installation: Installation, channel: str, at: Instant, trouble: How | None = None, said: str = "") -> None:
    """One message through a channel, and what became of it."""
    engine, outbox = installation.office.engine, Outbox(installation.office.engine)
    with engine.begin() as connection:
        enqueue(connection, [Notice(None, Purpose.TEST, LOGIN, (channel,), at, climb=at)], at)
    (job,) = outbox.claim(channel, 1, at)
    if trouble is None:
        outbox.sent(job, "as 7", at)
    else:
        outbox.failed(job, trouble, said, at)


def card(page: str, name: str) -> str:
    found = re.search(rf'<h2 class="flat">{name}.*?</li>', page, re.DOTALL)
    assert found is not None
    return " ".join(re.sub(r"<[^>]+>", " ", found[0]).split())


def test_only_a_manager_looks_at_the_channels(installation: Installation, browser: Browser) -> None:
    assert browser.get("/calling/channels").status_code == 403
    page = browser.get("/calling").text
    assert "/calling/channels" not in page
    csrf = {"csrf": re.findall('name="csrf" value="([^"]*)"', page)[0]}
    assert browser.client.post("/calling/channels/post/test", data=csrf).status_code == 403


def test_the_page_says_of_each_channel_how_it_does(manager: Browser, installation: Installation) -> None:
    attempt(installation, "post", NOW - 3 * HOUR, How.PERMANENT, "The server refuses the message (400).")
    attempt(installation, "post", NOW - HOUR)
    attempt(installation, "line", NOW - 2 * DAY)
    attempt(installation, "line", NOW - MINUTE, How.TRANSIENT, "The server cannot take it for now (503).")
    page = manager.get("/calling/channels").text
    post, line = card(page, "post"), card(page, "line")
    assert "✓ works" in post
    assert "1 taken, 1 not" in post
    assert "The server refuses the message (400)." in post
    assert "▲ fails" in line
    assert "0 taken, 1 not" in line
    assert "Waiting 1 since 09:59" in line
    assert "The server cannot be reached" in line, "what LINE says about its quota"
    assert SECRET not in page
    manager.client.headers["accept-language"] = "ja"
    assert "サーバーが一時的に受け付けません。 (503)" in card(manager.get("/calling/channels").text, "line")


def test_a_channel_that_nobody_has_configured_any_more_is_shown_while_something_waits_for_it(
    manager: Browser, installation: Installation
) -> None:
    with installation.office.engine.begin() as connection:
        enqueue(connection, [Notice(None, Purpose.TEST, LOGIN, ("pager",), NOW)], NOW)
    assert "not in the settings any more" in card(manager.get("/calling/channels").text, "pager")


def test_a_manager_tests_a_channel_on_themselves(manager: Browser, installation: Installation) -> None:
    assert "Add an address of yours" in card(manager.get("/calling/channels").text, "post")
    csrf = {"csrf": re.findall('name="csrf" value="([^"]*)"', manager.get("/calling/channels").text)[0]}
    refused = manager.client.post("/calling/channels/post/test", data=csrf)
    assert refused.status_code == 422
    assert "You have no address on this channel that works" in refused.text
    assert manager.client.post("/calling/channels/pigeon/test", data=csrf).status_code == 404
    with installation.office.engine.begin() as connection:
        addresses.add(connection, LOGIN, "post", "hana@example.org", NOW)
    manager.get("/calling/channels")
    assert "Waiting to be sent" in manager.submit("/calling/channels/post/test").text
    (job,) = Outbox(installation.office.engine).claim("post", 5, NOW)
    assert (job.purpose, job.recipient) == (Purpose.TEST, LOGIN)


def test_what_lies_further_back_than_a_week_says_nothing_and_addresses_are_counted_by_person(
    installation: Installation,
) -> None:
    attempt(installation, "post", NOW)
    with installation.office.engine.begin() as connection:
        for owner, address in (("hana", "a"), ("hana", "b"), ("ken", "c")):
            number = addresses.add(connection, owner, "post", address, NOW)
        addresses.mark_broken(connection, number, NOW)
        assert health(connection, ["post"], NOW + SECOND) == [Health("post", NOW, None, 1, 0, 0, None, 1, 1)]
        assert health(connection, ["post"], NOW + 2 * DAY) == [Health("post", NOW, None, 0, 0, 0, None, 1, 1)]
        assert health(connection, ["post"], NOW + LOOKS_BACK) == [Health("post", None, None, 0, 0, 0, None, 1, 1)]


def test_a_quota_is_asked_for_once_in_a_while_and_never_by_a_page_that_waits_long(tmp_path: Path) -> None:
    (tmp_path / "token").write_text(SECRET)
    with Hook() as hook:
        hook.pages = {
            "/v2/bot/message/quota": b'{"type": "limited", "value": 200}',
            "/v2/bot/message/quota/consumption": b'{"totalUsage": 199}',
        }
        line = Line(Settings(token_file=tmp_path / "token", url=hook.url.removesuffix("/hook")))
        quotas = Quotas(patience=20 * SECOND)
        quota = quotas.of("line", line)
        assert quota is not None
        assert (quota.limit, quota.used, quota.left) == (200, 199, 1)
        assert quotas.of("line", line) == quota
        assert len(hook.gets) == 2, "not asked again"
    assert quotas.of("post", smtp.make(smtp.Settings(host="127.0.0.1", security="none", sender="k@kehai.test"))) is None


def test_every_sentence_of_a_channel_has_its_japanese() -> None:
    said = set()
    for file in CHANNELS.rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.Call) or not getattr(node.func, "id", "").endswith("Error") or not node.args:
                continue
            if getattr(node.func, "id", "") in ("ValueError", "ConfigurationError"):
                continue
            parts = node.args[0].values if isinstance(node.args[0], ast.JoinedStr) else [node.args[0]]
            what = {"status": ["503"], "code": ["503"], "what": ["the receiver", "the message"]}
            texts = [""]
            for part in parts:
                of = what[ast.unparse(part.value)] if isinstance(part, ast.FormattedValue) else [ast.literal_eval(part)]
                texts = [text + word for text in texts for word in of]
            said |= set(texts)
    speech = Speech("ja", NOW, LocalTime("Asia/Tokyo"))
    assert len(said) > 15
    assert {sentence for sentence in said if sentence_of(sentence, speech) == sentence} == set()
    assert sentence_of("Something else (x).", speech) == "Something else (x)."
    assert len(words.CHANNEL_SAID) >= len(said)
