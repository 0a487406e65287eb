"""``kehai ledger``: pages and prompts of an installation, how true they were, and how soon somebody acted."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import typer
from sqlalchemy import Engine, select

from alerts.accounts import Account, by_kind, by_place, raised
from alerts.ledgertable import HEADER, as_csv, cells, watched
from dashboard import words
from dashboard.language import Speech
from dashboard.views.ledger import columns
from domain.clock import DAY
from domain.errors import ConfigurationError
from domain.findings import Level
from domain.ids import HomeId
from domain.localtime import LocalTime
from ingest.history import JournalHistory
from kehai.commands.admin import registry_of
from kehai.language import language_of
from registry.tables import homes

_NOWHERE = "(no area)"


def ledger(config: Path, days: int, by: str, area: str | None, language: str | None, *, in_csv: bool) -> None:
    """Print one line for each area, rule or home, pages first; what is for a spreadsheet is the same in every language."""
    spoken = language_of(language)
    if by not in ("area", "rule", "home"):
        raise ConfigurationError(f"There is no ledger by {by!r}: say --by area, --by rule or --by home.")
    with registry_of(config) as (settings, engine):
        now = settings.make_clock().now()
        since = now - days * DAY
        areas = _areas(engine, area)
        history = JournalHistory(settings.journal)
        try:
            vouched = watched(engine, history, areas, since, now)
        finally:
            history.close()
        with engine.connect() as connection:
            found = raised(connection, since, now, areas)
    place = areas if by == "area" else {home: str(home) for home in areas}
    accounts: list[Account] = []
    for level in (Level.PAGE, Level.PROMPT):
        if by == "rule":
            accounts += by_kind(found, level, since, now, vouched)
        else:
            accounts += by_place(found, level, since, now, vouched, place)
    if in_csv:
        sys.stdout.write(as_csv(accounts))
        return
    rows = [HEADER, *(cells(account) for account in accounts)]
    if spoken == "ja":
        rows = list(_in_words(by, rows, Speech(spoken, now, LocalTime(settings.installation.zone))))
    for row in rows:
        typer.echo("\t".join(row))


def _in_words(by: str, rows: Sequence[list[str]], speech: Speech) -> Iterator[list[str]]:
    yield columns(by, speech)
    for name, level, *rest in rows[1:]:
        said = words.KIND.get(name, name) if by == "rule" else name
        yield [
            speech.gettext("no area" if name == _NOWHERE else said), speech.gettext(words.LEVEL[Level(level)]), *rest,
        ]  # fmt: skip


def _areas(engine: Engine, area: str | None) -> dict[HomeId, str]:
    with engine.connect() as connection:
        rows = connection.execute(select(homes.c.id, homes.c.area).order_by(homes.c.id))
        found = {HomeId(row.id): row.area or _NOWHERE for row in rows if area in (None, row.area)}
    if area is not None and not found:
        raise ConfigurationError(f"No home lies in {area!r}: mend the name, or leave --area out.")
    return found
