"""Fit the pooled prior of ``inactivity`` from recordings: summed counts, and what they rest on; no reading is kept."""

from __future__ import annotations

import gzip
import hashlib
import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from detectors.evidence.life import AFTER_EXIT, BLIND
from detectors.kinds.inactivity.hazard import CLASSES, LONGEST, SHORTEST, STEP, Counts
from detectors.kinds.inactivity.prior import ARTEFACT, FORMAT, layout
from domain.clock import DAY, Instant, Span
from domain.errors import ConfigurationError
from domain.readings import SIGNS_OF_LIFE, Quantity
from simulators.recording import Recording, read_recording


def silences(recording: Recording) -> Iterator[tuple[Instant, Span]]:
    """(start, length) of what a home may learn from: silences at home that were seen from beginning to end.

    Those that began within AFTER_EXIT of an outer door's movement, those with an outage in them, the very short and the very
    long are left out.
    """
    exits = {device.id for device in recording.home.devices.values() if device.exit}
    last: Instant | None = None
    door: Instant | None = None
    for reading in recording.readings:
        if reading.quantity not in SIGNS_OF_LIFE:
            continue
        at = reading.at
        if last is not None and SHORTEST <= at - last < LONGEST:
            left = door is not None and last - door <= AFTER_EXIT
            if not left and _unseen(recording.outages, last, at) <= BLIND:
                yield last, at - last
        if reading.device in exits and reading.quantity is Quantity.DOOR:
            door = at
        last = at


def _unseen(outages: Iterable[tuple[Instant, Instant]], start: Instant, end: Instant) -> Span:
    return sum(max(0, min(end, until) - max(start, since)) for since, until in outages)


def fit_prior(folders: Iterable[Path], licence: str) -> str:
    """The artefact of the recordings in ``folders``, in their order, as text whose last line is ended.

    Raises ConfigurationError when two recordings are of one home, and when there is nothing to learn.
    """
    counts, content, homes, days, number = Counts(), hashlib.sha256(), [], 0.0, 0
    for folder in folders:
        recording = read_recording(folder)
        home = recording.home
        if home.home in homes:
            raise ConfigurationError(f"{folder} is of home {home.home}, which another recording is of: leave one out.")
        for start, silence in silences(recording):
            counts.add(home.zone.wall(start) // STEP % (DAY // STEP), silence)
            number += 1
        homes.append(home.home)
        days += (recording.end - recording.start) / DAY
        _digest(content, folder)
    if not number:
        raise ConfigurationError("There is no silence to learn from in these recordings: name longer ones.")
    inputs = {
        "homes": len(homes), "home_days": round(days, 1), "silences": number, "sha256": content.hexdigest(),
        "licence": licence,
    }  # fmt: skip
    return _text({"artefact": ARTEFACT, "format": FORMAT, "cells": layout(), "inputs": inputs}, counts)


def _digest(content: Any, folder: Path) -> None:
    """Add what is in a recording, however it is packed."""
    for name in ("home.json", "readings.csv", "outages.csv"):
        plain, packed = folder / name, folder / f"{name}.gz"
        if packed.exists():
            body = gzip.decompress(packed.read_bytes())
        elif plain.exists():
            body = plain.read_bytes()
        else:
            continue
        content.update(f"{name} {len(body)}\n".encode())
        content.update(body)


def _text(head: dict[str, Any], counts: Counts) -> str:
    """The head as JSON, then the counts, one half hour a line."""
    at_risk, ended = counts.tables()
    parts = [json.dumps(head, indent=1, ensure_ascii=False)[:-2]]
    for name, table in (("at_risk", at_risk), ("ended", ended)):
        rows = ",\n".join(f"  {json.dumps([int(count) for count in row])}" for row in table.reshape(-1, CLASSES))
        parts.append(f' "{name}": [\n{rows}\n ]')
    return ",\n".join(parts) + "\n}\n"
