"""Kehai's own programs, started as a user starts them, and looked at from outside."""

from __future__ import annotations

import os
import re
import secrets
import signal
import subprocess
import sys
import threading
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Self

from domain.clock import SECOND, monotonic

ROOT = Path(__file__).resolve().parents[1]
_MARK = "KEHAI_TEST_PROGRAM"


def until(true: Callable[[], bool], seconds: float, what: str, pause: float = 0.05) -> None:
    """Return once ``true``, looking every ``pause`` seconds; an AssertionError that names ``what`` when it never came."""
    deadline, never = monotonic() + int(seconds * SECOND), threading.Event()
    while not true():
        assert monotonic() < deadline, f"within {seconds:.0f} s there was no {what}"
        never.wait(pause)


def page(url: str) -> tuple[int, str]:
    """What a GET answers: status (0 when nothing does) and text."""
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:  # noqa: S310 (a page of the test's own)
            return int(answer.status), answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()
    except OSError:
        return 0, ""


class Program:
    """``kehai`` with arguments, as a process of its own; ``with Program(folder, "up", ...) as program``."""

    def __init__(self, folder: Path, *arguments: object, python: Path | None = None) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._out, self._err = folder / "stdout", folder / "stderr"
        self._command = [str(python or sys.executable), "-m", "kehai", *map(str, arguments)]
        self._mark = secrets.token_hex(8)
        self._folder = folder
        self.process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        """Start it."""
        environment = {name: value for name, value in os.environ.items() if not name.startswith(("KEHAI_", "PYTHON"))}
        environment |= {_MARK: self._mark, "TMPDIR": str(self._folder), "PYTHONUNBUFFERED": "1"}
        with self._out.open("wb") as out, self._err.open("wb") as err:
            self.process = subprocess.Popen(
                self._command, stdout=out, stderr=err, stdin=subprocess.DEVNULL, env=environment, cwd=self._folder,
                start_new_session=True,
            )  # fmt: skip
        return self

    def __exit__(self, *_: object) -> None:
        """End it, and whatever it left."""
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
            try:
                self.process.wait(30)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait(10)
        for pid in self.running():
            os.kill(pid, signal.SIGKILL)

    @property
    def out(self) -> str:
        """What it wrote on standard output so far."""
        return self._out.read_text()

    @property
    def err(self) -> str:
        """What it wrote on standard error so far."""
        return self._err.read_text()

    def interrupt(self, number: signal.Signals = signal.SIGINT) -> int:
        """Press Ctrl-C; the exit status."""
        assert self.process is not None
        self.process.send_signal(number)
        return self.wait(30)

    def wait(self, seconds: float) -> int:
        """The exit status once it has ended by itself."""
        assert self.process is not None
        return self.process.wait(seconds)

    def running(self) -> list[int]:
        """The ids of all processes that it started, however far down, and that still run."""
        found = []
        for entry in Path("/proc").iterdir():
            if not entry.name.isdigit():
                continue
            try:
                marked = f"{_MARK}={self._mark}".encode() in (entry / "environ").read_bytes()
                state = re.search(r"^State:\s+(\S)", (entry / "status").read_text(), re.MULTILINE)
            except OSError:
                continue
            if marked and state is not None and state[1] != "Z":
                found.append(int(entry.name))
        return found
