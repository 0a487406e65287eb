"""What the first version wrote, made into what this one reads."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from detectors.kinds.inactivity.hazard import Counts
from detectors.kinds.inactivity.line import UNKNOWN
from detectors.kinds.inactivity.past import Past
from domain.clock import SECOND
from domain.findings import Level


def from_version_1(state: Mapping[str, Any]) -> dict[str, Any]:
    """Its daily longest silences go on, the hazard begins with the prior; its silences were never asked about."""
    line, past = state["line"], Past()
    for start, silence in state["past"]:
        past.add(start, silence)
    days = [[row[0], *(span // SECOND for span in row[1:])] for row in line["days"]]
    learnt = {
        "prior": None, "budgets": None, "limits": None, "counts": Counts().snapshot(), "exceeded": [], "factor": 1.0,
        "line": {"days": days, "first_day": line["first_day"], "rests_on": line["rests_on"], "hours": UNKNOWN},
    }  # fmt: skip
    return {
        "learnt": learnt, "past": past.snapshot(), "life": state["life"], "limit": state["limit"],
        "deadline": state["deadline"], "asks": 0, "asks_at": None, "fit_at": state["midnight"],
        "standing": [state["standing"], Level.PAGE] if state["standing"] else None, "unknown": state["unknown"],
    }  # fmt: skip


def from_version_2(state: Mapping[str, Any]) -> dict[str, Any]:
    """It was told of no outcome; of what stood nobody knows any more when it was first asked about."""
    standing, life = state["standing"], state["life"]
    return {
        **state, "learnt": {**state["learnt"], "fades": 0}, "judged": {"alarms": [], "verdicts": []}, "unspoken": None,
        "false_pages": 0,
        "raised": [life[0], standing[1] == Level.PAGE] if standing and life else None,
    }  # fmt: skip
