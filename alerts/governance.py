"""The rules that the watch runs its homes on: decisions taken up from the rule book, and the candidates in their shadow.

A decision counts from a place in the journal. A home follows with the first of its arrivals behind that place, before it takes
that arrival in: so nothing depends on when the row was read, and thirty thousand homes change over one by one, each as it
next speaks.
"""

from __future__ import annotations

from bisect import insort
from collections.abc import Callable, Sequence
from functools import partial

import structlog

from alerts.rulebook import Rulebook
from alerts.shadow import Shadow
from alerts.shadowbook import Shadowbook
from detectors.home import HomeWatch
from domain.clock import SECOND, Instant, Span
from domain.feedback import Feedback
from domain.ids import HomeId
from domain.modes import Mode
from domain.readings import Item
from domain.rules import Change, InForce, RuleSet, Tables, in_force, merged

LOOK_EVERY: Span = SECOND
"""The rule book is looked into at most so often, in processing time."""
log = structlog.get_logger("watch")


class Governance:
    """Which rules each home runs on, as of the arrival that the watch is about to take."""

    def __init__(
        self, defaults: Tables, offset: int, rulebook: Rulebook | None = None, shadowbook: Shadowbook | None = None
    ) -> None:
        self._defaults = defaults
        self._rulebook, self._shadowbook = rulebook, shadowbook
        self._looked_at: Instant | None = None
        self._ahead: list[tuple[int, Instant, int, Change]] = []
        """Taken up, and counting from a place that is still to come: (offset, at, id, change)."""
        self._sets: dict[int, RuleSet] = {}
        self._state = InForce()
        self.generation = 0
        """Grows with each change that takes effect."""
        self.shadows: dict[int, Shadow] = {}
        self._areas: dict[HomeId, str] = {}
        self._resolved: dict[tuple[int, ...], tuple[Tables, str]] = {}
        if rulebook is not None:
            self._sets, changes = rulebook.sets(), rulebook.changes()
            self._state = in_force(changes, self._sets, offset)
            self._ahead = sorted(
                (c.offset, c.at, c.id, c) for c in changes if c.offset is not None and c.offset >= offset
            )
            self._areas = rulebook.areas()
            self._cast_shadows()

    def of(self, home: HomeId) -> tuple[Tables, str]:
        """(parameters, label) that a home runs on; the same objects for homes under the same rule sets."""
        return self._resolve(home, None)

    def shadows_of(self, home: HomeId) -> list[tuple[Shadow, Tables, str]]:
        """The candidates that are to run beside a home's rules, each with what it runs on."""
        if not self.shadows:
            return []
        area = self._area(home)
        return [
            (shadow, *self._resolve(home, shadow.rules))
            for shadow in self.shadows.values()
            if any(rules is shadow.rules for rules in self._state.chain(home, area, shadow.rules))
        ]

    def _resolve(self, home: HomeId, candidate: RuleSet | None) -> tuple[Tables, str]:
        if not self._state.live and candidate is None:
            return self._defaults, ""
        chain = self._state.chain(home, self._area(home), candidate)
        key = tuple(rules.id for rules in chain)
        found = self._resolved.get(key)
        if found is None:
            found = self._resolved[key] = merged(self._defaults, chain)
        return found

    def _area(self, home: HomeId) -> str:
        if home not in self._areas and self._rulebook is not None:
            self._areas[home] = self._rulebook.area(home)
        return self._areas.get(home, "")

    # ---- decisions ---------------------------------------------------------------------------------------------------

    def look(self, now: Instant, furthest: int, upcoming: int) -> None:
        """Before the arrival at offset ``upcoming`` is taken: take up what was decided meanwhile, let count what now counts.

        ``furthest`` is the offset up to which any home has seen the journal.
        """
        if self._rulebook is None:
            return
        if self._looked_at is None or now - self._looked_at >= LOOK_EVERY or now < self._looked_at:
            self._looked_at = now
            self._take_up(self._rulebook, now, furthest)
        while self._ahead and self._ahead[0][0] < upcoming:
            change = self._ahead.pop(0)[-1]
            self._state.apply(change, self._sets[change.rule_set])
            self.generation += 1
            self._cast_shadows()
            log.info(
                "a decision about the rules counts from here on",
                rules=self._sets[change.rule_set].label, action=change.action.value, by=change.by, offset=change.offset,
            )  # fmt: skip

    def _take_up(self, rulebook: Rulebook, now: Instant, furthest: int) -> None:
        waiting = rulebook.waiting(now)
        if not waiting:
            return
        self._sets, latest = rulebook.sets(), rulebook.changes()
        planned = in_force(latest, self._sets)
        for change in waiting:
            taken = rulebook.take_up(change, furthest, planned.voids(change))
            planned.apply(taken, self._sets[taken.rule_set])
            insort(self._ahead, (furthest, taken.at, taken.id, taken))

    # ---- shadows -----------------------------------------------------------------------------------------------------

    def _cast_shadows(self) -> None:
        assert self._shadowbook is not None  # noqa: S101 (given together with the rule book)
        for number in [n for n in self.shadows if n not in self._state.shadows]:
            self.shadows.pop(number).end()
        for number, rules in self._state.shadows.items():
            if number not in self.shadows:
                self.shadows[number] = Shadow(rules, self._shadowbook)

    def cast(
        self, home: HomeId, items: Sequence[Item], offset: int, now: Instant, live: HomeWatch | None, took: Span = 0
    ) -> None:
        """Give a home's items to its candidates too, once ``live`` has taken them, which ``took`` so long."""
        for shadow, parameters, label in self.shadows_of(home):
            shadow.beside(took)
            self._isolated(shadow, partial(shadow.take, home, items, offset, now, live, parameters, label), now, offset)

    def told(self, home: HomeId, modes: Sequence[Mode], now: Instant, offset: int) -> None:
        """What staff say about a home holds for its candidates too."""
        for shadow in list(self.shadows.values()):
            self._isolated(shadow, partial(shadow.told, home, modes), now, offset)

    def heed(self, home: HomeId, feedback: Sequence[Feedback], now: Instant, offset: int) -> None:
        """What people found in a home counts for its candidates too."""
        for shadow in list(self.shadows.values()):
            self._isolated(shadow, partial(shadow.heed, home, feedback), now, offset)

    def keep(self, home: HomeId, now: Instant, offset: int) -> None:
        """The live state of a home is about to be saved: its candidates' first, so that a crash between loses nothing."""
        for shadow in list(self.shadows.values()):
            self._isolated(shadow, partial(shadow.keep, home, now), now, offset)

    def save(self, now: Instant, offset: int) -> None:
        """Every home is about to be saved."""
        for shadow in list(self.shadows.values()):
            self._isolated(shadow, partial(shadow.save, now), now, offset)

    def _isolated(self, shadow: Shadow, work: Callable[[], None], now: Instant, offset: int) -> None:
        """A shadow that fails ends; whatever it is, the live rules go on."""
        try:
            work()
        except Exception as error:  # noqa: BLE001 (see above)
            self._fail(shadow, error, now, offset)

    def _fail(self, shadow: Shadow, error: Exception, now: Instant, offset: int) -> None:
        self.shadows.pop(shadow.rules.id, None)
        self._state.shadows.pop(shadow.rules.id, None)
        reason = f"{type(error).__name__}: {error}"
        log.error(
            "a rule set in the shadow failed and has ended; the live rules go on", rules=shadow.rules.label, why=reason
        )
        try:
            if self._rulebook is not None:
                change = self._rulebook.fail(shadow.rules.id, reason, now, offset)
                self._state.apply(change, self._sets[change.rule_set])
            shadow.end()
        except Exception as again:
            log.exception("its end could not be written down", rules=shadow.rules.label, why=str(again))
