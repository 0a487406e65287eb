"""Recordings on disk: one folder per home."""

from __future__ import annotations

import gzip
import io
import zlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from domain.clock import Instant
from domain.errors import ConfigurationError
from domain.recording import (
    BadLines,
    ClockFault,
    DeviceSilence,
    RecordedHome,
    RecordedReading,
    RecordingError,
    parse_clock,
    parse_home,
    parse_outages,
    parse_readings,
    parse_silences,
)

Spell = TypeVar("Spell")


@dataclass(frozen=True, slots=True)
class Recording:
    """One recorded home, read."""

    home: RecordedHome
    readings: list[RecordedReading]
    """In the order of their times."""
    outages: list[tuple[Instant, Instant]]
    """When the gateway did not report, ascending."""
    bad: BadLines
    """Lines that could not be read."""
    silences: list[DeviceSilence] = field(default_factory=list)
    """When a device said nothing at all while the gateway lived, ascending."""
    clock: list[ClockFault] = field(default_factory=list)
    """When the gateway's clock was wrong, ascending and apart."""

    @property
    def start(self) -> Instant:
        """The first reading; everything begins with it."""
        return self.readings[0].at

    @property
    def end(self) -> Instant:
        """The last reading."""
        return self.readings[-1].at


def is_recording(folder: Path) -> bool:
    """True when ``folder`` looks like a recording."""
    return (folder / "home.json").is_file()


def read_recording(folder: Path) -> Recording:
    """Read a recording; raises ConfigurationError, in one sentence, when it is none or holds no reading."""
    file = folder / "home.json"
    if not file.is_file():
        raise ConfigurationError(f"{folder} is no recording: it has no home.json.")
    packed, plain = folder / "readings.csv.gz", folder / "readings.csv"
    readings_file = packed if packed.exists() else plain
    bad = BadLines()
    try:
        home = parse_home(file.read_text(encoding="utf-8"), str(file))
        with _open(readings_file) as lines:
            readings = list(parse_readings(lines, home, bad, readings_file.name))

        def spells(
            name: str, parse: Callable[[Iterable[str], RecordedHome, BadLines, str], list[Spell]]
        ) -> list[Spell]:
            if not (folder / name).exists():
                return []
            with _open(folder / name) as lines:
                return parse(lines, home, bad, name)

        outages = spells("outages.csv", parse_outages)
        silences, clock = spells("silences.csv", parse_silences), spells("clock.csv", parse_clock)
    except RecordingError as error:
        raise ConfigurationError(f"{folder}: {error}") from error
    except FileNotFoundError as error:
        raise ConfigurationError(f"{folder} has neither readings.csv nor readings.csv.gz: add one.") from error
    except (OSError, EOFError, zlib.error, UnicodeDecodeError) as error:
        raise ConfigurationError(f"{folder} cannot be read ({error}): copy the recording again.") from error
    if not readings:
        raise ConfigurationError(f"{folder} holds no reading that can be used: see that its sensors are in home.json.")
    return Recording(home, readings, outages, bad, silences, clock)


@contextmanager
def _open(file: Path) -> Iterator[io.TextIOBase]:
    if file.suffix == ".gz":
        with gzip.open(file, "rt", encoding="utf-8", newline="") as lines:
            assert isinstance(lines, io.TextIOBase)  # noqa: S101 (text mode was asked for)
            yield lines
    else:
        with file.open(encoding="utf-8", newline="") as lines:
            yield lines
