"""``python -m simulators.installation``: seeds, one after the other; the first that breaks a rule prints what repeats it."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence

from simulators.installation.installation import Outcome, simulate
from simulators.installation.quiet import quietly


def say(words: str) -> None:
    """One line, at once: a campaign takes hours."""
    sys.stdout.write(words + "\n")
    sys.stdout.flush()


def tell(outcome: Outcome, took: float, *, verbose: bool) -> None:
    """One seed's outcome; of one that broke nothing only ``verbose`` says anything."""
    if outcome.wrong:
        say(f"seed {outcome.seed}: {len(outcome.wrong)} times a rule was broken; repeat with: {outcome.command}")
        for words in outcome.wrong[:10]:
            say(f"  {words}")
    elif verbose:
        say(f"seed {outcome.seed}: {outcome.fingerprint} in {took:.1f} s, {outcome.counts}")


def main(arguments: Sequence[str] | None = None) -> int:
    """1 when a rule was broken in any of the seeds."""
    parser = argparse.ArgumentParser(prog="python -m simulators.installation", description=__doc__)
    parser.add_argument("--seed", type=int, default=1, help="the first seed")
    parser.add_argument("--seeds", type=int, default=1, help="how many, one after the other")
    parser.add_argument("--homes", type=int, default=5)
    parser.add_argument("--days", type=float, default=1.0)
    parser.add_argument("--verbose", action="store_true", help="what each seed came to, and the product's own log")
    wanted = parser.parse_args(arguments)
    broken = 0
    with quietly(not wanted.verbose):
        for seed in range(wanted.seed, wanted.seed + wanted.seeds):
            began = time.monotonic()
            outcome = simulate(seed, wanted.homes, wanted.days)
            broken += bool(outcome.wrong)
            tell(outcome, time.monotonic() - began, verbose=wanted.verbose or wanted.seeds == 1)
    say(f"{wanted.seeds} seeds x {wanted.homes} homes x {wanted.days:g} days: {broken} broke a rule")
    return 1 if broken else 0


if __name__ == "__main__":
    raise SystemExit(main())
