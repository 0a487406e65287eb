"""How true alerts were and how soon somebody acted: the period, the lines, and the figures in words."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, time, timedelta

from alerts.accounts import SOON, Account, Milestone, Raised, Times, by_kind, by_place, raised
from alerts.ledger import Ledger
from alerts.ledgertable import watched
from dashboard import words
from dashboard.language import Speech
from dashboard.office import Office
from dashboard.views.scope import Scope
from domain.clock import DAY, SECOND, Instant, Span
from domain.findings import Level
from domain.ids import HomeId
from domain.localtime import LocalTime

BY = ("rule", "area", "home")
LEVELS = (Level.PAGE, Level.PROMPT)
DAYS = (7, 30, 90, 365)
THIS_MONTH, LAST_MONTH = "month", "last_month"
CHOICES = (*(str(days) for days in DAYS), THIS_MONTH, LAST_MONTH)
USUAL = "30"
LONGEST: Span = 3 * 366 * DAY
MANY = 100
"""Lines of one table of the page; the file for spreadsheets has them all."""

_n = words.mark
MILESTONE: Mapping[Milestone, str] = {
    Milestone.SEEN: _n("Seen"),
    Milestone.CLAIMED: _n("Taken"),
    Milestone.REACHED: _n("Somebody reached"),
    Milestone.VISITED: _n("At the door"),
}
LEDGER: Sequence[tuple[str, str]] = (
    (
        _n("Home-months"),
        _n(
            "Months in which a gateway of a home vouched for it, over all homes; a home that is not heard counts nothing."
        ),
    ),
    (_n("Raised"), _n("Alerts about a resident, each at the level that it has now; drills are left out.")),
    (_n("True"), _n("The resident needed somebody, by the outcome with which it was closed.")),
    (_n("False"), _n("The resident was well, away, or not alone.")),
    (_n("Equipment"), _n("It was a sensor or the line; as an alert about a person it was false too.")),
    (
        _n("Not known"),
        _n("Nobody wrote down what was found: it is open still, nobody was reached, or it ended by itself."),
    ),
    (
        _n("False a month (range)"),
        _n(
            "False ones and those of equipment in a home-month; the range is the one in which the true figure lies nine times "
            "in ten, from none of the unknown being false to all of them."
        ),
    ),
    (_n("Seen"), _n("From when the alert stood open at its level until somebody opened its page or took it.")),
    (_n("Taken"), _n("Until a named person had it in hand.")),
    (_n("Somebody reached"), _n("Until somebody spoke with the resident or with one who helps, or stood in the home.")),
    (_n("At the door"), _n("Until somebody stood at the door; where a call was enough, that never happened.")),
    (
        _n("Half within / nine in ten within"),
        _n("So long it took until half of them were so far, and nine in ten; a dash where fewer ever were."),
    ),
    (_n("Share within 60 s / 180 s"), _n("How many in a hundred were so far within a minute, and within three.")),
    (
        _n("Ended before"),
        _n(
            "Life was seen or the resident answered before that: such an alert counts as not so far for as long as it stood, "
            "and not at all after."
        ),
    ),
)
"""The figures of the ledger, each in one sentence."""


class BadPeriodError(ValueError):
    """A period that cannot be."""


@dataclass(frozen=True, slots=True)
class Period:
    """The time that is counted."""

    key: str
    since: Instant
    until: Instant


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the page: an account, and what it is called."""

    name: str
    link: str
    account: Account


@dataclass(frozen=True, slots=True)
class Table:
    """All lines of one level."""

    level: Level
    total: Line
    lines: list[Line]
    more: int
    """Lines beyond those that are shown."""


def period(key: str, first: str, last: str, now: Instant, local: LocalTime) -> Period:
    """The period that was asked for; two written dates, both included, come before what was chosen.

    Raises BadPeriodError.
    """
    if first.strip() or last.strip():
        try:
            begin = local.at(date.fromisoformat(first.strip()), time())
            end = now if not last.strip() else local.at(date.fromisoformat(last.strip()) + timedelta(days=1), time())
        except (ValueError, OverflowError) as error:
            raise BadPeriodError from error
        end = min(end, now)
        if not 0 < end - begin <= LONGEST:
            raise BadPeriodError
        return Period("dates", begin, end)
    month = local.at(local.date(now).replace(day=1), time())
    if key == THIS_MONTH:
        return Period(key, month, now)
    if key == LAST_MONTH:
        return Period(key, local.at((local.date(month) - timedelta(days=1)).replace(day=1), time()), month)
    days = key if key in CHOICES else USUAL
    return Period(days, now - int(days) * DAY, now)


