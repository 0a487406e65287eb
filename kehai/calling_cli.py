"""The words of ``kehai policy`` and ``kehai rota``: who is called about an alert, and who is on call."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from kehai.admin_cli import ConfigFile
from kehai.lazily import command

policy = typer.Typer(no_args_is_help=True, help="Whom alerts call, through what, and after how long.")
rota = typer.Typer(no_args_is_help=True, help="Who is on call when, and who stands in.")

address = typer.Typer(no_args_is_help=True, help="Where staff and residents can be reached.")
channels = typer.Typer(no_args_is_help=True, help="The ways to reach people.")

outbox = typer.Typer(no_args_is_help=True, help="What is still to be sent, and what was given up.")

silence = typer.Typer(no_args_is_help=True, help="About what nobody is to be called, until it expires.")

Owner = Annotated[str, typer.Argument(metavar="OWNER", help="A login, or home:ID for the resident of a home.")]
LevelName = Annotated[str, typer.Argument(metavar="LEVEL", help="page or prompt.")]
Area = Annotated[
    str, typer.Option(help="An area; ~system: about ourselves; ~equipment: tickets; without it, the installation's.")
]
By = Annotated[str, typer.Option(help="The login of whoever decides it.")]
Why = Annotated[str, typer.Option(help="For colleagues; kept with it.")]
RotaName = Annotated[str, typer.Argument(metavar="ROTA", help="As policies call it; 'default' is the program's own.")]
Login = Annotated[str, typer.Argument(help="As 'kehai admin staff list' shows it.")]
Number = Annotated[int, typer.Argument(help="As 'kehai rota show' shows it.")]


@policy.command("list")
def list_policies(config: ConfigFile) -> None:
    """Every version that was ever in force: area, level, version, by whom, why."""
    command("policy").list_policies(config)


@policy.command("show")
def show_policy(config: ConfigFile, level: LevelName = "page", area: Area = "") -> None:
    """The policy in force as JSON, to be edited; and, on standard error, whom it would call now, and then."""
    command("policy").show(config, level, area)


@policy.command("set")
def set_policy(
    config: ConfigFile,
    level: LevelName,
    file: Annotated[Path, typer.Argument(help="What 'kehai policy show' prints, edited; - for standard input.")],
    by: By,
    area: Area = "",
    why: Why = "",
) -> None:
    """Put a policy in force, from the next call on."""
    command("policy").write_policy(config, level, file, area, by, why)


@policy.command("drop")
def drop_policy(config: ConfigFile, level: LevelName, by: By, area: Area = "", why: Why = "") -> None:
    """Take an area's own policy back: the installation's holds again, or the one that comes with the program."""
    command("policy").drop(config, level, area, by, why)


@rota.command("show")
def show_rota(config: ConfigFile, name: Annotated[str | None, typer.Argument(metavar="[ROTA]")] = None) -> None:
    """Who is on call now and from when others are; then the shifts and covers, with their numbers."""
    command("rota").show(config, name)


@rota.command("add")
def add_shift(
    config: ConfigFile,
    name: RotaName,
    login: Login,
    start: Annotated[str, typer.Option("--from", help="When it begins, as 22:00.")],
    end: Annotated[str, typer.Option("--to", help="When it ends, as 06:00; the same again is a whole day.")],
    days: Annotated[str, typer.Option(help="Days on which it begins: mon-fri, sat,sun or every day.")] = "mon-sun",
    position: Annotated[int, typer.Option(min=0, max=20, help="0 is called first.")] = 0,
) -> None:
    """Add a weekly shift, on the installation's wall clock."""
    command("rota").add(config, name, login, start, end, days, position)


@rota.command("remove")
def remove_shift(config: ConfigFile, number: Number) -> None:
    """Take a shift away."""
    command("rota").remove(config, number)


@rota.command("cover")
def cover(
    config: ConfigFile,
    name: RotaName,
    login: Login,
    until: Annotated[str, typer.Option(help="2026-11-30T08:00, 12h or 3d.")],
    by: By,
    start: Annotated[str, typer.Option("--from", help="The same; without it, now.")] = "",
    instead_of: Annotated[
        str, typer.Option(help="Whose place they take; without it, in addition and before all.")
    ] = "",
    why: Why = "",
) -> None:
    """Let somebody stand in, once."""
    command("rota").cover(config, name, login, start, until, instead_of, by, why)


