"""How fast a simulated installation lives, and how much memory it takes as the days go by: figures of one run, printed.

``python -m benchmarks.simulate [--homes 20] [--days 7] [--seed 1]``. The warm-up, in which the watch learns the tenants' ways,
is not counted.
"""

from __future__ import annotations

import argparse
import resource
import time
from collections.abc import Sequence

from domain.clock import DAY, SECOND
from simulators.home import live
from simulators.installation.installation import simulate
from simulators.installation.population import FIRST_DAY, home_of, known
from simulators.installation.quiet import quietly
from simulators.installation.weather import Weather


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.simulate", description=__doc__)
    parser.add_argument("--homes", type=int, default=20)
    parser.add_argument("--days", type=float, default=7.0)
    parser.add_argument("--seed", type=int, default=1)
    wanted = parser.parse_args(arguments)
    began = time.process_time()
    readings = len(live(home_of(1), FIRST_DAY, 365))
    print(f"readings alone: a home-year ({readings:,} readings) in {time.process_time() - began:.2f} s of one core")
    for number in range(1, max(wanted.homes, 8) + 1):
        known(number)
    with quietly():
        for name, weather in (("nothing goes wrong", Weather()), ("all faults mixed", None)):
            for days in (wanted.days / 2, wanted.days):
                began = time.process_time()
                outcome = simulate(wanted.seed, wanted.homes, days, weather=weather)
                took = time.process_time() - began
                peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
                print(
                    f"{name}: {wanted.homes} homes x {days:g} days in {took:.1f} s, {days * (DAY // SECOND) / took:,.0f} x "
                    f"real time; at most {peak} MB so far; {outcome.counts['stored']:,} readings stored, "
                    f"{outcome.counts['alerts']} alerts, {len(outcome.wrong)} rules broken"
                )


if __name__ == "__main__":
    main()
