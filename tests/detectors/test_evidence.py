"""What a home's readings prove, and that it is told from one place."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

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


def as_version_1(body: bytes) -> bytes:
    """The snapshot as version 1 would have written it."""
    state: dict[str, Any] = msgspec.msgpack.decode(body)
    evidence, inactivity = state.pop("evidence"), state["detectors"]["inactivity"]
    absence = state["detectors"].pop("not_returned")
    at, _, room, *_ = evidence["last"]
    inactivity |= {"places": evidence["places"], "life": at, "room": room, "exit": evidence["exit"]}
    inactivity["deadline"] = inactivity["deadline"] or absence["deadline"]
    for cause, standing in (("inactivity", inactivity["standing"]), ("not_returned", absence["standing"])):
        if standing:
            inactivity["standing"] = [cause, standing, at]
    return msgspec.msgpack.encode({**state, "v": 1})


@pytest.mark.parametrize("leaves", [False, True])
@pytest.mark.parametrize("hours", [1, 30])
def test_a_home_that_version_1_saved_goes_on_as_if_nothing_had_happened(*, leaves: bool, hours: int) -> None:
    watch = home(leaves=leaves, until=NOON + hours * HOUR)
    older = HomeWatch.restore(as_version_1(watch.snapshot()))
    later = Script()
    later.check_in(NOON + hours * HOUR, NOON + 40 * HOUR)
    for minute in (0, 2):
        later.add(LIVING, NOON + 39 * HOUR + minute * MINUTE)
    messages = later.items(NOON + 40 * HOUR, start=NOON + hours * HOUR)
    expected = run(watch, messages)
    assert run(older, messages) == expected
    kind = "not_returned" if leaves else "inactivity"
    raised = {f.id for f in findings(expected, kind)}
    ended = [e.finding for e in expected if isinstance(e, Ended) and e.cause == kind]
    assert len(ended) == 1
    assert hours == 30 or set(ended) <= raised
