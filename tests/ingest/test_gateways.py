"""What a gateway tells of itself is kept with the mark, the newest of each."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any

import pytest

from domain.clock import HOUR, MINUTE, SECOND
from domain.ids import WATCHDOG, GatewayId, HomeId
from domain.readings import Mark
from domain.wire import ClockState, Condition, Up, encode_heartbeat, up_topic
from ingest.admit import AdmittedHeartbeat, admit
from ingest.gateways import GatewayState, GatewayStates, write
from ingest.history import JournalHistory
from ingest.intake import Intake
from ingest.journal import Journal
from registry.directory import MemoryDirectory
from tests.ingest.gateways import HEARTBEAT, HELLO, READINGS, T, beat, directory, hello, motions


@pytest.fixture
def journal(tmp_path: Path) -> Journal:
    return Journal(tmp_path / "journal.db")


@pytest.fixture
def intake(journal: Journal) -> Intake[str]:
    return Intake(journal, directory())


def told(journal: Journal) -> GatewayState:
    found = JournalHistory(Path(journal._path)).gateways(GatewayId("g1"))
    assert len(found) == 1
    return found[0]


def test_the_watchdog_s_gateway_is_on_no_list_of_gateways(journal: Journal) -> None:
    journal.close()
    with sqlite3.connect(journal._path) as connection:
        write(connection, [(name, name, T, "{}") for name in ("g1", WATCHDOG)])
    connection.close()
    history = JournalHistory(Path(journal._path))
    assert [state.gateway for state in history.gateways()] == ["g1"]


def test_the_newest_of_a_gateway_is_written_with_the_mark_and_not_before(intake: Intake[str], journal: Journal) -> None:
    intake.take(HELLO, hello(), T, "m")
    intake.take(READINGS, motions(1, T), T, "m")
    for seconds, depth in ((0, 9), (30, 4)):
        intake.take(HEARTBEAT, beat(3, T + seconds * SECOND, depth=depth), T + (seconds + 2) * SECOND, "m")
    intake.commit(T + MINUTE)
    assert JournalHistory(Path(journal._path)).gateways() == []
    intake.commit(T + MINUTE, Mark(T + MINUTE))
    state = told(journal)
    assert (state.home, state.epoch, state.software) == ("h1", "e1", "kehai 0")
    assert (state.depth, state.seq, state.stored_through, state.missing) == (4, 3, 1, 2)
    assert (state.heard_at, state.lag) == (T + 32 * SECOND, 2 * SECOND)


def test_losses_and_conflicts_are_counted_on_over_a_restart(intake: Intake[str], journal: Journal) -> None:
    intake.take(HEARTBEAT, beat(20, T, lost=[(1, 10, "spool full"), (12, 13, "disk broken")]), T, "m")
    intake.take(HEARTBEAT, beat(20, T + SECOND, lost=[(1, 10, "spool full")]), T + SECOND, "m")
    intake.commit(T, Mark(T))
    again: Intake[str] = Intake(journal, directory())
    again.take(READINGS, motions(11, T), T, "m")
    again.take(READINGS, motions(11, T - HOUR), T, "m")
    again.take(HEARTBEAT, beat(21, T + MINUTE, lost=[(21, 21, "spool full")]), T + MINUTE, "m")
    again.commit(T + MINUTE, Mark(T + MINUTE))
    state = told(journal)
    assert state.losses == {"spool full": 11, "disk broken": 2}
    assert (state.lost, state.conflicts) == (13, 1)


def test_a_gateway_that_counts_for_itself_is_believed(intake: Intake[str], journal: Journal) -> None:
    condition = Condition(
        "kehai 1", "server", 100, 7, 1, 5_000_000, {"spool full": 40}, 2, [("copied", "2026-09-21T00:00:00Z")]
    )
    payload = encode_heartbeat(
        "g1", "e1", 0, T, ClockState("b", False, anchor="server"), T, [(T, T)], {}, condition=condition
    )
    intake.take(HEARTBEAT, payload, T, "m")
    intake.commit(T, Mark(T))
    state = told(journal)
    assert (state.synced, state.anchor, state.software) == (False, "server", "kehai 1")
    assert (state.losses, state.epochs, state.events) == ({"spool full": 40}, 2, [("copied", "2026-09-21T00:00:00Z")])
    assert (state.capacity, state.kept, state.unwritten, state.free_bytes) == (100, 7, 1, 5_000_000)


def heartbeat_of(gateway: str, at: int, **more: Any) -> AdmittedHeartbeat:
    known = MemoryDirectory()
    known.enrol(GatewayId(gateway), HomeId(f"home-of-{gateway}"), "UTC")
    payload = encode_heartbeat(
        gateway, "e1", 0, at, ClockState("b", more.pop("synced", True)), at, [(at, at)], {}, **more
    )
    admitted = admit(up_topic(gateway, Up.HEARTBEAT), payload, at, known)
    assert isinstance(admitted, AdmittedHeartbeat)
    return admitted


def test_many_gateways_take_turns_and_what_needs_a_look_comes_first() -> None:
    states = GatewayStates(lambda _gateway: None)
    names = [f"g{number:03}" for number in range(10)]
    for name in names:
        states.heard(heartbeat_of(name, T), 0, T)
    first = states.due(6)
    states.written(first)
    assert states.due(0) == []
    for name in names:
        states.heard(heartbeat_of(name, T + SECOND), 0, T + SECOND)
    states.heard(heartbeat_of("g009", T + 2 * SECOND, synced=False), 0, T + 2 * SECOND)
    order = [row[0] for row in states.due(4)]
    assert order[0] in {"g006", "g007", "g008", "g009"}
    assert "g009" in order
    states.written(states.due(100))
    assert states.due() == []


def test_an_old_heartbeat_taken_up_again_changes_nothing() -> None:
    states = GatewayStates(lambda _gateway: None)
    states.heard(heartbeat_of("g1", T + HOUR, depth=1), 0, T + HOUR)
    states.heard(heartbeat_of("g1", T, depth=99), 0, T)
    assert '"depth":1,' in states.due()[0][3]
