"""Days that slowly become other days."""

from __future__ import annotations

import math
import random
import re
from collections.abc import Callable, Sequence
from dataclasses import replace

import pytest

from detectors.home import HomeWatch
from detectors.kinds.routine_drift.day import Day, count
from detectors.kinds.routine_drift.rhythm import amplitude, stability, variability
from detectors.kinds.routine_drift.visits import tail
from domain.clock import DAY, HOUR, MINUTE, Instant
from domain.findings import Ended, EndReason, Finding, FindingEvent, Level, Subject
from domain.ids import DeviceId
from domain.readings import Device, Item, Quantity
from tests.detectors.homes import BATH, DOOR, HOME, KITCHEN, LIVING, T0, ZONE, Script, findings, hello, run

BEDROOM = Device(DeviceId("bedroom"), Quantity.MOTION, "bedroom")
TOILET = Device(DeviceId("toilet"), Quantity.MOTION, "toilet")
SENSORS = tuple(replace(device, check_in=None) for device in (LIVING, KITCHEN, BATH, DOOR, BEDROOM, TOILET))
LEARNT = 21
PARAMETERS = {"routine_drift": {"learn_days": 14}}
CHANGED = T0 + LEARNT * DAY
"""A Monday: the week that is different begins."""


def a_day(script: Script, at: Instant, rng: random.Random, visits: int = 1, bed: float = 22.0) -> None:
    """Up at about 7, meals in the kitchen, to bed at about ``bed`` o'clock, ``visits`` to the toilet at night."""
    now = at + 7 * HOUR + rng.randint(0, 20) * MINUTE
    to_bed = at + int(bed * 60) * MINUTE + rng.randint(-15, 15) * MINUTE
    while now < to_bed:
        script.add(KITCHEN if (now - at) // HOUR in (7, 12, 18) else LIVING, now)
        if rng.random() < 0.06:
            script.add(TOILET, now + MINUTE)
        now += rng.randint(5, 16) * MINUTE
    for visit in range(visits):
        walk = at + 23 * HOUR + (60 + visit * 90 + rng.randint(0, 30)) * MINUTE
        for minute, device in ((0, BEDROOM), (2, TOILET), (6, BEDROOM)):
            script.add(device, walk + minute * MINUTE)


def weeks(changed: Callable[[Script, Instant, random.Random], None], days: int = 14) -> Script:
    """Three ordinary weeks, and ``days`` that ``changed`` makes."""
    script, rng = Script(), random.Random(3)
    for day in range(LEARNT):
        a_day(script, T0 + day * DAY, rng, visits=rng.choice((0, 1, 1, 2)))
    for day in range(days):
        changed(script, CHANGED + day * DAY, rng)
    return script


def watch(
    script: Script, days: int = 15, holes: Sequence[tuple[Instant, Instant]] = (), others: Sequence[Device] = ()
) -> list[FindingEvent]:
    messages = script.items(CHANGED + days * DAY, period=HOUR, holes=holes)
    messages[0] = (T0, [hello(SENSORS)])
    if others:
        spoke: list[Item] = [hello([*SENSORS, *others], CHANGED)]
        messages = sorted([*messages, (CHANGED, spoke)], key=lambda message: message[0])
    return run(HomeWatch(HOME, ZONE, PARAMETERS), messages)


def drifted(events: Sequence[FindingEvent]) -> list[Finding]:
    return findings(events, "routine_drift")


def test_many_visits_to_the_toilet_at_night_are_told_on_monday_noon_in_words_that_a_care_manager_uses() -> None:
    events = watch(weeks(lambda script, at, rng: a_day(script, at, rng, visits=4)))
    (found,) = drifted(events)
    assert (found.level, found.subject) == (Level.DIGEST, Subject.PERSON)
    assert (found.onset, found.raised_at) == (CHANGED, CHANGED + 7 * DAY + 12 * HOUR)
    assert "nights: 4.1 visits to the toilet a night this week, usually 1;" in found.text_en
    assert "夜間のトイレは今週1晩4.1回(通常1回)" in found.text_ja
    ends = [e.reason for e in events if isinstance(e, Ended) and e.cause == "routine_drift"]
    assert ends == [EndReason.REPLACED], "a week later; and what was told is not told again within four weeks"


def test_a_bed_time_that_is_hours_earlier_is_told_with_both_times() -> None:
    found = drifted(watch(weeks(lambda script, at, rng: a_day(script, at, rng, bed=20.0))))
    assert found
    assert all(f.level is Level.DIGEST for f in found)
    (said,) = [part for f in found for part in f.text_en.split("; ") if "to bed at about" in part]
    assert re.search(r"to bed at about (19:[345]|20:)\d* this week, usually at 21:", said), said


def test_weeks_like_the_others_say_nothing() -> None:
    assert drifted(watch(weeks(lambda script, at, rng: a_day(script, at, rng, visits=rng.choice((0, 1, 1, 2)))))) == []


def test_a_sensor_that_hangs_elsewhere_is_told_as_a_sensor_and_not_as_decline() -> None:
    def moved(script: Script, at: Instant, rng: random.Random) -> None:
        a_day(script, at, rng)
        kept = []
        for reading in script.readings:
            if reading.observed_at >= at and reading.device == LIVING.id and rng.random() < 0.8:
                continue
            kept.append(reading)
        script.readings = kept

    found = drifted(watch(weeks(moved)))
    assert [(f.subject, f.device) for f in found] == [(Subject.DEVICE, LIVING.id)]
    assert "the sensor living (living)" in found[0].text_en
    assert "センサーliving" in found[0].text_ja


def test_days_that_were_not_seen_are_left_out() -> None:
    script = weeks(lambda script, at, rng: a_day(script, at, rng, visits=4), days=7)
    blind = [(CHANGED + day * DAY + 9 * HOUR, CHANGED + day * DAY + 20 * HOUR) for day in range(4)]
    assert drifted(watch(script, 8, blind)) == [], "three days are no week"


def test_a_home_with_other_sensors_is_learnt_anew() -> None:
    script = weeks(lambda script, at, rng: a_day(script, at, rng, visits=4))
    new = Device(DeviceId("hall"), Quantity.MOTION, "hall")
    assert drifted(watch(script, others=[new])) == []


def test_a_day_holds_its_own_night_and_passes_the_next_morning_on() -> None:
    day = Day(T0)
    for minutes in (*range(7 * 60, 22 * 60, 10), 25 * 60, 31 * 60):
        day.note(T0 + minutes * MINUTE, LIVING.id)
    day.visited(T0 + 25 * HOUR)
    day.visited(T0 + 31 * HOUR)
    day.was_out(T0 + 13 * HOUR, T0 + 15 * HOUR)
    features = day.features()
    assert (features["visits"], features["out"], features["night"]) == (1, 24, 1)
    assert (features["rise"], features["bed"]) == (-1, -1), "three slots of six are not up and about"
    assert features["morning"] == 4 * 6
    after = day.next(T0 + DAY)
    assert (count(after.life, 0, 24), after.out, count(after.visits, 0, 24)) == (2, 0, 2)
    assert Day.restore(after.snapshot()) == after


def test_a_negative_binomial_tail_is_the_poisson_one_where_nights_do_not_differ_and_wider_where_they_do() -> None:
    even, uneven = [1] * 56, [0, 2] * 28
    poisson = 1 - sum(math.exp(-7) * 7**k / math.factorial(k) for k in range(15))
    assert tail(15, 7, even) == pytest.approx(poisson, abs=0.01)
    wild = [0, 0, 0, 4] * 14
    assert tail(15, 7, even) <= tail(15, 7, uneven) < tail(15, 7, wild)
    assert tail(0, 7, even) == 1.0


def test_days_that_are_alike_have_stability_one_and_noise_has_none_to_speak_of() -> None:
    wave = [round(6 - 6 * math.cos(2 * math.pi * hour / 24)) for hour in range(24)]
    week, rng = [wave] * 7, random.Random(1)
    noise = [[rng.randint(0, 12) for _ in range(24)] for _ in range(7)]
    assert stability(week) == pytest.approx(1.0)
    assert stability(noise) < 0.35
    assert variability(week) < 0.15
    assert 1.6 < variability(noise) < 2.4
    assert amplitude(week) > 0.8 > amplitude(noise)
    nothing = [[0] * 24] * 7
    assert (stability(nothing), variability(nothing), amplitude(nothing)) == (0.0, 0.0, 0.0)
