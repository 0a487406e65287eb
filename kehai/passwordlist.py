"""mosquitto's password list, written from the registry: who may come in, as hashes, and nothing else.

The list is a projection: it can be written anew at any time, so the broker holds nothing that a backup would have to keep. It
is replaced as a whole, under a lock, so that no reader sees half of it and no writer undoes another's work.
"""

from __future__ import annotations

import base64
import fcntl
import hashlib
import os
import secrets
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

from domain.errors import ConfigurationError

_ITERATIONS = 20
"""Few on purpose: a password from ``new_password`` cannot be guessed however fast one tries, and mosquitto computes this again
for every connected gateway each time that it reads the list."""
_SALT = 12


def new_password() -> str:
    """A password that nobody has to remember: 256 bits of chance, printable."""
    return secrets.token_urlsafe(32)


def hashed(password: str) -> str:
    """``password`` as mosquitto 2.0 keeps it (``$7$``: PBKDF2 with SHA-512), with a new salt."""
    salt = secrets.token_bytes(_SALT)
    digest = hashlib.pbkdf2_hmac("sha512", password.encode(), salt, _ITERATIONS)
    return f"$7${_ITERATIONS}${base64.b64encode(salt).decode()}${base64.b64encode(digest).decode()}"


def read(file: Path) -> dict[str, str]:
    """The users of a list and their hashes; empty when there is no such file."""
    try:
        lines = file.read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        return {}
    return dict(line.split(":", 1) for line in lines if ":" in line)


def write(file: Path, users: Mapping[str, str]) -> None:
    """Put the list in place of the old one, in one step; raises ConfigurationError where that is not allowed.

    Its owner and its group may read it: the folder's group should be the broker's (and its set-group-id bit hands it on).
    """
    try:
        handle, name = tempfile.mkstemp(dir=file.parent, prefix=f".{file.name}.")
        try:
            with os.fdopen(handle, "w", encoding="utf-8") as out:
                out.write("".join(f"{user}:{hash_}\n" for user, hash_ in sorted(users.items())))
                out.flush()
                os.fchmod(out.fileno(), 0o640)
                os.fsync(out.fileno())
            Path(name).replace(file)
        except OSError:
            with suppress(OSError):
                Path(name).unlink()
            raise
    except OSError as error:
        raise ConfigurationError(
            f"{file} cannot be written ({error.strerror}): make its folder, and let this user write there."
        ) from error


@contextmanager
def alone(file: Path) -> Iterator[None]:
    """Keep other commands from writing the same list; waits for its turn."""
    try:
        lock = (file.parent / f".{file.name}.lock").open("wb")
    except OSError as error:
        raise ConfigurationError(
            f"{file.parent} cannot be written to ({error.strerror}): make it, and let this user write there."
        ) from error
    with lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
