"""How fast a recording replays, and in how much memory.

    python -m benchmarks.replay RECORDING [--rounds 5]

Two ways in turn, each in a process of its own: the short way (detectors and desk only, what a backtest does) and the full way
(wire format, admit, journal, detectors, desk). Prints medians, their ratio, and the peak memory of each.
"""

from __future__ import annotations

import argparse
import json
import resource
import statistics
import subprocess
import sys
from pathlib import Path

from domain.clock import DAY, SECOND, monotonic
from simulators.recording import read_recording
from simulators.replay import Replay


def run(folder: Path, way: str) -> None:
    """One replay in this process; prints what it took as JSON."""
    began = monotonic()
    recording = read_recording(folder)
    replay = Replay(recording)
    if way == "short":
        replay.short()
    else:
        replay.full()
    print(
        json.dumps(
            {
                "seconds": (monotonic() - began) / SECOND,
                "megabytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
                "readings": len(recording.readings),
                "days": (recording.end - recording.start) / DAY,
                "findings": len(replay.book.findings),
            }
        )
    )


def measure(folder: Path, way: str) -> dict[str, float]:
    """One replay in a process of its own."""
    command = [sys.executable, "-m", "benchmarks.replay", str(folder), "--way", way]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    result: dict[str, float] = json.loads(done.stdout)
    return result


def main() -> None:
    """See the module's own words."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("recording", type=Path)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--way", choices=["short", "full"], help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.way:
        run(arguments.recording, arguments.way)
        return
    taken: dict[str, list[dict[str, float]]] = {"short": [], "full": []}
    for _ in range(arguments.rounds):
        for way, results in taken.items():
            results.append(measure(arguments.recording, way))
    medians = {way: statistics.median(r["seconds"] for r in results) for way, results in taken.items()}
    first = taken["full"][0]
    print(f"{first['days']:.0f} days, {first['readings']:.0f} readings, {first['findings']:.0f} findings")
    for way, results in taken.items():
        seconds = sorted(r["seconds"] for r in results)
        memory = max(r["megabytes"] for r in results)
        print(
            f"{way:>5}: median {medians[way]:.2f} s ({seconds[0]:.2f} to {seconds[-1]:.2f}), at most {memory:.0f} MB, "
            f"{first['days'] * 86400 / medians[way]:,.0f} x real time"
        )
    print(f"full / short: {medians['full'] / medians['short']:.2f}")


if __name__ == "__main__":
    main()
