"""How many messages a provider still takes this month: asked beside the pages, so that none waits for a provider."""

from __future__ import annotations

import threading
from dataclasses import dataclass

import structlog

from alerts.channels.channel import Channel, ChannelError
from alerts.channels.line.channel import Line
from domain.clock import MINUTE, SECOND, Span, monotonic

KEPT: Span = 10 * MINUTE
"""How old, in real time, an answer may be before it is asked for again."""
PATIENCE: Span = 2 * SECOND
"""As long does the first page wait; a later one shows what was known before."""
log = structlog.get_logger("dashboard")


@dataclass(frozen=True, slots=True)
class Quota:
    """What a provider said, or why it did not."""

    limit: int | None = None
    """None for no limit."""
    used: int = 0
    problem: str = ""

    @property
    def left(self) -> int | None:
        """Messages that may still be sent this month."""
        return None if self.limit is None else max(0, self.limit - self.used)


class Quotas:
    """Asks each channel that counts messages, at most every ten minutes and never twice at once."""

    def __init__(self, kept: Span = KEPT, patience: Span = PATIENCE) -> None:
        self._kept, self._patience = kept, patience
        self._lock = threading.Lock()
        self._known: dict[str, tuple[Span, Quota]] = {}
        self._asking: dict[str, threading.Thread] = {}

    def of(self, name: str, channel: Channel) -> Quota | None:
        """What is known of a channel; None where its messages are not counted, or where nobody has said anything yet."""
        if not isinstance(channel, Line):
            return None
        with self._lock:
            known, asking = self._known.get(name), self._asking.get(name)
            if asking is None and (known is None or monotonic() - known[0] >= self._kept):
                asking = threading.Thread(target=self._ask, args=(name, channel), name=f"quota-{name}", daemon=True)
                self._asking[name] = asking
                asking.start()
        if known is None and asking is not None:
            asking.join(self._patience / SECOND)
        with self._lock:
            known = self._known.get(name)
        return None if known is None else known[1]

    def _ask(self, name: str, channel: Line) -> None:
        try:
            limit, used = channel.quota()
            quota = Quota(limit, used)
        except ChannelError as error:
            quota = Quota(problem=str(error))
        except Exception:  # a thread of its own: nobody else would hear of it
            log.exception("a channel's quota cannot be asked for", channel=name)
            quota = Quota(problem="The channel broke down; see the log.")
        with self._lock:
            self._known[name] = (monotonic(), quota)
            self._asking.pop(name, None)
