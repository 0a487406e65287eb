"""``kehai gateway``: the program in the home."""

from __future__ import annotations

from pathlib import Path

import typer

from gateway.enrolment import enrol_here
from gateway.service import run_gateway
from kehai import __version__


def gateway(config: Path) -> None:
    """Run the gateway that ``config`` describes until SIGTERM or Ctrl-C."""
    run_gateway(config, software=f"kehai {__version__}")


def enrol(bundle: str, folder: Path, data: Path | None, *, force: bool) -> None:
    """Make this machine the gateway that ``bundle`` (a file, or ``-``) describes."""
    typer.echo(enrol_here(bundle, folder, data, force=force), err=True)
