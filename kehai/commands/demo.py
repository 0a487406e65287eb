"""``kehai demo``: a simulated neighbourhood through the real processes.

The parent makes the data (28 days of history, then the days to come), starts broker, ingest, watch, dashboard and gateways
as processes of their own, all told by one scaled clock, and ends them on Ctrl-C.
"""

from __future__ import annotations

import getpass
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import time
from pathlib import Path

from domain.clock import Instant, SystemClock
from domain.errors import ConfigurationError
from domain.localtime import LocalTime
from kehai.supervisor import Child

ZONE = "Asia/Tokyo"
STARTS_AT = time(9, 0)
MARKER = ".kehai-demo"
ROLES = ("ingest", "watch", "dashboard")
_MARK_REAL_SECONDS = 0.5


def say(sentence: str) -> None:
    """One line for the person at the terminal."""
    print(sentence, flush=True)  # noqa: T201 (the terminal is where a demo talks)


@contextmanager
def data_folder(wanted: Path | None) -> Iterator[Path]:
    """A folder for the demo's data: a temporary one, or ``wanted``, emptied if an earlier demo made it."""
    if wanted is None:
        with tempfile.TemporaryDirectory(prefix="kehai-demo-", ignore_cleanup_errors=True) as folder:
            yield Path(folder)
        return
    if wanted.exists() and not wanted.is_dir():
        raise ConfigurationError(f"{wanted} is not a folder: name another with --data.")
    if wanted.exists() and any(wanted.iterdir()):
        if not (wanted / MARKER).exists():
            raise ConfigurationError(f"{wanted} holds other files: name an empty or a new folder with --data.")
        shutil.rmtree(wanted)
    wanted.mkdir(parents=True, exist_ok=True)
    (wanted / MARKER).touch()
    yield wanted.resolve()


def broker_child(folder: Path, port: int) -> Child:
    """mosquitto where it is installed, else the embedded broker."""
    program = shutil.which("mosquitto") or shutil.which("mosquitto", path="/usr/sbin:/usr/local/sbin")
    if program is None:
        command = [sys.executable, "-m", "kehai", "broker", str(port)]
        return Child("broker", command, vital=True, log=folder / "broker.log")
    file = folder / "mosquitto.conf"
    (folder / "mosquitto").mkdir(exist_ok=True)
    file.write_text(
        f"user {getpass.getuser()}\nlistener {port} 127.0.0.1\nallow_anonymous true\n"
        f"persistence true\npersistence_location {folder / 'mosquitto'}/\n"
        "set_tcp_nodelay true\n"
        "max_queued_messages 0\nmax_queued_bytes 268435456\nmax_inflight_messages 500\nmessage_size_limit 65536\n"
    )
    return Child("broker", [program, "-c", str(file)], vital=True, log=folder / "broker.log")


def start_of_today() -> Instant:
    """The virtual instant at which the demo begins: this morning, by the wall clock of its homes."""
    local = LocalTime(ZONE)
    return local.at(local.date(SystemClock().now()), STARTS_AT)
