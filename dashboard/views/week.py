"""A home's week in plain words, for the page and for ``kehai week``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta

from babel.dates import format_date

from alerts.week import ENOUGH, LivedDay, Measure, Odd, Week
from dashboard import words
from dashboard.language import Speech
from detectors.kinds.routine_drift.day import DAY_SLOTS, SLOT
from detectors.kinds.routine_drift.detector import UNSEEN
from domain.alerts import Alert
from domain.clock import MINUTE, Span
from domain.findings import Level

_n = words.mark
_MORE: Mapping[Measure, str] = {
    Measure.RISE: _n("up later than before: %(value)s (%(range)s)"),
    Measure.BED: _n("to bed later than before: %(value)s (%(range)s)"),
    Measure.ACTIVE: _n("more active by day than before: %(value)s (%(range)s)"),
    Measure.NIGHT: _n("more active at night than before: %(value)s (%(range)s)"),
    Measure.OUT: _n("out for longer than before: %(value)s (%(range)s)"),
    Measure.VISITS: _n("more visits to the toilet at night than before: %(value)s (%(range)s)"),
}
_LESS: Mapping[Measure, str] = {
    Measure.RISE: _n("up earlier than before: %(value)s (%(range)s)"),
    Measure.BED: _n("to bed earlier than before: %(value)s (%(range)s)"),
    Measure.ACTIVE: _n("less active by day than before: %(value)s (%(range)s)"),
    Measure.NIGHT: _n("less active at night than before: %(value)s (%(range)s)"),
    Measure.OUT: _n("out for less than before: %(value)s (%(range)s)"),
    Measure.VISITS: _n("fewer visits to the toilet at night than before: %(value)s (%(range)s)"),
}
COLUMNS = (Measure.RISE, Measure.BED, Measure.ACTIVE, Measure.OUT, Measure.NIGHT, Measure.VISITS)
COLUMN: Mapping[Measure, str] = {
    Measure.RISE: _n("Up"),
    Measure.BED: _n("To bed"),
    Measure.ACTIVE: _n("Active, 5–23 h"),
    Measure.OUT: _n("Out"),
    Measure.NIGHT: _n("Active, 23–5 h"),
    Measure.VISITS: _n("Toilet at night"),
}


@dataclass(frozen=True, slots=True)
class DayView:
    """One line of the table of days."""

    name: str
    cells: tuple[str, ...]
    """One for each of COLUMNS."""
    remark: str
    tone: str
    """usual, odd or unknown: a word for the style sheet; the remark says the same."""


@dataclass(frozen=True, slots=True)
class WeekView:
    """Everything that the page says."""

    title: str
    facts: tuple[tuple[str, str, str], ...]
    """(what, how much, a note)."""
    days: tuple[DayView, ...]
    explained: str
    alerts: tuple[tuple[Alert, str], ...]
    equipment: tuple[tuple[Alert, str], ...]
    noticed: tuple[str, ...]
    changes: tuple[str, ...]
    changes_note: str
    modes: tuple[str, ...]


def last_whole_week(today: date) -> date:
    """The Monday of the week that is over."""
    return today - timedelta(days=today.weekday() + 7)


def tell(week: Week, speech: Speech, names: Mapping[str, str]) -> WeekView:
    """The week in words."""
    _, local = speech.gettext, week.local
    last = local.date(week.start) + timedelta(days=6)
    return WeekView(
        f"{_day(local.date(week.start), speech)} – {_day(last, speech)}",
        (_usual(week, speech), _nights(week, speech), _outings(week, speech), _alerts(week, speech), _seen(week, speech)),
        tuple(_lived(day, speech) for day in week.days),
        _explained(week, speech),
        tuple((alert, _told(alert, week, speech)) for alert in week.alerts),
        tuple((alert, _told(alert, week, speech)) for alert in week.equipment),
        tuple(f"{speech.moment(one.raised_at, local)} {speech.text(one.text_ja, one.text_en)}" for one in week.noticed),
        tuple(speech.text(one.text_ja, one.text_en) for one in week.changes),
        _("Nothing was said of a change of routine.") if week.now >= week.end + UNSEEN * 12
        else _("Whether the routine has changed is judged at noon after the week."),
        tuple(_mode(week, number, speech, names) for number in range(len(week.modes))),
    )  # fmt: skip


def _day(day: date, speech: Speech) -> str:
    pattern = "M月d日(E)" if speech.language == "ja" else "EEE d MMM"
    return format_date(day, pattern, locale=speech.language)


def _usual(week: Week, speech: Speech) -> tuple[str, str, str]:
    _ = speech.gettext
    compared = [day for day in week.days if day.compared]
    if week.compared_with < ENOUGH:
        note = _("only %(known)s days before it were seen whole; %(needed)s are needed to compare")
        return _("Days as usual"), "–", note % {"known": week.compared_with, "needed": ENOUGH}
    of = {"usual": sum(day.usual for day in compared), "all": len(compared)}
    left_out = len(week.days) - len(compared)
    note = speech.ngettext("%(num)s day not compared", "%(num)s days not compared", left_out) % {"num": left_out}
    return _("Days as usual"), _("%(usual)s of %(all)s days") % of, note if left_out else ""


def _nights(week: Week, speech: Speech) -> tuple[str, str, str]:
    _ = speech.gettext
    known = [day for day in week.days if day.over and day.unseen <= UNSEEN and (day.signs or day.away)]
    away = sum(day.away for day in known)
    note = speech.ngettext("%(num)s elsewhere", "%(num)s elsewhere", away) % {"num": away} if away else ""
    return _("Nights at home"), _("%(home)s of %(all)s nights") % {"home": len(known) - away, "all": len(known)}, note


def _outings(week: Week, speech: Speech) -> tuple[str, str, str]:
    _ = speech.gettext
    name = _("Outings, a quarter of an hour or more")
    if not week.knows_door or not week.days:
        return name, "–", "" if week.knows_door else _("no sensor at the door that leads out")
    lengths = [one.back - one.left for one in week.outings]
    if not lengths:
        return name, "0", ""
    return name, str(len(lengths)), _("the longest %(span)s") % {"span": speech.span(max(lengths))}


def _alerts(week: Week, speech: Speech) -> tuple[str, str, str]:
    pages = sum(alert.level is Level.PAGE for alert in week.alerts)
    said = speech.gettext("act now: %(pages)s, look into it: %(prompts)s")
    return speech.gettext("Alerts"), str(len(week.alerts)), said % {"pages": pages, "prompts": len(week.alerts) - pages}


def _seen(week: Week, speech: Speech) -> tuple[str, str, str]:
    name = speech.gettext("Not seen")
    return name, speech.span(week.unseen) if week.unseen >= MINUTE else speech.gettext("nothing"), ""


def _lived(day: LivedDay, speech: Speech) -> DayView:
    known = day.signs or day.away
    cells = tuple(_figure(measure, day.kept[measure], speech) if known else "–" for measure in COLUMNS)
    if not day.over:
        cells = (*cells[:1], "–", *cells[2:])
    remarks, _ = [], speech.gettext
    if not day.over:
        remarks.append(_("so far"))
    if day.unseen > UNSEEN:
        remarks.append(_("not seen for %(span)s") % {"span": speech.span(day.unseen)})
    if day.away:
        remarks.append(_("the night was spent elsewhere"))
    if day.company:
        remarks.append(_("somebody else was there"))
    if not day.signs and not day.away and day.over and day.unseen <= UNSEEN:
        remarks.append(_("hardly any sign of life"))
    remarks += [_odd(odd, day, speech) for odd in day.odd]
    if day.usual:
        remarks.append(_("as usual"))
    tone = "usual" if day.usual else "odd" if day.odd else "unknown"
    return DayView(_day(day.date, speech), cells, speech.listed(remarks) or _("not compared"), tone)


def _odd(odd: Odd, day: LivedDay, speech: Speech) -> str:
    sentence = (_MORE if odd.more else _LESS)[odd.measure]
    value, low, high = (_figure(odd.measure, one, speech) for one in (day.kept[odd.measure], odd.low, odd.high))
    return speech.gettext(sentence) % {"value": value, "range": low if low == high else f"{low}–{high}"}


def _figure(measure: Measure, value: int, speech: Speech) -> str:
    """A value of a day as people say it."""
    if value < 0:
        return "–"
    if measure is Measure.VISITS:
        return str(value)
    if measure in (Measure.RISE, Measure.BED):
        minutes = value % DAY_SLOTS * (SLOT // MINUTE)
        return f"{minutes // 60:02d}:{minutes % 60:02d}"
    span: Span = value * SLOT
    return speech.span(span) if value else "0"


def _explained(week: Week, speech: Speech) -> str:
    if not week.days:
        return speech.gettext(
            "The single readings of this week are not kept any more, or nothing was heard: its days cannot be told."
        )
    said = speech.gettext(
        "As usual: nothing of the day lies more than a quarter of an hour, or a visit, beyond what the %(days)s days held "
        "that were seen whole, at home and alone, in the four weeks before."
    )
    hours = speech.gettext("Up, and to bed: the end of the first and of the last half hour of being up and about.")
    return f"{said % {'days': week.compared_with}} {hours}" if week.compared_with >= ENOUGH else hours


def _told(alert: Alert, week: Week, speech: Speech) -> str:
    _ = speech.gettext
    found = _(words.OUTCOME[alert.outcome]) if alert.outcome is not None else _(words.STATE[alert.state])
    kind = _(words.KIND.get(alert.kind, alert.kind))
    return f"{speech.moment(alert.raised_at, week.local)} {kind} ({_(words.LEVEL[alert.level])}): {found}"


def _mode(week: Week, number: int, speech: Speech, names: Mapping[str, str]) -> str:
    mode = week.modes[number]
    _ = speech.gettext
    until = mode.ended_at or mode.until
    said = f"{_(words.MODE[mode.kind])} {speech.moment(mode.since, week.local)} – {speech.moment(until, week.local)}"
    return f"{said} ({names.get(mode.by, mode.by)}{f': {mode.why}' if mode.why else ''})"
