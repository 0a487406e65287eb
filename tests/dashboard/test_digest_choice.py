"""Everybody chooses for themselves whether a summary is sent to them, when, and through what."""

from __future__ import annotations

import re

from alerts.digests import Choice, Occasion, choice_of
from registry import addresses
from tests.dashboard.conftest import LOGIN, NOW, Browser, Installation


def chosen(installation: Installation) -> Choice | None:
    with installation.office.engine.connect() as connection:
        return choice_of(connection, LOGIN)


def test_a_summary_is_chosen_and_taken_back_on_one_s_own_page(browser: Browser, installation: Installation) -> None:
    assert "For this, add an address first." in browser.get("/me").text
    with installation.office.engine.begin() as connection:
        addresses.add(connection, LOGIN, "mail", "hana@example.org", NOW)
    browser.get("/me")
    page = browser.submit("/me/digest", occasion="shift", channel="mail").text
    assert chosen(installation) == Choice(Occasion.SHIFT, "mail")
    assert re.search(r'value="shift" selected', page)
    assert browser.submit("/me/digest", occasion="morning", channel="fax").status_code == 404
    assert chosen(installation) == Choice(Occasion.SHIFT, "mail")
    browser.get("/me")
    browser.submit("/me/digest", occasion="", channel="mail")
    assert chosen(installation) is None
