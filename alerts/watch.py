"""The watch: the stage behind the one loop. Journal -> homes -> desk -> book.

What an arrival or a tick makes of one home is saved in one transaction: its findings, its alerts, its state and the
cursor that this state has seen. Homes that found nothing are saved together now and then. So after a crash the unread tail
is read again, a home that was saved ahead of the others skips what it has seen, and nothing is said twice.
"""

from __future__ import annotations

import heapq
from collections import defaultdict
from collections.abc import Callable, Sequence

import structlog

from alerts.book import Book, Page, StaleError, WatchedHome
from alerts.desk import Decision, decide, open_outlasting, release_held
from alerts.governance import Governance
from alerts.records import encode_status
from alerts.rulebook import Rulebook
from alerts.shadowbook import Shadowbook
from detectors.catalogue import Parameters
from detectors.fleet import WITHHELD, Fleet
from detectors.home import HomeWatch
from detectors.snapshot import BrokenSnapshotError, reset_finding
from domain.clock import MINUTE, Instant, Span, monotonic
from domain.feedback import Feedback
from domain.findings import Finding, FindingEvent
from domain.ids import WATCHDOG, HomeId
from domain.modes import TAKES, Mode
from domain.readings import Arrival, Hello, Item, Mark, Reading, Vouch

log = structlog.get_logger("watch")
_ATTEMPTS = 5
ASK_EVERY: Span = TAKES // 2
"""How often the book is asked what staff say about homes."""


