"""The words of ``kehai admin``: accounts, homes and gateways of an installation."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from kehai.lazily import command

ConfigFile = Annotated[Path, typer.Option("--config", help="The installation's TOML file.")]
RoleName = Annotated[
    str,
    typer.Option("--role", help="viewer, staff, manager (leads a team), administrator (accounts, system) or auditor."),
]
SeesAreas = Annotated[list[str] | None, typer.Option("--area", help="Sees the homes of this area; may be given again.")]
SeesHomes = Annotated[list[str] | None, typer.Option("--home", help="Sees this home; may be given again.")]
Login = Annotated[str, typer.Argument(help="What the person types to log in.")]

admin = typer.Typer(no_args_is_help=True, help="Accounts, homes and gateways of an installation.")
staff = typer.Typer(no_args_is_help=True, help="Who may log in.")
home = typer.Typer(no_args_is_help=True, help="Which homes are watched over.")
gateway = typer.Typer(no_args_is_help=True, help="Which gateways may send readings.")
audit = typer.Typer(no_args_is_help=True, help="Who did and who looked at what.")
for _name, _group in (("staff", staff), ("home", home), ("gateway", gateway), ("audit", audit)):
    admin.add_typer(_group, name=_name)


@staff.command("add")
def staff_add(
    login: Login,
    config: ConfigFile,
    name: Annotated[str, typer.Option(help="Shown to colleagues.")] = "",
    role: RoleName = "staff",
    areas: SeesAreas = None,
    homes: SeesHomes = None,
) -> None:
    """Make an account; the password is asked for, or read from a pipe.

    Without --area and --home it sees every home; a viewer sees none.
    """
    command("admin").staff_add(config, login, name, role, areas or [], homes or [])


@staff.command("sees")
def staff_sees(
    login: Login,
    config: ConfigFile,
    *,
    areas: SeesAreas = None,
    homes: SeesHomes = None,
    everywhere: Annotated[bool, typer.Option("--everywhere", help="Sees every home.")] = False,
) -> None:
    """Say which homes an account sees: these and no others, from its next page on; none when none is named."""
    command("admin").staff_sees(config, login, areas or [], homes or [], everywhere=everywhere)


@staff.command("areas")
def staff_areas(
    login: Login,
    config: ConfigFile,
    areas: Annotated[list[str] | None, typer.Argument(metavar="[AREA]...", help="None: all of them.")] = None,
) -> None:
    """Say about which areas somebody is called: as 'kehai admin staff areas LOGIN AREA ... --config FILE'."""
    command("admin").staff_areas(config, login, areas or [])


@staff.command("role")
def staff_role(
    login: Login,
    role: Annotated[str, typer.Argument(help="viewer, staff, manager, administrator or auditor.")],
    config: ConfigFile,
) -> None:
    """Say what an account may do, from its next page on."""
    command("admin").staff_role(config, login, role)


@staff.command("password")
def staff_password(login: Login, config: ConfigFile) -> None:
    """Set another password; the account's sessions end."""
    command("admin").staff_password(config, login)


@staff.command("reset")
def staff_reset(login: Login, config: ConfigFile) -> None:
    """Take a second factor away, for whoever has lost the authenticator and the recovery codes; all sessions end."""
    command("admin").staff_reset(config, login)


@staff.command("disable")
def staff_disable(login: Login, config: ConfigFile) -> None:
    """Close an account; what it did stays in the histories."""
    command("admin").staff_disable(config, login)


@staff.command("list")
def staff_list(config: ConfigFile) -> None:
    """Every account: login, name, state, role, and the homes that it sees."""
    command("admin").staff_list(config)


Bundles = Annotated[
    Path | None,
    typer.Option("--bundles", help="Make a password for each gateway, and write what it needs into this folder."),
]


@home.command("add")
def home_add(
    home: Annotated[str, typer.Argument(help="An opaque id; never a name or an address.")],
    config: ConfigFile,
    *,
    gateways: Annotated[list[str] | None, typer.Option("--gateway", help="Its gateway; may be given again.")] = None,
    alias: Annotated[str, typer.Option(help="What staff call it where no name may stand.")] = "",
    area: Annotated[str, typer.Option()] = "",
    zone: Annotated[str, typer.Option(help="IANA time zone; by default the installation's.")] = "",
    resident: Annotated[str, typer.Option(help="Name of the resident.")] = "",
    kana: Annotated[str, typer.Option(help="Its reading.")] = "",
    phone: Annotated[str, typer.Option()] = "",
    address: Annotated[str, typer.Option()] = "",
    bundles: Bundles = None,
) -> None:
    """Enrol one home."""
    work = command("admin")
    wanted = work.Home(home, alias, zone, area, resident, kana, phone, address)
    work.home_add(config, wanted, gateways or [], bundles)


@home.command("import")
def homes_import(
    file: Annotated[Path, typer.Argument(help="CSV, UTF-8; docs/operations.md lists its columns.")],
    config: ConfigFile,
    bundles: Bundles = None,
) -> None:
    """Enrol every home of a CSV file, or none of them."""
    command("admin").homes_import(config, file, bundles)


@home.command("list")
def home_list(config: ConfigFile) -> None:
    """Every home: id, alias, area, zone, gateways; no personal data."""
    command("admin").home_list(config)


BundleFile = Annotated[
    Path | None,
    typer.Option("--bundle", help="Write what the gateway needs there (mode 0600); without it, show it once."),
]
GatewayName = Annotated[str, typer.Argument(help="Its id, which is its user name at the broker.")]


@gateway.command("add")
def gateway_add(
    gateway: GatewayName,
    home: Annotated[str, typer.Option()],
    config: ConfigFile,
    bundle: BundleFile = None,
    certificate: Annotated[
        bool, typer.Option("--certificate", help="It has a client certificate: make no password.")
    ] = False,
) -> None:
    """Give a home another gateway, and the gateway its password."""
    command("gateways").gateway_add(config, gateway, home, bundle, certificate=certificate)


@gateway.command("renew")
def gateway_renew(gateway: GatewayName, config: ConfigFile, bundle: BundleFile = None) -> None:
    """Give a gateway another password, when its card was lost; the old one ends."""
    command("gateways").gateway_renew(config, gateway, bundle)


@gateway.command("revoke")
def gateway_revoke(gateway: GatewayName, config: ConfigFile) -> None:
    """Cut a gateway off at once."""
    command("gateways").gateway_revoke(config, gateway)


@gateway.command("sync")
def gateway_sync(config: ConfigFile) -> None:
    """Write the broker's password list anew from the registry."""
    command("gateways").gateway_sync(config)


@audit.command("verify")
def audit_verify(
    config: Annotated[Path | None, typer.Option("--config", help="The installation's TOML file.")] = None,
    *,
    file: Annotated[Path | None, typer.Option("--file", help="What 'export' wrote, in place of the database.")] = None,
    anchor: Annotated[str, typer.Option(help="NUMBER:DIGEST, as an earlier call showed it.")] = "",
) -> None:
    """Look whether the log is whole: exit 1 and the first row that is wrong, or an anchor to keep elsewhere."""
    command("audit").verify(config, file, anchor)


@audit.command("export")
def audit_export(
    out: Annotated[Path, typer.Argument(help="A file that is not there yet; one JSON object a line.")],
    config: ConfigFile,
) -> None:
    """Write the whole log to a file; the log says that it was done."""
    command("audit").export(config, out)
