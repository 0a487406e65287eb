"""``kehai ledger``: pages and prompts of an installation, how true they were, and how soon somebody acted."""

from __future__ import annotations

import csv
import sys
from collections.abc import Mapping
from pathlib import Path

import typer
from sqlalchemy import Engine, select

from alerts.accounts import SOON, Account, Milestone, by_kind, by_place, raised
from alerts.ledger import Verdict
from domain.clock import DAY, SECOND, Instant, Span
from domain.errors import ConfigurationError
from domain.findings import Level
from domain.ids import GatewayId, HomeId
from domain.watermark import Coverage
from ingest.history import JournalHistory
from kehai.commands.admin import registry_of
from registry.tables import gateways, homes

_NOWHERE = "(no area)"
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")


def ledger(config: Path, days: int, by: str, area: str | None, *, as_csv: bool) -> None:
    """Print one line for each area, rule or home, pages first."""
    if by not in ("area", "rule", "home"):
        raise ConfigurationError(f"There is no ledger by {by!r}: say --by area, --by rule or --by home.")
    with registry_of(config) as (settings, engine):
        now = settings.make_clock().now()
        since = now - days * DAY
        areas = _areas(engine, area)
        history = JournalHistory(settings.journal)
        try:
            watched = _watched(engine, history, areas, since, now)
        finally:
            history.close()
        with engine.connect() as connection:
            found = raised(connection, since, now, areas)
    place = areas if by == "area" else {home: str(home) for home in areas}
    rows = [_HEADER]
    for level in (Level.PAGE, Level.PROMPT):
        if by == "rule":
            accounts = by_kind(found, level, since, now, watched)
        else:
            accounts = by_place(found, level, since, now, watched, place)
        rows += [_cells(account) for account in accounts]
    if as_csv:
        csv.writer(sys.stdout, lineterminator="\n").writerows([plain(cell) for cell in row] for row in rows)
        return
    for row in rows:
        typer.echo("\t".join(row))


def plain(cell: str) -> str:
    """A cell that no spreadsheet takes for a formula."""
    return f"'{cell}" if cell.startswith(_FORMULA) else cell


def _areas(engine: Engine, area: str | None) -> dict[HomeId, str]:
    with engine.connect() as connection:
        rows = connection.execute(select(homes.c.id, homes.c.area).order_by(homes.c.id))
        found = {HomeId(row.id): row.area or _NOWHERE for row in rows if area in (None, row.area)}
    if area is not None and not found:
        raise ConfigurationError(f"No home lies in {area!r}: mend the name, or leave --area out.")
    return found


def _watched(
    engine: Engine, history: JournalHistory, wanted: Mapping[HomeId, str], since: Instant, now: Instant
) -> dict[HomeId, Span]:
    """For how long some gateway of each home vouched."""
    of: dict[HomeId, list[GatewayId]] = {home: [] for home in wanted}
    with engine.connect() as connection:
        for row in connection.execute(select(gateways.c.id, gateways.c.home)):
            of.get(HomeId(row.home), []).append(GatewayId(row.id))
    return {
        home: Coverage(spell for one in own for spell in history.coverage(one, since, now)).covered(since, now)
        for home, own in of.items()
    }  # fmt: skip


_HEADER = [
    "of", "level", "home_months", "raised", *(verdict.value for verdict in Verdict), "false_a_month", "low_90", "high_90",
    *(
        f"{milestone.value}_{figure}"
        for milestone in Milestone
        for figure in ("met", "ended_first", "median_s", "p90_s", *(f"share_{span // SECOND}s" for span in SOON))
    ),
]  # fmt: skip


def _cells(account: Account) -> list[str]:
    """One line; empty where nothing can be said."""
    found = account.ledger
    cells = [account.name, account.level.value, f"{found.months:.3f}", str(found.pages)]
    cells += [str(found.verdicts[verdict]) for verdict in Verdict]
    if found.months:
        cells += [f"{rate:.3f}" for rate in (found.false / found.months, *found.false_interval())]
    else:
        cells += ["", "", ""]
    for milestone in Milestone:
        times = account.times[milestone]
        cells += [str(times.met), str(len(times.ended))]
        cells += ["" if (span := times.quantile(part)) is None else str(span // SECOND) for part in (0.5, 0.9)]
        cells += ["" if (share := times.within(span)) is None else f"{share:.3f}" for span in SOON]
    return cells
