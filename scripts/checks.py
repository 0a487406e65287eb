"""Lint, types, import contracts and tests, in the order in which they are quickest to fail."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BIN = Path(sys.executable).parent
LEFT_OUT = "server, browser, install and faults"
ALONE = "not server and not browser and not install and not faults"
"""The tests that start nothing: they compute, while those that start servers mostly wait."""


def main() -> int:
    """Run each check; the first that fails gives the exit status."""
    arguments = sys.argv[1:]
    fast = "--fast" in arguments
    if fast:
        arguments.remove("--fast")
    marks = ["-m", ALONE] if fast else []
    checks: list[tuple[str, list[str]]] = [
        ("format", [str(BIN / "ruff"), "format", "--check", "--quiet", "."]),
        ("lint", [str(BIN / "ruff"), "check", "--quiet", "."]),
        ("import contracts", [str(BIN / "lint-imports"), "--no-logo"]),
        ("types", [str(BIN / "mypy")]),
    ]
    for name, command in checks:
        status = _run(name, command)
        if status:
            return status
    tests = [sys.executable, "-m", "pytest"]
    status = _run("tests", [*tests, *marks, *arguments]) if fast or arguments else _in_two(tests)
    if status:
        return status
    if fast:
        print(f"Left out by --fast: the tests marked {LEFT_OUT}. Run scripts/test for all of them.")
    return 0


def _run(name: str, command: list[str]) -> int:
    began = time.monotonic()
    print(f"== {name}", flush=True)
    status = subprocess.run(command, cwd=ROOT, check=False).returncode
    print(f"   {name}: {'ok' if status == 0 else 'FAILED'} in {time.monotonic() - began:.1f} s", flush=True)
    return status


def _in_two(tests: list[str]) -> int:
    """The tests that compute beside those that wait for servers: no two runs start servers, so none takes the other's port."""
    with tempfile.TemporaryFile(mode="w+", encoding="utf-8") as said:
        beside = subprocess.Popen([*tests, "-m", ALONE], cwd=ROOT, stdout=said, stderr=subprocess.STDOUT)
        try:
            status = _run("tests with servers, browser, installation and faults", [*tests, "-m", f"not ({ALONE})"])
            other = beside.wait()
        finally:
            beside.kill()
        said.seek(0)
        print(f"== tests without: {'ok' if other == 0 else 'FAILED'}\n{said.read()}", flush=True)
    return status or other


if __name__ == "__main__":
    sys.exit(main())
