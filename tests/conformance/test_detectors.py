"""What every detector must survive, whatever it looks for."""

from __future__ import annotations

import random

import msgspec
import pytest

from detectors.catalogue import CATALOGUE
from detectors.home import HomeWatch
from domain.clock import DAY, HOUR, MINUTE, SECOND, Instant
from domain.findings import FindingEvent
from domain.readings import Flag, Item, Quantity, Reading, Vouch
from tests.detectors.homes import (
    AIR,
    BATH,
    DEVICES,
    DOOR,
    GATEWAY,
    HOME,
    KITCHEN,
    LIVING,
    T0,
    ZONE,
    Script,
    findings,
    hello,
    run,
)

NAMES = sorted(CATALOGUE)
QUICK = {"routine_drift": {"learn_days": 5}}
"""A fortnight is too short for what takes eight weeks to learn."""


def an_eventful_fortnight() -> list[tuple[Instant, list[Item]]]:
    """Twelve ordinary days, a thermometer that dies, a night without the gateway, a fall, an outing that does not end.

    And a hot afternoon, a cold night, a battery that runs down, a door that stands open, another that moves at night,
    a long bath, an hour of stamps from the future, a walk through the rooms at night, a morning in bed, and a second week
    with many visits to the toilet at night.
    """
    script = Script()
    script.live(12)
    fall = T0 + 12 * DAY + 9 * HOUR
    script.check_in(T0 + 12 * DAY, T0 + 15 * DAY, [d for d in DEVICES if d is not AIR])
    for minute in range(0, 120, 7):
        script.add(LIVING, T0 + 12 * DAY + 7 * HOUR + minute * MINUTE)
    for minute in range(0, 300, 6):
        script.add(LIVING, fall + 9 * HOUR + minute * MINUTE)
    script.add(DOOR, fall + 14 * HOUR + MINUTE)
    hot, cold = T0 + 2 * DAY + 13 * HOUR, T0 + 3 * DAY + HOUR
    script.readings = [
        r for r in script.readings
        if r.device != AIR.id or not any(start <= r.observed_at < start + 4 * HOUR for start in (hot, cold))
    ]  # fmt: skip
    for quarter in range(16):
        script.add(AIR, hot + quarter * 15 * MINUTE + MINUTE, 36.0 if quarter > 5 else 33.0)
        script.add(AIR, hot + quarter * 15 * MINUTE + MINUTE, 75.0, Quantity.HUMIDITY)
        script.add(AIR, cold + quarter * 15 * MINUTE + MINUTE, 9.0)
    for day, percent in ((2, 30.0), (3, 14.0), (4, 4.0), (6, 100.0)):
        script.add(LIVING, T0 + day * DAY + 10 * HOUR, percent, Quantity.BATTERY)
    script.add(DOOR, T0 + 4 * DAY + 16 * HOUR, 1.0)
    script.add(DOOR, T0 + 4 * DAY + 17 * HOUR, 0.0)
    for opened in (2.0, 0.0):
        script.add(DOOR, T0 + 7 * DAY + 2 * HOUR + int(2 - opened) * SECOND, opened)
    script.add(BATH, fall + MINUTE)
    ahead = T0 + 9 * DAY + 10 * HOUR
    script.readings = [
        r._replace(flags=int(Flag.CLAMPED)) if ahead <= r.observed_at < ahead + HOUR else r for r in script.readings
    ]
    for minute in range(60):
        script.add((LIVING, KITCHEN)[minute % 2], T0 + 9 * DAY + 2 * HOUR + minute * MINUTE)
    script.readings = [
        r for r in script.readings
        if r.quantity is not Quantity.MOTION or not 0 < r.observed_at - T0 - 10 * DAY < 12 * HOUR
    ]  # fmt: skip
    for visit in range(24):
        script.add(BATH, T0 + (7 + visit // 4) * DAY + (23 + visit % 4) * HOUR + 20 * MINUTE)
    night = (T0 + 5 * DAY + 23 * HOUR, T0 + 6 * DAY + 5 * HOUR)
    return script.items(T0 + 15 * DAY, holes=[night])


def of(name: str, events: list[FindingEvent]) -> list[FindingEvent]:
    """The events of one detector."""
    return [event for event in events if event.cause.partition(":")[0] == name]


@pytest.fixture(scope="module")
def messages() -> list[tuple[Instant, list[Item]]]:
    return an_eventful_fortnight()


@pytest.fixture(scope="module")
def found(messages: list[tuple[Instant, list[Item]]]) -> list[FindingEvent]:
    return run(HomeWatch(HOME, ZONE, QUICK), messages)


@pytest.mark.parametrize("name", NAMES)
def test_it_has_something_to_say_about_an_eventful_fortnight(name: str, found: list[FindingEvent]) -> None:
    assert of(name, found), "a suite in which nothing happens proves nothing"


@pytest.mark.parametrize("name", NAMES)
def test_each_of_its_findings_carries_its_name_and_version(name: str, found: list[FindingEvent]) -> None:
    wanted = f"{name}/{CATALOGUE[name]({}).version}"
    assert {finding.detector for finding in findings(of(name, found))} == {wanted}


@pytest.mark.parametrize("name", NAMES)
def test_the_same_input_gives_the_same_output(
    name: str, messages: list[tuple[Instant, list[Item]]], found: list[FindingEvent]
) -> None:
    assert of(name, run(HomeWatch(HOME, ZONE, QUICK), messages)) == of(name, found)


@pytest.mark.parametrize("name", NAMES)
def test_it_goes_on_after_a_restart_at_any_message(
    name: str, messages: list[tuple[Instant, list[Item]]], found: list[FindingEvent]
) -> None:
    rng = random.Random(name)
    cuts = sorted(rng.sample(range(len(messages)), 60))
    watch, events, at = HomeWatch(HOME, ZONE, QUICK), [], 0
    for cut in [*cuts, len(messages)]:
        events += run(watch, messages[at:cut])
        at = cut
        watch = HomeWatch.restore(watch.snapshot(), QUICK)
    assert of(name, events) == of(name, found)


@pytest.mark.parametrize("name", NAMES)
def test_a_snapshot_is_the_same_after_a_round_trip(name: str, messages: list[tuple[Instant, list[Item]]]) -> None:
    watch = HomeWatch(HOME, ZONE, QUICK)
    run(watch, messages[: len(messages) * 2 // 3])
    body = watch.snapshot()
    assert HomeWatch.restore(body, QUICK).snapshot() == body
    assert name in msgspec.msgpack.decode(body)["detectors"]


@pytest.mark.parametrize("name", NAMES)
def test_it_restores_a_snapshot_with_fields_that_it_does_not_know(
    name: str, messages: list[tuple[Instant, list[Item]]]
) -> None:
    watch = HomeWatch(HOME, ZONE, QUICK)
    half = len(messages) // 2
    run(watch, messages[:half])
    state = msgspec.msgpack.decode(watch.snapshot())
    state["detectors"][name][1]["a_field_of_the_future"] = {"anything": [1, 2, 3]}
    again = HomeWatch.restore(msgspec.msgpack.encode(state), QUICK)
    assert of(name, run(again, messages[half:])) == of(name, run(watch, messages[half:]))


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("seed", [1, 2])
def test_messages_that_are_reordered_before_the_vouch_change_nothing(
    name: str, seed: int, messages: list[tuple[Instant, list[Item]]], found: list[FindingEvent]
) -> None:
    rng = random.Random(seed)
    jumbled: list[tuple[Instant, list[Item]]] = []
    for now, items in messages:
        readings = [item for item in items if isinstance(item, Reading)]
        vouches = [item for item in items if isinstance(item, Vouch)]
        rest = [item for item in items if not isinstance(item, Reading | Vouch)]
        rng.shuffle(readings)
        jumbled.extend((now, [reading]) for reading in readings)
        jumbled.append((now, [*rest, *vouches]))
    assert of(name, run(HomeWatch(HOME, ZONE, QUICK), jumbled)) == of(name, found)


@pytest.mark.parametrize("name", NAMES)
def test_messages_that_are_late_within_the_bound_change_nothing(
    name: str, messages: list[tuple[Instant, list[Item]]], found: list[FindingEvent]
) -> None:
    rng = random.Random(7)
    late = [(now + rng.randint(0, 110) * SECOND, items) for now, items in messages]
    assert of(name, run(HomeWatch(HOME, ZONE, QUICK), late)) == of(name, found)


@pytest.mark.parametrize("name", NAMES)
def test_other_messages_do_give_other_findings(
    name: str, messages: list[tuple[Instant, list[Item]]], found: list[FindingEvent]
) -> None:
    """The control: a comparison that never fails proves nothing."""
    cut = messages[: len(messages) // 8]
    assert of(name, run(HomeWatch(HOME, ZONE, QUICK), cut)) != of(name, found)


@pytest.mark.parametrize("name", NAMES)
def test_devices_that_nobody_announced_do_it_no_harm(name: str) -> None:
    script = Script()
    script.live(3)
    messages = script.items(T0 + 3 * DAY)
    messages[0] = (T0, [hello(devices=())])
    watch = HomeWatch(HOME, ZONE, QUICK)
    run(watch, messages)
    assert HomeWatch.restore(watch.snapshot(), QUICK).context.devices == {}
    assert name in CATALOGUE


@pytest.mark.parametrize("name", NAMES)
def test_a_year_of_silence_ends_in_few_findings_and_a_small_state(name: str) -> None:
    script = Script()
    script.live(2)
    watch = HomeWatch(HOME, ZONE, QUICK)
    events = run(watch, script.items(T0 + 2 * DAY))
    for day in range(3, 368):
        now = T0 + day * DAY
        events += run(watch, [(now, [Vouch(HOME, GATEWAY, now, ((now - DAY, now),), (), now, now)])])
    assert len(findings(of(name, events))) < 800, "at most a gateway that lags each day"
    assert len(watch.snapshot()) < 20_000
