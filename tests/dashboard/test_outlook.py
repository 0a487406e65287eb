"""What to expect of a home, and what an alert rests on, as staff read it."""

from __future__ import annotations

import ast
import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from alerts.book import WatchedHome
from alerts.ledger import MONTH
from alerts.records import encode_status
from dashboard.language import Speech
from dashboard.views.evidence import TOLD_ALREADY, facts
from dashboard.words import EVIDENCE, IDEA, IDEA_WHY, KIND, PART, REACH, SEES, UNKNOWN, WHY
from detectors.catalogue import CATALOGUE
from detectors.home import HomeWatch
from detectors.outlook.advice import Idea
from detectors.outlook.delays import Part, Reach
from detectors.outlook.sight import Sees, Why
from domain.clock import DAY, HOUR, MINUTE
from domain.findings import Ended, EndReason, Finding, Level, Subject, Unknown
from domain.ids import GatewayId, HomeId
from domain.localtime import LocalTime
from domain.readings import Device, Vouch
from ingest.journal import Batch, Journal
from tests.conformance.test_detectors import QUICK, an_eventful_fortnight
from tests.dashboard.conftest import NOW, Browser, Installation, fall, status
from tests.detectors.homes import DEVICES, GATEWAY, HOME, ZONE, Script, findings, hello, run

ROOT = Path(__file__).resolve().parents[2]
HOME_1 = HomeId("home-1")
DAYS = 9


def live_in(installation: Installation, folder: Path, devices: Sequence[Device] = DEVICES) -> None:
    """Days of life in home-1 until now, in the journal and in the watch's state."""
    script, start = Script(), NOW - DAYS * DAY
    script.live(DAYS, start=start - 10 * HOUR, until=NOW)
    script.readings = [reading._replace(home=HOME_1) for reading in script.readings]
    watch = HomeWatch(HOME_1, ZONE)
    messages = script.items(NOW, start=start)
    messages[0] = (start, [replace(hello(devices, start), home=HOME_1)])
    run(watch, [(now, [replace(item, home=HOME_1) if isinstance(item, Vouch) else item for item in items])
                for now, items in messages])  # fmt: skip
    with installation.office.book.transaction() as page:
        page.save(WatchedHome(HOME_1, 1, watch.snapshot(), encode_status(status(1))))
    journal = Journal(folder / "journal.db")
    stream = journal.stream(GATEWAY, "e")
    vouch = Vouch(HOME_1, GatewayId(GATEWAY), NOW, ((start, NOW),), (), NOW, NOW)
    journal.append(Batch([*script.readings, vouch], {stream.id: stream}, {(GATEWAY, "e"): stream.id}), NOW)
    journal.close()


def test_a_home_s_second_page_tells_the_delays_by_room_and_part_of_the_day(
    installation: Installation, browser: Browser, tmp_path: Path
) -> None:
    live_in(installation, tmp_path)
    assert 'href="/homes/home-1/outlook"' in browser.get("/homes/home-1").text
    page = browser.get("/homes/home-1/outlook").text
    row = re.search(r'<tr><th scope="row">living</th>.*?</tr>', page, re.DOTALL)
    assert row is not None
    cells = re.findall(r'<td class="box (\w+)">.*?<span class="hidden">(.*?)</span></td>', row[0])
    assert len(cells) == 4
    assert cells[3] == ("none", "nothing is ever seen here at this time") or cells[3][0] != "none"
    assert re.fullmatch(r"\d+ (h|min).*", cells[1][1])
    assert f"Still learning: {DAYS - 1}" in page or f"Still learning: {DAYS}" in page
    assert "Pages about the resident: 0." in page
    for section in ("Which device would shorten it", "What is looked for", "Pages and prompts so far"):
        assert section in page
    assert "What to expect" in browser.get("/homes/home-1").text


def test_the_second_page_is_japanese_for_who_asks_for_it(
    installation: Installation, browser: Browser, tmp_path: Path
) -> None:
    live_in(installation, tmp_path)
    page = browser.client.get("/homes/home-1/outlook", headers={"accept-language": "ja"}).text
    main = page.partition('<main id="main"')[2].partition("</main>")[0]
    words = re.sub(r"<[^>]+>", " ", main)
    assert "気づくまでの時間" in words
    assert set(re.findall(r"[A-Za-z]{3,}", words)) <= {"living", "kitchen", "bath", "entrance", "front", "air", "WBGT"}


