"""Snapshots of earlier versions, made into what this version writes."""

from __future__ import annotations

from typing import Any

_AFTER_EXIT = 120_000_000
"""Version 1's two minutes."""


def from_version_1(state: dict[str, Any]) -> None:
    """In place: version 1 held life, places and 'not returned' inside the state of ``inactivity``."""
    state["v"] = 2
    kept = state["detectors"].get("inactivity")
    if kept is None:
        state["evidence"] = None
        return
    life, exited = kept["life"], kept["exit"]
    after_exit = None if life is None or exited is None else life - exited
    last = None if life is None else [life, "", kept["room"], after_exit]
    gone = last is not None and after_exit is not None and after_exit <= _AFTER_EXIT
    state["evidence"] = {
        "places": kept.pop("places"), "midnight": kept["midnight"], "exit": kept.pop("exit"), "last": last,
        "left": last if gone else None,
    }  # fmt: skip
    kept["life"] = last
    standing, kept["standing"] = kept["standing"], None
    absence: dict[str, Any] = {"left": None, "deadline": None, "standing": None}
    if gone:
        absence["left"], absence["deadline"] = last, kept["deadline"]
        kept["deadline"] = None
    if standing is not None:
        holder = kept if standing[0] == "inactivity" else absence
        holder["standing"] = standing[1]
    state["detectors"]["not_returned"] = absence
