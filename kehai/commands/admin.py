"""``kehai admin``: the accounts and the homes of an installation; its gateways are in ``kehai.commands.gateways``."""

from __future__ import annotations

import getpass
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
from kehai.access import Access
from kehai.commands.credentials import Credentials
from kehai.settings import Settings, load
from registry.audit import Entry, Event, record
from registry.database import migrate, open_database
from registry.factors import Factors
from registry.homes import Home, Homes
from registry.homesfile import HomeRow, read_homes
from registry.sight import EVERYWHERE, Sight
from registry.staff import Role, Staff, WeakPasswordError, narrowed


@contextmanager
def registry_of(config: Path) -> Iterator[tuple[Settings, Engine]]:
    """The settings and the migrated database of an installation."""
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


def _role(text: str) -> Role:
    if text not in set(Role):
        raise ConfigurationError(f"There is no role {text!r}: choose one of {', '.join(Role)}.")
    return Role(text)


def staff_role(config: Path, login: str, role: str) -> None:
    """Let an account do more or less."""
    wanted = _role(role)
    with registry_of(config) as (_, engine):
        staff = Staff(engine)
        _must_exist(staff, login)
        staff.set_role(login, wanted)
        _note(engine, login, f"role {wanted.value}")
    typer.echo(f"{login} is {wanted.value} now.", err=True)


def staff_areas(config: Path, login: str, areas: list[str]) -> None:
    """Say about which areas somebody is called."""
    with registry_of(config) as (_, engine):
        staff = Staff(engine)
        _must_exist(staff, login)
        unknown = set(areas) - {home.area for home in Homes(engine).all().values()} - {"~system", "~equipment"}
        if unknown:
            raise ConfigurationError(f"No home lies in {min(unknown)!r}: mend the name.")
        staff.set_areas(login, areas)
        _note(engine, login, f"called about {', '.join(areas) or 'all areas'}")
    typer.echo(f"{login} is called about {', '.join(areas) or 'all areas'}, from the next call on.", err=True)


def staff_sees(config: Path, login: str, areas: list[str], homes: list[str], *, everywhere: bool) -> None:
    """Say which homes an account sees."""
    if everywhere and (areas or homes):
        raise ConfigurationError("Choose --everywhere or single areas and homes, not both.")
    with registry_of(config) as (_, engine):
        staff = Staff(engine)
        _must_exist(staff, login)
        sight = EVERYWHERE if everywhere else _sight(engine, areas, homes)
        staff.set_sight(login, sight)
        _note(engine, login, f"sees {_said(sight)}")
    typer.echo(f"{login} sees {_said(sight)} now.", err=True)


def _sight(engine: Engine, areas: list[str], homes: list[str]) -> Sight:
    """The sight of these; raises ConfigurationError for one that does not exist."""
    known = Homes(engine).all()
    for area in areas:
        if area not in {home.area for home in known.values()}:
            raise ConfigurationError(f"No home lies in {area!r}: mend the name.")
    for home in homes:
        if home not in known:
            raise ConfigurationError(f"There is no home {home!r}: 'kehai admin home list' shows those that are.")
    return Sight(areas=frozenset(areas), homes=frozenset(HomeId(home) for home in homes))


def _said(sight: Sight) -> str:
    if sight.everywhere:
        return "every home"
    return ", ".join([*sorted(sight.areas), *sorted(sight.homes)]) or "no home"


def staff_add(config: Path, login: str, name: str, role: str, areas: list[str], homes: list[str]) -> None:
    """Make an account."""
    wanted = _role(role)
    with registry_of(config) as (_, engine):
        sight = _sight(engine, areas, homes) if areas or homes else None
        try:
            check_id(login, "staff")
            Staff(engine).add(login, name or login, _password(), SystemClock().now(), wanted, sight)
        except (BadIdError, WeakPasswordError) as error:
            raise ConfigurationError(str(error)) from error
        except IntegrityError as error:
            raise KehaiError(f"There is an account {login!r} already: choose another login.") from error
        _note(engine, login, f"made, role {wanted.value}, sees {_said(Staff(engine).sight(login))}")
    typer.echo(f"{login} may log in now.", err=True)


def staff_password(config: Path, login: str) -> None:
    """Set another password; every session of that account ends."""
    with registry_of(config) as (_, engine):
        staff = Staff(engine)
        _must_exist(staff, login)
        try:
            staff.set_password(login, _password())
        except WeakPasswordError as error:
            raise ConfigurationError(str(error)) from error
        _note(engine, login, "password")
    typer.echo(f"{login} has a new password and must log in again.", err=True)


