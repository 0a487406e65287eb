"""What staff see, without JavaScript."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import msgspec
import pytest

from alerts.sqlbook import RoleMark
from dashboard import words
from domain.alerts import Outcome, State
from domain.clock import DAY, HOUR, MINUTE, SECOND
from domain.findings import Evidence, Finding, Level, Subject
from domain.ids import INSTALLATION, DeviceId, GatewayId, HomeId
from domain.localtime import LocalTime
from domain.readings import Quantity, Reading, Vouch
from domain.status import Observability, Resident
from ingest.gateways import GatewayState
from ingest.influx.ledger import Ledger
from ingest.influx.writer import Refused
from ingest.journal import Batch, Journal
from ingest.letters import Letter
from ingest.retention import Keep, Retention
from tests.dashboard.conftest import NOW, Browser, Installation, fall, home, status


def order(text: str, *parts: str) -> bool:
    places = [text.find(part) for part in parts]
    assert -1 not in places, dict(zip(parts, places, strict=True))
    return places == sorted(places)


def test_an_empty_board_says_that_all_is_seen_to(browser: Browser) -> None:
    page = browser.get("/").text
    assert "No open alert" in page
    assert "Not installed yet" in page


def test_the_board_puts_the_worst_first(installation: Installation, browser: Browser) -> None:
    installation.watch_says(status(1), status(2, Resident.OVERDUE), status(3, Resident.UNKNOWN, Observability.BLIND))
    installation.raise_alert(fall(2))
    page = browser.get("/").text
    assert order(page, 'id="alert-1"', 'id="home-home-2"', 'id="home-home-3"', 'id="home-home-1"')
    assert "1 without an owner" in page
    assert "09:55" in page


def test_a_page_stands_above_a_prompt_and_an_owned_alert_below_one_without_an_owner(
    installation: Installation, browser: Browser
) -> None:
    installation.raise_alert(fall(1, level=Level.PROMPT))
    owned, free = installation.raise_alert(fall(2)), installation.raise_alert(fall(3, NOW - MINUTE))
    installation.office.book.act(owned, 1, "claim", "hana", NOW)
    page = browser.get("/").text
    assert order(page, f'id="alert-{free}"', f'id="alert-{owned}"', 'id="alert-1"')
    assert "職員 はな is going" in page


def test_an_area_shows_its_own_homes_only(installation: Installation, browser: Browser) -> None:
    installation.watch_says(status(1), status(3))
    page = browser.get("/?area=架空町").text
    assert 'id="home-home-3"' in page
    assert 'id="home-home-1"' not in page


def outage(area: str = "") -> Finding:
    said: Evidence = {"began": "2026-03-02T09:40:00+09:00", "silent_homes": 87, "of_homes": 200, "homes": ["home-1"]}
    if area:
        said["area"] = area
    return Finding(
        INSTALLATION, "fleet_outage", "fleet_outage/1", "fleet_outage", Subject.SYSTEM, Level.PAGE, NOW - 20 * MINUTE,
        NOW - 9 * MINUTE, None, None, None, said, "200軒のうち87軒の通信が途絶えています。",
        "87 of 200 homes fell silent together.",
    )  # fmt: skip


def test_an_alert_about_the_installation_stands_on_the_board_and_names_no_home(
    installation: Installation, browser: Browser
) -> None:
    number = installation.raise_alert(outage())
    board = browser.get("/?area=架空町").text
    assert order(board, "The installation", "Many homes silent", "87 of 200 homes")
    assert "~installation" not in board
    page = browser.get(f"/alerts/{number}").text
    assert order(page, "The installation", "87 of 200 homes", "Homes that fell silent", "home-1")
    assert "/homes/~installation" not in page
    browser.submit(f"/alerts/{number}/claim")
    assert installation.office.book.alert(number).state is State.CLAIMED  # type: ignore[union-attr]


def test_an_outage_of_one_area_is_not_shown_to_another(installation: Installation, browser: Browser) -> None:
    installation.raise_alert(outage("架空町"))
    assert "87 of 200" in browser.get("/").text
    assert "87 of 200" in browser.get("/?area=架空町").text
    assert "87 of 200" not in browser.get("/?area=別の町").text


def test_the_words_of_the_code_in_the_evidence_are_said_in_words(installation: Installation, browser: Browser) -> None:
    stuck: Evidence = {
        "device": "hall",
        "fault": "without_end",
        "usual_longest_s": 1800,
        "clock": "offset",
        "clock_behind_s": -120,
    }
    finding = Finding(
        HomeId("home-1"), "device_stuck", "device_stuck/1", "device_stuck:hall", Subject.DEVICE, Level.PROMPT,
        NOW - 7 * HOUR, NOW, None, None, None, stuck,
    )  # fmt: skip
    number = installation.raise_alert(finding)
    page = browser.get(f"/alerts/{number}").text
    assert order(page, "Sensor stuck", "30 min", "It fires without a pause", "Its heartbeats", "2 min ahead")


def test_what_is_old_says_so(installation: Installation, browser: Browser) -> None:
    real = installation.office.real.now()
    assert "no sign of life for" not in browser.get("/").text
    from alerts.sqlbook import RoleMark  # noqa: PLC0415

    installation.office.book.mark(RoleMark("watch", real - 5 * MINUTE, 0))
    page = browser.get("/").text
    assert "The role watch has given no sign of life for 5 min" in page


def test_a_sentence_from_a_finding_is_text_and_never_markup(installation: Installation, browser: Browser) -> None:
    installation.raise_alert(fall(1))
    for path in ("/", "/alerts/1", "/homes/home-1"):
        page = browser.get(path).text
        assert "<script>alert" not in page
        assert "&lt;script&gt;alert" in page or path == "/homes/home-1"


def test_an_alert_shows_its_numbers_and_who_to_call(installation: Installation, browser: Browser) -> None:
    installation.watch_says(status(1, Resident.OVERDUE))
    installation.raise_alert(fall(1))
    page = browser.get("/alerts/1").text
    for words_of_it in ("50 min", "31", "24 min", "28", 'href="tel:00000000001"', "has a key", "nobody is going yet"):
        assert words_of_it in page


def test_an_alert_is_claimed_and_closed_with_an_outcome(installation: Installation, browser: Browser) -> None:
    number = installation.raise_alert(fall(1))
    browser.get("/")
    browser.submit(f"/alerts/{number}/claim")
    assert "職員 はな is going" in browser.get(f"/alerts/{number}").text
    done = browser.submit(f"/alerts/{number}/close", outcome="visit_safe", note="転倒なし。居間で就寝中だった。")
    assert "Visited: safe" in done.text
    assert "転倒なし" in done.text
    alert = installation.office.book.alert(number)
    assert alert is not None
    assert (alert.state, alert.outcome, alert.owner) == (State.CLOSED, Outcome.VISIT_SAFE, "hana")
    assert f'id="alert-{number}"' not in browser.get("/").text


def test_an_alert_is_given_back_and_commented_on(installation: Installation, browser: Browser) -> None:
    number = installation.raise_alert(fall(1))
    browser.get(f"/alerts/{number}")
    browser.submit(f"/alerts/{number}/claim")
    browser.submit(f"/alerts/{number}/release")
    assert "nobody is going yet" in browser.submit(f"/alerts/{number}/comment", note="電話に出ない").text
    assert [t.reason for t in installation.office.book.history(number)] == ["raised", "claimed", "released", "comment"]


def test_a_close_without_an_outcome_keeps_what_was_typed_and_says_what_is_missing(
    installation: Installation, browser: Browser
) -> None:
    number = installation.raise_alert(fall(1))
    browser.get(f"/alerts/{number}")
    page = browser.submit(f"/alerts/{number}/close", note="typed already")
    assert page.status_code == 422
    assert "Choose what was found" in page.text
    assert "typed already</textarea>" in page.text
    page = browser.submit(f"/alerts/{number}/close", outcome="false_alarm")
    assert "why it was a false alarm" in page.text
    assert '<option value="false_alarm" selected>' in page.text
    assert browser.submit(f"/alerts/{number}/close", outcome="resumed").status_code == 422


def test_the_second_of_two_people_is_told(installation: Installation, browser: Browser) -> None:
    number = installation.raise_alert(fall(1))
    browser.get(f"/alerts/{number}")
    installation.office.staff.add("sora", "職員 そら", "another long one", installation.office.real.now())
    installation.office.book.act(number, 1, "claim", "sora", NOW)
    page = browser.submit(f"/alerts/{number}/claim")
    assert page.status_code == 409
    assert "Somebody changed this alert" in page.text
    assert "職員 そら is going" in page.text


def test_a_home_shows_its_day_as_a_picture_and_as_numbers(
    installation: Installation, browser: Browser, tmp_path: Path
) -> None:
    installation.watch_says(status(1))
    journal = Journal(tmp_path / "journal.db")
    stream = journal.stream("gw-1", "e")
    gateway = status(1).gateways[0][0]

    def reading(seq: int, device: str, quantity: Quantity, value: float, at: int) -> Reading:
        return Reading(HomeId("home-1"), DeviceId(device), quantity, value, at, NOW, gateway, "e", seq)

    items = [reading(n, "living", Quantity.MOTION, 1.0, NOW - 3 * HOUR + n * MINUTE) for n in range(1, 8)]
    items += [
        reading(8, "front", Quantity.DOOR, 1.0, NOW - HOUR),
        reading(9, "air", Quantity.TEMPERATURE, 21.5, NOW - HOUR),
    ]
    vouch = Vouch(HomeId("home-1"), gateway, NOW, ((NOW - 5 * HOUR, NOW - 2 * HOUR), (NOW - HOUR, NOW)), (), NOW, NOW)
    journal.append(Batch([*items, vouch], {stream.id: stream}, {("gw-1", "e"): stream.id}), NOW)
    journal.close()
    page = browser.get("/homes/home-1").text
    assert page.count('class="move"') >= 2
    assert 'class="door open"' in page
    assert page.count('class="hole"') >= 3, "before five, between eight and nine, and in the legend"
    assert "21.5 °C" in page
    assert re.search(r"<th scope=\"row\">居間</th>(<td>\d*</td>)*<td>7</td>", page)
    assert "Staff are called at" in page
    assert "81 %" in page
    assert "10:30" in page, "last sign of life 09:40 and a limit of 50 minutes"
    assert browser.get("/homes/home-1?day=2026-03-01").status_code == 200


def test_a_home_that_has_never_reported_says_so(browser: Browser) -> None:
    assert "No gateway of this home has reported yet" in browser.get("/homes/home-2").text


@pytest.mark.parametrize(
    "path", ["/homes/nobody", "/alerts/99", "/alerts/x", "/nowhere", "/homes/home-1?day=yesterday"]
)
def test_what_is_not_there_is_a_page_that_says_so(browser: Browser, path: str) -> None:
    page = browser.get(path)
    assert page.status_code == 404
    assert "There is no such page" in page.text


def test_dead_letters_are_shown_with_their_reason(installation: Installation, browser: Browser, tmp_path: Path) -> None:
    journal = Journal(tmp_path / "journal.db")
    letter = Letter(NOW - SECOND, "kehai/1/gw/gw-1/up/readings", "not_json", "line 1 <b>", b"poison", 6)
    journal.append(Batch(letters=[letter]), NOW)
    journal.close()
    page = browser.get("/system").text
    assert "Not readable" in page
    assert "line 1 &lt;b&gt;" in page
    assert 'class="count">1<' in page
    assert "Kept" in page
    assert installation.office.history.dead_letter_count() == 1


def heard(folder: Path, *states: GatewayState) -> None:
    """What gateways told, as ingest writes it down."""
    journal = Journal(folder / "journal.db")
    rows = [(s.gateway, s.home, NOW - MINUTE, msgspec.json.encode(s).decode()) for s in states]
    journal.append(Batch(gateways=rows), NOW)
    journal.close()


def test_a_gateway_that_has_lost_something_is_shown_on_its_home_and_among_those_that_need_a_look(
    installation: Installation, browser: Browser, tmp_path: Path
) -> None:
    heard(
        tmp_path,
        GatewayState(gateway="gw-1", home="home-1", depth=7, losses={"spool full": 40, "<b>": 1}, conflicts=2, synced=False,
                     software="kehai 0.1", events=[("spool_copied", "2026-03-02T00:00:00Z")]),
        GatewayState(gateway="gw-2", home="home-2"),
    )  # fmt: skip
    installation.watch_says(status(1), status(2))
    home = browser.get("/homes/home-1").text
    system = browser.get("/system").text
    for page in (home, system):
        assert "40 readings (its memory was full)" in page
        assert "1 reading (&lt;b&gt;)" in page
        assert "not set by the network" in page
        assert "a copied card" in page
        assert "it began anew" in page
    assert '<a href="/homes/home-1">' in system
    assert "home-2" not in system
    assert "gw-2" in browser.get("/homes/home-2").text


def test_a_day_whose_readings_were_cut_is_shown_by_the_hour_and_does_not_look_like_silence(
    installation: Installation, browser: Browser, tmp_path: Path
) -> None:
    journal, then = Journal(tmp_path / "journal.db"), NOW - 100 * DAY
    stream = journal.stream("gw-1", "e1")
    readings = [
        Reading(HomeId("home-1"), DeviceId(device), quantity, value, at, at, GatewayId("gw-1"), "e1", seq)
        for seq, (device, quantity, value, at) in enumerate(
            [("living", Quantity.MOTION, 1.0, then), ("living", Quantity.MOTION, 1.0, then + MINUTE),
             ("air", Quantity.TEMPERATURE, 21.0, then), ("air", Quantity.TEMPERATURE, 22.0, then + MINUTE),
             ("living", Quantity.MOTION, 1.0, NOW)], 1)
    ]  # fmt: skip
    journal.append(Batch(items=list(readings), streams={stream.id: stream}, stream_of={("gw-1", "e1"): stream.id}), NOW)
    retention = Retention(journal, Keep(), lambda: 0)
    retention.step(NOW)
    while retention.working:
        retention.step(NOW)
    journal.close()
    installation.watch_says(status(1))
    page = browser.get(f"/homes/home-1?day={LocalTime('Asia/Tokyo').date(then)}").text
    assert "these are its hours" in page
    assert "<td>2</td>" in page
    assert "<td>21.5</td>" in page
    assert 'figure class="strip"' not in page
    assert "these are its hours" not in browser.get("/homes/home-1").text


def test_metrics_tell_the_lag_of_each_home_and_the_state_of_each_gateway_by_opaque_ids(
    installation: Installation, browser: Browser, tmp_path: Path
) -> None:
    heard(tmp_path, GatewayState(gateway="gw-1", home="home-1", depth=7, losses={"spool full": 40}, conflicts=2))
    installation.watch_says(replace(status(1), watermark=NOW - 90 * SECOND))
    page = browser.get("/metrics").text
    for line in (
        'kehai_watermark_lag_seconds{home="home-1"} 90.0',
        'kehai_gateway_spool_depth{gateway="gw-1"} 7.0',
        'kehai_gateway_lost_readings_total{gateway="gw-1",reason="spool full"} 40.0',
        'kehai_gateway_key_conflicts_total{gateway="gw-1"} 2.0',
    ):
        assert line in page
    assert "見本" not in page


def test_japanese_is_the_language_of_who_asks_for_it(installation: Installation, browser: Browser) -> None:
    installation.watch_says(status(1))
    installation.raise_alert(fall(1))
    page = browser.client.get("/", headers={"accept-language": "ja,en;q=0.5"}).text
    assert '<html lang="ja">' in page
    assert "私が対応します" in page
    assert "見本 1子 様" in page
    assert "動きがありません" in page
    assert "2026年3月2日(月)" in page
    browser.get("/")
    assert "私が対応します" in browser.submit("/language", language="ja", next="/").text


def test_every_word_that_code_knows_has_one_that_staff_read() -> None:
    assert set(words.OUTCOME) == set(Outcome)
    assert set(words.STATE) == set(State)
    assert set(words.RESIDENT) == set(Resident)
    assert set(words.OBSERVABILITY) == set(Observability)


def test_a_thousand_homes_are_one_page_of_the_worst_and_a_link_to_all(
    installation: Installation, browser: Browser
) -> None:
    installation.office.homes.add_all([(home(n), []) for n in range(10, 1010)], NOW)
    installation.watch_says(*(status(n) for n in range(10, 1010)))
    page = browser.get("/").text
    assert page.count("<tr id=") == 300
    assert "Show all 1003 homes" in page
    assert browser.get("/?every=1").text.count("<tr id=") == 1003


def test_a_point_that_influxdb_refused_is_shown_with_influxdb_s_words(
    installation: Installation, browser: Browser
) -> None:
    assert "Points that InfluxDB refused" not in browser.get("/system").text
    Ledger(installation.office.engine, installation.office.real).refuse(
        [Refused("motion,home=home-1 value=1.0 1", 422, "field type <conflict>")]
    )
    page = browser.get("/system").text
    for words_of_it in ("Points that InfluxDB refused", "422", "field type &lt;conflict&gt;", "motion,home=home-1"):
        assert words_of_it in page


def test_the_health_page_counts_the_projection_only_where_it_is_configured(installation: Installation) -> None:
    client = installation.browser.client
    assert set(client.get("/healthz").json()["roles"]) == {"dashboard", "ingest", "watch"}
    installation.office.roles = ("ingest", "watch", "influx")
    missing = client.get("/healthz")
    assert (missing.status_code, missing.json()["roles"]["influx"]["state"]) == (503, "never started")
    installation.office.book.mark(RoleMark("influx", installation.office.real.now(), 90 * MINUTE, "9 commits behind"))
    behind = client.get("/healthz")
    assert (behind.status_code, behind.json()["roles"]["influx"]["lag_s"]) == (200, 5_400), "behind, and well"
