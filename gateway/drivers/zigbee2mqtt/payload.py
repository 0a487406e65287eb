"""What a Zigbee2MQTT message says: keys as in its documentation of exposed values (zigbee2mqtt.io)."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass

from domain.readings import DoorState, Quantity


@dataclass(frozen=True, slots=True)
class Said:
    """One value of a message."""

    quantity: Quantity
    value: float


_NUMBERS = {"temperature": Quantity.TEMPERATURE, "humidity": Quantity.HUMIDITY, "battery": Quantity.BATTERY}
_PRESSES = frozenset({"single", "double", "hold", "on", "emergency", "press"})


def parse(payload: bytes) -> list[Said] | None:
    """The values that Kehai knows, in a fixed order; None when the payload is no JSON object.

    ``contact: true`` means that magnet and switch touch: the door is closed. Values of a wrong type are left out, and so is
    ``device_temperature``, which is the chip's own and not the room's.
    """
    try:
        body = json.loads(payload)
    except (ValueError, UnicodeDecodeError, RecursionError):
        return None
    if not isinstance(body, dict):
        return None
    said = []
    if isinstance(occupied := body.get("occupancy"), bool):
        said.append(Said(Quantity.MOTION, float(occupied)))
    if isinstance(contact := body.get("contact"), bool):
        said.append(Said(Quantity.DOOR, float(DoorState.CLOSED if contact else DoorState.OPEN)))
    if isinstance(action := body.get("action"), str) and action in _PRESSES:
        said.append(Said(Quantity.BUTTON, 1.0))
    for key, quantity in _NUMBERS.items():
        value = body.get(key)
        if isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value):
            said.append(Said(quantity, float(value)))
    return said
