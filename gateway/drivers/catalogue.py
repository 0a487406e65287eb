"""Every driver by name. Adding one is a folder and one line here."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from gateway.drivers.driver import Driver
from gateway.drivers.gpio_door.driver import build as gpio_door
from gateway.drivers.gpio_motion.driver import build as gpio_motion
from gateway.drivers.onewire.driver import build as onewire
from gateway.drivers.simulated.driver import build as simulated
from gateway.drivers.zigbee2mqtt.driver import build as zigbee2mqtt

CATALOGUE: dict[str, Callable[[Mapping[str, object]], Driver]] = {
    "gpio_door": gpio_door,
    "gpio_motion": gpio_motion,
    "onewire": onewire,
    "simulated": simulated,
    "zigbee2mqtt": zigbee2mqtt,
}
"""Name -> factory. A factory takes its ``[[driver]]`` table without ``name`` and raises DriverSettingsError."""
