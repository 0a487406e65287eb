"""Lint, types, import contracts and tests, in the order in which they are quickest to fail."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BIN = Path(sys.executable).parent
LEFT_OUT = "server, browser, install and faults"


def main() -> int:
    """Run each check; the first that fails gives the exit status."""
    arguments = sys.argv[1:]
    fast = "--fast" in arguments
    if fast:
        arguments.remove("--fast")
    marks = ["-m", "not server and not browser and not install and not faults"] if fast else []
    checks: list[tuple[str, list[str]]] = [
        ("format", [str(BIN / "ruff"), "format", "--check", "--quiet", "."]),
        ("lint", [str(BIN / "ruff"), "check", "--quiet", "."]),
        ("import contracts", [str(BIN / "lint-imports"), "--no-logo"]),
        ("types", [str(BIN / "mypy")]),
        ("tests", [sys.executable, "-m", "pytest", *marks, *arguments]),
    ]
    for name, command in checks:
        began = time.monotonic()
        print(f"== {name}", flush=True)
        status = subprocess.run(command, cwd=ROOT, check=False).returncode
        print(f"   {name}: {'ok' if status == 0 else 'FAILED'} in {time.monotonic() - began:.1f} s", flush=True)
        if status:
            return status
    if fast:
        print(f"Left out by --fast: the tests marked {LEFT_OUT}. Run scripts/test for all of them.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
