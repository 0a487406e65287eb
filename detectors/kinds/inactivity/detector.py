"""inactivity: no sign of life at home for longer than this home's own days ever made likely."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from detectors.context import HomeContext, Quiet, State
from detectors.evidence.life import BLIND, Sign, sign_of
from detectors.kinds.inactivity import text
from detectors.kinds.inactivity.hazard import QUARTERS, SHORTEST, STEP
from detectors.kinds.inactivity.judged import Judged
from detectors.kinds.inactivity.learnt import Learnt, Taught
from detectors.kinds.inactivity.older import from_version_1, from_version_2
from detectors.kinds.inactivity.past import COMPARED, Past
from detectors.kinds.inactivity.prior import Prior, load
from detectors.kinds.inactivity.rule import CAP, NIGHT_ENDS, PROMPT_CAP
from detectors.parameters import numbers
from domain.clock import MINUTE, SECOND, Instant, Span
from domain.feedback import Feedback
from domain.findings import Ended, EndReason, Finding, FindingEvent, Level, Subject, Unknown
from domain.ids import DeviceId, HomeId
from domain.localtime import LocalTime
from domain.readings import Device, Reading

NAME = "inactivity"
WIDER = 8
"""By how much the limit of a page is wider when an outer door moved shortly before the last sign of life."""
HEADWAY: Span = 5 * MINUTE
"""A prompt that would come less than this before the page is left out."""
_FITS_WITHIN = 180
"""Minutes after midnight."""
NOBODY = DeviceId("")
"""Stands where a device would, for a word with the resident."""
LATE: Span = 15 * MINUTE
"""A page that could not be known until so long after its deadline says so."""


class Inactivity(Quiet):
    """Asks, then pages, when a silence at home outlasts its limits; see ``rule`` for where they come from.

    A silence counts only where the gateway vouched: what it did not see is added to the deadline, and at the original
    deadline the finding is Unknown. So it is when silent devices hide the rooms where life would be seen at this hour; then
    only the caps ask and page. Silences after an outer door moved are neither learnt from nor paged: they are
    `not_returned`'s matter. Silences that were not fully seen are not learnt from.
    """

    name = NAME
    version = 2
    snapshot_version = 3

    def __init__(self, page_budget: float = 1.0, prompt_budget: float = 8.0, prior: Prior | None = None) -> None:
        self._prior = prior or load()
        self._learnt = Learnt(page_budget, prompt_budget, self._prior)
        self._judged = Judged()
        self.false_pages = 0
        """Pages of the last two months that people found to be false, as far as the last fit knew."""
        self._life: Sign | None = None
        """The last sign of life, a word with the resident included: the present silence began with it."""
        self._limit: Span = 0
        self._deadline: Instant | None = None
        """When the present silence will have been seen for long enough; None once it has paged, and for an absence."""
        self._asks: Span = 0
        self._asks_at: Instant | None = None
        """When the resident is to be asked; None once that is done or past."""
        self._fit_at: Instant | None = None
        """When the limits are made anew."""
        self._due: Instant | None = None
        self._standing: tuple[str, Level] | None = None
        """(id, level) of the prompt or page that stands."""
        self._unknown: tuple[str, Instant] | None = None
        """(finding id, onset) of the unknown that stands."""
        self._raised: tuple[Instant, bool] | None = None
        """Since the readings last showed life: when it was first asked or paged about, and whether it was paged about."""
        self._unspoken: Span | None = None
        """The limit that held before somebody had word of the resident: what is learnt keeps to it."""
        self._past = Past()

    # ---- what others may ask -----------------------------------------------------------------------------------------

    @property
    def limit(self) -> Span | None:
        """How long the present silence may last; None while away or before the first sign of life."""
        return None if self._life is None or self._life.may_be_out else self._limit

    def limit_at(self, hour: int) -> Span:
        """How long a silence at home may last that begins in clock hour ``hour``: the delay of a page at its middle."""
        return self._learnt.page_limit(4 * hour + 2)

    def limits(self) -> tuple[Span, ...]:
        """The delay of a page by the quarter of the day in which the silence begins."""
        return tuple(self._learnt.page_limit(quarter) for quarter in range(QUARTERS))

    def prompt_limits(self) -> tuple[Span, ...]:
        """The delay of the first contact by the quarter of the day in which the silence begins."""
        return tuple(self._learnt.prompt_limit(quarter) for quarter in range(QUARTERS))

    @property
    def learnt_days(self) -> int:
        """Days that the limit rests on."""
        return self._learnt.days

    @property
    def own_share(self) -> float:
        """How much of the limits rests on the home's own silences, 0 to 1; the rest on homes in general."""
        return self._learnt.own_share

    @property
    def overdue(self) -> bool:
        """True while a page stands."""
        return self._standing is not None and self._standing[1] is Level.PAGE

    @property
    def unsure(self) -> bool:
        """True while the deadline has passed and it cannot be said how the resident is."""
        return self._unknown is not None

    # ---- event time --------------------------------------------------------------------------------------------------

    def due(self) -> Instant | None:
        """See Detector.due."""
        return self._due

    def observe(self, reading: Reading, context: HomeContext) -> Sequence[FindingEvent]:
        """See Detector.observe."""
        fresh = context.evidence.fresh
        if not fresh:
            return ()
        ended: list[FindingEvent] = []
        for before, sign in fresh:
            if before is None:
                self._fit_at = _fit_at(context.local.day(sign.at) + 1, context)
            else:
                self._learn(before, sign.at, context)
                if self._standing is not None or self._unknown is not None:
                    ended += self._end(context.home, reading.observed_at, EndReason.ACTIVITY)
            self._begin(sign, context.local)
        return ended

    def observe_late(self, reading: Reading, context: HomeContext) -> Sequence[FindingEvent]:  # noqa: ARG002
        """See Detector.observe_late."""
        ended: list[FindingEvent] = []
        for _, sign in context.evidence.fresh:
            ended += self._end(context.home, sign.at, EndReason.LATE_ACTIVITY)
            self._begin(sign, context.local)
            word = context.evidence.feedback.word
            if word is not None and context.watermark is not None:
                self._reached(word, context.watermark, context)
            if self._deadline is not None and context.watermark is not None:
                # What is late raises nothing: at the earliest, time that is still to come can.
                earliest = context.watermark + MINUTE
                self._deadline = max(self._deadline, earliest)
                self._asks_at = None if self._asks_at is None else max(self._asks_at, earliest)
                self._settle()
        return ended

    def _begin(self, sign: Sign, local: LocalTime) -> None:
        """The readings show life: a silence begins."""
        self._raised = self._unspoken = None
        self._count_from(sign, local)

    def _count_from(self, sign: Sign, local: LocalTime) -> None:
        """Set the deadlines of the silence that begins with ``sign``."""
        self._life = sign
        self._deadline = self._asks_at = None
        if not sign.may_be_out:
            quarter = _quarter(sign.at, local)
            page, prompt = self._learnt.page_limit(quarter), self._learnt.prompt_limit(quarter)
            self._limit = min(CAP, WIDER * page) if sign.soon_after_exit else page
            self._asks = min(PROMPT_CAP, WIDER * prompt if sign.alone else prompt)
            self._deadline = sign.at + self._limit
            self._ask_at(sign.at + self._asks, local)
        self._settle()

    def _ask_at(self, at: Instant, local: LocalTime) -> None:
        """Ask at ``at``, or at the cap when the page is as good as due then, or it is the middle of the night."""
        assert self._life is not None  # noqa: S101 (a silence that began)
        deadline = self._deadline or 0
        if self._asks < PROMPT_CAP and (at + HEADWAY > deadline or local.hour(at) < NIGHT_ENDS):
            self._asks = PROMPT_CAP
            at = self._life.at + PROMPT_CAP
        self._asks_at = at if at + HEADWAY <= deadline else None

    def _settle(self) -> None:
        due = self._fit_at
        for at in (self._deadline, self._asks_at):
            if at is not None and (due is None or at < due):
                due = at
        self._due = due

    def told(self, feedback: Feedback, at: Instant, context: HomeContext) -> Sequence[FindingEvent]:
        """See Detector.told: an outcome is a lesson for the next fit, a word with the resident a sign of life."""
        if feedback.means is not None:
            return self._reached(feedback.at, at, context)
        self._judged.told(feedback, of=NAME)
        return ()

    def _reached(self, word: Instant, at: Instant, context: HomeContext) -> list[FindingEvent]:
        """Somebody had word of the resident at ``word``, which counts from ``at`` on: the silence counts from there.

        No deadline comes sooner by that. Where the resident may be out it changes nothing: a word does not say where they are.
        """
        life = self._life
        if life is None or life.may_be_out or word <= life.at:
            return []
        if self._unspoken is None:
            self._unspoken = self._limit
        before, asked = self._deadline or 0, self._asks_at or 0
        ended = self._end(context.home, at, EndReason.REACHED)
        self._count_from(Sign(word, NOBODY, None, None, life.alone, life.company), context.local)
        self._deadline = max(word + self._limit, before, at + MINUTE)
        self._limit = self._deadline - word
        self._ask_at(max(word + self._asks, asked, at + MINUTE), context.local)
        self._settle()
        return list(ended)

    def _learn(self, before: Sign, end: Instant, context: HomeContext) -> None:
        taught = self._taught(before, end, context)
        if self._raised is not None:
            raised_at, paged = self._raised
            self._judged.note(before.at, end, raised_at, taught, paged=paged)

    def _taught(self, before: Sign, end: Instant, context: HomeContext) -> Taught | None:
        """Learn from a silence that is over, where it teaches anything."""
        start = before.at
        silence = end - start
        if silence < SHORTEST or not before.teaches or context.blind(start, end) > BLIND:
            return None
        local = context.local
        if silence >= COMPARED and context.evidence.hidden(start, end, context):
            return None
        limit = self._limit if self._unspoken is None else self._unspoken
        wider = WIDER if before.soon_after_exit else 1
        self._past.add(start, silence)
        return self._learnt.learn(local.day(start), _quarter(start, local), silence, limit, wider=wider)

    def fire(self, at: Instant, context: HomeContext) -> Sequence[FindingEvent]:
        """See Detector.fire."""
        found: list[FindingEvent] = []
        if self._asks_at is not None and self._asks_at <= at:
            found += self._ask(self._asks_at, context)
        if self._deadline is not None and self._deadline <= at:
            found += self._passed(self._deadline, context)
        if self._fit_at is not None and self._fit_at <= at:
            day = context.local.day(self._fit_at)
            self.false_pages = self._judged.revise(self._fit_at, self._learnt, self._past, context.local)
            self._learnt.fit(day, self.false_pages)
            self._past.forget(self._fit_at)
            self._fit_at = _fit_at(day + 1, context)
        self._settle()
        return found

    def _ask(self, at: Instant, context: HomeContext) -> list[FindingEvent]:
        """Nothing has moved for so long that the resident is to be asked, if it was seen that nothing moved."""
        assert self._life is not None  # noqa: S101 (a deadline has a beginning)
        since = self._life.at
        unseen = context.blind(since, at)
        until = self._seen_by(since, at, self._asks, self._learnt.prompt_limit, context)
        self._asks_at = None
        if unseen > BLIND and until > at:
            self._ask_at(max(until, at + MINUTE), context.local)
            return []
        if self._asks < PROMPT_CAP and (self._unknown is not None or context.evidence.hidden(since, at, context)):
            self._asks = PROMPT_CAP
            self._ask_at(since + PROMPT_CAP, context.local)
            return []
        finding = self._finding(Level.PROMPT, self._silence(at, unseen, self._asks, context), context)
        self._standing = (finding.id, Level.PROMPT)
        self._raised = self._raised or (at, False)
        return [finding]

    def _passed(self, deadline: Instant, context: HomeContext) -> list[FindingEvent]:
        """The watermark has passed the deadline, and nothing has moved."""
        assert self._life is not None  # noqa: S101 (a deadline has a beginning)
        since = self._life.at
        unseen = context.blind(since, deadline)
        until = self._seen_by(since, deadline, self._limit, self._learnt.page_limit, context)
        if unseen > BLIND and until > deadline:
            self._put_off(max(until, deadline + MINUTE), context.local)
            return self._say_unknown(deadline, unseen, context)
        hidden = context.evidence.hidden(since, deadline, context)
        if hidden and self._limit < CAP:
            # What the others do not see for half a day has stopped, whatever the silent ones hide.
            self._limit = CAP
            self._put_off(max(since + CAP, deadline + MINUTE), context.local)
            return self._say_unknown(deadline, unseen, context, hidden)
        self._deadline = self._asks_at = None
        finding = self._finding(Level.PAGE, self._silence(deadline, unseen, self._limit, context, hidden), context)
        replaced = self._end(context.home, deadline, EndReason.REPLACED)
        self._standing = (finding.id, Level.PAGE)
        self._raised = (deadline if self._raised is None else self._raised[0], True)
        return [*replaced, finding]

    def _seen_by(
        self, since: Instant, at: Instant, limit: Span, limit_of: Callable[[int], Span], context: HomeContext
    ) -> Instant:
        """When, as far as is known at ``at``, the silence since ``since`` will have been seen for long enough.

        What nobody saw is added to its limit. And after a hole nobody knows when the silence began: it may have begun where
        the hole ended, by night perhaps, so it waits for the limit of that time too.
        """
        until = since + limit + context.blind(since, at)
        holes = [hole for hole in context.coverage.holes(since, at) if hole[1] - hole[0] > BLIND]
        if not holes or holes[-1][1] >= at:
            return until
        return max(until, holes[-1][1] + limit_of(_quarter(holes[-1][1], context.local)))

    def _put_off(self, deadline: Instant, local: LocalTime) -> None:
        """The page waits until ``deadline``: there may be time for the cap to ask before it."""
        assert self._life is not None  # noqa: S101 (a deadline has a beginning)
        self._deadline = deadline
        if self._asks_at is None and self._standing is None:
            self._asks = PROMPT_CAP
            self._ask_at(self._life.at + PROMPT_CAP, local)

    # ---- processing time ---------------------------------------------------------------------------------------------

    def due_now(self, context: HomeContext) -> Instant | None:
        """See Detector.due_now: when it is certain that the deadline passed while nobody vouched."""
        if self._deadline is None or self._unknown is not None:
            return None
        return context.cut_off_at(self._deadline)

    def fire_now(self, now: Instant, context: HomeContext) -> Sequence[FindingEvent]:
        """See Detector.fire_now."""
        deadline = self._deadline
        if deadline is None or self._life is None or self._unknown is not None or now < context.cut_off_at(deadline):
            return ()
        return self._say_unknown(deadline, context.blind(self._life.at, deadline), context)

    # ---- what is said ------------------------------------------------------------------------------------------------

    def _silence(
        self, at: Instant, unseen: Span, limit: Span, context: HomeContext, hidden: Sequence[Device] = ()
    ) -> text.Silence:
        """The facts of the present silence at ``at``, where ``limit`` has been reached but for what was not seen."""
        assert self._life is not None  # noqa: S101 (only a silence that began is described)
        since, local = self._life.at, context.local
        hour, length = local.hour(since), at - since
        alike = self._past.alike({(hour - 1) % 24, hour, (hour + 1) % 24}, at, local)
        known = context.known_at(at)
        not_before = known if known - at > LATE else at if length - limit > BLIND else None
        silent = {device.id for device in context.lost(at)}
        return text.Silence(
            since=since, at=at, room=self._life.room, limit=self._limit, blind=unseen if unseen > BLIND else 0,
            comparable=len(alike), longer=sum(s > length for s in alike), longest=max(alike, default=0),
            learnt_days=self._learnt.days, survival=self._learnt.survival(_quarter(since, local), length),
            last_exit=context.evidence.exit, alive=len((context.heard.keys() & context.devices.keys()) - silent),
            devices=len(context.devices), hidden=tuple(device.id for device in hidden), not_before=not_before,
            reached=self._life.device == NOBODY,
        )  # fmt: skip

    def _evidence(self, silence: text.Silence, local: LocalTime) -> dict[str, Any]:
        line = self._learnt.line.hours[local.hour(silence.since)]
        return {
            "silent_s": silence.length // SECOND,
            "limit_s": silence.limit // SECOND,
            "since": local.iso(silence.since),
            "room": silence.room,
            "blind_s": silence.blind // SECOND,
            "not_before": None if silence.not_before is None else local.iso(silence.not_before),
            "comparable": silence.comparable,
            "longer": silence.longer,
            "longest_s": silence.longest // SECOND,
            "survival": silence.survival,
            "learnt_days": silence.learnt_days,
            "usual_longest_s": None if line is None else line // SECOND,
            "price_factor": self._learnt.factor,
            "prior": self._prior.name,
            "silent_devices": list(silence.hidden),
            "devices_alive": silence.alive,
            "devices": silence.devices,
            "last_exit": None if silence.last_exit is None else local.iso(silence.last_exit),
        }

    def _finding(
        self, level: Level, silence: text.Silence, context: HomeContext, unknown: Unknown | None = None
    ) -> Finding:
        local = context.local
        if unknown is not None:
            ja, en = text.unknown_ja(silence, local), text.unknown_en(silence, local)
        elif level is Level.PAGE:
            ja, en = text.page_ja(silence, local), text.page_en(silence, local)
        else:
            ja, en = text.prompt_ja(silence, local), text.prompt_en(silence, local)
        return Finding(
            home=context.home, kind=NAME, detector=f"{NAME}/{self.version}", cause=NAME, subject=Subject.PERSON, level=level,
            onset=silence.since, raised_at=silence.at, room=silence.room, unknown=unknown,
            evidence=self._evidence(silence, local), text_ja=ja, text_en=en,
        )  # fmt: skip

    def _say_unknown(
        self, at: Instant, unseen: Span, context: HomeContext, hidden: Sequence[Device] = ()
    ) -> list[FindingEvent]:
        if self._unknown is not None:
            return []
        silence = self._silence(at, unseen, self._limit, context, hidden)
        finding = self._finding(Level.DIGEST, silence, context, Unknown.BLIND)
        self._unknown = (finding.id, finding.onset)
        return [finding]

    def _end(self, home: HomeId, at: Instant, reason: EndReason) -> list[Ended]:
        """End whatever stands."""
        ended = [Ended(home, NAME, one[0], at, reason) for one in (self._unknown, self._standing) if one is not None]
        self._unknown = self._standing = None
        return ended

    # ---- state -------------------------------------------------------------------------------------------------------

    def retuned(self, context: HomeContext) -> Sequence[FindingEvent]:
        """See Detector.retuned: ``restore`` has made limits for the new budgets, which count for the present silence too."""
        if self._deadline is not None and self._life is not None and context.watermark is not None:
            self._count_from(self._life, context.local)
            earliest = context.watermark + MINUTE
            self._deadline = max(self._deadline, earliest)
            if self._standing is not None:
                self._asks_at = None  # the resident was asked already
            elif self._asks_at is not None:
                self._asks_at = max(self._asks_at, earliest)
            self._settle()
        return ()

    def snapshot(self) -> State:
        """See Detector.snapshot."""
        return {
            "learnt": self._learnt.snapshot(), "past": self._past.snapshot(),
            "life": None if self._life is None else list(self._life), "limit": self._limit, "deadline": self._deadline,
            "asks": self._asks, "asks_at": self._asks_at, "fit_at": self._fit_at,
            "standing": None if self._standing is None else list(self._standing), "unknown": self._unknown,
            "judged": self._judged.snapshot(), "false_pages": self.false_pages,
            "raised": self._raised, "unspoken": self._unspoken,
        }  # fmt: skip

    def restore(self, state: Mapping[str, Any]) -> None:
        """See Detector.restore."""
        self._life = sign_of(state["life"])
        self._limit, self._deadline, self._fit_at = state["limit"], state["deadline"], state["fit_at"]
        self._asks, self._asks_at = state["asks"], state["asks_at"]
        standing, unknown = state["standing"], state["unknown"]
        self._standing = (standing[0], Level(standing[1])) if standing else None
        self._unknown = (unknown[0], unknown[1]) if unknown else None
        self._learnt.restore(state["learnt"])
        self._past.restore(state["past"])
        self._judged.restore(state["judged"])
        self.false_pages = state["false_pages"]
        raised, self._unspoken = state["raised"], state["unspoken"]
        self._raised = (raised[0], raised[1]) if raised else None
        self._settle()

    def migrate(self, version: int, state: Mapping[str, Any]) -> Mapping[str, Any]:
        """See Detector.migrate."""
        if version == 1:
            return from_version_2(from_version_1(state))
        return from_version_2(state) if version == 2 else super().migrate(version, state)


def _fit_at(day: int, context: HomeContext) -> Instant:
    """Some minute of the first three hours of local ``day``, each home its own: a fleet's fits do not all fall due at once."""
    return context.local.midnight(day) + zlib.crc32(context.home.encode()) % _FITS_WITHIN * MINUTE


def _quarter(at: Instant, local: LocalTime) -> int:
    """The quarter of the day that the wall clock shows, 0 to 95."""
    return local.wall(at) // STEP % QUARTERS


def build(settings: Mapping[str, Any]) -> Inactivity:
    """A detector; the budgets are how many false pages and how many prompts about a person a home may cause in a month."""
    read = numbers(NAME, settings, page_budget=(1.0, 0.01, 60), prompt_budget=(8.0, 0, 300))
    return Inactivity(read["page_budget"], read["prompt_budget"])
