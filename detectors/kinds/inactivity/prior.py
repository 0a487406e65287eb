"""The pooled prior: how silences end in homes in general, for the days on which a home's own habits are not known yet.

``prior-1.json`` holds the summed counts of recorded homes, and what they were: no reading, no time of any event. ``kehai
fit-prior`` makes it; the same recordings give the same bytes.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from detectors.kinds.inactivity.hazard import CLASSES, EDGES, SLOTS, STEP, pooled
from domain.clock import SECOND
from domain.errors import ConfigurationError

ARTEFACT = "kehai inactivity prior"
FORMAT = 1
SHIPPED = Path(__file__).with_name("prior-1.json")


@dataclass(frozen=True, slots=True, eq=False)
class Prior:
    """The hazard of homes in general."""

    name: str
    """Its version, as it stands on a finding: the file's format and the beginning of its content's hash."""
    homes: int
    home_days: float
    hazard: NDArray[np.float64]
    """Half hours x classes."""


def layout() -> dict[str, Any]:
    """The cells that the counts belong to, as the artefact names them."""
    return {"step_s": STEP // SECOND, "edges_s": [edge // SECOND for edge in EDGES], "half_hours": SLOTS}


def parse(text: str, where: str) -> Prior:
    """Read an artefact; raises ConfigurationError, in one sentence that names ``where``, for one that is not usable."""
    try:
        body = json.loads(text)
        if body["artefact"] != ARTEFACT or body["format"] != FORMAT or body["cells"] != layout():
            raise ValueError("it was made by another version")
        at_risk, ended = (np.array(body[key], dtype=np.float64) for key in ("at_risk", "ended"))
        if at_risk.shape != (SLOTS, CLASSES) or ended.shape != at_risk.shape:
            raise ValueError(f"its counts are not {SLOTS} x {CLASSES}")
        if (ended < 0).any() or (ended > at_risk).any():
            raise ValueError("in a cell more silences end than were at risk")
        name = f"{FORMAT}-{body['inputs']['sha256'][:8]}"
        return Prior(name, int(body["inputs"]["homes"]), float(body["inputs"]["home_days"]), pooled(at_risk, ended))
    except (ValueError, KeyError, TypeError) as error:
        raise ConfigurationError(
            f"{where} is no usable prior ({error}): make it anew with 'kehai fit-prior'."
        ) from error


@lru_cache(maxsize=4)
def load(file: Path = SHIPPED) -> Prior:
    """The prior in ``file``, read once; raises ConfigurationError."""
    try:
        text = file.read_text(encoding="utf-8")
    except OSError as error:
        raise ConfigurationError(f"{file} cannot be read ({error.strerror}): install Kehai anew.") from error
    return parse(text, str(file))
