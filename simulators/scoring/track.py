"""A recording as scoring sees it: seconds on the home's own wall clock, and the very lines of its file.

What a recording's text says is all that counts here: a time with an offset and the same time without one are the same
second on the wall. So collapses fall on the same seconds on every machine, and a twin holds the bytes of its original.
"""

from __future__ import annotations

import csv
import gzip
import io
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import numpy as np
import numpy.typing as npt

from domain.errors import ConfigurationError
from domain.readings import Quantity
from domain.recording import READINGS_HEADER, RecordingError, parse_home

Seconds = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]

_EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 (the wall's own, on purpose)
_STIRRING = (Quantity.MOTION, Quantity.DOOR)


def wall_seconds(text: str) -> int:
    """ISO 8601, its offset if it has one left aside -> seconds since 1970-01-01T00:00 on that wall clock."""
    return int((datetime.fromisoformat(text).replace(tzinfo=None) - _EPOCH).total_seconds())


@dataclass(frozen=True, slots=True)
class Track:
    """One recorded home. Arrays have one entry for each usable line, in the order of the file."""

    home: str
    """As ``home.json`` says it."""
    head: dict[str, object]
    """All of ``home.json``."""
    lines: list[list[str]]
    times: Seconds
    stirs: Flags
    """Motion and doors: what ends when somebody collapses."""
    exits: Flags
    """Readings of an outer door."""
    outages: list[tuple[int, int]]
    """When the gateway did not report."""

    def blind(self, start: float, end: float) -> bool:
        """True when the gateway did not report at some time of (start, end)."""
        return any(down < end and start < up for down, up in self.outages)

    def watched(self, start: int, end: int) -> int:
        """Seconds of [start, end] in which the gateway reported."""
        return end - start - sum(max(0, min(up, end) - max(down, start)) for down, up in self.outages)

    def write(self, folder: Path, name: str, kept: Flags) -> None:
        """Write the lines that are ``kept`` as the recording of home ``name`` into ``folder``."""
        folder.mkdir(parents=True)
        (folder / "home.json").write_text(json.dumps({**self.head, "home": name}, ensure_ascii=False), encoding="utf-8")
        rows = (line for line, keep in zip(self.lines, kept.tolist(), strict=True) if keep)
        (folder / "readings.csv").write_text(_csv(READINGS_HEADER, rows), encoding="utf-8")
        if self.outages:
            spells = [(_wall(down), _wall(up)) for down, up in self.outages]
            (folder / "outages.csv").write_text(_csv(("start", "end"), spells), encoding="utf-8")


def read_track(folder: Path) -> Track:
    """Read a recording's folder; lines that cannot be used are left out. Raises ConfigurationError, in one sentence."""
    try:
        text = (folder / "home.json").read_text(encoding="utf-8")
        devices = parse_home(text, str(folder / "home.json")).devices
        lines = [row for row in _rows(folder, "readings.csv") if len(row) >= 3 and row[1] in devices and _dated(row[0])]
        spells = [row for row in _rows(folder, "outages.csv") if len(row) >= 2 and _dated(row[0]) and _dated(row[1])]
    except RecordingError as error:
        raise ConfigurationError(str(error)) from error
    except (OSError, EOFError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"{folder} cannot be read ({error}): copy the recording again.") from error
    if not lines:
        raise ConfigurationError(f"{folder} holds no reading that can be used: see that its sensors are in home.json.")
    head = json.loads(text)
    stirring = {name for name, device in devices.items() if device.kind in _STIRRING}
    outer = {name for name, device in devices.items() if device.exit}
    return Track(
        home=head["home"],
        head=head,
        lines=lines,
        times=np.array([wall_seconds(row[0]) for row in lines], dtype=np.int64),
        stirs=np.array([row[1] in stirring for row in lines]),
        exits=np.array([row[1] in outer for row in lines]),
        outages=[(wall_seconds(row[0]), wall_seconds(row[1])) for row in spells],
    )


def _rows(folder: Path, name: str) -> Iterator[list[str]]:
    """The lines of a file of the recording, packed or not, without the header; none when there is no such file."""
    packed, plain = folder / f"{name}.gz", folder / name
    if not packed.exists() and not plain.exists():
        return
    content = gzip.decompress(packed.read_bytes()) if packed.exists() else plain.read_bytes()
    rows = csv.reader(io.StringIO(content.decode(), newline=""))
    next(rows, None)
    yield from rows


def _dated(text: str) -> bool:
    try:
        datetime.fromisoformat(text)
    except ValueError:
        return False
    return True


def _wall(seconds: int) -> str:
    return np.datetime64(seconds, "s").item().isoformat()


def _csv(header: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(header)
    writer.writerows(rows)
    return out.getvalue()
