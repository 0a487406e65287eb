"""Makes ``.venv`` what the wanted set of requirements asks for, then becomes the given command inside it.

    python3 scripts/environment.py server -- kehai demo
    python3 scripts/environment.py dev -- python -m pytest

Standard library only: this is what a fresh machine runs first. The second time it has nothing to do and takes no time.
"""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
SETS = ("gateway", "server", "dev")
CONTAINED = {"gateway": ("server", "dev"), "server": ("dev",), "dev": ()}
"""A set needs no installing where one that contains it is installed."""


def stop(sentence: str) -> None:
    """End with one sentence on standard error."""
    print(sentence, file=sys.stderr)
    sys.exit(2)


def python() -> Path:
    """The environment's interpreter."""
    return VENV / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


def fingerprint(name: str) -> str:
    """Changes whenever the set, the project's own packages list or the interpreter does."""
    digest = hashlib.sha256(sys.version.encode())
    for file in (ROOT / "requirements" / f"{name}.txt", ROOT / "requirements" / "build.txt", ROOT / "pyproject.toml"):
        digest.update(file.read_bytes())
    digest.update(str(ROOT).encode())
    return digest.hexdigest()


def is_ready(name: str) -> bool:
    """True when ``name``, or a set that contains it, is installed as its file says now."""
    for candidate in (name, *CONTAINED[name]):
        stamp = VENV / f".installed-{candidate}"
        if python().exists() and stamp.exists() and stamp.read_text() == fingerprint(candidate):
            return True
    return False


def run(*command: str | Path) -> None:
    """Run one step; a failure ends everything with what failed."""
    done = subprocess.run([str(part) for part in command], cwd=ROOT, check=False)
    if done.returncode:
        stop(
            f"Setting up failed at '{' '.join(str(c) for c in command[:6])} ...' (see above): mend that, then run it again."
        )


def install(name: str) -> None:
    """Bring ``.venv`` to the pinned, hash-checked requirements of ``name`` and put the project itself on its path."""
    print(f"Setting up .venv for '{name}' (once; a minute or two) ...", file=sys.stderr, flush=True)
    if not python().exists():
        run(sys.executable, "-m", "venv", VENV)
    pip = (python(), "-m", "pip", "--disable-pip-version-check", "--quiet", "--no-input")
    quiet = ("--no-warn-script-location",)
    run(*pip, "install", *quiet, "--require-hashes", "-r", ROOT / "requirements" / "build.txt")
    run(*pip, "install", *quiet, "--require-hashes", "-r", ROOT / "requirements" / f"{name}.txt")
    run(*pip, "install", *quiet, "--no-deps", "--no-build-isolation", "--no-index", "--editable", ROOT)
    (VENV / f".installed-{name}").write_text(fingerprint(name))


def prepare_pages() -> None:
    """Fetch the front-end library and compile the translations; pages work without the former."""
    subprocess.run([str(python()), str(ROOT / "scripts" / "fetch-frontend")], cwd=ROOT, check=False)


def main() -> None:
    """See the module's own words."""
    if sys.version_info < (3, 11):  # noqa: UP036 (the very check that this line is for)
        stop(
            f"Kehai needs Python 3.11 or newer; this is {sys.version.split()[0]}: install a newer one, then run it again."
        )
    arguments = sys.argv[1:]
    if len(arguments) < 3 or arguments[0] not in SETS or arguments[1] != "--":
        stop(f"Call it as: environment.py {'|'.join(SETS)} -- command [arguments]")
    name, command = arguments[0], arguments[2:]
    if not is_ready(name):
        install(name)
    if name != "gateway":
        prepare_pages()
    program = python().parent / command[0]
    os.environ["PATH"] = f"{python().parent}{os.pathsep}{os.environ.get('PATH', '')}"
    os.environ["VIRTUAL_ENV"] = str(VENV)
    os.environ.pop("PYTHONHOME", None)
    os.execv(program, [str(program), *command[1:]])  # noqa: S606 (becoming the command is the point)


if __name__ == "__main__":
    main()
