"""Names that nobody can guess, and jitter: the only place that draws anything by chance.

The machine's own randomness, except where a simulation has put a seeded source in its place, so that it can be repeated.
"""

from __future__ import annotations

import random
import uuid
from base64 import urlsafe_b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_source: ContextVar[random.Random] = ContextVar("chance", default=random.SystemRandom())  # noqa: B039 (it holds no state)


def hexadecimal(size: int) -> str:
    """``size`` bytes as hexadecimal digits."""
    return _source.get().randbytes(size).hex()


def token(size: int) -> str:
    """``size`` bytes as text that may stand in a URL."""
    return urlsafe_b64encode(_source.get().randbytes(size)).rstrip(b"=").decode("ascii")


def unique() -> str:
    """A UUID."""
    return str(uuid.UUID(bytes=_source.get().randbytes(16), version=4))


def between(least: float, most: float) -> float:
    """Any number from ``least`` to ``most``."""
    return _source.get().uniform(least, most)


@contextmanager
def drawn_from(source: random.Random) -> Iterator[None]:
    """Whatever runs in this context draws from ``source``: for a simulation, never where somebody could guess it."""
    before = _source.set(source)
    try:
        yield
    finally:
        _source.reset(before)
