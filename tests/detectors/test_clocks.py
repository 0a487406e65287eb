"""Gateways whose clocks are wrong."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest

from detectors.home import HomeWatch
from domain.clock import DAY, HOUR, MINUTE, SECOND, Instant, Span
from domain.findings import Ended, EndReason, Finding, FindingEvent, Level, Subject
from domain.readings import Flag, Item, Quantity, Reading, Vouch
from domain.status import Observability
from tests.detectors.homes import GATEWAY, HOME, LIVING, T0, ZONE, Script, findings, hello, run

NOON = T0 + 3 * DAY + 12 * HOUR
Clock = Callable[[Instant], Instant]


def lived_by(clock: Clock, until: Instant, script: Script | None = None) -> list[tuple[Instant, list[Item]]]:
    """Ordinary days as a gateway with ``clock`` tells them: a heartbeat every five minutes, one spell since its start."""
    if script is None:
        script = Script()
        script.live(6)
    messages: list[tuple[Instant, list[Item]]] = [(T0, [hello()])]
    readings, at, covered = sorted(script.readings, key=lambda r: r.observed_at), 0, T0
    for now in range(T0, until + 1, 5 * MINUTE):
        items: list[Item] = []
        while at < len(readings) and readings[at].observed_at <= now:
            stamp = clock(readings[at].observed_at)
            flags = int(Flag.CLAMPED) if stamp > now + 5 * SECOND else 0
            items.append(readings[at]._replace(observed_at=min(stamp, now), received_at=now, flags=flags))
            at += 1
        through = min(clock(now), now)
        fresh = ((covered, through),) if through > covered else ()
        covered = max(covered, through)
        items.append(Vouch(HOME, GATEWAY, through, fresh, (), clock(now), now))
        messages.append((now, items))
    return messages


def wrong(events: Sequence[FindingEvent]) -> list[Finding]:
    return findings(events, "clock_wrong")


def over(events: Sequence[FindingEvent]) -> list[Ended]:
    return [e for e in events if isinstance(e, Ended) and e.cause.startswith("clock_wrong")]


def off(by: Span, start: Instant = NOON, end: Instant = NOON + 9 * HOUR) -> Clock:
    return lambda at: at + by if start <= at < end else at


def test_a_clock_that_is_right_is_never_wrong() -> None:
    assert wrong(run(HomeWatch(HOME, ZONE), lived_by(lambda at: at, NOON + DAY))) == []


@pytest.mark.parametrize("by", [-6 * HOUR, -2 * HOUR, -20 * MINUTE, 2 * MINUTE, 3 * HOUR, 300 * DAY])
def test_a_clock_that_is_wrong_is_found_after_ten_minutes_and_nobody_is_paged_about(by: Span) -> None:
    events = run(HomeWatch(HOME, ZONE), lived_by(off(by), NOON + 2 * DAY))
    first, *more = wrong(events)
    assert (first.subject, first.level, first.cause) == (Subject.DEVICE, Level.PROMPT, f"clock_wrong:{GATEWAY}")
    assert first.raised_at <= NOON + 10 * MINUTE
    assert {f.evidence["clock"] for f in more} <= {"offset"}, "the heartbeats' word takes the place of the stamps'"
    last = wrong(events)[-1]
    assert (last.evidence["clock_behind_s"], last.onset) == (-by // SECOND, NOON)
    assert [e.finding for e in over(events)][-1] == last.id
    assert [f for f in findings(events) if f.subject is Subject.PERSON and f.level is Level.PAGE] == []
    assert findings(events, "gateway_silent") == [], "it speaks"


def test_what_a_clock_leaps_over_when_it_is_set_right_counts_as_not_seen() -> None:
    home = HomeWatch(HOME, ZONE)
    run(home, lived_by(off(-6 * HOUR), NOON + 10 * HOUR))
    assert home.context.blind(NOON, NOON + 9 * HOUR) > 8 * HOUR
    assert home.context.blind(NOON + 9 * HOUR, NOON + 10 * HOUR) == 0


def test_while_a_clock_is_hours_behind_nothing_can_be_seen_of_the_home() -> None:
    home = HomeWatch(HOME, ZONE)
    events = run(home, lived_by(off(-6 * HOUR), NOON + HOUR))
    assert home.status(NOON + HOUR).observability is Observability.BLIND
    assert "nothing is known" in wrong(events)[-1].text_en
    again = HomeWatch.restore(home.snapshot())
    assert again.status(NOON + HOUR) == home.status(NOON + HOUR)


def test_a_collapse_under_a_clock_that_is_half_an_hour_behind_is_paged() -> None:
    script = Script()
    script.live(3)
    script.live(1, start=T0 + 3 * DAY, until=NOON + 2 * HOUR)
    events = run(HomeWatch(HOME, ZONE), lived_by(off(-30 * MINUTE, NOON, NOON + 3 * DAY), NOON + DAY, script))
    assert [f.level for f in findings(events, "inactivity") if f.onset > NOON and f.unknown is None] == [
        Level.PROMPT,
        Level.PAGE,
    ]


def test_messages_that_come_in_a_heap_after_a_break_are_late_and_their_clock_is_right() -> None:
    home = HomeWatch(HOME, ZONE)
    events = run(home, lived_by(lambda at: at, NOON))
    back = NOON + 6 * HOUR
    for step in range(1, 73):
        sent, now = NOON + step * 5 * MINUTE, back + step * SECOND
        events += home.take([Vouch(HOME, GATEWAY, sent, ((sent - 5 * MINUTE, sent),), (), sent, now)])
    assert wrong(events) == []


def test_readings_from_the_future_prompt_although_the_heartbeats_are_right() -> None:
    home = HomeWatch(HOME, ZONE)
    run(home, lived_by(lambda at: at, NOON))
    events: list[FindingEvent] = []
    for step in range(1, 60):
        now = NOON + step * 5 * MINUTE
        flags = int(Flag.CLAMPED) if 4 <= step < 12 else 0
        reading = Reading(HOME, LIVING.id, Quantity.MOTION, 1.0, now, now, GATEWAY, "e", 900_000 + step, flags)
        events += home.take([reading, Vouch(HOME, GATEWAY, now, ((now - 5 * MINUTE, now),), (), now, now)])
    (found,) = wrong(events)
    assert (found.evidence["clock"], found.evidence["stamps_ahead"]) == ("ahead", 5)
    assert [(e.finding, e.reason) for e in over(events)] == [(found.id, EndReason.ACTIVITY)]


def test_a_clock_that_nobody_sets_is_told_of_in_the_digest_after_a_day() -> None:
    script = Script()
    script.live(3)
    script.readings = [r._replace(flags=int(Flag.UNSYNCED)) if r.observed_at > T0 + DAY else r for r in script.readings]
    script.add(LIVING, T0 + 3 * DAY + HOUR)
    events = run(HomeWatch(HOME, ZONE), script.items(T0 + 3 * DAY + 2 * HOUR))
    (found,) = wrong(events)
    assert (found.level, found.evidence["clock"]) == (Level.DIGEST, "unset")
    assert found.raised_at - found.onset >= DAY
    assert [e.ended_at for e in over(events)] == [T0 + 3 * DAY + HOUR]
