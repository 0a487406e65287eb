"""What a home's state survives: restarts, upgrades, a state that cannot be read, and a program that is too old for it."""

from __future__ import annotations

import ast
from functools import cache
from pathlib import Path

import msgspec
import pytest

from detectors.catalogue import CATALOGUE
from detectors.home import HomeWatch
from detectors.snapshot import MIGRATIONS, RESET, VERSION, BrokenSnapshotError, NewerSnapshotError
from domain.clock import DAY, HOUR, MINUTE
from domain.findings import Ended, EndReason
from domain.readings import Reading, Vouch
from domain.status import Resident
from tests.detectors.homes import GATEWAY, HOME, KITCHEN, LIVING, T0, ZONE, Script, findings, run

OLD = sorted((Path(__file__).parent / "snapshots").glob("*.msgpack"))
ROOT = Path(__file__).resolve().parents[2]


def lived(days: int = 8) -> HomeWatch:
    return HomeWatch.restore(_lived(days))


@cache
def _lived(days: int) -> bytes:
    script = Script()
    script.live(days)
    watch = HomeWatch(HOME, ZONE)
    run(watch, script.items(T0 + days * DAY))
    return watch.snapshot()


@pytest.mark.parametrize("file", OLD, ids=lambda file: file.stem)
def test_every_snapshot_that_was_ever_released_is_read_whole(file: Path) -> None:
    watch = HomeWatch.restore(file.read_bytes())
    now = (watch.context.watermark or 0) + MINUTE
    events = watch.take([Vouch(watch.context.home, GATEWAY, now, ((now - MINUTE, now),), (), now, now)])
    assert not findings(events, RESET), "a detector has started anew"
    assert watch.context.devices
    assert watch.inactivity.learnt_days >= 5
    assert HomeWatch.restore(watch.snapshot()).snapshot() == watch.snapshot()


def test_a_page_that_stood_before_the_upgrade_is_ended_by_the_next_sign_of_life() -> None:
    [file] = [file for file in OLD if file.stem == "v1-standing"]
    watch = HomeWatch.restore(file.read_bytes())
    now = (watch.context.watermark or 0) + 5 * MINUTE
    assert watch.status(now).resident is Resident.OVERDUE
    moved = Reading(HOME, KITCHEN.id, KITCHEN.kind, 1.0, now - MINUTE, now, GATEWAY, "e", 9_999_999)
    events = watch.take([moved, Vouch(HOME, GATEWAY, now, ((now - 5 * MINUTE, now),), (), now, now)])
    [ended] = [event for event in events if isinstance(event, Ended)]
    assert (ended.cause, ended.reason) == ("inactivity", EndReason.ACTIVITY)


def test_a_home_that_was_saved_before_outcomes_were_told_goes_on_with_all_that_it_knows() -> None:
    watch = lived()
    state = msgspec.msgpack.decode(watch.snapshot())
    del state["evidence"]["feedback"]
    kept = state["detectors"]["inactivity"][1]
    for key in ("judged", "raised", "unspoken", "false_pages"):
        del kept[key]
    del kept["learnt"]["fades"]
    state["detectors"]["inactivity"][0] = 2
    again = HomeWatch.restore(msgspec.msgpack.encode(state))
    assert again.inactivity.limits() == watch.inactivity.limits()
    now = T0 + 8 * DAY + 5 * MINUTE
    events = again.take([Vouch(HOME, GATEWAY, now, ((now - 5 * MINUTE, now),), (), now, now)])
    assert not findings(events, RESET)


def test_the_stored_snapshots_cover_every_version_that_was_released() -> None:
    assert {int(file.stem.partition("-")[0][1:]) for file in OLD} >= {1}
    assert set(MIGRATIONS) == set(range(1, VERSION)), "one step from each version to the next"


@pytest.mark.parametrize("name", sorted(CATALOGUE))
def test_a_detector_whose_state_cannot_be_read_starts_anew_and_says_so_and_the_others_go_on(name: str) -> None:
    watch = lived()
    state = msgspec.msgpack.decode(watch.snapshot())
    state["detectors"][name] = [1, {"nonsense": True}]
    again = HomeWatch.restore(msgspec.msgpack.encode(state))
    now = T0 + 8 * DAY + 5 * MINUTE
    events = again.take([Vouch(HOME, GATEWAY, now, ((now - 5 * MINUTE, now),), (), now, now)])
    assert [(f.cause, f.subject, f.raised_at) for f in findings(events, RESET)] == [
        (f"{RESET}:{name}", "system", T0 + 8 * DAY)
    ]
    others = msgspec.msgpack.decode(again.snapshot())["detectors"]
    assert set(others) == set(CATALOGUE)
    if name != "inactivity":
        assert again.inactivity.learnt_days == watch.inactivity.learnt_days


def test_a_snapshot_of_a_newer_program_is_refused_in_one_sentence() -> None:
    state = msgspec.msgpack.decode(lived(1).snapshot())
    with pytest.raises(NewerSnapshotError, match="start the newer program again"):
        HomeWatch.restore(msgspec.msgpack.encode(state | {"v": VERSION + 1}))
    state["detectors"]["heat"][0] = 99
    with pytest.raises(NewerSnapshotError, match="heat is of version 99"):
        HomeWatch.restore(msgspec.msgpack.encode(state))


@pytest.mark.parametrize(
    "body", [b"", b"\x00", b"nonsense", msgspec.msgpack.encode({"v": 1}), msgspec.msgpack.encode([1])]
)
def test_bytes_that_are_no_snapshot_are_called_that(body: bytes) -> None:
    with pytest.raises(BrokenSnapshotError):
        HomeWatch.restore(body)


