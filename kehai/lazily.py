"""Command modules, imported only when their command is called.

A gateway is installed without the server's libraries, and ``kehai --help`` should not take a second.
"""

from __future__ import annotations

from importlib import import_module
from types import ModuleType

from domain.errors import ConfigurationError


def command(name: str) -> ModuleType:
    """The module under ``kehai.commands``; raises ConfigurationError where a library of the server's is not installed."""
    try:
        return import_module(f"kehai.commands.{name}")
    except ModuleNotFoundError as error:
        if error.name and error.name.partition(".")[0] in {"kehai", "domain", "gateway"}:
            raise
        sentence = f"This installation lacks {error.name}: install kehai with the extra 'server' to run this command."
        raise ConfigurationError(sentence) from error
