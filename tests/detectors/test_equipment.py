"""Silent devices and silent gateways."""

from __future__ import annotations

from detectors.context import GATEWAY_SILENT, LATENESS
from detectors.home import HomeWatch
from domain.clock import DAY, HOUR, MINUTE
from domain.findings import Ended, EndReason, Level, Subject
from domain.readings import Mark, Vouch
from domain.status import Observability
from tests.detectors.homes import AIR, DEVICES, GATEWAY, HOME, T0, ZONE, Script, findings, hello, run

DIES = T0 + DAY + 9 * HOUR


def test_a_device_that_dies_is_reported_after_three_check_ins_and_ends_when_it_speaks() -> None:
    script = Script()
    script.live(1)
    script.check_in(T0 + DAY, T0 + 2 * DAY, [d for d in DEVICES if d is not AIR])
    script.check_in(T0 + DAY, DIES, [AIR])
    script.check_in(DIES + 5 * HOUR, T0 + 2 * DAY, [AIR])
    events = run(HomeWatch(HOME, ZONE), script.items(T0 + 2 * DAY))
    (found,) = findings(events, "device_silent")
    assert (found.device, found.subject, found.level) == (AIR.id, Subject.DEVICE, Level.PROMPT)
    assert found.raised_at - found.onset == 60 * MINUTE
    (ended,) = [e for e in events if isinstance(e, Ended) and e.finding == found.id]
    assert ended.reason is EndReason.ACTIVITY


def test_while_the_gateway_is_away_no_device_is_called_silent() -> None:
    script = Script()
    script.live(2)
    hole = (T0 + DAY + 9 * HOUR, T0 + DAY + 15 * HOUR)
    events = run(HomeWatch(HOME, ZONE), script.items(T0 + 2 * DAY, holes=[hole]))
    assert not findings(events, "device_silent")
    assert len(findings(events, "gateway_silent")) == 1


def test_a_device_that_was_taken_away_is_not_missed() -> None:
    script = Script()
    script.live(1)
    script.check_in(T0 + DAY, T0 + 2 * DAY, [d for d in DEVICES if d is not AIR])
    messages = script.items(T0 + 2 * DAY)
    messages.append((T0 + 2 * DAY, [hello([d for d in DEVICES if d is not AIR], T0 + 2 * DAY)]))
    events = run(HomeWatch(HOME, ZONE), messages)
    (found,) = findings(events, "device_silent")
    assert [e.reason for e in events if isinstance(e, Ended) and e.finding == found.id] == [EndReason.CONFIGURATION]


def test_a_gateway_that_falls_silent_is_noticed_by_our_own_clock_and_dated_by_its_last_word() -> None:
    """ThingsBoard's issue 12771: silence was told only when the device came back."""
    script = Script()
    script.live(1, until=T0 + 9 * HOUR)
    watch = HomeWatch(HOME, ZONE)
    run(watch, script.items(T0 + 9 * HOUR))
    due = watch.due_now()
    assert due == T0 + 9 * HOUR + GATEWAY_SILENT + LATENESS
    (found,) = findings(watch.tick(due), "gateway_silent")
    assert (found.onset, found.raised_at) == (T0 + 9 * HOUR, T0 + 9 * HOUR + GATEWAY_SILENT)
    assert watch.status(due).observability is Observability.BLIND


def test_our_own_downtime_is_not_the_gateway_s() -> None:
    script = Script()
    script.live(1, until=T0 + 9 * HOUR)
    watch = HomeWatch(HOME, ZONE)
    run(watch, script.items(T0 + 9 * HOUR))
    back = T0 + 15 * HOUR
    watch.take([Mark(back, down_since=T0 + 9 * HOUR)])
    assert watch.due_now() == back + GATEWAY_SILENT + LATENESS, "it has as long as ever to speak again"


def test_a_gateway_that_is_half_an_hour_behind_with_its_work_is_silent() -> None:
    script = Script()
    script.live(1, until=T0 + 9 * HOUR)
    watch = HomeWatch(HOME, ZONE)
    events = run(watch, script.items(T0 + 9 * HOUR))
    for minute in range(5, 40, 5):
        now = T0 + 9 * HOUR + minute * MINUTE
        slow = now - 30 * MINUTE
        while (due := watch.due_now()) is not None and due < now:
            events += watch.tick(due)
        events += watch.take([Vouch(HOME, GATEWAY, slow, ((slow - 5 * MINUTE, slow),), (), now, now)])
    assert len(findings(events, "gateway_silent")) == 1
