"""A candidate in the shadow: the same homes once more, on other rules, with a state of their own and nobody who listens.

It begins with what the live detectors have learnt. Its findings go into a table that the desk never sees. Its timers fire
when its home next speaks, or at the next saving: what they say is dated by the deadline, so that it is the same either way.
"""

from __future__ import annotations

from collections.abc import Sequence

from alerts.shadowbook import Cost, Shadowbook, ShadowHome
from detectors.home import HomeWatch
from domain.clock import Instant, Span, monotonic
from domain.feedback import Feedback
from domain.findings import FindingEvent
from domain.ids import HomeId
from domain.modes import Mode
from domain.readings import Item, Mark
from domain.rules import RuleSet, Tables


class Shadow:
    """One rule set's silent run. Any method may raise; whoever calls it ends the shadow then, and nothing else."""

    def __init__(self, rules: RuleSet, book: Shadowbook) -> None:
        self.rules = rules
        self._book = book
        self._homes: dict[HomeId, HomeWatch] = {}
        self._seen: dict[HomeId, int] = {}
        self._since: dict[HomeId, Instant] = {}
        self._bytes: dict[HomeId, int] = {}
        self._dirty: set[HomeId] = set()
        self._saved: dict[HomeId, ShadowHome] | None = None
        self._said: dict[HomeId, Sequence[Mode]] = {}
        self._unmet: dict[HomeId, list[Feedback]] = {}
        """What people found in homes that are not restored yet."""
        self._spent: Span = 0
        self._beside: Span = 0

    def take(
        self,
        home: HomeId,
        items: Sequence[Item],
        offset: int,
        now: Instant,
        live: HomeWatch | None,
        parameters: Tables,
        label: str,
    ) -> None:
        """The home's items of the arrival at ``offset``, after ``live`` has taken them (None: it had seen them before)."""
        began = monotonic()
        watched = self._homes.get(home) or self._restored(home)
        if watched is None:
            if live is not None:
                self._begin(home, HomeWatch.restore(live.snapshot(), parameters, label), offset, now)
        elif offset > self._seen[home]:
            hole = any(isinstance(item, Mark) and item.down_since is not None for item in items)
            events = [] if hole else _ticks(watched, now)
            if (watched.rules, watched.parameters) != (label, parameters):
                events += watched.adopt(parameters, label)
            events += watched.take(items)
            watched.modes_over.clear()  # the live home tells the book
            self._seen[home] = offset
            self._dirty.add(home)
            if events:
                self._write([home], events, now)
        self._spent += monotonic() - began

    def told(self, home: HomeId, modes: Sequence[Mode]) -> None:
        """What staff say about a home."""
        self._said[home] = modes
        if home in self._homes:
            self._homes[home].told(modes)
            self._dirty.add(home)

    def heed(self, home: HomeId, feedback: Sequence[Feedback]) -> None:
        """What people found in a home."""
        if home in self._homes:
            if self._homes[home].heed(feedback):
                self._dirty.add(home)
        else:
            self._unmet.setdefault(home, []).extend(feedback)

    def beside(self, span: Span) -> None:
        """The live rules needed so long for what this candidate took too."""
        self._beside += span

    def keep(self, home: HomeId, now: Instant) -> None:
        """Save one home, because its live state is about to be saved."""
        if home in self._dirty:
            self._write([home], (), now)

    def save(self, now: Instant) -> None:
        """Fire what is due, and save every home that has changed."""
        began = monotonic()
        for home, watched in self._homes.items():
            events = _ticks(watched, now)
            if events:
                self._write([home], events, now)
        self._spent += monotonic() - began
        self._write(sorted(self._dirty), (), now)

    def end(self) -> None:
        """It does not run any more: its findings stay, its state is forgotten."""
        self._homes.clear()
        self._book.end(self.rules.id)

    def _begin(self, home: HomeId, watched: HomeWatch, offset: int, since: Instant) -> None:
        self._unmet.pop(home, None)  # the live home, whose copy it is, knows of it
        self._homes[home], self._seen[home], self._since[home] = watched, offset, since
        self._dirty.add(home)

    def _restored(self, home: HomeId) -> HomeWatch | None:
        if self._saved is None:
            self._saved = self._book.homes(self.rules.id)
            before = self._book.cost(self.rules.id)
            if before is not None:
                self._spent, self._beside = before.spent, before.beside
        saved = self._saved.pop(home, None)
        if saved is None:
            return None
        watched = HomeWatch.restore(saved.state)
        if home in self._said:
            watched.told(self._said[home])
        watched.heed(self._unmet.pop(home, ()))
        self._homes[home], self._seen[home], self._since[home] = watched, saved.cursor, saved.since
        return watched

    def _write(self, homes: Sequence[HomeId], events: Sequence[FindingEvent], now: Instant) -> None:
        saved = [ShadowHome(h, self._seen[h], self._since[h], self._homes[h].snapshot()) for h in homes]
        self._bytes.update({home.home: len(home.state) for home in saved})
        cost = Cost(len(self._homes), sum(self._bytes.values()), self._spent, self._beside)
        self._book.save(self.rules.id, saved, events, now, cost)
        self._dirty.difference_update(homes)


def _ticks(watched: HomeWatch, now: Instant) -> list[FindingEvent]:
    """What the timers give that fell due before ``now``."""
    events: list[FindingEvent] = []
    last: Instant | None = None
    while (due := watched.due_now()) is not None and due < now and (last is None or due > last):
        events += watched.tick(due)
        last = due
    return events
