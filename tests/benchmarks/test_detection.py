"""The campaigns of faults, kinds and controls, small; and that their harness neither invents nor hides anything."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks.detection import speed
from benchmarks.detection.course import Course, Followed, Happening, Run, Said, run
from benchmarks.detection.expected import judge
from benchmarks.detection.faults import FAULTS, Campaign, courses, outage_courses
from benchmarks.detection.kinds import KINDS
from benchmarks.detection.outage import OutageCourse, run_outage
from domain.clock import DAY, HOUR, MINUTE, Instant
from domain.findings import Level, Subject
from domain.ids import DeviceId
from simulators.simulated import Incident, IncidentKind, Simulated

HOME = Course(number=3, seed="suite", first_day=20_560, warm=5, days=8, happenings=())


def briefly(known: Mapping[str, Happening]) -> dict[str, Happening]:
    """The same, followed for a day and a half: a test has no weeks."""
    return {name: replace(one, at_most=36 * HOUR) for name, one in known.items()}


def nothing(life: Simulated, when: Instant, rng: random.Random) -> Simulated:
    return life.then(list(life.readings), Incident(when, when + rng.randint(1, 24) * HOUR, IncidentKind.NAP, None))


def falls_silent(life: Simulated, when: Instant, _rng: random.Random) -> Simulated:
    """A gateway that is off for a day: whoever takes blindness for silence pages."""
    end = when + DAY
    kept = [reading for reading in life.readings if not when < reading.at < end]
    changed = life.then(kept, Incident(when, end, IncidentKind.GATEWAY_DOWN, None))
    return replace(changed, outages=sorted([*life.outages, (when, end)]))


def test_a_home_to_which_nothing_happens_says_what_the_untouched_one_says() -> None:
    """It is restored in the middle of its days and goes on; an unlike finding would be the harness's own."""
    known = {"nothing": Happening("nothing", (nothing,), follow=3 * DAY)}
    done = run(replace(HOME, happenings=("nothing",) * 4), known)
    assert len(done.followed) == 4
    assert [one.new() for one in done.followed] == [[]] * 4
    assert all(set(one.said) <= {*one.untouched} for one in done.followed)


def test_a_gateway_that_is_off_is_found_and_pages_nobody_unless_blindness_is_taken_for_silence() -> None:
    known = {"off": Happening("off", (falls_silent,))}
    asked = replace(HOME, happenings=("off",) * 4)
    honest, broken = run(asked, known), run(replace(asked, credulous=True), known)
    assert [one.new_pages() for one in honest.followed] == [[]] * 4
    assert all(found.after is not None for one in honest.followed for found in judge(one))
    assert sum(len(one.new_pages()) for one in broken.followed) > 0


def test_an_outage_that_is_followed_no_further_than_its_middle_is_found_all_the_same() -> None:
    known = {"off": Happening("off", (falls_silent,), at_most=6 * HOUR)}
    done = run(replace(HOME, happenings=("off",)), known)
    assert [found.after is not None for one in done.followed for found in judge(one)] == [True]


def pages_of(done: Run) -> Counter[str]:
    return Counter(one.name for one in done.followed for _ in one.new_pages())


def test_twenty_faults_in_one_home_are_found_and_dead_devices_and_gateways_page_nobody() -> None:
    (course,) = courses(Campaign(22, seed=5, jobs=1, warm=5, days=12))
    done = run(course, briefly(FAULTS))
    assert len(done.followed) + done.left_out == 20
    assert {one.name for one in done.followed} == set(FAULTS)
    paged = pages_of(done)
    assert not {name: paged[name] for name in ("device dead", "gateway down", "clock wrong") if paged[name]}
    certain = {IncidentKind.SENSOR_DEAD, IncidentKind.GATEWAY_DOWN, IncidentKind.CLOCK_WRONG}
    for one in done.followed:
        for found in judge(one):
            if found.incident.kind in certain and found.owed and len(one.incidents) == 1:
                assert found.after is not None, f"{one.name} was not found"


