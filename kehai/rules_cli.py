"""The words of ``kehai rules``: other rules tried over the past, run in silence, and switched on by name."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from kehai.lazily import command

ConfigFile = Annotated[Path, typer.Option("--config", help="The installation's TOML file.")]
Set = Annotated[
    list[str],
    typer.Option(
        "--set", metavar="NAME=VALUE", help="As inactivity.page_budget=0.5 or heat.on=false; may be given again."
    ),
]
Number = Annotated[int, typer.Argument(metavar="ID", help="As 'kehai rules list' shows it.")]
By = Annotated[str, typer.Option("--by", help="Who decides; the name stays beside the decision.")]
Why = Annotated[str, typer.Option("--why", help="The reason, for those who look later.")]
From = Annotated[
    str, typer.Option("--from", help="The instant from which it counts, as 2026-11-25T09:00; by default now.")
]

rules = typer.Typer(no_args_is_help=True, help="What detectors run on: try, run in silence, approve by name.")


@rules.command("try")
def try_rules(
    home: Annotated[str, typer.Argument(help="Its id.")],
    config: ConfigFile,
    settings: Set,
    days: Annotated[int, typer.Option(min=1, max=3650, help="How much of its past to judge.")] = 60,
) -> None:
    """Run other rules over a home's own past beside the live ones; nothing is changed."""
    command("rules_try").try_rules(config, home, settings, days)


@rules.command("shadow")
def shadow(
    config: ConfigFile,
    settings: Set,
    by: By,
    home: Annotated[str, typer.Option(help="For one home.")] = "",
    area: Annotated[str, typer.Option(help="For the homes of an area.")] = "",
    installation: Annotated[bool, typer.Option("--installation", help="For every home.")] = False,
    why: Why = "",
    start: From = "",
) -> None:
    """Let new rules run silently beside the live ones."""
    work = command("rules")
    work.shadow(config, work.scope_of(home, area, installation=installation), settings, by, why, start)


@rules.command("list")
def list_rules(config: ConfigFile) -> None:
    """Every rule set: id, where it holds, what it says, how it stands."""
    command("rules").list_rules(config)


@rules.command("show")
def show(rule_set: Number, config: ConfigFile) -> None:
    """One rule set: its history, and what it found in silence beside what the live rules found."""
    command("rules").show(config, rule_set)


@rules.command("approve")
def approve(rule_set: Number, config: ConfigFile, by: By, why: Why = "", start: From = "") -> None:
    """Switch a rule set on; an older version too, to go back."""
    command("rules").decide(config, rule_set, "approve", by, why, start)


@rules.command("reject")
def reject(rule_set: Number, config: ConfigFile, by: By, why: Why = "") -> None:
    """End a candidate that is not wanted."""
    command("rules").decide(config, rule_set, "reject", by, why, "")


@rules.command("withdraw")
def withdraw(rule_set: Number, config: ConfigFile, by: By, why: Why = "", start: From = "") -> None:
    """Take a rule set out of use; where it was live, the wider scope decides again."""
    command("rules").decide(config, rule_set, "withdraw", by, why, start)
