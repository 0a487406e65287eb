"""Runs the roles of one machine as child processes: starts them, starts them again when they die, ends all of them.

A child never outlives its supervisor: it gets SIGTERM when the supervisor stops, SIGKILL if it has not ended after a grace
period, and on Linux the kernel ends it even when the supervisor itself is killed.
"""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import IO

from domain.clock import SECOND, monotonic

_GRACE_SECONDS = 10.0
_FIRST_WAIT_SECONDS = 0.5
_LONGEST_WAIT_SECONDS = 30.0
_STEADY = 60 * SECOND
_PR_SET_PDEATHSIG = 1


@dataclass(slots=True)
class Child:
    """One role: its name, its command, and whether its end ends the whole (``vital``) instead of being mended."""

    name: str
    command: Sequence[str]
    vital: bool = False
    log: Path | None = None
    """Where its output goes; None for the supervisor's own."""
    process: subprocess.Popen[bytes] | None = None
    started: int = 0
    wait: float = _FIRST_WAIT_SECONDS
    restart_at: int | None = None
    restarts: int = 0
    _output: IO[bytes] | None = field(default=None, repr=False)


def role(name: str, config: Path, *, log: Path | None = None) -> Child:
    """A child that runs ``kehai NAME --config CONFIG`` with this very interpreter."""
    return Child(name, [sys.executable, "-m", "kehai", name, "--config", str(config)], log=log)


class Supervisor:
    """Holds children; ``say`` gets one sentence for each thing that an operator should know."""

    def __init__(self, say: Callable[[str], None]) -> None:
        self._say = say
        self._children: list[Child] = []
        self.stop = threading.Event()

    def start(self, child: Child) -> None:
        """Start a child and keep it running from now on."""
        self._children.append(child)
        self._spawn(child)

    def _spawn(self, child: Child) -> None:
        if child.log is not None and child._output is None:  # noqa: SLF001 (Child is this module's own)
            child._output = child.log.open("ab")  # noqa: SLF001
        output = child._output  # noqa: SLF001
        child.process = subprocess.Popen(  # noqa: S603 (commands are this program's own)
            list(child.command),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT if output else None,
            start_new_session=True,
            preexec_fn=_end_with_parent if sys.platform == "linux" else None,  # noqa: PLW1509 (one system call, no locks)
        )
        child.started, child.restart_at = monotonic(), None

    def watch(self, poll_seconds: float = 0.2) -> None:
        """Keep the children running until ``stop`` is set or a vital child ends."""
        while not self.stop.wait(poll_seconds):
            for child in self._children:
                self._look_after(child)

    def _look_after(self, child: Child) -> None:
        now = monotonic()
        if child.restart_at is not None:
            if now >= child.restart_at:
                child.restarts += 1
                self._spawn(child)
            return
        if child.process is None or child.process.poll() is None:
            if now - child.started > _STEADY:
                child.wait = _FIRST_WAIT_SECONDS
            return
        status = child.process.returncode
        if child.vital or status == 2:  # a wrong configuration does not mend itself
            self._say(f"{child.name} ended with status {status}; stopping.")
            self.stop.set()
            return
        self._say(f"{child.name} ended with status {status}; starting it again in {child.wait:.1f} s.")
        child.restart_at = now + int(child.wait * SECOND)
        child.wait = min(child.wait * 2, _LONGEST_WAIT_SECONDS)

    def alive(self, name: str) -> bool:
        """True while the child of that name runs."""
        return any(c.name == name and c.process is not None and c.process.poll() is None for c in self._children)

    def pids(self) -> dict[str, int]:
        """The process id of each running child."""
        return {c.name: c.process.pid for c in self._children if c.process is not None and c.process.poll() is None}

    def failed(self) -> bool:
        """True when a child ended for good with a failure."""
        return any(c.process is not None and (c.process.poll() or 0) > 0 for c in self._children)

    def end(self) -> None:
        """End every child, the last started first; returns when none is left."""
        for child in reversed(self._children):
            if child.process is not None and child.process.poll() is None:
                _signal_group(child.process, signal.SIGTERM)
        deadline = monotonic() + int(_GRACE_SECONDS * SECOND)
        for child in reversed(self._children):
            if child.process is None:
                continue
            try:
                child.process.wait(max(0.1, (deadline - monotonic()) / SECOND))
            except subprocess.TimeoutExpired:
                self._say(f"{child.name} did not end within {_GRACE_SECONDS:.0f} s: killing it.")
                _signal_group(child.process, signal.SIGKILL)
                child.process.wait()
            if child._output is not None:  # noqa: SLF001
                child._output.close()  # noqa: SLF001
                child._output = None  # noqa: SLF001


def stop_on_signals(stop: threading.Event) -> None:
    """Make Ctrl-C, SIGTERM and a closed terminal set ``stop``, once; a second Ctrl-C changes nothing."""

    def handle(_number: int, _frame: FrameType | None) -> None:
        stop.set()

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, handle)


def _signal_group(process: subprocess.Popen[bytes], number: signal.Signals) -> None:
    try:
        os.killpg(process.pid, number)
    except ProcessLookupError:
        return


def _end_with_parent() -> None:
    """Between fork and exec: ask the kernel to end this process when its parent ends."""
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
