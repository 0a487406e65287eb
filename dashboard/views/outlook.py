"""The outlook of a home in words: for its page and for ``kehai report``."""

from __future__ import annotations

import math
from dataclasses import dataclass

from alerts.ledger import Ledger, Verdict
from alerts.outlook import Outlook
from dashboard import words
from dashboard.language import Speech
from detectors.outlook.advice import Advice, Change, Loss
from detectors.outlook.delays import Cell, Moment, Part, Reach
from detectors.outlook.sight import ABOUT_EQUIPMENT, LEARNT_DAYS, Sees, Sight, Why
from domain.clock import HOUR, MINUTE, Instant, Span
from domain.findings import Level

_SHOWN_UNKNOWNS = 5
_SHAPES = {Sees.SEES: "✓", Sees.PARTLY: "◐", Sees.LEARNING: "○", Sees.BLIND: "✕"}
_WORST = (Sees.BLIND, Sees.PARTLY, Sees.LEARNING, Sees.SEES)
_BANDS = ((2 * HOUR, "b1", "●"), (4 * HOUR, "b2", "◐"), (8 * HOUR, "b3", "○"))


@dataclass(frozen=True, slots=True)
class Box:
    """One cell of the strip: a span as hours and minutes, a shape and a band of colour, and all of it in words."""

    text: str
    words: str
    shape: str
    band: str
    asked: str = ""
    """Until the resident is asked, where that comes first."""


@dataclass(frozen=True, slots=True)
class PartCard:
    """A part of the day: what a collapse at any moment of it would mean."""

    name: str
    hours: str
    called: str
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class AdviceItem:
    """One device that could be added, or that a plain sentence says why none is named."""

    title: str
    moved: str = ""
    why: str = ""


@dataclass(frozen=True, slots=True)
class LossRow:
    """What one device carries."""

    device: str
    room: str
    share: str
    day: str
    night: str


@dataclass(frozen=True, slots=True)
class SightRow:
    """What one detector can see here."""

    kind: str
    shape: str
    state: str
    said: str
    reason: str


@dataclass(frozen=True, slots=True)
class LedgerRow:
    """How one rule's pages or prompts have fared."""

    name: str
    level: str
    raised: int
    true: int
    false: int
    unknown: int
    rate: str
    """False ones a month, with the interval."""


@dataclass(frozen=True, slots=True)
class OutlookView:
    """Everything that a page or a terminal shows of an outlook, in one language."""

    learning: str
    learnt: int
    cards: list[PartCard]
    rooms: list[tuple[str, list[Box]]]
    hours: list[tuple[str, list[Box]]]
    limits: list[Box]
    """By clock hour: what a silence may last that began then."""
    asks_first: bool
    """Whether the resident is asked before staff are called."""
    sentences: list[str]
    """The best and the worst of it, and what is not detectable."""
    advice: list[AdviceItem]
    losses: list[LossRow]
    dearest: str
    sights: list[SightRow]
    ledger: list[LedgerRow]
    ledger_note: str
    unknowns: list[tuple[Instant, str, str, str]]
    """(when, kind, reason, sentence), the newest first."""
    unknown_count: int


