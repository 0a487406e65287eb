"""``python -m gateway --config FILE``: the gateway without the command line's library."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from domain.errors import KehaiError
from gateway.service import run_gateway


def main() -> None:
    """Run the gateway; errors are one sentence on standard error."""
    parser = argparse.ArgumentParser(prog="python -m gateway", description="The program in the home.")
    parser.add_argument("--config", type=Path, required=True, help="the gateway's TOML file")
    try:
        run_gateway(parser.parse_args().config, software="kehai")
    except KehaiError as error:
        sys.stderr.write(f"{error}\n")
        sys.exit(error.exit_status)


if __name__ == "__main__":
    main()
