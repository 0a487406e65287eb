"""An alert's page in a real browser, by somebody who has a keyboard and nothing else."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest
import uvicorn
from playwright.sync_api import Browser, expect

from alerts.actions import STEPS
from dashboard.app import create_app
from domain.alerts import Reason, State
from tests.browser.test_demo import Visitor, chromium
from tests.dashboard.conftest import LOGIN, PASSWORD, Installation, fall, installation
from tests.programs import until
from tests.servers import free_port

__all__ = ["chromium", "installation"]  # the fixtures

pytestmark = [pytest.mark.browser, pytest.mark.server]


@pytest.fixture
def url(installation: Installation) -> Iterator[str]:
    """Where the dashboard of an installation with one alert is served."""
    installation.raise_alert(fall(1))
    port = free_port()
    server = uvicorn.Server(
        uvicorn.Config(
            create_app(installation.office), host="127.0.0.1", port=port, log_config=None, timeout_graceful_shutdown=1
        )
    )  # fmt: skip
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    until(lambda: server.started, 20, "dashboard")
    yield f"http://127.0.0.1:{port}"
    server.should_exit = True
    thread.join(10)


@pytest.fixture
def visitor(url: str, chromium: Browser) -> Iterator[Visitor]:
    """Somebody who has logged in and has the alert before them."""
    visitor = Visitor(chromium, "en-GB")
    visitor.log_in_by_keyboard(url, LOGIN, PASSWORD)
    visitor.tab_to(".alert.page h3 a")
    visitor.page.keyboard.press("Enter")
    expect(visitor.page.locator("h1")).to_contain_text("No sign of life")
    yield visitor
    visitor.page.context.close()


def test_every_step_from_the_claim_to_the_end_is_taken_by_keyboard_alone(
    installation: Installation, visitor: Visitor
) -> None:
    page, book = visitor.page, installation.office.book
    visitor.tab_to("form[action$='/claim'] button")
    page.keyboard.press("Enter")
    expect(page.locator(".status")).to_contain_text("is going")
    for step, results in STEPS.items():
        result = results[-1]
        visitor.tab_to(f"form:has(input[value='{step.value}']) button[value='{result.value}']")
        said = page.evaluate("document.activeElement.textContent")
        label = page.locator(f"li:has(input[value='{step.value}']) strong").inner_text()
        assert said.startswith(label), "a button says by itself which step it is about"
        outline = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
        assert outline != "none", "one sees where the keyboard is"
        page.keyboard.press("Space")
        expect(page.locator(f"li:has(input[value='{step.value}']) .done")).to_be_visible()
    assert [(row.step, row.result) for row in book.history(1) if row.reason is Reason.STEP] == [
        (step, results[-1]) for step, results in STEPS.items()
    ]
    visitor.tab_to("#comment")
    page.keyboard.type("The ambulance took her to the hospital.")
    visitor.tab_to("form[action$='/comment'] button")
    page.keyboard.press("Enter")
    expect(page.locator(".history")).to_contain_text("The ambulance took her")
    visitor.tab_to("#outcome")
    page.keyboard.press("ArrowDown")
    visitor.tab_to("form[action$='/close'] button")
    page.keyboard.press("Enter")
    expect(page.locator(".status")).to_contain_text("Closed")
    visitor.tab_to("#reopening")
    page.keyboard.type("The wrong one.")
    page.keyboard.press("Enter")
    expect(page.locator(".status")).to_contain_text("nobody is going yet")
    alert = book.alert(1)
    assert alert is not None
    assert alert.state is State.OPEN
    assert visitor.complaints == []


def test_an_alert_is_given_to_somebody_else_and_back_by_keyboard_alone(
    installation: Installation, visitor: Visitor
) -> None:
    office, page = installation.office, visitor.page
    office.staff.add("momo", "Momo", PASSWORD, office.real.now())
    page.reload()
    visitor.tab_to("summary")
    page.keyboard.press("Enter")
    visitor.tab_to("#assignee")
    page.keyboard.type("Momo")
    assert page.locator("#assignee").input_value() == "momo"
    visitor.tab_to("form[action$='/assign'] button")
    page.keyboard.press("Enter")
    expect(page.locator(".status")).to_contain_text("Momo is going")
    visitor.tab_to("form[action$='/release'] button")
    page.keyboard.press("Enter")
    expect(page.locator(".status")).to_contain_text("nobody is going yet")
    assert visitor.complaints == []
