"""How a role talks to whoever runs it: one line per event on standard error."""

from __future__ import annotations

import logging
import sys

import structlog


def configure(role: str) -> None:
    """Set logging up for a role; its name stands in every line."""
    logging.basicConfig(level=logging.WARNING, format=f"%(asctime)s {role}: %(message)s", stream=sys.stderr)
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.format_exc_info,
            structlog.processors.TimeStamper(fmt="%H:%M:%S", utc=False),
            structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty()),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )
    structlog.contextvars.bind_contextvars(role=role)
