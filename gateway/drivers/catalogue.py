"""Every driver by name. Adding one is a folder and one line here."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from gateway.drivers.driver import Driver
from gateway.drivers.simulated.driver import build as simulated

CATALOGUE: dict[str, Callable[[Mapping[str, object]], Driver]] = {
    "simulated": simulated,
}
"""Name -> factory. A factory takes its ``[[driver]]`` table without ``name`` and raises DriverSettingsError."""
