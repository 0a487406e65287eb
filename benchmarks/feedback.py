"""What it does to a home's pages and limits when each of its false pages is written down as that.

    python -m benchmarks.feedback DIR [--homes 8] [--budget 1]

Each recording in DIR is run three times, by ``inactivity`` alone: as it is; with every page closed an hour after it was raised
as *visited: safe*; and with every page closed as *sensor fault*, of which nothing is learnt. Counted are the pages from the
29th day on, and the mean limit by day (6 to 22) on the last day. As far as is known nobody collapses there: all of them are
false.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from benchmarks.ingest.tables import progress
from detectors.home import HomeWatch
from domain.alerts import Outcome
from domain.clock import DAY, HOUR, Instant
from domain.feedback import Feedback
from domain.findings import Finding, Level
from domain.ids import HomeId
from domain.modes import TAKES
from simulators.backtest import find_recordings
from simulators.player import arrivals
from simulators.recording import Recording, read_recording

MONTH = 30.44 * DAY
FOUND = {
    "nobody writes anything down": None,
    "each is found false": Outcome.VISIT_SAFE,
    "each is a sensor fault": Outcome.DEVICE_FAULT,
}
_JUDGED_FROM = 28 * DAY


@dataclass(slots=True)
class Lived:
    """What one way of closing pages made of one home."""

    pages: int
    months: float
    limit: float
    """Hours, by day, at the end."""
    bytes: int
    """Of the home's snapshot."""


def run(recording: Recording, outcome: Outcome | None, budget: float) -> Lived:
    """One home, all of its recording."""
    watch = HomeWatch(recording.home.home, recording.home.zone.name, {"inactivity": {"page_budget": budget}})
    pages, number = 0, 0
    for arrival in arrivals(recording):
        for event in watch.take(arrival.items):
            if not isinstance(event, Finding) or event.kind != "inactivity" or event.level is not Level.PAGE:
                continue
            pages += event.raised_at >= recording.start + _JUDGED_FROM
            number += 1
            if outcome is not None:
                watch.heed([_closed(event, number, outcome, max(arrival.received_at, event.raised_at) + HOUR)])
    limits = watch.inactivity.limits()[4 * 6 : 4 * 22]
    months = max(0, recording.end - recording.start - _JUDGED_FROM) / MONTH
    return Lived(pages, months, sum(limits) / len(limits) / HOUR, len(watch.snapshot()))


def _closed(page: Finding, number: int, outcome: Outcome, at: Instant) -> Feedback:
    return Feedback(
        number,
        HomeId(page.home),
        number,
        page.cause,
        page.onset,
        page.level,
        None,
        outcome,
        at,
        at + TAKES,
        "staff",
        at,
    )


def lines(recordings: Path, homes: int, budget: float) -> Iterator[str]:
    """The table."""
    folders = find_recordings(recordings)
    step = max(1, len(folders) // homes)
    found: dict[str, list[Lived]] = {name: [] for name in FOUND}
    for folder in folders[::step][:homes]:
        recording = read_recording(folder)
        for name, outcome in FOUND.items():
            found[name].append(run(recording, outcome, budget))
        progress(folder.name)
    for name, lived in found.items():
        months = sum(one.months for one in lived)
        pages = sum(one.pages for one in lived)
        limit = sum(one.limit for one in lived) / len(lived)
        size = sum(one.bytes for one in lived) / len(lived)
        yield (
            f"{name}: {pages} pages in {months:.1f} home-months, {pages / months:.2f} a month; "
            f"mean limit by day {limit:.2f} h; snapshot {size / 1000:.1f} kB"
        )


def main() -> None:
    """See the module's own words."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("recordings", type=Path, metavar="DIR")
    parser.add_argument("--homes", type=int, default=8, help="How many, evenly taken from the folder.")
    parser.add_argument("--budget", type=float, default=1.0, help="False pages accepted in a home-month.")
    arguments = parser.parse_args()
    print(*lines(arguments.recordings, arguments.homes, arguments.budget), sep="\n")


if __name__ == "__main__":
    main()
