"""Conditions that count only once they have lasted, where somebody was listening."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from operator import itemgetter
from typing import Any

from detectors.context import HomeContext
from domain.clock import MINUTE, Instant, Span


@dataclass(slots=True)
class _Spell:
    since: Instant
    span: Span
    due: Instant | None
    """When it will have lasted; None once it has been told."""


class Lasting:
    """Spells by key: begun, stopped, and told once each when they have been seen for as long as they must last."""

    def __init__(self) -> None:
        self._spells: dict[str, _Spell] = {}
        self._next: Instant | None = None

    def begin(self, key: str, at: Instant, span: Span) -> None:
        """The condition of ``key`` holds from ``at`` on; one that held already goes on as it was."""
        if key not in self._spells:
            self._spells[key] = _Spell(at, span, at + span)
            self._settle()

    def stop(self, key: str) -> None:
        """The condition of ``key`` does not hold any more."""
        if self._spells.pop(key, None) is not None:
            self._settle()

    def keep(self, wanted: Iterable[str]) -> None:
        """Forget every spell but these."""
        kept = set(wanted)
        self._spells = {key: spell for key, spell in self._spells.items() if key in kept}
        self._settle()

    def since(self, key: str) -> Instant | None:
        """Since when the condition of ``key`` has held."""
        spell = self._spells.get(key)
        return None if spell is None else spell.since

    def due(self) -> Instant | None:
        """When the next spell will have lasted."""
        return self._next

    def passed(self, at: Instant, context: HomeContext) -> list[tuple[str, Instant, Instant]]:
        """(key, since, deadline) of each spell that has lasted by ``at``; what nobody vouched for is added to its deadline."""
        done = []
        for key, spell in sorted(self._spells.items(), key=itemgetter(0)):
            if spell.due is None or spell.due > at:
                continue
            missing = spell.span - (spell.due - spell.since - context.blind(spell.since, spell.due))
            if missing > 0:
                spell.due = spell.due + max(missing, MINUTE)
                continue
            done.append((key, spell.since, spell.due))
            spell.due = None
        self._settle()
        return done

    def _settle(self) -> None:
        self._next = min((spell.due for spell in self._spells.values() if spell.due is not None), default=None)

    def snapshot(self) -> dict[str, Any]:
        """JSON-ready state."""
        return {key: [s.since, s.span, s.due] for key, s in sorted(self._spells.items())}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Become what ``snapshot`` described."""
        self._spells = {key: _Spell(*values) for key, values in state.items()}
        self._settle()