def test_a_home_without_a_sensor_at_its_door_is_told_what_that_means(
    installation: Installation, browser: Browser, tmp_path: Path
) -> None:
    live_in(installation, tmp_path)
    meaning = "an absence looks like a silence"
    assert meaning not in browser.get("/homes/home-1/outlook").text
    live_in(installation, tmp_path, [device for device in DEVICES if not device.exit])
    page = browser.get("/homes/home-1/outlook").text
    assert meaning in page
    assert page.count("no sensor at the door that leads out") == 3, "not_returned, and two about the door"


def test_a_home_that_has_never_reported_has_nothing_to_expect(browser: Browser) -> None:
    assert "No gateway of this home has reported yet" in browser.get("/homes/home-2/outlook").text
    assert browser.get("/homes/nobody/outlook").status_code == 404


def cannot_say(raised_at: int, kind: str = "inactivity") -> Finding:
    return Finding(
        HOME_1, kind, f"{kind}/1", kind, Subject.PERSON, Level.DIGEST, raised_at - HOUR, raised_at, unknown=Unknown.BLIND,
        text_ja="様子が分かりません。", text_en="Cannot say how the resident is.",
    )  # fmt: skip


def test_a_detector_that_cannot_say_is_shown_with_its_reason_on_the_home_and_on_the_alert(
    installation: Installation, browser: Browser
) -> None:
    installation.watch_says(status(1))
    unknown = cannot_say(NOW - 30 * MINUTE)
    with installation.office.book.transaction() as page:
        page.note(unknown, NOW)
    number = installation.raise_alert(fall(1))
    for path in ("/homes/home-1", f"/alerts/{number}"):
        shown = browser.get(path).text
        assert "cannot say" in shown
        assert "Part of the time could not be seen" in shown
        assert "Cannot say how the resident is." in shown
    with installation.office.book.transaction() as page:
        page.end(Ended(HOME_1, unknown.cause, unknown.id, NOW - MINUTE, EndReason.ACTIVITY))
    assert "Cannot say how the resident is." not in browser.get("/homes/home-1").text
    assert "over at 09:59" in browser.get(f"/alerts/{number}").text


def test_pages_so_far_are_counted_by_rule_with_what_was_found(
    installation: Installation, browser: Browser, tmp_path: Path
) -> None:
    live_in(installation, tmp_path)
    number = installation.raise_alert(fall(1))
    installation.office.book.act(number, 1, "claim", "hana", NOW)
    browser.get(f"/alerts/{number}")
    browser.submit(f"/alerts/{number}/close", outcome="spoke_safe")
    page = browser.get("/homes/home-1/outlook").text
    assert "Pages about the resident: 1. Known to be false: 1," in page
    row = re.search(r'<tr><th scope="row">No sign of life</th><td>Act now</td>(.*?)</tr>', page)
    assert row is not None
    assert re.findall(r">(\d+)</td>", row[1]) == ["1", "0", "1", "0"]
    assert f"{1 / (DAYS * DAY / MONTH):.2f} (" in row[1]


# ---- evidence --------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def found() -> list[Finding]:
    """What the whole catalogue finds in an eventful fortnight."""
    return findings(run(HomeWatch(HOME, ZONE, QUICK), an_eventful_fortnight()))


def test_every_kind_that_finds_something_has_a_name_and_every_key_of_its_evidence_words(found: list[Finding]) -> None:
    assert len({finding.kind for finding in found}) > 8
    assert set(CATALOGUE) <= set(KIND)
    for finding in found:
        assert finding.kind in KIND, finding.kind
        assert set(finding.evidence) - TOLD_ALREADY <= set(EVIDENCE), finding.kind


