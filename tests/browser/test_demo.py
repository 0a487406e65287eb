"""The demo as a new user meets it: one command, a browser, the keyboard, Ctrl-C."""

from __future__ import annotations

import os
import re
import shutil
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, expect, sync_playwright

from tests.programs import Program, page, until
from tests.servers import free_port

pytestmark = [pytest.mark.browser, pytest.mark.server]
ALERT_SECONDS = 90.0


class Demo:
    """A running ``kehai demo`` and where it listens."""

    def __init__(self, program: Program, port: int) -> None:
        self.program, self.url = program, f"http://127.0.0.1:{port}"

    def open_alerts(self, level: str) -> int:
        found = re.search(
            rf'^kehai_open_alerts{{level="{level}",state="open"}} (\d+)', page(f"{self.url}/metrics")[1], re.MULTILINE
        )
        return int(found[1]) if found else 0

    def pid(self, name: str) -> int:
        found = re.search(rf"\b{name} (\d+)", self.program.out)
        assert found is not None, self.program.out
        return int(found[1])


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    port = free_port()
    with Program(tmp_path_factory.mktemp("demo"), "demo", "--port", port) as program:
        until(lambda: "Ctrl-C ends all of it" in program.out, 90, "address of the board")
        yield Demo(program, port)


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        yield browser
        browser.close()


class Visitor:
    """A page of its own, whose every complaint is kept."""

    def __init__(self, browser: Browser, locale: str) -> None:
        self.page: Page = browser.new_context(locale=locale, viewport={"width": 1280, "height": 860}).new_page()
        self.page.set_default_timeout(15_000)
        self.complaints: list[str] = []
        self.page.on("console", self._heard)
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))

    def _heard(self, message: ConsoleMessage) -> None:
        if message.type in {"error", "warning"}:
            self.complaints.append(message.text)

    def tab_to(self, selector: str, most: int = 80) -> None:
        """Press Tab until the keyboard is on what ``selector`` names, as somebody without a mouse does."""
        for _ in range(most):
            self.page.keyboard.press("Tab")
            if self.page.evaluate("wanted => document.activeElement.matches(wanted)", selector):
                return
        raise AssertionError(f"{most} times Tab and never on {selector}")

    def log_in_by_keyboard(self, url: str, login: str, password: str) -> None:
        self.page.goto(url)
        expect(self.page.locator("#login")).to_be_focused()
        self.page.keyboard.type(login)
        self.page.keyboard.press("Tab")
        self.page.keyboard.type(password)
        self.page.keyboard.press("Enter")
        expect(self.page.locator("#open")).to_be_visible()


def test_the_demo_s_alert_goes_from_the_board_to_closed_by_keyboard_alone(demo: Demo, chromium: Browser) -> None:
    visitor = Visitor(chromium, "en-GB")
    visitor.log_in_by_keyboard(demo.url, "sakura", "sakura-demo-1")
    board = visitor.page
    board.evaluate("() => { window.neverReloaded = true; }")
    # The alert comes by itself, on the page that stands open, and stands on top.
    expect(board.locator(".cards > li").first).to_have_class(re.compile(r"\bpage\b"), timeout=ALERT_SECONDS * 1000)
    assert board.evaluate("() => window.neverReloaded") is True
    card = board.locator(".cards > li").first
    expect(card).to_contain_text("No sign of life")
    expect(card).to_contain_text(re.compile(r"\d\d:\d\d"))
    visitor.tab_to(".alert.page h3 a")
    board.keyboard.press("Enter")
    expect(board.locator("h1")).to_contain_text("No sign of life")
    facts = board.locator(".facts")
    expect(facts).to_contain_text(re.compile(r"\d"))
    # Claim.
    visitor.tab_to("form[action$='/claim'] button")
    board.keyboard.press("Enter")
    expect(board.locator(".status")).to_contain_text("職員 さくら is going")
    # Close, with what was found.
    visitor.tab_to("#outcome")
    board.keyboard.type("Visited")
    board.keyboard.press("Tab")
    board.keyboard.type("Was sitting on the floor, not hurt.")
    assert board.locator("#outcome").input_value() == "visit_safe"
    visitor.tab_to("form[action$='/close'] button")
    board.keyboard.press("Enter")
    expect(board.locator(".status")).to_contain_text("Closed")
    expect(board.locator(".history")).to_contain_text("Was sitting on the floor, not hurt.")
    expect(board.locator(".history")).to_contain_text("職員 さくら")
    # Nothing that the content policy forbids, no failed script.
    assert visitor.complaints == []


def test_a_dead_sensor_and_a_silent_gateway_are_told_as_what_they_are(demo: Demo, chromium: Browser) -> None:
    until(lambda: demo.open_alerts("prompt") >= 2, ALERT_SECONDS, "word of the sensor and the gateway")
    visitor = Visitor(chromium, "en-GB")
    visitor.log_in_by_keyboard(demo.url, "momiji", "momiji-demo-2")
    for said, seen in (("Sensor silent", "Some sensors are silent"), ("Gateway silent", "Nothing can be seen")):
        card = visitor.page.locator(".cards > li.prompt", has_text=said)
        expect(card).to_have_count(1)
        name = card.locator("h3 a").inner_text().replace(said, "").strip()
        row = visitor.page.locator("table.homes tr", has_text=name)
        expect(row).to_contain_text(seen)
        expect(row).not_to_contain_text("No sign of life")
    assert visitor.complaints == []


def test_a_lost_connection_is_shown_and_mends_itself(demo: Demo, chromium: Browser) -> None:
    visitor = Visitor(chromium, "ja-JP")
    visitor.log_in_by_keyboard(demo.url, "momiji", "momiji-demo-2")
    lost = visitor.page.locator("#lost")
    expect(lost).to_be_hidden()
    dashboard = demo.pid("dashboard")
    os.kill(dashboard, signal.SIGSTOP)
    try:
        expect(lost).to_be_visible(timeout=20_000)
        expect(lost).to_contain_text("接続")
    finally:
        os.kill(dashboard, signal.SIGCONT)
    expect(lost).to_be_hidden(timeout=15_000)


def test_ctrl_c_ends_all_of_it_and_throws_the_data_away(demo: Demo) -> None:
    folder = re.search(r"logs in (\S+)", demo.program.out)
    assert folder is not None
    assert Path(folder[1]).is_dir()
    assert len(demo.program.running()) == 6, "the demo, broker, ingest, watch, dashboard, gateways"
    assert demo.program.interrupt() == 0, demo.program.err
    assert demo.program.running() == []
    assert not Path(folder[1]).exists()
    assert "Everything has ended." in demo.program.out
    assert demo.program.err == ""


def test_it_runs_on_a_machine_without_mosquitto(tmp_path: Path) -> None:
    port = free_port()
    with Program(
        tmp_path / "out", "demo", "--homes", 3, "--port", port, "--embedded-broker", "--data", tmp_path / "data"
    ) as program:
        until(lambda: "Ctrl-C ends all of it" in program.out, 90, "address of the board")
        until(
            lambda: "connected; " in page(f"http://127.0.0.1:{port}/healthz")[1]
            and "heartbeats" in page(f"http://127.0.0.1:{port}/healthz")[1],
            60, "heartbeat",
        )  # fmt: skip
        assert program.interrupt() == 0, program.err
        assert program.running() == []
    assert (tmp_path / "data" / "kehai.db").exists(), "data that were asked for are kept"
