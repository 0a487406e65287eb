"""What befalls many homes at once."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import pytest

from detectors.context import GATEWAY_SILENT
from detectors.fleet import GATHERS, HANDFUL, Fleet
from domain.clock import DAY, HOUR, MINUTE, SECOND, Instant, from_iso
from domain.findings import Ended, Finding, FindingEvent, Level, Subject
from domain.ids import INSTALLATION, BadIdError, HomeId, check_id

T = from_iso("2026-03-02T09:00:00+09:00")
CUT = T + HOUR


def homes(count: int, first: int = 0) -> list[HomeId]:
    return [HomeId(f"h{number:03}") for number in range(first, first + count)]


def until(fleet: Fleet, now: Instant) -> list[FindingEvent]:
    """Everything that is due up to ``now``."""
    events: list[FindingEvent] = []
    while (due := fleet.next_due()) is not None and due <= now:
        events += fleet.tick(due)
    return events


def live(fleet: Fleet, who: Iterable[HomeId], start: Instant, end: Instant) -> list[FindingEvent]:
    """Each of ``who`` speaks every half minute, each at its own second, from ``start`` until before ``end``."""
    events: list[FindingEvent] = []
    known = list(who)
    for now in range(start, end, 30 * SECOND):
        for number, home in enumerate(known):
            at = now + number % 30 * SECOND
            if at < end:
                events += until(fleet, at - 1)
                events += fleet.spoke(home, at)
    return events


def a_fleet(count: int, group: Callable[[int], str] = lambda _n: "") -> Fleet:
    fleet = Fleet("Asia/Tokyo")
    for number, home in enumerate(homes(count)):
        fleet.meet(home, [group(number)] if group(number) else [])
    return fleet


def raised(events: Iterable[FindingEvent]) -> list[Finding]:
    return [event for event in events if isinstance(event, Finding)]


def over(events: Iterable[FindingEvent]) -> list[Ended]:
    return [event for event in events if isinstance(event, Ended)]


def test_no_home_can_have_the_installation_s_id() -> None:
    with pytest.raises(BadIdError):
        check_id(INSTALLATION, "home")


def test_homes_that_fall_silent_together_are_one_finding_about_the_installation() -> None:
    fleet = a_fleet(40)
    events = live(fleet, homes(40), T, CUT)
    assert events == []
    events = until(fleet, CUT + 2 * HOUR)
    (found,) = raised(events)
    assert (found.home, found.cause, found.subject, found.level) == (
        INSTALLATION, "fleet_outage", Subject.SYSTEM, Level.PAGE,
    )  # fmt: skip
    assert CUT - MINUTE < found.onset < CUT
    assert found.raised_at <= CUT + GATEWAY_SILENT + GATHERS + 10 * SECOND, "before any home's own finding"
    assert (found.evidence["silent_homes"], found.evidence["of_homes"]) == (40, 40)
    assert all(fleet.holds(home, "gateway_silent") for home in homes(40))
    assert not fleet.holds(homes(1)[0], "inactivity"), "a person is never held back"


def test_it_is_over_when_the_homes_are_back_and_names_those_that_are_not() -> None:
    fleet = a_fleet(40)
    live(fleet, homes(40), T, CUT)
    until(fleet, CUT + 2 * HOUR)
    events = live(fleet, homes(38), CUT + 2 * HOUR, CUT + 2 * HOUR + MINUTE)
    (ended,) = over(events)
    assert CUT + 2 * HOUR <= ended.ended_at < CUT + 2 * HOUR + MINUTE
    assert set(homes(2, 38)) <= set(fleet.outlasted())
    assert fleet.outlasted() == [], "each is told once"
    assert not fleet.holds(homes(1, 38)[0], "gateway_silent")


def test_a_handful_and_three_in_ten_are_needed() -> None:
    for count, gone, many in (
        (HANDFUL - 1, HANDFUL - 1, False),
        (HANDFUL, HANDFUL, True),
        (40, 11, False),
        (40, 12, True),
    ):
        fleet = a_fleet(count)
        live(fleet, homes(count), T, CUT)
        events = live(fleet, homes(count)[gone:], CUT, CUT + HOUR) + until(fleet, CUT + HOUR)
        assert bool(raised(events)) is many, (count, gone)


def test_homes_that_fall_silent_one_after_the_other_have_each_a_cause_of_their_own() -> None:
    fleet = a_fleet(40)
    events: list[FindingEvent] = []
    for gone in range(20):
        start = T + gone * HOUR
        events += live(fleet, homes(40)[gone:], start, start + HOUR)
    assert raised(events) == []


def test_an_area_and_a_program_are_named_where_the_cause_lies_there() -> None:
    for word, group in (("area", "area:north"), ("software", "software:kehai 2")):
        fleet = a_fleet(60, lambda number, group=group: group if number < 12 else "")  # type: ignore[misc]
        live(fleet, homes(60), T, CUT)
        events = live(fleet, homes(48, 12), CUT, CUT + HOUR)
        (found,) = raised(events)
        assert found.cause == f"fleet_outage:{group}"
        assert found.evidence[word] == group.partition(":")[2]
        assert (found.evidence["silent_homes"], found.evidence["of_homes"]) == (12, 12)
        assert len(over(events + live(fleet, homes(60), CUT + HOUR, CUT + HOUR + MINUTE))) == 1


def test_where_all_areas_fall_silent_no_area_is_blamed() -> None:
    fleet = a_fleet(60, lambda number: f"area:{number % 3}")
    live(fleet, homes(60), T, CUT)
    assert [found.cause for found in raised(until(fleet, CUT + HOUR))] == ["fleet_outage"]


def test_homes_that_have_been_silent_for_a_day_count_for_nothing_and_their_outage_stands_until_they_are_back() -> None:
    fleet = a_fleet(60)
    live(fleet, homes(60), T, T + MINUTE)
    live(fleet, homes(12), T + MINUTE, T + 2 * HOUR)  # 48 boxes in a cupboard
    until(fleet, T + DAY)
    live(fleet, homes(12), T + DAY + HOUR, T + DAY + 2 * HOUR)
    (found,) = raised(until(fleet, T + DAY + 3 * HOUR))
    assert found.evidence["silent_homes"] == 12
    again = a_fleet(60)
    again.restore(fleet.snapshot(), {home: fleet._spoke[home] for home in homes(60)})
    first, second = (over(live(again, who, T + 2 * DAY, T + 2 * DAY + MINUTE)) for who in (homes(12), homes(48, 12)))
    assert [e.finding for e in first] == [found.id]
    assert [e.cause for e in second] == ["fleet_outage"], "the boxes from the cupboard, two days later"


def test_our_own_hole_is_nobody_s_silence() -> None:
    fleet = a_fleet(40)
    live(fleet, homes(40), T, CUT)
    fleet.resumed(CUT + 5 * HOUR)
    events = live(fleet, homes(40), CUT + 5 * HOUR + 2 * MINUTE, CUT + 6 * HOUR)
    assert events == []


def test_a_hole_of_our_own_is_something_to_save_and_is_known_after_a_restart() -> None:
    """It was saved with the next finding only: a watch that died before that paged about homes it could not have heard."""
    fleet = Fleet()
    fleet.resumed(CUT + 5 * HOUR)
    assert fleet.changed
    fleet.changed = False
    fleet.resumed(CUT)
    assert not fleet.changed, "an older one tells nothing new"


def test_it_goes_on_after_a_restart_at_any_moment() -> None:
    whole = a_fleet(40)
    live(whole, homes(40), T, CUT)
    expected = until(whole, CUT + HOUR) + live(whole, homes(38), CUT + HOUR, CUT + HOUR + 20 * MINUTE)
    for minute in (0, 9, 10, 11, 12, 30, 59):
        first = a_fleet(40)
        live(first, homes(40), T, CUT)
        events = until(first, CUT + minute * MINUTE)
        again = a_fleet(40)
        again.restore(first.snapshot(), {home: first._spoke[home] for home in homes(40)})
        assert again.snapshot() == first.snapshot()
        events += until(again, CUT + HOUR) + live(again, homes(38), CUT + HOUR, CUT + HOUR + 20 * MINUTE)
        assert [e for e in events if isinstance(e, Ended)] == over(expected), minute
        assert [(e.id, e.raised_at) for e in raised(events)] == [(e.id, e.raised_at) for e in raised(expected)], minute
        assert again.outlasted() == whole._outlasted
