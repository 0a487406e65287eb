"""Recordings small enough to reckon by hand: a list of (second on the wall, sensor)."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from simulators.scoring.track import Track
from simulators.scoring.twins import DAY, HOUR

KITCHEN, DOOR, WARMTH = "kitchen", "front-door", "warmth"
MIDNIGHT = 20_000 * DAY


def track(events: Iterable[tuple[int, str]], outages: Iterable[tuple[int, int]] = (), home: str = "small") -> Track:
    """Motion in the kitchen, an outer door, and a thermometer, which is no sign of life."""
    rows = sorted(events)
    return Track(
        home=home,
        head={"home": home},
        lines=[[str(at), sensor, "1"] for at, sensor in rows],
        times=np.array([at for at, _ in rows], dtype=np.int64),
        stirs=np.array([sensor != WARMTH for _, sensor in rows]),
        exits=np.array([sensor == DOOR for _, sensor in rows]),
        outages=list(outages),
    )


def every_ten_minutes(days: int, sensor: str = KITCHEN, first: int = 7, last: int = 22) -> list[tuple[int, str]]:
    """Somebody stirs every ten minutes from seven to ten at night, each day."""
    return [
        (MIDNIGHT + day * DAY + at, sensor) for day in range(days) for at in range(first * HOUR, last * HOUR + 1, 600)
    ]
