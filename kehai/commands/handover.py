"""``kehai handover``: the sheet for a change of shift, one fact a line, with tabs between."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

import typer
from sqlalchemy import select

from alerts.handover import Handover, sheet
from domain.alerts import Alert
from domain.clock import HOUR
from domain.errors import ConfigurationError
from domain.ids import HomeId
from domain.localtime import LocalTime
from kehai.commands.admin import registry_of
from registry.tables import homes


def handover(config: Path, hours: int, area: str | None) -> None:
    """Print the sheet of a shift that began ``hours`` ago."""
    with registry_of(config) as (settings, engine), engine.connect() as connection:
        now, local = settings.make_clock().now(), LocalTime(settings.installation.zone)
        rows = connection.execute(select(homes.c.id, homes.c.alias, homes.c.area)).all()
        wanted = None if area is None else frozenset(HomeId(row.id) for row in rows if row.area == area)
        if wanted is not None and not wanted:
            raise ConfigurationError(f"No home lies in {area!r}: mend the name, or leave --area out.")
        found = sheet(connection, now - hours * HOUR, now, wanted)
    for line in _lines(found, {row.id: row.alias for row in rows}, local):
        typer.echo(line)


def _lines(found: Handover, alias: Mapping[str, str], local: LocalTime) -> Iterator[str]:
    def named(home: str) -> str:
        return f"{home} {alias[home]}" if alias.get(home) else home

    def told(alert: Alert, *more: str) -> str:
        since = local.iso(alert.raised_at)
        return "\t".join((f"#{alert.id}", alert.level.value, named(alert.home), alert.kind, since, *more))

    yield f"Open: {len(found.open)}"
    for alert in found.open:
        reached = "nobody reached" if alert.id in found.unreached else ""
        yield told(alert, alert.state.value, alert.owner or "nobody", reached).rstrip("\t")
    yield f"Not fully seen: {len(found.silent)}"
    for silent in found.silent:
        yield "\t".join((named(silent.home), silent.how.value, " ".join(silent.devices))).rstrip("\t")
    yield f"Away: {len(found.away)}"
    for away in found.away:
        yield "\t".join(
            (named(away.home), away.kind.value, f"until {local.iso(away.until)}" if away.until else "no date")
        )
    yield f"Raised since the shift began: {found.raised}"
    yield f"Closed since then: {len(found.closed)}"
    for alert in found.closed:
        yield told(alert, alert.outcome.value if alert.outcome else "")
