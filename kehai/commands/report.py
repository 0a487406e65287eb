"""``kehai report``: what can be expected of one home's alerts, in plain numbers."""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import typer

from alerts.ledger import Ledger
from alerts.outlook import Outlook, look_ahead
from alerts.sqlbook import SqlBook
from dashboard.language import Speech
from dashboard.views.outlook import Box, OutlookView, tell
from detectors.outlook.advice import Change
from detectors.outlook.delays import Cell, Part
from domain.clock import SECOND, Span
from domain.errors import ConfigurationError
from ingest.history import JournalHistory
from kehai.language import language_of
from kehai.settings import load
from registry.database import migrate, open_database


def report(config: Path, home: str, language: str | None, *, as_json: bool) -> None:
    """Print the report of one home."""
    settings = load(config)
    spoken = language_of(language)
    engine, history = open_database(settings.database_url), JournalHistory(settings.journal)
    try:
        migrate(engine)
        now = settings.make_clock().now()
        outlook = look_ahead(SqlBook(engine), history, home, settings.parameters, now)
    finally:
        history.close()
        engine.dispose()
    if outlook is None:
        raise ConfigurationError(
            f"Nothing has been heard of a home {home!r}: 'kehai admin home list' shows those that are enrolled."
        )
    if as_json:
        typer.echo(json.dumps(_numbers(outlook), ensure_ascii=False, indent=2))
        return
    speech = Speech(spoken, now, outlook.local)
    for line in _lines(outlook, tell(outlook, speech), speech):
        typer.echo(line.rstrip())


# ---- text ------------------------------------------------------------------------------------------------------------


def _lines(outlook: Outlook, view: OutlookView, speech: Speech) -> Iterator[str]:
    say = speech.gettext
    yield f"{outlook.home} · {say('As of')} {speech.moment(outlook.as_of)}"
    yield view.learning
    yield from _heading(say("If the resident collapsed at home, staff would be called after about"))
    yield from _table([[card.name, card.hours, card.called, "; ".join(card.notes)] for card in view.cards])
    yield from _heading(say("By room: if life stopped right after a movement there"))
    asked = f" ({say('in brackets, until the resident is asked')})" if view.asks_first else ""
    yield say("Until staff are called, in hours:minutes") + asked
    if view.rooms:
        header = [say("Room"), *(card.name for card in view.cards)]
        yield from _table([header, *([room, *map(_short, boxes)] for room, boxes in view.rooms)])
    yield f"  {say('Limit')}:"
    for first in range(0, 24, 6):
        yield "  " + "  ".join(f"{h:02}h {_short(box)}" for h, box in list(enumerate(view.limits))[first : first + 6])
    yield from (f"- {sentence}" for sentence in view.sentences)
    yield from _heading(say("Which device would shorten it"))
    for number, item in enumerate(view.advice, 1):
        yield f"{number}. {item.title}"
        yield from (f"   {line}" for line in (item.moved, item.why) if line)
    yield view.dearest
    if view.losses:
        yield say("The mean limit if a device were missing")
        header = [say("Device"), say("Room"), say("Signs of life from it"), say("6–22"), say("22–6")]
        yield from _table([header, *([row.device, row.room, row.share, row.day, row.night] for row in view.losses)])
    yield from _heading(say("What is looked for, and whether it can be seen here"))
    yield from _table([[row.kind, f"{row.shape} {row.said}", row.reason] for row in view.sights])
    yield from _heading(say("Pages and prompts so far"))
    yield view.ledger_note
    if view.ledger:
        names = ("Rule", "Level", "Raised", "True", "False", "Not known", "False a month (range)")
        rows = [
            [row.name, row.level, str(row.raised), str(row.true), str(row.false), str(row.unknown), row.rate]
            for row in view.ledger
        ]
        yield from _table([[say(name) for name in names], *rows])
    yield from _heading(f"{say('When nothing could be said')}: {view.unknown_count}")
    for at, kind, reason, sentence in view.unknowns:
        yield f"- {speech.moment(at)} {kind} · {reason}: {sentence}"


def _heading(words: str) -> Iterator[str]:
    yield ""
    yield words


def _short(box: Box) -> str:
    asked = f" ({box.asked})" if box.asked else ""
    return f"{box.shape} {box.text}{asked}".strip()


