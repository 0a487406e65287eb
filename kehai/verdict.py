"""What a check of an installation found."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Verdict:
    """What one check found; ``mend`` says what to do when it is not ``good``."""

    good: bool
    what: str
    mend: str = ""
    serious: bool = True
