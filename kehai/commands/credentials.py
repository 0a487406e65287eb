"""Passwords of gateways: made, handed over in a file that one person can read, and told to the broker.

A password is never an argument of a command and never in a log. The server keeps its hash; whoever lost the bundle asks for
another one.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import typer
from sqlalchemy.exc import IntegrityError

from domain.errors import ConfigurationError, KehaiError
from domain.ids import GatewayId
from gateway.enrolment import put
from kehai.access import Access, Told
from kehai.passwordlist import hashed, new_password


class Credentials:
    """New passwords for some gateways."""

    def __init__(self, access: Access, gateways: Sequence[GatewayId]) -> None:
        """Make them, in memory; raises ConfigurationError when they could not be handed over or told to the broker."""
        self._access, self._made = access, {gateway: new_password() for gateway in gateways}
        self._bundles = {gateway: access.bundle(gateway, password) for gateway, password in self._made.items()}
        access.check(gateways)
        self._written: list[Path] = []
        self.hashes = {gateway: hashed(password) for gateway, password in self._made.items()}

    def write_to(self, folder: Path | None) -> None:
        """Write ``<gateway>.json`` for each into ``folder``, which is made if need be; raises ConfigurationError."""
        if folder is None or not self._made:
            return
        try:
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        except OSError as error:
            raise ConfigurationError(f"{folder} cannot be made ({error.strerror}): name another folder.") from error
        files = {gateway: folder / f"{gateway}.json" for gateway in self._made}
        for file in files.values():
            _must_be_new(file, "name another folder, or remove what was not handed over")
        for gateway, file in files.items():
            self._write(gateway, file)

    def write_one(self, file: Path | None) -> None:
        """Write the one bundle to ``file``, or show it on standard output, this once; raises ConfigurationError."""
        (gateway,) = self._made
        if file is None:
            sys.stdout.write(self._bundles[gateway].line() + "\n")
            return
        _must_be_new(file, "name another file")
        self._write(gateway, file)

    def _write(self, gateway: GatewayId, file: Path) -> None:
        try:
            put(file, self._bundles[gateway].line() + "\n", 0o600)
            self._written.append(file)
        except OSError as error:
            raise ConfigurationError(f"{file} cannot be written ({error.strerror}): name another place.") from error

    @contextmanager
    def or_taken_back(self) -> Iterator[None]:
        """Around the enrolment itself: when another command was quicker, the files are removed; raises KehaiError."""
        try:
            yield
        except IntegrityError as error:
            for file in self._written:
                file.unlink(missing_ok=True)
            raise KehaiError(
                "Another command has just enrolled one of these ids: choose others; nothing was written."
            ) from error

    def tell(self) -> None:
        """Tell the broker, and see that it heard of the last one; raises KehaiError when it did not."""
        if self._made:
            gateway, password = list(self._made.items())[-1]
            say(self._access.admit(gateway, password), f"{gateway} will be let in")


def say(told: Told, then: str) -> None:
    """What became of the word to the broker, on standard error; raises KehaiError when the broker did not hear it."""
    if told is Told.SILENT:
        typer.echo(f"The broker does not answer: {then} once it has started.", err=True)
    elif told is Told.NOT_OURS:
        typer.echo("The settings name no password list (gateways.passwords): tell the broker yourself.", err=True)
    elif told is Told.DEAF:
        raise KehaiError(
            f"The broker goes by the list that it read before; {then} once it has read the new one: send mosquitto a SIGHUP "
            "(systemctl reload mosquitto)."
        )


def _must_be_new(file: Path, mend: str) -> None:
    if os.path.lexists(file):
        raise ConfigurationError(f"{file} is there already: {mend}.")