class _Teller:
    """Says one outlook in one language."""

    def __init__(self, outlook: Outlook, speech: Speech) -> None:
        self.outlook, self.speech = outlook, speech
        self._ = speech.gettext

    # ---- delays ------------------------------------------------------------------------------------------------------

    def learning(self) -> str:
        days, share = self.outlook.learnt_days, f"{100 * self.outlook.own_share:.0f}"
        if days >= LEARNT_DAYS:
            return self._(
                "Learnt: %(share)s %% of the limits is this home's own life (%(days)s days), the rest is homes in general."
            ) % {"days": days, "share": share}
        return self._(
            "Still learning: %(days)s of %(needed)s days are known; %(share)s %% of the limits is this home's own life, the "
            "rest is homes in general."
        ) % {"days": days, "needed": LEARNT_DAYS, "share": share}

    def card(self, part: Part, moment: Moment) -> PartCard:
        notes = []
        if moment.page_90 is not None:
            notes.append(self._("nine times in ten within %(span)s") % {"span": self.speech.span(moment.page_90)})
        if moment.prompt is not None and moment.prompt != moment.page:
            notes.append(self._("the resident is asked after %(span)s") % {"span": self.speech.span(moment.prompt)})
        for share, said in ((moment.out, "taken to be out"), (moment.unseen, "not seen")):
            if share >= 0.005:
                notes.append(f"{self._(_TIMES[said])} {share * 100:.0f} %")
        called = self._("not known yet") if moment.page is None else self.speech.span(moment.page)
        hours = part.hours
        return PartCard(self._(words.PART[part]), f"{hours[0]}–{(hours[-1] + 1) % 24}", called, tuple(notes))

    def box(self, cell: Cell) -> Box:
        if cell.reach is Reach.NEVER_SEEN or cell.page is None:
            said = self._(words.REACH[cell.reach])
            taken_for_out = cell.reach is Reach.TAKEN_FOR_OUT
            return Box(self._("out") if taken_for_out else "–", said, "◇" if taken_for_out else "", "none")
        return self.span_box(cell.page, cell.prompt)

    def span_box(self, page: Span, prompt: Span | None = None) -> Box:
        """A delay as hours and minutes, with its band."""
        band, shape = next(((name, mark) for most, name, mark in _BANDS if page < most), ("b4", "✕"))
        said, asked = self.speech.span(page), ""
        if prompt is not None and prompt != page:
            asked = clock(prompt)
            said += ", " + self._("the resident is asked after %(span)s") % {"span": self.speech.span(prompt)}
        if band == "b4":
            said += ", " + self._(words.REACH[Reach.TOO_LATE])
        return Box(clock(page), said, shape, band, asked)

    def sentences(self) -> list[str]:
        budget, found = self.outlook.budget, []
        for extreme, said in (
            (budget.best, self._("Soonest: after a movement in %(room)s around %(hour)s o'clock, %(span)s.")),
            (budget.worst, self._("Latest: after a movement in %(room)s around %(hour)s o'clock, %(span)s.")),
        ):
            if extreme is not None:
                found.append(
                    said % {"room": extreme.room, "hour": extreme.hour, "span": self.speech.span(extreme.page)}
                )
        if budget.blank_hours:
            found.append(
                self._(
                    "Not detectable with these sensors and this budget: a collapse soon after %(hours)s o'clock is noticed "
                    "only after eight hours or more."
                ) % {"hours": _runs(budget.blank_hours)}
            )  # fmt: skip
        if any(sight.why is Why.NO_EXIT_DOOR for sight in self.outlook.sights):
            found.append(
                self._(
                    "No sensor at the door that leads out: an absence looks like a silence, so that limits are wide and "
                    "staff are called for nothing."
                )
            )
        unseen = [
            room for room, cells in budget.by_part.items() if all(c.reach is Reach.NEVER_SEEN for c in cells.values())
        ]
        if unseen:
            found.append(self._("Nothing was ever seen in: %(rooms)s.") % {"rooms": ", ".join(unseen)})
        found.append(
            self._(
                "A room without a sensor is not in this table: there the time counts from the last movement seen elsewhere."
            )
        )
        return found

    # ---- devices -----------------------------------------------------------------------------------------------------

    def moved(self, change: Change) -> str:
        """What a change of devices does, in numbers."""
        parts = []
        if change.window is not None and change.window.last - change.window.first < 24:
            window = change.window
            parts.append(
                self._("from %(before)s to about %(after)s between %(first)s and %(last)s o'clock")
                % {"before": self.speech.span(window.before), "after": self.speech.span(window.after),
                   "first": window.first, "last": window.last % 24 or 24}
            )  # fmt: skip
        for name, (before, after) in ((_BY_DAY, change.day), (_AT_NIGHT, change.night)):
            if before != after:
                parts.append(
                    self._(name) % {"before": self.speech.span(before), "after": self.speech.span(after)}
                )  # fmt: skip
        return self._("; ").join(parts)

    def advice(self) -> list[AdviceItem]:
        if not self.outlook.estimable:
            return [
                AdviceItem(
                    self._("Too little is known yet to tell which device would help: it takes about a week.")
                )
            ]  # fmt: skip
        found = [self.one_more(advice) for advice in self.outlook.advice]
        return found or [
            AdviceItem(
                self._("No single further device would shorten the delays noticeably, as far as the last 28 days tell.")
            )
        ]

    def one_more(self, advice: Advice) -> AdviceItem:
        why = self._(words.IDEA_WHY[advice.idea]) % {"concerned": advice.concerned, "setting": advice.setting}
        return AdviceItem(
            self._(words.IDEA[advice.idea]) % {"room": advice.room or ""},
            self._("Would shorten the limits %(moved)s.") % {"moved": self.moved(advice.change)}, why,
        )  # fmt: skip

    def loss(self, loss: Loss) -> LossRow:
        def arrow(pair: tuple[Span, Span]) -> str:
            before, after = (self.speech.span(span) for span in pair)
            return before if before == after else f"{before} → {after}"

        return LossRow(
            str(loss.device),
            loss.room or "–",
            f"{loss.share * 100:.0f} %",
            arrow(loss.change.day),
            arrow(loss.change.night),
        )

    def dearest(self) -> str:
        loss = self.outlook.dearest
        if loss is None:
            return self._("No single device carries the limits: the others would see nearly as much.")
        name = f"{loss.device} ({loss.room})" if loss.room else str(loss.device)
        return self._("%(device)s carries most. Without it: %(moved)s.") % {
            "device": name, "moved": self.moved(loss.change),
        }  # fmt: skip

    # ---- detectors ---------------------------------------------------------------------------------------------------

    def sight(self, sight: Sight) -> SightRow:
        reason = ""
        if sight.why is not None:
            reason = self._(words.WHY[sight.why]) % {
                "devices": ", ".join(sight.devices), "learnt": sight.learnt, "needed": sight.needed,
            }  # fmt: skip
        kind = self._(words.KIND.get(sight.kind, sight.kind))
        return SightRow(kind, _SHAPES[sight.sees], sight.sees.value, self._(words.SEES[sight.sees]), reason)

    def ledger(self) -> list[LedgerRow]:
        outlook = self.outlook
        rows = [self.ledger_row(kind, Level.PAGE, ledger) for kind, ledger in outlook.pages_by_rule.items()]
        return rows + [self.ledger_row(kind, Level.PROMPT, ledger) for kind, ledger in outlook.prompts_by_rule.items()]

    def ledger_row(self, kind: str, level: Level, ledger: Ledger) -> LedgerRow:
        verdicts = ledger.verdicts
        return LedgerRow(
            self._(words.KIND.get(kind, kind)), self._(words.LEVEL[level]), ledger.pages, verdicts[Verdict.TRUE],
            ledger.false, verdicts[Verdict.UNKNOWN], self.rate(ledger),
        )  # fmt: skip

    def rate(self, ledger: Ledger) -> str:
        low, high = ledger.false_interval()
        if math.isinf(high):
            return "–"
        return f"{ledger.false / ledger.months:.2f} ({low:.2f}–{high:.2f})"

    def ledger_note(self) -> str:
        pages = self.outlook.pages
        if not pages.months:
            return self._("Nothing has been watched yet.")
        low, high = pages.false_interval()
        return self._(
            "Watched for %(months)s months. Pages about the resident: %(pages)s. Known to be false: %(false)s, that is "
            "%(rate)s a month (90 %% sure: between %(low)s and %(high)s). The budget is %(budget)s a month."
        ) % {
            "months": f"{pages.months:.1f}", "pages": pages.pages, "false": pages.false,
            "rate": f"{pages.false / pages.months:.2f}", "low": f"{low:.2f}", "high": f"{high:.2f}",
            "budget": f"{self.outlook.page_budget:g}",
        }  # fmt: skip

    def view(self) -> OutlookView:
        outlook, budget, limits = self.outlook, self.outlook.budget, self.outlook.budget.limits
        unknowns = [
            (
                row.finding.raised_at, self._(words.KIND.get(row.finding.kind, row.finding.kind)),
                self._(words.UNKNOWN[row.finding.unknown]), self.speech.text(row.finding.text_ja, row.finding.text_en),
            )
            for row in outlook.unknowns[:_SHOWN_UNKNOWNS] if row.finding.unknown is not None
        ]  # fmt: skip
        return OutlookView(
            learning=self.learning(), learnt=min(outlook.learnt_days, LEARNT_DAYS),
            cards=[self.card(part, budget.moments[part]) for part in Part],
            rooms=[(room, [self.box(cells[part]) for part in Part]) for room, cells in budget.by_part.items()],
            hours=[(room, [self.box(cell) for cell in cells]) for room, cells in budget.by_hour.items()],
            limits=[self.span_box(*pair) for pair in zip(*map(limits.by_hour, (limits.page, limits.first)), strict=True)],
            asks_first=limits.asks_first, sentences=self.sentences(), advice=self.advice(),
            losses=[self.loss(loss) for loss in outlook.losses],
            dearest=self.dearest(), sights=[self.sight(sight) for sight in sorted(outlook.sights, key=_worst)],
            ledger=self.ledger(), ledger_note=self.ledger_note(), unknowns=unknowns, unknown_count=len(outlook.unknowns),
        )  # fmt: skip