def _width(text: str) -> int:
    """Columns on a terminal: a full-width character takes two."""
    return sum(2 if unicodedata.east_asian_width(sign) in "WF" else 1 for sign in text)


def _table(rows: Sequence[Sequence[str]]) -> Iterator[str]:
    widths = [max(_width(row[column]) for row in rows) for column in range(len(rows[0]))]
    for row in rows:
        yield "  " + "  ".join(cell + " " * (width - _width(cell)) for cell, width in zip(row, widths, strict=True))


# ---- numbers ---------------------------------------------------------------------------------------------------------


def _numbers(outlook: Outlook) -> dict[str, Any]:
    """The outlook as JSON; spans in seconds, None where nothing can be said."""
    budget = outlook.budget
    return {
        "home": outlook.home,
        "as_of": outlook.local.iso(outlook.as_of),
        "learnt_days": outlook.learnt_days,
        "own_share": round(outlook.own_share, 3),
        "signs_of_life": outlook.signs,
        "limits": {
            "page_s": [_seconds(limit) for limit in budget.limits.page],
            "prompt_s": [_seconds(limit) for limit in budget.limits.first],
        },
        "any_moment": {
            part.value: {
                "page_s": _seconds(moment.page), "page_90_s": _seconds(moment.page_90),
                "prompt_s": _seconds(moment.prompt), "prompt_90_s": _seconds(moment.prompt_90),
                "out": moment.out, "unseen": moment.unseen,
            }
            for part, moment in budget.moments.items()
        },
        "after_a_movement": {
            room: {
                "parts": {part.value: _cell(budget.by_part[room][part]) for part in Part},
                "hours": [_cell(cell) for cell in budget.by_hour[room]],
            }
            for room in budget.rooms
        },
        "not_detectable_hours": budget.blank_hours,
        "one_more": [
            {"device": a.idea.value, "room": a.room, "concerned": a.concerned, "setting": a.setting, **_change(a.change)}
            for a in outlook.advice
        ],
        "one_less": [
            {"device": loss.device, "room": loss.room, "share": loss.share, **_change(loss.change)} for loss in outlook.losses
        ],
        "detectors": [
            {"kind": sight.kind, "sees": sight.sees.value, "why": sight.why and sight.why.value,
             "devices": list(sight.devices), "learnt": sight.learnt, "needed": sight.needed}
            for sight in outlook.sights
        ],
        "page_budget": outlook.page_budget,
        "pages": _ledger(outlook.pages),
        "pages_by_rule": {kind: _ledger(ledger) for kind, ledger in outlook.pages_by_rule.items()},
        "prompts_by_rule": {kind: _ledger(ledger) for kind, ledger in outlook.prompts_by_rule.items()},
        "unknown": [
            {"kind": row.finding.kind, "reason": row.finding.unknown and row.finding.unknown.value,
             "raised_at": outlook.local.iso(row.finding.raised_at)}
            for row in outlook.unknowns
        ],
    }  # fmt: skip


def _seconds(span: Span | None) -> int | None:
    return None if span is None else span // SECOND


def _cell(cell: Cell) -> dict[str, Any]:
    return {
        "reach": cell.reach.value, "signs": cell.signs, "out": cell.out, "page_s": _seconds(cell.page),
        "prompt_s": _seconds(cell.prompt),
    }  # fmt: skip


def _change(change: Change) -> dict[str, Any]:
    window = change.window
    return {
        "day_s": [_seconds(span) for span in change.day],
        "night_s": [_seconds(span) for span in change.night],
        "window": None if window is None else {
            "first_hour": window.first % 24, "end_hour": window.last % 24,
            "before_s": _seconds(window.before), "after_s": _seconds(window.after),
        },
    }  # fmt: skip


def _ledger(ledger: Ledger) -> dict[str, Any]:
    low, high = ledger.false_interval()
    return {
        "months": round(ledger.months, 3), "raised": ledger.pages,
        **{verdict.value: number for verdict, number in ledger.verdicts.items()}, "outcomes": ledger.outcomes,
        "false_a_month": round(ledger.false / ledger.months, 3) if ledger.months else None,
        "interval_90": [round(low, 3), round(high, 3)] if ledger.months else None,
    }  # fmt: skip
