"""``kehai week``: one week of a home in plain words, as the page of that name tells it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from pathlib import Path

import typer

from alerts.modes import Modes
from alerts.sqlbook import SqlBook
from alerts.week import week_of
from dashboard.language import Speech
from dashboard.views.week import COLUMN, COLUMNS, WeekView, last_whole_week, tell
from domain.errors import ConfigurationError
from domain.localtime import LocalTime
from ingest.history import JournalHistory
from kehai.commands.admin import registry_of
from kehai.language import language_of
from registry.homes import Homes
from registry.staff import Staff


def week(config: Path, home: str, day: str | None, language: str | None) -> None:
    """Print the last whole week, or that in which ``day`` lies."""
    spoken = language_of(language)
    with registry_of(config) as (settings, engine):
        known = Homes(engine).get(home)
        if known is None:
            raise ConfigurationError(
                f"There is no home {home!r}: 'kehai admin home list' shows those that are enrolled."
            )
        local, now = LocalTime(known.zone), settings.make_clock().now()
        history = JournalHistory(settings.journal)
        try:
            found = week_of(SqlBook(engine), history, Modes(engine), known.id, _day(day, local.date(now)), local, now)
        finally:
            history.close()
        names = Staff(engine).names()
    speech = Speech(spoken, now, local)
    typer.echo(f"{known.id} {known.alias}".rstrip())
    for line in _lines(tell(found, speech, names), speech):
        typer.echo(line)


def _day(text: str | None, today: date) -> date:
    if text is None:
        return last_whole_week(today)
    try:
        day = date.fromisoformat(text)
    except ValueError as error:
        raise ConfigurationError(f"{text!r} is no day: write it as 2026-11-30.") from error
    if not date(2000, 1, 1) <= day <= today:
        raise ConfigurationError(f"{text!r} is no day that has been: choose one up to today.")
    return day


def _lines(view: WeekView, speech: Speech) -> Iterator[str]:
    _ = speech.gettext
    yield f"{_('The week')} {view.title}"
    for name, figure, note in view.facts:
        yield f"{name}: {figure}{f' ({note})' if note else ''}"
    if view.days:
        yield ""
        yield "\t".join((_("Day"), *(_(COLUMN[column]) for column in COLUMNS), _("Beside the weeks before")))
        for day in view.days:
            yield "\t".join((day.name, *day.cells, day.remark))
    if view.explained:
        yield view.explained
    parts = (
        (_("Alerts, and what was found"), [told for _alert, told in view.alerts] or [_("None.")]),
        (_("Noticed, without calling anybody"), view.noticed),
        (_("Change of routine"), view.changes or [view.changes_note]),
        (_("Away or not alone"), view.modes),
        (_("Equipment"), [told for _alert, told in view.equipment] or [_("Nothing was wrong with it.")]),
    )
    for heading, lines in parts:
        if lines:
            yield ""
            yield heading
            yield from (f"- {line}" for line in lines)
