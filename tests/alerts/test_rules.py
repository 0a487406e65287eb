"""Backtest, shadow, live: who decides on which rules a home runs, from when, and what a candidate may never do."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, event

from alerts.book import WatchedHome
from alerts.log import alert_log
from alerts.rulebook import MOST_SHADOWS, Rulebook, RulesError
from alerts.shadowbook import Shadowbook
from alerts.sqlbook import SqlBook
from alerts.watch import Watch
from detectors.home import HomeWatch
from domain.clock import DAY, HOUR, Instant
from domain.findings import Level
from domain.ids import GatewayId, HomeId
from domain.readings import Arrival, Item
from domain.rules import Action, Stand
from domain.stage import ListFeed, drive
from registry.database import migrate, open_database
from registry.homes import Home, Homes
from simulators.incidents import collapse
from simulators.player import arrivals
from tests.simulators.homes import recorded, with_readings

HOME = HomeId("home")
SOON = {"inactivity": {"page_budget": 20.0}}
LATE = {"inactivity": {"page_budget": 0.2}}
START = recorded().start


@cache
def story() -> list[Arrival]:
    """Sixteen days: on the thirteenth and on the fifteenth somebody falls at nine and is found after six hours."""
    home = recorded()
    readings = home.readings
    for day in (12, 14):
        fallen = collapse(home.home, readings, home.start + day * DAY + 3 * HOUR, 6 * HOUR)
        assert fallen is not None
        readings = fallen[0]
    return list(arrivals(with_readings(home, readings)))


@cache
def learnt() -> tuple[int, bytes]:
    """The home's state after ten days, and the journal's offset there: what every test here begins with."""
    watch, offset = HomeWatch(HOME, "Asia/Tokyo"), 0
    for arrival in story():
        if arrival.received_at > START + 10 * DAY:
            break
        watch.take(mine(arrival))
        offset = arrival.offset
    return offset, watch.snapshot()


def mine(arrival: Arrival) -> list[Item]:
    return [item for item in arrival.items if hasattr(item, "home")]


def day(number: float) -> Instant:
    return START + int(number * DAY)


@dataclass
class Installation:
    engine: Engine
    budget: float = 1.0

    def __post_init__(self) -> None:
        self.book = SqlBook(self.engine)
        self.rules, self.shadows = Rulebook(self.engine), Shadowbook(self.engine)

    def watch(self) -> Watch:
        defaults = {"inactivity": {"page_budget": self.budget}}
        return Watch(self.book, defaults, rules=(self.rules, self.shadows), save_every=5 * HOUR)

    def run(self, until: float, *, killed: bool = False) -> Watch:
        """A watch that starts where the last one ended, up to a day of the story; a killed one saves nothing at its end."""
        watch = self.watch()
        drive(ListFeed([a for a in story() if watch.offset < a.offset and a.received_at <= day(until)]), watch)
        if not killed:
            watch.save(watch.now)
        return watch

    def propose(self, parameters: Mapping[str, Any], scope: str = "home:home", at: float = 0) -> int:
        return self.rules.propose(scope, parameters, "suzuki", "", day(at), day(at)).id

    def decide(self, rules: int, action: Action = Action.APPROVE, at: float = 0, by: str = "sato") -> None:
        self.rules.decide(rules, action, by, "as agreed", day(at), day(at))

    def stand(self, rules: int) -> Stand:
        return self.rules.standing()[0].stands[rules]

    def log(self) -> str:
        return alert_log(self.book.all_findings(), lambda _home: recorded().home.zone)

    def pages(self) -> list[tuple[Instant, str]]:
        """(when, under which rules) somebody was called about the person."""
        found = [row.finding for row in self.book.all_findings()]
        return [(f.raised_at, f.rules) for f in found if f.kind == "inactivity" and f.level is Level.PAGE]


@pytest.fixture
def kept(tmp_path: Path) -> Iterator[Installation]:
    yield from installation(tmp_path / "kehai.db")


def installation(file: Path) -> Iterator[Installation]:
    engine = open_database(f"sqlite:///{file}")
    event.listen(engine, "connect", lambda connection, _record: connection.execute("PRAGMA synchronous=OFF"))
    migrate(engine)
    made = Installation(engine)
    offset, state = learnt()
    Homes(engine).add_all(
        [(Home(HOME, "a", "Asia/Tokyo", "見本町", "", "", "", "", "", ()), [GatewayId("gw-home")])], START
    )
    with made.book.transaction() as page:
        page.save(WatchedHome(HOME, offset, state, b""))
        page.save_cursor(offset)
    yield made
    engine.dispose()


@pytest.fixture
def untouched(tmp_path: Path) -> Iterator[Installation]:
    yield from installation(tmp_path / "untouched.db")


# ---- live --------------------------------------------------------------------------------------------------------------


def test_an_approved_budget_calls_sooner_from_its_instant_on_and_says_so_on_each_finding(kept: Installation) -> None:
    number = kept.propose(SOON, at=11)
    kept.decide(number, at=13.5)
    kept.run(14.6)
    [first, second, *_] = kept.pages()
    assert (first[1], second[1]) == ("", "home:home/1")
    assert second[0] - day(14) < first[0] - day(12)
    state = kept.rules.standing()[0]
    assert state.live["home:home"].id == number
    assert (state.approvals[number].by, state.approvals[number].at) == ("sato", day(13.5))


def test_a_decision_does_not_count_before_its_instant(kept: Installation) -> None:
    kept.decide(kept.propose(SOON), at=13)
    kept.run(12.9)
    assert kept.book.state(HOME) is not None
    assert HomeWatch.restore(kept.book.state(HOME) or b"").rules == ""
    kept.run(13.1)
    assert HomeWatch.restore(kept.book.state(HOME) or b"").rules == "home:home/1"


@pytest.mark.parametrize("stops", [(11, 12.2, 13.51, 14.2), (13.5, 13.6, 14.15, 14.22)])
def test_killed_and_restarted_anywhere_it_finds_the_same_under_the_same_rules(
    kept: Installation, untouched: Installation, stops: tuple[float, ...]
) -> None:
    for each in (kept, untouched):
        shadow = each.propose(LATE, "installation", at=10.5)
        each.decide(each.propose(SOON, at=11), at=13.5)
        each.decide(shadow, at=14.2)
    untouched.run(14.6)
    for stop in stops:
        kept.run(stop, killed=True)
    kept.run(14.6)
    assert kept.log() == untouched.log()
    assert kept.rules.changes() == untouched.rules.changes(), "each counts from the same place in the journal"
    for number in (1, 2):
        found = [[row.finding for row in each.shadows.findings(number)] for each in (kept, untouched)]
        assert found[0] == found[1]
    assert any(untouched.shadows.findings(number) for number in (1, 2))


def test_what_was_learnt_carries_over_and_going_back_is_approving_the_older_version_again(kept: Installation) -> None:
    first, second = kept.propose(LATE), kept.propose(SOON)
    kept.decide(first, at=10.5)
    kept.run(11.3)
    before = HomeWatch.restore(kept.book.state(HOME) or b"")
    kept.decide(second, at=11.3)
    kept.run(11.5)
    between = HomeWatch.restore(kept.book.state(HOME) or b"")
    kept.decide(first, at=11.5)
    kept.run(11.7)
    after = HomeWatch.restore(kept.book.state(HOME) or b"")
    assert [w.inactivity.limit_at(9) for w in (before, after)] == [before.inactivity.limit_at(9)] * 2
    assert between.inactivity.limit_at(9) < before.inactivity.limit_at(9)
    assert between.inactivity.learnt_days == before.inactivity.learnt_days
    assert [w.rules for w in (before, between, after)] == ["home:home/1", "home:home/2", "home:home/1"]
    assert kept.stand(second) is Stand.SUPERSEDED


def test_the_narrower_scope_decides_and_the_others_stay_for_what_it_does_not_name(kept: Installation) -> None:
    kept.decide(kept.propose(SOON | {"door_at_night": {"on": False}}, "installation"), at=10.5)
    kept.decide(kept.propose({"inactivity": {"page_budget": 3}}, "area:見本町"), at=10.5)
    kept.decide(kept.propose(LATE, "area:別の町"), at=10.5)
    kept.run(11)
    watched = HomeWatch.restore(kept.book.state(HOME) or b"")
    assert watched.rules == "installation/1 area:見本町/1"
    assert watched.parameters == {"inactivity": {"page_budget": 3}, "door_at_night": {"on": False}}


def test_what_is_withdrawn_leaves_the_installation_s_own_budget(kept: Installation) -> None:
    number = kept.propose(SOON)
    kept.decide(number, at=10.5)
    kept.run(11)
    kept.decide(number, Action.WITHDRAW, at=11)
    kept.run(11.2)
    watched = HomeWatch.restore(kept.book.state(HOME) or b"")
    assert (watched.rules, watched.parameters) == ("", {"inactivity": {"page_budget": 1.0}})
    assert kept.stand(number) is Stand.WITHDRAWN


def test_what_is_withdrawn_before_its_instant_never_counts(kept: Installation) -> None:
    number = kept.propose(SOON)
    kept.decide(number, at=13)
    kept.decide(number, Action.WITHDRAW, at=10.5)
    kept.run(14)
    assert HomeWatch.restore(kept.book.state(HOME) or b"").rules == ""
    assert [change.void for change in kept.rules.changes()] == [False, True, False]


# ---- shadow ------------------------------------------------------------------------------------------------------------


def test_a_candidate_runs_in_silence_and_changes_nothing_that_is_live(
    kept: Installation, untouched: Installation
) -> None:
    number = kept.propose(SOON, at=10.5)
    kept.run(14.6)
    untouched.run(14.6)
    assert kept.log() == untouched.log()
    assert [alert.raised_at for alert in kept.book.alerts_of(HOME)] == [
        alert.raised_at for alert in untouched.book.alerts_of(HOME)
    ]
    found = [row.finding for row in kept.shadows.findings(number) if row.finding.kind == "inactivity"]
    assert found
    assert found[0].raised_at < kept.pages()[0][0], "a wider budget calls sooner"
    assert {finding.rules for finding in found} == {"home:home/1"}
    cost = kept.shadows.cost(number)
    assert cost is not None
    assert (cost.homes, cost.state_bytes > 1_000, cost.spent > 0, cost.beside > 0) == (1, True, True, True)


def test_a_candidate_finds_what_it_then_finds_live(kept: Installation, untouched: Installation) -> None:
    number = kept.propose(SOON, at=10.5)
    kept.run(14.6)
    untouched.decide(untouched.propose(SOON, at=10.4), at=10.5)
    untouched.run(14.6)
    silently = [row.finding for row in kept.shadows.findings(number)]
    live = [row.finding for row in untouched.book.all_findings() if row.finding.raised_at > day(10.6)]
    assert [f for f in silently if f.raised_at > day(10.6)] == live


def test_an_approved_candidate_leaves_the_shadow_and_its_findings_stay(kept: Installation) -> None:
    number = kept.propose(SOON, at=10.5)
    kept.run(13)
    before = len(kept.shadows.findings(number))
    assert kept.shadows.since(number)
    kept.decide(number, at=13)
    kept.run(14.6)
    assert len(kept.shadows.findings(number)) == before
    assert not kept.shadows.since(number)


def test_a_candidate_that_fails_ends_and_the_live_rules_do_not_notice(
    kept: Installation, untouched: Installation
) -> None:
    number = kept.propose(SOON, at=10.5)
    kept.run(11)
    [saved] = kept.shadows.homes(number).values()
    broken = type(saved)(saved.home, saved.cursor, saved.since, b"nonsense")
    kept.shadows.save(number, [broken])
    kept.run(14.6)
    untouched.run(14.6)
    assert kept.log() == untouched.log()
    assert kept.stand(number) is Stand.FAILED
    [told] = [change for change in kept.rules.changes() if change.action is Action.FAILED]
    assert "BrokenSnapshotError" in told.why
    assert told.by == "kehai"


# ---- what is refused ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("parameters", "sentence"),
    [
        ({"nonsense": {}}, "There is no detector 'nonsense'"),
        ({"inactivity": {"page_budget": 0}}, "use a number from"),
        ({"inactivity": {"page_bugdet": 1}}, "no parameter 'page_bugdet'"),
        ({"inactivity": {"on": False}}, "cannot be switched off"),
        ({"heat": {"on": "no"}}, "use true or false"),
        ({}, "changes nothing"),
    ],
)
def test_rules_that_cannot_run_are_refused_in_one_sentence(
    kept: Installation, parameters: Mapping[str, Any], sentence: str
) -> None:
    with pytest.raises(RulesError, match=sentence):
        kept.propose(parameters)
    assert kept.rules.sets() == {}


def test_decisions_that_make_no_sense_are_refused_in_one_sentence(kept: Installation) -> None:
    number = kept.propose(SOON)
    with pytest.raises(RulesError, match="Say who decides"):
        kept.decide(number, by=" ")
    with pytest.raises(RulesError, match="There is no rule set 99"):
        kept.decide(99)
    kept.decide(number, at=10.5)
    kept.run(11)
    with pytest.raises(RulesError, match="live already"):
        kept.decide(number)
    with pytest.raises(RulesError, match="is live: withdraw it"):
        kept.decide(number, Action.REJECT)
    kept.decide(number, Action.WITHDRAW, at=11)
    kept.run(11.2)
    with pytest.raises(RulesError, match="does not run"):
        kept.decide(number, Action.WITHDRAW, at=11.2)


def test_so_many_candidates_and_no_more(kept: Installation) -> None:
    for _ in range(MOST_SHADOWS):
        kept.propose(SOON)
    with pytest.raises(RulesError, match="candidates run already"):
        kept.propose(SOON)


def test_a_home_whose_saved_state_is_no_state_begins_anew_and_keeps_its_cursor(kept: Installation) -> None:
    offset, _ = learnt()
    with kept.book.transaction() as page:
        page.save(WatchedHome(HOME, offset, b"nonsense", b""))
    watch = kept.run(10.2)
    assert watch.homes == 1
    [finding] = [row.finding for row in kept.book.all_findings()]
    assert (finding.kind, finding.evidence["detector"]) == ("state_unreadable", "all")
    assert HomeWatch.restore(kept.book.state(HOME) or b"").context.watermark is not None
