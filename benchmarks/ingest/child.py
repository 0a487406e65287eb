"""A process of its own for each thing that is measured, and what the measuring process knows of it.

A child says ``ready``, waits for ``go`` on its standard input, and says ``done`` when its work is done: one JSON object a
line. So it is measured from outside and without what it takes to start Python. It ends when its standard input does.
"""

from __future__ import annotations

import json
import queue
import subprocess
import sys
import threading
from pathlib import Path
from typing import IO, Any, Self

from domain.clock import SECOND, monotonic
from domain.errors import KehaiError


def say(word: str, **more: Any) -> None:
    """A child speaks."""
    print(json.dumps({"word": word, **more}), flush=True)


def wait_for_word() -> str:
    """A child listens; empty once nobody is there any more."""
    return sys.stdin.readline().strip()


class Child:
    """``with Child("benchmarks.ingest.contender", log, "ingest", ...) as child``."""

    def __init__(self, module: str, log: Path, *arguments: object) -> None:
        self._command = [sys.executable, "-m", module, *map(str, arguments)]
        self._log = log
        self._said: queue.Queue[dict[str, Any] | None] = queue.Queue()
        self._process: subprocess.Popen[str] | None = None

    def __enter__(self) -> Self:
        """Start it."""
        with self._log.open("wb") as err:
            self._process = subprocess.Popen(
                self._command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=err, text=True
            )
        threading.Thread(target=self._hear, args=(self._process.stdout,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        """End it."""
        process = self._running
        if process.stdin is not None:
            process.stdin.close()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(20)
        if process.stdout is not None:
            process.stdout.close()

    def _hear(self, lines: IO[str]) -> None:
        for line in lines:
            if line.startswith("{"):
                self._said.put(json.loads(line))
        self._said.put(None)

    @property
    def _running(self) -> subprocess.Popen[str]:
        assert self._process is not None  # noqa: S101 (inside ``with`` only)
        return self._process

    @property
    def pid(self) -> int:
        """Of the running child."""
        return self._running.pid

    def tell(self, word: str) -> None:
        """Say something to it."""
        stdin = self._running.stdin
        if stdin is not None:
            stdin.write(word + "\n")
            stdin.flush()

    def heard(self) -> dict[str, Any] | None:
        """What it said since last time, if anything; KehaiError when it has ended."""
        try:
            said = self._said.get_nowait()
        except queue.Empty:
            return None
        return self._checked(said)

    def expect(self, word: str, seconds: float) -> dict[str, Any]:
        """Return once it says ``word``; KehaiError when it ends first, or does not within ``seconds``."""
        deadline = monotonic() + int(seconds * SECOND)
        while True:
            try:
                said = self._checked(self._said.get(timeout=max(0.0, (deadline - monotonic()) / SECOND)))
            except queue.Empty as error:
                raise KehaiError(
                    f"{self._command[3:5]} did not say {word} within {seconds:.0f} s: see {self._log}."
                ) from error
            if said["word"] == word:
                return said

    def _checked(self, said: dict[str, Any] | None) -> dict[str, Any]:
        if said is None:
            last = self._log.read_text(errors="replace").strip().splitlines()[-1:]
            raise KehaiError(
                f"{' '.join(self._command[2:4])} ended ({' '.join(last) or 'it said nothing'}): mend that first."
            )
        return said
