"""Failing system calls: a program of ours run under strace, which kills it at its k-th call on a file or refuses the call.

A *point* is one such run: a file, a call, what happens, and at which call. Only calls on the named files count.
"""

from __future__ import annotations

import os
import random
import re
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

STRACE = shutil.which("strace")
CALLS = ("pwrite64", "fdatasync", "ftruncate", "unlink")
"""What SQLite does to a file in WAL mode here; ``fsync`` and ``write`` it does not use."""
_REFUSED = 3
"""Calls that are refused one after another; then the disk works again."""
_SECONDS = 120


@dataclass(frozen=True, slots=True)
class Point:
    """One run with one fault."""

    what: str
    """Which of the program's files; shown only."""
    call: str
    fault: str
    """``SIGKILL``, ``EIO`` or ``ENOSPC``."""
    at: int
    """From 1."""

    @property
    def option(self) -> str:
        """For strace's ``-e``."""
        if self.fault == "SIGKILL":
            return f"inject={self.call}:signal=SIGKILL:when={self.at}"
        return f"inject={self.call}:error={self.fault}:when={self.at}..{self.at + _REFUSED - 1}"

    def __str__(self) -> str:
        return f"{self.what}: {self.fault} at {self.call} {self.at}"


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a run ended."""

    status: int
    """Negative or above 128: killed."""
    said: str
    """Standard error."""
    struck: int
    """How many calls the fault has met."""

    @property
    def killed(self) -> bool:
        """True when a signal ended it."""
        return self.status < 0 or self.status > 128


def run(
    command: Sequence[object], files: Sequence[Path], trace: Path, options: Sequence[str] = (), calls: str = ""
) -> Outcome:
    """Run a module of ours under strace; ``options`` go to its ``-e``."""
    assert STRACE is not None
    # Stopping at the watched calls alone is ten times as quick, but a signal is then not delivered.
    quick = [] if any("signal=" in option for option in options) else ["--seccomp-bpf"]
    watched = [part for file in files for part in ("-P", str(file))]
    wanted = [part for option in options for part in ("-e", option)]
    done = subprocess.run(
        [STRACE, "-f", *quick, "-qq", "-o", str(trace), "-e", f"trace={calls or ','.join(CALLS)}", *watched, *wanted,
         sys.executable, "-m", *map(str, command)],
        capture_output=True, text=True, timeout=_SECONDS, check=False, cwd=Path(__file__).resolve().parents[2],
        env={name: value for name, value in os.environ.items() if not name.startswith("KEHAI_")},
    )  # fmt: skip
    seen = trace.read_text(errors="replace")
    return Outcome(done.returncode, done.stderr, seen.count("(INJECTED)") + (done.returncode in {-9, 137}))


def counted(trace: Path) -> Counter[str]:
    """How often each call was made in a run."""
    return Counter(re.findall(r"^\d+\s+(\w+)\(", trace.read_text(errors="replace"), re.MULTILINE))


def draw(chance: random.Random, what: str, calls: Counter[str], count: int) -> list[Point]:
    """``count`` points over calls and faults in turn, each at a random call of those that a quiet run makes."""
    kinds = [(call, fault) for call in CALLS for fault in ("SIGKILL", "EIO", "ENOSPC") if _makes_sense(call, fault)]
    kinds = [kind for kind in kinds if calls[kind[0]]]
    chance.shuffle(kinds)
    return [
        Point(what, call, fault, chance.randint(1, calls[call]))
        for call, fault in (kinds[n % len(kinds)] for n in range(count))
    ]


def _makes_sense(call: str, fault: str) -> bool:
    return fault != "ENOSPC" or call == "pwrite64"
