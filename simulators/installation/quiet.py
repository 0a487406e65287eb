"""The product's own log, kept away from a simulation's output: in such weather it complains all day."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import structlog


@contextmanager
def quietly(quiet: bool = True) -> Iterator[None]:
    """Within it, the product logs nothing."""
    if not quiet:
        yield
        return
    before = structlog.get_config()
    structlog.configure(processors=[_drop], cache_logger_on_first_use=False)
    try:
        yield
    finally:
        structlog.configure(**before)


def _drop(_logger: object, _name: str, _event: structlog.typing.EventDict) -> structlog.typing.EventDict:
    raise structlog.DropEvent
