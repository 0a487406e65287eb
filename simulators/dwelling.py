"""A dwelling: rooms, the ways between them, and the sensors that see somebody stir there."""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field

from simulators.person import OUT

Graph = Mapping[str, tuple[str, ...]]

FLAT: Graph = {
    "hall": ("living", "bedroom", "toilet", "washroom", OUT),
    "living": ("kitchen", "hall"),
    "kitchen": ("living",),
    "washroom": ("bath", "hall"),
}
"""A flat of one storey: everything opens on the hall, the kitchen lies behind the living room."""
HOUSE: Graph = {
    "hall": ("living", "bedroom", "toilet", "washroom", "kitchen", OUT),
    "living": ("hall", "kitchen"),
    "kitchen": ("hall", "living", "garden"),
    "washroom": ("bath", "toilet"),
}
"""A small house with a garden behind the kitchen; bathroom and toilet are one room."""
PLANS: Mapping[str, Graph] = {"flat": FLAT, "house": HOUSE}

_SENSORS = {
    "flat": {room: room for room in ("living", "kitchen", "bedroom", "toilet", "washroom", "hall")} | {"bath": "washroom"},
    "house": {
        "living": "lounge", "kitchen": "kitchen", "bedroom": "bedroom", "toilet": "bathroom", "washroom": "bathroom",
        "bath": "bathroom", "hall": "hallway",
    },
}  # fmt: skip
"""Room -> the motion sensor that sees somebody there."""


@dataclass(frozen=True, slots=True)
class Dwelling:
    """One home's rooms and what its sensors make of them."""

    plan: str = "flat"
    sensors: Mapping[str, str] = field(default_factory=lambda: _SENSORS["flat"])
    """Room -> motion sensor; a room that is not in it is seen by nothing."""
    sight: Mapping[str, float] = field(default_factory=dict)
    """Motion sensor -> the part of the movements in its room that it can see; 0.9 where it is not named."""
    passing: float = 0.75
    """The part of those who only pass through a room that its sensor sees."""
    bedside: float = 0.5
    """The part of the movements in bed that the sensor of the bedroom sees."""
    moved_only: bool = False
    """True for contacts that only say that the door moved."""
    again: float = 0.45
    """How often a door that has been moved is moved once more within seconds."""
    fridge: float = 0.0
    """The part of the stays in the kitchen in which the fridge is opened; without a contact there, 0."""
    door_missed: float = 0.02
    """The part of the movements of a door that its contact misses."""

    @property
    def motion(self) -> list[str]:
        """The motion sensors, in the order of their rooms."""
        return list(dict.fromkeys(self.sensors.values()))


def draw_dwelling(
    rng: random.Random, plan: str, *, sight: tuple[float, float], unseen: float, moved_only: bool, fridge: bool
) -> Dwelling:
    """A home of a plan with the imperfect coverage of real ones; ``unseen`` is the part of homes that lack a sensor."""
    sensors = dict(_SENSORS[plan])
    names = list(dict.fromkeys(sensors.values()))
    if rng.random() < unseen:
        away = rng.choice([name for name in names if name not in ("kitchen", "bedroom")])
        sensors = {room: name for room, name in sensors.items() if name != away}
    good = {name: rng.uniform(*sight) for name in names}
    return Dwelling(
        plan, sensors, good, rng.uniform(0.45, 0.85), rng.choice((0.05, 0.3, 0.9)), moved_only, rng.uniform(0.3, 0.72),
        rng.uniform(0.02, 0.35) if fridge else 0.0, rng.uniform(0.0, 0.06),
    )  # fmt: skip


def ways(plan: str) -> dict[tuple[str, str], tuple[str, ...]]:
    """(from, to) -> the rooms that are passed in between, by the shortest way."""
    graph: dict[str, set[str]] = {}
    for room, others in PLANS[plan].items():
        for other in others:
            graph.setdefault(room, set()).add(other)
            graph.setdefault(other, set()).add(room)
    found: dict[tuple[str, str], tuple[str, ...]] = {}
    for start in graph:
        reached: dict[str, tuple[str, ...]] = {start: ()}
        queue = deque([start])
        while queue:
            room = queue.popleft()
            for other in sorted(graph[room]):
                if other not in reached:
                    reached[other] = (*reached[room], other)
                    queue.append(other)
        found |= {(start, end): rooms[:-1] for end, rooms in reached.items()}
    return found
