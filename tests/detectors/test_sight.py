"""Which detectors are able to see in a home, and why one is not."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import pytest

from detectors.catalogue import CATALOGUE
from detectors.home import HomeWatch
from detectors.outlook.sight import NEEDS, Sees, Sight, Why, sights
from domain.clock import DAY, HOUR, MINUTE
from domain.findings import Finding, Level, Subject
from domain.ids import DeviceId
from domain.modes import Mode, ModeKind
from domain.readings import Device
from tests.detectors.homes import AIR, BATH, DEVICES, DOOR, HOME, KITCHEN, LIVING, T0, ZONE, Script, hello, run


def watched(devices: Iterable[Device] = DEVICES, days: int = 2) -> HomeWatch:
    script = Script()
    script.live(days)
    messages = script.items(T0 + days * DAY)
    messages[0] = (T0, [hello(devices)])
    watch = HomeWatch(HOME, ZONE)
    run(watch, messages)
    return watch


def standing(kind: str, device: Device | None = None) -> Finding:
    about = None if device is None else device.id
    return Finding(HOME, kind, f"{kind}/1", kind, Subject.DEVICE, Level.PROMPT, T0, T0 + HOUR, device=about)


def by_kind(watch: HomeWatch, *troubles: Finding) -> dict[str, Sight]:
    return {sight.kind: sight for sight in sights(watch, troubles)}


def test_of_every_kind_it_is_known_what_it_needs() -> None:
    assert set(CATALOGUE) <= set(NEEDS)
    assert {sight.kind for sight in sights(watched(), [])} >= set(CATALOGUE)


def test_a_home_that_has_everything_is_seen_and_still_learnt() -> None:
    found = by_kind(watched())
    assert (found["heat"].sees, found["door_left_open"].sees, found["device_silent"].sees) == (Sees.SEES,) * 3
    assert (found["not_returned"].sees, found["not_returned"].why) == (Sees.LEARNING, Why.ABSENCES)
    assert (found["inactivity"].sees, found["inactivity"].why, found["inactivity"].needed) == (
        Sees.LEARNING,
        Why.DAYS,
        28,
    )
    assert (found["bathroom_long"].sees, found["bathroom_long"].why) == (Sees.LEARNING, Why.STAYS)


@pytest.mark.parametrize(
    ("kinds", "missing", "why"),
    [
        (("heat", "cold"), AIR, Why.NO_THERMOMETER),
        (("bathroom_long",), BATH, Why.NO_BATHROOM),
        (("door_at_night", "door_left_open", "not_returned"), DOOR, Why.NO_EXIT_DOOR),
    ],
)
def test_without_the_device_that_it_needs_a_detector_is_blind(
    kinds: tuple[str, ...], missing: Device, why: Why
) -> None:
    found = by_kind(watched([device for device in DEVICES if device is not missing]))
    assert {(found[kind].sees, found[kind].why) for kind in kinds} == {(Sees.BLIND, why)}
    assert found["gateway_silent"].sees is Sees.SEES


def test_a_home_without_anything_that_moves_is_blind_to_silence() -> None:
    found = by_kind(watched([AIR]))
    assert (found["inactivity"].sees, found["inactivity"].why) == (Sees.BLIND, Why.NO_MOTION)


def test_a_silent_or_stuck_device_blinds_what_rests_on_it_alone_and_half_of_what_has_others() -> None:
    found = by_kind(watched(), standing("device_silent", AIR), standing("device_stuck", LIVING))
    assert (found["heat"].sees, found["heat"].why, found["heat"].devices) == (Sees.BLIND, Why.DEVICE_SILENT, (AIR.id,))
    assert (found["inactivity"].sees, found["inactivity"].why) == (Sees.PARTLY, Why.DEVICE_STUCK)
    assert found["inactivity"].devices == (LIVING.id,)
    assert found["device_silent"].sees is Sees.SEES, "that is what it looks for"


def test_a_low_battery_is_told_while_the_detector_still_sees() -> None:
    found = by_kind(watched(), standing("battery_low", DOOR))
    assert (found["door_at_night"].sees, found["door_at_night"].why) == (Sees.SEES, Why.BATTERY_LOW)


def test_what_is_worse_than_a_low_battery_is_said_instead() -> None:
    found = by_kind(watched(), standing("battery_low", AIR), standing("device_silent", AIR))
    assert found["cold"].why is Why.DEVICE_SILENT


def test_behind_a_silent_gateway_nothing_is_seen_but_the_gateway_s_silence() -> None:
    found = by_kind(watched(), standing("gateway_silent"))
    assert (found["inactivity"].sees, found["inactivity"].why) == (Sees.BLIND, Why.GATEWAY_SILENT)
    assert found["gateway_silent"].sees is Sees.SEES
    assert by_kind(watched(), standing("clock_wrong"))["heat"].why is Why.CLOCK_WRONG


def test_a_kind_that_the_rules_of_the_home_withhold_is_said_to_be_switched_off() -> None:
    found = by_kind(HomeWatch(HOME, ZONE, {"cold": {"on": False}}))
    assert (found["cold"].sees, found["cold"].why) == (Sees.BLIND, Why.SWITCHED_OFF)
    assert found["heat"].why is not Why.SWITCHED_OFF


def test_what_staff_say_of_the_home_comes_before_what_is_learnt_of_it() -> None:
    now = T0 + 2 * DAY
    for kind, sees, why in (
        (ModeKind.AWAY, Sees.BLIND, Why.AWAY),
        (ModeKind.HOSPITAL, Sees.BLIND, Why.AWAY),
        (ModeKind.VISITOR, Sees.PARTLY, Why.VISITOR),
    ):
        watch = watched()
        said = Mode(1, HOME, kind, now - HOUR, now + DAY, "", "hana", now - HOUR)
        watch.context.evidence.modes.told([said], now)
        watch.context.evidence.fire(now, watch.context.local)
        found = by_kind(watch)
        assert (found["inactivity"].sees, found["inactivity"].why) == (sees, why)
        assert found["heat"].sees is Sees.SEES


def test_where_people_leave_the_bathroom_unseen_a_long_stay_is_said_to_mean_nothing() -> None:
    lone = replace(BATH, id=DeviceId("bath"))
    script = Script()
    for day in range(25):
        script.add(lone, T0 + day * DAY + 8 * HOUR)
        script.add(KITCHEN, T0 + day * DAY + 14 * HOUR)
    watch = HomeWatch(HOME, ZONE)
    run(watch, script.items(T0 + 25 * DAY, period=HOUR - MINUTE))
    found = by_kind(watch)["bathroom_long"]
    assert (found.sees, found.why) == (Sees.BLIND, Why.LEFT_UNSEEN)


def test_a_home_that_was_never_heard_of_has_no_gateway() -> None:
    found = by_kind(HomeWatch(HOME, ZONE))
    assert (found["gateway_silent"].sees, found["gateway_silent"].why) == (Sees.BLIND, Why.NO_GATEWAY)
    assert found["inactivity"].sees is Sees.BLIND