def count(office: Office, scope: Scope, period_: Period) -> tuple[Raised, dict[HomeId, Span]]:
    """What was raised in the homes of a scope, and for how long each of them was vouched for."""
    vouched = watched(office.engine, office.history, scope.homes, period_.since, period_.until)
    with office.engine.connect() as connection:
        return raised(connection, period_.since, period_.until, scope.homes), vouched


def accounts(
    by: str, found: Raised, level: Level, scope: Scope, period_: Period, vouched: Mapping[HomeId, Span], nowhere: str
) -> list[Account]:
    """One account for each rule that raised something, for each area, or for each home."""
    span = (period_.since, period_.until)
    if by == "rule":
        return by_kind(found, level, *span, vouched)
    if by == "area":
        return by_place(found, level, *span, vouched, {home.id: home.area or nowhere for home in scope.homes.values()})
    return by_place(found, level, *span, vouched, {home: str(home) for home in scope.homes})


def tables(
    by: str, found: Raised, scope: Scope, period_: Period, vouched: Mapping[HomeId, Span], speech: Speech
) -> list[Table]:
    """What the page shows: pages, then prompts; of homes only those with an alert, those with the most first."""
    shown = []
    nowhere = speech.gettext("no area")
    for level in LEVELS:
        (total,) = by_place(found, level, period_.since, period_.until, vouched, dict.fromkeys(scope.homes, "")) or [
            Account("", level, Ledger(0.0, 0, {}), dict.fromkeys(Milestone, Times(())))
        ]
        lines = accounts(by, found, level, scope, period_, vouched, nowhere)
        if by == "home":
            lines = sorted((line for line in lines if line.ledger.pages), key=lambda line: -line.ledger.pages)
        named = [_line(by, account, scope, speech) for account in lines[:MANY]]
        shown.append(Table(level, Line(speech.gettext("All"), "", total), named, max(0, len(lines) - MANY)))
    return shown


def _line(by: str, account: Account, scope: Scope, speech: Speech) -> Line:
    if by == "rule":
        return Line(speech.gettext(words.KIND.get(account.name, account.name)), "", account)
    if by == "area":
        return Line(account.name, "", account)
    home = scope.homes[HomeId(account.name)]
    return Line(home.alias, f"/homes/{home.id}", account)


def rate(ledger: Ledger) -> str:
    """False ones in a home-month, with the range that is likely."""
    if not ledger.months:
        return "–"
    low, high = ledger.false_interval()
    return f"{ledger.false / ledger.months:.2f} ({low:.2f}–{high:.2f})"


def middle(times: Times, speech: Speech) -> str:
    """The median, and within what nine in ten were met."""
    if not times.total:
        return "–"
    found = [times.quantile(part) for part in (0.5, 0.9)]
    return " / ".join("–" if span is None else speech.span(span) for span in found)


def shares(times: Times) -> str:
    """The shares within ``alerts.accounts.SOON``."""
    found = [times.within(span) for span in SOON]
    if all(share is None for share in found):
        return ""
    return " / ".join("–" if share is None else f"{share:.0%}" for share in found)


def met(times: Times, speech: Speech) -> str:
    """Of how many it was met, and how many ended by themselves before."""
    if not times.total:
        return ""
    said = speech.gettext("%(met)s of %(all)s") % {"met": times.met, "all": times.total}
    if times.ended:
        said += speech.gettext("; %(count)s ended before") % {"count": len(times.ended)}
    return said


def in_file(by: str, found: Raised, scope: Scope, period_: Period, vouched: Mapping[HomeId, Span]) -> Iterable[Account]:
    """Every line of both levels, as ``kehai ledger`` names them."""
    return (
        line for level in LEVELS for line in accounts(by, found, level, scope, period_, vouched, "(no area)")
    )  # fmt: skip


def columns(by: str, speech: Speech) -> list[str]:
    """What ``alerts.ledgertable.HEADER`` names, in words."""
    _ = speech.gettext
    first = {"rule": _("Rule"), "area": _("Area"), "home": _("Home")}[by]
    found = [_("True"), _("False"), _("Equipment"), _("Not known")]
    rates = [_("False a month"), _("Lower limit, 90 %"), _("Upper limit, 90 %")]
    figures = [_("count"), _("ended before"), _("half within, s"), _("nine in ten within, s")]
    figures += [_("share within %(span)s s") % {"span": span // SECOND} for span in SOON]
    times = [f"{_(MILESTONE[milestone])}: {figure}" for milestone in Milestone for figure in figures]
    return [first, _("Level"), _("Home-months"), _("Raised"), *found, *rates, *times]


def explained(speech: Speech) -> Sequence[tuple[str, str]]:
    """Each figure, in one sentence."""
    return [(speech.gettext(name), speech.gettext(sentence)) for name, sentence in LEDGER]
