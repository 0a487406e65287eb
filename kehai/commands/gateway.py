"""``kehai gateway``: the program in the home."""

from __future__ import annotations

from pathlib import Path

from gateway.service import run_gateway
from kehai import __version__


def gateway(config: Path) -> None:
    """Run the gateway that ``config`` describes until SIGTERM or Ctrl-C."""
    run_gateway(config, software=f"kehai {__version__}")
