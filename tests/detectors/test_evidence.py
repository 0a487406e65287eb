"""What a home's readings prove, and that it is told from one place."""

from __future__ import annotations

from pathlib import Path

import msgspec

from detectors.evidence.life import Occupancy
from detectors.home import HomeWatch
from domain.clock import DAY, HOUR, MINUTE
from domain.findings import Ended
from tests.detectors.homes import DOOR, HOME, LIVING, T0, ZONE, Script, findings, run

NOON = T0 + 3 * DAY + 12 * HOUR


def home(*, leaves: bool, until: int) -> HomeWatch:
    script = Script()
    script.live(3)
    script.add(LIVING, NOON)
    if leaves:
        script.add(DOOR, NOON + MINUTE)
    script.check_in(T0 + 3 * DAY, until)
    watch = HomeWatch(HOME, ZONE)
    run(watch, script.items(until))
    return watch


def test_the_last_sign_of_life_and_its_room_are_known_and_so_is_the_door() -> None:
    evidence = home(leaves=True, until=NOON + HOUR).context.evidence
    assert evidence.last is not None
    assert (evidence.last.at, evidence.last.room, evidence.last.after_exit) == (NOON + MINUTE, DOOR.room, 0)
    assert evidence.exit == NOON + MINUTE


def test_a_home_is_home_away_or_unknown() -> None:
    empty = HomeWatch(HOME, ZONE)
    assert empty.context.evidence.occupancy(empty.context) is Occupancy.UNKNOWN
    for leaves, expected in ((False, Occupancy.HOME), (True, Occupancy.AWAY)):
        watch = home(leaves=leaves, until=NOON + HOUR)
        assert watch.context.evidence.occupancy(watch.context) is expected


def test_a_home_that_nobody_vouched_for_is_blind() -> None:
    script = Script()
    script.live(3)
    script.add(LIVING, NOON)
    script.check_in(T0 + 3 * DAY, NOON + 2 * HOUR)
    watch = HomeWatch(HOME, ZONE)
    run(watch, script.items(NOON + 2 * HOUR, holes=[(NOON + 10 * MINUTE, NOON + HOUR)]))
    assert watch.context.evidence.occupancy(watch.context) is Occupancy.BLIND


def test_an_absence_that_version_1_saved_is_asked_about_when_it_has_lasted_a_day() -> None:
    """Somebody went out at nine; version 1 wrote the snapshot eleven hours later."""
    older = msgspec.json.decode(Path(__file__).with_name("version_1_away.json").read_bytes())
    watch = HomeWatch.restore(msgspec.msgpack.encode(older))
    assert watch.context.evidence.occupancy(watch.context) is Occupancy.AWAY
    left, saved = T0 + 7 * DAY + 9 * HOUR, T0 + 7 * DAY + 20 * HOUR
    later = Script()
    later.check_in(saved, left + 26 * HOUR)
    for minute in (0, 2):
        later.add(LIVING, left + 25 * HOUR + minute * MINUTE)
    events = run(watch, later.items(left + 26 * HOUR, start=saved))
    (asked,) = findings(events, "not_returned")
    assert (asked.onset, asked.raised_at) == (left, left + DAY)
    assert [e.finding for e in events if isinstance(e, Ended) and e.cause == "not_returned"] == [asked.id]
