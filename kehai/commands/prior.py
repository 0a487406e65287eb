"""``kehai fit-prior``: the pooled prior of ``inactivity`` from a folder of recordings."""

from __future__ import annotations

import sys
from pathlib import Path

import typer
from rich.console import Console
from rich.progress import track

from detectors.kinds.inactivity.prior import parse
from kehai.commands.replay import write
from simulators.backtest import find_recordings
from simulators.prior import fit_prior as fit


def fit_prior(recordings: Path, out: Path | None, licence: str) -> None:
    """Write the artefact to ``out``, or to standard output."""
    folders = find_recordings(recordings)
    shown = track(
        folders, "fit-prior", disable=not sys.stderr.isatty(), transient=True, console=Console(stderr=True)
    )  # fmt: skip
    text = fit(shown, licence)
    made = parse(text, str(out or "standard output"))
    if out is None:
        typer.echo(text, nl=False)
    else:
        write(out, text)
    typer.echo(f"prior {made.name}: {made.homes} homes, {made.home_days:,.0f} home-days", err=True)
