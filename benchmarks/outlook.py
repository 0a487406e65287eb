"""How good the estimate is of what a device's loss would do to a home's limits: see `kehai report`.

    python -m benchmarks.outlook DIR [--homes 8]

For each device of each recording in DIR from which a fiftieth of the signs of life came: the mean limit by day (6 to 22) and
at night as it is, as it is estimated without the device, and as it is when the whole recording is learnt anew without it.
"""

from __future__ import annotations

import argparse
import statistics
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from detectors.home import HomeWatch
from detectors.outlook.advice import Estimate
from detectors.outlook.delays import limits_of
from detectors.outlook.past import past_of
from domain.clock import HOUR, Span
from domain.ids import DeviceId
from simulators.backtest import find_recordings
from simulators.player import arrivals
from simulators.recording import Recording, read_recording

LEAST_SHARE = 0.02


def learn(recording: Recording) -> HomeWatch:
    """The home after all of its recording."""
    watch = HomeWatch(recording.home.home, recording.home.zone.name)
    for arrival in arrivals(recording):
        watch.take(arrival.items)
    return watch


def without(recording: Recording, device: DeviceId) -> Recording:
    """The recording of a home in which ``device`` had never been."""
    devices = {name: known for name, known in recording.home.devices.items() if name != device}
    readings = [reading for reading in recording.readings if reading.device != device]
    return replace(recording, home=replace(recording.home, devices=devices), readings=readings)


def hours(watch: HomeWatch) -> list[Span]:
    """The limit of each clock hour."""
    limits = limits_of(watch.inactivity)
    return limits.by_hour(limits.page)


def means(limits: list[Span]) -> tuple[float, float]:
    """In hours: by day, at night."""
    return sum(limits[6:22]) / 16 / HOUR, sum(limits[22:] + limits[:6]) / 8 / HOUR


def compare(recording: Recording) -> Iterator[tuple[DeviceId, tuple[float, ...]]]:
    """(device, (now, estimated, learnt anew) by day and at night) of each device that tells of life often enough."""
    watch = learn(recording)
    said = ((r.at, r.device, r.quantity, r.value) for r in recording.readings)
    covered = [(recording.start, recording.end)]
    past = past_of(said, watch.context.devices, watch.context.local, covered, recording.end)
    now = means(hours(watch))
    for loss in Estimate(past, hours(watch)).losses():
        if loss.share >= LEAST_SHARE:
            anew = means(hours(learn(without(recording, loss.device))))
            guess = (loss.change.day[1] / HOUR, loss.change.night[1] / HOUR)
            yield loss.device, (now[0], guess[0], anew[0], now[1], guess[1], anew[1])


def main() -> None:
    """See the module's own words."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("recordings", type=Path, metavar="DIR")
    parser.add_argument("--homes", type=int, default=8, help="How many, evenly taken from the folder.")
    arguments = parser.parse_args()
    folders = find_recordings(arguments.recordings)
    step = max(1, len(folders) // arguments.homes)
    off: list[float] = []
    moved: list[tuple[bool, bool]] = []
    print("home / device: hours by day now, estimated, learnt anew; the same at night")
    for folder in folders[::step][: arguments.homes]:
        for device, row in compare(read_recording(folder)):
            print(f"{folder.name} {device}: " + " ".join(f"{value:.2f}" for value in row), flush=True)
            for now, guess, anew in (row[:3], row[3:]):
                off.append(abs(guess / anew - 1))
                moved.append((guess > 1.1 * now, anew > 1.1 * now))
    if off:
        off.sort()
        print(f"off by: median {statistics.median(off):.1%}, nine of ten within {off[int(0.9 * (len(off) - 1))]:.1%}")
        both = sum(guess and anew for guess, anew in moved)
        print(
            f"of {sum(anew for _, anew in moved)} limits that grew by more than a tenth, {both} were foreseen; "
            f"{sum(guess and not anew for guess, anew in moved)} were foreseen and did not"
        )


if __name__ == "__main__":
    main()
