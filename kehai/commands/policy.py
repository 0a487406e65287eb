"""``kehai policy``: whom alerts call."""

from __future__ import annotations

import sys
from pathlib import Path

import typer
from sqlalchemy import select

from alerts.ladder import Ladder
from alerts.policy import EQUIPMENT_AREA, SYSTEM_AREA, decode, encode, history, in_force, write
from domain.clock import MINUTE
from domain.errors import ConfigurationError
from domain.findings import Level
from domain.localtime import LocalTime
from kehai.commands.admin import done, registry_of
from kehai.commands.home import must_be_staff
from registry import audit
from registry.tables import homes


def list_policies(config: Path) -> None:
    """One line for each version: area, level, version, what, by whom, when, why."""
    with registry_of(config) as (settings, engine), engine.connect() as connection:
        local = LocalTime(settings.installation.zone)
        for row in history(connection):
            what = "taken back" if row.policy is None else f"{len(row.policy.rungs)} rungs"
            words = (row.area or "(installation)", row.level.value, str(row.version), what, row.made_by,
                     local.iso(row.made_at), row.why)  # fmt: skip
            typer.echo("\t".join(words))


def show(config: Path, level: str, area: str) -> None:
    """The policy in force, and whom it would call."""
    wanted = _level(level)
    with registry_of(config) as (settings, engine), engine.connect() as connection:
        local, now = LocalTime(settings.installation.zone), settings.make_clock().now()
        found = in_force(connection, area, wanted)
        typer.echo(encode(found.policy))
        if found.id is None:
            typer.echo("It comes with the program: nobody has decided otherwise.", err=True)
        else:
            where = f"of {found.area}" if found.area else "of the installation"
            typer.echo(f"Version {found.version} {where}, by {found.made_by}: {found.why}", err=True)
        for at, call in Ladder(engine, local, settings.speed).lap(connection, found.policy, area, now):
            names = ", ".join(call.logins) or "nobody"
            lost = f"; without an address: {', '.join(call.unreachable)}" if call.unreachable else ""
            typer.echo(f"after {(at - now) // MINUTE} min: {names} ({', '.join(call.whom)}){lost}", err=True)


def write_policy(config: Path, level: str, file: Path, area: str, by: str, why: str) -> None:
    """Put a policy in force."""
    wanted = _level(level)
    try:
        body = sys.stdin.buffer.read() if str(file) == "-" else file.read_bytes()
    except OSError as error:
        raise ConfigurationError(f"{file} cannot be read ({error.strerror}): mend its name.") from error
    policy = decode(body)
    with registry_of(config) as (settings, engine):
        must_be_staff(engine, by)
        with engine.begin() as connection:
            _check_area(set(connection.execute(select(homes.c.area)).scalars()), area)
            version = write(connection, area, wanted, policy, by, why, settings.make_clock().now())
            audit.write(connection, [done("", f"policy {wanted.value} {area or '*'} version {version}, for {by}")])
    typer.echo(f"Version {version} is in force, from the next call on.", err=True)


def drop(config: Path, level: str, area: str, by: str, why: str) -> None:
    """Take an area's own policy back."""
    wanted = _level(level)
    with registry_of(config) as (settings, engine):
        must_be_staff(engine, by)
        with engine.begin() as connection:
            if in_force(connection, area, wanted).area != area or in_force(connection, area, wanted).id is None:
                raise ConfigurationError("There is no policy of its own: 'kehai policy list' shows those that are.")
            write(connection, area, wanted, None, by, why, settings.make_clock().now())
            audit.write(connection, [done("", f"policy {wanted.value} {area} taken back, for {by}")])
    typer.echo("It is taken back, from the next call on.", err=True)


def _level(word: str) -> Level:
    if word not in (Level.PAGE.value, Level.PROMPT.value):
        raise ConfigurationError(f"{word!r} is no level that calls anybody: write page or prompt.")
    return Level(word)


def _check_area(known: set[str], area: str) -> None:
    if area and area not in known | {SYSTEM_AREA, EQUIPMENT_AREA}:
        raise ConfigurationError(f"No home lies in {area!r}: mend the name, or write ~system or ~equipment.")
