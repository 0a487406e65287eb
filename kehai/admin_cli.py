"""The words of ``kehai admin``: accounts, homes and gateways of an installation."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from kehai.lazily import command

ConfigFile = Annotated[Path, typer.Option("--config", help="The installation's TOML file.")]
Login = Annotated[str, typer.Argument(help="What the person types to log in.")]

admin = typer.Typer(no_args_is_help=True, help="Accounts, homes and gateways of an installation.")
staff = typer.Typer(no_args_is_help=True, help="Who may log in.")
home = typer.Typer(no_args_is_help=True, help="Which homes are watched over.")
gateway = typer.Typer(no_args_is_help=True, help="Which gateways may send readings.")
for _name, _group in (("staff", staff), ("home", home), ("gateway", gateway)):
    admin.add_typer(_group, name=_name)


@staff.command("add")
def staff_add(
    login: Login, config: ConfigFile, name: Annotated[str, typer.Option(help="Shown to colleagues.")] = ""
) -> None:
    """Make an account; the password is asked for, or read from a pipe."""
    command("admin").staff_add(config, login, name)


@staff.command("password")
def staff_password(login: Login, config: ConfigFile) -> None:
    """Set another password; the account's sessions end."""
    command("admin").staff_password(config, login)


@staff.command("disable")
def staff_disable(login: Login, config: ConfigFile) -> None:
    """Close an account; what it did stays in the histories."""
    command("admin").staff_disable(config, login)


@staff.command("list")
def staff_list(config: ConfigFile) -> None:
    """Every account: login, name, state."""
    command("admin").staff_list(config)


@home.command("add")
def home_add(
    home: Annotated[str, typer.Argument(help="An opaque id; never a name or an address.")],
    config: ConfigFile,
    gateways: Annotated[list[str] | None, typer.Option("--gateway", help="Its gateway; may be given again.")] = None,
    alias: Annotated[str, typer.Option(help="What staff call it where no name may stand.")] = "",
    area: Annotated[str, typer.Option()] = "",
    zone: Annotated[str, typer.Option(help="IANA time zone; by default the installation's.")] = "",
    resident: Annotated[str, typer.Option(help="Name of the resident.")] = "",
    kana: Annotated[str, typer.Option(help="Its reading.")] = "",
    phone: Annotated[str, typer.Option()] = "",
    address: Annotated[str, typer.Option()] = "",
) -> None:
    """Enrol one home."""
    work = command("admin")
    wanted = work.Home(home, alias, zone, area, resident, kana, phone, address)
    work.home_add(config, wanted, gateways or [])


@home.command("import")
def homes_import(
    file: Annotated[Path, typer.Argument(help="CSV, UTF-8; docs/operations.md lists its columns.")], config: ConfigFile
) -> None:
    """Enrol every home of a CSV file, or none of them."""
    command("admin").homes_import(config, file)


@home.command("list")
def home_list(config: ConfigFile) -> None:
    """Every home: id, alias, area, zone, gateways; no personal data."""
    command("admin").home_list(config)


@gateway.command("add")
def gateway_add(
    gateway: Annotated[str, typer.Argument()], home: Annotated[str, typer.Option()], config: ConfigFile
) -> None:
    """Give a home another gateway."""
    command("admin").gateway_add(config, gateway, home)


@gateway.command("revoke")
def gateway_revoke(gateway: Annotated[str, typer.Argument()], config: ConfigFile) -> None:
    """Stop accepting what a gateway sends."""
    command("admin").gateway_revoke(config, gateway)
