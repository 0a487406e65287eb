"""``kehai silence``: about what nobody is to be called, and until when."""

from __future__ import annotations

from pathlib import Path

import typer
from sqlalchemy import Connection, select

from alerts import silences
from alerts.changes import count_change
from alerts.modes import read_until
from alerts.places import look_again
from alerts.silences import Silence
from domain.errors import ConfigurationError
from domain.ids import HomeId
from domain.localtime import LocalTime
from kehai.commands.admin import done, registry_of
from kehai.commands.home import must_be_staff
from registry.audit import write
from registry.tables import homes


def add(config: Path, home: str, area: str, cause: str, until: str, by: str, why: str) -> None:
    """Write a silence down, from now on."""
    if not (home or area or cause):
        raise ConfigurationError(
            "Say what is to be silent: --home, --area or --cause; the whole installation never is."
        )
    with registry_of(config) as (settings, engine):
        must_be_staff(engine, by)
        local, now = LocalTime(settings.installation.zone), settings.make_clock().now()
        with engine.begin() as connection:
            _must_exist(connection, home, area)
            try:
                end = read_until(until, local, now)
                number = silences.add(connection, HomeId(home) if home else None, area, cause, end, why, by, now)
            except ValueError as error:
                raise ConfigurationError(str(error)) from error
            write(connection, [done(f"home:{home}" if home else "", f"silence {number}, for {by}")])
            count_change(connection)
    typer.echo(f"Silence {number} until {local.iso(end)}: alerts stand on the board, and nobody is called.", err=True)


def list_silences(config: Path) -> None:
    """One line for each that holds or was over within 30 days: number, what, from, until, by whom, how it ended, why."""
    with registry_of(config) as (settings, engine), engine.connect() as connection:
        local, now = LocalTime(settings.installation.zone), settings.make_clock().now()
        for silence in silences.all_of(connection, now):
            what = " ".join(part for part in (silence.home, silence.area, silence.cause) if part)
            times = f"{local.iso(silence.since)}\t{local.iso(silence.until)}"
            typer.echo(f"{silence.id}\t{what}\t{times}\t{silence.by}\t{_stand(silence, now, local)}\t{silence.why}")


def end(config: Path, number: int, by: str) -> None:
    """End a silence early; what it held back is looked at at once."""
    with registry_of(config) as (settings, engine):
        must_be_staff(engine, by)
        now = settings.make_clock().now()
        with engine.begin() as connection:
            if not silences.end(connection, number, by, now):
                raise ConfigurationError(f"There is no silence {number} that still holds: see 'kehai silence list'.")
            write(connection, [done("", f"end of silence {number}, for {by}")])
            look_again(connection, now)
            count_change(connection)
    typer.echo(f"Silence {number} is over: whoever is due is called now.", err=True)


def _stand(silence: Silence, now: int, local: LocalTime) -> str:
    if silence.ended_at is not None:
        return f"ended at {local.iso(silence.ended_at)} by {silence.ended_by}"
    return "holds" if silence.holds(now) else "over"


def _must_exist(connection: Connection, home: str, area: str) -> None:
    if home and connection.execute(select(homes.c.id).where(homes.c.id == home)).first() is None:
        raise ConfigurationError(f"There is no home {home!r}: 'kehai admin home list' shows those that are enrolled.")
    if area and connection.execute(select(homes.c.id).where(homes.c.area == area)).first() is None:
        raise ConfigurationError(f"No home lies in {area!r}: mend the name of the area.")
