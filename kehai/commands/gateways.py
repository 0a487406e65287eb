"""``kehai admin gateway``: gateways come and go."""

from __future__ import annotations

from pathlib import Path

import typer

from domain.clock import SystemClock
from domain.errors import ConfigurationError, KehaiError
from domain.ids import BadIdError, GatewayId, HomeId, check_id
from kehai.access import Access, Told
from kehai.commands.admin import registry_of
from kehai.commands.credentials import Credentials, say
from registry.homes import Homes


def gateway_add(config: Path, gateway: str, home: str, bundle: Path | None, *, certificate: bool) -> None:
    """Give a home another gateway, and the gateway a password unless it has a ``certificate``."""
    with registry_of(config) as (settings, engine):
        homes = Homes(engine)
        try:
            name = GatewayId(check_id(gateway, "gateway"))
        except BadIdError as error:
            raise ConfigurationError(str(error)) from error
        if homes.get(home) is None:
            raise ConfigurationError(f"There is no home {home!r}: enrol it with 'kehai admin home add' first.")
        if homes.taken([], [name]):
            raise KehaiError(
                f"{gateway!r} is enrolled already: choose another id, or give it another password with "
                "'kehai admin gateway renew'."
            )
        access = Access(settings, engine)
        access.check([name])
        credentials = Credentials(access, [] if certificate else [name])
        if not certificate:
            credentials.write_one(bundle)
        with credentials.or_taken_back():
            homes.add_gateway(name, HomeId(home), SystemClock().now(), credentials.hashes.get(name))
        typer.echo(f"{gateway} may send readings of {home} now.", err=True)
        if certificate:
            access.sync()
        credentials.tell()


def gateway_renew(config: Path, gateway: str, bundle: Path | None) -> None:
    """Give a gateway another password: its card was lost, or its password became known. The old one ends."""
    with registry_of(config) as (settings, engine):
        homes = Homes(engine)
        name = _known(homes, gateway)
        if any(held == name and revoked for held_there in homes.gateways().values() for held, revoked in held_there):
            raise ConfigurationError(f"{gateway!r} was revoked: add the gateway under another id.")
        credentials = Credentials(Access(settings, engine), [name])
        credentials.write_one(bundle)
        homes.renew(name, credentials.hashes[name])
        typer.echo(f"{gateway} has another password; the old one ends.", err=True)
        credentials.tell()


def gateway_revoke(config: Path, gateway: str) -> None:
    """Cut a gateway off: ingest refuses what it sends, and the broker ends its connection and does not let it in again."""
    with registry_of(config) as (settings, engine):
        homes = Homes(engine)
        name = _known(homes, gateway)
        homes.revoke(name, SystemClock().now())
        typer.echo(f"What {gateway} sends is not accepted any more.", err=True)
        told = Access(settings, engine).expel(name)
        if told is not Told.NOT_OURS:
            say(told, f"{gateway} will be cut off")


def gateway_sync(config: Path) -> None:
    """Write the broker's password list anew from the registry, as after a restored backup."""
    with registry_of(config) as (settings, engine):
        if Access(settings, engine).sync() is Told.NOT_OURS:
            raise ConfigurationError("The settings name no password list: set gateways.passwords.")
    typer.echo("The broker's password list is as the registry has it.", err=True)


def _known(homes: Homes, gateway: str) -> GatewayId:
    if not homes.taken([], [GatewayId(gateway)]):
        raise ConfigurationError(f"There is no gateway {gateway!r}: 'kehai admin home list' shows those that are.")
    return GatewayId(gateway)
