"""Whole scenarios with their alert logs, as they were read and approved.

KEHAI_UPDATE_GOLDEN=1 python -m pytest tests/golden     writes them anew: read the difference before you commit it
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path

import pytest

from alerts.log import alert_log
from domain.clock import DAY, HOUR, MINUTE, SECOND, Instant
from domain.localtime import LocalTime
from domain.readings import DoorState, Quantity
from domain.recording import RecordedReading
from simulators.incidents import collapse
from simulators.player import Step, steps
from simulators.recording import Recording
from simulators.replay import Replay
from tests.golden import absences
from tests.simulators.homes import recorded, with_outage, with_readings, without_broker

HERE = Path(__file__).resolve().parent
Scenario = Callable[[], tuple[Recording, Iterable[Step] | None]]


def at(recording: Recording, days: int, hours: float) -> Instant:
    """The wall clock's ``hours`` on the recording's day ``days``."""
    local = recording.home.zone
    midnight = local.midnight(local.day(recording.start) + days)
    return midnight + int(hours * HOUR)


def falls(recording: Recording, when: Instant, lasts: int = 8 * HOUR) -> Recording:
    fallen = collapse(recording.home, recording.readings, when, lasts)
    assert fallen is not None
    return with_readings(recording, fallen[0])


def ordinary() -> tuple[Recording, None]:
    return recorded(), None


def a_fall_at_nine() -> tuple[Recording, None]:
    home = recorded()
    return falls(home, at(home, 14, 9)), None


def six_hours_without_the_broker() -> tuple[Recording, Iterable[Step]]:
    home = recorded()
    return home, without_broker(steps(home), at(home, 14, 10), at(home, 14, 16))


def a_fall_while_the_broker_is_away() -> tuple[Recording, Iterable[Step]]:
    home = recorded()
    home = falls(home, at(home, 14, 11), 10 * HOUR)
    return home, without_broker(steps(home), at(home, 14, 10), at(home, 14, 16))


def a_fall_and_a_rescue_while_the_broker_is_away() -> tuple[Recording, Iterable[Step]]:
    home = recorded()
    home = falls(home, at(home, 14, 10.25), 4 * HOUR)
    return home, without_broker(steps(home), at(home, 14, 10), at(home, 14, 16))


def six_hours_without_the_gateway() -> tuple[Recording, None]:
    home = recorded()
    return with_outage(home, at(home, 14, 10), at(home, 14, 16)), None


def a_fall_before_six_hours_without_the_gateway() -> tuple[Recording, None]:
    home = recorded()
    home = falls(home, at(home, 14, 9.75), 12 * HOUR)
    return with_outage(home, at(home, 14, 10), at(home, 14, 16)), None


def one_stamp_a_day_ahead() -> tuple[Recording, Iterable[Step]]:
    """One movement in the night says that it is tomorrow: it must not count as tomorrow's, nor move the watermark."""
    home = falls(recorded(), at(recorded(), 14, 9))
    moment = at(home, 14, 8)

    def played() -> Iterable[Step]:
        done = False
        for step in steps(home):
            if not done and step.now >= moment:
                done = True
                wrong = RecordedReading(step.now + DAY, home.home.devices["kitchen"].id, Quantity.MOTION, 1.0)
                yield replace(step, readings=[*step.readings, wrong])
            else:
                yield step

    return home, played()


def out_for_thirty_hours() -> tuple[Recording, None]:
    home = recorded()
    leaves = at(home, 13, 13)
    back = leaves + 30 * HOUR
    door = home.home.devices["front-door"].id
    kept = [r for r in home.readings if not leaves - 5 * MINUTE < r.at < back or r.quantity is Quantity.TEMPERATURE]
    moves = [
        RecordedReading(moment + offset * SECOND, door, Quantity.DOOR, float(state))
        for moment in (leaves, back)
        for offset, state in ((0, DoorState.OPEN), (8, DoorState.CLOSED))
    ]
    return with_readings(home, sorted([*kept, *moves], key=lambda r: r.at)), None


def a_day_of_23_hours() -> tuple[Recording, None]:
    home = recorded("regular-spring")
    return falls(home, at(home, 13, 9)), None


def a_day_of_25_hours() -> tuple[Recording, None]:
    home = recorded("regular-autumn")
    return falls(home, at(home, 13, 9)), None


SCENARIOS: dict[str, Scenario] = {
    function.__name__: function
    for function in (
        ordinary,
        a_fall_at_nine,
        six_hours_without_the_broker,
        a_fall_while_the_broker_is_away,
        a_fall_and_a_rescue_while_the_broker_is_away,
        six_hours_without_the_gateway,
        a_fall_before_six_hours_without_the_gateway,
        one_stamp_a_day_ahead,
        out_for_thirty_hours,
        a_day_of_23_hours,
        a_day_of_25_hours,
        absences.a_holiday_that_nobody_spoke_of,
        absences.a_holiday_that_staff_wrote_down,
        absences.strays_in_two_absences,
        absences.a_visitor_leaves_and_the_resident_falls,
    )
}


def story(name: str) -> str:
    """The alert log of a scenario, and what the desk made of each alert."""
    recording, played = SCENARIOS[name]()
    run = Replay(recording)
    run.book.said = {mode.id: mode for mode in absences.said_of(name, recording)}
    run.full(played=played)
    run.watch.save(run.watch.now)
    return run.log() + _desk(run, recording.home.zone) + _modes(run, recording.home.zone)


def _modes(run: Replay, local: LocalTime) -> str:
    said = run.book.said.values()
    return "".join(
        f"# {m.kind} until {local.iso(m.until)[5:16]}: {m.end} {local.iso(m.ended_at or 0)[5:16]}\n" for m in said
    )


def _desk(run: Replay, local: LocalTime) -> str:
    lines = []
    for alert in run.book.alerts.values():
        history = [t for t in run.book.transitions if t.alert == alert.id]
        told = "; ".join(f"{local.iso(t.logged_at)[5:16]} {t.to_state} ({t.reason})" for t in history)
        late = " late" if alert.late else ""
        lines.append(f"# alert {alert.id} {alert.cause}{late}: {told}\n")
    return "".join(lines)


@pytest.mark.parametrize("name", SCENARIOS)
def test_the_alert_log_is_the_one_that_was_approved(name: str) -> None:
    file = HERE / f"{name}.log"
    told = story(name)
    if os.environ.get("KEHAI_UPDATE_GOLDEN"):
        file.write_text(told, encoding="utf-8")
    assert told == file.read_text(encoding="utf-8")


def test_a_stamp_a_day_ahead_changes_nothing_that_is_found() -> None:
    assert alert_lines("one_stamp_a_day_ahead") == alert_lines("a_fall_at_nine")


def alert_lines(name: str) -> list[str]:
    return [line for line in (HERE / f"{name}.log").read_text(encoding="utf-8").splitlines() if "inactivity" in line]


def test_there_is_no_log_without_a_scenario() -> None:
    assert {file.stem for file in HERE.glob("*.log")} == set(SCENARIOS)
    assert alert_log([], lambda _home: LocalTime("UTC")) == ""
