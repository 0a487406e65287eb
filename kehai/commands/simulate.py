"""``kehai simulate``: simulated homes as recordings."""

from __future__ import annotations

import sys
from datetime import date
from pathlib import Path

import typer
from rich.console import Console
from rich.progress import track

from domain.errors import ConfigurationError
from simulators.simulate import simulate as run
from simulators.simulate import write_recording

_FIRST_DAY = date(2026, 4, 1)


def simulate(*, homes: int, days: int, seed: int, out: Path, zone: str) -> None:
    """Write one folder per home into ``out``."""
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise ConfigurationError(f"{out} is not an empty folder: name a new one with --out.")
    first = (_FIRST_DAY - date(1970, 1, 1)).days
    readings = incidents = 0
    shown = track(
        run(homes, first, days, seed, zone), "simulate", total=homes, transient=True, console=Console(stderr=True),
        disable=not sys.stderr.isatty(),
    )  # fmt: skip
    for home in shown:
        write_recording(out / home.home.recorded.home, home.home.recorded, home.readings, home.incidents)
        readings += len(home.readings)
        incidents += len(home.incidents)
    typer.echo(f"{homes} homes, {days} days, {readings:,} readings, {incidents} incidents in {out}", err=True)
