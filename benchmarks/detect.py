"""What the detectors find, how soon and at what price: figures of one run beside their targets, printed.

    python -m benchmarks.detect --score --recordings DIR      delays after collapses, beside four reference rules
    python -m benchmarks.detect --score --held-out ...        the same, with a prior of the other homes for each
    python -m benchmarks.detect --cold-start                  a home installed a week ago against one of four weeks
    python -m benchmarks.detect --faults 1000                 broken sensors and gateways: no page about the resident
    python -m benchmarks.detect --kinds                       every other kind: found in time, and raised for nothing
    python -m benchmarks.detect --controls                    holiday, visitor, nap, pet and others: no more pages
    python -m benchmarks.detect --speed                       readings a second, memory, timers, daily refit

docs/benchmarks.md says what the figures mean; docs/detection.md holds the ones that were measured.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from pathlib import Path
from typing import Any

if not __package__:  # called by its path: the project's root is not on the path then
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.detection.cold_start import Wanted, cold_start
from benchmarks.detection.controls import Controls, controls
from benchmarks.detection.faults import Campaign, faults
from benchmarks.detection.kinds import Kinds, kinds
from benchmarks.detection.score import Asked, score
from benchmarks.detection.speed import speed
from domain.errors import ConfigurationError, KehaiError


def _numbers(text: str) -> list[float]:
    return [float(part) for part in text.split(",")]


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.detect", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--score", action="store_true", help="delays after collapses on recorded homes")
    parser.add_argument("--recordings", type=Path, help="a folder of recordings, one folder each")
    parser.add_argument("--seed", type=int, default=20261123, help="of the collapses and of everything else (20261123)")
    parser.add_argument("--passes", type=int, default=3, help="twins of each home (3)")
    parser.add_argument("--budgets", type=_numbers, default=[0.5, 1, 2, 4], help="pages per home-month (0.5,1,2,4)")
    parser.add_argument(
        "--held-out",
        dest="folds",
        type=int,
        nargs="?",
        const=5,
        default=0,
        metavar="FOLDS",
        help="no home has a part in its own prior: so many folds (5); a score on unseen homes",
    )
    parser.add_argument("--draws", type=int, default=200, help="of homes, for the intervals (200)")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="processes (as many as there are cores)")
    parser.add_argument("--keep", type=Path, help="keep twins and findings in this folder")
    parser.add_argument("--json", type=Path, help="also write every figure to this file")
    parser.add_argument("--cold-start", action="store_true", help="delays after a week of history and after four")
    parser.add_argument("--faults", type=int, metavar="N", help="so many injected faults")
    parser.add_argument("--kinds", action="store_true", help="every other kind of finding")
    parser.add_argument("--controls", action="store_true", help="what should cause no page")
    parser.add_argument("--each", type=int, help="incidents of each kind (40), homes for each control (40)")
    parser.add_argument("--speed", action="store_true", help="how much work the detectors are")
    parser.add_argument("--rounds", type=int, default=5, help="of the speed (5)")
    parser.add_argument("--homes", type=int, help="how many are simulated (cold start 8, speed 12)")
    parser.add_argument("--fleet", type=int, default=2_000, help="homes whose memory and minutes are measured (2,000)")
    asked = parser.parse_args()
    if not (asked.score or asked.cold_start or asked.faults or asked.kinds or asked.controls or asked.speed):
        parser.error("say what to measure: --score, --cold-start, --faults N, --kinds, --controls or --speed")
    return asked


def main() -> None:
    """See the module's own words."""
    asked, results = _arguments(), dict[str, Any]()
    try:
        if asked.score:
            if asked.recordings is None:
                raise ConfigurationError("Say --recordings DIR: scoring needs recorded homes.")
            wanted = Asked(
                asked.recordings,
                asked.seed,
                asked.passes,
                asked.budgets,
                asked.jobs,
                asked.draws,
                asked.folds,
                asked.keep,
            )
            results["score"] = score(wanted)
        if asked.cold_start:
            homes = asked.homes or 8
            cold = Wanted(asked.recordings, homes, asked.seed, min(asked.passes, 1), asked.budgets, asked.jobs)
            results["cold start"] = cold_start(cold)
        if asked.faults:
            results["faults"] = faults(Campaign(asked.faults, asked.seed, asked.jobs))
        if asked.kinds:
            results["kinds"] = kinds(Kinds(asked.each or 40, asked.seed, asked.jobs))
        if asked.controls:
            results["controls"] = controls(Controls(asked.each or 40, asked.seed, asked.jobs))
        if asked.speed:
            measured = speed(asked.homes or 12, asked.fleet, 20, asked.rounds, asked.seed)
            measured.show()
            results["speed"] = measured.as_json()
    except KehaiError as error:
        print(error, file=sys.stderr)
        sys.exit(2 if isinstance(error, ConfigurationError) else 1)
    except KeyboardInterrupt:
        sys.exit(130)
    if asked.json is not None:
        asked.json.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