def dicts_of_evidence(node: ast.AST) -> list[ast.Dict]:
    """The dict literals of an ``evidence`` argument, of a name of type Evidence, or of a function of that name."""
    if isinstance(node, ast.FunctionDef) and node.name.strip("_") == "evidence":
        return [part for part in ast.walk(node) if isinstance(part, ast.Dict)]
    told = isinstance(node, ast.keyword) and node.arg == "evidence"
    typed = isinstance(node, ast.AnnAssign) and ast.unparse(node.annotation) == "Evidence"
    value = node.value if told or typed else None  # type: ignore[attr-defined]
    return [value] if isinstance(value, ast.Dict) else []


def written_keys() -> set[str]:
    """Every key that any module of detectors writes into evidence."""
    found: list[ast.expr | None] = []
    for file in (ROOT / "detectors").rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            for literal in dicts_of_evidence(node):
                found += literal.keys
            if isinstance(node, ast.Subscript) and ast.unparse(node.value) in {"evidence", "found"}:
                found.append(node.slice)
    return {key.value for key in found if isinstance(key, ast.Constant) and isinstance(key.value, str)}


def test_every_key_that_the_code_of_a_detector_writes_has_words(found: list[Finding]) -> None:
    written = written_keys()
    assert len(written) > 40
    assert {key for finding in found for key in finding.evidence} <= written | {"humidity_percent"}
    assert written - TOLD_ALREADY <= set(EVIDENCE)


@pytest.mark.parametrize("language", ["ja", "en"])
def test_no_key_and_no_bare_number_of_any_kind_s_evidence_is_shown(language: str, found: list[Finding]) -> None:
    speech = Speech(language, found[-1].raised_at, LocalTime(ZONE))
    names = {str(device.id) for device in DEVICES} | {str(device.room) for device in DEVICES}
    versions = {finding.evidence.get("prior") for finding in found}
    for finding in found:
        shown = facts(finding.evidence, speech, finding.kind)
        empty = {key for key, value in finding.evidence.items() if value in (None, [], {}, "", 0)}
        assert len(shown) >= len(set(finding.evidence) - empty - TOLD_ALREADY)
        for fact in shown:
            assert not re.search(r"[a-z]_[a-z]", fact.label), fact
            spoken = re.sub(r"[a-z]{3,}", lambda word: "" if word[0] in names else word[0], fact.value)
            spoken = "" if fact.value in versions else spoken
            assert language == "en" or not re.search(r"[a-z]{3,}", f"{fact.label} {spoken}"), fact
            assert not re.fullmatch(r"[\d.]+", fact.value), fact
            assert "T" not in fact.value or not re.search(r"\dT\d", fact.value), fact


def test_a_key_without_words_is_shown_all_the_same_and_would_be_found() -> None:
    """The control: the two tests above can fail."""
    (fact,) = facts({"a_new_key": 3}, Speech("en", NOW, LocalTime(ZONE)))
    assert (fact.label, fact.value) == ("a_new_key", "3")


def test_a_change_of_daily_life_is_told_with_its_figures_and_an_absence_with_its_own_words() -> None:
    japanese, english = (Speech(language, NOW, LocalTime(ZONE)) for language in ("ja", "en"))
    changes: list[object] = [
        {"what": "visits", "week": 4, "usual": 1.5, "z": 4.2}, {"what": "rise", "week": 90, "usual": 81, "z": 3.0},
        {"what": "room:kitchen", "week": 100, "usual": 250, "z": 3.1},
    ]  # fmt: skip
    (fact,) = facts({"changes": changes, "changed": ["the same in English"]}, english, "routine_drift")
    assert fact.value == (
        "visits to the toilet a night: 4 (usually 1.5), gets up: 07:30 (usually 06:45), kitchen: 10 % (usually 25 %)"
    )
    back = {"expected": "2026-03-02T12:00:00+09:00"}
    assert facts(dict(back), english, "not_returned")[0].label == "Expected back"
    assert facts({"expected": 12.5}, japanese, "device_stuck")[0].value == "12.5回"


def test_every_word_of_the_outlook_has_one_that_staff_read() -> None:
    assert set(WHY) == set(Why)
    assert set(SEES) == set(Sees)
    assert set(REACH) == set(Reach)
    assert set(PART) == set(Part)
    assert set(IDEA) == set(IDEA_WHY) == set(Idea)
    assert set(UNKNOWN) == set(Unknown)
