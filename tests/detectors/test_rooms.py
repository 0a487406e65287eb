"""Heat and cold."""

from __future__ import annotations

import pytest

from detectors.home import HomeWatch
from detectors.kinds.heat.wbgt import wbgt_indoors, wet_bulb
from domain.clock import DAY, HOUR, MINUTE, Instant
from domain.findings import Ended, EndReason, Finding, FindingEvent, Level
from domain.readings import Quantity
from tests.detectors.homes import AIR, HOME, T0, ZONE, Script, findings, run

NOON = T0 + 12 * HOUR


def watch(
    celsius: list[tuple[Instant, float]],
    humidity: list[tuple[Instant, float]] = [],  # noqa: B006 (never changed)
    holes: list[tuple[Instant, Instant]] = [],  # noqa: B006
    until: Instant = T0 + DAY,
) -> list[FindingEvent]:
    script = Script()
    for at, value in celsius:
        script.add(AIR, at, value)
    for at, value in humidity:
        script.add(AIR, at, value, Quantity.HUMIDITY)
    return run(HomeWatch(HOME, ZONE), script.items(until, holes=holes))


def every_ten_minutes(start: Instant, end: Instant, value: float) -> list[tuple[Instant, float]]:
    return [(at, value) for at in range(start, end, 10 * MINUTE)]


def told(events: list[FindingEvent], kind: str) -> list[tuple[Level, Instant, Instant]]:
    return [(f.level, f.onset, f.raised_at) for f in findings(events, kind)]


@pytest.mark.parametrize(("celsius", "humidity", "wbgt"), [(30.0, 60.0, 25.8), (35.0, 60.0, 30.4), (20.0, 50.0, 15.6)])
def test_the_wbgt_is_that_of_stull_s_formula(celsius: float, humidity: float, wbgt: float) -> None:
    assert wbgt_indoors(celsius, humidity) == pytest.approx(wbgt, abs=0.1)


def test_the_wet_bulb_of_the_paper_s_own_example_comes_out() -> None:
    assert wet_bulb(20.0, 50.0) == pytest.approx(13.7, abs=0.05)


def test_heat_that_lasts_prompts_and_danger_that_lasts_pages() -> None:
    celsius = [*every_ten_minutes(NOON, NOON + HOUR, 32.0), *every_ten_minutes(NOON + HOUR, NOON + 3 * HOUR, 36.0)]
    humidity = every_ten_minutes(NOON, NOON + 3 * HOUR, 70.0)
    events = watch([*celsius, (NOON + 3 * HOUR, 25.0)], humidity)
    assert told(events, "heat") == [
        (Level.PROMPT, NOON, NOON + 30 * MINUTE),
        (Level.PAGE, NOON + HOUR, NOON + 90 * MINUTE),
    ]
    ended = [(e.reason, e.ended_at) for e in events if isinstance(e, Ended) and e.cause == "heat:air"]
    assert ended == [(EndReason.REPLACED, NOON + 90 * MINUTE), (EndReason.ACTIVITY, NOON + 3 * HOUR)]


def test_a_short_heat_says_nothing() -> None:
    celsius = [
        *every_ten_minutes(NOON, NOON + 20 * MINUTE, 36.0),
        *every_ten_minutes(NOON + 20 * MINUTE, NOON + HOUR, 25.0),
    ]
    assert told(watch(celsius), "heat") == []


def test_without_a_hygrometer_it_says_what_it_assumes() -> None:
    events = watch(every_ten_minutes(NOON, NOON + HOUR, 34.0))
    (found,) = findings(events, "heat")
    assert found.evidence["humidity_percent"] is None
    assert "60 % assumed" in found.text_en
    assert "60%と仮定" in found.text_ja


def test_humidity_alone_can_make_a_room_dangerous() -> None:
    celsius = every_ten_minutes(NOON, NOON + 3 * HOUR, 31.0)
    dry = every_ten_minutes(NOON, NOON + HOUR, 40.0)
    humid = every_ten_minutes(NOON + HOUR + MINUTE, NOON + 3 * HOUR, 85.0)
    assert told(watch(celsius, [*dry, *humid]), "heat") == [
        (Level.PROMPT, NOON + HOUR + MINUTE, NOON + HOUR + 31 * MINUTE)
    ]


def test_time_that_nobody_vouched_for_is_added_to_the_half_hour() -> None:
    hole = (NOON + 10 * MINUTE, NOON + 50 * MINUTE)
    events = watch(every_ten_minutes(NOON, NOON + 2 * HOUR, 34.0), holes=[hole])
    (found,) = findings(events, "heat")
    assert found.raised_at >= NOON + 70 * MINUTE


def test_a_thermometer_that_died_says_nothing_about_the_present() -> None:
    assert told(watch([(NOON, 9.0)]), "cold") == []


def test_a_cold_room_is_told_in_the_digest_and_a_freezing_one_prompts() -> None:
    events = watch(
        [
            *every_ten_minutes(T0, NOON + HOUR, 15.0),
            *every_ten_minutes(NOON + HOUR, NOON + 6 * HOUR, 9.0),
            (NOON + 7 * HOUR, 21.0),
        ]
    )
    assert told(events, "cold") == [
        (Level.DIGEST, T0, NOON),
        (Level.PROMPT, NOON + HOUR, NOON + 4 * HOUR),
    ]
    last = [e for e in events if isinstance(e, Ended) and e.cause == "cold:air"][-1]
    assert (last.reason, last.ended_at) == (EndReason.ACTIVITY, NOON + 7 * HOUR)


def test_a_room_that_hovers_around_its_level_is_one_finding() -> None:
    wavering = [
        (at, 11.8 if n % 2 else 12.4) for n, (at, _) in enumerate(every_ten_minutes(NOON, NOON + 8 * HOUR, 0.0))
    ]
    events = watch([*every_ten_minutes(T0, NOON, 11.5), *wavering])
    prompts = [f for f in events if isinstance(f, Finding) and f.kind == "cold" and f.level is Level.PROMPT]
    assert len(prompts) == 1
    assert not [e for e in events if isinstance(e, Ended) and e.reason is EndReason.ACTIVITY]


def test_a_thermometer_that_speaks_again_is_judged_anew() -> None:
    """It was silent when its twelve hours were over: that must not make the room's cold unseen for ever."""
    before, after = every_ten_minutes(T0, T0 + 9 * HOUR, 15.0), every_ten_minutes(NOON + 2 * HOUR, T0 + 2 * DAY, 15.0)
    events = watch([*before, *after], until=T0 + 2 * DAY)
    assert told(events, "cold") == [(Level.DIGEST, NOON + 2 * HOUR, T0 + DAY + 2 * HOUR)]
