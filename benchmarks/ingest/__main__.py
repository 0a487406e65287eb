"""How fast and how lean the delivery path is, each figure beside its target.

    python -m benchmarks.ingest [--only single ...] [--pairs 5] [--json FILE]

single   one reading a message, durable and acknowledged after the commit, against mosquitto_sub that only counts, and two
         scripts that write to a VictoriaMetrics: one point a write, and the batching of influxdb-client
packs    ten readings a message
backlog  30 days of one gateway's backlog, while a live reading is seen every second
fleet    2,000 readings a second from 5,000 gateways: memory, and how soon a reading can be asked for
history  one home-day out of ten million readings

Everything runs on 127.0.0.1 in folders of its own that are gone afterwards. docs/benchmarks.md says what the figures mean.
"""

from __future__ import annotations

import argparse
import json
import signal
import sys
from collections.abc import Callable
from pathlib import Path

from benchmarks.ingest.backlog import backlog
from benchmarks.ingest.fleet import fleet
from benchmarks.ingest.history import history
from benchmarks.ingest.machine import describe
from benchmarks.ingest.streams import BATCHING, COUNTER, INGEST, TUTORIAL, Contest, packs, single
from benchmarks.ingest.tables import Result
from domain.errors import ConfigurationError, KehaiError

_PARTS = ("single", "packs", "backlog", "fleet", "history")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.ingest", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--only", action="append", choices=_PARTS, help="this part (may be given several times); else all"
    )
    parser.add_argument("--pairs", type=int, default=5, help="runs of each side, in turn (5); of backlog, runs")
    parser.add_argument("--json", type=Path, help="also write everything that was measured to this file")
    streams = parser.add_argument_group("single and packs")
    streams.add_argument("--messages", type=int, help="messages of a run (single 100,000; packs 30,000)")
    streams.add_argument(
        "--against", action="append", choices=(COUNTER, TUTORIAL, BATCHING), help="only this one; else all three"
    )
    streams.add_argument(
        "--feed", choices=("live", "waiting"), default="live",
        help="whether the messages are published meanwhile, as in operation, or wait in the broker, as after an outage",
    )  # fmt: skip
    streams.add_argument(
        "--profile", type=Path, help="profile ingest into this folder (its figures are then no figures)"
    )
    parser.add_argument("--readings", type=int, default=430_000, help="backlog: readings in the spool (430,000)")
    fleets = parser.add_argument_group("fleet")
    fleets.add_argument("--minutes", type=float, default=10, help="how long, after the warm-up (10)")
    fleets.add_argument("--warm-up", type=float, default=2, help="minutes before that, at full load (2)")
    fleets.add_argument("--gateways", type=int, default=5_000, help="connected gateways (5,000)")
    fleets.add_argument("--rate", type=float, default=2_000, help="readings a second of all together (2,000)")
    past = parser.add_argument_group("history")
    past.add_argument("--rows", type=int, default=10_000_000, help="readings in the journal (10,000,000)")
    past.add_argument("--days", type=int, default=200, help="home-days that are asked for (200)")
    past.add_argument(
        "--scratch", type=Path, help="keep the journals here for the next time (1.5 GB); else thrown away"
    )
    return parser.parse_args()


def _part(name: str, asked: argparse.Namespace) -> Callable[[], Result]:
    against = tuple(asked.against or (COUNTER, BATCHING, TUTORIAL))
    live = asked.feed == "live"
    made: dict[str, Callable[[], Result]] = {
        "single": lambda: single(
            Contest(asked.messages or 100_000, 1, asked.pairs, (INGEST, *against), live, asked.profile)
        ),
        "packs": lambda: packs(
            Contest(asked.messages or 30_000, 10, asked.pairs, (INGEST, COUNTER), live, asked.profile)
        ),
        "backlog": lambda: backlog(asked.readings, asked.pairs),
        "fleet": lambda: fleet(asked.gateways, asked.rate, asked.minutes, asked.warm_up),
        "history": lambda: history(asked.rows, asked.days, asked.pairs, asked.scratch),
    }
    return made[name]


def _end(*_: object) -> None:
    raise KeyboardInterrupt


def main() -> None:
    """See the module's own words."""
    asked = _arguments()
    signal.signal(signal.SIGTERM, _end)
    head, results = describe(), []
    print("; ".join(f"{name} {value}" for name, value in head.items()))
    if asked.profile is not None:
        asked.profile.mkdir(parents=True, exist_ok=True)
    try:
        for name in asked.only or _PARTS:
            result = _part(name, asked)()
            result.show()
            results.append(result)
    except KehaiError as error:
        print(error, file=sys.stderr)
        sys.exit(2 if isinstance(error, ConfigurationError) else 1)
    except KeyboardInterrupt:
        sys.exit(130)
    finally:
        if asked.json is not None:
            body = {"machine": head, "results": [result.as_json() for result in results]}
            asked.json.write_text(json.dumps(body, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
