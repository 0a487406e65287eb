"""The words of ``kehai dead-letters``: what could not be stored, and what is to become of it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from kehai.lazily import command

ConfigFile = Annotated[Path, typer.Option("--config", help="The installation's TOML file.")]
Ids = Annotated[list[int] | None, typer.Argument(metavar="[ID]...", help="As 'kehai dead-letters list' shows them.")]
Reason = Annotated[str, typer.Option(help="Only those with this reason, as unknown_device.")]
Gateway = Annotated[str, typer.Option(help="Only those of this gateway.")]
Since = Annotated[str, typer.Option(help="Only those received since: 2026-11-20, 2026-11-20T10:00, 12h or 3d.")]
All = Annotated[bool, typer.Option("--all", help="Every one that the other options leave.")]
Json = Annotated[bool, typer.Option("--json", help="One JSON object a line.")]

letters = typer.Typer(no_args_is_help=True, help="Messages that could not be stored.")


@letters.command("list")
def list_letters(
    config: ConfigFile,
    reason: Reason = "",
    gateway: Gateway = "",
    since: Since = "",
    state: Annotated[str, typer.Option(help="kept, stored, discarded, or all.")] = "kept",
    limit: Annotated[int, typer.Option(min=1, help="The newest so many.")] = 1000,
    json: Json = False,
) -> None:
    """Dead letters, newest first."""
    work = command("letters")
    work.list_letters(config, work.Filter(reason, gateway, since, state), limit, json)


@letters.command("show")
def show(
    letter: Annotated[int, typer.Argument(metavar="ID")],
    config: ConfigFile,
    raw: Annotated[bool, typer.Option("--raw", help="Only the payload, byte for byte.")] = False,
    json: Json = False,
) -> None:
    """One dead letter with its payload."""
    command("letters").show(config, letter, raw, json)


@letters.command("retry")
def retry(
    config: ConfigFile,
    ids: Ids = None,
    every: All = False,
    reason: Reason = "",
    gateway: Gateway = "",
    since: Since = "",
) -> None:
    """Let ingest admit letters again, now that their cause is mended; waits for the outcome."""
    work = command("letters")
    work.ask(config, "retry", ids or [], every, work.Filter(reason, gateway, since, "kept"))


@letters.command("discard")
def discard(
    config: ConfigFile,
    ids: Ids = None,
    every: All = False,
    reason: Reason = "",
    gateway: Gateway = "",
    since: Since = "",
) -> None:
    """Say that nobody will take these letters up again; they stay to be looked at until their time is over."""
    work = command("letters")
    work.ask(config, "discard", ids or [], every, work.Filter(reason, gateway, since, "kept"))


@letters.command("points")
def points(
    config: ConfigFile,
    ids: Annotated[
        list[int] | None, typer.Argument(metavar="[ID]...", help="Only these, as the list shows them.")
    ] = None,
    retry: Annotated[bool, typer.Option("--retry", help="Offer them to InfluxDB once more.")] = False,
    limit: Annotated[int, typer.Option(min=1, help="The newest so many.")] = 1000,
    json: Json = False,
) -> None:
    """Points that InfluxDB refused; their readings are safe in the journal."""
    work = command("points")
    if retry:
        work.retry_points(config, ids)
    else:
        work.list_points(config, ids, limit, json)
