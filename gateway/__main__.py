"""``python -m gateway``: the gateway without the command line's library."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from domain.errors import KehaiError
from gateway.enrolment import FOLDER, enrol_here
from gateway.service import run_gateway


def main(arguments: list[str] | None = None) -> None:
    """Run or enrol the gateway; errors are one sentence on standard error."""
    parser = argparse.ArgumentParser(prog="python -m gateway", description="The program in the home.")
    parser.add_argument("--config", type=Path, help="the gateway's TOML file: run it")
    what = parser.add_subparsers(dest="what", metavar="enrol")
    newcomer = what.add_parser("enrol", help="make this machine the gateway that the server's file describes")
    newcomer.add_argument("bundle", help="the file that 'kehai admin gateway add' wrote; - for standard input")
    newcomer.add_argument("--folder", type=Path, default=FOLDER, help=f"where to write; by default {FOLDER}")
    newcomer.add_argument("--data", type=Path, default=None, help="folder of what the server has not stored yet")
    newcomer.add_argument("--force", action="store_true", help="replace what is there; its drivers are kept")
    asked = parser.parse_args(arguments)
    try:
        if asked.what == "enrol":
            sys.stderr.write(enrol_here(asked.bundle, asked.folder, asked.data, force=asked.force) + "\n")
        elif asked.config is None:
            parser.error("say --config FILE to run the gateway, or enrol FILE to make it one")
        else:
            run_gateway(asked.config, software="kehai")
    except KehaiError as error:
        sys.stderr.write(f"{error}\n")
        sys.exit(error.exit_status)


if __name__ == "__main__":
    main()
