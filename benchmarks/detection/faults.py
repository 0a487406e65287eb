"""Faults of sensors and gateways in homes with weeks behind them: no page about the resident may come of them."""

from __future__ import annotations

import random
import statistics
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from benchmarks.detection.course import Course, Followed, Happening, Run, run
from benchmarks.detection.expected import Judged, judge
from benchmarks.detection.outage import OutageCourse, Outages, run_outages
from benchmarks.detection.spread import spread, table
from domain.clock import DAY, HOUR, MINUTE, SECOND, Instant, Span
from domain.recording import DeviceSilence
from simulators.incidents import equipment
from simulators.incidents.editing import Happens, drawn
from simulators.simulated import Incident, IncidentKind, Simulated

_FIRST_DAY = 20_454
"""2026-01-01; homes begin on different days of a year from there on."""
_MONTH = 30.44 * DAY


def _cut_off(low: Span, high: Span) -> Happens:
    """The gateway is off for between ``low`` and ``high``, short times as likely as long ones."""

    def happens(life: Simulated, when: Instant, rng: random.Random) -> Simulated:
        end = min(life.end, when + int(low * (high / low) ** rng.random() / SECOND) * SECOND)
        kept = [reading for reading in life.readings if not when < reading.at < end]
        changed = life.then(kept, Incident(when, end, IncidentKind.GATEWAY_DOWN, None))
        return replace(changed, outages=_joined([*life.outages, (when, end)]))

    return happens


def _joined(outages: Sequence[tuple[Instant, Instant]]) -> list[tuple[Instant, Instant]]:
    joined: list[tuple[Instant, Instant]] = []
    for start, end in sorted(outages):
        if joined and start <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(end, joined[-1][1]))
        else:
            joined.append((start, end))
    return joined


def _dies_of_its_battery(life: Simulated, when: Instant, rng: random.Random) -> Simulated | None:  # noqa: ARG001
    """The device whose battery has run low says nothing any more, for one to three days."""
    low = next((one for one in reversed(life.incidents) if one.kind is IncidentKind.BATTERY_LOW), None)
    if low is None or low.device is None:
        return None
    begin = low.start + drawn(rng, 30, 60, HOUR)
    end = min(life.end, begin + drawn(rng, 24, 72, HOUR))
    kept = [r for r in life.readings if r.device != low.device or not begin < r.at < end]
    changed = life.then(kept, Incident(begin, end, IncidentKind.SENSOR_DEAD, low.room, low.device))
    return replace(changed, silences=sorted([*life.silences, DeviceSilence(low.device, begin, end)]))


_CUT_OFF = _cut_off(3 * MINUTE, 3 * DAY)
MOVED = "moved to another room"
"""Nobody can find this out but by asking: it is counted apart, and is one of the controls too."""
_SINGLE: dict[str, Happens] = {
    "device dead": equipment.dies,
    "stuck, chattering": equipment.chatters,
    "stuck, seeing nothing": equipment.sticks,
    MOVED: equipment.moves,
    "gateway down": _CUT_OFF,
    "clock wrong": equipment.clock_goes_wrong,
}
_LONGEST: Span = 5 * DAY
"""A fault is followed for half a day past its end, and no longer than this."""
FAULTS: dict[str, Happening] = {
    **{name: Happening(name, (happens,), at_most=_LONGEST) for name, happens in _SINGLE.items()},
    "battery empty": Happening("battery empty", (equipment.runs_low, _dies_of_its_battery), at_most=_LONGEST),
    "device dead, gateway down": Happening(
        "device dead, gateway down", (equipment.dies, _cut_off(3 * MINUTE, 12 * HOUR)), at_most=_LONGEST
    ),
    "chattering, another dead": Happening(
        "chattering, another dead", (equipment.chatters, equipment.dies), at_most=_LONGEST
    ),
    "gateway down, clock wrong": Happening(
        "gateway down, clock wrong", (_cut_off(3 * MINUTE, 12 * HOUR), equipment.clock_goes_wrong), at_most=_LONGEST
    ),
}
OUTAGE = "fleet outage"
"""Many homes at once: these run together, behind one watch."""


@dataclass(frozen=True, slots=True)
class Campaign:
    """How much of it."""

    faults: int
    seed: int
    jobs: int
    warm: int = 28
    days: int = 30
    per_home: int = 20
    fleet: int = 10
    """Homes of one installation that are cut off together."""
    outages: int = 3
    """How often."""


def courses(campaign: Campaign, credulous: bool = False) -> list[Course]:
    """The homes, with about ten in eleven of the faults, every kind in turn."""
    names, count = list(FAULTS), campaign.faults * 10 // 11
    wanted = [names[number % len(names)] for number in range(count)]
    homes = [wanted[first : first + campaign.per_home] for first in range(0, count, campaign.per_home)]
    return [
        Course(
            number, f"faults/{campaign.seed}", _FIRST_DAY + number * 37 % 365, campaign.warm, campaign.days,
            tuple(of_home), credulous=credulous,
        )
        for number, of_home in enumerate(homes, start=1)
    ]  # fmt: skip


