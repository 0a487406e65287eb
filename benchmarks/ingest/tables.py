"""Figures, each beside its target, as text and as JSON."""

from __future__ import annotations

import statistics
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Figure:
    """One measured thing: a value for each run."""

    name: str
    values: Sequence[float]
    unit: str = ""
    must: float | None = None
    aim: float | None = None
    at_least: bool = True
    """Whether the target is a least or a most."""
    digits: int = 2

    @property
    def median(self) -> float:
        """The middle one."""
        return statistics.median(self.values)

    @property
    def met(self) -> bool | None:
        """Whether the median keeps to the target; None where there is none."""
        if self.must is None:
            return None
        return self.median >= self.must if self.at_least else self.median <= self.must

    def row(self) -> tuple[str, str, str, str, str, str]:
        """name, median, least, most, target, met."""
        median, least, most = (f"{v:,.{self.digits}f}" for v in (self.median, min(self.values), max(self.values)))
        target = ""
        if self.must is not None:
            target = f"{'>=' if self.at_least else '<='} {self.must:,g}"
            target += f" (aim {self.aim:,g})" if self.aim is not None else ""
        met = {None: "", True: "yes", False: "NO"}[self.met]
        return f"{self.name}{', ' + self.unit if self.unit else ''}", median, least, most, target, met

    def as_json(self) -> dict[str, Any]:
        """Everything."""
        return {
            "name": self.name, "unit": self.unit, "median": self.median, "values": list(self.values), "must": self.must,
            "aim": self.aim, "at_least": self.at_least, "met": self.met,
        }  # fmt: skip


@dataclass(slots=True)
class Result:
    """What one part of the benchmark found."""

    name: str
    conditions: str
    """One line: how much of what was measured."""
    figures: list[Figure] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def as_json(self) -> dict[str, Any]:
        """Everything."""
        return {
            "name": self.name, "conditions": self.conditions, "figures": [f.as_json() for f in self.figures],
            "notes": self.notes,
        }  # fmt: skip

    def show(self) -> None:
        """Print the table."""
        head = ("", "median", "min", "max", "target", "met")
        rows = [head, *(figure.row() for figure in self.figures)]
        widths = [max(len(row[column]) for row in rows) for column in range(len(head))]
        print(f"\n{self.name}: {self.conditions}")
        for row in rows:
            cells = (
                text.ljust(width) if column in {0, 4, 5} else text.rjust(width)
                for column, (text, width) in enumerate(zip(row, widths, strict=True))
            )
            print("  " + "  ".join(cells).rstrip())
        for note in self.notes:
            print(f"  {note}")


def progress(words: str) -> None:
    """A line for somebody who waits; nothing in a pipe's output."""
    print(f"  ... {words}", file=sys.stderr, flush=True)
