"""``kehai address`` and ``kehai channels``: where people can be reached, and whether they are."""

from __future__ import annotations

import os
import uuid
from pathlib import Path

import typer
from py_vapid import Vapid02
from sqlalchemy import Connection, func, select

from alerts import texts
from alerts.channels.catalogue import build
from alerts.channels.channel import Channel, ChannelError
from alerts.notices import Purpose
from domain.errors import ConfigurationError, KehaiError
from kehai.commands.admin import registry_of
from kehai.settings import Settings
from registry import addresses, tables


def list_addresses(config: Path, owner: str) -> None:
    """One line each: number, channel, address."""
    with registry_of(config) as (_, engine), engine.connect() as connection:
        _must_exist(connection, owner)
        for each in addresses.of(connection, owner):
            typer.echo(f"{each.id}\t{each.channel}\t{each.address}" + ("\tbroken" if each.broken else ""))


def add(config: Path, owner: str, channel: str, address: str) -> None:
    """Add an address, after the channel has looked at it."""
    with registry_of(config) as (settings, engine), engine.begin() as connection:
        _must_exist(connection, owner)
        try:
            kept = _channel(settings, channel).check_address(address)
        except ValueError as error:
            raise ConfigurationError(str(error)) from error
        number = addresses.add(connection, owner, channel, kept, settings.make_clock().now())
    typer.echo(f"Address {number} of {owner}; try it with 'kehai channels test {owner} {channel}'.", err=True)


def remove(config: Path, owner: str, number: int) -> None:
    """Take an address away."""
    with registry_of(config) as (_, engine), engine.begin() as connection:
        if not addresses.remove(connection, owner, number):
            raise ConfigurationError(f"{owner} has no address {number}: see 'kehai address list {owner}'.")


def list_channels(config: Path) -> None:
    """One line each: name, kind, addresses."""
    with registry_of(config) as (settings, engine), engine.connect() as connection:
        build(settings.channels)  # says what is wrong with them
        columns = tables.addresses.c
        counted = select(columns.channel, func.count()).group_by(columns.channel)
        used = {row[0]: int(row[1]) for row in connection.execute(counted)}
        for name, section in settings.channels.items():
            typer.echo(f"{name}\t{section.get('kind')}\t{used.get(name, 0)} addresses")


def try_channel(config: Path, owner: str, channel: str) -> None:
    """Send a test at once; the outbox has no part in it."""
    with registry_of(config) as (settings, engine), engine.connect() as connection:
        _must_exist(connection, owner)
        way = _channel(settings, channel)
        found = addresses.through(connection, owner, channel)
        if not found:
            raise ConfigurationError(f"{owner} has no address on {channel}: add one with 'kehai address add'.")
        language = addresses.language_of(connection, owner)
        message = texts.compose(Purpose.TEST, str(uuid.uuid4()), language=language, link=settings.calling.public_url)
        try:
            receipt = way.send(found[0].address, message)
        except ChannelError as error:
            raise KehaiError(f"{channel}: {error}") from error
        finally:
            way.close()
    typer.echo(f"{channel} has taken the message over{f' ({receipt.detail})' if receipt.detail else ''}.", err=True)


def make_key(file: Path) -> None:
    """Write a new private VAPID key, readable by this user alone."""
    vapid = Vapid02()
    vapid.generate_keys()
    try:
        with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as out:
            out.write(vapid.private_pem())
    except OSError as error:
        raise ConfigurationError(f"{file} cannot be written ({error.strerror}): choose another place.") from error


def _channel(settings: Settings, name: str) -> Channel:
    known = build(settings.channels)
    if name not in known:
        there = ", ".join(known) or "none: add a section [channels.NAME]"
        raise ConfigurationError(f"There is no channel {name!r} in the settings; there is {there}.")
    return known[name]


def _must_exist(connection: Connection, owner: str) -> None:
    kind, _, number = owner.partition(":")
    column = tables.homes.c.id if kind == "home" and number else tables.staff.c.login
    if connection.execute(select(column).where(column == (number or owner))).first() is None:
        raise ConfigurationError(f"There is no {owner!r}: write a login, or home:ID.")
