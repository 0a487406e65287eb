"""Enrolment: one small file from the server makes a Raspberry Pi the gateway of a home.

The file (the bundle) is one line of JSON: who the gateway is, where the broker is, whom to trust and the password. Standard
library and pydantic only: it is read on the gateway and written on the server.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
import tomllib
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from domain.errors import ConfigurationError
from domain.ids import BadIdError, check_id

FOLDER = Path("/etc/kehai")
DATA = Path("/var/lib/kehai-gateway")
_MAX_BYTES = 65_536
_TABLE = "[[driver]]"


class Bundle(BaseModel):
    """All that a gateway needs to be told."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    version: int = Field(default=1, ge=1, le=1, alias="kehai_gateway")
    gateway: str
    host: str = Field(min_length=1)
    port: int = Field(ge=1, le=65535)
    password: str = Field(min_length=1, repr=False)
    ca: str = ""
    """PEM; empty where the broker speaks without TLS."""

    def line(self) -> str:
        """The bundle as one line of text, without the line's end."""
        return json.dumps(self.model_dump(by_alias=True))


def parse(text: str) -> Bundle:
    """Read a bundle; raises ConfigurationError, without the password in it, for what is none."""
    try:
        bundle = Bundle.model_validate_json(text)
        check_id(bundle.gateway, "gateway")
    except (ValidationError, BadIdError) as error:
        why = str(error)
        if isinstance(error, ValidationError):
            first = error.errors(include_input=False, include_url=False)[0]
            why = ": ".join(filter(None, (".".join(map(str, first["loc"])), first["msg"])))
        raise ConfigurationError(
            f"This is no enrolment of a gateway ({why}): take the file that 'kehai admin gateway add' wrote, whole."
        ) from error
    return bundle


def read_bundle(source: str) -> Bundle:
    """The bundle in a file, or on standard input for ``-``; raises ConfigurationError."""
    try:
        if source == "-":
            return parse(sys.stdin.read(_MAX_BYTES))
        with Path(source).open(encoding="utf-8") as file:
            return parse(file.read(_MAX_BYTES))
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is no text"
        raise ConfigurationError(f"{source} cannot be read ({why}): name the file that the server wrote.") from error


@dataclass(frozen=True, slots=True)
class Enrolled:
    """What was made."""

    gateway: str
    config: Path
    drivers: int
    """How many ``[[driver]]`` tables the file kept."""


def enrol(bundle: Bundle, folder: Path = FOLDER, data: Path | None = None, *, force: bool = False) -> Enrolled:
    """Write gateway.toml, the password file (mode 0600) and the authority's certificate into ``folder``.

    Nothing is overwritten without ``force``; with it, the drivers and the gateway's own settings in a gateway.toml that is
    there stay as they are. Raises ConfigurationError.
    """
    config, password, ca = folder / "gateway.toml", folder / "mqtt_password", folder / "ca.crt"
    there = [file for file in (config, password, ca) if file.exists()]
    if there and not force:
        raise ConfigurationError(f"{there[0]} is there already: say --force to replace it; its drivers are kept.")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        old = config.read_text(encoding="utf-8") if config.exists() else ""
        drivers = _drivers(old)
        put(password, bundle.password + "\n", 0o600)
        if bundle.ca:
            put(ca, bundle.ca, 0o644)
        own = _own(old) | ({"data": str(data)} if data else {})
        text = _head(bundle, own, password, ca if bundle.ca else None) + (drivers or _HINT)
        put(config, text, 0o644)
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else f"{config} is no text"
        raise ConfigurationError(
            f"{folder} cannot be written to ({why}): run it as a user who may, or name another folder with --folder."
        ) from error
    return Enrolled(bundle.gateway, config, sum(line.strip() == _TABLE for line in drivers.splitlines()))


def enrol_here(source: str, folder: Path = FOLDER, data: Path | None = None, *, force: bool = False) -> str:
    """Enrol this machine from a file or standard input; what is left to do, in one sentence. Raises ConfigurationError."""
    made = enrol(read_bundle(source), folder, data, force=force)
    run = f"'kehai gateway --config {made.config}'"
    if made.drivers:
        return f"This is {made.gateway} now, its drivers ({made.drivers}) are kept: start it with {run}."
    return f"This is {made.gateway} now: add a [[driver]] table for each sensor to {made.config}, then start it with {run}."


def put(file: Path, text: str, mode: int) -> None:
    """Write a file in one step, never readable by more people than ``mode`` says; raises OSError."""
    handle, name = tempfile.mkstemp(dir=file.parent, prefix=f".{file.name}.")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as out:
            out.write(text)
            out.flush()
            os.fchmod(out.fileno(), mode)
            os.fsync(out.fileno())
        Path(name).replace(file)
    except OSError:
        with suppress(OSError):
            Path(name).unlink()
        raise


_HINT = """
# One [[driver]] table for each sensor; gateway/drivers/<name>/README.md explains each driver's keys. For example:
#
# [[driver]]
# name = "gpio_motion"
# device = "hall-motion"
# room = "hall"
# pin = 17
"""


def _head(bundle: Bundle, own: Mapping[str, object], password: Path, ca: Path | None) -> str:
    gateway = {"id": bundle.gateway, "data": str(DATA), **own}
    broker = {"host": bundle.host, "port": bundle.port, "password_file": str(password.resolve())}
    if ca is not None:
        broker["ca_file"] = str(ca.resolve())
    return f"[gateway]\n{_lines(gateway)}\n[broker]\n{_lines(broker)}"


def _lines(table: Mapping[str, object]) -> str:
    """Keys of a TOML table; text, numbers and truth are written there as in JSON."""
    return "".join(f"{key} = {json.dumps(value, ensure_ascii=False)}\n" for key, value in table.items())


def _drivers(text: str) -> str:
    """Everything from the first driver's table on, with the comment above it, as it stands."""
    lines = text.splitlines(keepends=True)
    first = next((n for n, line in enumerate(lines) if line.strip() == _TABLE), None)
    if first is None:
        return ""
    while first > 0 and (lines[first - 1].startswith("#") or not lines[first - 1].strip()):
        first -= 1
    return "\n" + "".join(lines[first:]).lstrip("\n")


def _own(text: str) -> dict[str, object]:
    """What a gateway.toml says of the gateway besides its id: that stays this machine's own."""
    try:
        table = tomllib.loads(text).get("gateway", {})
    except tomllib.TOMLDecodeError:
        return {}
    if not isinstance(table, dict):
        return {}
    return {key: value for key, value in table.items() if key != "id" and isinstance(value, str | int | float | bool)}