@pytest.mark.parametrize("part", ["watermark", "coverage", "gateways", "heard", "waiting", "voice", "evidence"])
def test_a_snapshot_of_which_a_part_cannot_be_read_is_called_broken(part: str) -> None:
    state = msgspec.msgpack.decode(lived(1).snapshot())
    with pytest.raises(BrokenSnapshotError, match="A part of this snapshot"):
        HomeWatch.restore(msgspec.msgpack.encode(state | {part: 7}))


def test_a_home_goes_on_with_the_rules_that_it_was_saved_with() -> None:
    watch = HomeWatch(HOME, ZONE, {"inactivity": {"page_budget": 4.0}}, "home/3")
    again = HomeWatch.restore(watch.snapshot())
    assert (again.rules, again.parameters) == ("home/3", {"inactivity": {"page_budget": 4.0}})


def test_a_home_that_is_restored_under_other_rules_is_as_if_it_had_adopted_them() -> None:
    watch = lived()
    other: dict[str, dict[str, object]] = {"inactivity": {"page_budget": 4.0}, "door_at_night": {"on": False}}
    again = HomeWatch.restore(watch.snapshot(), other, "home/1")
    watch.adopt(other, "home/1")
    assert again.snapshot() == watch.snapshot()


def test_another_budget_changes_the_limits_at_once_and_forgets_nothing() -> None:
    watch = lived()
    before, known = [watch.inactivity.limit_at(hour) for hour in range(24)], watch.inactivity.learnt_days
    watch.adopt({"inactivity": {"page_budget": 4.0}}, "home/1")
    sooner = [watch.inactivity.limit_at(hour) for hour in range(24)]
    assert watch.inactivity.learnt_days == known
    assert all(now <= then for now, then in zip(sooner, before, strict=True))
    assert sum(sooner) < sum(before)
    watch.adopt({}, "")
    assert [watch.inactivity.limit_at(hour) for hour in range(24)] == before


def test_a_new_budget_counts_for_the_silence_that_is_under_way_and_raises_nothing_in_the_past() -> None:
    silent_from = T0 + 11 * DAY + 12 * HOUR
    script = Script()
    script.live(12, until=silent_from)
    script.check_in(silent_from, T0 + 12 * DAY)
    messages = script.items(T0 + 12 * DAY)
    patient = findings(run(HomeWatch(HOME, ZONE), messages), "inactivity")[-1]
    changed = silent_from + 30 * MINUTE
    watch, quiet = HomeWatch(HOME, ZONE), [m for m in messages if m[0] <= changed]
    assert findings(run(watch, quiet), "inactivity") == []
    assert findings(watch.adopt({"inactivity": {"page_budget": 20.0}}, "home/1")) == []
    sooner = findings(run(watch, messages[len(quiet) :]), "inactivity")[-1]
    assert changed < sooner.raised_at < patient.raised_at
    assert (patient.rules, sooner.rules) == ("", "home/1")


def test_what_is_switched_off_is_withheld_and_what_stands_of_it_is_over() -> None:
    script = Script()
    script.live(3)
    watch = HomeWatch(HOME, ZONE)
    silent = [
        reading for reading in script.readings if reading.device != LIVING.id or reading.observed_at < T0 + 2 * DAY
    ]
    script.readings = silent
    messages = script.items(T0 + 3 * DAY)
    events = run(watch, messages)
    [standing] = findings(events, "device_silent")
    [ended] = watch.adopt({"device_silent": {"on": False}}, "home/1")
    assert isinstance(ended, Ended)
    assert (ended.finding, ended.reason) == (standing.id, EndReason.CONFIGURATION)
    unheard = HomeWatch(HOME, ZONE, {"device_silent": {"on": False}})
    assert findings(run(unheard, messages), "device_silent") == []
    unheard = HomeWatch.restore(unheard.snapshot())
    [said] = unheard.adopt({}, "")
    assert said == standing, "what stands is said once it is switched on again"


def test_every_finding_carries_the_version_of_its_detector_and_the_rules() -> None:
    script = Script()
    script.live(2)
    watch = HomeWatch(HOME, ZONE, {}, "installation/2")
    watch.inactivity.version = 7
    events = run(watch, script.items(T0 + 4 * DAY))
    assert {f.detector for f in findings(events, "inactivity")} == {"inactivity/7"}
    assert {f.rules for f in findings(events)} == {"installation/2"}


def test_no_pickle_anywhere() -> None:
    """A pickle runs what it finds in it, and breaks with the first class that is renamed."""
    banned = {"pickle", "cPickle", "dill", "cloudpickle", "joblib", "shelve", "marshal"}
    rooms = ("domain", "registry", "gateway", "ingest", "detectors", "alerts", "dashboard", "simulators", "kehai")
    files = [file for room in rooms for file in (ROOT / room).rglob("*.py")]
    assert files
    for file in files:
        tree = ast.parse(file.read_text(encoding="utf-8"))
        for node in ast.walk(tree):
            named = []
            if isinstance(node, ast.Import):
                named = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom):
                named = [node.module or ""]
            assert not {name.partition(".")[0] for name in named} & banned, f"{file}:{getattr(node, 'lineno', '')}"


def test_the_homes_of_a_fleet_keep_each_word_once() -> None:
    """Thirty thousand homes call their rooms and devices alike; a copy for each would be a third of their memory."""
    one, other = lived(), lived()
    assert [id(device) for device in one.context.devices] == [id(device) for device in other.context.devices]
    assert one.snapshot() == other.snapshot()
