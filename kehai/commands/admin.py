"""``kehai admin``: the accounts and the homes of an installation."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import typer
from sqlalchemy import Engine
from sqlalchemy.exc import IntegrityError

from domain.clock import SystemClock
from domain.errors import ConfigurationError, KehaiError
from domain.ids import BadIdError, GatewayId, HomeId, check_id
from domain.localtime import LocalTime, UnknownZoneError
from kehai.settings import Settings, load
from registry.database import migrate, open_database
from registry.homes import Home, Homes
from registry.homesfile import HomeRow, read_homes
from registry.staff import Staff, WeakPasswordError


@contextmanager
def _registry(config: Path) -> Iterator[tuple[Settings, Engine]]:
    settings = load(config)
    engine = open_database(settings.database_url)
    try:
        migrate(engine)
        yield settings, engine
    finally:
        engine.dispose()


def _password() -> str:
    """From the keyboard, twice and unseen; from a pipe, its first line."""
    if sys.stdin.isatty():
        return str(typer.prompt("Password", hide_input=True, confirmation_prompt=True))
    return sys.stdin.readline().rstrip("\r\n")


def staff_add(config: Path, login: str, name: str) -> None:
    """Make an account."""
    with _registry(config) as (_, engine):
        try:
            check_id(login, "staff")
            Staff(engine).add(login, name or login, _password(), SystemClock().now())
        except (BadIdError, WeakPasswordError) as error:
            raise ConfigurationError(str(error)) from error
        except IntegrityError as error:
            raise KehaiError(f"There is an account {login!r} already: choose another login.") from error
    typer.echo(f"{login} may log in now.", err=True)


def staff_password(config: Path, login: str) -> None:
    """Set another password; every session of that account ends."""
    with _registry(config) as (_, engine):
        staff = Staff(engine)
        _must_exist(staff, login)
        try:
            staff.set_password(login, _password())
        except WeakPasswordError as error:
            raise ConfigurationError(str(error)) from error
    typer.echo(f"{login} has a new password and must log in again.", err=True)


def staff_disable(config: Path, login: str) -> None:
    """Close an account; what it did stays in the histories."""
    with _registry(config) as (_, engine):
        staff = Staff(engine)
        _must_exist(staff, login)
        staff.disable(login, SystemClock().now())
    typer.echo(f"{login} may not log in any more.", err=True)


def _must_exist(staff: Staff, login: str) -> None:
    if login not in staff.names():
        raise ConfigurationError(f"There is no account {login!r}: 'kehai admin staff list' shows those that are.")


def staff_list(config: Path) -> None:
    """One line per account."""
    with _registry(config) as (_, engine):
        for member in Staff(engine).all():
            typer.echo(f"{member.login}\t{member.name}\t{'disabled' if member.disabled else 'active'}")


def home_add(config: Path, wanted: Home, gateways: list[str]) -> None:
    """Enrol one home; without a time zone it has the installation's."""
    with _registry(config) as (settings, engine):
        home = replace(wanted, zone=wanted.zone or settings.installation.zone, alias=wanted.alias or wanted.id)
        try:
            check_id(home.id, "home")
            LocalTime(home.zone)
            entries = [GatewayId(check_id(gateway, "gateway")) for gateway in gateways]
        except (BadIdError, UnknownZoneError) as error:
            raise ConfigurationError(str(error)) from error
        _enrol(engine, [(home, entries)])


def homes_import(config: Path, file: Path) -> None:
    """Enrol every home of a CSV file, or none of them."""
    with _registry(config) as (settings, engine):
        _enrol(engine, read_homes(file, settings.installation.zone))


def _enrol(engine: Engine, rows: list[HomeRow]) -> None:
    homes = Homes(engine)
    taken = homes.taken([home.id for home, _ in rows], [gateway for _, gateways in rows for gateway in gateways])
    if taken:
        raise KehaiError(
            f"{taken[0]!r} is enrolled already{f' (and {len(taken) - 1} more)' if len(taken) > 1 else ''}: "
            "leave it out, or choose another id; nothing was written."
        )
    homes.add_all(rows, SystemClock().now())
    typer.echo(f"{len(rows)} homes enrolled.", err=True)


def home_list(config: Path) -> None:
    """One line per home, without personal data."""
    with _registry(config) as (_, engine):
        homes = Homes(engine)
        gateways = homes.gateways()
        for home in sorted(homes.all().values(), key=lambda home: home.id):
            held = " ".join(f"{g}{' (revoked)' if revoked else ''}" for g, revoked in gateways.get(home.id, []))
            typer.echo(f"{home.id}\t{home.alias}\t{home.area}\t{home.zone}\t{held or 'no gateway'}")


def gateway_add(config: Path, gateway: str, home: str) -> None:
    """Give a home another gateway."""
    with _registry(config) as (_, engine):
        homes = Homes(engine)
        try:
            check_id(gateway, "gateway")
        except BadIdError as error:
            raise ConfigurationError(str(error)) from error
        if homes.get(home) is None:
            raise ConfigurationError(f"There is no home {home!r}: enrol it with 'kehai admin home add' first.")
        if homes.taken([], [GatewayId(gateway)]):
            raise KehaiError(f"{gateway!r} is enrolled already: choose another id.")
        homes.add_gateway(GatewayId(gateway), HomeId(home), SystemClock().now())
    typer.echo(f"{gateway} may send readings of {home} now.", err=True)


def gateway_revoke(config: Path, gateway: str) -> None:
    """Stop accepting what a gateway sends."""
    with _registry(config) as (_, engine):
        homes = Homes(engine)
        if not homes.taken([], [GatewayId(gateway)]):
            raise ConfigurationError(f"There is no gateway {gateway!r}: 'kehai admin home list' shows those that are.")
        homes.revoke(GatewayId(gateway), SystemClock().now())
    typer.echo(f"What {gateway} sends is not accepted any more.", err=True)
