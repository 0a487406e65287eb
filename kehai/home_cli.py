"""The words of ``kehai home``: what staff say about a home."""

from __future__ import annotations

from typing import Annotated

import typer

from kehai.admin_cli import ConfigFile
from kehai.lazily import command

home = typer.Typer(no_args_is_help=True, help="What staff say about a home: away, in hospital, a visitor, back.")

HomeName = Annotated[str, typer.Argument(metavar="HOME", help="As 'kehai admin home list' shows it.")]
Until = Annotated[str, typer.Option(help="2026-11-30 (that evening), 2026-11-30T15:00, 12h or 3d.")]
By = Annotated[str, typer.Option(help="The login of whoever says it.")]
Why = Annotated[str, typer.Option(help="For colleagues; kept with it.")]


@home.command("away")
def away(home: HomeName, config: ConfigFile, until: Until, by: By, why: Why = "") -> None:
    """The resident is elsewhere until then: nobody is asked or woken about silence, and somebody asks if they do not come."""
    command("home").say(config, home, "away", until, by, why)


@home.command("hospital")
def hospital(home: HomeName, config: ConfigFile, by: By, until: Until = "14d", why: Why = "") -> None:
    """The same, for somebody in hospital; without a date somebody asks after two weeks."""
    command("home").say(config, home, "hospital", until, by, why)


@home.command("visitor")
def visitor(home: HomeName, config: ConfigFile, until: Until, by: By, why: Why = "") -> None:
    """Somebody else is in the home until then: nothing is learnt, and who leaves need not be the resident."""
    command("home").say(config, home, "visitor", until, by, why)


@home.command("back")
def back(home: HomeName, config: ConfigFile, by: By) -> None:
    """Whatever was said of the home holds no more."""
    command("home").back(config, home, by)


@home.command("list")
def list_modes(
    config: ConfigFile,
    home: Annotated[str | None, typer.Argument(metavar="[HOME]", help="All that was ever said of this one.")] = None,
) -> None:
    """What holds, in every home; or what was said of one, and how it ended."""
    command("home").list_modes(config, home)