def test_two_of_each_kind_that_needs_no_weeks_are_found() -> None:
    quick = (
        IncidentKind.DOOR_LEFT_OPEN, IncidentKind.DOOR_AT_NIGHT, IncidentKind.NOT_RETURNED, IncidentKind.BATTERY_LOW,
        IncidentKind.POWER_CUT,
    )  # fmt: skip
    done = run(replace(HOME, happenings=tuple(kind.value for kind in quick) * 2), briefly(KINDS))
    found = Counter(one.name for one in done.followed for part in judge(one) if part.after is not None)
    assert found == {kind.value: 2 for kind in quick}


def test_homes_that_are_cut_off_together_page_nobody() -> None:
    done = run_outage(OutageCourse(1, "suite", 20_560, warm=2, days=2, homes=5, outages=1))
    assert done.homes == 5
    assert done.pages == 0


def said(kind: str, after: int, device: str | None = None, *, unknown: bool = False) -> Said:
    return Said(kind, Subject.DEVICE, Level.PROMPT, after, after, device, unknown)


def test_a_finding_counts_for_an_incident_within_its_bound_with_what_nobody_saw_added() -> None:
    def found(*told: Said, unseen: int = 0, end: int = 30 * HOUR) -> tuple[int | None, bool]:
        incident = Incident(0, end, IncidentKind.SENSOR_DEAD, None, DEVICE)
        (one,) = judge(Followed("x", (incident,), 40 * HOUR, told, (), unseen))
        return one.after, one.owed

    assert found(said("device_silent", 2 * HOUR, DEVICE)) == (2 * HOUR, True)
    assert found(said("device_silent", 2 * HOUR, "another")) == (None, True)
    assert found(said("device_silent", 2 * HOUR, DEVICE, unknown=True)) == (None, True)
    assert found(said("device_silent", 4 * HOUR, DEVICE)) == (None, True)
    assert found(said("device_silent", 4 * HOUR, DEVICE), unseen=2 * HOUR) == (4 * HOUR, True)
    assert found(said("gateway_silent", 2 * HOUR)) == (None, True)
    assert found(end=2 * HOUR) == (None, False)


DEVICE = DeviceId("hall")


def test_what_the_untouched_home_says_too_is_not_new() -> None:
    page = Said("inactivity", Subject.PERSON, Level.PAGE, 10 * HOUR, 12 * HOUR, None, False)
    incident = Incident(9 * HOUR, 20 * HOUR, IncidentKind.GATEWAY_DOWN, None)
    near, far = page._replace(onset=10 * HOUR + 20 * MINUTE, raised_at=14 * HOUR), page._replace(onset=1, raised_at=1)
    assert Followed("x", (incident,), 30 * HOUR, (page,), (near,), 0).new_pages() == []
    assert Followed("x", (incident,), 30 * HOUR, (page,), (far,), 0).new_pages() == [page]
    prompt = page._replace(level=Level.PROMPT)
    assert Followed("x", (incident,), 30 * HOUR, (page,), (prompt,), 0).new_pages() == [page]


def test_the_measurement_of_speed_and_memory_still_runs(tmp_path: Path) -> None:
    of_homes = speed.measure_homes(1, 1, tmp_path / "snapshots", days=4)
    of_fleet = speed.measure_fleet(6, 2, tmp_path / "snapshots")
    assert of_homes["readings_s"] > 0
    assert of_homes["refit_ms"] > 0
    assert of_fleet["minute_s"] > 0


@pytest.mark.parametrize("faults", [11, 110, 1_000])
def test_a_campaign_has_as_many_faults_as_asked_for_or_a_few_more(faults: int) -> None:
    campaign = Campaign(faults, seed=1, jobs=1)
    injected = sum(len(course.happenings) for course in courses(campaign))
    from_outages = sum(course.homes * course.outages for course in outage_courses(campaign))
    assert faults <= injected + from_outages < faults + 30