_n = words.mark
_TIMES = {"taken to be out": _n("taken to be out:"), "not seen": _n("not seen:")}
_BY_DAY = _n("on average by day from %(before)s to about %(after)s")
_AT_NIGHT = _n("at night from %(before)s to about %(after)s")


def clock(span: Span) -> str:
    """A span as ``2:38``: hours and minutes."""
    return f"{span // HOUR}:{span // MINUTE % 60:02d}"


def _runs(hours: list[int]) -> str:
    """Clock hours as runs: ``0–6, 15, 23``; a run over midnight is one."""
    gone = set(hours)
    if len(gone) == 24:
        return "0–23"
    found = []
    for first in sorted(gone):
        if (first - 1) % 24 in gone:
            continue
        last = first
        while (last + 1) % 24 in gone:
            last += 1
        found.append(f"{first}–{last % 24}" if last > first else str(first))
    return ", ".join(found)


def _worst(sight: Sight) -> tuple[int, bool, str]:
    """What cannot be seen first; then what is about the resident."""
    return (_WORST.index(sight.sees), sight.kind in ABOUT_EQUIPMENT, sight.kind)


def tell(outlook: Outlook, speech: Speech) -> OutlookView:
    """The outlook in the language of ``speech``."""
    return _Teller(outlook, speech).view()
