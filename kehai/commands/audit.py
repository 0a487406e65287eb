"""``kehai admin audit``: the log of who did and who looked at what."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

import typer

from domain.clock import SystemClock
from domain.errors import ConfigurationError, KehaiError
from kehai.commands.admin import command_line, registry_of
from registry.audit import Broken, Entry, Event, Row, Verdict, check, check_rows, record, rows

_WORDS = {
    Broken.CHANGED: "does not say what it said, or stands in another place",
    Broken.MISSING: "is missing",
    Broken.ANCHOR: "is not the one that the anchor names",
}


def verify(config: Path | None, file: Path | None, anchor: str) -> None:
    """Say whether the log is whole, and name its last row."""
    noted = _anchor(anchor)
    if (config is None) is (file is None):
        raise ConfigurationError("Give --config for the installation's log, or --file for one that was exported.")
    if file is not None:
        verdict = check_rows(_read(file), anchor=noted)
    else:
        assert config is not None  # noqa: S101 (said above)
        with registry_of(config) as (_, engine), engine.connect() as connection:
            verdict = check(connection, anchor=noted)
    typer.echo(_whole(verdict))


def _whole(verdict: Verdict) -> str:
    if verdict.broken is not None:
        raise KehaiError(
            f"The audit log is not whole: row {verdict.at} {_WORDS[verdict.broken]}; compare it with an earlier export "
            "and find out who could write to the database."
        )
    return f"{verdict.rows} rows, whole. Anchor: {verdict.last}:{verdict.digest}"


def export(config: Path, out: Path) -> None:
    """Write every row, oldest first."""
    with registry_of(config) as (_, engine):
        done = Entry(SystemClock().now(), command_line(), Event.EXPORTED, "", "audit log")
        record(engine, done)
        try:
            handle = os.open(out, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except FileExistsError as error:
            raise ConfigurationError(f"{out} is there already: name another file.") from error
        except OSError as error:
            raise ConfigurationError(f"{out} cannot be written ({error.strerror}): name another file.") from error
        with os.fdopen(handle, "w", encoding="utf-8") as lines, engine.connect() as connection:
            for row in rows(connection):
                lines.write(json.dumps(asdict(row), ensure_ascii=False) + "\n")
            verdict = check(connection)
    typer.echo(f"{out}: {_whole(verdict)}", err=True)


def _anchor(text: str) -> tuple[int, str] | None:
    if not text:
        return None
    number, _, digest = text.partition(":")
    if not number.isdecimal() or not digest:
        raise ConfigurationError(f"{text!r} is no anchor: write NUMBER:DIGEST, as 'kehai admin audit verify' shows it.")
    return int(number), digest


def _read(file: Path) -> Iterator[Row]:
    try:
        with file.open(encoding="utf-8") as lines:
            for line in lines:
                yield Row(**json.loads(line))
    except (OSError, ValueError, TypeError) as error:
        raise ConfigurationError(f"{file} cannot be read as an exported log: name one that 'export' wrote.") from error
