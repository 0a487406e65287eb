"""The findings of one kind that stand: raised, and not over yet."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping

from detectors.context import HomeContext
from domain.clock import Instant
from domain.findings import Ended, EndReason, Finding


class Standing:
    """At most one finding for each key: a device's or a gateway's id, or ``""`` for a kind that has one matter only."""

    def __init__(self, kind: str) -> None:
        self._kind = kind
        self._findings: dict[str, str] = {}

    def __contains__(self, key: object) -> bool:
        return key in self._findings

    def __iter__(self) -> Iterator[str]:
        return iter(self._findings)

    def __bool__(self) -> bool:
        return bool(self._findings)

    def cause(self, key: str = "") -> str:
        """What a finding of ``key`` has as its cause."""
        return f"{self._kind}:{key}" if key else self._kind

    def begin(self, finding: Finding, key: str = "") -> Finding:
        """``finding`` stands from now on; gives it back."""
        self._findings[key] = finding.id
        return finding

    def end(self, context: HomeContext, at: Instant, reason: EndReason, key: str = "") -> list[Ended]:
        """The finding of ``key`` is over; nothing where none stands."""
        finding = self._findings.pop(key, None)
        return [] if finding is None else [Ended(context.home, self.cause(key), finding, at, reason)]

    def keep(self, wanted: Collection[str], context: HomeContext) -> list[Ended]:
        """The configuration has changed: what stands for another key than those ``wanted`` is over."""
        at, gone = context.watermark or 0, [key for key in self._findings if key not in wanted]
        return [ended for key in gone for ended in self.end(context, at, EndReason.CONFIGURATION, key)]

    def snapshot(self) -> dict[str, str]:
        """JSON-ready state."""
        return dict(sorted(self._findings.items()))

    def restore(self, state: Mapping[str, str] | str | None) -> None:
        """Become what ``snapshot`` described; a lone id is what kinds with one matter wrote once."""
        self._findings = {"": state} if isinstance(state, str) else dict(state or {})