@rota.command("uncover")
def uncover(config: ConfigFile, number: Number) -> None:
    """End a cover, or take one back that is to come."""
    command("rota").uncover(config, number)


@address.command("list")
def list_addresses(config: ConfigFile, owner: Owner) -> None:
    """Somebody's addresses, the first to try first."""
    command("address").list_addresses(config, owner)


@address.command("add")
def add_address(
    config: ConfigFile,
    owner: Owner,
    channel: Annotated[str, typer.Argument(help="Its name in the settings, as 'kehai channels list' shows it.")],
    where: Annotated[str, typer.Argument(metavar="ADDRESS", help="What the channel calls an address; see its README.")],
) -> None:
    """One more address, tried after the others."""
    command("address").add(config, owner, channel, where)


@address.command("remove")
def remove_address(
    config: ConfigFile, owner: Owner, number: Annotated[int, typer.Argument(help="As 'kehai address list' shows it.")]
) -> None:
    """Take an address away."""
    command("address").remove(config, owner, number)


@channels.command("list")
def list_channels(config: ConfigFile) -> None:
    """Every channel of the settings, its kind, and how many addresses it has."""
    command("address").list_channels(config)


@channels.command("test")
def test_channel(
    config: ConfigFile,
    owner: Owner,
    channel: Annotated[str, typer.Argument(help="Its name in the settings.")],
) -> None:
    """Send a test to somebody through one channel, now and from here, and say how that went."""
    command("address").try_channel(config, owner, channel)


@channels.command("key")
def make_key(
    file: Annotated[Path, typer.Argument(help="Where the private VAPID key is to be; it must not exist.")],
) -> None:
    """Make the key for a channel of kind webpush."""
    command("address").make_key(file)


@silence.command("add")
def add_silence(
    config: ConfigFile,
    until: Annotated[str, typer.Option(help="2026-11-30T08:00, 12h or 3d; 30 days at most.")],
    by: By,
    why: Annotated[str, typer.Option(help="For whoever comes next; needed.")],
    home: Annotated[str, typer.Option(help="Of one home.")] = "",
    area: Annotated[str, typer.Option(help="Of every home of an area.")] = "",
    cause: Annotated[str, typer.Option(help="Only of this kind of alert, as device_silent.")] = "",
) -> None:
    """Call nobody about what it covers; the alerts stand on the board all the same."""
    command("silence").add(config, home, area, cause, until, by, why)


@silence.command("list")
def list_silences(config: ConfigFile) -> None:
    """What is silent, and what was within 30 days: until when, by whom, why, and how it ended."""
    command("silence").list_silences(config)


@silence.command("end")
def end_silence(
    config: ConfigFile, number: Annotated[int, typer.Argument(help="As 'kehai silence list' shows it.")], by: By
) -> None:
    """End a silence early."""
    command("silence").end(config, number, by)


ChannelName = Annotated[str, typer.Option(help="Of one channel, by its name in the settings.")]
Days = Annotated[float, typer.Option(min=0, help="How far back to look for what is settled.")]


@outbox.command("list")
def list_outbox(
    config: ConfigFile,
    channel: ChannelName = "",
    state: Annotated[
        list[str] | None,
        typer.Option(help="waiting, sending, sent, failed or cancelled; without it, what waits and what failed."),
    ] = None,
    days: Days = 7,
) -> None:
    """Number, channel, to whom, what for, alert, state, attempts, since when, and what the provider said last."""
    command("outbox").list_outbox(config, channel, state or (), days)


@outbox.command("retry")
def retry(
    config: ConfigFile,
    numbers: Annotated[list[int] | None, typer.Argument(help="As 'kehai outbox list' shows them.")] = None,
    channel: ChannelName = "",
    days: Days = 7,
) -> None:
    """Try again what failed or was dropped; never about an alert that is closed or that somebody has in hand."""
    command("outbox").retry(config, numbers or (), channel, days)
