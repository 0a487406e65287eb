"""``kehai home``: writes down what staff say about a home, for the watch to read."""

from __future__ import annotations

from pathlib import Path

import typer
from sqlalchemy import Engine

from alerts.modes import Modes, read_until
from domain.errors import ConfigurationError
from domain.ids import HomeId
from domain.localtime import LocalTime
from domain.modes import TAKES, Mode, ModeKind
from kehai.commands.admin import registry_of
from registry.homes import Home, Homes
from registry.staff import Staff


def say(config: Path, home: str, kind: str, until: str, by: str, why: str) -> None:
    """Write down that the resident is away, in hospital or has a visitor."""
    with registry_of(config) as (settings, engine):
        known, now = _known(engine, home), settings.make_clock().now()
        must_be_staff(engine, by)
        local = LocalTime(known.zone)
        try:
            said = Modes(engine).say(known.id, ModeKind(kind), read_until(until, local, now), by, now, why)
        except ValueError as error:
            raise ConfigurationError(str(error)) from error
    typer.echo(
        f"{home}: {said.kind.value} until {local.iso(said.until)}; it holds in {TAKES // 60_000_000} minutes.", err=True
    )


def back(config: Path, home: str, by: str) -> None:
    """Write down that nothing of it holds any more."""
    with registry_of(config) as (settings, engine):
        known = _known(engine, home)
        must_be_staff(engine, by)
        ended = Modes(engine).back(known.id, by, settings.make_clock().now())
    if ended:
        typer.echo(f"{home}: back; it holds in {TAKES // 60_000_000} minutes.", err=True)
    else:
        typer.echo(f"{home}: nothing was said of it that still holds.", err=True)


def list_modes(config: Path, home: str | None) -> None:
    """One line for each: home, what, from, until, by whom, how it ended, why."""
    with registry_of(config) as (_, engine):
        homes = Homes(engine).all() if home is None else {HomeId(home): _known(engine, home)}
        modes = Modes(engine).holding() if home is None else Modes(engine).of(HomeId(home), 1_000)
        for mode in modes:
            zone = homes[mode.home].zone if mode.home in homes else "UTC"
            typer.echo(_line(mode, LocalTime(zone)))


def _line(mode: Mode, local: LocalTime) -> str:
    end = "holds"
    if mode.end is not None and mode.ended_at is not None:
        end = f"{mode.end.value} at {local.iso(mode.ended_at)} by {mode.ended_by}"
    until = "no date" if mode.without_date else local.iso(mode.until)
    words = (mode.home, mode.kind.value, local.iso(mode.since), until, mode.by, end, mode.why)
    return "\t".join(words)


def _known(engine: Engine, home: str) -> Home:
    known = Homes(engine).get(home)
    if known is None:
        raise ConfigurationError(f"There is no home {home!r}: 'kehai admin home list' shows those that are enrolled.")
    return known


def must_be_staff(engine: Engine, login: str) -> None:
    """Raise ConfigurationError for a login that is no open account."""
    if login not in {member.login for member in Staff(engine).all() if not member.disabled}:
        raise ConfigurationError(f"There is no account {login!r}: 'kehai admin staff list' shows those that are.")
