"""Which roles run on a data folder: each holds a lock there for as long as it lives, whatever way it ends.

So a second ingest never writes the same journal, a restore never replaces what somebody has open, and an operator's command
knows whether there is an ingest that will answer it.
"""

from __future__ import annotations

import fcntl
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import IO

from domain.errors import ConfigurationError, KehaiError

ROLES = ("ingest", "watch", "dashboard", "influx", "watchdog")
_TRIES = 10
RESTORING = "restoring"
"""Folder in the data folder that is there while a restore is under way, and after one that was cut short."""


@contextmanager
def running(data: Path, role: str) -> Iterator[None]:
    """Hold the lock of a role; raises KehaiError when it runs already, or on a folder that is half restored."""
    with _lock(data, role) as file:
        pause = threading.Event()
        for _ in range(_TRIES):
            if _try(file):
                break
            pause.wait(0.05)  # a command that only looks holds it for an instant
        else:
            raise KehaiError(
                f"The role {role} runs on {data} already, or a restore is under way: end it, or wait for it."
            )
        if (data / RESTORING).exists():
            raise KehaiError(f"A restore into {data} was cut short: run 'kehai restore' again before anything else.")
        yield


@contextmanager
def nobody_running(data: Path) -> Iterator[None]:
    """Keep every role from starting; raises KehaiError that names the roles that run."""
    with ExitStack() as held:
        files = {role: held.enter_context(_lock(data, role)) for role in ROLES}
        busy = [role for role, file in files.items() if not _try(file)]
        if busy:
            raise KehaiError(f"{', '.join(busy)} run on {data}: stop them first, then restore.")
        yield


def is_running(data: Path, role: str) -> bool:
    """True while that role holds its lock."""
    if not (data / f"{role}.lock").exists():
        return False
    with _lock(data, role) as file:
        return not _try(file)


@contextmanager
def _lock(data: Path, role: str) -> Iterator[IO[bytes]]:
    try:
        data.mkdir(parents=True, exist_ok=True)
        file = (data / f"{role}.lock").open("ab")
    except OSError as error:
        raise ConfigurationError(
            f"{data} cannot be written to ({error.strerror}): give this user the right to, or mend installation.data."
        ) from error
    with file:
        yield file


def _try(file: IO[bytes]) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