class Watch:
    """Every home of an installation."""

    def __init__(
        self,
        book: Book,
        parameters: Parameters | None = None,
        *,
        rules: tuple[Rulebook, Shadowbook] | None = None,
        save_every: Span = MINUTE,
        ask_every: Span = ASK_EVERY,
        default_zone: str = "UTC",
        catching_up: Callable[[Instant], bool] = lambda _now: False,
        on_decisions: Callable[[Sequence[Decision]], None] = lambda _made: None,
        area_of: Callable[[HomeId], str] = lambda _home: "",
        on_probe: Callable[[Reading], None] = lambda _probe: None,
    ) -> None:
        self._book = book
        self._save_every, self._ask_every = save_every, ask_every
        self._zone = default_zone
        self._catching_up = catching_up
        self._tell = on_decisions
        self._area_of = area_of
        self._probed = on_probe
        self._fleet = Fleet(default_zone)
        self._homes: dict[HomeId, HomeWatch] = {}
        self._seen: dict[HomeId, int] = {}
        self._dirty: set[HomeId] = set()
        self._due: list[tuple[Instant, HomeId]] = []
        self._due_of: dict[HomeId, Instant | None] = {}
        self._saved_at: Instant | None = None
        self._asked_at: Instant | None = None
        self._said: dict[HomeId, tuple[Mode, ...]] = {}
        self._heard = 0
        """The last row of what people found that was read ..."""
        self._read: set[int] = set()
        """... and those that came with it: some come again."""
        self._unmet: dict[HomeId, list[Feedback]] = {}
        """Rows of homes that have not spoken yet."""
        self._was_catching_up = True  # what an earlier run left held must open too
        self.now: Instant = 0
        """Processing time of the last step."""
        self.offset = book.cursor()
        """The last journal offset that was taken in."""
        self._governance = Governance(parameters or {}, self.offset, *(rules or ()))
        """``parameters`` are the defaults; what is decided in the rule book goes before them."""
        self._governed: dict[HomeId, int] = {}
        """Home -> the generation of rules that it runs on, as far as this run has looked."""
        self._furthest = self.offset
        for saved in book.watched():
            home = saved.home
            self._homes[home] = self._restored(saved)
            self._seen[home] = saved.cursor
            self._furthest = max(self._furthest, saved.cursor)
            self._schedule(home)
            self._place(home)
        spoke = {home: at for home, watched in self._homes.items() if (at := watched.spoke_at) is not None}
        self._fleet.restore(book.fleet(), spoke)

    @property
    def homes(self) -> int:
        """How many homes are watched."""
        return len(self._homes)

    def next_due(self) -> Instant | None:
        """See Stage.next_due."""
        while self._due and self._due_of.get(self._due[0][1]) != self._due[0][0]:
            heapq.heappop(self._due)
        fleet = self._fleet.next_due()
        if not self._due:
            return fleet
        return self._due[0][0] if fleet is None else min(fleet, self._due[0][0])

    def step(self, now: Instant, arrival: Arrival | None) -> None:
        """See Stage.step."""
        self.now = max(self.now, now)
        catching_up = self._catching_up(now)
        if self._asked_at is None or now - self._asked_at >= self._ask_every:
            self._ask(now)
        if arrival is None:
            self._fire(now, catching_up)
        else:
            self._take(now, arrival, catching_up)
        if self._was_catching_up and not catching_up:
            self._open_held(now)
        self._was_catching_up = catching_up
        if self._saved_at is None or now - self._saved_at >= self._save_every:
            self.save(now)

    def _ask(self, now: Instant) -> None:
        """Read what staff say about homes, and tell those of which it is another than before.

        It holds only a while after it was written (``domain.modes.TAKES``), which is longer than it stays unread here: so the
        same readings meet the same words in every run.
        """
        said: dict[HomeId, tuple[Mode, ...]] = {}
        for mode in self._book.modes(now):
            said[mode.home] = (*said.get(mode.home, ()), mode)
        before, self._said, self._asked_at = self._said, said, now
        for home in sorted({*said, *before}):
            modes = said.get(home, ())
            if home in self._homes and modes != before.get(home, ()):
                self._homes[home].told(modes)
                self._governance.told(home, modes, now, self.offset)
                self._dirty.add(home)
        self._heed(now)

    def _heed(self, now: Instant) -> None:
        """Read what people found in homes since the last time, and hand it on; it holds no sooner than what they say."""
        found: dict[HomeId, list[Feedback]] = defaultdict(list)
        read = self._book.feedback(self._heard, now)
        for row in read:
            if row.id not in self._read:
                found[row.home].append(row)
        self._read = {row.id for row in read}
        self._heard = max(self._read, default=self._heard)
        for home, rows in sorted(found.items()):
            watched = self._homes.get(home)
            if watched is None:
                self._unmet.setdefault(home, []).extend(rows)
            elif watched.heed(rows):
                self._dirty.add(home)
            self._governance.heed(home, rows, now, self.offset)

    # ---- one step ----------------------------------------------------------------------------------------------------

    def _restored(self, saved: WatchedHome) -> HomeWatch:
        """The home as it was saved, on the rules that it ran on then; its next arrival brings it to those in force.

        What cannot be read at all begins anew: its cursor stays, and the gateway's next greeting names its devices.
        """
        try:
            return HomeWatch.restore(saved.state)
        except BrokenSnapshotError as error:
            log.error(  # noqa: TRY400 (its reason is the whole story)
                "the saved state of a home cannot be read: it begins anew, and sees nothing until its gateway greets again",
                home=saved.home, why=str(error),
            )  # fmt: skip
            watched = HomeWatch(saved.home, self._zone, *self._governance.of(saved.home))
            watched.note(reset_finding(saved.home, "all", str(error), 0))
            return watched

    def _take(self, now: Instant, arrival: Arrival, catching_up: bool) -> None:
        self._governance.look(now, max(self._furthest, self.offset), arrival.offset)
        self.offset = max(self.offset, arrival.offset)
        for home, items in self._sorted(arrival).items():
            if arrival.offset <= self._seen.get(home, -1):
                self._governance.cast(home, items, arrival.offset, now, None)
                continue  # saved ahead of the others before a crash
            watched = self._homes.get(home) or self._meet(home, items)
            began = monotonic() if self._governance.shadows else 0
            events = self._follow(home, watched)
            events += watched.take(items)
            if self._governance.shadows:
                self._governance.cast(home, items, arrival.offset, now, watched, monotonic() - began)
            self._settle(home, events, now, catching_up)
            if any(isinstance(item, Hello) for item in items):
                self._place(home)
        common: list[FindingEvent] = []
        for item in arrival.items:
            if isinstance(item, Vouch) and item.home != WATCHDOG:
                common += self._fleet.spoke(item.home, item.received_at)
        self._settle_fleet(common, now, catching_up)

    def _sorted(self, arrival: Arrival) -> dict[HomeId, list[Item]]:
        """What each home is to be told of an arrival; the watchdog's is no home, and its readings are handed on."""
        by_home: dict[HomeId, list[Item]] = defaultdict(list)
        for item in arrival.items:
            if not isinstance(item, Mark):
                if item.home != WATCHDOG:
                    by_home[item.home].append(item)
                elif isinstance(item, Reading):
                    self._probed(item)
            elif item.down_since is not None:
                self._fleet.resumed(item.received_at)
                for home in self._homes:
                    by_home[home].append(item)
        return by_home

    def _follow(self, home: HomeId, watched: HomeWatch) -> list[FindingEvent]:
        """Bring a home to the rules that are in force as of the arrival that it is about to take."""
        if self._governed.get(home) == self._governance.generation:
            return []
        self._governed[home] = self._governance.generation
        parameters, label = self._governance.of(home)
        if (watched.rules, watched.parameters) == (label, parameters):
            watched.parameters = parameters  # one object for all
            return []
        return watched.adopt(parameters, label)

    def _meet(self, home: HomeId, items: Sequence[Item]) -> HomeWatch:
        zone = next((item.zone for item in items if isinstance(item, Hello)), self._zone)
        watched = self._homes[home] = HomeWatch(home, zone, *self._governance.of(home))
        watched.told(self._said.get(home, ()))
        watched.heed(self._unmet.pop(home, ()))
        return watched

    def _fire(self, now: Instant, catching_up: bool) -> None:
        while (due := self.next_due()) is not None and due <= now:
            if due == self._fleet.next_due():  # first: what befell many is not to be said of each
                self._settle_fleet(self._fleet.tick(due), now, catching_up)
                continue
            _, home = heapq.heappop(self._due)
            self._due_of[home] = None
            self._settle(home, self._homes[home].tick(due), now, catching_up, fired=due)

    def _settle(
        self,
        home: HomeId,
        events: Sequence[FindingEvent],
        now: Instant,
        catching_up: bool,
        fired: Instant | None = None,
    ) -> None:
        """Write down what one home's step gave, and when the home wants to be woken."""
        self._dirty.add(home)
        if events:
            self._governance.keep(home, now, self.offset)
            made = self._attempt(home, events, now, catching_up)
            self._dirty.discard(home)
            self._seen[home] = self.offset
            self._tell(made)
        self._schedule(home, fired)

    def _attempt(
        self, home: HomeId, events: Sequence[FindingEvent], now: Instant, catching_up: bool
    ) -> Sequence[Decision]:
        """Decide and save in one transaction; when a person changed the alert meanwhile, decide again on what it is now."""
        saved = self._saved(home, now)

        def write(page: Page) -> Sequence[Decision]:
            made = decide(page, events, now, catching_up, self._is_part_of_outage)
            self._save(page, saved)
            return made

        written = self._until_written(write)
        self._homes[home].modes_over.clear()
        return written

    def _settle_fleet(self, events: Sequence[FindingEvent], now: Instant, catching_up: bool) -> None:
        """Write down what befell many homes, and what of it has outlasted it."""
        outlasted = self._fleet.outlasted()
        if not events and not outlasted:
            return

        def write(page: Page) -> Sequence[Decision]:
            made = decide(page, events, now, catching_up)
            made += open_outlasting(page, outlasted, lambda finding: finding.kind in WITHHELD, now)
            page.save_fleet(self._fleet.snapshot())
            return made

        self._tell(self._until_written(write))

    def _is_part_of_outage(self, finding: Finding) -> bool:
        return self._fleet.holds(finding.home, finding.kind)

    def _until_written(self, write: Callable[[Page], Sequence[Decision]]) -> Sequence[Decision]:
        for attempt in range(_ATTEMPTS):
            try:
                with self._book.transaction() as page:
                    made = write(page)
            except StaleError:
                if attempt == _ATTEMPTS - 1:
                    raise
            else:
                return made
        raise AssertionError("unreachable")

    def _place(self, home: HomeId) -> None:
        """Tell the fleet what a home has in common with others."""
        area, groups = self._area_of(home), [f"software:{said}" for said in self._homes[home].software]
        self._fleet.meet(home, [*groups, f"area:{area}"] if area else groups)

    def _saved(self, home: HomeId, now: Instant) -> WatchedHome:
        watched = self._homes[home]
        return WatchedHome(home, self.offset, watched.snapshot(), encode_status(watched.status(now)))

    def _save(self, page: Page, saved: WatchedHome) -> None:
        """One home's state, and what has ended of what staff said about it."""
        page.save(saved)
        for over in self._homes[saved.home].modes_over:
            page.end_mode(over.mode, over.at, over.end)

    def _schedule(self, home: HomeId, fired: Instant | None = None) -> None:
        due = self._homes[home].due_now()
        if due is not None and fired is not None and due <= fired:
            log.error("a detector asked to be woken in the past; it waits for the next arrival", home=home)
            due = None
        if due != self._due_of.get(home):
            self._due_of[home] = due
            if due is not None:
                heapq.heappush(self._due, (due, home))

    def _open_held(self, now: Instant) -> None:
        with self._book.transaction() as page:
            opened = release_held(page, now)
        if opened:
            log.info("the backlog is read; alerts that still stand are open", alerts=len(opened))

    def save(self, now: Instant) -> None:
        """Save every home that has changed, and how far all of them have read."""
        self._governance.save(now, self.offset)
        with self._book.transaction() as page:
            for home in sorted(self._dirty):
                self._save(page, self._saved(home, now))
                self._seen[home] = self.offset
            page.save_cursor(self.offset)
            if self._fleet.changed:
                page.save_fleet(self._fleet.snapshot())
        self._fleet.changed = False
        for home in self._dirty:
            self._homes[home].modes_over.clear()
        self._dirty.clear()
        self._saved_at = now