def staff_reset(config: Path, login: str) -> None:
    """Take an account's second factor away."""
    with registry_of(config) as (_, engine):
        staff = Staff(engine)
        _must_exist(staff, login)
        if not Factors(engine).remove(login):
            raise ConfigurationError(f"{login} has no second factor: nothing was changed.")
        staff.end_others(login, "")
        _note(engine, login, "second factor taken away")
    typer.echo(f"{login} has no second factor any more, and must log in again.", err=True)


def staff_disable(config: Path, login: str) -> None:
    """Close an account; what it did stays in the histories."""
    with registry_of(config) as (_, engine):
        staff = Staff(engine)
        _must_exist(staff, login)
        staff.disable(login, SystemClock().now())
        _note(engine, login, "disabled")
    typer.echo(f"{login} may not log in any more.", err=True)


def command_line() -> str:
    """Who, for the audit log: the user of this machine who types."""
    try:
        return f"~cli:{getpass.getuser()}"
    except (KeyError, OSError):  # a container's user may have no name
        return "~cli"


def done(about: str, detail: str) -> Entry:
    """What a command did, for the audit log."""
    return Entry(SystemClock().now(), command_line(), Event.DID, about, detail)


def _note(engine: Engine, login: str, detail: str) -> None:
    record(engine, Entry(SystemClock().now(), command_line(), Event.ACCOUNT, f"staff:{login}", detail))


def _must_exist(staff: Staff, login: str) -> None:
    if login not in staff.names():
        raise ConfigurationError(f"There is no account {login!r}: 'kehai admin staff list' shows those that are.")


def staff_list(config: Path) -> None:
    """One line per account."""
    with registry_of(config) as (_, engine):
        staff = Staff(engine)
        for member in staff.all():
            state = "disabled" if member.disabled else "active"
            sees = _said(narrowed(staff.sight(member.login), member.role))
            typer.echo(f"{member.login}\t{member.name}\t{state}\t{member.role}\t{sees}")


def home_add(config: Path, wanted: Home, gateways: list[str], bundles: Path | None) -> None:
    """Enrol one home; without a time zone it has the installation's."""
    with registry_of(config) as (settings, engine):
        home = replace(wanted, zone=wanted.zone or settings.installation.zone, alias=wanted.alias or wanted.id)
        try:
            check_id(home.id, "home")
            LocalTime(home.zone)
            entries = [GatewayId(check_id(gateway, "gateway")) for gateway in gateways]
        except (BadIdError, UnknownZoneError) as error:
            raise ConfigurationError(str(error)) from error
        _enrol(settings, engine, [(home, entries)], bundles)


def homes_import(config: Path, file: Path, bundles: Path | None) -> None:
    """Enrol every home of a CSV file, or none of them."""
    with registry_of(config) as (settings, engine):
        _enrol(settings, engine, read_homes(file, settings.installation.zone), bundles)


def _enrol(settings: Settings, engine: Engine, rows: list[HomeRow], bundles: Path | None) -> None:
    homes = Homes(engine)
    gateways = [gateway for _, held in rows for gateway in held]
    taken = homes.taken([home.id for home, _ in rows], gateways)
    if taken:
        raise KehaiError(
            f"{taken[0]!r} is enrolled already{f' (and {len(taken) - 1} more)' if len(taken) > 1 else ''}: "
            "leave it out, or choose another id; nothing was written."
        )
    access = Access(settings, engine)
    access.check(gateways)
    credentials = Credentials(access, gateways if bundles else [])
    credentials.write_to(bundles)
    with credentials.or_taken_back():
        homes.add_all(rows, SystemClock().now(), credentials.hashes)
    typer.echo(f"{len(rows)} homes enrolled.", err=True)
    if gateways and not bundles:
        typer.echo(
            "Their gateways have no password yet: --bundles FOLDER makes one for each, "
            "and 'kehai admin gateway renew' for one that is enrolled.",
            err=True,
        )
    credentials.tell()


def home_list(config: Path) -> None:
    """One line per home, without personal data."""
    with registry_of(config) as (_, engine):
        homes = Homes(engine)
        gateways = homes.gateways()
        for home in sorted(homes.all().values(), key=lambda home: home.id):
            held = " ".join(f"{g}{' (revoked)' if revoked else ''}" for g, revoked in gateways.get(home.id, []))
            typer.echo(f"{home.id}\t{home.alias}\t{home.area}\t{home.zone}\t{held or 'no gateway'}")