def outage_courses(campaign: Campaign) -> list[OutageCourse]:
    """The rest: homes that are cut off together."""
    left = campaign.faults - campaign.faults * 10 // 11
    per_course = campaign.fleet * campaign.outages
    return [
        OutageCourse(
            number, f"faults/{campaign.seed}", _FIRST_DAY + number * 61 % 365, campaign.warm, campaign.days // 3,
            campaign.fleet, campaign.outages,
        )
        for number in range(1, -(-left // per_course) + 1)
    ]  # fmt: skip


def run_faults(course: Course) -> Run:
    """One home's faults."""
    return run(course, FAULTS)


@dataclass(slots=True)
class Tally:
    """What became of the faults of one name."""

    injected: int = 0
    owed: int = 0
    found: int = 0
    after: list[float] = field(default_factory=list)
    """Minutes to each finding."""
    pages: int = 0
    prompts: int = 0

    def add(self, judged: Sequence[Judged]) -> None:
        """Count one fault, of one or two parts."""
        for one in judged:
            self.owed += one.owed
            self.found += one.owed and one.after is not None
            if one.after is not None:
                self.after.append(one.after / MINUTE)


def faults(campaign: Campaign) -> dict[str, Any]:
    """Run the campaign and its control, and print what came of them."""
    runs = list(spread(run_faults, courses(campaign), campaign.jobs, "faults"))
    outages = list(run_outages(outage_courses(campaign), campaign.jobs))
    tallies = _tally([followed for run in runs for followed in run.followed], outages)
    broken = courses(replace(campaign, faults=max(11, campaign.faults // 10)), credulous=True)
    control = list(spread(run_faults, broken, campaign.jobs, "control"))
    return _print(campaign, runs, tallies, control)


def _tally(followed: Sequence[Followed], outages: Sequence[Outages]) -> dict[str, Tally]:
    tallies = {name: Tally() for name in (*FAULTS, OUTAGE)}
    for one in followed:
        tally = tallies[one.name]
        tally.injected += 1
        tally.add(judge(one))
        tally.pages += len(one.new_pages())
        tally.prompts += len(one.new_prompts())
    for course in outages:
        tally = tallies[OUTAGE]
        for after in course.found_after:
            tally.injected += course.homes
            tally.owed += course.homes
            tally.found += course.homes if after is not None else 0
            tally.after += [after / MINUTE] if after is not None else []
        tally.pages += course.pages
        tally.prompts += course.prompts
    return tallies


def _print(
    campaign: Campaign, runs: Sequence[Run], tallies: dict[str, Tally], control: Sequence[Run]
) -> dict[str, Any]:
    total = sum(tally.injected for tally in tallies.values())
    print(f"\nfaults: {total} in {len(runs)} homes with {campaign.warm} days behind them, seed {campaign.seed}")
    rows = [("", "injected", "found in time", "after, min", "pages", "prompts")]
    for name, tally in tallies.items():
        in_time = f"{tally.found} of {tally.owed}" if tally.owed else "-"
        after = f"{statistics.median(tally.after):.0f}" if tally.after else "-"
        rows.append((name, str(tally.injected), in_time, after, str(tally.pages), str(tally.prompts)))
    pages = sum(tally.pages for tally in tallies.values())
    found, owed = sum(t.found for t in tallies.values()), sum(t.owed for t in tallies.values())
    rows.append(
        ("all", str(total), f"{found} of {owed}", "", str(pages), str(sum(t.prompts for t in tallies.values())))
    )
    table(rows)
    months = sum(run.course.days for run in runs) * DAY / _MONTH
    own = sum(said.pages_about_the_person for run in runs for said in run.untouched)
    moved = tallies[MOVED].pages
    print(
        f"  pages about the person, without those of a moved sensor: {pages - moved}, must 0: "
        f"{'yes' if pages == moved else 'NO'}"
    )
    print(f"  the untouched homes themselves: {own} pages in {months:.1f} home-months, {own / months:.2f} a month")
    broken = sum(len(one.new_pages()) for run in control for one in run.followed)
    tried = sum(len(run.followed) for run in control)
    print(
        f"  control, blindness switched off: {broken} pages in {tried} faults, must be > 0: {'yes' if broken else 'NO'}"
    )
    print(
        "  A page counts when it is raised between the beginning of a fault and half a day after its end, and the same home\n"
        "  without the fault has no page of that kind whose onset or deadline is within half an hour of it. A fault that was\n"
        "  over before its bound is not owed; time that the gateway did not see is added to a bound."
    )
    return {
        "pages": pages, "found": found, "owed": owed, "injected": total, "untouched pages a month": own / months,
        "control pages": broken, "control faults": tried,
        "by fault": {
            name: {"injected": t.injected, "owed": t.owed, "found": t.found, "pages": t.pages, "prompts": t.prompts}
            for name, t in tallies.items()
        },
        "pages told": [
            {"home": run.course.number, "fault": one.name, "kind": said.kind, "after_h": (said.raised_at - one.start) / HOUR}
            for run in runs for one in run.followed for said in one.new_pages()
        ],
    }  # fmt: skip
