"""``kehai up``: the server's roles under one supervisor."""

from __future__ import annotations

import sys
from pathlib import Path

from domain.errors import KehaiError
from kehai.network import check_free
from kehai.settings import load
from kehai.supervisor import Supervisor, role, stop_on_signals

ROLES = ("ingest", "watch", "dashboard")


def up(config: Path) -> None:
    """Run ingest, watch, dashboard and, where they are configured, influx and watchdog until SIGTERM or Ctrl-C.

    A role that dies is started again.
    """
    settings = load(config)
    names = ROLES + (("influx",) if settings.influxdb else ())
    if settings.watchdog and not settings.watchdog.separate:
        names += ("watchdog",)
    check_free(settings.dashboard.host, settings.dashboard.port, "the dashboard (dashboard.port)")

    def say(sentence: str) -> None:
        print(f"kehai: {sentence}", file=sys.stderr, flush=True)  # noqa: T201 (this is what an operator reads)

    supervisor = Supervisor(say)
    stop_on_signals(supervisor.stop)
    try:
        for name in names:
            supervisor.start(role(name, config.resolve()))
        say(f"running {', '.join(names)}; the dashboard is on port {settings.dashboard.port}.")
        supervisor.watch()
    finally:
        supervisor.end()
    if supervisor.failed():
        raise KehaiError("A role cannot run with this configuration: see the line above.")
