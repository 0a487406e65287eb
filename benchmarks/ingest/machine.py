"""What the figures were measured on, and what a process costs."""

from __future__ import annotations

import os
import re
import shutil
import sqlite3
import subprocess
import sys
from pathlib import Path

from domain.errors import ConfigurationError

_TICKS = os.sysconf("SC_CLK_TCK")
_PLACES = f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin:/usr/local/sbin"


def program(name: str, package: str) -> str:
    """The path of a server or tool; ConfigurationError, in one sentence, where it is not installed."""
    found = shutil.which(name, path=_PLACES)
    if found is None:
        raise ConfigurationError(
            f"This measurement needs {name}: install Debian's package {package}, or leave it out with --only."
        )
    return found


def cpu_seconds(pid: int) -> float:
    """Processor time of a process so far, all its threads, user and system, to 10 ms."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS


def memory_kib(pid: int) -> int:
    """Resident memory of a process."""
    found = re.search(r"^VmRSS:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text(), re.MULTILINE)
    return int(found[1]) if found else 0


def _version(command: list[str], wanted: str) -> str:
    done = subprocess.run(command, check=False, capture_output=True, text=True, stdin=subprocess.DEVNULL)
    found = re.search(wanted, done.stdout + done.stderr)
    return found[1] if found else ""


def _package_version(name: str) -> str:
    """For a program that does not know its own version: what the system installed."""
    if shutil.which("dpkg-query") is None:
        return "of unknown version"
    return _version(["dpkg-query", "-W", "-f", "${Version}", name], r"(\S+)") or "of unknown version"


def describe() -> dict[str, str]:
    """The machine and the versions of what takes part; what is missing is called missing."""
    told = {
        "cores": str(os.cpu_count()),
        "load": " ".join(f"{load:.1f}" for load in os.getloadavg()),
        "system": f"{os.uname().sysname} {os.uname().release} {os.uname().machine}",
        "python": sys.version.split()[0],
        "sqlite": sqlite3.sqlite_version,
    }
    asked = {
        "mosquitto": (["-h"], r"mosquitto version (\S+)"),
        "victoria-metrics": (["-version"], r"(\d+\.\d+\.\d+)"),
    }
    for name, (options, wanted) in asked.items():
        try:
            told[name] = _version([program(name, name), *options], wanted) or _package_version(name)
        except ConfigurationError:
            told[name] = "missing"
    return told
