"""``kehai simulate``: simulated homes as recordings."""

from __future__ import annotations

import sys
from datetime import date
from pathlib import Path

import typer
from rich.console import Console
from rich.progress import track

from domain.errors import ConfigurationError
from simulators.profiles import profile as read_profile
from simulators.simulate import plan, write
from simulators.simulate import simulate as run
from simulators.simulated import IncidentKind

_FIRST_DAY = date(2026, 4, 1)


def simulate(
    *, homes: int, days: int, seed: int, out: Path, zone: str | None, profile: str, incident: str | None
) -> None:
    """Write one folder per home into ``out``; with ``incident``, one of that kind in each, ``days`` after its first day."""
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise ConfigurationError(f"{out} is not an empty folder: name a new one with --out.")
    first = (_FIRST_DAY - date(1970, 1, 1)).days
    if incident is None:
        lives = run(homes, first, days, seed, zone or "Asia/Tokyo", read_profile(profile))
    else:
        lives = plan(_kind(incident), homes, seed, warm=days, zone=zone, chosen=read_profile(profile))
    readings = incidents = 0
    shown = track(
        lives, "simulate", total=homes, transient=True, console=Console(stderr=True),
        disable=not sys.stderr.isatty(),
    )  # fmt: skip
    for home in shown:
        write(out / home.home.recorded.home, home)
        readings += len(home.readings)
        incidents += len(home.incidents)
    typer.echo(f"{homes} homes, {days} days, {readings:,} readings, {incidents} incidents in {out}", err=True)


def _kind(text: str) -> IncidentKind:
    try:
        return IncidentKind(text)
    except ValueError as error:
        known = ", ".join(kind.value for kind in IncidentKind)
        raise ConfigurationError(f"There is no incident {text!r}: use one of {known}.") from error
