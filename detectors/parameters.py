"""The table of parameters that a detector is made with."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def numbers(kind: str, settings: Mapping[str, Any], **wanted: tuple[float, float, float]) -> dict[str, float]:
    """``settings`` with the defaults filled in; ``wanted`` is name -> (default, least, most).

    Raises ValueError, in one sentence, for a name that is not wanted and for a value outside its bounds.
    """
    unknown = set(settings) - set(wanted)
    if unknown:
        raise ValueError(f"{kind} has no parameter {min(unknown)!r}: remove it or mend its spelling.")
    read: dict[str, float] = {}
    for name, (default, least, most) in wanted.items():
        value = settings.get(name, default)
        if isinstance(value, bool) or not isinstance(value, int | float) or not least <= value <= most:
            raise ValueError(f"{kind}: {name} is {value!r}: use a number from {least:g} to {most:g}.")
        read[name] = float(value)
    return read
