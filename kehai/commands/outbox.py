"""``kehai outbox``: what is still to be sent, what was given up and why; and to try that again."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import typer

from alerts import undelivered
from alerts.changes import count_change
from alerts.outbox import Stand
from domain.clock import DAY
from domain.errors import ConfigurationError
from domain.localtime import LocalTime
from kehai.commands.admin import registry_of


def list_outbox(config: Path, channel: str, state: Sequence[str], days: float) -> None:
    """One line for each; the sum of each channel on standard error."""
    stands = tuple(_stand(each) for each in state) or (*undelivered.UNSETTLED, Stand.FAILED)
    with registry_of(config) as (settings, engine), engine.connect() as connection:
        local, now = LocalTime(settings.installation.zone), settings.make_clock().now()
        found = undelivered.rows(connection, stands, now - int(days * DAY), channel)
    for row in found:
        about = "" if row.alert is None else f"alert {row.alert}"
        typer.echo(
            f"{row.number}\t{row.channel}\t{row.recipient}\t{row.purpose.value}\t{about}\t{row.stand.value}\t"
            f"{row.attempts}\t{local.iso(row.made_at)}\t{row.why}"
        )
    for name in sorted({row.channel for row in found}):
        sums = Counter(row.stand.value for row in found if row.channel == name)
        typer.echo(f"{name}: {', '.join(f'{count} {stand}' for stand, count in sums.items())}", err=True)
    if not found:
        typer.echo("Nothing waits, and nothing failed.", err=True)


def retry(config: Path, numbers: Sequence[int], channel: str, days: float) -> None:
    """Put back what was given up; of several, those that may be."""
    if bool(numbers) == bool(channel):
        raise ConfigurationError(
            "Say which: the numbers that 'kehai outbox list' shows, or --channel for all it failed."
        )
    refused = []
    with registry_of(config) as (settings, engine):
        now = settings.make_clock().now()
        with engine.begin() as connection:
            wanted = numbers or undelivered.failed_at(connection, channel, now - int(days * DAY))
            for number in wanted:
                try:
                    undelivered.put_back(connection, number, now)
                except ValueError as error:
                    refused.append(str(error))
            count_change(connection)
    for sentence in refused:
        typer.echo(sentence, err=True)
    if len(refused) == len(wanted):
        raise ConfigurationError("Nothing was put back.")
    typer.echo(f"{len(wanted) - len(refused)} will be tried again now.", err=True)


def _stand(name: str) -> Stand:
    if name not in set(Stand):
        raise ConfigurationError(f"There is no state {name!r}: choose of {', '.join(Stand)}.")
    return Stand(name)
