"""The ledger as a table for programs and spreadsheets: what each column is, and a cell that nothing takes for a formula."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable

from sqlalchemy import Engine, select

from alerts.accounts import SOON, Account, Milestone
from alerts.ledger import Verdict
from domain.clock import SECOND, Instant, Span
from domain.ids import GatewayId, HomeId
from domain.watermark import Coverage
from ingest.history import History
from registry.tables import gateways

_FORMULA = ("=", "+", "-", "@", "＝", "＋", "－", "＠")
"""A Japanese spreadsheet takes the wide ones for the same."""
_BREAKS = ("\t", "\r", "\n")
HEADER = [
    "of", "level", "home_months", "raised", *(verdict.value for verdict in Verdict), "false_a_month", "low_90", "high_90",
    *(
        f"{milestone.value}_{figure}"
        for milestone in Milestone
        for figure in (
            "met", "ended_first", "median_s", "p90_s", *(f"share_{span // SECOND}s" for span in SOON)
        )
    ),
]  # fmt: skip


def cells(account: Account) -> list[str]:
    """One line; empty where nothing can be said."""
    found = account.ledger
    line = [account.name, account.level.value, f"{found.months:.3f}", str(found.pages)]
    line += [str(found.verdicts[verdict]) for verdict in Verdict]
    if found.months:
        line += [f"{rate:.3f}" for rate in (found.false / found.months, *found.false_interval())]
    else:
        line += ["", "", ""]
    for milestone in Milestone:
        times = account.times[milestone]
        line += [str(times.met), str(len(times.ended))]
        line += ["" if (span := times.quantile(part)) is None else str(span // SECOND) for part in (0.5, 0.9)]
        line += ["" if (share := times.within(span)) is None else f"{share:.3f}" for span in SOON]
    return line


def as_csv(accounts: Iterable[Account]) -> str:
    """The whole table, its header first."""
    out = io.StringIO()
    rows = [HEADER, *(cells(account) for account in accounts)]
    csv.writer(out, lineterminator="\n").writerows([plain(cell) for cell in row] for row in rows)
    return out.getvalue()


def plain(cell: str) -> str:
    """A cell that no spreadsheet takes for a formula."""
    return f"'{cell}" if cell.startswith(_BREAKS) or cell.lstrip().startswith(_FORMULA) else cell


def watched(
    engine: Engine, history: History, homes: Iterable[HomeId], since: Instant, until: Instant
) -> dict[HomeId, Span]:
    """For how long some gateway of each home vouched."""
    of: dict[HomeId, list[GatewayId]] = {home: [] for home in homes}
    with engine.connect() as connection:
        for row in connection.execute(select(gateways.c.id, gateways.c.home)):
            of.get(HomeId(row.home), []).append(GatewayId(row.id))
    spells = history.all_coverage(since, until)
    return {
        home: Coverage(spell for one in own for spell in spells.get(one, ())).covered(since, until)
        for home, own in of.items()
    }  # fmt: skip
